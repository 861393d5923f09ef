// What all explanations need: the score that is explained, and its gradient.
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, describe, formatShape, ShapeError, StateError } from '../errors.js';
import { type Callable, forwardOf, gradientBy } from '../nn/callable.js';
import { Module } from '../nn/module.js';
import { detach } from '../ops/copy.js';
import { tensor } from '../ops/creation.js';
import { gather } from '../ops/indexing.js';
import { sum } from '../ops/reduce.js';
import { reshape } from '../ops/shape.js';
import { sameShape } from '../shape.js';
import { checkFloat, checkTensor, Tensor } from '../tensor.js';

/** What is explained: a module with one input and one output, in eval mode, or a function like that. */
export type Explained = Callable;

/** What all explanations take. */
export interface TargetOptions {
  /** Which output is explained: one class for all samples, or one for each; needless for a model with one output. */
  target?: number | readonly number[] | Tensor;
}

/** @internal A model and an input, checked, and the score of each sample: [n]. */
export interface Question {
  x: Tensor;
  score(x: Tensor): Tensor;
}

/** @internal */
export function checkEvaluating(operation: string, model: unknown): void {
  if (!(model instanceof Module && model.training)) return;
  throw new StateError(
    `${operation}: model must be in eval mode, in which samples do not change each other; call model.eval()`,
  );
}

/** @internal */
export function question(operation: string, model: Explained, x: Tensor, target: TargetOptions['target']): Question {
  const forward = forwardOf(operation, model);
  checkEvaluating(operation, model);
  checkFloat(operation, 'x', checkTensor(operation, 'x', x));
  if (x.ndim === 0) throw new ShapeError(`${operation}: x must be [n, …], got ${formatShape(x.dims)}`);
  const run = (given: Tensor): Tensor => checkTensor(operation, 'the output', forward(given));
  return { x: detach(x), score: (given) => chosen(operation, run(given), x.dims[0] as number, target) };
}

// One output of each sample.
function chosen(operation: string, y: Tensor, n: number, target: TargetOptions['target']): Tensor {
  if (y.dims[0] !== n || y.ndim > 2) {
    throw new ShapeError(`${operation}: the output must be [${n}] or [${n}, classes], got ${formatShape(y.dims)}`);
  }
  const classes = y.ndim === 1 ? 1 : (y.dims[1] as number);
  if (target === undefined) {
    if (classes === 1) return reshape(y, [n]);
    throw new ArgumentError(`${operation}: target must name one of the ${classes} outputs, got undefined`);
  }
  const targets = targetsOf(operation, target, n);
  const wrong = targets.find((t) => !Number.isInteger(t) || t < 0 || t >= classes);
  if (targets.length !== n || wrong !== undefined) {
    const got = wrong === undefined ? `${targets.length} of them` : describe(wrong);
    const rule = `an integer from 0 to ${classes - 1}, or one for each of ${n} samples`;
    throw new ArgumentError(`${operation}: target must be ${rule}, got ${got}`);
  }
  const index = tensor(Int32Array.from(targets), { shape: [n, 1] });
  return reshape(gather(reshape(y, [n, classes]), 1, index), [n]);
}

function targetsOf(operation: string, target: unknown, n: number): number[] {
  if (typeof target === 'number') return new Array(n).fill(target);
  if (target instanceof Tensor && target.dtype === 'int32' && target.ndim === 1)
    return Array.from(target.toTypedArray());
  if (Array.isArray(target) && target.length < 1e7 && Array.from(target).every((t) => typeof t === 'number'))
    return target;
  const rule = 'a number, an array of numbers or an int32 tensor [n]';
  throw new ArgumentError(`${operation}: target must be ${rule}, got ${describe(target)}`);
}

/** @internal The gradient of the scores with respect to the input, or to what `inner` gives after a call of the model. */
export function gradientOf(
  operation: string,
  { score }: Question,
  at: Tensor,
  inner?: () => Tensor | undefined,
): Tensor {
  const input = detach(at);
  input.requiresGrad = true;
  const scores = score(input);
  const about = inner === undefined ? input : inner();
  return gradientBy(operation, ['the output', inner === undefined ? 'x' : 'the layer'], sum(scores), about);
}

/** @internal Runs what calls the model, and lets it have what a layer in the model makes. */
export function watching<T>(operation: string, model: Explained, layer: Module, run: (output: () => Tensor) => T): T {
  if (!(layer instanceof Module)) {
    throw new ArgumentError(`${operation}: layer must be a module, got ${describe(layer)}`);
  }
  if (model instanceof Module && !model.modules().includes(layer)) {
    throw new ArgumentError(`${operation}: layer must be a module in the model, got ${layer}, which is no part of it`);
  }
  let seen: Tensor | undefined;
  const handle = layer.registerForwardHook((_, __, output) => {
    if (output instanceof Tensor) seen = output;
  });
  try {
    return run(() => {
      if (seen !== undefined) return seen;
      const rule = 'layer must be one whose output the model uses';
      throw new ArgumentError(`${operation}: ${rule}, got ${layer}, which was not called`);
    });
  } finally {
    handle.remove();
  }
}

/** @internal The sum of each sample's attributions. */
export function sumsOf(attributions: Tensor): ArrayLike<number> {
  const [n, ...sizes] = attributions.dims as [number, ...number[]];
  const size = sizes.reduce((product, one) => product * one, 1); // -1 could be anything where n is 0
  return noGrad(() => sum(reshape(attributions, [n, size]), { dim: 1 })).toTypedArray();
}

/** @internal The scores as numbers, without gradients. */
export const scoresOf = ({ score }: Question, x: Tensor): ArrayLike<number> => noGrad(() => score(x)).toTypedArray();

/** @internal What stands for an input that says nothing: a number, or a tensor in the shape of x or of one sample. */
export function baselineOf(operation: string, baseline: unknown, x: Tensor): Tensor | number {
  if (baseline === undefined) return 0;
  if (typeof baseline === 'number' && Number.isFinite(baseline)) return baseline;
  if (baseline instanceof Tensor) {
    const rest = x.dims.slice(1);
    const fits = [x.dims, rest, [1, ...rest]].some((shape) => sameShape(shape, baseline.dims));
    if (fits && baseline.dtype === x.dtype) return detach(baseline);
    const wanted = `${x.dtype} ${formatShape(x.dims)} or ${formatShape(rest)}`;
    throw new ShapeError(
      `${operation}: baseline must be a number or ${wanted}, got ${baseline.dtype} ${formatShape(baseline.dims)}`,
    );
  }
  throw new ArgumentError(`${operation}: baseline must be a finite number or a tensor, got ${describe(baseline)}`);
}
