import { types } from 'node:util';
import type { DType, TypedArray } from './dtype.js';

// `instanceof` recognises only arrays of its own realm: Jest runs tests in a realm of its own, and arrays from `node:vm`
// or from the outer realm (a Buffer) belong to another.
const checks: Readonly<Record<DType, (value: unknown) => boolean>> = {
  float32: types.isFloat32Array,
  float64: types.isFloat64Array,
  int32: types.isInt32Array,
  uint8: types.isUint8Array,
};

/** Whether a value is a typed array with elements of this type, from any realm. */
export function isArrayOf(dtype: DType, value: unknown): value is TypedArray {
  return checks[dtype](value);
}

/** The element type of a typed array from any realm; undefined for anything else. */
export function dtypeOfArray(value: unknown): DType | undefined {
  return (Object.keys(checks) as DType[]).find((dtype) => checks[dtype](value));
}

export const isClampedArray: (value: unknown) => value is Uint8ClampedArray = types.isUint8ClampedArray;
