import { ArgumentError, describe } from '../errors.js';
import { Tensor } from '../tensor.js';

/** @internal What is given as parameters, as a list; one tensor stands for a list of one. `rule`: `must be tensors`, say. */
export function listOf(operation: string, name: string, given: unknown, rule: string): unknown[] {
  if (given instanceof Tensor) return [given];
  const iterable = given as { [Symbol.iterator]?: unknown; parameters?: unknown } | null | undefined;
  if (typeof given !== 'string' && typeof iterable?.[Symbol.iterator] === 'function')
    return [...(given as Iterable<unknown>)];
  const hint = typeof iterable?.parameters === 'function' ? '; pass its parameters()' : '';
  throw new ArgumentError(`${operation}: ${name} ${rule}, got ${describe(given)}${hint}`);
}
