import { countBeforeOptions, optionsOf, type Positional, type Sizes, shapeAndOptions } from '../arguments.js';
import { dtypeOfArray, isArrayOf, isClampedArray } from '../arrays.js';
import { currentRecording } from '../context.js';
import { type DType, dtypeTraits, isFloat, type TypedArray } from '../dtype.js';
import { ArgumentError, checkInteger, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { keep } from '../memory.js';
import { kernel, native } from '../native.js';
import { checkOptions } from '../options.js';
import { checkShape, type Shape, sizeOf } from '../shape.js';
import { checkDType, checkTensor, empty, Tensor, view } from '../tensor.js';

/** Options of the functions that create tensors. */
export interface TensorOptions {
  /** Element type; default `float32`. */
  dtype?: DType;
  /** Whether to record operations on the tensor for `backward`; default false. */
  requiresGrad?: boolean;
}

/** Arguments of `full`, by name. */
export interface FullOptions extends TensorOptions {
  size: Shape;
  fillValue: number;
}

/** @internal */
export const tensorOptions = ['dtype', 'requiresGrad'] as const;

/** @internal Applies `requiresGrad` to a new tensor. */
export function finish(t: Tensor, options: TensorOptions | undefined): Tensor {
  if (options?.requiresGrad !== undefined) t.requiresGrad = options.requiresGrad;
  return t;
}

/** What `tensor` accepts: a number, (nested) arrays of numbers or booleans, or a typed array. */
export type TensorData = number | boolean | TypedArray | Uint8ClampedArray | readonly TensorData[];

/**
 * A tensor with the given elements (copied).
 *
 * Typed arrays keep their element type; numbers and arrays become `float32`, booleans `uint8`, unless `dtype` says
 * otherwise. `shape` defaults to the nesting of the arrays.
 *
 * @throws ShapeError when nested arrays are ragged or `shape` has another number of elements
 * @throws ArgumentError when an element is not a number, or not an integer in range for an integer dtype
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * const w = tensor(new Float32Array(6), { shape: [2, 3], requiresGrad: true });
 */
export function tensor(data: TensorData, options?: TensorOptions & { shape?: Shape }): Tensor {
  checkOptions('tensor', options, ['shape', ...tensorOptions]);
  const flat = flatten(data);
  const dtype = checkDType('tensor', options?.dtype, flat.dtype);
  const shape = options?.shape === undefined ? flat.shape : checkShape('tensor', options.shape);
  if (sizeOf(shape) !== flat.values.length) {
    throw new ShapeError(
      `tensor: shape ${formatShape(shape)} has ${sizeOf(shape)} elements, got data with ${flat.values.length}`,
    );
  }
  const array = convert(flat.values, dtype);
  const t = empty(shape, dtype);
  native.write(t.handle, array);
  return finish(t, options);
}

const deepest = 32; // an array may contain itself

function flatten(data: unknown): { values: ArrayLike<number>; shape: number[]; dtype: DType } {
  const dtype = isClampedArray(data) ? 'uint8' : dtypeOfArray(data);
  if (dtype !== undefined) return { values: data as TypedArray, shape: [(data as TypedArray).length], dtype };
  const shape: number[] = [];
  for (let level = data; Array.isArray(level); level = level[0]) {
    if (shape.push(level.length) > deepest) throw new ArgumentError(`tensor: arrays nest more than ${deepest} deep`);
  }
  const values: number[] = [];
  let booleans = true;
  const walk = (value: unknown, depth: number): void => {
    if (Array.isArray(value)) {
      if (value.length !== shape[depth]) {
        throw new ShapeError(
          `tensor: nested arrays must be regular, got ${value.length} elements where ${shape[depth] ?? 'a number'} was expected at depth ${depth}`,
        );
      }
      for (const element of value) walk(element, depth + 1);
    } else {
      if (depth !== shape.length || (typeof value !== 'number' && typeof value !== 'boolean')) {
        throw new ArgumentError(
          `tensor: elements must be numbers in arrays of one shape, got ${describe(value)} at depth ${depth}`,
        );
      }
      booleans &&= typeof value === 'boolean';
      values.push(Number(value));
    }
  };
  walk(data, 0);
  return { values, shape, dtype: booleans && values.length > 0 ? 'uint8' : 'float32' };
}

/** @internal Numbers as a typed array; integers are checked, never wrapped. */
export function convert(values: ArrayLike<number>, dtype: DType): TypedArray {
  if (isArrayOf(dtype, values)) return values;
  const array = dtypeTraits[dtype].array.from(values);
  if (isFloat(dtype)) return array;
  for (let i = 0; i < array.length; i++) {
    if (array[i] !== values[i]) {
      throw new ArgumentError(
        `tensor: element ${i} must be an integer that ${dtype} holds, got ${describe(values[i])}`,
      );
    }
  }
  return array;
}

/** @internal */
export const fillKernel = kernel('fill', 'y value');

/** @internal A number as an element of `dtype`: integers are checked, never rounded. */
export function checkElement(operation: string, value: unknown, dtype: DType): number {
  if (typeof value !== 'number')
    throw new ArgumentError(`${operation}: value must be a number, got ${describe(value)}`);
  if (isFloat(dtype)) return value;
  const [min, max] = dtypeTraits[dtype].range;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new ArgumentError(
      `${operation}: value must be an integer that ${dtype} holds, got ${value}; convert the tensor by to('float32')`,
    );
  }
  return value;
}

