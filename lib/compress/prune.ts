// Weights that are set to zero and stay so.
import { aboutToChange, allOrNothing } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import { isGradEnabled } from '../context.js';
import { ArgumentError, checkChoice, checkInteger, checkNumber } from '../errors.js';
import type { NamePattern } from '../nn/freeze.js';
import { checkPart } from '../nn/lookup.js';
import type { Module } from '../nn/module.js';
import { registerParametrization, removeParametrizations } from '../nn/parametrize.js';
import type { Parametrization } from '../nn/parametrize-list.js';
import { Buffer, Parameter } from '../nn/roles.js';
import { copy_, detach } from '../ops/copy.js';
import { ones, tensor, zerosLike } from '../ops/creation.js';
import { add, mul, sub } from '../ops/elementwise.js';
import { where } from '../ops/elementwise-compare.js';
import { rand } from '../ops/random.js';
import { checkOptions } from '../options.js';
import { sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Clusters } from './clusters.js';
import {
  checkFinite,
  checkOrder,
  finiteValue,
  Inserted,
  ownWeights,
  partsOf,
  type Weight,
  weightsOf,
  weightValue,
} from './weights.js';

/** By what weights are judged; the least go first. */
export type PruningMethod = 'magnitude' | 'movement' | 'random';

/** Which weights {@link prune} sets to zero. */
export interface PruneOptions {
  /** The share of weights that is zero afterwards, what was pruned before included; from 0 to 1. */
  amount: number;
  /**
   * magnitude (default): the absolute value. movement: scores that are learned beside the weights, from −Σ w · ∂L/∂w over the
   * steps of training: weights that grow stay. random: none better than another, to compare with.
   */
  method?: PruningMethod;
  /**
   * Whether all weights are compared with each other (global, the default without `dim`), or those of each tensor (layer). Compared
   * with each other, a layer of small weights may lose all of them; {@link sparsity} shows it.
   */
  scope?: 'global' | 'layer';
  /**
   * Prune whole slices of this dimension, judged by the root of their mean square: 0 are the outputs of a layer (its bias is
   * pruned with them), 1 its inputs. Without, single weights.
   */
  dim?: number;
  /** Which weights of two dimensions and more, by parts of their names or expressions. Default all but embeddings. */
  names?: NamePattern;
}

/** A parametrization that sets some of a tensor's elements to zero. */
class Mask extends Inserted implements Parametrization {
  /** uint8, 1 for what stays; in the shape of the tensor, or of one element a slice. */
  readonly mask: Tensor;
  readonly scores: Tensor | null;

  constructor(shape: readonly number[], weight: Tensor, method: PruningMethod) {
    super();
    this.mask = new Buffer(ones([...shape], { dtype: 'uint8' }));
    this.scores = method === 'movement' ? new Parameter(zerosLike(weight)) : null;
  }

  get stage(): 'pruned' {
    return 'pruned';
  }

  forward(original: Tensor): Tensor {
    const kept = where(this.mask, original, 0);
    if (this.scores === null || !isGradEnabled()) return kept;
    // Adds nothing but a gradient, ∂L/∂w · w, whether the weight is kept or not.
    return add(kept, mul(sub(this.scores, detach(this.scores)), detach(original)));
  }

  override toString(): string {
    return 'Mask()';
  }
}

const maskAt = (weight: Weight): Mask | null => partsOf(weight).find((part) => part instanceof Mask) ?? null;

/**
 * Sets the least important weights of a model to zero. They stay zero while it is trained on, and the masks are saved with it:
 * each pruned weight is parametrized, so that a state dict has `parametrizations.weight.original` and
 * `parametrizations.weight.0.mask`. Called again with a larger `amount`, it prunes more; what is pruned never comes back.
 * {@link makePermanent} leaves plain weights with zeros. Where weight norm or the like computes a weight, what it makes is pruned. To load
 * a pruned model's state, make the same model and call this with `amount` 0 first.
 *
 * Magnitude: Han et al., "Learning both weights and connections for efficient neural networks", 2015,
 * https://arxiv.org/abs/1506.02626. Movement: Sanh, Wolf and Rush, 2020, https://arxiv.org/abs/2005.07683; its scores are
 * parameters, so make the optimizer after the first call, which may have `amount` 0.
 *
 * @returns the model
 * @throws ArgumentError for an amount outside of [0, 1), names that match nothing, another method or `dim` than before, or weights or
 *   scores that are not finite; StateError for weights that are clustered, prepared or quantised already
 * @example
 * const model = nn.sequential(new nn.Linear(8, 16), new nn.ReLU(), new nn.Linear(16, 2));
 * compress.prune(model, { amount: 0.5 });
 * compress.sparsity(model).zeros; // 80
 */
