import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkInteger, formatShape, ShapeError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { asWhole } from '../tracing.js';
import { checkBias, checkDivisible, checkInChannels, checkOperands, readPadding } from './conv-checks.js';
import { convPass } from './conv-passes.js';
import { transposedVolumePass, volumePass } from './conv-volumes.js';
import { checkPaddingMode, type PaddingMode, padAround } from './padding.js';
import { numbersOfAxes } from './pool-sizes.js';
import { reshape } from './shape.js';
import {
  type Axis,
  asImage,
  checkAxis,
  checkImages,
  dimensionName,
  type PerDimension,
  perDimension,
  span,
} from './windows.js';

/** Options of `conv1d`, `conv2d` and `conv3d`. */
export interface ConvOptions {
  /** [outChannels]; default none. */
  bias?: Tensor | null;
  /** Steps between two outputs; default 1. */
  stride?: PerDimension;
  /**
   * Elements added on both sides; default 0. `valid` is 0; `same` keeps the size (with stride 1; an odd number has one more
   * at the end).
   */
  padding?: PerDimension | 'same' | 'valid';
  /** Steps between two taps of the kernel; default 1. */
  dilation?: PerDimension;
  /** The number of groups of channels, each with its own kernels; default 1. One for each channel: depthwise. */
  groups?: number;
  /** What the added elements are: `zeros` (default), `reflect`, `replicate` or `circular`. */
  paddingMode?: PaddingMode;
}

/** Options of `convTranspose1d`, `convTranspose2d` and `convTranspose3d`. */
export interface ConvTransposeOptions {
  /** [outChannels]; default none. */
  bias?: Tensor | null;
  /** Steps between the results of two inputs; default 1. */
  stride?: PerDimension;
  /** Elements cut off on both sides of the output; default 0. */
  padding?: PerDimension;
  /** Elements added at the end of the output, fewer than stride or dilation; default 0. */
  outputPadding?: PerDimension;
  /** Steps between two taps of the kernel; default 1. */
  dilation?: PerDimension;
  /** The number of groups of channels; default 1. */
  groups?: number;
}

type ConvArguments = Positional<
  ConvOptions,
  [bias: 'bias', stride: 'stride', padding: 'padding', dilation: 'dilation', groups: 'groups']
>;
type ConvTransposeArguments = Positional<
  ConvTransposeOptions,
  [
    bias: 'bias',
    stride: 'stride',
    padding: 'padding',
    outputPadding: 'outputPadding',
    groups: 'groups',
    dilation: 'dilation',
  ]
>;

const convPositions = ['bias', 'stride', 'padding', 'dilation', 'groups'];
const transposePositions = ['bias', 'stride', 'padding', 'outputPadding', 'groups', 'dilation'];

/**
 * Convolution of images (as in PyTorch a cross-correlation): y[n, o, i, j] = bias[o] + Σ x[n, c, i·s + k·d - p, j·s + l·d - p] ·
 * weight[o, c, k, l] over the channels c of o's group and the taps k, l.
 * LeCun et al., "Backpropagation applied to handwritten zip code recognition", 1989, https://doi.org/10.1162/neco.1989.1.4.541
 *
 * @param x [batch, inChannels, height, width] or without batch
 * @param weight [outChannels, inChannels / groups, kernel height, kernel width]
 * @param args bias [outChannels] (none), stride (1), padding (0), dilation (1): a number or [height, width]; groups (1);
 *   option: paddingMode ('zeros')
 * @returns [batch, outChannels, ⌊(height + 2p - d·(k - 1) - 1) / s⌋ + 1, …]
 * @throws ShapeError when channels do not fit or the kernel is larger than the padded input
 * @example
 * const y = conv2d(ones([1, 1, 4, 4]), ones([2, 1, 3, 3]), zeros([2]), 1, 1); // [1, 2, 4, 4], 9 in the middle
 */
export function conv2d(x: Tensor, weight: Tensor, ...args: ConvArguments): Tensor {
  return convolution('conv2d', 2, x, weight, convOptions('conv2d', args));
}

/**
 * Convolution of sequences: y[n, o, i] = bias[o] + Σ x[n, c, i·s + k·d - p] · weight[o, c, k] over the channels of o's
 * group and the taps.
 *
 * @param x [batch, inChannels, length] or without batch
 * @param weight [outChannels, inChannels / groups, kernel length]
 * @param args those of `conv2d`
 * @throws ShapeError like `conv2d`
 * @example
 * const y = conv1d(ones([1, 1, 6]), ones([1, 1, 3]), { stride: 2 }); // [[[3, 3]]]
 */
export function conv1d(x: Tensor, weight: Tensor, ...args: ConvArguments): Tensor {
  return convolution('conv1d', 1, x, weight, convOptions('conv1d', args));
}