function filled(operation: string, shape: readonly number[], value: number, options: TensorOptions): Tensor {
  const dtype = checkDType(operation, options.dtype, 'float32');
  const y = empty(shape, dtype);
  fillKernel(y.handle, checkElement(operation, value, dtype));
  return finish(y, options);
}

function filledWith(operation: string, value: number, args: readonly unknown[]): Tensor {
  const { shape, options } = shapeAndOptions<TensorOptions>(operation, args, tensorOptions);
  return filled(operation, shape, value, options);
}

/**
 * A tensor of a size with every element `fillValue`.
 *
 * @param args size, fillValue; options: dtype (float32), requiresGrad (false)
 * @example
 * full([2, 2], 7); // [[7, 7], [7, 7]]
 */
export function full(...args: Positional<FullOptions, [size: 'size', fillValue: 'fillValue']>): Tensor {
  const given = optionsOf<FullOptions>('full', args, ['size', 'fillValue'], tensorOptions);
  const { size, fillValue, ...options } = given;
  return filled('full', checkShape('full', size), fillValue as number, options);
}

/**
 * A tensor of zeros.
 *
 * @param args the sizes, one by one or as an array, then { dtype, requiresGrad } (default float32 and false)
 * @example
 * zeros(2, 3); // [[0, 0, 0], [0, 0, 0]]
 */
export function zeros(...args: Sizes<TensorOptions>): Tensor {
  return filledWith('zeros', 0, args);
}

/**
 * A tensor of ones.
 *
 * @param args the sizes, one by one or as an array, then { dtype, requiresGrad } (default float32 and false)
 * @example
 * ones([2], { dtype: 'int32' }); // [1, 1]
 */
export function ones(...args: Sizes<TensorOptions>): Tensor {
  return filledWith('ones', 1, args);
}

const cachedScalars: Record<DType, Map<number, Tensor>> = {
  float32: new Map(),
  float64: new Map(),
  int32: new Map(),
  uint8: new Map(),
};
const maxScalars = 1024; // one function may need a hundred

/**
 * @internal A number as a scalar tensor, the other operand of a binary operation. The last few are kept, because the same
 * numbers recur at each step; only the library sees them, so that they never change.
 */
export function scalar(operation: string, value: unknown, dtype: DType): Tensor {
  const cache = cachedScalars[dtype];
  const recorded = currentRecording() !== null; // each is a constant of its own then
  const cached = recorded ? undefined : cache.get(value as number);
  if (cached !== undefined && value !== 0) return cached;
  const y = empty([], dtype);
  fillKernel(y.handle, checkElement(operation, value, dtype));
  if (value === 0 || recorded) return y; // a map does not tell 0 from -0
  if (cache.size >= maxScalars) cache.clear();
  cache.set(value as number, keep(y));
  return y;
}

function filledLike(operation: string, x: Tensor, value: number, options: TensorOptions | undefined): Tensor {
  checkTensor(operation, 'x', x);
  checkOptions(operation, options, tensorOptions);
  return filled(operation, x.dims, value, { ...options, dtype: checkDType(operation, options?.dtype, x.dtype) });
}

/** Zeros of the shape and dtype of `x`. */
export function zerosLike(x: Tensor, options?: TensorOptions): Tensor {
  return filledLike('zerosLike', x, 0, options);
}

/** Ones of the shape and dtype of `x`. */
export function onesLike(x: Tensor, options?: TensorOptions): Tensor {
  return filledLike('onesLike', x, 1, options);
}

/** `value` in the shape and dtype of `x`. */
export function fullLike(x: Tensor, value: number, options?: TensorOptions): Tensor {
  return filledLike('fullLike', x, value, options);
}

/** Arguments of `arange`: (end), (start, end) or (start, end, step), then options. */
export type ArangeArguments =
  | [end: number, options?: ArangeOptions]
  | [start: number, end: number, options?: ArangeOptions]
  | [start: number, end: number, step: number, options?: TensorOptions];

