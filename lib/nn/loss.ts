import { optionsOf } from '../arguments.js';
import { dtypeTraits, isFloat } from '../dtype.js';
import { checkInteger, checkNumber, DTypeError, formatShape, ShapeError } from '../errors.js';
import { mul } from '../ops/elementwise.js';
import * as ops from '../ops/loss.js';
import * as classes from '../ops/loss-classes.js';
import { type Shape, sameShape } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import {
  checkClassWeight,
  checkFullWeight,
  checkIndices,
  checkInput,
  checkPair,
  checkReduction,
  type ElementWeightOptions,
  elementWeight,
  type LossOptions,
  type Reduction,
  reduceLosses,
  reductionOf,
  type WeightedArguments,
  weighed,
} from './loss-common.js';

/**
 * Squared error: (input - target)², its mean, sum or each.
 *
 * @param input any shape
 * @param target of input's shape and dtype
 * @param options reduction; weight: of input's shape, a mean is then divided by the sum of the weights
 * @returns a scalar, or of input's shape with reduction `'none'`
 * @throws ShapeError, DTypeError when the two differ; they are not broadcast
 * @example
 * const loss = nn.functional.mseLoss(model.forward(x), y);
 */
export function mseLoss(input: Tensor, target: Tensor, options?: ElementWeightOptions): Tensor {
  const reduction = checkReduction('mseLoss', options, ['weight']);
  checkPair('mseLoss', input, target);
  const run = (how: Reduction) => ops.mseLoss(input, target, how);
  return weighed('mseLoss', input, options?.weight, reduction, run);
}

/**
 * Absolute error: |input - target|, its mean, sum or each. Shapes as in {@link mseLoss}; the slope at 0 is 0.
 *
 * @param options reduction and weight, as in {@link mseLoss}
 * @throws ShapeError, DTypeError when the two differ; they are not broadcast
 * @example
 * nn.functional.l1Loss(tensor([1, 2]), tensor([0, 0]), { reduction: 'none' }); // [1, 2]
 */
export function l1Loss(input: Tensor, target: Tensor, options?: ElementWeightOptions): Tensor {
  const reduction = checkReduction('l1Loss', options, ['weight']);
  checkPair('l1Loss', input, target);
  return weighed('l1Loss', input, options?.weight, reduction, (how) => ops.l1Loss(input, target, how));
}

/**
 * Huber loss: d² / 2 where |d| ≤ delta, delta (|d| - delta / 2) elsewhere, with d = input - target. Shapes as in
 * {@link mseLoss}. (Huber, Robust Estimation of a Location Parameter, 1964)
 *
 * @param options delta: above 0, default 1; weight: of input's shape, which a mean does not divide by, as in PyTorch
 * @throws ShapeError, DTypeError when the two differ; they are not broadcast
 * @example
 * nn.functional.huberLoss(tensor([0.5, 3]), tensor([0, 0]), { reduction: 'none' }); // [0.125, 2.5]
 */
export function huberLoss(input: Tensor, target: Tensor, options?: ElementWeightOptions & { delta?: number }): Tensor {
  const reduction = checkReduction('huberLoss', options, ['delta', 'weight']);
  const delta = checkNumber('huberLoss', 'delta', options?.delta ?? 1, { min: 0, open: true });
  checkPair('huberLoss', input, target);
  const weight = checkFullWeight('huberLoss', options?.weight, input);
  if (weight === undefined) return ops.huberLoss(input, target, delta, reduction);
  return reduceLosses(mul(ops.huberLoss(input, target, delta, 'none'), weight), reduction);
}

/**
 * Smooth L1 loss: d² / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere: the Huber loss divided by its delta, and the
 * absolute error for beta 0. Shapes as in {@link mseLoss}. (Girshick, Fast R-CNN, 2015, https://arxiv.org/abs/1504.08083)
 *
 * @param options beta: at least 0, default 1
 * @throws ShapeError, DTypeError when the two differ; they are not broadcast
 * @example
 * nn.functional.smoothL1Loss(tensor([0.5, 3]), tensor([0, 0]), { reduction: 'none', beta: 2 }); // [0.0625, 2]
 */
