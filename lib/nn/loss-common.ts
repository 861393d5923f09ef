// What losses share: their options, the checks of what they are given, and the reduction.
import { AutogradError, checkChoice, DTypeError, formatShape, ShapeError } from '../errors.js';
import { expandTo } from '../ops/broadcast.js';
import { div, mul } from '../ops/elementwise.js';
import type { Reduction } from '../ops/loss.js';
import { mean, sum } from '../ops/reduce.js';
import { checkOptions } from '../options.js';
import { broadcastShapes, sameShape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';

export type { Reduction };

/** Options that all losses have. */
export interface LossOptions {
  /** `'mean'` (default), `'sum'`, or `'none'` for the loss of each element. */
  reduction?: Reduction;
}

/** The arguments of a loss after input and target: a weight by position or in the options, and the rest. */
export type WeightedArguments<O extends { weight?: Tensor }> =
  | [options?: O]
  | [weight: Tensor, options?: Omit<O, 'weight'>];

/** @internal */
export function reductionOf(operation: string, options: LossOptions | undefined): Reduction {
  return checkChoice(operation, 'reduction', options?.reduction, ['mean', 'sum', 'none'], 'mean');
}

/** @internal */
export function checkReduction(
  operation: string,
  options: LossOptions | undefined,
  known: readonly string[],
): Reduction {
  checkOptions(operation, options, [...known, 'reduction']);
  return reductionOf(operation, options);
}

/** @internal */
export function checkInput(operation: string, input: Tensor): void {
  checkTensor(operation, 'input', input);
  checkFloat(operation, 'input', input);
}

/** @internal */
export function checkPair(operation: string, input: Tensor, target: Tensor): void {
  checkInput(operation, input);
  checkTensor(operation, 'target', target);
  checkSameDType(operation, ['input', 'target'], [input, target]);
  if (!sameShape(input.dims, target.dims)) {
    throw new ShapeError(
      `${operation}: shapes must be the same, got input ${formatShape(input.dims)} and target ${formatShape(target.dims)}; reshape or expand one`,
    );
  }
}

/** @internal */
export function checkIndices(operation: string, target: Tensor): void {
  checkTensor(operation, 'target', target);
  if (target.dtype === 'int32') return;
  throw new DTypeError(
    `${operation}: target must be class indices (int32), got ${target.dtype}; convert it by target.to('int32')`,
  );
}

/** @internal */
export function checkWeight(operation: string, name: string, weight: Tensor | undefined, input: Tensor): void {
  if (weight === undefined) return;
  checkTensor(operation, name, weight);
  checkSameDType(operation, ['input', name], [input, weight]);
  if (weight.requiresGrad)
    throw new AutogradError(`${operation}: ${name} is a constant, no gradient flows to it; pass ${name}.detach()`);
}

/** @internal A weight for each class. */
export function checkClassWeight(operation: string, weight: Tensor | undefined, input: Tensor, classes: number): void {
  checkWeight(operation, 'weight', weight, input);
  if (weight === undefined || sameShape(weight.dims, [classes])) return;
  throw new ShapeError(
    `${operation}: weight must have one element for each of ${classes} classes, got ${formatShape(weight.dims)}`,
  );
}

/** Options of losses with a weight for each element. */
export interface ElementWeightOptions extends LossOptions {
  /** Of input's shape and dtype; default: all 1. */
  weight?: Tensor;
}

/** @internal A weight for each element. */
export function checkFullWeight(operation: string, weight: Tensor | undefined, input: Tensor): Tensor | undefined {
  checkWeight(operation, 'weight', weight, input);
  if (weight === undefined || sameShape(weight.dims, input.dims)) return weight;
  const got = `got input ${formatShape(input.dims)} and weight ${formatShape(weight.dims)}`;
  throw new ShapeError(`${operation}: weight must have input's shape, ${got}`);
}

/** @internal Elements' losses with weights; a mean is divided by the sum of the weights. */
export function weighed(
  operation: string,
  input: Tensor,
  given: Tensor | undefined,
  reduction: Reduction,
  run: (reduction: Reduction) => Tensor,
): Tensor {
  const weight = checkFullWeight(operation, given, input);
  if (weight === undefined) return run(reduction);
  const losses = mul(run('none'), weight);
  return reduction === 'mean' ? div(sum(losses), sum(weight)) : reduceLosses(losses, reduction);
}

/** @internal A weight, broadcast to the elements. */
export function elementWeight(
  operation: string,
  name: string,
  weight: Tensor | undefined,
  input: Tensor,
): Tensor | undefined {
  checkWeight(operation, name, weight, input);
  if (weight === undefined) return undefined;
  if (!sameShape(broadcastShapes(operation, ['input', name], [input.dims, weight.dims]), input.dims)) {
    throw new ShapeError(
      `${operation}: ${name} must broadcast to input, got input ${formatShape(input.dims)} and ${name} ${formatShape(weight.dims)}`,
    );
  }
  return expandTo(weight, input.dims);
}

/** @internal The elements' losses, reduced. */
export function reduceLosses(losses: Tensor, reduction: Reduction): Tensor {
  return reduction === 'none' ? losses : reduction === 'sum' ? sum(losses) : mean(losses);
}
