// Losses with a margin: they end where the scores are right by it. They are composed of operations, which differentiate them.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkFlag, checkFunction, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { softplus } from '../ops/activation.js';
import { pairwiseDistance } from '../ops/distance.js';
import { add, div, minimum, mul, neg, sqrt, square, sub } from '../ops/elementwise.js';
import { clamp, eq, ne, where } from '../ops/elementwise-compare.js';
import { sum } from '../ops/reduce.js';
import { sameShape } from '../shape.js';
import { checkSameDType, checkTensor, Tensor } from '../tensor.js';
import {
  checkInput,
  checkPair,
  checkReduction,
  type LossOptions,
  type Reduction,
  reduceLosses,
  reductionOf,
} from './loss-common.js';

/** Options of losses with a margin. */
export interface MarginOptions extends LossOptions {
  /** By how much right must be better than wrong. */
  margin?: number;
}

/** The margin by position or in the options, and the rest. */
export type MarginArguments = Positional<MarginOptions, [margin: 'margin']>;

/** @internal */
export function marginOptions(name: string, args: readonly unknown[], margin: number): Required<MarginOptions> {
  const options = optionsOf<MarginOptions>(name, args, ['margin'], ['reduction']);
  return {
    margin: checkNumber(name, 'margin', options.margin ?? margin),
    reduction: reductionOf(name, options),
  };
}

function checkShapes(operation: string, names: readonly string[], tensors: readonly Tensor[]): void {
  tensors.forEach((t, i) => {
    checkTensor(operation, names[i] as string, t);
  });
  checkInput(operation, tensors[0] as Tensor);
  checkSameDType(operation, names, tensors);
  const [first, ...others] = tensors as [Tensor, ...Tensor[]];
  others.forEach((t, i) => {
    if (sameShape(t.dims, first.dims)) return;
    throw new ShapeError(
      `${operation}: shapes must be the same, got ${names[0]} ${formatShape(first.dims)} and ${names[i + 1]} ${formatShape(t.dims)}; reshape or expand one`,
    );
  });
}

const positivePart = (x: Tensor): Tensor => clamp(x, { min: 0 });

/**
 * Hinge loss of a distance: input where target is 1, max(0, margin - input) where it is -1.
 *
 * @param input distances, any shape
 * @param target 1 or -1, of input's shape and dtype
 * @param args margin (default 1), reduction
 * @throws ShapeError, DTypeError when the two differ; they are not broadcast
 * @example
 * nn.functional.hingeEmbeddingLoss(tensor([2, 0.25]), tensor([1, -1]), { reduction: 'none' }); // [2, 0.75]
 */
export function hingeEmbeddingLoss(input: Tensor, target: Tensor, ...args: MarginArguments): Tensor {
  const { margin, reduction } = marginOptions('hingeEmbeddingLoss', args, 1);
  checkPair('hingeEmbeddingLoss', input, target);
  const near = where(ne(target, -1), input, 0);
  const far = where(ne(target, 1), positivePart(sub(margin, input)), 0);
  return reduceLosses(add(near, far), reduction);
}

/**
 * Hinge loss of a ranking: max(0, margin - target (input1 - input2)): input1 should be the larger where target is 1, the
 * smaller where it is -1.
 *
 * @param input1 scores, any shape
 * @param input2 scores of input1's shape and dtype
 * @param target 1 or -1, of the same
 * @param args margin (default 0), reduction
 * @throws ShapeError, DTypeError when they differ; they are not broadcast
 * @example
 * nn.functional.marginRankingLoss(tensor([3, 1]), tensor([1, 2]), tensor([1, 1]), 0.5, { reduction: 'none' }); // [0, 1.5]
 */
export function marginRankingLoss(input1: Tensor, input2: Tensor, target: Tensor, ...args: MarginArguments): Tensor {
  const { margin, reduction } = marginOptions('marginRankingLoss', args, 0);
  checkShapes('marginRankingLoss', ['input1', 'input2', 'target'], [input1, input2, target]);
  return reduceLosses(positivePart(add(mul(neg(target), sub(input1, input2)), margin)), reduction);
}

