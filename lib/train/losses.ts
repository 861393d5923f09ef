// The loss, or the losses, of `fit`.
import { ArgumentError, checkNumber, describe, formatShape, isPlain, ShapeError } from '../errors.js';
import { Module } from '../nn/module.js';
import { add, mul } from '../ops/elementwise.js';
import { stack } from '../ops/shape-slice.js';
import { Tensor } from '../tensor.js';

/**
 * A loss: a function of output and target such as `nn.functional.mseLoss`, or a module such as `nn.MSELoss`, with one number for the
 * batch. When the batch has weights, a function gets `{ reduction: 'none' }` and gives a number for each sample.
 */
// biome-ignore lint/suspicious/noExplicitAny: outputs and targets are what the model and the data make them
export type Loss = ((output: any, target: any, options?: any) => Tensor) | Module;

/** Several losses by name: each is given the outputs and targets of its name, or all where there is no such name. */
export type Losses = Readonly<Record<string, Loss>>;

/** @internal The losses of a batch, in the order of `names`, the first of which is the sum. */
export interface LossValues {
  total: Tensor;
  all: Tensor;
}

/** @internal */
export class LossFunction {
  readonly names: readonly string[];
  readonly #parts: readonly { key: string | null; loss: Loss; weight: number }[];

  constructor(
    private readonly operation: string,
    loss: Loss | Losses,
    weights?: Readonly<Record<string, number>>,
  ) {
    const single = isLoss(loss);
    if (!single && (!isPlain(loss) || Object.keys(loss).length === 0)) {
      const rule = 'loss must be a function of output and target, a module, or an object of these';
      throw new ArgumentError(`${operation}: ${rule}, got ${describe(loss)}; nn.functional.crossEntropy, say`);
    }
    if (weights !== undefined && !isPlain(weights)) {
      throw new ArgumentError(`${operation}: lossWeights must be an object of numbers, got ${describe(weights)}`);
    }
    const entries: [string | null, unknown][] = single ? [[null, loss]] : Object.entries(loss as Losses);
    const unknown = Object.keys(weights ?? {}).find((key) => single || !Object.hasOwn(loss as Losses, key));
    if (unknown !== undefined) {
      throw new ArgumentError(`${operation}: lossWeights must be of names of losses, got ${describe(unknown)}`);
    }
    this.#parts = entries.map(([key, one]) => {
      if (!isLoss(one))
        throw new ArgumentError(`${operation}: loss ${key} must be a function or a module, got ${describe(one)}`);
      const given = weights?.[key ?? ''];
      const weight = given === undefined ? 1 : given;
      return { key, loss: one, weight: checkNumber(operation, `lossWeights.${key}`, weight) };
    });
    this.names = single ? ['loss'] : ['loss', ...Object.keys(loss).map((key) => `loss.${key}`)];
  }

  of(output: unknown, target: unknown, weights: Tensor | undefined): LossValues {
    const values = this.#parts.map(({ key, loss }) =>
      this.#one(key, loss, part(output, key), part(target, key), weights),
    );
    const weighted = values.map((value, i) => {
      const { weight } = this.#parts[i] as { weight: number };
      return weight === 1 ? value : mul(value, weight);
    });
    const total = weighted.reduce((a, b) => add(a, b));
    if (this.names.length === 1) return { total, all: total.detach().reshape([1]) };
    return { total, all: stack([total, ...values].map((value) => value.detach().to('float64'))) };
  }

  #one(key: string | null, loss: Loss, output: unknown, target: unknown, weights: Tensor | undefined): Tensor {
    const name = key === null ? 'loss' : `loss ${key}`;
    const options = weights === undefined ? [] : [{ reduction: 'none' }];
    const value = loss instanceof Module ? loss.forward(output, target) : loss(output, target, ...options);
    if (!(value instanceof Tensor)) {
      throw new ArgumentError(`${this.operation}: ${name} must give a tensor, got ${describe(value)}`);
    }
    if (weights !== undefined) return this.#weighted(name, value, weights);
    if (value.size === 1) return value.reshape([]);
    const hint = "reduction 'mean' gives one number for a batch";
    throw new ShapeError(`${this.operation}: ${name} must be one number, got ${formatShape(value.shape)}; ${hint}`);
  }

  // Σ weight · loss / Σ weight over the samples.
  #weighted(name: string, values: Tensor, weights: Tensor): Tensor {
    const samples = weights.shape[0] as number;
    if (values.rank === 0 || values.shape[0] !== samples) {
      const hint = "use a function of nn.functional, or a module with reduction: 'none'";
      const rule = `must be one number for each of ${samples} samples, as the batch has weights`;
      throw new ShapeError(`${this.operation}: ${name} ${rule}, got ${formatShape(values.shape)}; ${hint}`);
    }
    const each = values.rank === 1 ? values : values.reshape([samples, -1]).mean(1);
    const factors = weights.to(each.dtype);
    return each.mul(factors).sum().div(sumOf(factors));
  }
}

/** @internal The sum of weights by which means are taken; 1 if all are 0. */
export function sumOf(weights: Tensor): Tensor {
  const sum = weights.sum();
  return sum.add(sum.eq(0).to(sum.dtype));
}

function isLoss(value: unknown): value is Loss {
  return typeof value === 'function' || value instanceof Module;
}

function part(value: unknown, key: string | null): unknown {
  if (key === null || (!isPlain(value) && !Array.isArray(value))) return value;
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : value;
}
