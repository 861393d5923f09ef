// Losses of several classes and labels with margins, focal loss, and cross entropy of a linear layer. They are composed of
// operations, which differentiate them.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkChoice, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { relu, sigmoid } from '../ops/activation.js';
import { to } from '../ops/copy.js';
import { zeros } from '../ops/creation.js';
import { add, mul, pow, square, sub } from '../ops/elementwise.js';
import { eq, logicalAnd, logicalNot, where } from '../ops/elementwise-compare.js';
import { gathered, maskedFill, oneHot, scatterAdd } from '../ops/indexing.js';
import * as ops from '../ops/loss.js';
import { linear } from '../ops/matmul-linear.js';
import { cumsum, mean, sum } from '../ops/reduce.js';
import { reshape, unsqueeze } from '../ops/shape.js';
import { sameShape } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { type BinaryCrossEntropyOptions, type CrossEntropyOptions, crossEntropy, namesOf } from './loss.js';
import {
  checkClassWeight,
  checkIndices,
  checkInput,
  checkPair,
  checkReduction,
  elementWeight,
  type LossOptions,
  reduceLosses,
  reductionOf,
  type WeightedArguments,
} from './loss-common.js';

function checkLabels(operation: string, input: Tensor, target: Tensor, expected: readonly number[]): void {
  checkIndices(operation, target);
  if (sameShape(target.dims, expected)) return;
  throw new ShapeError(
    `${operation}: target must be ${formatShape(expected)} for input ${formatShape(input.dims)}, got ${formatShape(target.dims)}`,
  );
}

function checkScores(operation: string, input: Tensor): void {
  checkInput(operation, input);
  if (input.rank === 1 || input.rank === 2) {
    if (input.dims.at(-1) !== 0) return;
  }
  throw new ShapeError(
    `${operation}: input must be [batch, classes] or [classes] with at least one class, got ${formatShape(input.dims)}`,
  );
}

/** Options of `multiMarginLoss`. */
export interface MultiMarginOptions extends LossOptions {
  /** The exponent of the hinge, 1 (default) or 2. */
  p?: 1 | 2;
  /** By how much the right class must be better than the others; default 1. */
  margin?: number;
  /** Weight of each class, [classes], of input's dtype; default: all 1. */
  weight?: Tensor;
}

/** p and margin by position or in the options, and the rest. */
export type MultiMarginArguments = Positional<MultiMarginOptions, [p: 'p', margin: 'margin']>;

/** @internal */
export function multiMarginOptions(name: string, args: readonly unknown[]) {
  const options = optionsOf<MultiMarginOptions>(name, args, ['p', 'margin'], ['weight', 'reduction']);
  const { p = 1 } = options;
  if (p !== 1 && p !== 2) throw new ArgumentError(`${name}: p must be 1 or 2, got ${describe(p)}`);
  const margin = checkNumber(name, 'margin', options.margin ?? 1);
  return { p, margin, weight: options.weight, reduction: reductionOf(name, options) } as const;
}

/**
 * Hinge loss of classes: Σ max(0, margin - input[target] + input[j])ᵖ / classes over j ≠ target, times weight[target].
 *
 * @param input scores, [batch, classes] or [classes]
 * @param target classes, int32, [batch] or a scalar
 * @param args p (1, default, or 2), margin (default 1), weight [classes], reduction
 * @throws ArgumentError when a label is not a class
 * @example
 * nn.functional.multiMarginLoss(tensor([[0.1, 0.2, 0.4, 0.8]]), tensor([3], { dtype: 'int32' })); // 0.325
 */
export function multiMarginLoss(input: Tensor, target: Tensor, ...args: MultiMarginArguments): Tensor {
  const name = 'multiMarginLoss';
  const { p, margin, weight, reduction } = multiMarginOptions(name, args);
  checkScores(name, input);
  checkLabels(name, input, target, input.dims.slice(0, -1));
  const dim = input.rank - 1;
  const classes = input.dims[dim] as number;
  checkClassWeight(name, weight, input, classes);
  const right = gathered(input, unsqueeze(target, dim), dim, name);
  const hinge = relu(add(sub(input, right), margin));
  const others = maskedFill(p === 1 ? hinge : square(hinge), oneHot(target, classes, { dtype: 'uint8' }), 0);
  const losses = mul(sum(others, dim), 1 / classes);
  if (weight === undefined) return reduceLosses(losses, reduction);
  const ofRows = reshape(gathered(weight, reshape(target, [target.size]), 0, name), target.dims);
  return reduceLosses(mul(losses, ofRows), reduction);
}

