// Losses that are composed of operations, as modules under PyTorch's names. What they compute, and for which shapes, is written
// at the functions.
import { optionsOf } from '../arguments.js';
import type { Reduction } from '../ops/loss.js';
import type { Tensor } from '../tensor.js';
import {
  type BinaryCrossEntropyOptions,
  checkReduction,
  type LossOptions,
  namesOf,
  type WeightedArguments,
} from './loss.js';
import {
  type MultiMarginArguments,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  multiMarginOptions,
} from './loss-labels.js';
import {
  type GaussianNLLLossOptions,
  gaussianNllLoss,
  gaussianOptions,
  type KLDivOptions,
  klDiv,
  klDivOptions,
  type PoissonNLLLossOptions,
  poissonNllLoss,
  poissonOptions,
} from './loss-likelihood.js';
import {
  cosineEmbeddingLoss,
  type DistanceFunction,
  hingeEmbeddingLoss,
  type MarginArguments,
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
import { bufferOf, Loss, present } from './loss-modules.js';
import { Module } from './module.js';

/**
 * Kullback-Leibler divergence; see `nn.functional.klDiv`. Options: reduction ('mean', or 'batchmean', 'sum', 'none'),
 * logTarget (false).
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.KLDivLoss({ reduction: 'batchmean' }).forward(tensor([[0.25, 0.75]]).log(), tensor([[0.5, 0.5]])); // 0.14384
 */
export class KLDivLoss extends Module {
  /** `'mean'`, `'batchmean'`, `'sum'` or `'none'`. */
  readonly reduction: Reduction | 'batchmean';
  readonly logTarget: boolean;

  constructor(options?: KLDivOptions) {
    super();
    const { reduction, logTarget } = klDivOptions('KLDivLoss', options);
    this.reduction = reduction;
    this.logTarget = logTarget;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return klDiv(input, target, { reduction: this.reduction, logTarget: this.logTarget });
  }
}

/**
 * Negative log-likelihood of counts; see `nn.functional.poissonNllLoss`. Options: logInput (true), full (false), eps (1e-8),
 * reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.PoissonNLLLoss({ reduction: 'none' }).forward(tensor([0, 1]), tensor([1, 2])); // [1, 0.71828]
 */
export class PoissonNLLLoss extends Loss {
  readonly logInput: boolean;
  readonly full: boolean;
  readonly eps: number;

  constructor(options?: PoissonNLLLossOptions) {
    const o = poissonOptions('PoissonNLLLoss', options);
    super('PoissonNLLLoss', o);
    this.logInput = o.logInput;
    this.full = o.full;
    this.eps = o.eps;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { logInput, full, eps, reduction } = this;
    return poissonNllLoss(input, target, { logInput, full, eps, reduction });
  }
}

/**
 * Negative log-likelihood of normal variables; see `nn.functional.gaussianNllLoss`. Options: full (false), eps (1e-6),
 * reduction ('mean').
 *
 * @throws ShapeError, DTypeError when the tensors do not match, ArgumentError when a variance is negative
 * @example
 * new nn.GaussianNLLLoss().forward(tensor([1, 2]), tensor([1, 4]), tensor([1, 1])); // 1
 */
export class GaussianNLLLoss extends Loss<[input: Tensor, target: Tensor, variance: Tensor | number]> {
  readonly full: boolean;
  readonly eps: number;

  constructor(options?: GaussianNLLLossOptions) {
    const o = gaussianOptions('GaussianNLLLoss', options);
    super('GaussianNLLLoss', o);
    this.full = o.full;
    this.eps = o.eps;
  }

  forward(input: Tensor, target: Tensor, variance: Tensor | number): Tensor {
    const { full, eps, reduction } = this;
    return gaussianNllLoss(input, target, variance, { full, eps, reduction });
  }
}

/**
 * Hinge loss of a distance; see `nn.functional.hingeEmbeddingLoss`. Arguments: margin (1), reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.HingeEmbeddingLoss(1, { reduction: 'none' }).forward(tensor([2, 0.25]), tensor([1, -1])); // [2, 0.75]
 */
export class HingeEmbeddingLoss extends Loss {
  readonly margin: number;

  constructor(...args: MarginArguments) {
    const o = marginOptions('HingeEmbeddingLoss', args, 1);
    super('HingeEmbeddingLoss', o);
    this.margin = o.margin;
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
export class MarginRankingLoss extends Loss<[input1: Tensor, input2: Tensor, target: Tensor]> {
  readonly margin: number;

  constructor(...args: MarginArguments) {
    const o = marginOptions('MarginRankingLoss', args, 0);
    super('MarginRankingLoss', o);
    this.margin = o.margin;
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
export class CosineEmbeddingLoss extends Loss<[input1: Tensor, input2: Tensor, target: Tensor]> {
  readonly margin: number;

  constructor(...args: MarginArguments) {
    const o = marginOptions('CosineEmbeddingLoss', args, 0);
    super('CosineEmbeddingLoss', o);
    this.margin = o.margin;
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
export class TripletMarginLoss extends Loss<[anchor: Tensor, positive: Tensor, negative: Tensor]> {
  readonly margin: number;
  readonly p: number;
  readonly eps: number;
  readonly swap: boolean;

  constructor(...args: TripletMarginArguments) {
    const o = tripletOptions('TripletMarginLoss', args);
    super('TripletMarginLoss', o);
    this.margin = o.margin;
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
export class TripletMarginWithDistanceLoss extends Loss<[anchor: Tensor, positive: Tensor, negative: Tensor]> {
  readonly distanceFunction: DistanceFunction;
  readonly margin: number;
  readonly swap: boolean;

  constructor(options?: TripletMarginWithDistanceOptions) {
    const o = tripletDistanceOptions('TripletMarginWithDistanceLoss', options);
    super('TripletMarginWithDistanceLoss', o);
    this.distanceFunction = o.distanceFunction;
    this.margin = o.margin;
    this.swap = o.swap;
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { distanceFunction, margin, swap, reduction } = this;
    return tripletMarginWithDistanceLoss(anchor, positive, negative, { distanceFunction, margin, swap, reduction });
  }
}

/**
 * Hinge loss of classes; see `nn.functional.multiMarginLoss`. Arguments: p (1), margin (1), weight [classes], a buffer, and
 * reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target do not match, ArgumentError for an option or a label
 * @example
 * new nn.MultiMarginLoss().forward(tensor([[0.1, 0.2, 0.4, 0.8]]), tensor([3], { dtype: 'int32' })); // 0.325
 */
export class MultiMarginLoss extends Loss {
  readonly p: 1 | 2;
  readonly margin: number;
  readonly weight: Tensor | null;

  constructor(...args: MultiMarginArguments) {
    const o = multiMarginOptions('MultiMarginLoss', args);
    super('MultiMarginLoss', o);
    this.p = o.p;
    this.margin = o.margin;
    this.weight = bufferOf('MultiMarginLoss', 'weight', o.weight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { p, margin, weight, reduction } = this;
    return multiMarginLoss(input, target, { p, margin, reduction, ...present({ weight }) });
  }
}

/**
 * Hinge loss of several labels; see `nn.functional.multilabelMarginLoss`. Options: reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target do not match, ArgumentError for an option or a label
 * @example
 * const labels = tensor([[3, 0, -1, 1]], { dtype: 'int32' });
 * new nn.MultiLabelMarginLoss().forward(tensor([[0.1, 0.2, 0.4, 0.8]]), labels); // 0.85
 */
export class MultiLabelMarginLoss extends Loss {
  constructor(options?: LossOptions) {
    super('MultiLabelMarginLoss', { reduction: checkReduction('MultiLabelMarginLoss', options, []) });
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return multilabelMarginLoss(input, target, { reduction: this.reduction });
  }
}

/**
 * Binary cross entropy of several labels; see `nn.functional.multilabelSoftMarginLoss`. Arguments: weight [classes], a buffer;
 * reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.MultiLabelSoftMarginLoss().forward(tensor([[0, 2]]), tensor([[1, 1]])); // 0.41004
 */
export class MultiLabelSoftMarginLoss extends Loss {
  readonly weight: Tensor | null;

  constructor(...args: WeightedArguments<BinaryCrossEntropyOptions>) {
    const name = 'MultiLabelSoftMarginLoss';
    const options = optionsOf<BinaryCrossEntropyOptions>(name, args, ['weight'], namesOf.binary);
    super(name, options);
    this.weight = bufferOf(name, 'weight', options.weight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { reduction, weight } = this;
    return multilabelSoftMarginLoss(input, target, { reduction, ...present({ weight }) });
  }
}
