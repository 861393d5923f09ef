// How the output of a convolution and its input gradient are computed (native/kernels/conv): over padded planes
// (conv.cc), with images in lanes (images.h), or by Winograd's fewer products (winograd.h). The numbers that the kernels
// take and the workspace that each needs, and which algorithm is estimated to be the fastest.
import { formatShape, ShapeError } from '../errors.js';
import { native } from '../native.js';
import type { Shape } from '../shape.js';
import type { Axis } from './windows.js';

/** @internal The sizes of a convolution; its channels are those of one group. */
export interface ConvSizes {
  images: number;
  groups: number;
  inChannels: number;
  outChannels: number;
  h: Axis;
  w: Axis;
  x: Shape;
  y: Shape;
  weight: Shape;
}

/** @internal */
export type Algorithm = 'planes' | 'images' | 'winograd';

/** @internal How a pass is computed: the shares of images that threads take, and the elements of workspace. */
export interface Plan {
  algorithm: Algorithm;
  slots: number;
  workspace: number;
}

const padded = (n: number): number => Math.floor((n + 127) / 64) * 64;
const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

// The planes of x along a dimension, and their length: see native/kernels/conv/planes.h.
function planesAlong(a: Axis): { planes: number; length: number } {
  const length = Math.ceil(((a.out - 1) * a.stride + (a.taps - 1) * a.dilation + 1) / a.stride);
  const phases = Math.min(a.taps, a.stride / greatestDivisor(a.stride, a.dilation));
  return phases * length <= a.taps * a.out ? { planes: phases, length } : { planes: a.taps, length: a.out };
}

const shift = (a: Axis): number => Math.floor(((a.taps - 1) * a.dilation) / a.stride);
const phaseLength = (a: Axis): number => Math.floor((a.pad + a.in - 1) / a.stride) + 1;
const taps = (s: ConvSizes): number => s.h.taps * s.w.taps;
const weightsOf = (s: ConvSizes): number => padded(s.groups * s.outChannels * s.inChannels * taps(s));

function planesOfX(s: ConvSizes): number {
  const [h, w] = [planesAlong(s.h), planesAlong(s.w)];
  return s.inChannels * h.planes * w.planes * h.length * w.length;
}

const planesOfDy = (s: ConvSizes): number =>
  s.outChannels * (phaseLength(s.h) + shift(s.h)) * (phaseLength(s.w) + shift(s.w));

function strips(height: number, pitch: number): number {
  return 14 * padded(Math.max(pitch, Math.min(height * pitch, 4096)));
}

// Several shares a thread, as the pool wants them; for each of them workspace of its own.
function slotsOf(images: number): number {
  const threads = native.getThreads();
  return threads === 1 ? 1 : Math.max(1, Math.min(images, 4 * threads));
}

// Lanes of the widest vectors: a share of fewer images would leave some empty.
const lanes = 16;
const slotsOfLanes = (images: number): number => slotsOf(Math.ceil(images / lanes));

// One group of a pass: what is summed up, and what comes out.
interface Side {
  channels: number;
  height: number;
  width: number;
}

function sidesOf(s: ConvSizes, toInput: boolean): { source: Side; result: Side } {
  const x = { channels: s.inChannels, height: s.h.in, width: s.w.in };
  const y = { channels: s.outChannels, height: s.h.out, width: s.w.out };
  return toInput ? { source: y, result: x } : { source: x, result: y };
}

const elements = (side: Side): number => side.channels * side.height * side.width;

// The lengths of conv.cc, images.h and winograd.h in native/kernels/conv.
function workspaceOf(s: ConvSizes, toInput: boolean, algorithm: Algorithm, slots: number): number {
  const { source, result } = sidesOf(s, toInput);
  if (algorithm === 'images') {
    const strip = 14 * Math.min(16, result.height * result.width) * 2 * lanes;
    return weightsOf(s) + slots * (padded(2 * lanes * elements(source)) + strip);
  }
  if (algorithm === 'winograd') {
    const channels = source.channels + result.channels;
    const columns = lanes * Math.min(Math.max(1, Math.floor(8192 / channels / lanes)), Math.ceil(result.width / 2));
    const rows = 4 * source.channels * source.width + 2 * result.channels * result.width;
    return padded(16 * s.groups * source.channels * result.channels) + slots * (lanes * rows + 16 * channels * columns);
  }
  const strip = toInput
    ? strips(phaseLength(s.h), phaseLength(s.w) + shift(s.w))
    : strips(s.h.out, planesAlong(s.w).length);
  return weightsOf(s) + slots * (padded(toInput ? planesOfDy(s) : planesOfX(s)) + strip);
}

