import { noGrad, record } from '../autograd/tape.js';
import { checkFault, refuseReading } from '../context.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkInteger, checkOptions, DTypeError, formatShape, ShapeError } from '../errors.js';
import { type Fault, kernel, native } from '../native.js';
import { checkDim, type Shape, sizesAround } from '../shape.js';
import { checkDType, checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { clone } from './copy.js';
import { checkElement, zeros } from './creation.js';
import { add } from './elementwise.js';
import { pad, slice } from './shape-slice.js';

const indexSelectKernel = kernel('indexSelect', 'y x index outer n inner');
const addedRowsKernel = kernel('addedRows', 'y x index outer n inner');
const gatherKernel = kernel('gather', 'y x index outer n inner');
const scatterAddKernel = kernel('scatterAdd', 'y x index outer n inner');
const maskedFillKernel = kernel('maskedFill', 'y x mask value');
const oneHotKernel = kernel('oneHot', 'y index classes');

function checkIndex(operation: string, index: unknown): Tensor {
  const t = checkTensor(operation, 'index', index);
  if (t.dtype !== 'int32')
    throw new DTypeError(`${operation}: index must be int32, got ${t.dtype}; convert it by index.to('int32')`);
  return t;
}

function wrongIndex(operation: string, n: number, { value, position }: Fault): ArgumentError {
  const hint = value < 0 ? '; negative indices do not count from the end' : '';
  const rule = `indices must be at least 0 and below ${n}`;
  return new ArgumentError(`${operation}: ${rule}, got ${value} (element ${position})${hint}`);
}

function checkIndices(operation: string, fault: Fault | undefined, n: number): void {
  checkFault(fault, (found) => wrongIndex(operation, n, found));
}

// The position of a fault beyond all indices means a sum that does not fit.
function checkSums(fault: Fault | undefined, n: number, { size, dtype }: Tensor): void {
  checkFault(fault, (found) => {
    if (found.position < size) return wrongIndex('scatterAdd', n, found);
    const rule = `sums of integers must fit in ${dtype}`;
    const got = `got one that ${found.value} (element ${found.position - size} of source) takes beyond it`;
    return new ArgumentError(`scatterAdd: ${rule}, ${got}; convert x and source to a wider dtype`);
  });
}

/**
 * The rows of x that `index` names: y[…, j, …] = x[…, index[j], …] along a dimension.
 *
 * @param index int32 [m], in [0, n)
 * @param options dim, which must be given, as in PyTorch
 * @throws ArgumentError when an index is out of range
 * @example
 * images.indexSelect(tensor([3, 1], { dtype: 'int32' }), { dim: 0 }); // images 3 and 1
 */
export function indexSelect(x: Tensor, index: Tensor, options: { dim: number }): Tensor {
  checkTensor('indexSelect', 'x', x);
  checkIndex('indexSelect', index);
  checkOptions('indexSelect', options, ['dim']);
  if (x.rank === 0) throw new ShapeError('indexSelect: x must have at least one dimension, got a scalar');
  if (index.rank !== 1)
    throw new ShapeError(
      `indexSelect: index must have one dimension, got ${formatShape(index.dims)}; use gather for several`,
    );
  return rows(x, index, checkDim('indexSelect', options?.dim, x.rank));
}

// Selecting rows, and adding rows to zeros: each is the other's gradient.
function rows(x: Tensor, index: Tensor, dim: number): Tensor {
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
 * @param index int32, of x's rank, in [0, n); outside `dim` its sizes may be smaller than x's
 * @param options dim, which must be given, as in PyTorch
 * @throws ArgumentError when an index is out of range
 * @example
 * logProbabilities.gather(labels.unsqueeze(1), { dim: 1 }); // [batch, 1]
 */
export function gather(x: Tensor, index: Tensor, options: { dim: number }): Tensor {
  checkTensor('gather', 'x', x);
  checkIndex('gather', index);
  checkOptions('gather', options, ['dim']);
  const dim = checkDim('gather', options?.dim, x.rank);
  if (!fitsInside(index.dims, x.dims, dim)) {
    throw new ShapeError(
      `gather: index must have x's rank and outside dimension ${dim} no larger sizes, got x ${formatShape(x.dims)} and index ${formatShape(index.dims)}`,
    );
  }
  return gathered(narrow(x, index.dims, dim), index, dim);
}

// Gathering, and adding to zeros: each is the other's gradient.
function gathered(x: Tensor, index: Tensor, dim: number): Tensor {
  const { outer, n, inner } = sizesAround(x.dims, dim);
  const y = empty(index.dims, x.dtype);
  checkIndices('gather', gatherKernel(y.handle, x.handle, index.handle, outer, n, inner), n);
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

/**
 * x with each element of `source` added where `index` says, along a dimension: y = x, then
 * y[i, index[i, j, k], k] += source[i, j, k] for dim 1 of three. Sums run in the order of the indices, whatever the threads.
 *
 * @param index int32, of x's rank, in [0, n); outside `dim` no larger than x
 * @param source of x's dtype and rank, and at least index's sizes; elements beyond them are not read
 * @param options dim, which must be given, as in PyTorch
 * @throws ArgumentError when an index, or a sum of integers, is out of range: sums never wrap
 */
export function scatterAdd(x: Tensor, index: Tensor, source: Tensor, options: { dim: number }): Tensor {
  checkTensor('scatterAdd', 'x', x);
  checkIndex('scatterAdd', index);
  checkTensor('scatterAdd', 'source', source);
  checkOptions('scatterAdd', options, ['dim']);
  checkSameDType('scatterAdd', ['x', 'source'], [x, source]);
  const dim = checkDim('scatterAdd', options?.dim, x.rank);
  if (!fitsInside(index.dims, x.dims, dim) || !fitsInside(index.dims, source.dims, -1)) {
    const shapes = `x ${formatShape(x.dims)}, index ${formatShape(index.dims)} and source ${formatShape(source.dims)}`;
    throw new ShapeError(
      `scatterAdd: index must have the rank of x and source and no larger sizes (of x's outside dimension ${dim}), got ${shapes}`,
    );
  }
  const read = narrow(source, index.dims, -1);
  if (index.dims.some((n, i) => i !== dim && n !== x.dims[i])) {
    const target = x.dims.map((n, i) => (i === dim ? n : (index.dims[i] as number)));
    const missing = x.dims.flatMap((n, i) => [n - (target[i] as number), 0]).reverse();
    return add(x, pad(scattered(read, index, target, dim), missing));
  }
  const { outer, n, inner } = sizesAround(x.dims, dim);
  const y = noGrad(() => clone(x));
  const fault = scatterAddKernel(y.handle, read.handle, index.handle, outer, n, inner);
  checkSums(fault, n, read);
  return record('scatterAdd', y, [x, read], (dy, needs) => [dy, needs[1] ? gathered(dy, index, dim) : null], [index]);
}

/**
 * y = mask ? value : x, elementwise.
 *
 * @param mask uint8, broadcast to x's shape; everything but 0 counts as true
 * @param value a number that x's dtype holds
 * @example
 * scores.maskedFill(hidden, Number.NEGATIVE_INFINITY);
 */
export function maskedFill(x: Tensor, mask: Tensor, value: number): Tensor {
  checkTensor('maskedFill', 'x', x);
  checkTensor('maskedFill', 'mask', mask);
  if (mask.dtype !== 'uint8')
    throw new DTypeError(`maskedFill: mask must be uint8, got ${mask.dtype}; comparisons give such masks`);
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

/**
 * A new last dimension with 1 where its position is the index and 0 elsewhere: y[…, c] = c == index[…].
 *
 * @param index int32 of any shape, in [0, numClasses)
 * @param options numClasses: default the largest index + 1; dtype: default int32
 * @throws ArgumentError when an index is out of range
 * @example
 * oneHot(labels, { numClasses: 10, dtype: 'float32' }); // [batch, 10]
 */
export function oneHot(index: Tensor, options?: { numClasses?: number; dtype?: DType }): Tensor {
  checkIndex('oneHot', index);
  checkOptions('oneHot', options, ['numClasses', 'dtype']);
  const dtype = checkDType('oneHot', options?.dtype, 'int32');
  const given = options?.numClasses ?? largest(index) + 1;
  const classes = checkInteger('oneHot', 'numClasses', given, 1, native.limits.positions);
  const y = empty([...index.dims, classes], dtype);
  checkIndices('oneHot', oneHotKernel(y.handle, index.handle, classes), classes);
  return y;
}

function largest(index: Tensor): number {
  if (index.size === 0) throw new ArgumentError('oneHot: numClasses must be given for an empty index');
  refuseReading('oneHot', 'give numClasses');
  return (index.toTypedArray() as Int32Array).reduce((max, n) => Math.max(max, n), 0);
}
