import { native } from './native.js';

const code = (name: string): number => native.codes.dtype[name] as number;

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/**
 * What there is to know about each element type: the native side's code; the typed array of its elements; whether
 * gradients exist for it; its names in safetensors and IDX files.
 */
export const dtypeTraits = {
  float32: { code: code('float32'), array: Float32Array, isFloat: true, safetensors: 'F32', idx: 13 },
  float64: { code: code('float64'), array: Float64Array, isFloat: true, safetensors: 'F64', idx: 14 },
  int32: { code: code('int32'), array: Int32Array, isFloat: false, safetensors: 'I32', idx: 12 },
  uint8: { code: code('uint8'), array: Uint8Array, isFloat: false, safetensors: 'U8', idx: 8 },
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
