import { isArrayOf } from '../arrays.js';
import { record } from '../autograd/tape.js';
import { isGradEnabled } from '../context.js';
import { type DType, dtypeTraits, isFloat, type TypedArray } from '../dtype.js';
import { ArgumentError, AutogradError, checkInteger, describe, formatShape, ShapeError } from '../errors.js';
import { kernel, native } from '../native.js';
import { checkOptions } from '../options.js';
import { broadcastStrides, loopDims, sameShape } from '../shape.js';
import { changed, checkDType, checkSameDType, checkTensor, empty, Tensor, view } from '../tensor.js';
import { tracing } from '../tracing.js';
import { checkElement, convert, fillKernel, type TensorData, tensor } from './creation.js';

const castKernel = kernel('cast', 'y x');
const addScaledKernel = kernel('addScaled', 'y x scale');
const stridedCopyKernel = kernel('stridedCopy', 'y x offset pairs');

/** A copy with memory of its own; gradients flow through it. */
export function clone(x: Tensor): Tensor {
  checkTensor('clone', 'x', x);
  const y = empty(x.dims, x.dtype);
  castKernel(y.handle, x.handle);
  return record('clone', y, [x], (dy) => [dy]);
}

/**
 * The elements converted to another dtype: floats become integers by truncation towards zero (NaN becomes 0, a value out
 * of range the nearest bound). Returns the tensor itself if it has that dtype. Gradients flow between float dtypes.
 */
export function to(x: Tensor, dtype: DType): Tensor {
  checkTensor('to', 'x', x);
  checkDType('to', dtype ?? null, x.dtype);
  if (dtype === x.dtype) return x;
  const y = empty(x.dims, dtype);
  castKernel(y.handle, x.handle);
  const from = x.dtype;
  return isFloat(dtype) ? record('to', y, [x], (dy) => [to(dy, from)]) : y;
}

/** @internal x as the option dtype of an operation wants it: converted, or as it is where that is left out. */
export function convertedTo(operation: string, x: Tensor, dtype: DType | undefined): Tensor {
  return dtype === undefined ? x : to(x, checkDType(operation, dtype, x.dtype));
}

/** The same memory without the graph: no gradient flows through it. */
export function detach(x: Tensor): Tensor {
  checkTensor('detach', 'x', x);
  return view(x, 0, x.dims);
}

/** @internal In-place operations are not recorded: they are for weights and state, under noGrad. */
export function checkInPlace(operation: string, x: Tensor, other?: Tensor): void {
  checkTensor(operation, 'x', x);
  if (isGradEnabled() && (x._requiresGrad || other?._requiresGrad)) {
    throw new AutogradError(
      `${operation}: in-place changes are not recorded for gradients; wrap it in noGrad(() => …) or use the operation without _`,
    );
  }
}

// What an operation in place reads: a copy where it is another view of the memory that is written, of which a part would
// be overwritten before it is read.
const readApart = (x: Tensor, from: Tensor): Tensor =>
  from !== x && x._base !== null && x._base === from._base ? clone(from) : from;

/**
 * Overwrites the elements with those of a tensor (converted to this dtype, broadcast), a typed array, nested arrays or a
 * number. Keeps shape and dtype.
 */
export function copy_(x: Tensor, source: Tensor | TensorData): Tensor {
  checkInPlace('copy_', x, source instanceof Tensor ? source : undefined);
  if (source instanceof Tensor) {
    if (sameShape(source.dims, x.dims)) castKernel(x.handle, readApart(x, source).handle);
    else {
      checkBroadcast('copy_', 'source', source, x);
      const from = to(readApart(x, source), x.dtype);
      stridedCopyKernel(x.handle, from.handle, 0, ...loopDims(x.dims, [broadcastStrides(from.dims, x.dims)]));
    }
  } else if (isArrayOf(x.dtype, source)) {
    writeArray(x, source);
  } else {
    const given = tensor(source, { dtype: x.dtype });
    if (ArrayBuffer.isView(source)) writeArray(x, convert(source as unknown as TypedArray, x.dtype));
    else return copy_(x, given);
  }
  changed(x);
  return x;
}

function writeArray(x: Tensor, array: TypedArray): void {
  if (array.length !== x.size)
    throw new ShapeError(`copy_: needs ${x.size} elements for ${formatShape(x.dims)}, got ${array.length}`);
  tracing.current?.touches('copy_', 'copy from a tensor');
  native.write(x.handle, array);
}

function checkBroadcast(operation: string, name: string, from: Tensor, x: Tensor): void {
  const lead = x.dims.length - from.dims.length;
  const fits = lead >= 0 && from.dims.every((n, i) => n === 1 || n === x.dims[i + lead]);
  if (!fits)
    throw new ShapeError(
      `${operation}: ${name} must broadcast to x, got x ${formatShape(x.dims)} and ${name} ${formatShape(from.dims)}`,
    );
}

/** Sets every element to `value`. */
export function fill_(x: Tensor, value: number): Tensor {
  checkInPlace('fill_', x);
  fillKernel(x.handle, checkElement('fill_', value, x.dtype));
  changed(x);
  return x;
}

/** Sets every element to 0. */
export function zero_(x: Tensor): Tensor {
  return fill_(x, 0);
}

/**
 * x ← x + alpha · other, in place; `other` has x's dtype and is broadcast to x's shape. For integers, alpha is an integer, too,
 * and results wrap as in `add`.
 */
export function add_(x: Tensor, other: Tensor | number, options?: { alpha?: number }): Tensor {
  return addScaled('add_', x, other, options, 1);
}

/** x ← x - alpha · other, in place: `add_` with -alpha. */
export function sub_(x: Tensor, other: Tensor | number, options?: { alpha?: number }): Tensor {
  return addScaled('sub_', x, other, options, -1);
}

function addScaled(
  operation: string,
  x: Tensor,
  other: Tensor | number,
  options: { alpha?: number } | undefined,
  sign: number,
): Tensor {
  checkOptions(operation, options, ['alpha']);
  const alpha = options?.alpha ?? 1;
  if (typeof alpha !== 'number')
    throw new ArgumentError(`${operation}: alpha must be a number, got ${describe(alpha)}`);
  checkInPlace(operation, x, other instanceof Tensor ? other : undefined);
  if (!isFloat(x.dtype)) checkInteger(operation, 'alpha', alpha, ...dtypeTraits.int32.range);
  let from = typeof other === 'number' ? tensor(other, { dtype: x.dtype }) : checkTensor(operation, 'other', other);
  checkSameDType(operation, ['x', 'other'], [x, from]);
  if (!sameShape(from.dims, x.dims)) {
    checkBroadcast(operation, 'other', from, x);
    const wide = empty(x.dims, x.dtype);
    stridedCopyKernel(wide.handle, from.handle, 0, ...loopDims(x.dims, [broadcastStrides(from.dims, x.dims)]));
    from = wide;
  }
  addScaledKernel(x.handle, readApart(x, from).handle, sign * alpha);
  changed(x);
  return x;
}
