import { native } from './native.js';

const code = (name: string): number => native.codes.dtype[name] as number;

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

const all = [-Infinity, Infinity] as const;
const words = [-(2 ** 31), 2 ** 31 - 1] as const;

/**
 * What there is to know about each element type: the native side's code; the typed array of its elements; whether
 * gradients exist for it; the least and the greatest value; its names in safetensors and IDX files.
 */
export const dtypeTraits = {
  float32: { code: code('float32'), array: Float32Array, isFloat: true, range: all, safetensors: 'F32', idx: 13 },
  float64: { code: code('float64'), array: Float64Array, isFloat: true, range: all, safetensors: 'F64', idx: 14 },
  int32: { code: code('int32'), array: Int32Array, isFloat: false, range: words, safetensors: 'I32', idx: 12 },
  uint8: { code: code('uint8'), array: Uint8Array, isFloat: false, range: [0, 255], safetensors: 'U8', idx: 8 },
} as const;

/** Element type of a tensor. `float32` is the default; gradients exist for `float32` and `float64`. */
export type DType = keyof typeof dtypeTraits;

/** The element types. */
export const dtypes = Object.keys(dtypeTraits) as DType[];

export function isFloat(dtype: DType): boolean {
  return dtypeTraits[dtype].isFloat;
}

/** The element types that gradients exist for. */
export const floatTypes = dtypes.filter(isFloat);
