// Parts of tensors, and tensors composed of parts. The kernels are the shape family's.
import { type OptionalDimArguments, optionsOf, type Positional } from '../arguments.js';
import { record, recordMany } from '../autograd/tape.js';
import { ArgumentError, checkEach, checkInteger, describe, formatShape, ShapeError } from '../errors.js';
import { maxTensors } from '../memory.js';
import { kernel } from '../native.js';
import { checkOptions } from '../options.js';
import { checkDim, copyOf, loopDims, type Shape, sameShape, sizeOf, sizesAround, stridesOf } from '../shape.js';
import { checkSameDType, checkTensor, empty, type Tensor, tensorsOf } from '../tensor.js';
import { fillKernel } from './creation.js';
import { strided, unsqueeze } from './shape.js';

const stridedAssignKernel = kernel('stridedAssign', 'y x offset pairs');

/** Which elements of a larger tensor make up a part. */
interface Part {
  shape: Shape;
  offset: number;
  strides: readonly number[];
}

function assign(y: Tensor, x: Tensor, part: Part): void {
  if (x.size === 0) return;
  stridedAssignKernel(y.handle, x.handle, part.offset, ...loopDims(part.shape, [part.strides]));
}

// A part of x; and x as a part of a larger tensor that is `value` elsewhere. Each is the other's gradient.
function take(name: string, x: Tensor, part: Part): Tensor {
  const y = strided(x, part.shape, part.offset, part.strides);
  const from = x.dims;
  return record(name, y, [x], (dy) => [place(name, dy, from, part, 0)]);
}

function place(name: string, x: Tensor, shape: Shape, part: Part, value: number): Tensor {
  const y = empty(shape, x.dtype);
  fillKernel(y.handle, value);
  assign(y, x, part);
  return record(name, y, [x], (dy) => [take(name, dy, part)]);
}

// Parts of x that do not overlap; and parts joined into a larger tensor that is 0 elsewhere. Each is the other's gradient.
// All parts are one operation, or the gradient of each would be as large as x.
function takeAll(name: string, x: Tensor, parts: readonly Part[]): Tensor[] {
  const ys = parts.map((part) => strided(x, part.shape, part.offset, part.strides));
  const from = x.dims;
  const backward = (dys: readonly (Tensor | null)[]) => {
    const given = dys.filter((dy) => dy !== null);
    const places = parts.filter((_, i) => dys[i] !== null);
    return [placeAll(name, given, from, places)];
  };
  recordMany(name, ys, [x], backward, []);
  return ys;
}

function placeAll(name: string, tensors: readonly Tensor[], shape: Shape, parts: readonly Part[]): Tensor {
  const y = empty(shape, (tensors[0] as Tensor).dtype);
  if (tensors.reduce((sum, t) => sum + t.size, 0) < y.size) fillKernel(y.handle, 0);
  for (const [i, t] of tensors.entries()) assign(y, t, parts[i] as Part);
  const backward = (dy: Tensor, needs: readonly boolean[]) => {
    const wanted = parts.filter((_, i) => needs[i]);
    const gradients = takeAll(name, dy, wanted);
    let next = 0;
    return parts.map((_, i) => (needs[i] ? (gradients[next++] as Tensor) : null));
  };
  return record(name, y, tensors, backward);
}

function range(x: Tensor, dim: number, start: number, length: number, step: number): Part {
  const strides = stridesOf(x.dims);
  const offset = length === 0 ? 0 : start * (strides[dim] as number);
  strides[dim] = (strides[dim] as number) * step;
  return { shape: x.dims.map((n, i) => (i === dim ? length : n)), offset, strides };
}

function checkRank(operation: string, x: Tensor): void {
  if (x.rank === 0)
    throw new ShapeError(`${operation}: x must have at least one dimension, got a scalar; use reshape([1])`);
}

/**
 * The elements start, start + step, … below `end` along a dimension. A view along the first dimension with step 1, otherwise
 * a copy.
 *
 * @param options dim (default 0), start (default 0), end (default the size), step (default 1, at least 1). Negative starts
 *   and ends count from the end; those out of range are clamped, as in JavaScript's `slice`.
 * @example
 * images.slice({ start: 0, end: 64 });
 */
