// Resizing of images, and rearranging their elements. All composed of other operations.
import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkFlag, checkInteger, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { sizeOf } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { asWhole } from '../tracing.js';
import { clone } from './copy.js';
import { tensor } from './creation.js';
import { add, mul, sub } from './elementwise.js';
import { adaptiveAvgPool } from './pool.js';
import { permute, reshape } from './shape.js';
import { cubicTaps, smoothTaps, weighed } from './upsample-taps.js';
import { checkImages, dimensionName, type PerDimension, perDimension, pick } from './windows.js';

/** Options of `interpolate`; either `size` or `scaleFactor`. */
export interface InterpolateOptions {
  /** The size of the result: a number or one for each spatial dimension. */
  size?: PerDimension | null;
  /** The factor for each spatial size, which is rounded down. */
  scaleFactor?: PerDimension | null;
  /**
   * `nearest` (default), `nearest-exact`, `area`; `linear` for sequences, `bilinear` and `bicubic` for images, `trilinear` for
   * volumes.
   */
  mode?: 'nearest' | 'nearest-exact' | 'area' | 'linear' | 'bilinear' | 'bicubic' | 'trilinear';
  /** For linear modes and bicubic: whether the first and the last elements keep their positions; default false. */
  alignCorners?: boolean | null;
  /** For scaleFactor: whether the rounded size, instead of the factor, places the elements; default false. */
  recomputeScaleFactor?: boolean | null;
}

/** Options of the function `interpolate`. */
export interface InterpolateFunctionOptions extends InterpolateOptions {
  /** For bilinear and bicubic: whether elements that a smaller result leaves out are averaged, as Pillow does; default false. */
  antialias?: boolean;
}

type ResizePositions = [
  size: 'size',
  scaleFactor: 'scaleFactor',
  mode: 'mode',
  alignCorners: 'alignCorners',
  recomputeScaleFactor: 'recomputeScaleFactor',
];

/** The arguments of the layer, by position or in options. */
export type InterpolateArguments = Positional<InterpolateOptions, ResizePositions>;

/** The arguments after the input, by position or in options. */
export type InterpolateFunctionArguments = Positional<
  InterpolateFunctionOptions,
  [...ResizePositions, antialias: 'antialias']
>;

const positions = ['size', 'scaleFactor', 'mode', 'alignCorners', 'recomputeScaleFactor'];
const nullable = ['size', 'scaleFactor', 'alignCorners', 'recomputeScaleFactor'];

/** @internal */
export function interpolation(name: string, args: InterpolateArguments): InterpolateOptions {
  return optionsOf<InterpolateOptions>(name, args, positions, [], nullable);
}

/**
 * Resizes images, sequences or volumes, each dimension independently. With s = size / result's size (or 1 / scaleFactor), element i is
 * x[⌊i·s⌋] for `nearest`, x[⌊(i + ½)·s⌋] for `nearest-exact`, the mean of its share for `area`, and for linear modes the value at
 * (i + ½)·s - ½ between two elements, for `bicubic` between four; with `alignCorners` at i·(size - 1) / (result's size - 1). As in PyTorch, a dimension that keeps its size is copied whatever scaleFactor says, and
 * one that doubles repeats each element; only nearest for sequences and volumes uses s even then.
 *
 * @param x [batch, channels, height, width], [batch, channels, length] or [batch, channels, depth, height, width]
 * @param args size or scaleFactor; mode ('nearest'), alignCorners (false), recomputeScaleFactor (false), antialias (false)
 * @throws ArgumentError when neither or both of size and scaleFactor are given; ShapeError when x has other dimensions
 * @example
 * interpolate(tensor([[[1, 2]]]), { scaleFactor: 2 }); // [[[1, 1, 2, 2]]]
 */
export function interpolate(x: Tensor, ...args: InterpolateFunctionArguments): Tensor {
  const name = 'interpolate';
  const o = optionsOf<InterpolateFunctionOptions>(name, args, [...positions, 'antialias'], [], nullable);
  const antialias = checkFlag(name, 'antialias', o.antialias, false);
  if (antialias && o.mode !== 'bilinear' && o.mode !== 'bicubic') {
    throw new ArgumentError(
      `${name}: antialias is for bilinear and bicubic, got mode ${describe(o.mode ?? 'nearest')}`,
    );
  }
  return resize(name, x, o, antialias);
}

// Of sequences, images and volumes.
const smoothModes = ['linear', 'bilinear', 'trilinear'] as const;

