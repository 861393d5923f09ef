// Max pooling that tells where its elements were, and the way back.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkEach, checkInteger, formatShape, ShapeError } from '../errors.js';
import { sameShape, sizeOf } from '../shape.js';
import { checkFloat, checkInt32, checkTensor, type Tensor } from '../tensor.js';
import { zeros } from './creation.js';
import { scatter } from './indexing-write.js';
import { maxOfWindows } from './pool-max.js';
import type { MaxPoolOptions } from './pool-sizes.js';
import type { Extremes } from './reduce-extremes.js';
import { reshape } from './shape.js';
import { type PerDimension, perDimension } from './windows.js';

/** The arguments after the input, by position or in options. */
export type MaxPoolWithIndicesArguments = Positional<
  Omit<MaxPoolOptions, 'returnIndices'>,
  [kernelSize: 'kernelSize', stride: 'stride', padding: 'padding', dilation: 'dilation', ceilMode: 'ceilMode']
>;

function withIndices(name: string, rank: number, x: Tensor, args: MaxPoolWithIndicesArguments): Extremes {
  const positions = ['kernelSize', 'stride', 'padding', 'dilation', 'ceilMode'];
  const options = optionsOf<MaxPoolOptions>(name, args, positions);
  return maxOfWindows(name, rank, x, { ...options, returnIndices: true }) as Extremes;
}

/**
 * `maxPool1d`, and the positions of the largest elements: int32, in the sequence. For `maxUnpool1d`.
 *
 * @param args those of `maxPool1d`
 * @example
 * nn.functional.maxPool1dWithIndices(tensor([[1, 3, 2, 5]]), 2).indices; // [[1, 3]]
 */
export function maxPool1dWithIndices(x: Tensor, ...args: MaxPoolWithIndicesArguments): Extremes {
  return withIndices('maxPool1dWithIndices', 1, x, args);
}

/**
 * `maxPool2d`, and the positions of the largest elements: int32, row · width + column. For `maxUnpool2d`.
 *
 * @param args those of `maxPool2d`
 * @example
 * nn.functional.maxPool2dWithIndices(tensor([[[1, 3], [2, 5]]]), 2).indices; // [[[3]]]
 */
export function maxPool2dWithIndices(x: Tensor, ...args: MaxPoolWithIndicesArguments): Extremes {
  return withIndices('maxPool2dWithIndices', 2, x, args);
}

/**
 * `maxPool3d`, and the positions of the largest elements: int32, in the flattened volume. For `maxUnpool3d`.
 *
 * @param args those of `maxPool3d`
 * @example
 * nn.functional.maxPool3dWithIndices(ones(1, 4, 4, 4), 2).values; // [1, 2, 2, 2]
 */
export function maxPool3dWithIndices(x: Tensor, ...args: MaxPoolWithIndicesArguments): Extremes {
  return withIndices('maxPool3dWithIndices', 3, x, args);
}

/** Arguments of the unpooling functions, by name: those of the pooling. */
export interface MaxUnpoolOptions {
  /** The size of a window: a number or one for each dimension. */
  kernelSize: PerDimension;
  /** Steps between two windows; default the kernel size. */
  stride?: PerDimension | null;
  /** The padding of the pooling; default 0. */
  padding?: PerDimension;
  /** The sizes of what was pooled, where several are possible; default the smallest. */
  outputSize?: readonly number[] | null;
}

/** The arguments after the indices, by position or in options. */
export type MaxUnpoolArguments = Positional<
  MaxUnpoolOptions,
  [kernelSize: 'kernelSize', stride: 'stride', padding: 'padding', outputSize: 'outputSize']
>;

