// Comparisons, whose results are uint8 masks of 0 and 1, and functions that pick elements.
import { optionsOf } from '../arguments.js';
import { fusedGradients } from '../autograd/fused.js';
import { record } from '../autograd/tape.js';
import { isFloat } from '../dtype.js';
import { ArgumentError, DTypeError, describe } from '../errors.js';
import { type Kernel, kernel } from '../native.js';
import { broadcastShapes, broadcastStrides, loopDims, sameShape } from '../shape.js';
import { checkSameDType, checkTensor, empty, Tensor } from '../tensor.js';
import { applyBinary, type Operand, operands, sumTo } from './broadcast.js';
import { checkElement, full } from './creation.js';

const equalKernel = kernel('equal', 'y a b dims');
const notEqualKernel = kernel('notEqual', 'y a b dims');
const lessKernel = kernel('less', 'y a b dims');
const lessEqualKernel = kernel('lessEqual', 'y a b dims');

function compare(operation: string, run: Kernel, a: Operand, b: Operand): Tensor {
  const [x, y] = operands(operation, a, b);
  return applyBinary(operation, run, x, y, 'uint8');
}

/** Where a = b: uint8, 1 or 0, elementwise, broadcast. Tensors of one dtype, or one of them a number; NaN equals nothing. */
export function eq(a: Operand, b: Operand): Tensor {
  return compare('eq', equalKernel, a, b);
}

/** Where a ≠ b: uint8, 1 or 0, elementwise, broadcast. */
export function ne(a: Operand, b: Operand): Tensor {
  return compare('ne', notEqualKernel, a, b);
}

/** Where a < b: uint8, 1 or 0, elementwise, broadcast. */
export function lt(a: Operand, b: Operand): Tensor {
  return compare('lt', lessKernel, a, b);
}

/** Where a ≤ b: uint8, 1 or 0, elementwise, broadcast. */
export function le(a: Operand, b: Operand): Tensor {
  return compare('le', lessEqualKernel, a, b);
}

/** Where a > b: uint8, 1 or 0, elementwise, broadcast. */
export function gt(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('gt', a, b);
  return swapped('gt', lessKernel, x, y);
}

/** Where a ≥ b: uint8, 1 or 0, elementwise, broadcast. */
export function ge(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('ge', a, b);
  return swapped('ge', lessEqualKernel, x, y);
}

// a > b is b < a; a clash of shapes is worded in the caller's order.
function swapped(operation: string, run: Kernel, a: Tensor, b: Tensor): Tensor {
  if (!sameShape(a.dims, b.dims)) broadcastShapes(operation, ['a', 'b'], [a.dims, b.dims]);
  return applyBinary(operation, run, b, a, 'uint8');
}

const logicalAndKernel = kernel('logicalAnd', 'y a b dims');
const logicalOrKernel = kernel('logicalOr', 'y a b dims');
const logicalXorKernel = kernel('logicalXor', 'y a b dims');
const logicalNotKernel = kernel('logicalNot', 'y x');

function logical(operation: string, run: Kernel, a: Tensor, b: Tensor): Tensor {
  return applyBinary(operation, run, truth(operation, 'a', a), truth(operation, 'b', b));
}

function truth(operation: string, name: string, x: Tensor): Tensor {
  checkTensor(operation, name, x);
  return x.dtype === 'uint8' ? x : ne(x, 0);
}

/** Where a and b both are not 0: uint8, broadcast. Tensors of any dtype. */
export function logicalAnd(a: Tensor, b: Tensor): Tensor {
  return logical('logicalAnd', logicalAndKernel, a, b);
}

/** Where a or b is not 0: uint8, broadcast. Tensors of any dtype. */
export function logicalOr(a: Tensor, b: Tensor): Tensor {
  return logical('logicalOr', logicalOrKernel, a, b);
}

/** Where one of a and b is 0 and the other is not: uint8, broadcast. Tensors of any dtype. */
export function logicalXor(a: Tensor, b: Tensor): Tensor {
  return logical('logicalXor', logicalXorKernel, a, b);
}

/** Where x = 0: uint8. A tensor of any dtype. */
export function logicalNot(x: Tensor): Tensor {
  return mask('logicalNot', logicalNotKernel, x);
}

function mask(name: string, run: Kernel, x: Tensor): Tensor {
  checkTensor(name, 'x', x);
  const y = empty(x.dims, 'uint8');
  run(y.handle, x.handle);
  return y;
}

const isnanKernel = kernel('isnan', 'y x');
const isfiniteKernel = kernel('isfinite', 'y x');

/** Where x is NaN: uint8. A tensor of any dtype; integers never are. */
export function isnan(x: Tensor): Tensor {
  if (checkTensor('isnan', 'x', x) && !isFloat(x.dtype)) return full(x.dims, 0, { dtype: 'uint8' });
  return mask('isnan', isnanKernel, x);
}

/** Where x is neither NaN nor ±∞: uint8. A tensor of any dtype; integers always are finite. */
export function isfinite(x: Tensor): Tensor {
  if (checkTensor('isfinite', 'x', x) && !isFloat(x.dtype)) return full(x.dims, 1, { dtype: 'uint8' });
  return mask('isfinite', isfiniteKernel, x);
}

const whereKernel = kernel('where', 'y condition a b dims');