/** @internal */
export function resize(operation: string, x: Tensor, options: InterpolateOptions, antialias = false): Tensor {
  const rank = checkTensor(operation, 'x', x).rank - 2;
  const smooth = smoothModes[rank - 1];
  if (smooth === undefined) {
    const rule = 'x must be [batch, channels, length], [batch, channels, height, width] or with depth before them';
    throw new ShapeError(`${operation}: ${rule}, got x ${formatShape(x.dims)}`);
  }
  const sizes = checkImages(operation, x, rank);
  const mode = options.mode ?? 'nearest';
  const modes = ['nearest', 'nearest-exact', 'area', smooth, ...(rank === 2 ? ['bicubic'] : [])];
  if (!modes.includes(mode)) {
    const rule = `mode must be ${modes.slice(0, -1).join(', ')} or ${modes.at(-1)} for x ${formatShape(x.dims)}`;
    throw new ArgumentError(`${operation}: ${rule}, got ${describe(mode)}`);
  }
  const align = options.alignCorners ?? false;
  if (typeof align !== 'boolean' || (align && mode !== smooth && mode !== 'bicubic')) {
    const rule = 'alignCorners must be a boolean, and is for linear modes and bicubic';
    throw new ArgumentError(`${operation}: ${rule}, got ${describe(align)}`);
  }
  const resized = outputSizes(operation, sizes, options);
  if (sizes.includes(0)) throw new ShapeError(`${operation}: x must not be empty, got x ${formatShape(x.dims)}`);
  const shape = [...x.dims.slice(0, 2), ...resized.map(({ out }) => out)];
  if (x.size === 0) return reshape(x, shape);
  if (mode === 'area') return adaptiveAvgPool(operation, rank, x, shape.slice(2));
  const run = () => resizedAlong(operation, x, sizes, resized, { mode, smooth, align, antialias });
  const isEven = resized.every(({ out }, i) => out % (sizes[i] as number) === 0);
  const known = (mode === 'nearest' && isEven) || ((mode === smooth || mode === 'bicubic') && !antialias);
  if (!known) return run();
  const numbers = { mode: ['nearest', smooth, 'bicubic'].indexOf(mode), align: Number(align) };
  return asWhole('interpolate', [x], { ...numbers, steps: resized.map(({ step }) => step) }, run);
}

interface Resizing {
  mode: string;
  smooth: string;
  align: boolean;
  antialias: boolean;
}

// One dimension after the other.
function resizedAlong(
  operation: string,
  x: Tensor,
  sizes: readonly number[],
  resized: readonly { out: number; step: number }[],
  { mode, smooth, align, antialias }: Resizing,
): Tensor {
  const rank = sizes.length;
  let y = x;
  resized.forEach(({ out, step }, i) => {
    const n = sizes[i] as number;
    const r = { n, out, step, align };
    const same = out === n && (mode === smooth || step === 1);
    if (mode === 'nearest') y = pick(y, 2 + i, out, nearest(n, out, step, rank, x.dtype));
    else if (mode === 'nearest-exact') y = pick(y, 2 + i, out, nearestExact(n, step));
    else if (same) return;
    else if (antialias) y = weighed(operation, y, 2 + i, r, smoothTaps(r, mode === 'bicubic'));
    else if (mode === 'bicubic') y = weighed(operation, y, 2 + i, r, cubicTaps(r));
    else y = between(y, 2 + i, n, out, step, align);
  });
  return y === x ? clone(x) : y;
}

/** @internal Either the size or the factor; the other is null. */
export function checkOneSize(operation: string, options: InterpolateOptions) {
  const { size = null, scaleFactor = null } = options;
  if ((size === null) === (scaleFactor === null)) {
    const got = size === null ? 'none' : 'both';
    throw new ArgumentError(`${operation}: either size or scaleFactor must be given, got ${got}`);
  }
  return { size, scaleFactor };
}

// The size of the result, and the distance of its elements in input elements.
function outputSizes(operation: string, sizes: readonly number[], options: InterpolateOptions) {
  const { size, scaleFactor } = checkOneSize(operation, options);
  const recompute = checkFlag(operation, 'recomputeScaleFactor', options.recomputeScaleFactor ?? false);
  if (size !== null) {
    if (recompute) throw new ArgumentError(`${operation}: recomputeScaleFactor is for scaleFactor, got size`);
    const outs = perDimension(operation, 'size', size, sizes.length, 1);
    return sizes.map((n, i) => ({ out: outs[i] as number, step: n / (outs[i] as number) }));
  }
  const factors = Array.isArray(scaleFactor) ? scaleFactor : sizes.map(() => scaleFactor);
  if (factors.length !== sizes.length) {
    const rule = `scaleFactor must be a number or an array of ${sizes.length}`;
    throw new ArgumentError(`${operation}: ${rule}, got ${describe(scaleFactor)}`);
  }
  return sizes.map((n, i) => {
    const factor = checkNumber(operation, 'scaleFactor', factors[i], { min: 0, open: true });
    const out = Math.floor(n * factor);
    if (out < 1 && n > 0) {
      const name = dimensionName(sizes.length, i);
      throw new ShapeError(`${operation}: the result must not be empty, got scaleFactor ${factor} and ${name} ${n}`);
    }
    return { out, step: recompute ? n / out : 1 / factor };
  });
}

