import { arrayTypes, type DType, isFloat } from '../dtype.js';
import { ArgumentError, checkInteger, checkNumber, checkOptions, describe } from '../errors.js';
import { keep } from '../memory.js';
import { kernel, native } from '../native.js';
import { checkShape, type Shape, sizeOf } from '../shape.js';
import { checkDType, checkTensor, empty, finish, Tensor, type TensorOptions, tensorOptions } from '../tensor.js';

const fillKernel = kernel('fill');

/** @internal A number as an element of `dtype`: integers are checked, never rounded. */
export function checkElement(operation: string, value: unknown, dtype: DType): number {
  if (typeof value !== 'number')
    throw new ArgumentError(`${operation}: value must be a number, got ${describe(value)}`);
  if (isFloat(dtype)) return value;
  const [least, most] = dtype === 'uint8' ? [0, 255] : [-2147483648, 2147483647];
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new ArgumentError(
      `${operation}: value must be an integer that ${dtype} holds, got ${value}; convert the tensor by to('float32')`,
    );
  }
  return value;
}

function filled(operation: string, shape: Shape, value: number, options: TensorOptions | undefined): Tensor {
  checkOptions(operation, options, tensorOptions);
  const dtype = checkDType(operation, options?.dtype, 'float32');
  const y = empty(checkShape(operation, shape), dtype);
  fillKernel(y.handle, checkElement(operation, value, dtype));
  return finish(y, options);
}

/** A tensor of `shape` with every element `value`. */
export function full(shape: Shape, value: number, options?: TensorOptions): Tensor {
  return filled('full', shape, value, options);
}

/** A tensor of zeros. */
export function zeros(shape: Shape, options?: TensorOptions): Tensor {
  return filled('zeros', shape, 0, options);
}

/** A tensor of ones. */
export function ones(shape: Shape, options?: TensorOptions): Tensor {
  return filled('ones', shape, 1, options);
}

const cachedScalars: Record<DType, Map<number, Tensor>> = {
  float32: new Map(),
  float64: new Map(),
  int32: new Map(),
  uint8: new Map(),
};
const mostScalars = 256;

/**
 * @internal A number as a scalar tensor, the other operand of a binary operation. The last few are kept, as the same
 * numbers come back at each step; nobody outside sees them, so that they never change.
 */
export function scalar(operation: string, value: unknown, dtype: DType): Tensor {
  const cache = cachedScalars[dtype];
  const cached = cache.get(value as number);
  if (cached !== undefined && value !== 0) return cached;
  const y = empty([], dtype);
  fillKernel(y.handle, checkElement(operation, value, dtype));
  if (value === 0) return y; // a map does not tell 0 from -0
  if (cache.size >= mostScalars) cache.clear();
  cache.set(value as number, keep(y));
  return y;
}

/** Zeros of the shape and dtype of `x`. */
export function zerosLike(x: Tensor, options?: TensorOptions): Tensor {
  checkTensor('zerosLike', 'x', x);
  return filled('zerosLike', x.shape, 0, { dtype: x.dtype, ...options });
}

/** Ones of the shape and dtype of `x`. */
export function onesLike(x: Tensor, options?: TensorOptions): Tensor {
  checkTensor('onesLike', 'x', x);
  return filled('onesLike', x.shape, 1, { dtype: x.dtype, ...options });
}

/** `value` in the shape and dtype of `x`. */
export function fullLike(x: Tensor, value: number, options?: TensorOptions): Tensor {
  checkTensor('fullLike', 'x', x);
  return filled('fullLike', x.shape, value, { dtype: x.dtype, ...options });
}

/** start, start + step, … below `end` (exclusive); `arange(n)` counts from 0. Default dtype float32. */
export function arange(start: number, end?: number, options?: TensorOptions & { step?: number }): Tensor {
  checkOptions('arange', options, ['step', ...tensorOptions]);
  const from = end === undefined ? 0 : checkNumber('arange', 'start', start);
  const to = checkNumber('arange', 'end', end === undefined ? start : end);
  const step = checkNumber('arange', 'step', options?.step ?? 1);
  if (step === 0 || (to - from) * step < 0)
    throw new ArgumentError(`arange: step must lead from ${from} to ${to}, got ${step}`);
  const n = Math.ceil((to - from) / step);
  return fromFunction('arange', [n], (i) => from + i * step, options);
}

/** `steps` numbers evenly spaced from `start` to `end`, both included. */
export function linspace(start: number, end: number, steps: number, options?: TensorOptions): Tensor {
  checkOptions('linspace', options, tensorOptions);
  const from = checkNumber('linspace', 'start', start);
  const to = checkNumber('linspace', 'end', end);
  const n = checkInteger('linspace', 'steps', steps);
  const step = n > 1 ? (to - from) / (n - 1) : 0;
  return fromFunction('linspace', [n], (i) => (i < n / 2 ? from + i * step : to - (n - 1 - i) * step), options);
}

/** The identity matrix, [n, n] or [n, m]: ones on the diagonal. */
export function eye(n: number, m?: number, options?: TensorOptions): Tensor {
  checkOptions('eye', options, tensorOptions);
  const rows = checkInteger('eye', 'n', n);
  const columns = m === undefined ? rows : checkInteger('eye', 'm', m);
  return fromFunction('eye', [rows, columns], (i) => (Math.floor(i / columns) === i % columns ? 1 : 0), options);
}

function fromFunction(
  operation: string,
  shape: Shape,
  f: (i: number) => number,
  options: TensorOptions | undefined,
): Tensor {
  const dtype = checkDType(operation, options?.dtype, 'float32');
  const y = empty(shape, dtype);
  const values = new arrayTypes[dtype](sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = f(i);
  native.write(y.handle, values);
  return finish(y, options);
}

/** @internal An operand given as a tensor or a number. */
export function operand(operation: string, name: string, value: unknown, other: unknown): Tensor {
  if (value instanceof Tensor) return value;
  if (typeof value !== 'number')
    throw new ArgumentError(`${operation}: ${name} must be a tensor or a number, got ${describe(value)}`);
  return scalar(operation, value, other instanceof Tensor ? other.dtype : 'float32');
}
