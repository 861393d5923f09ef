import {
  type DimArguments,
  type List,
  type NamedList,
  onlyList,
  optionsOf,
  type Positional,
  requiredDim,
} from '../arguments.js';
import { record } from '../autograd/tape.js';
import { ArgumentError, describe, formatShape, ShapeError } from '../errors.js';
import { kernel } from '../native.js';
import { checkDim, checkSizes, dimsOf, loopDims, type Shape, sizeOf, sizesAround, stridesOf } from '../shape.js';
import { checkTensor, empty, type Tensor, view } from '../tensor.js';
import { expandTo } from './broadcast.js';

const stridedCopyKernel = kernel('stridedCopy', 'y x offset pairs');
const flipKernel = kernel('flip', 'y x outer n inner');
const triangleKernel = kernel('triangle', 'y x batch rows columns diagonal negative lower');

/**
 * @internal The elements x[offset + Σ i·stride] as a tensor of `shape`, off the tape: a view if they are contiguous, else a
 * copy.
 */
export function strided(x: Tensor, shape: Shape, offset: number, strides: readonly number[]): Tensor {
  if (sizeOf(shape) === 0) return empty(shape, x.dtype);
  const dims = loopDims(shape, [strides]);
  if (dims.length === 0 || (dims.length === 2 && dims[1] === 1)) return view(x, offset, shape);
  const y = empty(shape, x.dtype);
  stridedCopyKernel(y.handle, x.handle, offset, ...dims);
  return y;
}

/** @internal The same elements in another shape, recorded under `name`. */
export function reshaped(name: string, x: Tensor, shape: Shape): Tensor {
  const y = view(x, 0, shape);
  const from = x.dims;
  return record(name, y, [x], (dy) => [reshaped(name, dy, from)]);
}

/**
 * The same elements in another shape, as a view.
 *
 * @param shape the new sizes, one by one or as an array; one of them may be -1 and is inferred
 * @throws ShapeError when the number of elements differs
 * @example
 * zeros(2, 3, 4).reshape(2, -1); // [2, 12]
 */
export function reshape(x: Tensor, ...shape: List): Tensor {
  checkTensor('reshape', 'x', x);
  const sizes = checkSizes('reshape', 'shape', onlyList('reshape', shape), -1);
  const open = sizes.indexOf(-1);
  if (open !== sizes.lastIndexOf(-1)) {
    throw new ArgumentError(`reshape: only one size may be -1, got ${formatShape(sizes)}`);
  }
  const known = sizes.reduce((size, n) => (n === -1 ? size : size * n), 1);
  const left = x.size / known;
  if (open < 0 ? known !== x.size : !Number.isInteger(left)) {
    const clash = open < 0 ? `${x.size} ≠ ${known}` : `${x.size} is no multiple of ${known}`;
    throw new ShapeError(
      `reshape: shape must have as many elements as x, got x ${formatShape(x.dims)} and shape ${formatShape(sizes)} (${clash})`,
    );
  }
  if (open >= 0) sizes[open] = left;
  return reshaped('reshape', x, sizes);
}

/** The dimensions to merge. */
interface Extent {
  startDim?: number;
  endDim?: number;
}

/** The first and the last dimension to merge, by position or in options. */
export type FlattenArguments = Positional<Extent, ['startDim', 'endDim']>;

/**
 * Merges the dimensions `startDim` … `endDim` (both included) into one, as a view. A scalar becomes [1].
 *
 * @param args startDim (default 0) and endDim (default -1, the last)
 * @example
 * zeros(2, 3, 4).flatten(1); // [2, 12]
 */
export function flatten(x: Tensor, ...args: FlattenArguments): Tensor {
  checkTensor('flatten', 'x', x);
  const { startDim = 0, endDim = -1 } = optionsOf<Extent>('flatten', args, ['startDim', 'endDim']);
  const start = checkDim('flatten', startDim, x.rank);
  const end = checkDim('flatten', endDim, x.rank);
  if (start > end) throw new ArgumentError(`flatten: startDim must not come after endDim, got ${start} and ${end}`);
  const middle = sizeOf(x.dims.slice(start, end + 1));
  return reshaped('flatten', x, [...x.dims.slice(0, start), middle, ...x.dims.slice(end + 1)]);
}