export function prune<M extends Module>(model: M, options: PruneOptions): M {
  const operation = 'prune';
  checkOptions(operation, options, ['amount', 'method', 'scope', 'dim', 'names']);
  const amount = checkAmount(operation, options?.amount);
  const method = checkChoice(operation, 'method', options.method, ['magnitude', 'movement', 'random'], 'magnitude');
  const { dim } = options;
  const byLayer = checkChoice(operation, 'scope', options.scope, ['global', 'layer'], dim === undefined ? 'global' : 'layer') === 'layer'; // biome-ignore format: one line
  if (dim !== undefined) checkInteger(operation, 'dim', dim, 0, 10);
  allOrNothing(() => {
    const weights = weightsOf(operation, model, options.names);
    for (const weight of weights) checkOrder(operation, weight);
    const values = weights.map((weight) => finiteValue(operation, weight));
    for (const [i, weight] of weights.entries()) checkFits(operation, weight, values[i] as Tensor, method, dim);
    const judged = weights.map((weight, i) => scoresOf(weight, values[i] as Tensor, method, dim));
    const groups = byLayer ? judged.map((one) => [one]) : [judged];
    const kept = groups.flatMap((group) => keepLargest(group, amount));
    const masks = weights.map((weight, i) => maskAt(weight) ?? begin(weight, values[i] as Tensor, method, dim));
    noGrad(() => {
      for (const [i, mask] of masks.entries()) {
        const values = kept[i] as Uint8Array;
        aboutToChange(operation, mask.mask);
        copy_(mask.mask, tensor(values, { shape: [...mask.mask.shape] }));
        if (dim === 0) pruneBias(weights[i] as Weight, values);
      }
    });
  });
  return model;
}

/** @internal A share of weights. */
export function checkAmount(operation: string, value: unknown): number {
  const amount = checkNumber(operation, 'amount', value, { min: 0, max: 1 });
  if (amount < 1) return amount;
  throw new ArgumentError(`${operation}: amount must be below 1, which would leave no weight, got 1`);
}

// The shape of a mask: that of the weight, or one element for each slice.
const maskShape = (shape: readonly number[], dim: number | undefined): number[] =>
  shape.map((size, i) => (dim === undefined || i === dim ? size : 1));

function checkFits(
  operation: string,
  weight: Weight,
  { shape }: Tensor,
  method: PruningMethod,
  dim: number | undefined,
): void {
  const { path } = weight;
  if (dim !== undefined && dim >= shape.length) {
    throw new ArgumentError(`${operation}: dim must be a dimension of ${path} [${shape}], got ${dim}`);
  }
  const before = maskAt(weight);
  if (before === null) return;
  const isSame = sameShape(before.mask.dims, maskShape(shape, dim));
  if (isSame && (before.scores !== null) === (method === 'movement')) return;
  const hint = 'make the earlier pruning permanent first: compress.makePermanent(model)';
  throw new ArgumentError(`${operation}: ${path} must be pruned as before (${isSame ? 'method' : 'dim'}); ${hint}`);
}

// The mask comes last: it is for what norms and the like have made of the weight.
function begin({ module, name }: Weight, value: Tensor, method: PruningMethod, dim: number | undefined): Mask {
  const mask = new Mask(maskShape(value.shape, dim), value, method);
  registerParametrization(module, name, mask);
  return mask;
}

// The bias of outputs that are pruned: without it they are zero.
function pruneBias({ module }: Weight, kept: Uint8Array): void {
  const { bias } = module as { bias?: Tensor | null };
  if (bias?.shape.length !== 1 || bias.size !== kept.length) return;
  const weight = { module, name: 'bias', path: '' };
  const { mask } = maskAt(weight) ?? begin(weight, bias, 'magnitude', undefined);
  aboutToChange('prune', mask);
  copy_(mask, tensor(kept));
}

