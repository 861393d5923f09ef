import { optionsOf, type Positional } from '../arguments.js';
import { record } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { ArgumentError, checkFlag, checkInteger } from '../errors.js';
import { kernel } from '../native.js';
import { empty, type Tensor } from '../tensor.js';
import { to } from './copy.js';
import { add, div, floor, mul } from './elementwise.js';
import { gather } from './indexing.js';
import {
  type AdaptivePoolOptions,
  type AdaptiveSize,
  type AvgPool2dOptions,
  type AvgPoolOptions,
  adaptiveWindows,
  byPlanes,
  type MaxPoolOptions,
  type PoolSizes,
  windowsOf,
} from './pool-sizes.js';
import type { Extremes } from './reduce-extremes.js';
import { reshape } from './shape.js';
import { slice } from './shape-slice.js';
import { type Axis, asImage } from './windows.js';

// Of the planes, and then of height and of width.
const axisNumbers = ['in', 'out', 'taps', 'stride', 'pad', 'dilation'] as const;
const numbers = `planes,${axisNumbers}`;
const maxPoolKernel = kernel('maxPool', `y index x ${numbers}`);
const maxPoolBackwardKernel = kernel('maxPoolBackward', `dx dy index ${numbers}`);
const maxPoolPickKernel = kernel('maxPoolPick', `y x index ${numbers}`);
const averagePoolKernel = kernel('averagePool', `y x withPadding divisor ${numbers}`);
const averagePoolBackwardKernel = kernel('averagePoolBackward', `dx dy withPadding divisor ${numbers}`);

/** The arguments after the input, by position or in options. */
export type MaxPoolArguments = Positional<
  MaxPoolOptions,
  [kernelSize: 'kernelSize', stride: 'stride', padding: 'padding', dilation: 'dilation', ceilMode: 'ceilMode']
>;
/** The arguments after the input, by position or in options. */
export type AvgPoolArguments = Positional<
  AvgPoolOptions,
  [
    kernelSize: 'kernelSize',
    stride: 'stride',
    padding: 'padding',
    ceilMode: 'ceilMode',
    countIncludePad: 'countIncludePad',
  ]
>;
/** The arguments after the input, by position or in options. */
export type AvgPool2dArguments = Positional<
  AvgPool2dOptions,
  [
    kernelSize: 'kernelSize',
    stride: 'stride',
    padding: 'padding',
    ceilMode: 'ceilMode',
    countIncludePad: 'countIncludePad',
    divisorOverride: 'divisorOverride',
  ]
>;
/** The arguments after the input, by position or in options. */
export type AdaptivePoolArguments = Positional<AdaptivePoolOptions, [outputSize: 'outputSize']>;

/** @internal */
export const maxPoolPositions = ['kernelSize', 'stride', 'padding', 'dilation', 'ceilMode'];
/** @internal */
export const avgPoolPositions = ['kernelSize', 'stride', 'padding', 'ceilMode', 'countIncludePad'];
/** @internal */
export const avgPool2dPositions = [...avgPoolPositions, 'divisorOverride'];

/**
 * The largest element of each window: y[…, i, j] = max x[…, i·s + k·d - p, j·s + l·d - p]. The gradient goes to the first
 * of equal elements; NaN counts as the largest.
 * Riesenhuber and Poggio, "Hierarchical models of object recognition in cortex", 1999, https://doi.org/10.1038/14819
 *
 * @param x [batch, channels, height, width] or without batch
 * @param args kernelSize: a number or [height, width]; stride (kernelSize), padding (0), dilation (1), ceilMode (false)
 * @returns [batch, channels, ⌊(height + 2p - d·(k - 1) - 1) / s⌋ + 1, …]
 * @throws ShapeError when the kernel is larger than the padded input
 * @example
 * maxPool2d(tensor([[[1, 2], [3, 4]]]), 2); // [[[4]]]
 */
export function maxPool2d(x: Tensor, ...args: MaxPoolArguments): Tensor {
  return maxPool('maxPool2d', 2, x, optionsOf<MaxPoolOptions>('maxPool2d', args, maxPoolPositions));
}

