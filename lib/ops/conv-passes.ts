// The three passes of a convolution: its output, its input gradient, its weight gradient. Each is linear in both of its
// operands, and the gradients of each are the other two, so that they can be differentiated any number of times.
import { fusedGradients } from '../autograd/fused.js';
import { record } from '../autograd/tape.js';
import { kernel } from '../native.js';
import { empty, type Tensor } from '../tensor.js';
import { type ConvSizes, planOf, planOfWeight } from './conv-algorithms.js';
import { sum } from './reduce.js';
import { reshape } from './shape.js';
import type { Axis } from './windows.js';

const convKernel = kernel('conv');
const convInputKernel = kernel('convInput');
const convImagesKernel = kernel('convImages');
const convWinogradKernel = kernel('convWinograd');
const convWeightKernel = kernel('convWeight');
const channelSumsKernel = kernel('channelSums');

const axisNumbers = (a: Axis): number[] => [a.in, a.out, a.taps, a.stride, a.pad, a.dilation];

// In the order of native/kernels/conv/planes.h.
function numbersOf(s: ConvSizes, slots: number): number[] {
  return [slots, s.images, s.groups, s.inChannels, s.outChannels, ...axisNumbers(s.h), ...axisNumbers(s.w)];
}

/** @internal The output of a convolution from x, or its input gradient from dy; operands: x or dy, weight, bias. */
export function sumOfTaps(
  result: Tensor,
  operands: readonly [Tensor, Tensor, Tensor | null],
  s: ConvSizes,
  toInput: boolean,
  { algorithm, slots, workspace: length } = planOf(s, toInput),
): void {
  const channels = toInput ? s.outChannels : s.inChannels;
  const numbers = numbersOf(s, slots);
  const workspace = empty([length], result.dtype);
  const handles = [result.handle, ...operands.map((t) => (t === null ? 0 : t.handle)), workspace.handle];
  if (algorithm === 'images') {
    convImagesKernel(...handles, Number(toInput), ...numbers);
  } else {
    const offsets = empty([algorithm === 'winograd' ? channels : channels * s.h.taps * s.w.taps], 'int32');
    if (algorithm === 'winograd') convWinogradKernel(...handles, offsets.handle, Number(toInput), ...numbers);
    else (toInput ? convInputKernel : convKernel)(...handles, offsets.handle, ...numbers);
    offsets.dispose();
  }
  workspace.dispose();
}

/** @internal y = x ∗ weight + bias */
export function convOutput(name: string, x: Tensor, weight: Tensor, bias: Tensor | null, s: ConvSizes): Tensor {
  const y = empty(s.y, x.dtype);
  sumOfTaps(y, [x, weight, bias], s, false);
  const backward = (dy: Tensor, needs: readonly boolean[]) => {
    const gradients = [
      needs[0] ? convInput(name, dy, weight, null, s) : null,
      needs[1] ? convWeight(name, x, dy, s) : null,
    ];
    if (bias !== null) gradients.push(needs[2] ? channelSums(name, dy, s.groups * s.outChannels, s) : null);
    return gradients;
  };
  return record(name, y, bias === null ? [x, weight] : [x, weight, bias], backward, [x, weight]);
}

/** @internal The input gradient, and the transposed convolution: of the shape s.x. */
export function convInput(name: string, dy: Tensor, weight: Tensor, bias: Tensor | null, s: ConvSizes): Tensor {
  const dx = empty(s.x, dy.dtype);
  sumOfTaps(dx, [dy, weight, bias], s, true);
  const backward = (g: Tensor, needs: readonly boolean[]) => {
    const gradients = [
      needs[0] ? convOutput(name, g, weight, null, s) : null,
      needs[1] ? convWeight(name, g, dy, s) : null,
    ];
    if (bias !== null) gradients.push(needs[2] ? channelSums(name, g, s.groups * s.inChannels, s) : null);
    return gradients;
  };
  return record(name, dx, bias === null ? [dy, weight] : [dy, weight, bias], backward, [dy, weight]);
}

/** @internal The weight gradient. */
export function convWeight(name: string, x: Tensor, dy: Tensor, s: ConvSizes): Tensor {
  const dWeight = empty(s.weight, x.dtype);
  const { slots, workspace: length } = planOfWeight(s);
  const workspace = empty([length], x.dtype);
  const offsets = empty([s.inChannels * s.h.taps * s.w.taps], 'int32');
  const numbers = numbersOf(s, slots);
  convWeightKernel(dWeight.handle, x.handle, dy.handle, workspace.handle, offsets.handle, ...numbers);
  workspace.dispose();
  offsets.dispose();
  const backward = (g: Tensor, needs: readonly boolean[]) => [
    needs[0] ? convInput(name, dy, g, null, s) : null,
    needs[1] ? convOutput(name, x, g, null, s) : null,
  ];
  return record(name, dWeight, [x, dy], backward, [x, dy]);
}

// The bias gradient: the sums of `dy` over all dimensions but that of the channels.
function channelSums(name: string, dy: Tensor, channels: number, s: ConvSizes): Tensor {
  const inner = s.images === 0 ? 1 : dy.size / (s.images * channels);
  const run = () => {
    const dBias = empty([channels], dy.dtype);
    channelSumsKernel(dBias.handle, dy.handle, s.images, channels, inner);
    return [dBias];
  };
  const compose = (dy: Tensor) => [sum(reshape(dy, [s.images, channels, inner]), { dim: [0, 2] })];
  return fusedGradients(name, [dy], run, compose)[0] as Tensor;
}