/** One dimension or several. */
interface Dims {
  dim?: number | readonly number[];
}

/**
 * Removes the dimensions of size 1; returns a view.
 *
 * @param args dim: only this dimension, or these; one of another size is kept
 * @example
 * zeros(1, 3, 1).squeeze(0); // [3, 1]
 */
export function squeeze(x: Tensor, ...args: [options?: Dims] | [dim: number | readonly number[]]): Tensor {
  checkTensor('squeeze', 'x', x);
  const { dim } = optionsOf<Dims>('squeeze', args, ['dim']);
  const dims = dim === undefined ? x.dims.map((_, i) => i) : dimsOf('squeeze', dim, x.rank);
  return reshaped(
    'squeeze',
    x,
    x.dims.filter((n, i) => n !== 1 || !dims.includes(i)),
  );
}

/** Inserts a dimension of size 1 at `dim` (0 … rank; negative ones count from the end); returns a view. */
export function unsqueeze(x: Tensor, ...args: DimArguments): Tensor {
  checkTensor('unsqueeze', 'x', x);
  const at = requiredDim('unsqueeze', args, x.rank + 1);
  return reshaped('unsqueeze', x, [...x.dims.slice(0, at), 1, ...x.dims.slice(at)]);
}

function permuted(name: string, x: Tensor, order: readonly number[]): Tensor {
  const own = stridesOf(x.dims);
  const shape = order.map((d) => x.dims[d] as number);
  const y = strided(
    x,
    shape,
    0,
    order.map((d) => own[d] as number),
  );
  return record(name, y, [x], (dy) => {
    const inverse = order.map((_, d) => order.indexOf(d));
    return [permuted(name, dy, inverse)];
  });
}

/**
 * The dimensions in another order: y's dimension i is x's dimension dims[i]. A copy, as tensors are contiguous; `matmul`
 * takes transposed operands without one.
 *
 * @example
 * zeros(2, 3, 4).permute(2, 0, 1); // [4, 2, 3]
 */
export function permute(x: Tensor, ...args: NamedList<'dims'>): Tensor {
  checkTensor('permute', 'x', x);
  const dims = onlyList('permute', args, 'dims');
  if (!Array.isArray(dims)) throw new ArgumentError(`permute: dims must be an array, got ${describe(dims)}`);
  const order = dimsOf('permute', dims, x.rank);
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new ArgumentError(
      `permute: dims must name each dimension of x ${formatShape(x.dims)} once, got ${describe(dims)}`,
    );
  }
  return permuted('permute', x, order);
}

/** Swaps two dimensions. A copy, as tensors are contiguous; `matmul` takes transposed operands without one. */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  checkTensor('transpose', 'x', x);
  const a = checkDim('transpose', dim0, x.rank);
  const b = checkDim('transpose', dim1, x.rank);
  const order = x.dims.map((_, i) => (i === a ? b : i === b ? a : i));
  return permuted('transpose', x, order);
}

/**
 * Stretches dimensions of size 1, and new leading ones, to `shape` by repetition, as broadcasting does. A copy; x itself if
 * nothing is stretched.
 *
 * @param shape the new sizes, one by one or as an array; -1 keeps a dimension's size
 */
export function expand(x: Tensor, ...shape: List): Tensor {
  checkTensor('expand', 'x', x);
  const sizes = checkSizes('expand', 'shape', onlyList('expand', shape), -1);
  const lead = sizes.length - x.rank;
  const fits = sizes.every((n, i) =>
    i < lead ? n >= 0 : n === -1 || x.dims[i - lead] === 1 || x.dims[i - lead] === n,
  );
  if (lead < 0 || !fits) {
    throw new ShapeError(
      `expand: only sizes of 1 and new leading dimensions stretch, got x ${formatShape(x.dims)} and shape ${formatShape(sizes)}`,
    );
  }
  return expandTo(
    x,
    sizes.map((n, i) => (n === -1 ? (x.dims[i - lead] as number) : n)),
  );
}

