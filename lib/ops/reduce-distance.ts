// Distances between the rows of matrices, and vectors of length 1, composed of norms.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { checkDim } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { tensor } from './creation.js';
import { div, sub } from './elementwise.js';
import { clamp } from './elementwise-compare.js';
import { indexSelect } from './indexing.js';
import { norm } from './reduce-statistics.js';
import { unsqueeze } from './shape.js';

/** The order of a norm, by position or in options. */
export type OrderArguments = [options?: { p?: number }] | [p: number];

function orderOf(name: string, args: OrderArguments): number {
  const { p = 2 } = optionsOf<{ p: number }>(name, args, ['p']);
  if (typeof p === 'number' && p >= 0) return p;
  throw new ArgumentError(`${name}: p must be a number of at least 0, or Infinity, got ${describe(p)}`);
}

function checkPair(name: string, a: Tensor, b: Tensor): void {
  checkTensor(name, 'a', a);
  checkTensor(name, 'b', b);
  checkFloat(name, 'a', a);
  checkSameDType(name, ['a', 'b'], [a, b]);
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
  checkPair('cdist', a, b);
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
  return div(x, clamp(norm(x, o.p ?? 2, dim, { keepDim: true }), eps));
}
