// Distances and similarities of vectors, and vectors of length 1, composed of norms.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkFlag, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { broadcastShapes, checkDim } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { tensor } from './creation.js';
import { add, div, mul, sub } from './elementwise.js';
import { clamp } from './elementwise-compare.js';
import { indexSelect } from './indexing.js';
import { sum } from './reduce.js';
import { norm } from './reduce-statistics.js';
import { unsqueeze } from './shape.js';

function checkPair(operation: string, names: [string, string], pair: [Tensor, Tensor]): void {
  checkTensor(operation, names[0], pair[0]);
  checkTensor(operation, names[1], pair[1]);
  checkFloat(operation, names[0], pair[0]);
  checkSameDType(operation, names, pair);
}

// Vectors divided by their p-norms.
function unit(x: Tensor, dim: number, eps: number, p = 2): Tensor {
  return div(x, clamp(norm(x, { p, dim, keepDim: true }), { min: eps }));
}

/** Options of `cosineSimilarity`. */
export interface CosineSimilarityOptions {
  /** The dimension of the vectors; default 1. */
  dim?: number;
  /** The least length that a vector counts with; default 1e-8. */
  eps?: number;
}

/**
 * The cosine of the angle between vectors: x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)).
 *
 * @param x1 any shape
 * @param x2 of x1's dtype; the two are broadcast
 * @param args dim (default 1), eps (default 1e-8)
 * @returns the broadcast shape without dimension `dim`
 * @throws ShapeError when the shapes do not broadcast, or have no dimension `dim`
 * @example
 * cosineSimilarity(tensor([[3, 4]]), tensor([[3, 0]])); // [0.6]
 */
export function cosineSimilarity(
  x1: Tensor,
  x2: Tensor,
  ...args: Positional<CosineSimilarityOptions, [dim: 'dim', eps: 'eps']>
): Tensor {
  checkPair('cosineSimilarity', ['x1', 'x2'], [x1, x2]);
  const options = optionsOf<CosineSimilarityOptions>('cosineSimilarity', args, ['dim', 'eps']);
  const eps = checkNumber('cosineSimilarity', 'eps', options.eps ?? 1e-8, { min: 0 });
  const shape = broadcastShapes('cosineSimilarity', ['x1', 'x2'], [x1.dims, x2.dims]);
  const dim = checkDim('cosineSimilarity', options.dim ?? 1, shape.length);
  return sum(mul(unit(expandTo(x1, shape), dim, eps), unit(expandTo(x2, shape), dim, eps)), { dim });
}

/** Options of `pairwiseDistance`. */
export interface PairwiseDistanceOptions {
  /** The exponent of the norm; default 2. */
  p?: number;
  /** Added to each difference, so that the gradient of a distance of 0 is defined; default 1e-6. */
  eps?: number;
  /** Keep the last dimension, with size 1; default false. */
  keepDim?: boolean;
}

/**
 * The distance of vectors along the last dimension: ‖x1 - x2 + eps‖ₚ.
 *
 * @param x1 any shape of at least one dimension
 * @param x2 of x1's dtype; the two are broadcast
 * @param args p (default 2), eps (default 1e-6), keepDim (default false)
 * @returns the broadcast shape without the last dimension
 * @throws ShapeError when the shapes do not broadcast
 * @example
 * pairwiseDistance(tensor([[3, 4]]), tensor([[0, 0]])); // [5]
 */
export function pairwiseDistance(
  x1: Tensor,
  x2: Tensor,
  ...args: Positional<PairwiseDistanceOptions, [p: 'p', eps: 'eps', keepDim: 'keepDim']>
): Tensor {
  checkPair('pairwiseDistance', ['x1', 'x2'], [x1, x2]);
  const options = optionsOf<PairwiseDistanceOptions>('pairwiseDistance', args, ['p', 'eps', 'keepDim']);
  const eps = checkNumber('pairwiseDistance', 'eps', options.eps ?? 1e-6);
  const keepDim = checkFlag('pairwiseDistance', 'keepDim', options.keepDim, false);
  const shape = broadcastShapes('pairwiseDistance', ['x1', 'x2'], [x1.dims, x2.dims]);
  const dim = checkDim('pairwiseDistance', -1, shape.length);
  return norm(add(sub(x1, x2), eps), { p: options.p ?? 2, dim, keepDim });
}

