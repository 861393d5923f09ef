// Distances and similarities of vectors, composed of operations.
import { optionsOf, type Positional } from '../arguments.js';
import { checkFlag, checkNumber } from '../errors.js';
import { broadcastShapes, checkDim } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { add, div, mul, sub } from './elementwise.js';
import { clamp } from './elementwise-compare.js';
import { sum } from './reduce.js';
import { norm } from './reduce-statistics.js';

function checkBoth(operation: string, x1: Tensor, x2: Tensor): void {
  checkTensor(operation, 'x1', x1);
  checkTensor(operation, 'x2', x2);
  checkFloat(operation, 'x1', x1);
  checkSameDType(operation, ['x1', 'x2'], [x1, x2]);
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
  checkBoth('cosineSimilarity', x1, x2);
  const options = optionsOf<CosineSimilarityOptions>('cosineSimilarity', args, ['dim', 'eps']);
  const eps = checkNumber('cosineSimilarity', 'eps', options.eps ?? 1e-8, { min: 0 });
  const shape = broadcastShapes('cosineSimilarity', ['x1', 'x2'], [x1.dims, x2.dims]);
  const dim = checkDim('cosineSimilarity', options.dim ?? 1, shape.length);
  const unit = (x: Tensor): Tensor => div(x, clamp(norm(x, { dim, keepDim: true }), { min: eps }));
  return sum(mul(unit(expandTo(x1, shape)), unit(expandTo(x2, shape))), { dim });
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
  checkBoth('pairwiseDistance', x1, x2);
  const options = optionsOf<PairwiseDistanceOptions>('pairwiseDistance', args, ['p', 'eps', 'keepDim']);
  const eps = checkNumber('pairwiseDistance', 'eps', options.eps ?? 1e-6);
  const keepDim = checkFlag('pairwiseDistance', 'keepDim', options.keepDim, false);
  const shape = broadcastShapes('pairwiseDistance', ['x1', 'x2'], [x1.dims, x2.dims]);
  const dim = checkDim('pairwiseDistance', -1, shape.length);
  return norm(add(sub(x1, x2), eps), { p: options.p ?? 2, dim, keepDim });
}