/**
 * Repeats x repeats[i] times along dimension i. Missing leading repeats, or dimensions, count as 1.
 *
 * @example
 * tensor([1, 2]).tile(2, 2); // [[1, 2, 1, 2], [1, 2, 1, 2]]
 */
export function tile(x: Tensor, ...repeats: List): Tensor {
  checkTensor('tile', 'x', x);
  const given = checkSizes('tile', 'repeats', onlyList('tile', repeats), 0);
  const rank = Math.max(x.rank, given.length);
  const sizes = [...new Array<number>(rank - x.rank).fill(1), ...x.dims];
  const times = [...new Array<number>(rank - given.length).fill(1), ...given];
  const interleaved = reshaped(
    'tile',
    x,
    sizes.flatMap((n) => [1, n]),
  );
  const stretched = expandTo(
    interleaved,
    sizes.flatMap((n, i) => [times[i] as number, n]),
  );
  return reshaped(
    'tile',
    stretched,
    sizes.map((n, i) => n * (times[i] as number)),
  );
}

function flipped(x: Tensor, dim: number): Tensor {
  const { outer, n, inner } = sizesAround(x.dims, dim);
  const y = empty(x.dims, x.dtype);
  flipKernel(y.handle, x.handle, outer, n, inner);
  return record('flip', y, [x], (dy) => [flipped(dy, dim)]);
}

/**
 * The elements in reverse order along dimensions.
 *
 * @param args the dimensions, one by one or as an array; they must be given, as in PyTorch
 * @example
 * tensor([1, 2, 3]).flip(0); // [3, 2, 1]
 */
export function flip(x: Tensor, ...args: NamedList<'dims'>): Tensor {
  checkTensor('flip', 'x', x);
  const list = onlyList('flip', args, 'dims');
  const dims = dimsOf('flip', list, x.rank);
  if (new Set(dims).size !== dims.length) {
    throw new ArgumentError(`flip: dims must name each dimension once, got ${describe(list)}`);
  }
  return dims.reduce(flipped, x);
}

function triangle(name: 'tril' | 'triu', x: Tensor, diagonal: number): Tensor {
  const { outer, n, inner } = sizesAround(x.dims, x.rank - 2);
  const y = empty(x.dims, x.dtype);
  triangleKernel(
    y.handle,
    x.handle,
    outer,
    n,
    inner,
    Math.abs(diagonal),
    diagonal < 0 ? 1 : 0,
    name === 'tril' ? 1 : 0,
  );
  return record(name, y, [x], (dy) => [triangle(name, dy, diagonal)]);
}

export type TriangleArguments = [options?: { diagonal?: number }] | [diagonal: number];

function checkTriangle(name: 'tril' | 'triu', x: Tensor, args: TriangleArguments): Tensor {
  checkTensor(name, 'x', x);
  const { diagonal = 0 } = optionsOf<{ diagonal: number }>(name, args, ['diagonal']);
  if (x.rank < 2) throw new ShapeError(`${name}: x must have at least two dimensions, got x ${formatShape(x.dims)}`);
  if (!Number.isSafeInteger(diagonal))
    throw new ArgumentError(`${name}: diagonal must be an integer, got ${describe(diagonal)}`);
  return triangle(name, x, diagonal);
}

/**
 * The lower triangle of each matrix, zeros elsewhere: y[…, i, j] = j - i ≤ diagonal ? x[…, i, j] : 0.
 *
 * @param x […, rows, columns]
 * @param args diagonal: the last one that is kept; default 0, the main one; positive ones are to its right
 */
export function tril(x: Tensor, ...args: TriangleArguments): Tensor {
  return checkTriangle('tril', x, args);
}

/**
 * The upper triangle of each matrix, zeros elsewhere: y[…, i, j] = j - i ≥ diagonal ? x[…, i, j] : 0.
 *
 * @param x […, rows, columns]
 * @param args diagonal: the first one that stays; default 0, the main one; positive ones lie right of it
 */
export function triu(x: Tensor, ...args: TriangleArguments): Tensor {
  return checkTriangle('triu', x, args);
}
