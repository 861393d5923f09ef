// Losses of what has an order: quantiles of a number, and grades.
import { ArgumentError, checkEach, describe, formatShape, ShapeError } from '../errors.js';
import { relu, sigmoid } from '../ops/activation.js';
import { to } from '../ops/copy.js';
import { arange, ones, tensor, zeros } from '../ops/creation.js';
import { add, div, mul, neg, sub } from '../ops/elementwise.js';
import { ge, gt } from '../ops/elementwise-compare.js';
import { gathered } from '../ops/indexing.js';
import * as ops from '../ops/loss.js';
import { sum } from '../ops/reduce.js';
import { cumprod } from '../ops/reduce-running.js';
import { unsqueeze } from '../ops/shape.js';
import { cat } from '../ops/shape-slice.js';
import { sameShape } from '../shape.js';
import { checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { checkIndices, checkInput, checkReduction, type LossOptions, reduceLosses } from './loss-common.js';

/**
 * The loss whose least value is at quantiles (pinball loss): with e = target - input, max(q · e, (q - 1) · e) for each quantile q.
 *
 * Koenker and Bassett, "Regression quantiles", 1978, https://doi.org/10.2307/1913643
 *
 * @param input the quantiles as predicted, […, quantiles]
 * @param target […], of input's dtype
 * @param quantiles one for each of input's last dimension, above 0 and below 1
 * @param options reduction: `'mean'` (default) over all elements of input, `'sum'` or `'none'`
 * @throws ShapeError, DTypeError when input, target and quantiles do not match; ArgumentError for a quantile
 * @example
 * nn.functional.pinballLoss(tensor([[1, 3]]), tensor([2]), [0.1, 0.9]); // 0.1
 */
export function pinballLoss(
  input: Tensor,
  target: Tensor,
  quantiles: readonly number[],
  options?: LossOptions,
): Tensor {
  const name = 'pinballLoss';
  const reduction = checkReduction(name, options, []);
  checkInput(name, input);
  checkTensor(name, 'target', target);
  checkSameDType(name, ['input', 'target'], [input, target]);
  const levels = checkEach(name, 'quantiles', 'must be an array of numbers', quantiles, (q) => {
    if (typeof q === 'number' && q > 0 && q < 1) return q;
    throw new ArgumentError(`${name}: quantiles must be above 0 and below 1, got ${describe(q)}`);
  });
  if (!sameShape(input.dims, [...target.dims, levels.length])) {
    const got = `got input ${formatShape(input.dims)}, target ${formatShape(target.dims)} and ${levels.length} quantiles`;
    throw new ShapeError(`${name}: input must have target's shape and one element more for each quantile, ${got}`);
  }
  const error = sub(unsqueeze(target, target.rank), input);
  return reduceLosses(add(mul(error, tensor(levels, { dtype: input.dtype })), relu(neg(error))), reduction);
}

/**
 * The loss of grades from 0 to K (ordinal regression, CORN): logit k answers whether the grade is above k, asked only of samples
 * whose grade is at least k, by binary cross entropy. `cornProbabilities` makes probabilities of the logits.
 *
 * Shi, Cao and Raschka, "Deep neural networks for rank-consistent ordinal regression based on conditional probabilities", 2021,
 * https://arxiv.org/abs/2111.08851
 *
 * @param input logits [n, K]
 * @param target grades from 0 to K, int32 [n]
 * @param options reduction: `'mean'` (default) over all answers that were asked for, `'sum'`, or `'none'`, [n, K] with 0 for the others
 * @throws ShapeError, DTypeError when input and target do not match; ArgumentError when a grade is out of range
 * @example
 * const grades = tensor([0, 2], { dtype: 'int32' });
 * nn.functional.cornLoss(zeros([2, 2]), grades); // 0.69315: log 2
 */
export function cornLoss(input: Tensor, target: Tensor, options?: LossOptions): Tensor {
  const name = 'cornLoss';
  const reduction = checkReduction(name, options, []);
  checkLogits(name, input);
  checkIndices(name, target);
  const [n, thresholds] = input.dims as [number, number];
  if (!sameShape(target.dims, [n])) {
    const got = `got input ${formatShape(input.dims)} and target ${formatShape(target.dims)}`;
    throw new ShapeError(`${name}: target must have one grade for each row of input, ${got}`);
  }
  const { dtype } = input;
  const grades = unsqueeze(gathered(arange(thresholds + 1, { dtype }), target, 0, name), 1);
  const questions = arange(thresholds, { dtype });
  const [above, asked] = [to(gt(grades, questions), dtype), to(ge(grades, questions), dtype)];
  const losses = mul(ops.binaryCrossEntropyWithLogits(input, above, undefined, undefined, 'none'), asked);
  return reduction === 'mean' ? div(sum(losses), sum(asked)) : reduceLosses(losses, reduction);
}

/**
 * The probabilities of the grades 0 … K, from the logits of `cornLoss`: the grade is above k with probability Π σ(input[0 … k]).
 *
 * @param input logits [n, K]
 * @returns [n, K + 1]; each row sums to 1
 * @throws ShapeError, DTypeError for another input
 * @example
 * nn.functional.cornProbabilities(zeros([1, 2])); // [[0.5, 0.25, 0.25]]
 */
export function cornProbabilities(input: Tensor): Tensor {
  checkLogits('cornProbabilities', input);
  const [n] = input.dims as [number];
  const above = cumprod(sigmoid(input), 1);
  const first = ones([n, 1], { dtype: input.dtype });
  return sub(cat([first, above], 1), cat([above, zeros([n, 1], { dtype: input.dtype })], 1));
}

function checkLogits(operation: string, input: Tensor): void {
  checkInput(operation, input);
  if (input.rank === 2 && input.dims[1] !== 0) return;
  throw new ShapeError(`${operation}: input must be [n, grades - 1], got ${formatShape(input.dims)}`);
}