/**
 * The largest element of each window of a sequence [batch, channels, length]; see `maxPool2d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * maxPool1d(tensor([[1, 3, 2, 5]]), 2); // [[3, 5]]
 */
export function maxPool1d(x: Tensor, ...args: MaxPoolArguments): Tensor {
  return maxPool('maxPool1d', 1, x, optionsOf<MaxPoolOptions>('maxPool1d', args, maxPoolPositions));
}

/**
 * The largest element of each window of volumes [batch, channels, depth, height, width]; see `maxPool2d`.
 *
 * @param args those of `maxPool2d`: a number or [depth, height, width]
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * maxPool3d(ones([1, 4, 4, 4]), 2); // [1, 2, 2, 2]
 */
export function maxPool3d(x: Tensor, ...args: MaxPoolArguments): Tensor {
  return maxPool('maxPool3d', 3, x, optionsOf<MaxPoolOptions>('maxPool3d', args, maxPoolPositions));
}

/**
 * The mean of each window of images.
 * LeCun et al., "Gradient-based learning applied to document recognition", 1998, https://doi.org/10.1109/5.726791
 *
 * @param x [batch, channels, height, width] or without batch
 * @param args kernelSize: a number or [height, width]; stride (kernelSize), padding (0), ceilMode (false), countIncludePad
 *   (true), divisorOverride (none)
 * @returns of the shape that `maxPool2d` gives
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * avgPool2d(tensor([[[1, 2], [3, 4]]]), 2); // [[[2.5]]]
 */
export function avgPool2d(x: Tensor, ...args: AvgPool2dArguments): Tensor {
  return avgPool('avgPool2d', 2, x, optionsOf<AvgPool2dOptions>('avgPool2d', args, avgPool2dPositions));
}

/**
 * The mean of each window of a sequence [batch, channels, length]; see `avgPool2d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * avgPool1d(tensor([[1, 3, 2, 5]]), 2); // [[2, 3.5]]
 */
export function avgPool1d(x: Tensor, ...args: AvgPoolArguments): Tensor {
  return avgPool('avgPool1d', 1, x, optionsOf<AvgPoolOptions>('avgPool1d', args, avgPoolPositions));
}

/**
 * The mean of each window of volumes [batch, channels, depth, height, width]; see `avgPool2d`.
 *
 * @param args those of `avgPool2d`: a number or [depth, height, width]
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * avgPool3d(ones([1, 4, 4, 4]), 2); // [1, 2, 2, 2]
 */
export function avgPool3d(x: Tensor, ...args: AvgPool2dArguments): Tensor {
  return avgPool('avgPool3d', 3, x, optionsOf<AvgPool2dOptions>('avgPool3d', args, avgPool2dPositions));
}

/**
 * The means of windows that divide the image evenly, so that the result has a given size: for n elements and m results,
 * window i goes from ⌊i·n / m⌋ to ⌈(i + 1)·n / m⌉.
 * He et al., "Spatial pyramid pooling", 2014, https://arxiv.org/abs/1406.4729
 *
 * @param x [batch, channels, height, width] or without batch
 * @param args outputSize: a number or [height, width], null for that of x; 1 is the mean of the whole image
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * adaptiveAvgPool2d(ones([8, 64, 7, 7]), 1); // [8, 64, 1, 1]
 */
export function adaptiveAvgPool2d(x: Tensor, ...args: AdaptivePoolArguments): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool2d', 2, x, outputSizeOf('adaptiveAvgPool2d', args));
}

/**
 * Like `adaptiveAvgPool2d`, for a sequence [batch, channels, length].
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * adaptiveAvgPool1d(tensor([[1, 3, 2, 5]]), 2); // [[2, 3.5]]
 */
export function adaptiveAvgPool1d(x: Tensor, ...args: AdaptivePoolArguments): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool1d', 1, x, outputSizeOf('adaptiveAvgPool1d', args));
}

/**
 * The largest elements of windows that divide the image evenly; see `adaptiveAvgPool2d`.
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * adaptiveMaxPool2d(ones([8, 64, 7, 7]), [2, 1]); // [8, 64, 2, 1]
 */
