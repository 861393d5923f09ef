import { ArgumentError, describe } from '../errors.js';
import { listOf } from '../lists.js';
import { Tensor } from '../tensor.js';

/** Parameters with options of their own. */
export type GivenGroup<Options> = Partial<Options> & { params: Iterable<Tensor> };

/** The parameters of an optimizer, or groups of them with options of their own. */
export type Parameters<Options> = Iterable<Tensor> | readonly GivenGroup<Options>[];

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
