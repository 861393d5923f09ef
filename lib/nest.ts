import type { TypedArray } from './dtype.js';
import { type Shape, sizeOf } from './shape.js';

/** Arrays in arrays, as deep as the tensor has dimensions. */
export type NestedArray = number | NestedArray[];

/** The elements from `offset` on as arrays in arrays; `dim`: the dimension that the outermost array is. */
export function nest(data: TypedArray, shape: Shape, dim: number, offset: number): NestedArray {
  if (dim === shape.length) return data[offset] as number;
  const step = sizeOf(shape.slice(dim + 1));
  return Array.from({ length: shape[dim] as number }, (_, i) => nest(data, shape, dim + 1, offset + i * step));
}
