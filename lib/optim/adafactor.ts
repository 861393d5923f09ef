import type { DType } from '../dtype.js';
import { ArgumentError, checkFlag, checkNumber, describe } from '../errors.js';
import { zeros, zerosLike } from '../ops/creation.js';
import { div, maximum, minimum, pow } from '../ops/elementwise.js';
import type { Tensor } from '../tensor.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';

export interface AdafactorOptions {
  /** The largest learning rate, relative to the parameter; default 0.01. */
  lr: number;
  /** The power of the step by which the average of the squared gradient forgets, at most 0; default -0.8. */
  beta2Decay: number;
  /**
   * ε₁, the least size of a gradient, null for the difference of 1 to the next number of the parameter's dtype, and ε₂, the
   * least size of a parameter; default [null, 1e-3].
   */
  eps: readonly [number | null, number];
  /** The root mean square of a step above which it is scaled down, at least 1; default 1. */
  d: number;
  /** Decay apart from the gradient; default 0. */
  weightDecay: number;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface AdafactorState {
  row_var?: Tensor;
  col_var?: Tensor;
  variance?: Tensor;
}

/**
 * Adafactor, which keeps the squared gradient of a matrix by its rows and columns (Shazeer and Stern, "Adafactor: adaptive
 * learning rates with sublinear memory cost", 2018, https://arxiv.org/abs/1804.04235), PyTorch's formulas, for each parameter θ
 * with gradient g at its step t = 1, 2, …, with RMS(x) = √mean(x²):
 *
 *     β = 1 - t ^ beta2Decay;   ρ = min(lr, 1 / √t);   α = max(ε₂, RMS(θ)) · ρ
 *     θ = θ - lr · weightDecay · θ
 *     R = β R + (1 - β) mean(g², rows);   C = β C + (1 - β) mean(g², columns);   V = R C / max(mean(R), ε₁)
 *     u = g / √max(V, ε₁²)
 *     θ = θ - α · u / max(1, RMS(u) / d)
 *
 * A parameter with fewer than two dimensions keeps V whole: V = β V + (1 - β) g².
 *
 * State: `step`; `row_var` (R, […, rows, 1]) and `col_var` (C, […, 1, columns]), or `variance` (V).
 *
 * @example
 * const optimizer = new optim.Adafactor(model.parameters(), 0.01);
 */
export class Adafactor extends Optimizer<AdafactorOptions, AdafactorState> {
  constructor(params: Parameters<AdafactorOptions>, ...args: OptimizerArguments<AdafactorOptions>) {
    const defaults: AdafactorOptions = {
      lr: 1e-2,
      beta2Decay: -0.8,
      eps: [null, 1e-3],
      d: 1,
      weightDecay: 0,
      maximize: false,
    };
    super('Adafactor', params, defaults, ...args);
  }

  protected override checkGroup(o: AdafactorOptions): void {
    checkRates('Adafactor', o, ['lr', 'weightDecay']);
    checkNumber('Adafactor', 'beta2Decay', o.beta2Decay, { max: 0 });
    checkNumber('Adafactor', 'd', o.d, { min: 1 });
    const [first, second] = Array.isArray(o.eps) && o.eps.length === 2 ? o.eps : [];
    const isRate = (x: unknown) => Number.isFinite(x) && (x as number) >= 0;
    if (!((first === null || isRate(first)) && isRate(second))) {
      const rule = 'eps must be two finite numbers of at least 0, of which the first may be null';
      throw new ArgumentError(`Adafactor: ${rule}, got ${describe(o.eps)}`);
    }
    checkFlag('Adafactor', 'maximize', o.maximize);
  }

  protected init(p: Tensor): AdafactorState {
    const { dtype } = p;
    const [rows, columns] = p.shape.slice(-2);
    if (rows === undefined || columns === undefined) return { variance: zerosLike(p) };
    const lead = p.shape.slice(0, -2);
    return { row_var: zeros([...lead, rows, 1], { dtype }), col_var: zeros([...lead, 1, columns], { dtype }) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<AdafactorState>, o: OptionTensors<AdafactorOptions>): void {
    const { step, row_var: rows, col_var: columns, variance } = state;
    // Numbers come as tensors only where all of a list are.
    const [given, eps2] = o.eps as readonly [Tensor | number | null, Tensor | number];
    const eps1 = given ?? (epsilon[p.dtype] as number);
    const share = pow(step, o.beta2Decay); // 1 - β
    const average = (mean: Tensor, x: Tensor) => mean.copy_(mean.add(x.sub(mean).mul(share)));
    const d = o.maximize ? g.neg() : g;
    const square = d.square();
    const rate = maximum(sizeOf(p), eps2).mul(minimum(o.lr, div(1, step.sqrt())));
    p.copy_(p.sub(p.mul(o.lr.mul(o.weightDecay))));
    let estimate: Tensor;
    if (rows !== undefined && columns !== undefined) {
      average(rows, square.mean({ dim: -1, keepDim: true }));
      average(columns, square.mean({ dim: -2, keepDim: true }));
      estimate = rows.mul(columns).div(maximum(rows.mean({ dim: -2, keepDim: true }), eps1));
    } else {
      estimate = average(variance as Tensor, square);
    }
    const least = typeof eps1 === 'number' ? eps1 ** 2 : eps1.square();
    const update = d.div(maximum(estimate, least).sqrt());
    p.copy_(p.sub(update.mul(rate.div(maximum(sizeOf(update).div(o.d), 1)))));
  }
}

// The root mean square.
function sizeOf(x: Tensor): Tensor {
  return x.square().mean().sqrt();
}

const epsilon: Partial<Record<DType, number>> = { float32: 2 ** -23, float64: 2 ** -52 };
