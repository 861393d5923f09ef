// Means of windows; of the largest elements see pool-max.ts.
import { optionsOf, type Positional } from '../arguments.js';
import { record } from '../autograd/tape.js';
import { checkFlag, checkInteger } from '../errors.js';
import { kernel } from '../native.js';
import { empty, type Tensor } from '../tensor.js';
import { asWhole } from '../tracing.js';
import {
  type AdaptivePoolArguments,
  type AdaptiveSize,
  type AvgPool2dOptions,
  type AvgPoolOptions,
  adaptiveWindows,
  byPlanes,
  emptyPool,
  numbersOf,
  numbersOfAxes,
  outputSizeOf,
  type PoolSizes,
  poolNumbers,
  windowsOf,
} from './pool-sizes.js';
import { reshape } from './shape.js';

const averagePoolKernel = kernel('averagePool', `y x withPadding divisor ${poolNumbers}`);
const averagePoolBackwardKernel = kernel('averagePoolBackward', `dx dy withPadding divisor ${poolNumbers}`);

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
/** @internal */
export const avgPoolPositions = ['kernelSize', 'stride', 'padding', 'ceilMode', 'countIncludePad'];
/** @internal */
export const avgPool2dPositions = [...avgPoolPositions, 'divisorOverride'];

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
 * Like `adaptiveAvgPool2d`, for volumes [batch, channels, depth, height, width].
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * adaptiveAvgPool3d(ones([8, 64, 7, 7, 7]), 1); // [8, 64, 1, 1, 1]
 */
export function adaptiveAvgPool3d(x: Tensor, ...args: AdaptivePoolArguments): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool3d', 3, x, outputSizeOf('adaptiveAvgPool3d', args));
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
  return sizes.shape.includes(0) ? emptyPool(x, sizes) : average(operation, x, sizes, { counted: 0, divisor: 0 });
}

// Whether the padding counts as elements (1), and the divisor of sums instead of their number, or 0.
type Means = {
  counted: number;
  divisor: number;
};

function average(name: string, x: Tensor, sizes: PoolSizes, means: Means): Tensor {
  if (sizes.axes.length === 3) {
    return asWhole('avgPool3d', [x], { axes: numbersOfAxes(sizes), ...means }, () =>
      averageOfVolumes(name, x, sizes, means),
    );
  }
  const y = empty(sizes.shape, x.dtype);
  const shape = x.dims;
  averagePoolKernel(y.handle, x.handle, means.counted, means.divisor, ...numbersOf(sizes));
  return record(name, y, [x], (dy) => [averageBackward(name, dy, shape, sizes, means)]);
}

function averageOfVolumes(name: string, x: Tensor, sizes: PoolSizes, means: Means): Tensor {
  const [planes, depth] = byPlanes(sizes);
  // One of the two divides by what divides each window's sum.
  const first = means.divisor === 0 ? means : { ...means, divisor: 1 };
  return reshape(average(name, average(name, x, planes, first), depth, means), sizes.shape);
}

function averageBackward(name: string, dy: Tensor, shape: readonly number[], sizes: PoolSizes, means: Means): Tensor {
  const dx = empty(shape, dy.dtype);
  averagePoolBackwardKernel(dx.handle, dy.handle, means.counted, means.divisor, ...numbersOf(sizes));
  return record(name, dx, [dy], (g) => [average(name, g, sizes, means)]);
}
