// Long lists of numbers are compared without a call for each element. Lists that differ are left to `expect`, which says where.
import { expect } from 'vitest';

type Numbers = ArrayLike<unknown>;

const isList = (value: unknown): value is Numbers =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

/** Whether both are lists of one kind with the same numbers; undefined: not known. */
function sameNumbers(a: unknown, b: unknown): true | undefined {
  if (!isList(a) || !isList(b) || a.constructor !== b.constructor || a.length !== b.length) return undefined;
  for (let i = 0; i < a.length; i++) {
    if (typeof a[i] !== 'number' || !Object.is(a[i], b[i])) return undefined;
  }
  return true;
}

expect.addEqualityTesters([sameNumbers]);
