// Losses with a margin, as modules. What they compute, and for which shapes, is written at the functions.
import type { Tensor } from '../tensor.js';
import { checkReduction, type LossOptions } from './loss-common.js';
import {
  cosineEmbeddingLoss,
  type DistanceFunction,
  hingeEmbeddingLoss,
  type MarginArguments,
  type MarginOptions,
  marginOptions,
  marginRankingLoss,
  softMarginLoss,
  type TripletMarginArguments,
  type TripletMarginWithDistanceOptions,
  tripletDistanceOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
  tripletOptions,
} from './loss-margin.js';
import { Loss } from './loss-modules.js';

abstract class MarginLoss<Inputs extends unknown[] = [input: Tensor, target: Tensor]> extends Loss<Inputs> {
  readonly margin: number;

  constructor(name: string, options: Required<MarginOptions>) {
    super(name, options);
    this.margin = options.margin;
  }
}

/**
 * Hinge loss of a distance; see `nn.functional.hingeEmbeddingLoss`. Arguments: margin (1), reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.HingeEmbeddingLoss(1, { reduction: 'none' }).forward(tensor([2, 0.25]), tensor([1, -1])); // [2, 0.75]
 */
export class HingeEmbeddingLoss extends MarginLoss {
  constructor(...args: MarginArguments) {
    super('HingeEmbeddingLoss', marginOptions('HingeEmbeddingLoss', args, 1));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return hingeEmbeddingLoss(input, target, { margin: this.margin, reduction: this.reduction });
  }
}

/**
 * Hinge loss of a ranking; see `nn.functional.marginRankingLoss`. Arguments: margin (0), reduction ('mean').
 *
 * @throws ShapeError, DTypeError when the tensors differ, ArgumentError for an option
 * @example
 * new nn.MarginRankingLoss(0.5).forward(tensor([3, 1]), tensor([1, 2]), tensor([1, 1])); // 0.75
 */
export class MarginRankingLoss extends MarginLoss<[input1: Tensor, input2: Tensor, target: Tensor]> {
  constructor(...args: MarginArguments) {
    super('MarginRankingLoss', marginOptions('MarginRankingLoss', args, 0));
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return marginRankingLoss(input1, input2, target, { margin: this.margin, reduction: this.reduction });
  }
}

/**
 * Loss of the angle between vectors; see `nn.functional.cosineEmbeddingLoss`. Arguments: margin (0), reduction ('mean').
 *
 * @throws ShapeError, DTypeError when the tensors do not match, ArgumentError for an option
 * @example
 * new nn.CosineEmbeddingLoss().forward(tensor([[3, 4]]), tensor([[3, 0]]), tensor([1])); // 0.4
 */
export class CosineEmbeddingLoss extends MarginLoss<[input1: Tensor, input2: Tensor, target: Tensor]> {
  constructor(...args: MarginArguments) {
    super('CosineEmbeddingLoss', marginOptions('CosineEmbeddingLoss', args, 0));
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return cosineEmbeddingLoss(input1, input2, target, { margin: this.margin, reduction: this.reduction });
  }
}

/**
 * Logistic loss of a score; see `nn.functional.softMarginLoss`. Options: reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.SoftMarginLoss({ reduction: 'sum' }).forward(tensor([0, 2]), tensor([1, -1])); // 2.82008
 */
export class SoftMarginLoss extends Loss {
  constructor(options?: LossOptions) {
    super('SoftMarginLoss', { reduction: checkReduction('SoftMarginLoss', options, []) });
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return softMarginLoss(input, target, { reduction: this.reduction });
  }
}

/**
 * Triplet loss; see `nn.functional.tripletMarginLoss`. Arguments: margin (1), p (2), eps (1e-6), swap (false), reduction
 * ('mean').
 *
 * @throws ShapeError, DTypeError when the tensors differ, ArgumentError for an option
 * @example
 * new nn.TripletMarginLoss(2).forward(tensor([[0, 0]]), tensor([[3, 4]]), tensor([[0, 2]])); // 5
 */
export class TripletMarginLoss extends MarginLoss<[anchor: Tensor, positive: Tensor, negative: Tensor]> {
  readonly p: number;
  readonly eps: number;
  readonly swap: boolean;

  constructor(...args: TripletMarginArguments) {
    const o = tripletOptions('TripletMarginLoss', args);
    super('TripletMarginLoss', o);
    this.p = o.p;
    this.eps = o.eps;
    this.swap = o.swap;
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { margin, p, eps, swap, reduction } = this;
    return tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction });
  }
}

/**
 * Triplet loss with a distance of your own; see `nn.functional.tripletMarginWithDistanceLoss`. Options: distanceFunction
 * (`pairwiseDistance`), margin (1), swap (false), reduction ('mean').
 *
 * @throws ShapeError, DTypeError when the tensors differ, ArgumentError for an option
 * @example
 * const loss = new nn.TripletMarginWithDistanceLoss({ distanceFunction: (a, b) => a.sub(b).abs().sum(1) });
 * loss.forward(ones([1, 2]), zeros([1, 2]), ones([1, 2])); // 3
 */
export class TripletMarginWithDistanceLoss extends MarginLoss<[anchor: Tensor, positive: Tensor, negative: Tensor]> {
  readonly distanceFunction: DistanceFunction;
  readonly swap: boolean;

  constructor(options?: TripletMarginWithDistanceOptions) {
    const o = tripletDistanceOptions('TripletMarginWithDistanceLoss', options);
    super('TripletMarginWithDistanceLoss', o);
    this.distanceFunction = o.distanceFunction;
    this.swap = o.swap;
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { distanceFunction, margin, swap, reduction } = this;
    return tripletMarginWithDistanceLoss(anchor, positive, negative, { distanceFunction, margin, swap, reduction });
  }
}