/**
 * Hinge loss of several labels: Σ max(0, 1 - (input[label] - input[j])) / classes over each label and each class j that is
 * none.
 *
 * @param input scores, [batch, classes] or [classes]
 * @param target labels, int32, of input's shape; those before the first -1 count
 * @throws ArgumentError when a label that counts is not a class
 * @example
 * const labels = tensor([[3, 0, -1, 1]], { dtype: 'int32' });
 * nn.functional.multilabelMarginLoss(tensor([[0.1, 0.2, 0.4, 0.8]]), labels); // 0.85
 */
export function multilabelMarginLoss(input: Tensor, target: Tensor, options?: LossOptions): Tensor {
  const name = 'multilabelMarginLoss';
  const reduction = checkReduction(name, options, []);
  checkScores(name, input);
  checkLabels(name, input, target, input.dims);
  const dim = input.rank - 1;
  const classes = input.dims[dim] as number;
  const counts = eq(cumsum(to(eq(target, -1), 'int32'), dim), 0);
  const labels = where(counts, target, 0);
  const right = gathered(input, labels, dim, name);
  const hits = scatterAdd(zeros(input.dims, { dtype: 'int32' }), dim, labels, to(counts, 'int32'));
  const pairs = logicalAnd(unsqueeze(counts, dim + 1), unsqueeze(eq(hits, 0), dim));
  const hinge = relu(add(sub(unsqueeze(input, dim), unsqueeze(right, dim + 1)), 1));
  const losses = mul(sum(maskedFill(hinge, logicalNot(pairs), 0), [dim, dim + 1]), 1 / classes);
  return reduceLosses(losses, reduction);
}

/**
 * Binary cross entropy of several labels, its mean over the classes: -(target log σ(input) + (1 - target) log σ(-input)).
 *
 * @param input scores, [..., classes]
 * @param target 0 or 1, of input's shape and dtype
 * @param args weight [classes], reduction over the rows
 * @throws ShapeError, DTypeError when the two differ; they are not broadcast
 * @example
 * nn.functional.multilabelSoftMarginLoss(tensor([[0, 2]]), tensor([[1, 1]])); // 0.41004
 */
export function multilabelSoftMarginLoss(
  input: Tensor,
  target: Tensor,
  ...args: WeightedArguments<BinaryCrossEntropyOptions>
): Tensor {
  const name = 'multilabelSoftMarginLoss';
  const options = optionsOf<BinaryCrossEntropyOptions>(name, args, ['weight'], namesOf.binary);
  const reduction = reductionOf(name, options);
  checkPair(name, input, target);
  if (input.rank === 0) throw new ShapeError(`${name}: input must have at least one dimension, got a scalar`);
  const weight = elementWeight(name, 'weight', options.weight, input);
  const losses = ops.binaryCrossEntropyWithLogits(input, target, weight, undefined, 'none');
  return reduceLosses(mean(losses, input.rank - 1), reduction);
}

/** Options of `sigmoidFocalLoss`. */
export interface SigmoidFocalLossOptions extends LossOptions {
  /** Weight of the positive class, that of the negative one is 1 - alpha; below 0: none; default 0.25. */
  alpha?: number;
  /** By which power of the error what is easy counts less; default 2. */
  gamma?: number;
}

/**
 * Focal loss of scores, as in torchvision: binary cross entropy times (1 - p)^gamma, where p is the probability of what is
 * right, times alpha or 1 - alpha. (Lin et al., Focal loss for dense object detection, 2017,
 * https://arxiv.org/abs/1708.02002)
 *
 * @param inputs scores, any shape
 * @param targets 0 or 1, of inputs' shape and dtype
 * @param args alpha (default 0.25), gamma (default 2), reduction (default `'none'`, as in torchvision)
 * @throws ShapeError, DTypeError when the two differ; they are not broadcast
 * @example
 * nn.functional.sigmoidFocalLoss(tensor([0, 2]), tensor([1, 1])); // [0.04332, 0.00045]
 */
