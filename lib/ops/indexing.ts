import { optionsOf, type Positional } from '../arguments.js';
import { noGrad, record } from '../autograd/tape.js';
import { checkFault, refuseReading } from '../context.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkInteger, DTypeError, formatShape, ShapeError } from '../errors.js';
import { type Fault, kernel, native } from '../native.js';
import { checkDim, type Shape, sizesAround } from '../shape.js';
import { checkDType, checkInt32, checkSameDType, checkTensor, empty, Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { clone } from './copy.js';
import { arange, checkElement, zeros } from './creation.js';
import { add } from './elementwise.js';
import { tile } from './shape.js';
import { slice, surround } from './shape-slice.js';

const indexSelectKernel = kernel('indexSelect', 'y x index outer n inner');
const addedRowsKernel = kernel('addedRows', 'y x index outer n inner');
const gatherKernel = kernel('gather', 'y x index outer n inner');
const scatterAddKernel = kernel('scatterAdd', 'y x index outer n inner');
const maskedFillKernel = kernel('maskedFill', 'y x mask value');
const oneHotKernel = kernel('oneHot', 'y index classes');

/** @internal */
export function checkMask(operation: string, mask: unknown): Tensor {
  const t = checkTensor(operation, 'mask', mask);
  if (t.dtype === 'uint8') return t;
  throw new DTypeError(`${operation}: mask must be uint8, got ${t.dtype}; comparisons give such masks`);
}

// The dimension, which comes before the tensors as in PyTorch.
function dimBefore(operation: string, dim: unknown, x: Tensor, rest: string): number {
  refuseTensor(operation, dim, rest);
  return checkDim(operation, dim, x.rank);
}

function refuseTensor(operation: string, dim: unknown, rest: string): void {
  if (dim instanceof Tensor) {
    throw new ArgumentError(`${operation}: dim must come first, got a tensor; x.${operation}(dim, ${rest})`);
  }
}

function wrongIndex(operation: string, n: number, { value, position }: Fault, what = 'indices'): ArgumentError {
  const hint = value < 0 ? '; negative indices do not count from the end' : '';
  const rule = `${what} must be at least 0 and below ${n}`;
  return new ArgumentError(`${operation}: ${rule}, got ${value} (element ${position})${hint}`);
}

function checkIndices(operation: string, fault: Fault | undefined, n: number, what?: string): void {
  checkFault(fault, (found) => wrongIndex(operation, n, found, what));
}

// The position of a fault beyond all indices means a sum that does not fit.
function checkSums(fault: Fault | undefined, n: number, { size, dtype }: Tensor): void {
  checkFault(fault, (found) => {
    if (found.position < size) return wrongIndex('scatterAdd', n, found);
    const rule = `sums of integers must fit in ${dtype}`;
    const got = `got one that ${found.value} (element ${found.position - size} of src) takes beyond it`;
    return new ArgumentError(`scatterAdd: ${rule}, ${got}; convert x and src to a wider dtype`);
  });
}

/** dim and index, by position or in options. */
export type IndexArguments = Positional<{ dim: number; index: Tensor }, [dim: 'dim', index: 'index']>;

function indexOf(operation: string, x: Tensor, args: IndexArguments): { dim: number; index: Tensor } {
  refuseTensor(operation, args[0], 'index');
  const { dim, index } = optionsOf<{ dim: number; index: Tensor }>(operation, args, ['dim', 'index']);
  return { dim: checkDim(operation, dim, x.rank), index: checkInt32(operation, 'index', index) };
}

/**
 * The rows of x that `index` names: y[…, j, …] = x[…, index[j], …] along a dimension.
 *
 * @param args dim; index: int32 [m], in [0, n)
 * @throws ArgumentError when an index is out of range
 * @example
 * images.indexSelect(0, tensor([3, 1], { dtype: 'int32' })); // images 3 and 1
 */
export function indexSelect(x: Tensor, ...args: IndexArguments): Tensor {
  checkTensor('indexSelect', 'x', x);
  const { dim, index } = indexOf('indexSelect', x, args);
  if (x.rank === 0) throw new ShapeError('indexSelect: x must have at least one dimension, got a scalar');
  if (index.rank !== 1)
    throw new ShapeError(
      `indexSelect: index must have one dimension, got ${formatShape(index.dims)}; use gather for several`,
    );
  return rows(x, index, dim);
}

/** @internal Indices from -n to n - 1 as indices from 0: negative ones count from the end. */
export function counted(operation: string, index: Tensor, n: number, dim: number): Tensor {
  const twice = tile(arange(n, { dtype: 'int32' }), 2);
  const y = empty(index.dims, 'int32');
  const fault = indexSelectKernel(y.handle, twice.handle, add(index, n).handle, 1, 2 * n, 1);
  checkFault(fault, ({ value, position }) => {
    const rule = `indices of dimension ${dim} must be at least ${-n} and below ${n}`;
    return new ArgumentError(`${operation}: ${rule}, got ${(value - n) | 0} (element ${position})`);
  });
  return y;
}

/** @internal The counts themselves if all are at least 1 and at most n; a replayed step refuses others, too. */
export function countsUpTo(n: number, counts: Tensor, wrong: (found: Fault) => Error): Tensor {
  const y = empty(counts.dims, 'int32');
  const all = arange(1, n + 1, { dtype: 'int32' });
  const fault = indexSelectKernel(y.handle, all.handle, add(counts, -1).handle, 1, n, 1);
  checkFault(fault, ({ value, position }) => wrong({ value: (value + 1) | 0, position }));
  return y;
}

/** @internal Selecting rows, and adding rows to zeros: each is the other's gradient. */
export function rows(x: Tensor, index: Tensor, dim: number): Tensor {
  const { outer, n, inner } = sizesAround(x.dims, dim);
  const y = empty(
    x.dims.map((size, i) => (i === dim ? index.size : size)),
    x.dtype,
  );
  checkIndices('indexSelect', indexSelectKernel(y.handle, x.handle, index.handle, outer, n, inner), n);
  const from = x.dims;
  return record('indexSelect', y, [x], (dy) => [addedRows(dy, index, from, dim)], [index]);
}

/** @internal Zeros of a shape with each row of x added where `index` says, along a dimension. */
export function addedRows(x: Tensor, index: Tensor, shape: Shape, dim: number): Tensor {
  const { outer, n, inner } = sizesAround(shape, dim);
  const y = empty(shape, x.dtype);
  addedRowsKernel(y.handle, x.handle, index.handle, outer, n, inner);
  return record('addedRows', y, [x], (dy) => [rows(dy, index, dim)], [index]);
}

// Whether `small` has the rank of `large` and is no larger, except in dimension `dim`.
function fitsInside(small: Shape, large: Shape, dim: number): boolean {
  return small.length === large.length && small.every((n, i) => i === dim || n <= (large[i] as number));
}

// x cut to `shape`, except in dimension `dim`.
function narrow(x: Tensor, shape: Shape, dim: number): Tensor {
  return shape.reduce((y, n, i) => (i === dim || n === x.dims[i] ? y : slice(y, { dim: i, end: n })), x);
}

/**
 * One element of x for each element of `index`, along a dimension: y[i, j, k] = x[i, index[i, j, k], k] for dim 1 of three.
 *
 * @param args dim; index: int32, of x's rank, in [0, n); outside `dim` its sizes may be smaller than x's
 * @throws ArgumentError when an index is out of range
 * @example
 * logProbabilities.gather(1, labels.unsqueeze(1)); // [batch, 1]
 */
export function gather(x: Tensor, ...args: IndexArguments): Tensor {
  checkTensor('gather', 'x', x);
  const { dim, index } = indexOf('gather', x, args);
  if (!fitsInside(index.dims, x.dims, dim)) {
    throw new ShapeError(
      `gather: index must have x's rank and outside dimension ${dim} no larger sizes, got x ${formatShape(x.dims)} and index ${formatShape(index.dims)}`,
    );
  }
  return gathered(narrow(x, index.dims, dim), index, dim);
}

/** @internal Gathering, and adding to zeros: each is the other's gradient. An error about an index names `operation`. */
export function gathered(x: Tensor, index: Tensor, dim: number, operation = 'gather'): Tensor {
  const { outer, n, inner } = sizesAround(x.dims, dim);
  const y = empty(index.dims, x.dtype);
  checkIndices(operation, gatherKernel(y.handle, x.handle, index.handle, outer, n, inner), n);
  const from = x.dims;
  return record('gather', y, [x], (dy) => [scattered(dy, index, from, dim)], [index]);
}

function scattered(x: Tensor, index: Tensor, shape: Shape, dim: number): Tensor {
  const { outer, n, inner } = sizesAround(shape, dim);
  const y = zeros(shape, { dtype: x.dtype });
  const fault = scatterAddKernel(y.handle, x.handle, index.handle, outer, n, inner);
  checkIndices('scatterAdd', fault, n);
  return record('scatterAdd', y, [x], (dy) => [gathered(dy, index, dim)], [index]);
}

/** @internal Whether `src` can be written to x where `index` says: the part of it that `index` covers. */
export function checkWritten(operation: string, x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  checkSameDType(operation, ['x', 'src'], [x, src]);
  if (!fitsInside(index.dims, x.dims, dim) || !fitsInside(index.dims, src.dims, -1)) {
    const shapes = `x ${formatShape(x.dims)}, index ${formatShape(index.dims)} and src ${formatShape(src.dims)}`;
    throw new ShapeError(
      `${operation}: index must have the rank of x and src and no larger sizes (of x's outside dimension ${dim}), got ${shapes}`,
    );
  }
  return narrow(src, index.dims, -1);
}

/**
 * x with each element of `src` added where `index` says, along a dimension: y = x, then
 * y[i, index[i, j, k], k] += src[i, j, k] for dim 1 of three. Sums run in the order of the indices, whatever the threads.
 *
 * @param index int32, of x's rank, in [0, n); outside `dim` no larger than x
 * @param src of x's dtype and rank, and at least index's sizes; elements beyond them are not read
 * @throws ArgumentError when an index, or a sum of integers, is out of range: sums never wrap
 */
export function scatterAdd(x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  checkTensor('scatterAdd', 'x', x);
  const along = dimBefore('scatterAdd', dim, x, 'index, src');
  checkInt32('scatterAdd', 'index', index);
  checkTensor('scatterAdd', 'src', src);
  const read = checkWritten('scatterAdd', x, along, index, src);
  if (index.dims.some((n, i) => i !== along && n !== x.dims[i])) {
    const target = x.dims.map((n, i) => (i === along ? n : (index.dims[i] as number)));
    const missing = x.dims.flatMap((n, i) => [n - (target[i] as number), 0]).reverse();
    return add(x, surround(scattered(read, index, target, along), missing));
  }
  const { outer, n, inner } = sizesAround(x.dims, along);
  const y = noGrad(() => clone(x));
  const fault = scatterAddKernel(y.handle, read.handle, index.handle, outer, n, inner);
  checkSums(fault, n, read);
  return record('scatterAdd', y, [x, read], (dy, needs) => [dy, needs[1] ? gathered(dy, index, along) : null], [index]);
}

/**
 * y = mask ? value : x, elementwise.
 *
 * @param args mask: uint8, broadcast to x's shape; everything but 0 counts as true; value: a number that x's dtype holds
 * @example
 * scores.maskedFill(hidden, Number.NEGATIVE_INFINITY);
 */
export function maskedFill(
  x: Tensor,
  ...args: Positional<{ mask: Tensor; value: number }, [mask: 'mask', value: 'value']>
): Tensor {
  checkTensor('maskedFill', 'x', x);
  const { mask, value } = optionsOf<{ mask: Tensor; value: number }>('maskedFill', args, ['mask', 'value']) as {
    mask: Tensor;
    value: number;
  };
  checkMask('maskedFill', mask);
  const lead = x.rank - mask.rank;
  if (lead < 0 || mask.dims.some((n, i) => n !== 1 && n !== x.dims[i + lead])) {
    throw new ShapeError(
      `maskedFill: mask must broadcast to x, got x ${formatShape(x.dims)} and mask ${formatShape(mask.dims)}`,
    );
  }
  const filling = checkElement('maskedFill', value, x.dtype);
  const y = empty(x.dims, x.dtype);
  maskedFillKernel(y.handle, x.handle, expandTo(mask, x.dims).handle, filling);
  return record('maskedFill', y, [x], (dy) => [maskedFill(dy, mask, 0)], [mask]);
}

/** Options of `oneHot`. */
interface OneHotOptions {
  numClasses?: number;
  dtype?: DType;
}

/** The number of classes by position and then dtype, or both in options. */
export type OneHotArguments = [options?: OneHotOptions] | [numClasses: number, options?: { dtype?: DType }];

/**
 * A new last dimension with 1 where its position is the index and 0 elsewhere: y[…, c] = c == index[…].
 *
 * @param index int32 of any shape, in [0, numClasses)
 * @param args numClasses: default (and -1) the largest index + 1; then { dtype } (default int32)
 * @throws ArgumentError when an index is out of range
 * @example
 * oneHot(labels, 10, { dtype: 'float32' }); // [batch, 10]
 */
export function oneHot(index: Tensor, ...args: OneHotArguments): Tensor {
  checkInt32('oneHot', 'index', index);
  const options = optionsOf<OneHotOptions>('oneHot', args, ['numClasses'], ['dtype']);
  const dtype = checkDType('oneHot', options.dtype, 'int32');
  const { numClasses = -1 } = options;
  const classes = numClasses === -1 ? largest(index) + 1 : numClasses;
  return oneHotOf('oneHot', 'indices', index, classes, dtype);
}

/** @internal {@link oneHot} as a part of another operation. */
export function oneHotOf(operation: string, what: string, index: Tensor, numClasses: number, dtype: DType): Tensor {
  const classes = checkInteger(operation, 'numClasses', numClasses, 1, native.limits.positions);
  const y = empty([...index.dims, classes], dtype);
  checkIndices(operation, oneHotKernel(y.handle, index.handle, classes), classes, what);
  return y;
}

function largest(index: Tensor): number {
  if (index.size === 0) throw new ArgumentError('oneHot: numClasses must be given for an empty index');
  refuseReading('oneHot', 'give numClasses');
  return (index.toTypedArray() as Int32Array).reduce((max, n) => Math.max(max, n), 0);
}