export function smoothL1Loss(input: Tensor, target: Tensor, options?: LossOptions & { beta?: number }): Tensor {
  const reduction = checkReduction('smoothL1Loss', options, ['beta']);
  const beta = checkNumber('smoothL1Loss', 'beta', options?.beta ?? 1, { min: 0 });
  checkPair('smoothL1Loss', input, target);
  return beta === 0
    ? ops.l1Loss(input, target, reduction)
    : mul(ops.huberLoss(input, target, beta, reduction), 1 / beta);
}

/** Options of `nllLoss`. */
export interface NLLLossOptions extends LossOptions {
  /** Weight of each class, [classes], of input's dtype; the mean is then divided by the labels' weights. Default: all 1. */
  weight?: Tensor;
  /** Labels with this value are ignored, in the loss and in the mean; default -100. */
  ignoreIndex?: number;
}

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions extends NLLLossOptions {
  /** Share of each target that is spread over all classes, in [0, 1]; default 0. */
  labelSmoothing?: number;
}

/** Options of `binaryCrossEntropy`. */
export interface BinaryCrossEntropyOptions extends LossOptions {
  /** Weight of each element, broadcast to input. */
  weight?: Tensor;
}

/** Options of `binaryCrossEntropyWithLogits`. */
export interface BinaryCrossEntropyWithLogitsOptions extends BinaryCrossEntropyOptions {
  /** Weight of the positive class, broadcast to input. */
  posWeight?: Tensor;
}

/** @internal What each loss with weights takes besides the weight. */
export const namesOf = {
  nll: ['ignoreIndex', 'reduction'],
  crossEntropy: ['ignoreIndex', 'labelSmoothing', 'reduction'],
  binary: ['reduction'],
  binaryWithLogits: ['posWeight', 'reduction'],
} as const;

function checkClasses(operation: string, input: Tensor, options: NLLLossOptions): classes.ClassOptions {
  const reduction = reductionOf(operation, options);
  checkInput(operation, input);
  const dim = input.rank === 1 ? 0 : 1;
  const classes = input.dims[dim] ?? 0;
  if (classes === 0) {
    throw new ShapeError(
      `${operation}: input must be [classes] or [batch, classes, …] with at least one class, got ${formatShape(input.dims)}`,
    );
  }
  const { weight } = options;
  checkClassWeight(operation, weight, input, classes);
  const ignoreIndex = checkInteger(operation, 'ignoreIndex', options.ignoreIndex ?? -100, ...dtypeTraits.int32.range);
  return { dim, weight, ignoreIndex, labelSmoothing: 0, reduction };
}

function checkLabelShape(operation: string, input: Tensor, target: Tensor, dim: number): void {
  const expected: Shape = input.dims.filter((_, d) => d !== dim);
  if (sameShape(target.dims, expected)) return;
  const isOneHot = operation === 'crossEntropy' && sameShape(target.dims, input.dims);
  throw new ShapeError(
    `${operation}: target must have input's shape without the classes, ${formatShape(expected)}, got input ${formatShape(input.dims)} and target ${formatShape(target.dims)}` +
      (isOneHot ? `; probabilities are ${input.dtype}: target.to('${input.dtype}')` : ''),
  );
}

/**
 * Cross entropy of scores (logits) and classes: -log softmax(input)[target], its mean, sum or each.
 *
 * With label smoothing ε each target is (1 - ε) · its class + ε / classes · every class (Szegedy et al., Rethinking the
 * Inception Architecture, 2015, https://arxiv.org/abs/1512.00567).
 *
 * @param input scores, [batch, classes], [batch, classes, d₁, …] or [classes]
 * @param target class indices, int32, of input's shape without the classes; or probabilities of input's shape and dtype,
 *   for which the loss is -Σ target · log softmax(input), gradients flow to both and ignoreIndex has no meaning
 * @param args weight [classes], ignoreIndex (default -100), labelSmoothing in [0, 1] (default 0), reduction
 * @returns a scalar, or of input's shape without the classes with reduction `'none'`
 * @throws ArgumentError when a label is neither a class nor ignoreIndex
 * @example
 * const loss = nn.functional.crossEntropy(model.forward(x), labels);
 */
