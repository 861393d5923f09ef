import type { TypedArray } from './dtype.js';
import { AllocationError, formatShape } from './errors.js';
import type { Shape } from './shape.js';

/** Nested arrays, one level for each dimension of the tensor. */
export type NestedArray = number | NestedArray[];

// Bytes of JavaScript's heap for an array without its elements, and for an element, whether a number or an array.
const bytesPerArray = 48;
const bytesPerElement = 8;
const alwaysFits = 2 ** 23; // bytes
const maxReserved = 2 ** 25; // elements; V8 makes a hash table of a longer array when its length is given first

/**
 * The elements as nested arrays, after a check that there is room for them.
 * @throws AllocationError if JavaScript's heap has no room, in which case V8 would end the process
 */
export function nest(operation: string, read: () => TypedArray, shape: Shape): NestedArray {
  checkHeap(operation, shape);
  const data = read();
  const steps = shape.map((_, dim) => shape.slice(dim + 1).reduce((a, b) => a * b, 1));
  const last = shape.length - 1;
  const build = (dim: number, offset: number): NestedArray => {
    const n = shape[dim] as number;
    const step = steps[dim] as number;
    const array: NestedArray[] = n <= maxReserved ? new Array(n) : [];
    for (let i = 0; i < n; i++) {
      array[i] = dim === last ? (data[offset + i] as number) : build(dim + 1, offset + i * step);
    }
    return array;
  };
  return shape.length === 0 ? (data[0] as number) : build(0, 0);
}

function checkHeap(operation: string, shape: Shape): void {
  let bytes = 0;
  let count = 1; // of arrays at this depth
  for (const n of shape) {
    bytes += count * (bytesPerArray + bytesPerElement * n);
    count *= n;
  }
  if (bytes <= alwaysFits) return;
  const left = process.getBuiltinModule('node:v8').getHeapStatistics().total_available_size; // an import takes 2 ms
  if (bytes <= 0.75 * left) return; // the garbage collector needs some room
  const sizes = [bytes, left].map((value) => Math.round(value / 1e6));
  throw new AllocationError(
    `${operation}: arrays for ${formatShape(shape)} take some ${sizes[0]} MB of JavaScript's heap, which has ${sizes[1]} MB left; use toTypedArray() or a slice, or raise node's --max-old-space-size`,
  );
}
