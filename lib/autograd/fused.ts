import { isGradEnabled, withGradEnabled } from '../context.js';
import type { Tensor } from '../tensor.js';
import { recordMany } from './tape.js';

/** The gradients of `compute` at `inputs`, from those of its results; null where there is or shall be none. */
type Differentiate = (
  compute: (...inputs: Tensor[]) => readonly Tensor[],
  inputs: readonly Tensor[],
  gradients: readonly (Tensor | null)[],
  needs: readonly boolean[],
) => (Tensor | null)[];

let differentiate: Differentiate;

/** @internal The engine, which stands above the operations, hands its walk down to them. */
export function setDifferentiate(walk: Differentiate): void {
  differentiate = walk;
}

/**
 * @internal What a fused operation's backward function returns. Its values are the kernels', whether they shall be
 * differentiated again or not: a gradient is the same with and without `createGraph`. Where they shall, their own
 * gradients are those of `compose`.
 *
 * @param inputs what the gradients are functions of: the upstream gradients, and what the operation saved
 * @param run computes the gradients by kernels, null where one is not needed
 * @param compose the same gradients in the same order, composed of operations
 */
export function fusedGradients(
  name: string,
  inputs: readonly Tensor[],
  run: () => (Tensor | null)[],
  compose: (...inputs: Tensor[]) => readonly (Tensor | null)[],
): (Tensor | null)[] {
  if (!isGradEnabled()) return run();
  const gradients = withGradEnabled(false, run);
  const isGiven = gradients.map((g) => g !== null);
  const given = gradients.filter((g) => g !== null);
  const compute = (...list: Tensor[]) => compose(...list).filter((_, i) => isGiven[i]) as Tensor[];
  recordMany(`${name}Backward`, given, inputs, (dys, needs) => differentiate(compute, inputs, dys, needs), inputs);
  return gradients;
}
