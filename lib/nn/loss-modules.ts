// Losses as modules, under PyTorch's names. What they compute, and for which shapes, is written at the functions.
import { optionsOf } from '../arguments.js';
import { dtypeTraits } from '../dtype.js';
import { checkInteger, checkNumber } from '../errors.js';
import type { Reduction } from '../ops/loss.js';
import { checkTensor, type Tensor } from '../tensor.js';
import {
  type BinaryCrossEntropyOptions,
  type BinaryCrossEntropyWithLogitsOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type CrossEntropyOptions,
  crossEntropy,
  huberLoss,
  l1Loss,
  mseLoss,
  type NLLLossOptions,
  namesOf,
  nllLoss,
  smoothL1Loss,
} from './loss.js';
import { type LossOptions, reductionOf, type WeightedArguments } from './loss-common.js';
import { Module } from './module.js';
import { Buffer } from './roles.js';

/** What losses have in common: a reduction, and a forward, by default of input and target. */
export abstract class Loss<Inputs extends unknown[] = [input: Tensor, target: Tensor]> extends Module {
  /** `'mean'`, `'sum'` or `'none'`. */
  readonly reduction: Reduction;

  protected constructor(name: string, options: LossOptions) {
    super();
    this.reduction = reductionOf(name, options);
  }

  /** The loss: a scalar, or one for each element with reduction `'none'`. */
  abstract override forward(...inputs: Inputs): Tensor;
}

/**
 * Squared error: (input - target)²; see `nn.functional.mseLoss`. Options: reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.MSELoss().forward(tensor([1, 2]), tensor([0, 0])); // 2.5
 */
export class MSELoss extends Loss {
  constructor(options?: LossOptions) {
    super('MSELoss', optionsOf('MSELoss', [options], [], ['reduction']));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, { reduction: this.reduction });
  }
}

/**
 * Absolute error: |input - target|; see `nn.functional.l1Loss`. Options: reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.L1Loss({ reduction: 'sum' }).forward(tensor([1, 2]), tensor([0, 0])); // 3
 */
export class L1Loss extends Loss {
  constructor(options?: LossOptions) {
    super('L1Loss', optionsOf('L1Loss', [options], [], ['reduction']));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, { reduction: this.reduction });
  }
}

/**
 * Huber loss; see `nn.functional.huberLoss`. Options: delta (1), reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.HuberLoss({ reduction: 'none' }).forward(tensor([0.5, 3]), tensor([0, 0])); // [0.125, 2.5]
 */
export class HuberLoss extends Loss {
  readonly delta: number;

  constructor(options?: LossOptions & { delta?: number }) {
    super('HuberLoss', optionsOf('HuberLoss', [options], [], ['delta', 'reduction']));
    this.delta = checkNumber('HuberLoss', 'delta', options?.delta ?? 1, { min: 0, open: true });
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return huberLoss(input, target, { delta: this.delta, reduction: this.reduction });
  }
}

/**
 * Smooth L1 loss; see `nn.functional.smoothL1Loss`. Options: beta (1), reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.SmoothL1Loss({ beta: 2, reduction: 'none' }).forward(tensor([0.5, 3]), tensor([0, 0])); // [0.0625, 2]
 */
export class SmoothL1Loss extends Loss {
  readonly beta: number;

  constructor(options?: LossOptions & { beta?: number }) {
    super('SmoothL1Loss', optionsOf('SmoothL1Loss', [options], [], ['beta', 'reduction']));
    this.beta = checkNumber('SmoothL1Loss', 'beta', options?.beta ?? 1, { min: 0 });
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return smoothL1Loss(input, target, { beta: this.beta, reduction: this.reduction });
  }
}

/** @internal A weight is a buffer, as in PyTorch: it is saved, and converted with the model. */
export function bufferOf(name: string, key: string, weight: Tensor | undefined): Tensor | null {
  return weight === undefined ? null : new Buffer(checkTensor(name, key, weight));
}

/** @internal What is given to a function when the weights are there. */
export function present(weights: Record<string, Tensor | null>): object {
  return Object.fromEntries(Object.entries(weights).filter(([, weight]) => weight !== null));
}

/**
 * Cross entropy of scores and classes or probabilities; see `nn.functional.crossEntropy`. Arguments: weight [classes]; options
 * ignoreIndex (-100), labelSmoothing (0), reduction ('mean'). The weight is a buffer.
 *
 * @throws ShapeError, DTypeError, ArgumentError as the function
 * @example
 * new nn.CrossEntropyLoss({ labelSmoothing: 0.1 }).forward(tensor([[0, 0]]), tensor([1], { dtype: 'int32' })); // 0.69315
 */
