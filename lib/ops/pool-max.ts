// The largest elements of windows, and where they were.
import { optionsOf, type Positional } from '../arguments.js';
import { record } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { ArgumentError, checkFlag } from '../errors.js';
import { kernel } from '../native.js';
import { empty, type Tensor } from '../tensor.js';
import { asWhole } from '../tracing.js';
import { to } from './copy.js';
import { add, div, floor, mul } from './elementwise.js';
import { gather } from './indexing.js';
import {
  type AdaptivePoolOptions,
  type AdaptiveSize,
  adaptiveWindows,
  byPlanes,
  emptyPool,
  type MaxPoolOptions,
  numbersOf,
  numbersOfAxes,
  type PoolSizes,
  poolNumbers,
  windowsOf,
} from './pool-sizes.js';
import type { Extremes } from './reduce-extremes.js';
import { reshape } from './shape.js';
import type { Axis } from './windows.js';

const maxPoolKernel = kernel('maxPool', `y index x ${poolNumbers}`);
const maxPoolBackwardKernel = kernel('maxPoolBackward', `dx dy index ${poolNumbers}`);
const maxPoolPickKernel = kernel('maxPoolPick', `y x index ${poolNumbers}`);

type Positions = [
  kernelSize: 'kernelSize',
  stride: 'stride',
  padding: 'padding',
  dilation: 'dilation',
  ceilMode: 'ceilMode',
  returnIndices: 'returnIndices',
];
type AdaptivePositions = [outputSize: 'outputSize', returnIndices: 'returnIndices'];

/** The arguments after the input, by position or in options, for the elements alone. */
export type MaxPoolArguments = Positional<MaxPoolOptions & { returnIndices?: false }, Positions>;
/** The same for elements and positions. */
export type MaxPoolIndicesArguments = Positional<MaxPoolOptions & { returnIndices: true }, Positions>;
/** The arguments after the input, by position or in options, for the elements alone. */
export type AdaptiveMaxPoolArguments = Positional<
  AdaptiveMaxPoolOptions & { returnIndices?: false },
  AdaptivePositions
>;
/** The same for elements and positions. */
export type AdaptiveMaxPoolIndicesArguments = Positional<
  AdaptiveMaxPoolOptions & { returnIndices: true },
  AdaptivePositions
>;

/** The arguments of adaptive max pooling, by name. */
export interface AdaptiveMaxPoolOptions extends AdaptivePoolOptions {
  /** Whether the result has the positions, too; default false. */
  returnIndices?: boolean;
}

const maxPoolPositions = ['kernelSize', 'stride', 'padding', 'dilation', 'ceilMode', 'returnIndices'];

/**
 * The largest element of each window: y[…, i, j] = max x[…, i·s + k·d - p, j·s + l·d - p]. The gradient goes to the first
 * of equal elements; NaN counts as the largest.
 * Riesenhuber and Poggio, "Hierarchical models of object recognition in cortex", 1999, https://doi.org/10.1038/14819
 *
 * @param x [batch, channels, height, width] or without batch
 * @param args kernelSize: a number or [height, width]; stride (kernelSize), padding (0), dilation (1), ceilMode (false),
 *   returnIndices (false): whether the result has `values` and `indices`, int32, in the flattened plane
 * @returns [batch, channels, ⌊(height + 2p - d·(k - 1) - 1) / s⌋ + 1, …]
 * @throws ShapeError when the kernel is larger than the padded input
 * @example
 * maxPool2d(tensor([[[1, 2], [3, 4]]]), 2); // [[[4]]]
 */
export function maxPool2d(x: Tensor, ...args: MaxPoolIndicesArguments): Extremes;
export function maxPool2d(x: Tensor, ...args: MaxPoolArguments): Tensor;
export function maxPool2d(x: Tensor, ...args: MaxPoolArguments | MaxPoolIndicesArguments): Tensor | Extremes {
  return maxPool('maxPool2d', 2, x, args);
}

/**
 * The largest element of each window of a sequence [batch, channels, length]; see `maxPool2d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * maxPool1d(tensor([[1, 3, 2, 5]]), 2); // [[3, 5]]
 */
export function maxPool1d(x: Tensor, ...args: MaxPoolIndicesArguments): Extremes;
export function maxPool1d(x: Tensor, ...args: MaxPoolArguments): Tensor;
export function maxPool1d(x: Tensor, ...args: MaxPoolArguments | MaxPoolIndicesArguments): Tensor | Extremes {
  return maxPool('maxPool1d', 1, x, args);
}

/**
 * The largest element of each window of volumes [batch, channels, depth, height, width]; see `maxPool2d`.
 *
 * @param args those of `maxPool2d`: a number or [depth, height, width]
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * maxPool3d(ones([1, 4, 4, 4]), 2); // [1, 2, 2, 2]
 */
export function maxPool3d(x: Tensor, ...args: MaxPoolIndicesArguments): Extremes;
export function maxPool3d(x: Tensor, ...args: MaxPoolArguments): Tensor;
export function maxPool3d(x: Tensor, ...args: MaxPoolArguments | MaxPoolIndicesArguments): Tensor | Extremes {
  return maxPool('maxPool3d', 3, x, args);
}