export function sigmoidFocalLoss(
  inputs: Tensor,
  targets: Tensor,
  ...args: Positional<SigmoidFocalLossOptions, [alpha: 'alpha', gamma: 'gamma']>
): Tensor {
  const name = 'sigmoidFocalLoss';
  const options = optionsOf<SigmoidFocalLossOptions>(name, args, ['alpha', 'gamma'], ['reduction']);
  const alpha = checkNumber(name, 'alpha', options.alpha ?? 0.25, { max: 1 });
  const gamma = checkNumber(name, 'gamma', options.gamma ?? 2, { min: 0 });
  const reduction = checkChoice(name, 'reduction', options.reduction, ['mean', 'sum', 'none'], 'none');
  checkPair(name, inputs, targets);
  const p = sigmoid(inputs);
  const wrong = add(mul(p, sub(1, targets)), mul(sub(1, p), targets));
  const entropy = ops.binaryCrossEntropyWithLogits(inputs, targets, undefined, undefined, 'none');
  const losses = mul(entropy, pow(wrong, gamma));
  if (alpha < 0) return reduceLosses(losses, reduction);
  return reduceLosses(mul(add(mul(targets, 2 * alpha - 1), 1 - alpha), losses), reduction);
}

/** Options of `linearCrossEntropy`. */
export interface LinearCrossEntropyOptions extends CrossEntropyOptions {
  /** [classes] */
  linearBias?: Tensor;
}

/**
 * Cross entropy of a linear layer's scores: `crossEntropy(linear(input, linearWeight, linearBias), target)`.
 *
 * @param input [batch, inFeatures] or [inFeatures]
 * @param linearWeight [classes, inFeatures], or [classes, d₁, …, inFeatures] for targets [batch, d₁, …]
 * @param target as `crossEntropy` takes it
 * @param options linearBias of linearWeight's shape without inFeatures, and those of `crossEntropy`
 * @throws ShapeError, DTypeError, ArgumentError as `crossEntropy`
 * @example
 * nn.functional.linearCrossEntropy(ones([1, 2]), zeros([3, 2]), tensor([1], { dtype: 'int32' })); // 1.09861
 */
export function linearCrossEntropy(
  input: Tensor,
  linearWeight: Tensor,
  target: Tensor,
  options?: LinearCrossEntropyOptions,
): Tensor {
  const name = 'linearCrossEntropy';
  const known = ['linearBias', 'weight', ...namesOf.crossEntropy];
  const { linearBias, ...rest } = optionsOf<LinearCrossEntropyOptions>(name, [options], [], known);
  checkInput(name, input);
  checkTensor(name, 'linearWeight', linearWeight);
  const [classes, ...features] = linearWeight.dims.slice(0, -1);
  const inFeatures = linearWeight.dims.at(-1);
  if (classes === undefined || inFeatures === undefined || input.dims.at(-1) !== inFeatures) {
    const shapes = `input ${formatShape(input.dims)} and linearWeight ${formatShape(linearWeight.dims)}`;
    throw new ShapeError(`${name}: linearWeight must be [classes, …, inFeatures] for input's last size, got ${shapes}`);
  }
  if (linearBias !== undefined) {
    checkTensor(name, 'linearBias', linearBias);
    if (!sameShape(linearBias.dims, linearWeight.dims.slice(0, -1))) {
      const shapes = `linearWeight ${formatShape(linearWeight.dims)} and linearBias ${formatShape(linearBias.dims)}`;
      throw new ShapeError(`${name}: linearBias must have linearWeight's shape without the last size, got ${shapes}`);
    }
  }
  const outputs = linearWeight.dims.slice(0, -1).reduce((a, b) => a * b, 1);
  const bias = linearBias && reshape(linearBias, [outputs]);
  const scores = linear(input, reshape(linearWeight, [outputs, inFeatures]), bias);
  return crossEntropy(reshape(scores, [...input.dims.slice(0, -1), classes, ...features]), target, rest);
}