// Taps that the outputs of a dimension meet inside of the image, all together.
function tapsInside(a: Axis): number {
  let count = 0;
  for (let t = 0; t < a.taps; t++) {
    const start = t * a.dilation - a.pad; // output i meets element i · stride + start
    const first = Math.max(0, Math.ceil(-start / a.stride));
    count += Math.max(0, Math.min(a.out, Math.floor((a.in - 1 - start) / a.stride) + 1) - first);
  }
  return count;
}

// The time of one image of one group, in products of whole vectors; the factors were measured with AVX-512.
function costOf(s: ConvSizes, toInput: boolean, algorithm: Algorithm): number {
  const { source, result } = sidesOf(s, toInput);
  const products = source.channels * result.channels;
  if (algorithm === 'images') {
    return (products * tapsInside(s.h) * tapsInside(s.w)) / lanes + 3 * (elements(source) + elements(result));
  }
  if (algorithm === 'winograd') {
    const tiles = Math.ceil(result.height / 2) * Math.ceil(result.width / 2);
    return products * (tiles + 64 / s.images) + 4 * (elements(source) + elements(result));
  }
  const [height, width] = toInput ? [phaseLength(s.h), phaseLength(s.w)] : [s.h.out, s.w.out];
  const pitch = toInput ? width + shift(s.w) : planesAlong(s.w).length;
  const isWhole = width % lanes === 0 && (!toInput || s.w.stride === 1);
  const vectors = Math.ceil((isWhole ? height * width : (height - 1) * pitch + width) / lanes);
  return 1.12 * products * taps(s) * vectors + (isWhole ? 0 : elements(result));
}

const suitsWinograd = (a: Axis): boolean => a.taps === 3 && a.stride === 1 && a.dilation === 1;

/** @internal The algorithms by which a convolution can be computed. */
export const algorithmsOf = (s: ConvSizes): Algorithm[] =>
  suitsWinograd(s.h) && suitsWinograd(s.w) ? ['planes', 'images', 'winograd'] : ['planes', 'images'];

// Whether offsets of 31 bits are enough for the kernels' parts of workspace, with room to spare.
function isPossible(s: ConvSizes, toInput: boolean, algorithm: Algorithm): boolean {
  const { source, result } = sidesOf(s, toInput);
  if (s.images >= 2 ** 31) return false;
  if (algorithm === 'planes') return (toInput ? planesOfDy(s) : planesOfX(s)) < 2 ** 30 - 1;
  if (algorithm === 'images') return elements(source) < 2 ** 26 - 64;
  return elements(source) < 2 ** 26 && 16 * s.groups * source.channels * result.channels < 2 ** 31 - 256;
}

function tooLarge(s: ConvSizes): ShapeError {
  const rule =
    'there must be fewer than 2^31 images, and fewer than 2^30 elements of each in a group, with their padding';
  return new ShapeError(`convolution: ${rule}, got x ${formatShape(s.x)} and weight ${formatShape(s.weight)}`);
}

/** @internal The fastest of `algorithms`, by an estimate, for the output of a convolution or its input gradient. */
export function planOf(s: ConvSizes, toInput: boolean, algorithms: Algorithm[] = algorithmsOf(s)): Plan {
  const threads = native.getThreads();
  let best: Plan | undefined;
  let fastest = Number.POSITIVE_INFINITY;
  for (const algorithm of algorithms) {
    if (!isPossible(s, toInput, algorithm)) continue;
    const slots = algorithm === 'planes' ? slotsOf(s.images) : slotsOfLanes(s.images);
    const share = Math.ceil(s.images / Math.min(threads, slots));
    const images = algorithm === 'planes' ? share : Math.ceil(share / lanes) * lanes;
    // Each slot's planes are cleared once.
    const cleared = algorithm === 'planes' ? Math.ceil(slots / threads) * (toInput ? planesOfDy(s) : planesOfX(s)) : 0;
    const time = images * costOf(s, toInput, algorithm) + cleared / lanes;
    if (best !== undefined && time >= fastest) continue;
    fastest = time;
    best = { algorithm, slots, workspace: workspaceOf(s, toInput, algorithm, slots) };
  }
  if (best === undefined) throw tooLarge(s);
  return best;
}

/** @internal The same of the weight gradient, which has one algorithm. */
export function planOfWeight(s: ConvSizes): { slots: number; workspace: number } {
  const slots = slotsOf(s.images);
  const channels = Math.ceil(s.outChannels / 16) * 16;
  const sums = s.outChannels <= 9 ? 16 * s.outChannels : channels;
  const dy = channels * padded(s.h.out * planesAlong(s.w).length);
  const total = padded(s.groups * s.inChannels * taps(s) * sums);
  if (!isPossible(s, false, 'planes') || dy >= 2 ** 31 - 1 || total >= 2 ** 31 - 1) throw tooLarge(s);
  return { slots, workspace: slots * (padded(planesOfX(s)) + dy + total) };
}
