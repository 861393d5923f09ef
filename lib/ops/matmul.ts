import { type Backward, factorsRead, record } from '../autograd/tape.js';
import { ArgumentError, describe, formatShape, ShapeError } from '../errors.js';
import { present } from '../lists.js';
import { kernel } from '../native.js';
import { checkOptions } from '../options.js';
import { broadcastStrides, loopDims, type Shape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { sumTo } from './broadcast.js';
import { reshaped } from './shape.js';

const matmulKernel = kernel('matmul', 'y a b transA transB m n k dims');

/** Options of `matmul`. */
export interface MatmulOptions {
  /** Whether the last two dimensions of `a` are swapped, at no cost; default false. */
  transposeA?: boolean;
  /** The same for `b`. */
  transposeB?: boolean;
}

/**
 * The matrix product: y[…, i, j] = Σₖ a[…, i, k] · b[…, k, j].
 *
 * | a | b | y |
 * |---|---|---|
 * | [k] | [k] | [], the dot product |
 * | [m, k] | [k] | [m] |
 * | [k] | […, k, n] | […, n] |
 * | […, m, k] | […, k, n] | […, m, n]; the leading dimensions broadcast |
 *
 * With `transposeA`, a is […, k, m]; with `transposeB`, b is […, n, k]. Very long sums are taken in pieces that are added in
 * double.
 *
 * @throws ShapeError when inner or leading dimensions do not match; DTypeError when dtypes differ or are not floats
 * @example
 * const y = matmul(tensor([[1, 2], [3, 4]]), tensor([[5, 6], [7, 8]]), { transposeB: true }); // [[17, 23], [39, 53]]
 */
export function matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor {
  checkTensor('matmul', 'a', a);
  checkTensor('matmul', 'b', b);
  checkFloat('matmul', 'a', a);
  if (a.dtype !== b.dtype) checkSameDType('matmul', ['a', 'b'], [a, b]);
  checkOptions('matmul', options, ['transposeA', 'transposeB']);
  const transposeA = checkFlag('transposeA', 'a', a, options?.transposeA);
  const transposeB = checkFlag('transposeB', 'b', b, options?.transposeB);
  if (a.rank === 0 || b.rank === 0) {
    throw new ShapeError(
      `matmul: a and b must have at least 1 dimension, got ${pair(a, b)}; multiply by a scalar with mul`,
    );
  }
  checkInner(a, b, transposeA, transposeB);
  if (a.rank > 1 && b.rank > 1) return product(a, b, transposeA, transposeB);
  // A vector is a row on the left and a column on the right; its dimension of 1 goes again.
  const left = a.rank === 1 ? reshaped('reshape', a, [1, a.size]) : a;
  const right = b.rank === 1 ? reshaped('reshape', b, [b.size, 1]) : b;
  const y = product(left, right, transposeA, transposeB);
  const shape = y.dims.slice(0, -2);
  if (a.rank > 1) shape.push(last(y, 2));
  if (b.rank > 1) shape.push(last(y, 1));
  return reshaped('reshape', y, shape);
}

function checkFlag(name: string, operand: string, x: Tensor, value: unknown): boolean {
  if (value === undefined || value === false) return false;
  if (value !== true) throw new ArgumentError(`matmul: ${name} must be a boolean, got ${describe(value)}`);
  if (x.rank < 2)
    throw new ShapeError(`matmul: ${name} needs at least 2 dimensions, got ${operand} ${formatShape(x.dims)}`);
  return true;
}

/** The size of a dimension counted from the end. */
/** @internal The size of a dimension, counted from the end. */
export const last = (x: Tensor, back: number): number => x.dims[x.dims.length - back] as number;

const pair = (a: Tensor, b: Tensor): string => `a ${formatShape(a.dims)} and b ${formatShape(b.dims)}`;

function checkInner(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): void {
  const inA = last(a, transposeA ? 2 : 1);
  const inB = last(b, transposeB || b.rank === 1 ? 1 : 2);
  if (inA === inB) return;
  const list = `a ${formatShape(a.dims)}${transposeA ? ' transposed' : ''} and b ${formatShape(b.dims)}${transposeB ? ' transposed' : ''}`;
  throw new ShapeError(`matmul: inner dimensions must match, got ${list} (${inA} ≠ ${inB})`);
}

/** The leading dimensions of the result. */
function batchShape(a: Tensor, b: Tensor): number[] {
  const rank = Math.max(a.rank, b.rank) - 2;
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const inA = a.dims[i - rank + a.rank - 2] ?? 1;
    const inB = b.dims[i - rank + b.rank - 2] ?? 1;
    if (inA !== inB && inA !== 1 && inB !== 1) {
      throw new ShapeError(`matmul: leading dimensions must broadcast, got ${pair(a, b)} (${inA} ≠ ${inB})`);
    }
    shape.push(inA === 1 ? inB : inA);
  }
  return shape;
}