/** @internal */
export function unpool(name: string, rank: number, x: Tensor, indices: Tensor, args: readonly unknown[]): Tensor {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  checkInt32(name, 'indices', indices);
  if (!sameShape(x.dims, indices.dims)) {
    const shapes = `x ${formatShape(x.dims)} and indices ${formatShape(indices.dims)}`;
    throw new ShapeError(`${name}: indices must have x's shape, got ${shapes}`);
  }
  if (x.rank !== rank + 1 && x.rank !== rank + 2) {
    throw new ShapeError(`${name}: x must have ${rank + 1} or ${rank + 2} dimensions, got x ${formatShape(x.dims)}`);
  }
  const names = ['kernelSize', 'stride', 'padding', 'outputSize'];
  const options = optionsOf<MaxUnpoolOptions>(name, args, names, [], ['stride', 'outputSize']);
  const kernel = perDimension(name, 'kernelSize', options.kernelSize, rank, 1);
  const stride = perDimension(name, 'stride', options.stride ?? kernel, rank, 1);
  const padding = perDimension(name, 'padding', options.padding ?? 0, rank, 0);
  const lead = x.dims.slice(0, -rank);
  const least = x.dims.slice(-rank).map((n, i) => {
    return (n - 1) * (stride[i] as number) - 2 * (padding[i] as number) + (kernel[i] as number);
  });
  const sizes = outputOf(name, options.outputSize ?? least, least, stride, x.rank);
  if (sizes.some((n) => n < 1)) {
    throw new ShapeError(`${name}: the result must not be empty, got ${formatShape([...lead, ...sizes])}`);
  }
  const planes = sizeOf(lead);
  const size = sizeOf(sizes);
  const target = zeros([planes, size], { dtype: x.dtype });
  if (x.size === 0) return reshape(target, [...lead, ...sizes]);
  const written = scatter(target, 1, reshape(indices, [planes, -1]), reshape(x, [planes, -1]));
  return reshape(written, [...lead, ...sizes]);
}

function outputOf(
  name: string,
  given: readonly number[],
  least: readonly number[],
  stride: readonly number[],
  rank: number,
): number[] {
  const all = checkEach(name, 'outputSize', 'must be an array', given, (n) => checkInteger(name, 'outputSize', n, 0));
  const sizes = all.length === rank ? all.slice(-least.length) : all;
  const fits = sizes.every((n, i) => Math.abs(n - (least[i] as number)) < (stride[i] as number) || n === least[i]);
  if (sizes.length === least.length && fits) return sizes;
  throw new ArgumentError(
    `${name}: outputSize must be less than a stride from ${formatShape(least)}, got ${formatShape(all)}`,
  );
}

/**
 * The way back from `maxPool1dWithIndices`: each element at its position, 0 elsewhere. Zeiler and Fergus, "Visualizing and
 * understanding convolutional networks", 2013, https://arxiv.org/abs/1311.2901
 *
 * Where windows overlap, several elements may have one position: the last one stays and gets the gradient, where PyTorch
 * gives it to each of them.
 *
 * @param indices int32, of x's shape
 * @param args kernelSize, stride (kernelSize), padding (0), outputSize (the smallest possible)
 * @throws ArgumentError when a position is outside of the result
 * @example
 * const { values, indices } = nn.functional.maxPool1dWithIndices(tensor([[1, 3, 2, 5]]), 2);
 * nn.functional.maxUnpool1d(values, indices, 2); // [[0, 3, 0, 5]]
 */
export function maxUnpool1d(x: Tensor, indices: Tensor, ...args: MaxUnpoolArguments): Tensor {
  return unpool('maxUnpool1d', 1, x, indices, args);
}

/**
 * The way back from `maxPool2dWithIndices`; see `maxUnpool1d`.
 *
 * @param indices int32, of x's shape
 * @param args kernelSize, stride (kernelSize), padding (0), outputSize (the smallest possible)
 * @throws ArgumentError when a position is outside of the result
 * @example
 * nn.functional.maxUnpool2d(tensor([[[5]]]), tensor([[[3]]], { dtype: 'int32' }), 2); // [[[0, 0], [0, 5]]]
 */
export function maxUnpool2d(x: Tensor, indices: Tensor, ...args: MaxUnpoolArguments): Tensor {
  return unpool('maxUnpool2d', 2, x, indices, args);
}

/**
 * The way back from `maxPool3dWithIndices`; see `maxUnpool1d`.
 *
 * @param indices int32, of x's shape
 * @param args kernelSize, stride (kernelSize), padding (0), outputSize (the smallest possible)
 * @throws ArgumentError when a position is outside of the result
 * @example
 * nn.functional.maxUnpool3d(ones(1, 1, 1, 1), zeros([1, 1, 1, 1], { dtype: 'int32' }), 2); // [1, 2, 2, 2]
 */
export function maxUnpool3d(x: Tensor, indices: Tensor, ...args: MaxUnpoolArguments): Tensor {
  return unpool('maxUnpool3d', 3, x, indices, args);
}
