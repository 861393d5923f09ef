// Losses of labels, one or several for each sample, as modules. What they compute, and for which shapes, is written at the functions.
import { optionsOf } from '../arguments.js';
import type { Tensor } from '../tensor.js';
import { type BinaryCrossEntropyOptions, namesOf } from './loss.js';
import { checkReduction, type LossOptions, type WeightedArguments } from './loss-common.js';
import {
  type MultiMarginArguments,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  multiMarginOptions,
} from './loss-labels.js';
import { bufferOf, Loss, present } from './loss-modules.js';

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