/**
 * @internal The product of matrices, rank 2 and more, inner dimensions checked. The gradients are products with other transpose
 * flags, so nothing is copied.
 */
export function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  const y = run(a, b, transposeA, transposeB);
  const [readA, readB] = factorsRead(a, b);
  const backward = productBackward(readA, readB, a.dims, b.dims, transposeA, transposeB);
  return record('matmul', y, [a, b], backward, present(readA, readB));
}

// A function of its own, so that it holds what it is given and nothing else.
function productBackward(
  a: Tensor | null,
  b: Tensor | null,
  dimsA: Shape,
  dimsB: Shape,
  transposeA: boolean,
  transposeB: boolean,
): Backward {
  const gradientOfA = (dy: Tensor, b: Tensor) =>
    sumTo(transposeA ? product(b, dy, transposeB, true) : product(dy, b, false, !transposeB), dimsA);
  const gradientOfB = (dy: Tensor, a: Tensor) => {
    if (isShared(dimsA, dimsB, transposeA)) {
      // One matrix for the whole batch: its gradient is one product over all rows.
      const rows = asMatrix(a);
      const upstream = asMatrix(dy);
      return transposeB ? product(upstream, rows, true, false) : product(rows, upstream, true, false);
    }
    return sumTo(transposeB ? product(dy, a, true, transposeA) : product(a, dy, !transposeA, false), dimsB);
  };
  return (dy, needs) => [
    needs[0] ? gradientOfA(dy, b as Tensor) : null,
    needs[1] ? gradientOfB(dy, a as Tensor) : null,
  ];
}

/** Whether the batch of a is one tall matrix that is multiplied by a single b. */
function isShared(dimsA: Shape, dimsB: Shape, transposeA: boolean): boolean {
  return dimsB.length === 2 && dimsA.length > 2 && !transposeA;
}

function run(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  const m = last(a, transposeA ? 1 : 2);
  const k = last(a, transposeA ? 2 : 1);
  const n = last(b, transposeB ? 2 : 1);
  const flagA = transposeA ? 1 : 0;
  const flagB = transposeB ? 1 : 0;
  if (a.rank === 2 && b.rank === 2) {
    const y = empty([m, n], a.dtype);
    matmulKernel(y.handle, a.handle, b.handle, flagA, flagB, m, n, k);
    return y;
  }
  if (isShared(a.dims, b.dims, transposeA)) {
    const y = empty([...a.dims.slice(0, -1), n], a.dtype);
    matmulKernel(y.handle, a.handle, b.handle, flagA, flagB, rowsOf(a), n, k);
    return y;
  }
  const batch = batchShape(a, b);
  const y = empty([...batch, m, n], a.dtype);
  const dims = loopDims(batch, [matrixStrides(a, batch), matrixStrides(b, batch)]);
  matmulKernel(y.handle, a.handle, b.handle, flagA, flagB, m, n, k, ...dims);
  return y;
}

/** The strides of the leading dimensions of `x`, in elements, read as `batch`. */
function matrixStrides(x: Tensor, batch: Shape): number[] {
  const matrix = last(x, 1) * last(x, 2);
  return broadcastStrides(x.dims.slice(0, -2), batch).map((stride) => stride * matrix);
}

/** @internal The product of all dimensions but the last. */
export function rowsOf(x: Tensor): number {
  let rows = 1;
  for (let i = x.dims.length - 2; i >= 0; i--) rows *= x.dims[i] as number;
  return rows;
}

/** @internal Merges all leading dimensions: [rows, n]. */
export function asMatrix(x: Tensor): Tensor {
  return x.rank === 2 ? x : reshaped('reshape', x, [rowsOf(x), last(x, 1)]);
}