/**
 * Loss of the angle between vectors: 1 - cos(input1, input2) where target is 1, max(0, cos(input1, input2) - margin) where it
 * is -1.
 *
 * @param input1 [batch, n] or [n]
 * @param input2 of input1's shape and dtype
 * @param target 1 or -1, of input1's dtype: [batch] or a scalar
 * @param args margin (default 0), reduction
 * @throws ShapeError, DTypeError when they do not match
 * @example
 * nn.functional.cosineEmbeddingLoss(tensor([[3, 4]]), tensor([[3, 0]]), tensor([1])); // 0.4
 */
export function cosineEmbeddingLoss(input1: Tensor, input2: Tensor, target: Tensor, ...args: MarginArguments): Tensor {
  const name = 'cosineEmbeddingLoss';
  const { margin, reduction } = marginOptions(name, args, 0);
  checkShapes(name, ['input1', 'input2'], [input1, input2]);
  checkTensor(name, 'target', target);
  checkSameDType(name, ['input1', 'target'], [input1, target]);
  const { rank, dims } = input1;
  if (rank < 1 || rank > 2 || !sameShape(target.dims, dims.slice(0, -1))) {
    throw new ShapeError(
      `${name}: input1 must be [batch, n] with target [batch], or [n] with a scalar, got input1 ${formatShape(dims)} and target ${formatShape(target.dims)}`,
    );
  }
  const dim = rank - 1;
  const tiny = 1e-12; // as PyTorch, so that the gradient of a zero vector is defined
  const length = (x: Tensor): Tensor => add(sum(square(x), dim), tiny);
  const cosine = div(sum(mul(input1, input2), dim), sqrt(mul(length(input1), length(input2))));
  const like = where(eq(target, 1), sub(1, cosine), 0);
  const unlike = where(eq(target, -1), positivePart(sub(cosine, margin)), 0);
  return reduceLosses(add(like, unlike), reduction);
}

/**
 * Logistic loss of a score: log(1 + exp(-target input)), without overflow.
 *
 * @param input scores, any shape
 * @param target 1 or -1, of input's shape and dtype
 * @throws ShapeError, DTypeError when the two differ; they are not broadcast
 * @example
 * nn.functional.softMarginLoss(tensor([0, 2]), tensor([1, -1]), { reduction: 'none' }); // [0.69315, 2.12693]
 */
export function softMarginLoss(input: Tensor, target: Tensor, options?: LossOptions): Tensor {
  const reduction = checkReduction('softMarginLoss', options, []);
  checkPair('softMarginLoss', input, target);
  return reduceLosses(softplus(mul(neg(target), input)), reduction);
}

/** Options of `tripletMarginLoss`. */
export interface TripletMarginOptions extends MarginOptions {
  /** The exponent of the norm; default 2. */
  p?: number;
  /** Added to each difference; default 1e-6. */
  eps?: number;
  /** Take the distance of positive and negative where it is smaller than that of anchor and negative; default false. */
  swap?: boolean;
}

/** margin and p by position or in the options, and the rest. */
export type TripletMarginArguments = Positional<TripletMarginOptions, [margin: 'margin', p: 'p']>;

/** @internal */
export function tripletOptions(name: string, args: readonly unknown[]): Required<TripletMarginOptions> {
  const options = optionsOf<TripletMarginOptions>(name, args, ['margin', 'p'], ['eps', 'swap', 'reduction']);
  const { p = 2 } = options;
  if (typeof p !== 'number' || Number.isNaN(p)) {
    throw new ArgumentError(`${name}: p must be a number, Infinity or -Infinity, got ${describe(p)}`);
  }
  return {
    margin: checkNumber(name, 'margin', options.margin ?? 1, { min: 0, open: true }),
    p,
    eps: checkNumber(name, 'eps', options.eps ?? 1e-6),
    swap: checkFlag(name, 'swap', options.swap, false),
    reduction: reductionOf(name, options),
  };
}

/** A function of two batches of vectors that gives their distances. */
export type DistanceFunction = (x1: Tensor, x2: Tensor) => Tensor;

