/** The element types of tensors; the order is the code that native/kernels/kernel.h uses. */
export const dtypes = ['float32', 'float64', 'int32', 'uint8'] as const;

/** Element type of a tensor. `float32` is the default; gradients exist for `float32` and `float64`. */
export type DType = (typeof dtypes)[number];

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

export const arrayTypes = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;

export const dtypeCode: Readonly<Record<DType, number>> = { float32: 0, float64: 1, int32: 2, uint8: 3 };

export const bytesPerElement: Readonly<Record<DType, number>> = { float32: 4, float64: 8, int32: 4, uint8: 1 };

export function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64';
}