// What is judged, one number an element of the mask; -∞ for what is pruned already.
function scoresOf(weight: Weight, value: Tensor, method: PruningMethod, dim: number | undefined): Float64Array {
  const mask = maskAt(weight);
  if (mask?.scores) checkFinite('prune', `the scores of ${weight.path}`, detach(mask.scores));
  const shape = maskShape(value.shape, dim);
  const size = shape.reduce((product, n) => product * n, 1);
  const scores =
    method === 'random' ? rand([size]) : method === 'movement' ? (mask?.scores ?? zerosLike(value)) : value;
  const all = detach(scores).toTypedArray();
  const result = new Float64Array(size);
  if (dim === undefined || method === 'random') {
    for (let i = 0; i < size; i++) result[i] = method === 'magnitude' ? Math.abs(all[i] as number) : (all[i] as number);
  } else {
    // Element i lies in slice (i / inner) mod n.
    const inner = value.shape.slice(dim + 1).reduce((product, n) => product * n, 1);
    for (let i = 0; i < all.length; i++) {
      const score = all[i] as number;
      const slice = Math.floor(i / inner) % size;
      result[slice] = (result[slice] as number) + (method === 'movement' ? score : score * score);
    }
    for (let i = 0; i < size; i++) {
      const mean = ((result[i] as number) * size) / all.length;
      result[i] = method === 'movement' ? mean : Math.sqrt(mean);
    }
  }
  const kept = mask?.mask.toTypedArray();
  if (kept !== undefined) for (let i = 0; i < size; i++) if (kept[i] === 0) result[i] = Number.NEGATIVE_INFINITY;
  return result;
}

// 1 for what stays in each list. What is pruned already goes first; of equals, the first.
function keepLargest(lists: readonly Float64Array[], amount: number): Uint8Array[] {
  const total = lists.reduce((sum, { length }) => sum + length, 0);
  const all = new Float64Array(total);
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  all.sort();
  const dropped = Math.min(Math.round(amount * total), total - 1);
  const limit = dropped === 0 ? Number.NEGATIVE_INFINITY : (all[dropped - 1] as number);
  let equals = dropped - all.indexOf(limit);
  return lists.map((list) =>
    Uint8Array.from(list, (score) => {
      if (score === Number.NEGATIVE_INFINITY || score < limit) return 0;
      return score === limit && equals-- > 0 ? 0 : 1;
    }),
  );
}

/** How many weights are zero. */
export interface Sparsity {
  total: number;
  zeros: number;
  /** zeros / total */
  share: number;
  /** The same of each parameter, by name. */
  parameters: { name: string; total: number; zeros: number; share: number }[];
}

/**
 * Counts the zeros among a model's weights: of all parameters of two dimensions and more but embeddings, or of those named.
 *
 * @param options names: which, by parts of their names or expressions
 * @throws ArgumentError when there is no such parameter
 * @example
 * compress.sparsity(new nn.Linear(4, 3)).total; // 12
 */
export function sparsity(model: Module, options: { names?: NamePattern } = {}): Sparsity {
  checkOptions('sparsity', options, ['names']);
  const parameters = weightsOf('sparsity', model, options.names).map((weight) => {
    const values = detach(noGrad(() => weightValue(weight))).toTypedArray();
    let zeros = 0;
    for (const value of values) if (value === 0) zeros++;
    return { name: weight.path, total: values.length, zeros, share: zeros / values.length };
  });
  const total = parameters.reduce((sum, one) => sum + one.total, 0);
  const zeros = parameters.reduce((sum, one) => sum + one.zeros, 0);
  return { total, zeros, share: zeros / total, parameters };
}

/**
 * Makes masks and clusters permanent: the weights are plain parameters again, with the values that they have now. A model that is
 * to be used, exported or quantised needs no more. What else such a weight was computed by, as weight norm, goes with the mask.
 *
 * @returns the model
 * @throws StateError for weights that {@link prepareQat} has prepared; `convert` makes them permanent
 * @example
 * const model = compress.prune(new nn.Linear(4, 2), { amount: 0.5 });
 * compress.makePermanent(model).stateDict().size; // 2
 */
export function makePermanent<M extends Module>(model: M): M {
  checkPart('makePermanent', model);
  allOrNothing(() => {
    const made = ownWeights(model).filter((weight) =>
      partsOf(weight).some((part) => part instanceof Mask || part instanceof Clusters),
    );
    for (const weight of made) checkOrder('makePermanent', weight, partsOf(weight));
    // The last one first, so that a failure puts them back in their order.
    for (const { module, name } of made.reverse()) removeParametrizations(module, name);
  });
  return model;
}
