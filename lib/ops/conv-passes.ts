// The three passes of a convolution: its output, its input gradient, its weight gradient. Each is linear in both of its
// operands, and its gradients are the other two passes, so that all can be differentiated any number of times.
import { fusedGradients } from '../autograd/fused.js';
import { type Backward, factorsRead, record } from '../autograd/tape.js';
import { formatShape, ShapeError } from '../errors.js';
import { present } from '../lists.js';
import { type Fault, kernel, native } from '../native.js';
import type { Shape } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { sum } from './reduce.js';
import { reshape } from './shape.js';
import { type Axis, asPower } from './windows.js';

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

// Of height, and then of width.
const axisNumbers = ['in', 'out', 'taps', 'stride', 'pad', 'dilation'] as const;
const numbers = `algorithm,images,groups,inChannels,outChannels,${axisNumbers}`;
const convKernel = kernel('conv', `y x weight bias ${numbers}`);
const convInputKernel = kernel('convInput', `dx dy weight bias ${numbers}`);
const convWeightKernel = kernel('convWeight', `dWeight x dy ${numbers}`);
const channelSumsKernel = kernel('channelSums', 'dBias dy images channels pixels');

const codes = native.codes.algorithm;

function numbersOf(s: ConvSizes, algorithm = codes.fastest): number[] {
  const axes = [s.h, s.w].flatMap((axis) => axisNumbers.map((name) => axis[name]));
  return [algorithm, s.images, s.groups, s.inChannels, s.outChannels, ...axes];
}

// The kernels' only fault.
function checkSizes(fault: Fault | undefined, s: ConvSizes): void {
  if (fault === undefined) return;
  const [positions, padded] = [native.limits.positions, native.limits.padded].map(asPower);
  const rule = `there must be fewer than ${positions} images, and fewer than ${padded} elements of each in a group, with their padding`;
  throw new ShapeError(`convolution: ${rule}, got x ${formatShape(s.x)} and weight ${formatShape(s.weight)}`);
}

/** @internal The output of a convolution from x, or its input gradient from dy; operands: x or dy, weight, bias. */
export function sumOfTaps(
  result: Tensor,
  operands: readonly [Tensor, Tensor, Tensor | null],
  s: ConvSizes,
  toInput: boolean,
  algorithm = codes.fastest,
): void {
  const [source, weight, bias] = operands;
  const run = toInput ? convInputKernel : convKernel;
  const handles = [result.handle, source.handle, weight.handle, bias?.handle ?? 0];
  checkSizes(run(...handles, ...numbersOf(s, algorithm)), s);
}

/**
 * @internal The output of a convolution, or with `toInput` its input gradient, which is also the transposed convolution:
 * of shape s.y from x, or of shape s.x from dy.
 */
export function convPass(
  name: string,
  source: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  s: ConvSizes,
  toInput: boolean,
): Tensor {
  const y = empty(toInput ? s.x : s.y, source.dtype);
  sumOfTaps(y, [source, weight, bias], s, toInput);
  const [readSource, readWeight] = factorsRead(source, weight);
  const backward = passBackward(name, readSource, readWeight, bias !== null, s, toInput);
  const inputs = bias === null ? [source, weight] : [source, weight, bias];
  return record(name, y, inputs, backward, present(readSource, readWeight));
}

function passBackward(
  name: string,
  source: Tensor | null,
  weight: Tensor | null,
  hasBias: boolean,
  s: ConvSizes,
  toInput: boolean,
): Backward {
  const gradientOfWeight = (g: Tensor, source: Tensor) => {
    const [x, dy] = toInput ? [g, source] : [source, g];
    return convWeight(name, x, dy, s);
  };
  const channels = s.groups * (toInput ? s.inChannels : s.outChannels);
  return (g, needs) => {
    const gradients = [
      needs[0] ? convPass(name, g, weight as Tensor, null, s, !toInput) : null,
      needs[1] ? gradientOfWeight(g, source as Tensor) : null,
    ];
    if (hasBias) gradients.push(needs[2] ? channelSums(name, g, channels, s) : null);
    return gradients;
  };
}

/** @internal The weight gradient. */
export function convWeight(name: string, x: Tensor, dy: Tensor, s: ConvSizes): Tensor {
  const dWeight = empty(s.weight, x.dtype);
  checkSizes(convWeightKernel(dWeight.handle, x.handle, dy.handle, ...numbersOf(s)), s);
  const backward = (g: Tensor, needs: readonly boolean[]) => [
    needs[0] ? convPass(name, dy, g, null, s, true) : null,
    needs[1] ? convPass(name, x, g, null, s, false) : null,
  ];
  return record(name, dWeight, [x, dy], backward, [x, dy]);
}

// The bias gradient: the sums of `dy` over all dimensions except the channels.
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