export class CrossEntropyLoss extends Loss {
  readonly weight: Tensor | null;
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;

  constructor(...args: WeightedArguments<CrossEntropyOptions>) {
    const name = 'CrossEntropyLoss';
    const options = optionsOf<CrossEntropyOptions>(name, args, ['weight'], namesOf.crossEntropy);
    super(name, options);
    this.ignoreIndex = checkInteger(name, 'ignoreIndex', options.ignoreIndex ?? -100, ...dtypeTraits.int32.range);
    this.labelSmoothing = checkNumber(name, 'labelSmoothing', options.labelSmoothing ?? 0, { min: 0, max: 1 });
    this.weight = bufferOf(name, 'weight', options.weight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { ignoreIndex, labelSmoothing, reduction, weight } = this;
    return crossEntropy(input, target, { ignoreIndex, labelSmoothing, reduction, ...present({ weight }) });
  }
}

/**
 * Negative log-likelihood of log-probabilities; see `nn.functional.nllLoss`. Arguments: weight [classes]; options
 * ignoreIndex (-100), reduction ('mean'). The weight is a buffer.
 *
 * @throws ShapeError, DTypeError, ArgumentError as the function
 * @example
 * new nn.NLLLoss().forward(tensor([[-1, -2], [-3, -4]]), tensor([0, 1], { dtype: 'int32' })); // 2.5
 */
export class NLLLoss extends Loss {
  readonly weight: Tensor | null;
  readonly ignoreIndex: number;

  constructor(...args: WeightedArguments<NLLLossOptions>) {
    const options = optionsOf<NLLLossOptions>('NLLLoss', args, ['weight'], namesOf.nll);
    super('NLLLoss', options);
    this.ignoreIndex = checkInteger('NLLLoss', 'ignoreIndex', options.ignoreIndex ?? -100, ...dtypeTraits.int32.range);
    this.weight = bufferOf('NLLLoss', 'weight', options.weight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { ignoreIndex, reduction, weight } = this;
    return nllLoss(input, target, { ignoreIndex, reduction, ...present({ weight }) });
  }
}

/**
 * Binary cross entropy of probabilities; see `nn.functional.binaryCrossEntropy`. Arguments: weight of each element; options
 * reduction ('mean'). The weight is a buffer.
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError when an input is outside [0, 1]
 * @example
 * new nn.BCELoss().forward(tensor([0.5, 0.5]), tensor([0, 1])); // 0.69315
 */
export class BCELoss extends Loss {
  readonly weight: Tensor | null;

  constructor(...args: WeightedArguments<BinaryCrossEntropyOptions>) {
    const options = optionsOf<BinaryCrossEntropyOptions>('BCELoss', args, ['weight'], namesOf.binary);
    super('BCELoss', options);
    this.weight = bufferOf('BCELoss', 'weight', options.weight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropy(input, target, { reduction: this.reduction, ...present({ weight: this.weight }) });
  }
}

/**
 * Binary cross entropy of scores; see `nn.functional.binaryCrossEntropyWithLogits`. Arguments: weight of each element; options
 * posWeight, reduction ('mean'). The weights are buffers, `weight` and `pos_weight`.
 *
 * @throws ShapeError, DTypeError when input and target differ
 * @example
 * new nn.BCEWithLogitsLoss({ posWeight: tensor([2]) }).forward(tensor([0, 0]), tensor([0, 1])); // 1.03972
 */
export class BCEWithLogitsLoss extends Loss {
  readonly weight: Tensor | null;
  readonly pos_weight: Tensor | null;

  constructor(...args: WeightedArguments<BinaryCrossEntropyWithLogitsOptions>) {
    const name = 'BCEWithLogitsLoss';
    const options = optionsOf<BinaryCrossEntropyWithLogitsOptions>(name, args, ['weight'], namesOf.binaryWithLogits);
    super(name, options);
    this.weight = bufferOf(name, 'weight', options.weight);
    this.pos_weight = bufferOf(name, 'posWeight', options.posWeight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { reduction, weight, pos_weight: posWeight } = this;
    return binaryCrossEntropyWithLogits(input, target, { reduction, ...present({ weight, posWeight }) });
  }
}