// The source of element i, rounded as in PyTorch 2.15. There, images copy kept sizes and repeat doubled ones if the result's
// height and width sum to at most 128, and use the factor beyond; here all copy and repeat. There, the gradient of volumes copies
// and repeats where the result does not; here it is that of the result.
function nearest(n: number, out: number, step: number, rank: number, dtype: DType): (i: number) => number {
  const { fround } = Math;
  const last = n - 1;
  if (rank === 2 && out === n) return (i) => i;
  if (rank === 2 && out === 2 * n) return (i) => i >> 1;
  if (rank !== 2 && dtype === 'float64') return (i) => Math.min(Math.floor(fround(i * step)), last);
  const single = fround(step);
  return (i) => Math.min(Math.floor(fround(fround(i) * single)), last);
}

function nearestExact(n: number, step: number): (i: number) => number {
  const single = Math.fround(step);
  return (i) => Math.min(Math.floor(Math.fround((i + 0.5) * single)), n - 1);
}

function between(x: Tensor, dim: number, n: number, out: number, step: number, align: boolean): Tensor {
  const end = Math.max(out - 1, 1);
  const place = (i: number): number =>
    Math.min(align ? (i * (n - 1)) / end : Math.max((i + 0.5) * step - 0.5, 0), n - 1);
  const lower = (i: number): number => Math.floor(place(i));
  const low = pick(x, dim, out, lower);
  const high = pick(x, dim, out, (i) => Math.min(lower(i) + 1, n - 1));
  const shares = new Float64Array(out);
  for (let i = 0; i < out; i++) shares[i] = place(i) - lower(i);
  const shape = x.dims.map((_, i) => (i === dim ? out : 1));
  return add(low, mul(sub(high, low), tensor(shares, { shape, dtype: x.dtype })));
}

/** The arguments after the input, by position or in options. */
export type PixelShuffleArguments = [upscaleFactor: number] | [options: { upscaleFactor: number }];

/** @internal */
export function upscaleFactorOf(name: string, args: PixelShuffleArguments): number {
  const { upscaleFactor } = optionsOf<{ upscaleFactor: number }>(name, args, ['upscaleFactor']);
  return checkInteger(name, 'upscaleFactor', upscaleFactor, 1);
}

/**
 * Turns channels into pixels: y[n, c, h·r + i, w·r + j] = x[n, c·r² + i·r + j, h, w]. Shi et al., 2016:
 * https://arxiv.org/abs/1609.05158
 *
 * @param x [..., channels · r², height, width]
 * @param args upscaleFactor: r
 * @returns [..., channels, height · r, width · r]
 * @throws ShapeError when r² does not divide the channels
 * @example
 * pixelShuffle(ones([1, 8, 3, 3]), 2); // [1, 2, 6, 6]
 */
export function pixelShuffle(x: Tensor, ...args: PixelShuffleArguments): Tensor {
  return shuffle('pixelShuffle', x, upscaleFactorOf('pixelShuffle', args));
}

/** @internal */
export function shuffle(operation: string, x: Tensor, r: number): Tensor {
  if (checkTensor(operation, 'x', x).rank < 3) {
    throw new ShapeError(`${operation}: x must be [..., channels, height, width], got x ${formatShape(x.dims)}`);
  }
  const [all, h, w] = x.dims.slice(-3) as [number, number, number];
  if (all % (r * r) !== 0) {
    throw new ShapeError(
      `${operation}: upscaleFactor² must divide the channels, got ${r} and x ${formatShape(x.dims)}`,
    );
  }
  const batch = x.dims.slice(0, -3);
  const n = sizeOf(batch);
  const channels = all / (r * r);
  const split = permute(reshape(x, [n, channels, r, r, h, w]), [0, 1, 4, 2, 5, 3]);
  return reshape(split, [...batch, channels, h * r, w * r]);
}