export function crossEntropy(input: Tensor, target: Tensor, ...args: WeightedArguments<CrossEntropyOptions>): Tensor {
  const options = optionsOf<CrossEntropyOptions>('crossEntropy', args, ['weight'], namesOf.crossEntropy);
  const o = checkClasses('crossEntropy', input, options);
  o.labelSmoothing = checkNumber('crossEntropy', 'labelSmoothing', options.labelSmoothing ?? 0, { min: 0, max: 1 });
  checkTensor('crossEntropy', 'target', target);
  if (target.dtype === 'int32') {
    checkLabelShape('crossEntropy', input, target, o.dim);
    return classes.crossEntropyOfLabels(input, target, o);
  }
  if (!isFloat(target.dtype) || target.rank === input.rank - 1) {
    const labels = formatShape(input.dims.filter((_, d) => d !== o.dim));
    throw new DTypeError(
      `crossEntropy: target must be class indices, int32 ${labels}, or probabilities, ${input.dtype} ${formatShape(input.dims)}, got ${target.dtype} ${formatShape(target.dims)}; convert class indices by target.to('int32')`,
    );
  }
  checkPair('crossEntropy', input, target);
  return classes.crossEntropyOfProbabilities(input, target, o);
}

/**
 * Negative log-likelihood: -weight[target] · input[target], its weighted mean, sum or each.
 *
 * @param input log-probabilities, as `logSoftmax` gives them: [batch, classes], [batch, classes, d₁, …] or [classes]
 * @param target class indices, int32, of input's shape without the classes
 * @param args weight [classes], ignoreIndex (default -100), reduction
 * @throws ArgumentError when a label is neither a class nor ignoreIndex
 * @example
 * nn.functional.nllLoss(tensor([[-1, -2], [-3, -4]]), tensor([0, 1], { dtype: 'int32' }), { reduction: 'none' }); // [1, 4]
 */
export function nllLoss(input: Tensor, target: Tensor, ...args: WeightedArguments<NLLLossOptions>): Tensor {
  const o = checkClasses('nllLoss', input, optionsOf<NLLLossOptions>('nllLoss', args, ['weight'], namesOf.nll));
  checkIndices('nllLoss', target);
  checkLabelShape('nllLoss', input, target, o.dim);
  return classes.nllLoss(input, target, o);
}

/**
 * Binary cross entropy of probabilities: -(target log input + (1 - target) log(1 - input)), its mean, sum or each.
 * Logarithms are limited to -100, so that the loss of a wrong certainty is finite.
 *
 * @param input probabilities in [0, 1], any shape
 * @param target probabilities of input's shape and dtype
 * @param args weight: of each element, broadcast to input; reduction
 * @throws ArgumentError when an input is outside [0, 1] or NaN
 * @example
 * nn.functional.binaryCrossEntropy(tensor([0.5, 0.5]), tensor([0, 1]), { reduction: 'none' }); // [0.69315, 0.69315]
 */
export function binaryCrossEntropy(
  input: Tensor,
  target: Tensor,
  ...args: WeightedArguments<BinaryCrossEntropyOptions>
): Tensor {
  const name = 'binaryCrossEntropy';
  const options = optionsOf<BinaryCrossEntropyOptions>(name, args, ['weight'], namesOf.binary);
  const reduction = reductionOf(name, options);
  checkPair(name, input, target);
  return ops.binaryCrossEntropy(input, target, elementWeight(name, 'weight', options.weight, input), reduction);
}

/**
 * Binary cross entropy of scores (logits): `binaryCrossEntropy(sigmoid(input), target)`, computed without overflow as
 * (1 - target) input + (1 + (posWeight - 1) target) log(1 + exp(-input)).
 *
 * @param input scores, any shape
 * @param target probabilities of input's shape and dtype
 * @param args weight: of each element; posWeight: of the positive class; both broadcast to input; reduction
 * @throws ShapeError, DTypeError when the two differ; they are not broadcast
 * @example
 * nn.functional.binaryCrossEntropyWithLogits(tensor([0, 2]), tensor([1, 1]), { reduction: 'none' }); // [0.69315, 0.12693]
 */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  ...args: WeightedArguments<BinaryCrossEntropyWithLogitsOptions>
): Tensor {
  const name = 'binaryCrossEntropyWithLogits';
  const options = optionsOf<BinaryCrossEntropyWithLogitsOptions>(name, args, ['weight'], namesOf.binaryWithLogits);
  const reduction = reductionOf(name, options);
  checkPair(name, input, target);
  const weight = elementWeight(name, 'weight', options.weight, input);
  const posWeight = elementWeight(name, 'posWeight', options.posWeight, input);
  return ops.binaryCrossEntropyWithLogits(input, target, weight, posWeight, reduction);
}
