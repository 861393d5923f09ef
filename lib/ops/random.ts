import { aboutToChange, allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Sizes, shapeAndOptions } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { dtypeTraits, floatTypes, isFloat } from '../dtype.js';
import { ArgumentError, checkInteger, checkNumber, DTypeError, describe } from '../errors.js';
import { kernel, native } from '../native.js';
import { checkOptions } from '../options.js';
import { broadcastShapes, checkShape, type Shape } from '../shape.js';
import { checkDType, checkFloat, checkTensor, empty, Tensor } from '../tensor.js';
import { to } from './copy.js';
import { finish, type TensorOptions, tensorOptions } from './creation.js';
import { add, mul } from './elementwise.js';
import { defaultGenerator, Generator } from './generator.js';

/** Options of the functions that create random tensors. */
export interface RandomOptions extends TensorOptions {
  /** Where the numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

const randomOptions = [...tensorOptions, 'generator'];

/** @internal */
export function checkGenerator(operation: string, given: unknown): Generator {
  const generator = given === undefined ? defaultGenerator() : given;
  if (!(generator instanceof Generator)) {
    throw new ArgumentError(`${operation}: generator must be a Generator, got ${describe(given)}`);
  }
  return generator;
}

let draws = 0;

/** @internal How often random numbers have been drawn. */
export function drawsSoFar(): number {
  return draws;
}

/** @internal The handle of a generator's state, from which numbers are about to be drawn. */
export function drawnFrom(operation: string, given: unknown): Tensor {
  draws++;
  const { state } = checkGenerator(operation, given);
  aboutToChange(operation, state);
  return state;
}

// A float tensor of `shape`.
function uninitialised(operation: string, shape: Shape, options: RandomOptions | undefined): Tensor {
  const dtype = checkDType(operation, options?.dtype, 'float32');
  const sizes = checkShape(operation, shape);
  if (!isFloat(dtype)) {
    throw new DTypeError(
      `${operation}: dtype must be ${floatTypes.join(' or ')}, got ${dtype}; use randint for integers`,
    );
  }
  return empty(sizes, dtype);
}

/** @internal */
export const uniformKernel = kernel('uniform', 'y state least most');
/** @internal */
export const normalKernel = kernel('normal', 'y state mean deviation');
/** @internal */
export const bernoulliKernel = kernel('bernoulli', 'y state p');
const randintKernel = kernel('randint', 'y state low high');
const randpermKernel = kernel('randperm', 'y state');

/**
 * Numbers uniform in [0, 1), with 24 random bits in float32 and 53 in float64; `uniform_` has other bounds.
 *
 * @param args the sizes, one by one or as an array, then { dtype, generator, requiresGrad }
 * @example
 * rand(2, 3); // [2, 3]
 */
export function rand(...args: Sizes<RandomOptions>): Tensor {
  const { shape, options } = shapeAndOptions<RandomOptions>('rand', args, randomOptions);
  const state = drawnFrom('rand', options.generator);
  const y = finish(uninitialised('rand', shape, options), options);
  uniformKernel(y.handle, state.handle, 0, 1);
  return y;
}

type NormalOptions = RandomOptions & { mean: Tensor | number; std: Tensor | number; size: Shape };

/**
 * Normally distributed numbers. With tensors of means or standard deviations, one number for each of their elements, broadcast,
 * in their dtype.
 *
 * @param std the standard deviation, at least 0
 * @param args size: the shape, by position or in options; `dtype`: float32 or float64; `generator`, `requiresGrad`. With tensors
 *   `generator` alone
 * @example
 * const x = normal(10, 0.5, [2, 3]);
 */
export function normal(
  mean: number,
  std: number,
  ...args: [size: Shape, options?: RandomOptions] | [options: RandomOptions & { size: Shape }]
): Tensor;
export function normal(options: RandomOptions & { mean: number; std: number; size: Shape }): Tensor;
export function normal(mean: Tensor, std?: Tensor | number, options?: { generator?: Generator }): Tensor;
export function normal(mean: number, std: Tensor, options?: { generator?: Generator }): Tensor;
export function normal(...args: unknown[]): Tensor {
  const given = optionsOf<NormalOptions>('normal', args, ['mean', 'std', 'size'], randomOptions);
  const { mean, std = 1, ...rest } = given;
  if (mean instanceof Tensor || std instanceof Tensor) return normalAround(mean as Tensor | number, std, [rest]);
  const { size, ...options } = rest;
  return normalOf('normal', checkShape('normal', size), options, mean as number, std);
}

function normalAround(mean: Tensor | number, std: Tensor | number, rest: readonly unknown[]): Tensor {
  const { generator } = optionsOf<{ generator: Generator }>('normal', rest, [], ['generator']);
  const one = mean instanceof Tensor ? mean : (std as Tensor);
  const other = mean instanceof Tensor ? std : mean;
  checkFloat('normal', mean instanceof Tensor ? 'mean' : 'std', checkTensor('normal', 'mean', one));
  if (!(other instanceof Tensor)) checkNumber('normal', mean instanceof Tensor ? 'std' : 'mean', other);
  if (typeof std === 'number') checkNumber('normal', 'std', std, { min: 0 });
  const shapes = other instanceof Tensor ? [one.dims, checkTensor('normal', 'std', other).dims] : [one.dims];
  const shape = broadcastShapes('normal', ['mean', 'std'], shapes);
  return noGrad(() => {
    const options = { dtype: one.dtype, generator: checkGenerator('normal', generator) };
    return add(mul(normalOf('normal', shape, options, 0, 1), std), mean);
  });
}

function normalOf(operation: string, shape: Shape, options: RandomOptions | undefined, a: number, b: number): Tensor {
  const mean = checkNumber(operation, 'mean', a);
  const std = checkNumber(operation, 'std', b, { min: 0 });
  const state = drawnFrom(operation, options?.generator);
  const y = finish(uninitialised(operation, shape, options), options);
  normalKernel(y.handle, state.handle, mean, std);
  return y;
}

/**
 * Standard normal numbers: mean 0, standard deviation 1.
 *
 * @param args the sizes, one by one or as an array, then { dtype, generator, requiresGrad }
 * @example
 * randn([2, 3], { dtype: 'float64' }); // [2, 3]
 */
export function randn(...args: Sizes<RandomOptions>): Tensor {
  const { shape, options } = shapeAndOptions<RandomOptions>('randn', args, randomOptions);
  return normalOf('randn', shape, options, 0, 1);
}

/**
 * Integers uniform in [low, high); `randint(high, shape)` counts from 0.
 *
 * @param low at least -2³¹
 * @param high above low, at most 2³¹
 * @param options `dtype`: default int32 (a float32 holds integers up to 2²⁴ exactly); `generator`, `requiresGrad`
 * @example
 * const labels = randint(0, 10, [64]);
 */
export function randint(low: number, high: number, shape: Shape, options?: RandomOptions): Tensor;
export function randint(low: number, high: number, options: RandomOptions & { size: Shape }): Tensor;
export function randint(high: number, shape: Shape, options?: RandomOptions): Tensor;
export function randint(high: number, options: RandomOptions & { size: Shape }): Tensor;
export function randint(options: RandomOptions & { low?: number; high: number; size: Shape }): Tensor;
export function randint(...args: unknown[]): Tensor {
  // A single number is the upper bound.
  const [positions, named] = typeof args[1] === 'number' ? [['low', 'high', 'size'], []] : [['high', 'size'], ['low']];
  type Options = RandomOptions & { low: number; high: number; size: Shape };
  const given = optionsOf<Options>('randint', args, positions, [...named, ...randomOptions]);
  const { low = 0, high, size, ...options } = given;
  return integersIn(low, high as number, size as Shape, options);
}

function integersIn(low: number, high: number, shape: Shape, options: RandomOptions): Tensor {
  const dtype = checkDType('randint', options.dtype, 'int32');
  const [min, max] = dtypeTraits[dtype === 'uint8' ? 'uint8' : 'int32'].range;
  checkInteger('randint', 'low', low, min, max);
  checkInteger('randint', 'high', high, low + 1, max + 1);
  return allOrNothing(() => {
    const state = drawnFrom('randint', options.generator);
    const y = empty(checkShape('randint', shape), 'int32');
    randintKernel(y.handle, state.handle, low, high);
    return finish(to(y, dtype), options);
  });
}

/**
 * @internal 1 with probability p, else 0.
 *
 * @param options `p`: in [0, 1], default 0.5, resolved to 2⁻³⁰; `dtype`: float32 (default), float64 or uint8;
 *   `generator`, `requiresGrad`
 */
export function coins(shape: Shape, options?: RandomOptions & { p?: number }): Tensor {
  checkOptions('bernoulli', options, ['p', ...randomOptions]);
  const p = checkNumber('bernoulli', 'p', options?.p ?? 0.5, { min: 0, max: 1 });
  const dtype = checkDType('bernoulli', options?.dtype, 'float32');
  if (dtype === 'int32') throw new DTypeError('bernoulli: dtype must be float32, float64 or uint8, got int32');
  const state = drawnFrom('bernoulli', options?.generator);
  const y = finish(empty(checkShape('bernoulli', shape), dtype), options);
  bernoulliKernel(y.handle, state.handle, p);
  return y;
}

/**
 * The integers 0 … n - 1 in random order, int32 [n]; every order is equally likely.
 *
 * @param options `generator`
 * @example
 * const order = randperm(60000);
 */
export function randperm(n: number, options?: { generator?: Generator }): Tensor {
  checkOptions('randperm', options, ['generator']);
  checkInteger('randperm', 'n', n, 0, native.limits.positions - 1);
  const state = drawnFrom('randperm', options?.generator);
  const y = empty([n], 'int32');
  randpermKernel(y.handle, state.handle);
  return y;
}