/** Options of `arange`: step (default 1), dtype, requiresGrad. */
export interface ArangeOptions extends TensorOptions {
  step?: number;
}

/**
 * start, start + step, … below `end` (exclusive); `arange(n)` counts from 0. Default dtype float32; integers are truncated.
 *
 * @example
 * arange(1, 7, 2); // [1, 3, 5]
 * @throws ArgumentError when a number is beyond the dtype's range
 */
export function arange(...args: ArangeArguments): Tensor {
  const count = Math.min(countBeforeOptions(args), 2);
  const [first, second] = args.slice(0, count);
  const options = optionsOf<ArangeOptions>('arange', args.slice(count), ['step'], tensorOptions);
  const from = second === undefined ? 0 : checkNumber('arange', 'start', first);
  const to = checkNumber('arange', 'end', second === undefined ? first : second);
  const step = checkNumber('arange', 'step', options.step ?? 1);
  if (step === 0 || (to - from) * step < 0)
    throw new ArgumentError(`arange: step must lead from ${from} to ${to}, got ${step}`);
  const n = Math.ceil((to - from) / step);
  return fromFunction('arange', [n], (i) => from + i * step, options);
}

interface LinspaceOptions extends TensorOptions {
  start: number;
  end: number;
  steps: number;
}

/** start, end and steps, by position or in options. */
export type LinspaceArguments =
  | [start: number, end: number, steps: number, options?: TensorOptions]
  | [start: number, end: number, options: TensorOptions & { steps: number }]
  | [options: LinspaceOptions];

/**
 * `steps` numbers evenly spaced from `start` to `end`, both included. Integers are truncated.
 *
 * @throws ArgumentError when a number is beyond the dtype's range
 */
export function linspace(...args: LinspaceArguments): Tensor {
  const options = optionsOf<LinspaceOptions>('linspace', args, ['start', 'end', 'steps'], tensorOptions);
  const from = checkNumber('linspace', 'start', options.start);
  const to = checkNumber('linspace', 'end', options.end);
  const n = checkInteger('linspace', 'steps', options.steps);
  return fromFunction('linspace', [n], spaced(from, to, n), options);
}

/** @internal n numbers evenly spaced, from both ends: the last one is exact. */
export function spaced(from: number, to: number, n: number): (i: number) => number {
  const step = n > 1 ? (to - from) / (n - 1) : 0;
  return (i) => (i < n / 2 ? from + i * step : to - (n - 1 - i) * step);
}

/**
 * The identity matrix, [n, n] or [n, m]: ones on the diagonal.
 *
 * @param args m (default n), then { dtype, requiresGrad }
 * @example
 * eye(2, { dtype: 'int32' }); // [[1, 0], [0, 1]]
 */
export function eye(n: number, ...args: Positional<TensorOptions & { m?: number }, ['m']>): Tensor {
  const { m = n, ...options } = optionsOf<TensorOptions & { m: number }>('eye', args, ['m'], tensorOptions);
  const rows = checkInteger('eye', 'n', n);
  const columns = checkInteger('eye', 'm', m);
  return fromFunction('eye', [rows, columns], (i) => (Math.floor(i / columns) === i % columns ? 1 : 0), options);
}

function fromFunction(
  operation: string,
  shape: Shape,
  f: (i: number) => number,
  options: TensorOptions | undefined,
): Tensor {
  const dtype = checkDType(operation, options?.dtype, 'float32');
  const size = sizeOf(checkShape(operation, shape));
  if (size > 0) for (const i of [0, size - 1]) checkElement(operation, Math.trunc(f(i)), dtype);
  return finish(generate(shape, dtype, f), options);
}

const piece = 65_536;

/**
 * @internal A tensor whose element i is f(i). JavaScript holds one piece of it at a time, so that one that is too large fails like
 * any tensor.
 */
export function generate(shape: Shape, dtype: DType, f: (i: number) => number): Tensor {
  const y = empty(shape, dtype);
  const values = new dtypeTraits[dtype].array(Math.min(y.size, piece));
  for (let from = 0; from < y.size; from += piece) {
    const part = view(y, from, [Math.min(piece, y.size - from)]);
    for (let i = 0; i < part.size; i++) values[i] = f(from + i);
    native.write(part.handle, values.subarray(0, part.size));
    part.dispose();
  }
  return y;
}

/** @internal An operand given as a tensor or a number. */
export function operand(operation: string, name: string, value: unknown, other: unknown): Tensor {
  if (value instanceof Tensor) return value;
  if (typeof value !== 'number')
    throw new ArgumentError(`${operation}: ${name} must be a tensor or a number, got ${describe(value)}`);
  return scalar(operation, value, other instanceof Tensor ? other.dtype : 'float32');
}