export function slice(x: Tensor, options?: { dim?: number; start?: number; end?: number; step?: number }): Tensor {
  checkTensor('slice', 'x', x);
  checkOptions('slice', options, ['dim', 'start', 'end', 'step']);
  checkRank('slice', x);
  const dim = checkDim('slice', options?.dim ?? 0, x.rank);
  const n = x.dims[dim] as number;
  const clamp = (name: string, value: number): number => {
    if (!Number.isSafeInteger(value))
      throw new ArgumentError(`slice: ${name} must be an integer, got ${describe(value)}`);
    return Math.min(Math.max(value < 0 ? value + n : value, 0), n);
  };
  const start = clamp('start', options?.start ?? 0);
  const end = clamp('end', options?.end ?? n);
  const step = checkInteger('slice', 'step', options?.step ?? 1, 1);
  return take('slice', x, range(x, dim, start, Math.max(Math.ceil((end - start) / step), 0), step));
}

/**
 * Splits x along a dimension into parts of `size` elements (the last may be smaller) or of the given sizes.
 *
 * @param args dim: default 0
 * @throws ShapeError when the sizes do not add up to that of the dimension
 */
export function split(x: Tensor, size: number | readonly number[], ...args: OptionalDimArguments): Tensor[] {
  checkTensor('split', 'x', x);
  const { dim: given = 0 } = optionsOf<{ dim: number }>('split', args, ['dim']);
  checkRank('split', x);
  const dim = checkDim('split', given, x.rank);
  const n = x.dims[dim] as number;
  let sizes: readonly number[];
  if (Array.isArray(size)) {
    const parts = checkEach('split', 'size', 'must be an array', size, (n) => checkInteger('split', 'each size', n));
    const sum = parts.reduce((a, b) => a + b, 0);
    if (sum !== n) {
      throw new ShapeError(
        `split: sizes must add up to ${n}, the size of dimension ${dim}, got ${describe(parts)} (${sum})`,
      );
    }
    sizes = parts;
  } else {
    const step = checkInteger('split', 'size', size, n === 0 ? 0 : 1);
    sizes = partsOf('split', n, Math.max(Math.ceil(n / Math.max(step, 1)), 1), step);
  }
  return cut('split', x, dim, sizes);
}

// Sizes of at most `size` elements that add up to n.
function partsOf(operation: string, n: number, count: number, size: number): number[] {
  if (count > maxTensors) {
    throw new ArgumentError(`${operation}: x must be cut into at most ${maxTensors} parts, got ${count}`);
  }
  return Array.from({ length: count }, (_, i) => Math.min(size, n - i * size));
}

function cut(name: string, x: Tensor, dim: number, sizes: readonly number[]): Tensor[] {
  let start = 0;
  const parts = sizes.map((length) => {
    const part = range(x, dim, start, length, 1);
    start += length;
    return part;
  });
  return takeAll(name, x, parts);
}

/**
 * Splits x along a dimension into at most `chunks` parts of ⌈n / chunks⌉ elements; the last may be smaller. A dimension
 * without elements gives `chunks` parts.
 *
 * @param args chunks; dim: default 0
 */
export function chunk(
  x: Tensor,
  ...args: Positional<{ chunks: number; dim?: number }, [chunks: 'chunks', dim: 'dim']>
): Tensor[] {
  checkTensor('chunk', 'x', x);
  const options = optionsOf<{ chunks: number; dim: number }>('chunk', args, ['chunks', 'dim']);
  const { dim: given = 0 } = options;
  checkRank('chunk', x);
  const chunks = checkInteger('chunk', 'chunks', options.chunks, 1);
  const dim = checkDim('chunk', given, x.rank);
  const n = x.dims[dim] as number;
  const size = Math.ceil(n / chunks);
  return cut('chunk', x, dim, partsOf('chunk', n, n === 0 ? chunks : Math.ceil(n / size), size));
}

function checkTensors(operation: string, given: unknown): Tensor[] {
  const tensors = Array.isArray(given) ? tensorsOf(operation, 'tensors', given) : [];
  if (tensors.length === 0) {
    throw new ArgumentError(`${operation}: tensors must be an array of at least one tensor, got ${describe(given)}`);
  }
  checkSameDType(
    operation,
    tensors.map((_, i) => `tensors[${i}]`),
    tensors,
  );
  return tensors;
}

function joined(name: string, tensors: readonly Tensor[], dim: number): Tensor {
  const first = tensors[0] as Tensor;
  const shape = first.dims.slice();
  shape[dim] = tensors.reduce((sum, t) => sum + (t.dims[dim] as number), 0);
  const { inner } = sizesAround(shape, dim);
  const strides = stridesOf(shape);
  let start = 0;
  const parts = tensors.map((t) => {
    const part = { shape: t.dims, offset: t.size === 0 ? 0 : start * inner, strides };
    start += t.dims[dim] as number;
    return part;
  });
  return placeAll(name, tensors, shape, parts);
}

