// The options of pooling, and the resulting sizes.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkFlag, formatShape, ShapeError } from '../errors.js';
import { native } from '../native.js';
import { copyOf, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { reshape } from './shape.js';
import { slice } from './shape-slice.js';
import {
  type Axis,
  asImage,
  asPower,
  checkAxis,
  checkImages,
  dimensionName,
  type PerDimension,
  perDimension,
  span,
} from './windows.js';

/** Options of `maxPool1d`, `maxPool2d` and `maxPool3d`. */
export interface MaxPoolOptions {
  /** The size of a window: a number or one for each dimension. */
  kernelSize: PerDimension;
  /** Steps between two windows; default the kernel size. */
  stride?: PerDimension;
  /** Padding on both sides, which is never the largest, at most half of the kernel size; default 0. */
  padding?: PerDimension;
  /** Steps between two elements of a window; default 1. */
  dilation?: PerDimension;
  /** Whether a last window that reaches over the end counts; default false. */
  ceilMode?: boolean;
  /** Whether the result has the positions, too; default false. */
  returnIndices?: boolean;
}

/** Options of `avgPool1d`. */
export interface AvgPoolOptions {
  /** The size of a window: a number or one for each dimension. */
  kernelSize: PerDimension;
  /** Steps between two windows; default the kernel size. */
  stride?: PerDimension;
  /** Zeros added on both sides, at most half of the kernel size; default 0. */
  padding?: PerDimension;
  /** Whether a last window that reaches over the end counts; default false. */
  ceilMode?: boolean;
  /** Whether the added zeros count in the mean; default true. */
  countIncludePad?: boolean;
}

/** Options of `avgPool2d` and `avgPool3d`. */
export interface AvgPool2dOptions extends AvgPoolOptions {
  /** The divisor of each window's sum; default the number of its elements. */
  divisorOverride?: number;
}

/** The result's size for all spatial dimensions, or one for each; null for the size of x. */
export type AdaptiveSize = number | readonly (number | null)[];

/** The argument of adaptive pooling, by name. */
export interface AdaptivePoolOptions {
  outputSize: AdaptiveSize;
}

/** The arguments after the input, by position or in options. */
export type AdaptivePoolArguments = Positional<AdaptivePoolOptions, [outputSize: 'outputSize']>;

/** @internal The sizes of a pooling operation. */
export interface PoolSizes {
  planes: number;
  axes: Axis[];
  shape: number[];
}

/** @internal The windows of a kernel. */
export function windowsOf(operation: string, rank: number, x: Tensor, options: Partial<MaxPoolOptions>): PoolSizes {
  const sizes = checkImages(operation, x, rank);
  const { kernelSize } = options;
  const taps = perDimension(operation, 'kernelSize', kernelSize, rank, 1);
  const stride = perDimension(operation, 'stride', options.stride ?? kernelSize, rank, 1);
  const padding = perDimension(operation, 'padding', options.padding ?? 0, rank, 0);
  const dilation = perDimension(operation, 'dilation', options.dilation ?? 1, rank, 1);
  const ceilMode = checkFlag(operation, 'ceilMode', options.ceilMode, false);
  const axes = sizes.map((size, i): Axis => {
    const axis = { taps: taps[i] as number, dilation: dilation[i] as number };
    const [step, pad] = [stride[i] as number, padding[i] as number];
    if (2 * pad > axis.taps) {
      throw new ArgumentError(
        `${operation}: padding must be at most half of kernelSize, got ${pad} and kernelSize ${axis.taps}`,
      );
    }
    const padded = size + 2 * pad;
    const steps = (padded - span(axis)) / step;
    let out = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
    if (out < 1 || size === 0) {
      throw new ShapeError(
        `${operation}: the kernel must fit into the padded input, got x ${formatShape(x.dims)} (${dimensionName(rank, i)} ${span(axis)} > ${padded})`,
      );
    }
    // The last window must begin inside of the image or of the padding before it.
    if ((out - 1) * step >= size + pad) out--;
    return checkAxis(operation, dimensionName(rank, i), { ...axis, in: size, out, stride: step, pad });
  });
  return poolSizes(operation, x, axes);
}

/** @internal Windows that divide x evenly. */
export function adaptiveWindows(operation: string, rank: number, x: Tensor, outputSize: AdaptiveSize): PoolSizes {
  const sizes = checkImages(operation, x, rank);
  const outs = checkOutputSize(operation, outputSize, sizes);
  const axes = sizes.map((size, i): Axis => {
    if (size === 0) throw new ShapeError(`${operation}: x must not be empty, got x ${formatShape(x.dims)}`);
    const axis = { in: size, out: outs[i] as number, taps: 0, stride: 1, pad: 0, dilation: 1 };
    return checkAxis(operation, dimensionName(rank, i), axis);
  });
  return poolSizes(operation, x, axes);
}

/** @internal The sizes of the result, with x's own in place of null. */
export function checkOutputSize(operation: string, outputSize: AdaptiveSize, own: readonly number[]): number[] {
  const given = copyOf(outputSize)?.map((n, i) => (n === null ? own[i] : n)) ?? outputSize;
  return perDimension(operation, 'outputSize', given, own.length, 0);
}

function poolSizes(operation: string, x: Tensor, axes: Axis[]): PoolSizes {
  const outer = x.dims.slice(0, -axes.length);
  const planes = sizeOf(outer);
  const [most, positions] = [native.limits.axis, native.limits.positions];
  const images = axes.length === 3 ? planes * (axes[0] as Axis).in : planes;
  if (axes.reduce((n, axis) => n * axis.in, 1) >= positions || images >= most) {
    const rule = `there must be fewer than ${asPower(most)} images and channels, and fewer than ${asPower(positions)} elements in each`;
    throw new ShapeError(`${operation}: ${rule}, got x ${formatShape(x.dims)}`);
  }
  return { planes, axes, shape: [...outer, ...axes.map((axis) => axis.out)] };
}

/**
 * @internal The windows of volumes as those of their planes, followed by those along the depth of the results: an image of the
 * latter has a row for each plane.
 */
export function byPlanes({ planes, axes, shape }: PoolSizes): [planes: PoolSizes, depth: PoolSizes] {
  const [d, h, w] = axes as [Axis, Axis, Axis];
  const pixels = h.out * w.out;
  const images = planes * d.in;
  const row = { in: pixels, out: pixels, taps: 1, stride: 1, pad: 0, dilation: 1 };
  return [
    { planes: images, axes: [h, w], shape: [images, h.out, w.out] },
    { planes, axes: [d, row], shape: [sizeOf(shape.slice(0, -3)), d.out, pixels] },
  ];
}

/** @internal */
export function outputSizeOf(operation: string, args: AdaptivePoolArguments): AdaptiveSize {
  return optionsOf<AdaptivePoolOptions>(operation, args, ['outputSize']).outputSize as AdaptiveSize;
}

// Of the planes, and then of height and of width.
const axisNumbers = ['in', 'out', 'taps', 'stride', 'pad', 'dilation'] as const;
/** @internal The last parameters of the kernels. */
export const poolNumbers = `planes,${axisNumbers}`;

/** @internal Their values. */
export function numbersOf(sizes: PoolSizes): number[] {
  return [sizes.planes, ...numbersOfAxes({ axes: asImage(sizes.axes) })];
}

/** @internal Those of all axes. */
export const numbersOfAxes = ({ axes }: { axes: readonly Axis[] }): number[] =>
  axes.flatMap((axis) => axisNumbers.map((name) => axis[name]));

/** @internal A result without elements. Its gradient is zero. */
export const emptyPool = (x: Tensor, sizes: PoolSizes): Tensor => reshape(slice(x, { dim: -1, end: 0 }), sizes.shape);