/** The order of a norm, by position or in options. */
export type OrderArguments = [options?: { p?: number }] | [p: number];

function orderOf(name: string, args: OrderArguments): number {
  const { p = 2 } = optionsOf<{ p: number }>(name, args, ['p']);
  if (typeof p === 'number' && p >= 0) return p;
  throw new ArgumentError(`${name}: p must be a number of at least 0, or Infinity, got ${describe(p)}`);
}

/**
 * The distance of each row of a from each row of b: yᵢⱼ = ‖aᵢ - bⱼ‖ₚ, in batches.
 *
 * @param a [..., n, m]
 * @param b [..., k, m]; leading dimensions are broadcast
 * @param args p, the order of the norm: default 2
 * @returns [..., n, k]
 * @example
 * cdist(tensor([[0, 0]]), tensor([[3, 4]])); // [[5]]
 */
export function cdist(a: Tensor, b: Tensor, ...args: OrderArguments): Tensor {
  checkPair('cdist', ['a', 'b'], [a, b]);
  const p = orderOf('cdist', args);
  if (a.rank < 2 || b.rank < 2 || a.dims.at(-1) !== b.dims.at(-1)) {
    const rule = 'a and b must have at least two dimensions and rows of one size';
    throw new ShapeError(`cdist: ${rule}, got a ${formatShape(a.dims)} and b ${formatShape(b.dims)}`);
  }
  return norm(sub(unsqueeze(a, -2), unsqueeze(b, -3)), p, -1);
}

/**
 * The distances of all pairs of rows: first those of row 0 from the rows after it, and so on.
 *
 * @param x [n, m]
 * @param args p, the order of the norm: default 2
 * @returns [n · (n - 1) / 2]
 * @example
 * pdist(tensor([[0, 0], [3, 4]])); // [5]
 */
export function pdist(x: Tensor, ...args: OrderArguments): Tensor {
  checkTensor('pdist', 'x', x);
  checkFloat('pdist', 'x', x);
  const p = orderOf('pdist', args);
  if (x.rank !== 2) throw new ShapeError(`pdist: x must have two dimensions, got x ${formatShape(x.dims)}`);
  const n = x.dims[0] as number;
  const count = (n * (n - 1)) / 2;
  if (count > 2 ** 28) throw new ArgumentError(`pdist: there must be at most ${2 ** 28} pairs, got ${count}`);
  const [first, second] = [new Int32Array(count), new Int32Array(count)];
  let next = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++, next++) {
      first[next] = i;
      second[next] = j;
    }
  }
  return norm(sub(indexSelect(x, 0, tensor(first)), indexSelect(x, 0, tensor(second))), p, -1);
}

/** Options of `normalize`. */
export interface NormalizeOptions {
  /** The order of the norm; default 2. */
  p?: number;
  /** The dimension along which the vectors lie; default 1. */
  dim?: number;
  /** The least divisor; default 1e-12. */
  eps?: number;
}

/**
 * Vectors divided by their norms: x / max(‖x‖ₚ, eps).
 *
 * @param args p (default 2), dim (default 1) and eps (default 1e-12)
 * @example
 * normalize(tensor([[3, 4]])); // [[0.6, 0.8]]
 */
export function normalize(x: Tensor, ...args: Positional<NormalizeOptions, ['p', 'dim', 'eps']>): Tensor {
  checkTensor('normalize', 'x', x);
  checkFloat('normalize', 'x', x);
  const o = optionsOf<NormalizeOptions>('normalize', args, ['p', 'dim', 'eps']);
  const eps = checkNumber('normalize', 'eps', o.eps ?? 1e-12, { min: 0 });
  const dim = checkDim('normalize', o.dim ?? 1, x.rank);
  return unit(x, dim, eps, o.p);
}