/**
 * The largest elements of windows that divide the image evenly; see `adaptiveAvgPool2d`.
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * adaptiveMaxPool2d(ones([8, 64, 7, 7]), [2, 1]); // [8, 64, 2, 1]
 */
export function adaptiveMaxPool2d(x: Tensor, ...args: AdaptiveMaxPoolIndicesArguments): Extremes;
export function adaptiveMaxPool2d(x: Tensor, ...args: AdaptiveMaxPoolArguments): Tensor;
export function adaptiveMaxPool2d(
  x: Tensor,
  ...args: AdaptiveMaxPoolArguments | AdaptiveMaxPoolIndicesArguments
): Tensor | Extremes {
  return adaptiveMaxPool('adaptiveMaxPool2d', 2, x, args);
}

/**
 * Like `adaptiveMaxPool2d`, for a sequence [batch, channels, length].
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * adaptiveMaxPool1d(tensor([[1, 3, 2, 5]]), 2); // [[3, 5]]
 */
export function adaptiveMaxPool1d(x: Tensor, ...args: AdaptiveMaxPoolIndicesArguments): Extremes;
export function adaptiveMaxPool1d(x: Tensor, ...args: AdaptiveMaxPoolArguments): Tensor;
export function adaptiveMaxPool1d(
  x: Tensor,
  ...args: AdaptiveMaxPoolArguments | AdaptiveMaxPoolIndicesArguments
): Tensor | Extremes {
  return adaptiveMaxPool('adaptiveMaxPool1d', 1, x, args);
}

/**
 * Like `adaptiveMaxPool2d`, for volumes [batch, channels, depth, height, width].
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * adaptiveMaxPool3d(ones([8, 64, 7, 7, 7]), [3, 2, 1]); // [8, 64, 3, 2, 1]
 */
export function adaptiveMaxPool3d(x: Tensor, ...args: AdaptiveMaxPoolIndicesArguments): Extremes;
export function adaptiveMaxPool3d(x: Tensor, ...args: AdaptiveMaxPoolArguments): Tensor;
export function adaptiveMaxPool3d(
  x: Tensor,
  ...args: AdaptiveMaxPoolArguments | AdaptiveMaxPoolIndicesArguments
): Tensor | Extremes {
  return adaptiveMaxPool('adaptiveMaxPool3d', 3, x, args);
}

function maxPool(operation: string, rank: number, x: Tensor, args: readonly unknown[]): Tensor | Extremes {
  return maxOfWindows(operation, rank, x, optionsOf<MaxPoolOptions>(operation, args, maxPoolPositions));
}

/** @internal */
export function maxOfWindows(
  operation: string,
  rank: number,
  x: Tensor,
  options: Partial<MaxPoolOptions>,
): Tensor | Extremes {
  const wantsIndices = checkFlag(operation, 'returnIndices', options.returnIndices, false);
  const sizes = windowsOf(operation, rank, x, options);
  return wantsIndices ? largestAndIndices(operation, x, sizes) : largest(operation, x, sizes);
}

/** @internal */
export function adaptiveMaxOptions(operation: string, args: readonly unknown[]): Required<AdaptiveMaxPoolOptions> {
  const options = optionsOf<AdaptiveMaxPoolOptions>(operation, args, ['outputSize', 'returnIndices']);
  const returnIndices = checkFlag(operation, 'returnIndices', options.returnIndices, false);
  return { outputSize: options.outputSize as AdaptiveSize, returnIndices };
}

function adaptiveMaxPool(operation: string, rank: number, x: Tensor, args: readonly unknown[]): Tensor | Extremes {
  const { outputSize, returnIndices } = adaptiveMaxOptions(operation, args);
  return adaptiveMaxOfWindows(operation, rank, x, outputSize, returnIndices);
}

/** @internal */
export function adaptiveMaxOfWindows(
  operation: string,
  rank: number,
  x: Tensor,
  outputSize: AdaptiveSize,
  wantsIndices: boolean,
): Tensor | Extremes {
  const sizes = adaptiveWindows(operation, rank, x, outputSize);
  if (!sizes.shape.includes(0)) {
    return wantsIndices ? largestAndIndices(operation, x, sizes) : largest(operation, x, sizes);
  }
  const values = emptyPool(x, sizes);
  return wantsIndices ? { values, indices: empty(sizes.shape, 'int32') } : values;
}

function largest(name: string, x: Tensor, sizes: PoolSizes): Tensor {
  if (sizes.axes.length === 3) {
    return asWhole('maxPool3d', [x], { axes: numbersOfAxes(sizes) }, () => {
      const [planes, depth] = byPlanes(sizes);
      return reshape(largest(name, largest(name, x, planes), depth), sizes.shape);
    });
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

// The largest elements and their positions in the flattened plane or volume.
function largestAndIndices(name: string, x: Tensor, sizes: PoolSizes): Extremes {
  if (sizes.axes.length < 3) return largestAndPlaces(name, x, sizes);
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
