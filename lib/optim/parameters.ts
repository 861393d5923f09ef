import { ArgumentError, checkEach, describe } from '../errors.js';
import { Tensor } from '../tensor.js';

/** Parameters with options of their own. */
export type GivenGroup<Options> = Partial<Options> & { params: Iterable<Tensor> };

/** The parameters of an optimizer, or groups of them with options of their own. */
export type Parameters<Options> = Iterable<Tensor> | readonly GivenGroup<Options>[];

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

/** @internal The groups that an optimizer is made from; `addParamGroup` looks at them more closely. */
export function groupsOf<Options>(name: string, params: unknown): GivenGroup<Options>[] {
  const list = params instanceof Tensor ? [] : listOf(name, 'params', params, 'must be tensors or groups', checkPart);
  function checkPart(part: unknown): object {
    if (typeof part === 'object' && part !== null) return part;
    throw new ArgumentError(`${name}: params must be tensors or groups { params, … }, got ${describe(part)}`);
  }
  if (list.length === 0) {
    const got = params instanceof Tensor ? describe(params) : 'none';
    throw new ArgumentError(`${name}: params must be at least one tensor or group, got ${got}`);
  }
  const groups = list[0] instanceof Tensor ? [{ params: list }] : list;
  return groups as GivenGroup<Options>[];
}