export function adaptiveMaxPool2d(x: Tensor, ...args: AdaptivePoolArguments): Tensor {
  return adaptiveMaxPool('adaptiveMaxPool2d', 2, x, outputSizeOf('adaptiveMaxPool2d', args));
}

/**
 * Like `adaptiveMaxPool2d`, for a sequence [batch, channels, length].
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * adaptiveMaxPool1d(tensor([[1, 3, 2, 5]]), 2); // [[3, 5]]
 */
export function adaptiveMaxPool1d(x: Tensor, ...args: AdaptivePoolArguments): Tensor {
  return adaptiveMaxPool('adaptiveMaxPool1d', 1, x, outputSizeOf('adaptiveMaxPool1d', args));
}

/**
 * Like `adaptiveAvgPool2d`, for volumes [batch, channels, depth, height, width].
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * adaptiveAvgPool3d(ones([8, 64, 7, 7, 7]), 1); // [8, 64, 1, 1, 1]
 */
export function adaptiveAvgPool3d(x: Tensor, ...args: AdaptivePoolArguments): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool3d', 3, x, outputSizeOf('adaptiveAvgPool3d', args));
}

/**
 * Like `adaptiveMaxPool2d`, for volumes [batch, channels, depth, height, width].
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * adaptiveMaxPool3d(ones([8, 64, 7, 7, 7]), [3, 2, 1]); // [8, 64, 3, 2, 1]
 */
export function adaptiveMaxPool3d(x: Tensor, ...args: AdaptivePoolArguments): Tensor {
  return adaptiveMaxPool('adaptiveMaxPool3d', 3, x, outputSizeOf('adaptiveMaxPool3d', args));
}

/** @internal */
export function outputSizeOf(operation: string, args: AdaptivePoolArguments): AdaptiveSize {
  return optionsOf<AdaptivePoolOptions>(operation, args, ['outputSize']).outputSize as AdaptiveSize;
}

/** @internal */
export function maxPool(operation: string, rank: number, x: Tensor, options: Partial<MaxPoolOptions>): Tensor {
  return largest(operation, x, windowsOf(operation, rank, x, options));
}

/** @internal */
export function avgPool(operation: string, rank: number, x: Tensor, options: Partial<AvgPool2dOptions>): Tensor {
  const counted = checkFlag(operation, 'countIncludePad', options.countIncludePad, true);
  const { divisorOverride } = options;
  const divisor = divisorOverride === undefined ? 0 : checkInteger(operation, 'divisorOverride', divisorOverride, 1);
  return average(operation, x, windowsOf(operation, rank, x, options), { counted: Number(counted), divisor });
}

/** @internal */
export function adaptiveAvgPool(operation: string, rank: number, x: Tensor, outputSize: AdaptiveSize): Tensor {
  const sizes = adaptiveWindows(operation, rank, x, outputSize);
  return sizes.shape.includes(0) ? nothing(x, sizes) : average(operation, x, sizes, { counted: 0, divisor: 0 });
}

/** @internal */
export function adaptiveMaxPool(operation: string, rank: number, x: Tensor, outputSize: AdaptiveSize): Tensor {
  const sizes = adaptiveWindows(operation, rank, x, outputSize);
  return sizes.shape.includes(0) ? nothing(x, sizes) : largest(operation, x, sizes);
}

// A result without elements. Its gradient is zero.
const nothing = (x: Tensor, sizes: PoolSizes): Tensor => reshape(slice(x, { dim: -1, end: 0 }), sizes.shape);

function numbersOf(sizes: PoolSizes): number[] {
  return [sizes.planes, ...asImage(sizes.axes).flatMap((axis) => axisNumbers.map((name) => axis[name]))];
}

function largest(name: string, x: Tensor, sizes: PoolSizes): Tensor {
  if (sizes.axes.length === 3) {
    const [planes, depth] = byPlanes(sizes);
    return reshape(largest(name, largest(name, x, planes), depth), sizes.shape);
  }
  return largestAndPlaces(name, x, sizes).values;
}

