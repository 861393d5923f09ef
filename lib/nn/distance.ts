// Similarity and distance as modules.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkFlag, checkInteger, checkNumber, describe } from '../errors.js';
import {
  type CosineSimilarityOptions,
  cosineSimilarity,
  type PairwiseDistanceOptions,
  pairwiseDistance,
} from '../ops/distance.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/**
 * The cosine of the angle between vectors; see `nn.functional.cosineSimilarity`. Arguments: dim (1), eps (1e-8).
 *
 * @throws ShapeError, DTypeError in forward when the tensors do not match
 * @example
 * new nn.CosineSimilarity().forward(tensor([[3, 4]]), tensor([[3, 0]])); // [0.6]
 */
export class CosineSimilarity extends Module {
  readonly dim: number;
  readonly eps: number;

  constructor(...args: Positional<CosineSimilarityOptions, [dim: 'dim', eps: 'eps']>) {
    super();
    const options = optionsOf<CosineSimilarityOptions>('CosineSimilarity', args, ['dim', 'eps']);
    this.dim = checkInteger('CosineSimilarity', 'dim', options.dim ?? 1, Number.MIN_SAFE_INTEGER);
    this.eps = checkNumber('CosineSimilarity', 'eps', options.eps ?? 1e-8, { min: 0 });
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, this.dim, this.eps);
  }
}

/**
 * The distance of vectors along the last dimension; see `nn.functional.pairwiseDistance`. Arguments: p (2), eps (1e-6),
 * keepDim (false).
 *
 * @throws ShapeError, DTypeError in forward when the tensors do not match
 * @example
 * new nn.PairwiseDistance().forward(tensor([[3, 4]]), tensor([[0, 0]])); // [5]
 */
export class PairwiseDistance extends Module {
  readonly p: number;
  readonly eps: number;
  readonly keepDim: boolean;

  constructor(...args: Positional<PairwiseDistanceOptions, [p: 'p', eps: 'eps', keepDim: 'keepDim']>) {
    super();
    const name = 'PairwiseDistance';
    const options = optionsOf<PairwiseDistanceOptions>(name, args, ['p', 'eps', 'keepDim']);
    const { p = 2 } = options;
    if (typeof p !== 'number' || Number.isNaN(p)) {
      throw new ArgumentError(`${name}: p must be a number, Infinity or -Infinity, got ${describe(p)}`);
    }
    this.p = p;
    this.eps = checkNumber(name, 'eps', options.eps ?? 1e-6);
    this.keepDim = checkFlag(name, 'keepDim', options.keepDim, false);
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return pairwiseDistance(x1, x2, this.p, this.eps, this.keepDim);
  }
}