/**
 * Convolution of volumes: y[n, o, h, i, j] = bias[o] + Σ x[n, c, h·s + k·d - p, i·s + l·d - p, j·s + m·d - p] ·
 * weight[o, c, k, l, m] over the channels of o's group and the taps.
 * Ji et al., "3D convolutional neural networks for human action recognition", 2010, https://doi.org/10.1109/TPAMI.2012.59
 *
 * @param x [batch, inChannels, depth, height, width] or without batch
 * @param weight [outChannels, inChannels / groups, kernel depth, kernel height, kernel width]
 * @param args those of `conv2d`: a number or [depth, height, width]
 * @throws ShapeError like `conv2d`
 * @example
 * const y = conv3d(ones([1, 1, 4, 4, 4]), ones([2, 1, 3, 3, 3]), zeros([2]), 1, 1); // [1, 2, 4, 4, 4], 27 in the middle
 */
export function conv3d(x: Tensor, weight: Tensor, ...args: ConvArguments): Tensor {
  return convolution('conv3d', 3, x, weight, convOptions('conv3d', args));
}

/**
 * Transposed convolution of images, the input gradient of `conv2d` as an operation: each input element adds its multiple
 * of the kernel to the output, `stride` elements after the previous one.
 * Zeiler et al., "Deconvolutional networks", 2010, https://doi.org/10.1109/CVPR.2010.5539957
 *
 * @param x [batch, inChannels, height, width] or without batch
 * @param weight [inChannels, outChannels / groups, kernel height, kernel width]
 * @param args bias [outChannels] (none), stride (1), padding (0), outputPadding (0), groups (1), dilation (1)
 * @returns [batch, outChannels, (height - 1)·s - 2p + d·(k - 1) + outputPadding + 1, …]
 * @throws ShapeError when channels do not fit or the output would be empty
 * @example
 * const y = convTranspose2d(ones([1, 1, 2, 2]), ones([1, 1, 2, 2]), { stride: 2 }); // [1, 1, 4, 4], all 1
 */
export function convTranspose2d(x: Tensor, weight: Tensor, ...args: ConvTransposeArguments): Tensor {
  return transposedConvolution('convTranspose2d', 2, x, weight, transposeOptions('convTranspose2d', args));
}

/**
 * Transposed convolution of sequences; see `convTranspose2d`.
 *
 * @param x [batch, inChannels, length] or without batch
 * @throws ShapeError like `convTranspose2d`
 * @example
 * const y = convTranspose1d(ones([1, 1, 2]), ones([1, 1, 2]), null, 2); // [[[1, 1, 1, 1]]]
 */
export function convTranspose1d(x: Tensor, weight: Tensor, ...args: ConvTransposeArguments): Tensor {
  return transposedConvolution('convTranspose1d', 1, x, weight, transposeOptions('convTranspose1d', args));
}

/**
 * Transposed convolution of volumes; see `convTranspose2d`.
 *
 * @param x [batch, inChannels, depth, height, width] or without batch
 * @param weight [inChannels, outChannels / groups, kernel depth, kernel height, kernel width]
 * @param args those of `convTranspose2d`: a number or [depth, height, width]
 * @throws ShapeError like `convTranspose2d`
 * @example
 * const y = convTranspose3d(ones([1, 1, 2, 2, 2]), ones([1, 1, 2, 2, 2]), null, 2); // [1, 1, 4, 4, 4], all 1
 */
export function convTranspose3d(x: Tensor, weight: Tensor, ...args: ConvTransposeArguments): Tensor {
  return transposedConvolution('convTranspose3d', 3, x, weight, transposeOptions('convTranspose3d', args));
}

const convOptions = (name: string, args: ConvArguments): ConvOptions =>
  optionsOf<ConvOptions>(name, args, convPositions, ['paddingMode'], ['bias']);

const transposeOptions = (name: string, args: ConvTransposeArguments): ConvTransposeOptions =>
  optionsOf<ConvTransposeOptions>(name, args, transposePositions, [], ['bias']);

// What both kinds of convolution check first, and the options that they share.
function begin(
  operation: string,
  rank: number,
  x: Tensor,
  weight: Tensor,
  options: ConvOptions | ConvTransposeOptions,
  transposed: boolean,
) {
  const bias = options.bias ?? null;
  const sizes = checkImages(operation, x, rank);
  checkOperands(operation, rank, x, weight, bias, transposed);
  const stride = perDimension(operation, 'stride', options.stride ?? 1, rank, 1);
  const dilation = perDimension(operation, 'dilation', options.dilation ?? 1, rank, 1);
  const groups = checkInteger(operation, 'groups', options.groups ?? 1, 1);
  return { operation, x, weight, bias, sizes, stride, dilation, groups, transposed };
}