/**
 * Joins tensors along a dimension; the other sizes must be the same.
 *
 * @param args dim: default 0
 * @example
 * cat([zeros(2, 3), ones(1, 3)]); // [3, 3]
 */
export function cat(tensors: readonly Tensor[], ...args: OptionalDimArguments): Tensor {
  const all = checkTensors('cat', tensors);
  const { dim: given = 0 } = optionsOf<{ dim: number }>('cat', args, ['dim']);
  const first = all[0] as Tensor;
  if (first.rank === 0) throw new ShapeError('cat: tensors must have at least one dimension, got scalars; use stack');
  const dim = checkDim('cat', given, first.rank);
  all.forEach((t, k) => {
    if (t.rank !== first.rank || t.dims.some((n, i) => i !== dim && n !== first.dims[i])) {
      throw new ShapeError(
        `cat: shapes must be the same but for dimension ${dim}, got tensors[0] ${formatShape(first.dims)} and tensors[${k}] ${formatShape(t.dims)}`,
      );
    }
  });
  return joined('cat', all, dim);
}

/**
 * Joins tensors of one shape along a new dimension.
 *
 * @param args dim: the position of the new dimension; default 0
 * @example
 * stack([zeros(3), ones(3)]); // [2, 3]
 */
export function stack(tensors: readonly Tensor[], ...args: OptionalDimArguments): Tensor {
  const all = checkTensors('stack', tensors);
  const { dim: given = 0 } = optionsOf<{ dim: number }>('stack', args, ['dim']);
  const first = all[0] as Tensor;
  const dim = checkDim('stack', given, first.rank + 1);
  all.forEach((t, k) => {
    if (!sameShape(t.dims, first.dims)) {
      throw new ShapeError(
        `stack: shapes must be the same, got tensors[0] ${formatShape(first.dims)} and tensors[${k}] ${formatShape(t.dims)}`,
      );
    }
  });
  return joined(
    'stack',
    all.map((t) => unsqueeze(t, dim)),
    dim,
  );
}

/** @internal The pairs of numbers of elements before and after dimensions, the last dimension's first, checked. */
export function checkPads(operation: string, name: string, pads: unknown, rank: number): number[] {
  const copy = copyOf(pads);
  if (copy === null || copy.length % 2 !== 0 || copy.length > 2 * rank) {
    const rule = `${name} must be pairs (before, after) for at most ${rank} dimensions`;
    throw new ArgumentError(`${operation}: ${rule}, got ${describe(pads)}`);
  }
  for (const n of copy) checkInteger(operation, `each ${name}`, n, Number.MIN_SAFE_INTEGER);
  return copy as number[];
}

/** @internal x surrounded by `value`, as the pairs say. */
export function surround(x: Tensor, padding: readonly number[], value = 0): Tensor {
  const amount = (dim: number, end: number): number => padding[2 * (x.rank - 1 - dim) + end] ?? 0;
  const inner = cropped(x, amount);
  const shape = inner.dims.map((n, i) => n + Math.max(amount(i, 0), 0) + Math.max(amount(i, 1), 0));
  const strides = stridesOf(shape);
  const offset = strides.reduce((sum, stride, i) => sum + stride * Math.max(amount(i, 0), 0), 0);
  return place('pad', inner, shape, { shape: inner.dims, offset: x.size === 0 ? 0 : offset, strides }, value);
}

// x without the elements that negative amounts cut off.
function cropped(x: Tensor, amount: (dim: number, end: number) => number): Tensor {
  const first = x.dims.map((_, i) => Math.max(-amount(i, 0), 0));
  const shape = x.dims.map((n, i) => n - (first[i] as number) + Math.min(amount(i, 1), 0));
  if (sameShape(shape, x.dims)) return x;
  const short = shape.findIndex((n) => n < 0);
  if (short >= 0) {
    throw new ShapeError(
      `pad: pad must not cut off more than there is, got x ${formatShape(x.dims)} and [${amount(short, 0)}, ${amount(short, 1)}] for dimension ${short}`,
    );
  }
  const strides = stridesOf(x.dims);
  const offset = sizeOf(shape) === 0 ? 0 : strides.reduce((sum, n, i) => sum + n * (first[i] as number), 0);
  return take('pad', x, { shape, offset, strides });
}
