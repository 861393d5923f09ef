// Operations whose kernels do the work of several simple operations, and their second derivatives, which come from a
// reference: the same values composed of differentiable operations.
import { isGradEnabled, withGradEnabled } from '../context.js';
import type { Tensor } from '../tensor.js';
import { type BackwardMany, record, recordMany } from './tape.js';

type Gradients = readonly (Tensor | null)[];

/** Computes the results of an operation from its inputs, by differentiable operations. */
export type Reference = (...inputs: Tensor[]) => Gradients;

/** The gradients of `compute` at `inputs`, given those of its results; null where there is none or none is wanted. */
type Differentiate = (
  compute: (...inputs: Tensor[]) => readonly Tensor[],
  inputs: readonly Tensor[],
  gradients: Gradients,
  needs: readonly boolean[],
) => (Tensor | null)[];

let differentiate: Differentiate;

/** @internal The engine, which is above the operations, passes its walk down to them. */
export function setDifferentiate(walk: Differentiate): void {
  differentiate = walk;
}

/** @internal What tests observe of a fused operation: its kernels' results, and the reference they must equal. */
export interface FusedCall {
  name: string;
  inputs: readonly Tensor[];
  /** Null where one was not needed. */
  results: Gradients;
  reference: Reference;
}

let observer: ((call: FusedCall) => void) | null = null;

/** @internal Calls `observe` with each fused operation that is recorded, and with each fused gradient, while `fn` runs. */
export function observeFused<T>(observe: (call: FusedCall) => void, fn: () => T): T {
  const before = observer;
  observer = observe;
  try {
    return fn();
  } finally {
    observer = before;
  }
}

/**
 * @internal Records an operation whose results and first gradients are computed by kernels, also with `createGraph`;
 * the gradients of these gradients are those of `reference`.
 *
 * @param inputs what `backward` returns gradients for and `reference` takes, in this order
 * @param backward computes the gradients by kernels, null where one is not needed
 * @param saved every tensor that `backward` and `reference` read
 * @param owned further saved tensors, which nobody but `backward` can see
 */
export function recordFused(
  name: string,
  results: readonly Tensor[],
  inputs: readonly Tensor[],
  backward: BackwardMany,
  reference: (...inputs: Tensor[]) => readonly Tensor[],
  saved: readonly Tensor[],
  owned?: readonly Tensor[],
): void {
  observer?.({ name, inputs, results, reference });
  const again: BackwardMany = (dys, needs) => {
    if (!isGradEnabled()) return backward(dys, needs);
    const isGiven = dys.map((dy) => dy !== null); // the engine empties `dys` afterwards
    const composed = (...list: Tensor[]) => {
      let next = inputs.length;
      const upstream = isGiven.map((given) => (given ? (list[next++] as Tensor) : null));
      return differentiate(reference, list.slice(0, inputs.length), upstream, needs);
    };
    const given = dys.filter((dy) => dy !== null);
    return fusedGradients(name, [...inputs, ...given], () => backward(dys, needs), composed, [...saved, ...given]);
  };
  put(name, results, inputs, again, saved, owned);
}

/**
 * @internal What a fused operation's backward function returns. The values are the kernels', with and without
 * `createGraph`; if they are to be differentiated again, their gradients are those of `reference`. Called directly by
 * operations that save their result instead of their input, and by those whose gradient is not the derivative of what they
 * compute.
 *
 * @param inputs what the gradients are functions of: the upstream gradients, and what the operation saved
 * @param run computes the gradients by kernels, null where one is not needed
 * @param reference the same gradients in the same order, composed of operations
 * @param saved every tensor that `reference` reads; default: the inputs
 */
export function fusedGradients(
  name: string,
  inputs: readonly Tensor[],
  run: () => Gradients,
  reference: Reference,
  saved: readonly Tensor[] = inputs,
): Gradients {
  if (!isGradEnabled()) return run();
  const gradients = withGradEnabled(false, run);
  observer?.({ name: `${name}Backward`, inputs, results: gradients, reference });
  const given = gradients.filter((g) => g !== null);
  const composed = (...list: Tensor[]) => reference(...list).filter((_, i) => gradients[i] !== null) as Tensor[];
  const again: BackwardMany = (dys, needs) => differentiate(composed, inputs, dys, needs);
  put(`${name}Backward`, given, inputs, again, saved);
  return gradients;
}

function put(
  name: string,
  results: readonly Tensor[],
  inputs: readonly Tensor[],
  backward: BackwardMany,
  saved: readonly Tensor[],
  owned?: readonly Tensor[],
): void {
  if (results.length === 1 && owned === undefined)
    record(name, results[0] as Tensor, inputs, (dy, needs) => backward([dy], needs), saved);
  else recordMany(name, results, inputs, backward, saved, owned);
}
