import { ArgumentError, describe, formatShape, ShapeError } from './errors.js';
import { native } from './native.js';

export type Shape = readonly number[];

/** The limit of PyTorch and of the kernels. */
export const maxDimensions = native.limits.dimensions;

/**
 * The number of elements: the product of the sizes, 1 for a scalar. Even without sizes of 0, it must be a safe integer, so that
 * every product of some of the sizes is one.
 */
export function sizeOf(shape: Shape): number {
  if (shape.length > maxDimensions) throw tooManyDimensions(shape.length);
  let size = 1;
  let extent = 1;
  for (let i = 0; i < shape.length; i++) {
    const n = shape[i] as number;
    size *= n;
    if (n > 0) extent *= n;
  }
  if (extent > Number.MAX_SAFE_INTEGER) throw new ShapeError(`shape: too many elements, got ${formatShape(shape)}`);
  return size;
}

function tooManyDimensions(count: number): ShapeError {
  return new ShapeError(`shape: at most ${maxDimensions} dimensions, got ${count}`);
}

/**
 * A copy of the caller's array, or null if it is not one or has more than `max` elements. The array may be sparse or lie about
 * its length: only the copy is checked.
 */
export function copyOf(value: unknown, max = maxDimensions): unknown[] | null {
  if (!Array.isArray(value)) return null;
  const { length } = value;
  if (!Number.isInteger(length) || length < 0 || length > max) return null;
  const copy: unknown[] = [];
  for (let i = 0; i < length; i++) copy.push(value[i]);
  return copy;
}

/** Like `copyOf`, for integers of at least `min`. */
export function checkSizes(operation: string, name: string, value: unknown, min: number): number[] {
  const sizes = copyOf(value);
  if (sizes === null && Array.isArray(value) && value.length > maxDimensions) throw tooManyDimensions(value.length);
  if (sizes === null || !sizes.every((n) => Number.isSafeInteger(n) && (n as number) >= min)) {
    throw new ArgumentError(
      `${operation}: ${name} must be an array of integers of at least ${min}, got ${describe(value)}`,
    );
  }
  return sizes as number[];
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A checked copy of the caller's shape. */
export function checkShape(operation: string, shape: unknown): number[] {
  const sizes = copyOf(shape);
  if (sizes === null && Array.isArray(shape) && shape.length > maxDimensions) throw tooManyDimensions(shape.length);
  if (sizes === null) throw new ArgumentError(`${operation}: shape must be an array of sizes, got ${describe(shape)}`);
  let extent = 1;
  for (const n of sizes) {
    if (!Number.isSafeInteger(n) || (n as number) < 0) {
      throw new ArgumentError(
        `${operation}: each size must be an integer of at least 0, got [${sizes.map(describe).join(', ')}]`,
      );
    }
    extent *= (n as number) || 1;
  }
  if (extent > Number.MAX_SAFE_INTEGER) {
    throw new ArgumentError(`${operation}: shape ${formatShape(sizes as number[])} has too many elements`);
  }
  return sizes as number[];
}

/** A dimension as 0 … rank - 1; negative ones count from the end. A scalar accepts 0 and -1, as in PyTorch. */
export function checkDim(operation: string, dim: unknown, rank: number): number {
  const max = Math.max(rank, 1);
  if (typeof dim !== 'number' || !Number.isInteger(dim) || dim < -max || dim >= max) {
    throw new ArgumentError(
      `${operation}: dim must be an integer in [${-max}, ${max - 1}] for a tensor of rank ${rank}, got ${describe(dim)}`,
    );
  }
  return dim < 0 ? dim + max : dim;
}

/** One dimension, or several in an array, normalised by `checkDim`. */
export function dimsOf(operation: string, dim: unknown, rank: number): number[] {
  const dims = Array.isArray(dim) ? copyOf(dim) : [dim];
  if (dims === null) throw new ArgumentError(`${operation}: dim must be an array of integers, got ${describe(dim)}`);
  return dims.map((d) => checkDim(operation, d, rank));
}

/** Sizes around one dimension of a contiguous tensor: elements before, along and after it. */
export function sizesAround(shape: Shape, dim: number): { outer: number; n: number; inner: number } {
  let outer = 1;
  let inner = 1;
  for (let i = 0; i < dim; i++) outer *= shape[i] as number;
  for (let i = dim + 1; i < shape.length; i++) inner *= shape[i] as number;
  return { outer, n: shape.length === 0 ? 1 : (shape[dim] as number), inner };
}

/** The strides of a contiguous tensor, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i] as number;
  }
  return strides;
}

/** The broadcast shape (sizes are aligned at the end; a size of 1 stretches). */
export function broadcastShapes(operation: string, names: readonly string[], shapes: readonly Shape[]): number[] {
  const rank = Math.max(...shapes.map((s) => s.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i;
      const size = shape[i] as number;
      const other = result[at] as number;
      if (other === 1) result[at] = size;
      else if (size !== 1 && size !== other) {
        const list = shapes.map((s, k) => `${names[k]} ${formatShape(s)}`).join(' and ');
        throw new ShapeError(
          `${operation}: shapes must broadcast, got ${list} (${other} ≠ ${size} in dimension ${at})`,
        );
      }
    }
  }
  return result;
}

/** Strides with which a contiguous tensor of `shape` is read as `target`: 0 where it is stretched. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const own = stridesOf(shape);
  const lead = target.length - shape.length;
  return target.map((_, i) => (i < lead || shape[i - lead] === 1 ? 0 : (own[i - lead] as number)));
}

/**
 * Loop dimensions for a kernel, outermost first: for each, the size and each operand's stride. Adjacent ones that are
 * contiguous in every operand are merged and sizes of 1 dropped, so that most calls have one or two.
 */
export function loopDims(shape: Shape, strides: readonly (readonly number[])[]): number[] {
  const dims: number[] = [];
  const width = strides.length + 1;
  for (let i = 0; i < shape.length; i++) {
    const size = shape[i] as number;
    if (size === 1) continue;
    const last = dims.length - width;
    const merge = last >= 0 && strides.every((s, k) => dims[last + 1 + k] === size * (s[i] as number));
    if (merge) {
      dims[last] = (dims[last] as number) * size;
      for (let k = 0; k < strides.length; k++) dims[last + 1 + k] = strides[k]?.[i] as number;
    } else {
      dims.push(size);
      for (const s of strides) dims.push(s[i] as number);
    }
  }
  return dims;
}
