// Lists of tensors from the caller, and in the form that kernels take.
import { ArgumentError, checkEach, describe } from './errors.js';
import { Tensor } from './tensor.js';

/**
 * What is given as a list of tensors or the like, each as `check` returns it; one tensor stands for a list of one. `rule`:
 * `must be tensors`, say.
 */
export function listOf<T>(
  operation: string,
  name: string,
  given: unknown,
  rule: string,
  check: (element: unknown) => T,
): T[] {
  if (given instanceof Tensor) return [check(given)];
  if (typeof (given as { parameters?: unknown } | null | undefined)?.parameters === 'function') {
    throw new ArgumentError(`${operation}: ${name} ${rule}, got ${describe(given)}; pass its parameters()`);
  }
  return checkEach(operation, name, rule, given, check);
}

/** A tensor that may be missing as a kernel takes it: 0 for none. */
export const handleOf = (t: Tensor | null | undefined): number => t?.handle ?? 0;

/** Those of the tensors that are there. */
export const present = (...tensors: readonly (Tensor | null | undefined)[]): Tensor[] =>
  tensors.filter((t) => t !== null && t !== undefined);

/** A list of tensors as a kernel takes it: their count, then each. */
export function handles(tensors: readonly (Tensor | null | undefined)[]): number[] {
  const list: number[] = [];
  addHandles(list, tensors);
  return list;
}

/** Adds a list of tensors to the arguments of a kernel. */
export function addHandles(args: number[], tensors: readonly (Tensor | null | undefined)[]): void {
  args.push(tensors.length);
  for (const t of tensors) args.push(handleOf(t));
}
