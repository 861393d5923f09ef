// Models that are modules or functions, and what their outputs owe to their inputs.
import { grad } from '../backward/engine.js';
import { ArgumentError, AutogradError, describe, isClass } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/** A module with one input and one output, or a function like that. */
export type Callable = ((x: Tensor) => Tensor) | (Module & { forward(x: Tensor): Tensor });

/** @internal What a model computes. */
export function forwardOf(operation: string, model: Callable): (x: Tensor) => Tensor {
  if (model instanceof Module) return (x) => model.forward(x);
  if (typeof model === 'function' && !isClass(model)) return model;
  throw new ArgumentError(`${operation}: model must be a module or a function, got ${describe(model)}`);
}

/**
 * @internal The gradient of a number by a tensor that it was computed from.
 *
 * @param what must depend on it, for the error: 'the loss', 'x'
 */
export function gradientBy(
  operation: string,
  [what, source]: readonly [what: string, source: string],
  y: Tensor,
  x: Tensor | undefined,
  createGraph = false,
): Tensor {
  const [gradient] = y.requiresGrad && x ? grad([y], [x], { allowUnused: true, createGraph }) : [];
  if (gradient) return gradient;
  throw new AutogradError(
    `${operation}: ${what} must depend on ${source} by operations that have gradients, got one that does not`,
  );
}
