import { ArgumentError, checkEach, describe } from '../errors.js';
import { Tensor } from '../tensor.js';

/**
 * @internal What is given as parameters, each as `check` returns it; one tensor stands for a list of one. `rule`: `must be tensors`,
 * say.
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