interface Triplet {
  margin: number;
  swap: boolean;
  reduction: Reduction;
}

function triplet(
  name: string,
  [anchor, positive, negative]: readonly [Tensor, Tensor, Tensor],
  distance: DistanceFunction,
  { margin, swap, reduction }: Triplet,
): Tensor {
  const measured = (x1: Tensor, x2: Tensor): Tensor => {
    const y = distance(x1, x2);
    if (y instanceof Tensor) return y;
    throw new ArgumentError(`${name}: distanceFunction must return a tensor, got ${describe(y)}`);
  };
  const near = measured(anchor, positive);
  const far = measured(anchor, negative);
  const least = swap ? minimum(far, measured(positive, negative)) : far;
  return reduceLosses(positivePart(add(sub(near, least), margin)), reduction);
}

const triplets = ['anchor', 'positive', 'negative'];

/**
 * Triplet loss: max(0, d(anchor, positive) - d(anchor, negative) + margin) with d the p-norm of the difference. (Balntas et
 * al., Learning shallow convolutional feature descriptors with triplet losses, 2016,
 * https://doi.org/10.5244/C.30.119)
 *
 * @param anchor [batch, n] or [n]
 * @param positive of anchor's shape and dtype
 * @param negative of the same
 * @param args margin (default 1), p (default 2), eps (default 1e-6), swap (default false), reduction
 * @throws ShapeError, DTypeError when they differ; they are not broadcast
 * @example
 * nn.functional.tripletMarginLoss(tensor([[0, 0]]), tensor([[3, 4]]), tensor([[0, 2]])); // 4
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  ...args: TripletMarginArguments
): Tensor {
  const name = 'tripletMarginLoss';
  const options = tripletOptions(name, args);
  checkShapes(name, triplets, [anchor, positive, negative]);
  if (anchor.rank === 0) throw new ShapeError(`${name}: anchor must have at least one dimension, got a scalar`);
  const { p, eps } = options;
  return triplet(name, [anchor, positive, negative], (x1, x2) => pairwiseDistance(x1, x2, p, eps), options);
}

/** Options of `tripletMarginWithDistanceLoss`. */
export interface TripletMarginWithDistanceOptions extends MarginOptions {
  /** What gives the distances; default `pairwiseDistance`. */
  distanceFunction?: DistanceFunction;
  /** Take the distance of positive and negative where it is smaller than that of anchor and negative; default false. */
  swap?: boolean;
}

/** @internal */
export function tripletDistanceOptions(
  name: string,
  options: TripletMarginWithDistanceOptions | undefined,
): Required<TripletMarginWithDistanceOptions> {
  const reduction = checkReduction(name, options, ['distanceFunction', 'margin', 'swap']);
  const distanceFunction = options?.distanceFunction ?? pairwiseDistance;
  checkFunction(name, 'distanceFunction', distanceFunction);
  const margin = checkNumber(name, 'margin', options?.margin ?? 1, { min: 0, open: true });
  return { distanceFunction, margin, swap: checkFlag(name, 'swap', options?.swap, false), reduction };
}

/**
 * Triplet loss with a distance of your own: max(0, d(anchor, positive) - d(anchor, negative) + margin).
 *
 * @param anchor any shape that the distance takes
 * @param positive of anchor's shape and dtype
 * @param negative of the same
 * @param options distanceFunction (default `pairwiseDistance`), margin (default 1), swap (default false), reduction
 * @throws ShapeError, DTypeError when they differ, ArgumentError when the distance is not a tensor
 * @example
 * const anchor = ones([1, 2]);
 * nn.functional.tripletMarginWithDistanceLoss(anchor, zeros([1, 2]), anchor, { distanceFunction: (a, b) => a.sub(b).abs().sum(1) }); // 3
 */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options?: TripletMarginWithDistanceOptions,
): Tensor {
  const name = 'tripletMarginWithDistanceLoss';
  const o = tripletDistanceOptions(name, options);
  checkShapes(name, triplets, [anchor, positive, negative]);
  return triplet(name, [anchor, positive, negative], (x1, x2) => o.distanceFunction(x1, x2), o);
}