// Of images: the largest elements, and where they are in their plane.
function largestAndPlaces(name: string, x: Tensor, sizes: PoolSizes): Extremes {
  const y = empty(sizes.shape, x.dtype);
  const index = empty(sizes.shape, 'int32');
  const shape = x.dims;
  maxPoolKernel(y.handle, index.handle, x.handle, ...numbersOf(sizes));
  return { values: record(name, y, [x], (dy) => [spread(name, dy, index, shape, sizes)], [index]), indices: index };
}

/** @internal The largest elements and their positions in the flattened plane or volume. */
export function maxPoolIndices(name: string, rank: number, x: Tensor, options: Partial<MaxPoolOptions>): Extremes {
  const sizes = windowsOf(name, rank, x, options);
  if (rank < 3) return largestAndPlaces(name, x, sizes);
  const [planes, depth] = byPlanes(sizes);
  const flat = largestAndPlaces(name, x, planes);
  const { values, indices } = largestAndPlaces(name, flat.values, depth);
  const [d, h, w] = sizes.axes as [Axis, Axis, Axis];
  const pixels = h.out * w.out;
  // The second pass tells the place in the results of the first, which has a row of results for each plane.
  const places = reshape(indices, [sizes.planes, d.out * pixels]);
  const inPlane = gather(reshape(flat.indices, [sizes.planes, d.in * pixels]), 1, places);
  const plane = to(floor(div(to(places, 'float64'), pixels)), 'int32');
  return {
    values: reshape(values, sizes.shape),
    indices: reshape(add(inPlane, mul(plane, h.in * w.in)), sizes.shape),
  };
}

// Elements go back to where they came from, and are picked from there: each is the other's gradient.
function spread(name: string, dy: Tensor, index: Tensor, shape: readonly number[], sizes: PoolSizes): Tensor {
  const dx = empty(shape, dy.dtype);
  checkIndex(maxPoolBackwardKernel(dx.handle, dy.handle, index.handle, ...numbersOf(sizes)));
  return record(name, dx, [dy], (g) => [pick(name, g, index, sizes)], [index]);
}

function pick(name: string, x: Tensor, index: Tensor, sizes: PoolSizes): Tensor {
  const y = empty(sizes.shape, x.dtype);
  const shape = x.dims;
  checkIndex(maxPoolPickKernel(y.handle, x.handle, index.handle, ...numbersOf(sizes)));
  return record(name, y, [x], (dy) => [spread(name, dy, index, shape, sizes)], [index]);
}

// A position out of range is only possible if someone else changed the saved positions.
function checkIndex(fault: Parameters<typeof checkFault>[0]): void {
  checkFault(fault, ({ value }) => new ArgumentError(`maxPool: positions must be inside the image, got ${value}`));
}

// Whether the padding counts as elements (1), and the divisor of sums instead of their number, or 0.
interface Means {
  counted: number;
  divisor: number;
}

function average(name: string, x: Tensor, sizes: PoolSizes, means: Means): Tensor {
  if (sizes.axes.length === 3) {
    const [planes, depth] = byPlanes(sizes);
    // One of the two divides by what divides each window's sum.
    const first = means.divisor === 0 ? means : { ...means, divisor: 1 };
    return reshape(average(name, average(name, x, planes, first), depth, means), sizes.shape);
  }
  const y = empty(sizes.shape, x.dtype);
  const shape = x.dims;
  averagePoolKernel(y.handle, x.handle, means.counted, means.divisor, ...numbersOf(sizes));
  return record(name, y, [x], (dy) => [averageBackward(name, dy, shape, sizes, means)]);
}

function averageBackward(name: string, dy: Tensor, shape: readonly number[], sizes: PoolSizes, means: Means): Tensor {
  const dx = empty(shape, dy.dtype);
  averagePoolBackwardKernel(dx.handle, dy.handle, means.counted, means.divisor, ...numbersOf(sizes));
  return record(name, dx, [dy], (g) => [average(name, g, sizes, means)]);
}