/**
 * y = condition ? a : b, elementwise, all three broadcast.
 *
 * @param condition uint8, not 0 where a is taken
 * @param a a tensor, or a number that takes b's dtype; two numbers give float32
 * @param b a tensor of a's dtype, or a number
 * @example
 * const x = tensor([-1, 2, -3]);
 * const y = where(gt(x, 0), x, 0); // [0, 2, 0]
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  checkTensor('where', 'condition', condition);
  if (condition.dtype !== 'uint8') {
    throw new DTypeError(`where: condition must be uint8, got ${condition.dtype}; compare it, as in ne(condition, 0)`);
  }
  const [x, y] = operands('where', typeof b === 'number' && typeof a === 'number' ? full([], a) : a, b);
  const result = choose(condition, x, y);
  const xShape = x.dims;
  const yShape = y.dims;
  const backward = (dy: Tensor, needs: readonly boolean[]) => [
    needs[0] ? sumTo(where(condition, dy, 0), xShape) : null,
    needs[1] ? sumTo(where(condition, 0, dy), yShape) : null,
  ];
  return record('where', result, [x, y], backward, [condition]);
}

function choose(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  if (sameShape(a.dims, b.dims) && sameShape(a.dims, condition.dims)) {
    const y = empty(a.dims, a.dtype);
    whereKernel(y.handle, condition.handle, a.handle, b.handle, y.size, 1, 1, 1);
    return y;
  }
  const shapes = [condition.dims, a.dims, b.dims];
  const shape = broadcastShapes('where', ['condition', 'a', 'b'], shapes);
  const dims = loopDims(
    shape,
    shapes.map((s) => broadcastStrides(s, shape)),
  );
  const y = empty(shape, a.dtype);
  whereKernel(y.handle, condition.handle, a.handle, b.handle, ...dims);
  return y;
}

/** @internal */
export const clampKernel = kernel('clamp', 'y x least most');
const clampBackwardKernel = kernel('clampBackward', 'dx dy x least most');

/** At least one of them must be given. */
interface Bounds {
  min?: Operand;
  max?: Operand;
}

/** The bounds, by position or in options. */
export type ClampArguments =
  | [options: Bounds]
  | [min: Operand, options?: { max?: Operand }]
  | [min: Operand | undefined, max: Operand];

/**
 * min(max(x, min), max); NaN stays NaN. Integers take whole bounds. The gradient is dy where min < x < max, else 0: at
 * the bounds it is 0 as in PyTorch 2.15, where older releases (1.13) have dy.
 *
 * @param args min and max, at least one of them: numbers, or tensors that broadcast with x; when min > max the result is max
 * @example
 * const y = clamp(tensor([-2, 0.5, 7]), 0, 1); // [0, 0.5, 1]
 */
export function clamp(x: Tensor, ...args: ClampArguments): Tensor {
  checkTensor('clamp', 'x', x);
  const options = optionsOf<Bounds>('clamp', args, ['min', 'max']);
  if (options.min === undefined && options.max === undefined) {
    throw new ArgumentError('clamp: min or max must be given, got neither');
  }
  if (options.min instanceof Tensor || options.max instanceof Tensor || !isFloat(x.dtype)) return within(x, options);
  const min = checkBound('clamp', 'min', options.min, Number.NEGATIVE_INFINITY);
  const max = checkBound('clamp', 'max', options.max, Number.POSITIVE_INFINITY);
  const y = empty(x.dims, x.dtype);
  clampKernel(y.handle, x.handle, min, max);
  // A missing bound limits nothing, not even an infinity: NaN compares that way.
  const [low, high] = [options.min ?? Number.NaN, options.max ?? Number.NaN];
  const backward = (dy: Tensor) => {
    const gradient = () => {
      const dx = empty(x.dims, x.dtype);
      clampBackwardKernel(dx.handle, dy.handle, x.handle, low, high);
      return [dx];
    };
    return fusedGradients('clamp', [dy, x], gradient, (dy, x) => {
      const held = logicalOr(le(x, low), ge(x, high));
      return [where(logicalOr(held, isnan(x)), 0, dy)];
    });
  };
  return record('clamp', y, [x], backward, [x]);
}

// x between bounds that are tensors, which get the gradient where they hold x.
function within(x: Tensor, { min, max }: Bounds): Tensor {
  const bound = (name: 'min' | 'max', value: Operand): Tensor => {
    if (!(value instanceof Tensor)) {
      const limit = isFloat(x.dtype) ? checkBound('clamp', name, value, 0) : checkElement('clamp', value, x.dtype);
      return full([], limit, { dtype: x.dtype });
    }
    checkSameDType('clamp', ['x', name], [x, checkTensor('clamp', name, value)]);
    return value;
  };
  const held = (y: Tensor, name: 'min' | 'max', value: Operand | undefined, beyond: typeof lt): Tensor => {
    if (value === undefined) return y;
    const limit = bound(name, value);
    return where(logicalOr(beyond(y, limit), ne(limit, limit)), limit, y);
  };
  return held(held(x, 'min', min, lt), 'max', max, gt);
}

/**
 * min(max(x, min), max): the other name of `clamp`.
 *
 * @param args min and max, at least one of them
 * @example
 * clip(tensor([-2, 0.5, 7]), 0, 1); // [0, 0.5, 1]
 */
export function clip(x: Tensor, ...args: ClampArguments): Tensor {
  return clamp(x, ...args);
}

/** @internal A bound that may be infinite. */
export function checkBound(operation: string, name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new ArgumentError(`${operation}: ${name} must be a number, got ${describe(value)}`);
  return value;
}
