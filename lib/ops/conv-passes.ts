// The three passes of a convolution: its output, its input gradient, its weight gradient. Each is linear in both of its
// operands, and the gradients of each are the other two, so that they can be differentiated any number of times.
import { isGradEnabled, record } from '../autograd/tape.js';
import { type Kernel, kernel, native } from '../native.js';
import type { Shape } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { sum } from './reduce.js';
import type { Axis } from './windows.js';

const convKernel = kernel('conv');
const convInputKernel = kernel('convInput');
const convWeightKernel = kernel('convWeight');
const channelSumsKernel = kernel('channelSums');

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

// Shares of the images that threads take, each with scratch memory of its own; several a thread, as the pool wants them.
function slotsOf(images: number): number {
  const threads = native.getThreads();
  return threads === 1 ? 1 : Math.max(1, Math.min(images, 4 * threads));
}

const axisNumbers = (a: Axis): number[] => [a.in, a.out, a.taps, a.stride, a.pad, a.dilation];

// In the order of native/kernels/conv_planes.h, and so are the lengths of scratch memory below.
function numbersOf(s: ConvSizes, slots: number): number[] {
  return [slots, s.images, s.groups, s.inChannels, s.outChannels, ...axisNumbers(s.h), ...axisNumbers(s.w)];
}

const room = (n: number): number => Math.floor((n + 127) / 64) * 64;
const planeLength = (a: Axis): number => Math.ceil(((a.out - 1) * a.stride + (a.taps - 1) * a.dilation + 1) / a.stride);
const shift = (a: Axis): number => Math.floor(((a.taps - 1) * a.dilation) / a.stride);
const phaseLength = (a: Axis): number => Math.floor((a.pad + a.in - 1) / a.stride) + 1;
const taps = (s: ConvSizes): number => s.h.taps * s.w.taps;

const planesOfX = (s: ConvSizes): number =>
  room(s.inChannels * s.h.stride * s.w.stride * planeLength(s.h) * planeLength(s.w));

function strips(height: number, pitch: number): number {
  return 14 * room(Math.max(pitch, Math.min(height * pitch, 4096)));
}

const weightsOf = (s: ConvSizes): number => room(s.groups * s.outChannels * s.inChannels * taps(s));

function outputScratch(s: ConvSizes, slots: number): number {
  return weightsOf(s) + slots * (planesOfX(s) + strips(s.h.out, planeLength(s.w)));
}

function inputScratch(s: ConvSizes, slots: number): number {
  const pitch = phaseLength(s.w) + shift(s.w);
  const planes = room(s.outChannels * (phaseLength(s.h) + shift(s.h)) * pitch);
  return weightsOf(s) + slots * (planes + strips(phaseLength(s.h), pitch));
}

function weightScratch(s: ConvSizes, slots: number): number {
  const channels = Math.ceil(s.outChannels / 16) * 16;
  const lanes = s.outChannels <= 9 ? 16 * s.outChannels : channels;
  const dy = channels * room(s.h.out * planeLength(s.w));
  return slots * (planesOfX(s) + dy + room(s.groups * s.inChannels * taps(s) * lanes));
}

// Runs a kernel whose spans are `result`, `operands` and two of scratch memory.
function run(
  name: Kernel,
  result: Tensor,
  operands: readonly (Tensor | null)[],
  s: ConvSizes,
  scratchOf: (s: ConvSizes, slots: number) => number,
  offsetsPerTap: number,
): void {
  const slots = slotsOf(s.images);
  const scratch = empty([scratchOf(s, slots)], result.dtype);
  const offsets = empty([offsetsPerTap * taps(s)], 'int32');
  const handles = operands.map((t) => (t === null ? 0 : t.handle));
  name(result.handle, ...handles, scratch.handle, offsets.handle, ...numbersOf(s, slots));
  scratch.dispose();
  offsets.dispose();
}

/** @internal y = x ∗ weight + bias */
export function convOutput(name: string, x: Tensor, weight: Tensor, bias: Tensor | null, s: ConvSizes): Tensor {
  const y = empty(s.y, x.dtype);
  run(convKernel, y, [x, weight, bias], s, outputScratch, s.inChannels);
  const backward = (dy: Tensor, needs: readonly boolean[]) => {
    const gradients = [
      needs[0] ? convInput(name, dy, weight, null, s) : null,
      needs[1] ? convWeight(name, x, dy, s) : null,
    ];
    if (bias !== null) gradients.push(needs[2] ? channelSums(dy, s.groups * s.outChannels, s) : null);
    return gradients;
  };
  return record(name, y, bias === null ? [x, weight] : [x, weight, bias], backward, [x, weight]);
}

/** @internal The input gradient, and the transposed convolution: of the shape s.x. */
export function convInput(name: string, dy: Tensor, weight: Tensor, bias: Tensor | null, s: ConvSizes): Tensor {
  const dx = empty(s.x, dy.dtype);
  run(convInputKernel, dx, [dy, weight, bias], s, inputScratch, s.outChannels);
  const backward = (g: Tensor, needs: readonly boolean[]) => {
    const gradients = [
      needs[0] ? convOutput(name, g, weight, null, s) : null,
      needs[1] ? convWeight(name, g, dy, s) : null,
    ];
    if (bias !== null) gradients.push(needs[2] ? channelSums(g, s.groups * s.inChannels, s) : null);
    return gradients;
  };
  return record(name, dx, bias === null ? [dy, weight] : [dy, weight, bias], backward, [dy, weight]);
}

/** @internal The weight gradient. */
export function convWeight(name: string, x: Tensor, dy: Tensor, s: ConvSizes): Tensor {
  const dWeight = empty(s.weight, x.dtype);
  run(convWeightKernel, dWeight, [x, dy], s, weightScratch, s.inChannels);
  const backward = (g: Tensor, needs: readonly boolean[]) => [
    needs[0] ? convInput(name, dy, g, null, s) : null,
    needs[1] ? convOutput(name, x, g, null, s) : null,
  ];
  return record(name, dWeight, [x, dy], backward, [x, dy]);
}

// The bias gradient: the sums of `dy` over all dimensions but that of the channels.
function channelSums(dy: Tensor, channels: number, s: ConvSizes): Tensor {
  if (isGradEnabled()) {
    const dims = dy.shape.map((_, i) => i);
    // Channels come second, or first where there is no batch.
    const dim = dy.rank === s.weight.length ? 1 : 0;
    return sum(dy, { dim: dims.filter((i) => i !== dim) });
  }
  const dBias = empty([channels], dy.dtype);
  channelSumsKernel(dBias.handle, dy.handle, s.images, channels, s.images === 0 ? 1 : dy.size / (s.images * channels));
  return dBias;
}
