import { aboutToChange, allOrNothing } from '../all-or-nothing.js';
import { type BackwardMany, recordMany } from '../autograd/tape.js';
import { isGradEnabled, isRecording } from '../context.js';
import { ArgumentError, checkFunction, describe, StateError } from '../errors.js';
import { scope } from '../memory.js';
import { detach } from '../ops/copy.js';
import { defaultGenerator } from '../ops/generator.js';
import { drawsSoFar } from '../ops/random.js';
import { baseOf, Tensor, tensorsOf } from '../tensor.js';
import { differentiate, leavesBehind } from './engine.js';

/**
 * Runs a part of a model without keeping what its backward pass needs, which is computed again there: memory for time. The
 * results and gradients are those of `fn(...inputs)`; also those of parameters that `fn` uses. Random numbers are drawn again
 * from the same position of the default generator; running statistics of batch norm are updated twice, as in PyTorch.
 * Chen et al., "Training deep nets with sublinear memory cost", 2016, https://arxiv.org/abs/1604.06174
 *
 * @param fn returns a tensor or an array of tensors; it must do the same each time
 * @param inputs tensors
 * @throws StateError when `fn` draws random numbers while a step is recorded; ArgumentError when it returns something else
 * @example
 * const layer = new nn.Linear(3, 3);
 * checkpoint((x) => layer.forward(x).tanh(), ones(2, 3)); // [2, 3]
 */
export function checkpoint<T extends Tensor | readonly Tensor[]>(
  fn: (...inputs: Tensor[]) => T,
  ...inputs: Tensor[]
): T {
  checkFunction('checkpoint', 'fn', fn);
  tensorsOf('checkpoint', 'inputs', inputs);
  if (!isGradEnabled()) return fn(...inputs);
  const isOne = { value: false };
  const run = (...list: Tensor[]): readonly Tensor[] => {
    const result: unknown = fn(...list);
    isOne.value = result instanceof Tensor;
    return isOne.value ? [result as Tensor] : resultsOf(result);
  };
  const position = isRecording() ? null : defaultGenerator().getState();
  const draws = drawsSoFar();
  let leaves: Tensor[] = [];
  // Recorded once to see which parameters it uses; the scope frees what was saved.
  const results = scope(() => {
    const stands = inputs.map((x) => {
      const stand = detach(x);
      if (x._requiresGrad) stand.requiresGrad = true;
      return stand;
    });
    const ys = run(...stands);
    leaves = leavesBehind(ys).filter((leaf) => !stands.includes(leaf));
    return ys.map((y) => detach(y));
  });
  if (position === null && drawsSoFar() !== draws) {
    throw new StateError(
      'checkpoint: fn must not draw random numbers while a step is recorded; leave dropout out of it, or do without compile',
    );
  }
  const backward: BackwardMany = (dys, needs) => {
    if (position === null) return differentiate(run, inputs, dys, needs, leaves);
    const generator = defaultGenerator();
    const now = generator.getState();
    const { version } = baseOf(generator.state);
    return allOrNothing(() => {
      aboutToChange('checkpoint', generator.state);
      generator.setState(position);
      const gradients = differentiate(run, inputs, dys, needs, leaves);
      generator.setState(now);
      baseOf(generator.state).version = version; // as before: what follows in the pass may still fail
      return gradients;
    });
  };
  recordMany('checkpoint', results, [...inputs, ...leaves], backward, inputs);
  return (isOne.value ? results[0] : results) as T;
}

function resultsOf(result: unknown): readonly Tensor[] {
  if (Array.isArray(result) && result.length > 0) return tensorsOf('checkpoint', 'results of fn', result);
  throw new ArgumentError(`checkpoint: fn must return a tensor or an array of tensors, got ${describe(result)}`);
}