// The convolution, or the transposed one, of the sizes that were found.
function finish(begun: ReturnType<typeof begin>, outChannels: number, axes: readonly Axis[]): Tensor {
  const { operation, x, weight, bias, groups, transposed } = begun;
  checkBias(operation, bias, outChannels);
  const outer = x.dims.slice(0, -axes.length - 1);
  const y = [...outer, outChannels, ...axes.map((axis) => (transposed ? axis.in : axis.out))];
  const [h, w] = asImage(axes.slice(-2));
  const [first, second] = weight.dims as [number, number];
  const sizes = { images: outer[0] ?? 1, groups, inChannels: second, outChannels: first / groups, h, w };
  if (axes.length === 3) {
    const run = transposed ? transposedVolumePass : volumePass;
    const kind = transposed ? 'convTranspose3d' : 'conv3d';
    return asWhole(kind, [x, weight, bias], { groups, axes: numbersOfAxes({ axes }) }, () => {
      const volumes = reshape(x, [sizes.images, ...x.dims.slice(-4)]);
      return reshape(run(operation, volumes, weight, bias, { ...sizes, d: axes[0] as Axis }), y);
    });
  }
  const shapes = transposed ? { x: y, y: x.dims } : { x: x.dims, y };
  return convPass(operation, x, weight, bias, { ...sizes, ...shapes, weight: weight.dims }, transposed);
}

/** @internal `operation`: the name in error texts. */
export function convolution(operation: string, rank: number, x: Tensor, weight: Tensor, options: ConvOptions): Tensor {
  const begun = begin(operation, rank, x, weight, options, false);
  const { bias, sizes, stride, dilation, groups } = begun;
  const mode = checkPaddingMode(operation, options.paddingMode);
  const taps = weight.dims.slice(2);
  const pads = readPadding(operation, options.padding ?? 0, taps, stride, dilation);
  const outChannels = weight.dims[0] as number;
  checkDivisible(operation, 'outChannels', outChannels, groups);
  checkInChannels(operation, x, weight, rank, (weight.dims[1] as number) * groups);
  const axes = sizes.map((size, i): Axis => {
    const [before, after] = pads[i] as [number, number];
    const axis = { taps: taps[i] as number, dilation: dilation[i] as number };
    if (size === 0) throw new ShapeError(`${operation}: x must not be empty, got x ${formatShape(x.dims)}`);
    const padded = size + before + after;
    if (span(axis) > padded) {
      const clash = `${dimensionName(rank, i)} ${span(axis)} > ${padded}`;
      throw new ShapeError(
        `${operation}: the kernel must fit into the padded input, got x ${formatShape(x.dims)} and weight ${formatShape(weight.dims)} (${clash})`,
      );
    }
    const out = Math.floor((padded - span(axis)) / (stride[i] as number)) + 1;
    const sizes = { ...axis, in: size, out, stride: stride[i] as number, pad: before };
    return checkAxis(operation, dimensionName(rank, i), sizes);
  });
  if (mode !== 'zeros') {
    const padded = padAround(operation, x, pads, mode);
    return convolution(operation, rank, padded, weight, { bias, stride, dilation, groups });
  }
  return finish(begun, outChannels, axes);
}

/** @internal */
export function transposedConvolution(
  operation: string,
  rank: number,
  x: Tensor,
  weight: Tensor,
  options: ConvTransposeOptions,
): Tensor {
  const begun = begin(operation, rank, x, weight, options, true);
  const { sizes, stride, dilation, groups } = begun;
  const padding = perDimension(operation, 'padding', options.padding ?? 0, rank, 0);
  const outputPadding = perDimension(operation, 'outputPadding', options.outputPadding ?? 0, rank, 0);
  const inChannels = weight.dims[0] as number;
  checkInChannels(operation, x, weight, rank, inChannels);
  checkDivisible(operation, 'inChannels', inChannels, groups);
  const axes = sizes.map((size, i): Axis => {
    const axis = { taps: weight.dims[i + 2] as number, dilation: dilation[i] as number };
    const [step, extra] = [stride[i] as number, outputPadding[i] as number];
    if (extra >= Math.max(step, axis.dilation)) {
      throw new ArgumentError(
        `${operation}: outputPadding must be smaller than stride or dilation, got ${extra} with stride ${step} and dilation ${axis.dilation}`,
      );
    }
    if (size === 0) throw new ShapeError(`${operation}: x must not be empty, got x ${formatShape(x.dims)}`);
    const length = (size - 1) * step - 2 * (padding[i] as number) + span(axis) + extra;
    if (length < 1) {
      throw new ShapeError(
        `${operation}: the output must not be empty, got x ${formatShape(x.dims)} and padding ${padding[i]} (${dimensionName(rank, i)} ${length})`,
      );
    }
    const sizes = { ...axis, in: length, out: size, stride: step, pad: padding[i] as number };
    return checkAxis(operation, dimensionName(rank, i), sizes);
  });
  return finish(begun, (weight.dims[1] as number) * groups, axes);
}
