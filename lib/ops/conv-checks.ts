// Argument checks for convolutions.
import { ArgumentError, describe, formatShape, ShapeError } from '../errors.js';
import { checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import type { ConvOptions } from './conv.js';
import { perDimension, spatialNames } from './windows.js';

/** @internal Checks that weight and bias are tensors of x's dtype, and the weight's rank. */
export function checkOperands(
  operation: string,
  rank: number,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  transposed: boolean,
): void {
  checkTensor(operation, 'weight', weight);
  if (bias !== null) checkTensor(operation, 'bias', bias);
  checkSameDType(operation, ['x', 'weight', 'bias'], bias === null ? [x, weight] : [x, weight, bias]);
  if (weight.rank !== rank + 2) {
    const channels = transposed ? 'inChannels, outChannels / groups' : 'outChannels, inChannels / groups';
    throw new ShapeError(
      `${operation}: weight must be [${channels}, ${spatialNames(rank, 'kernel ')}], got weight ${formatShape(weight.dims)}`,
    );
  }
  if (weight.size === 0) {
    throw new ShapeError(`${operation}: weight must not be empty, got weight ${formatShape(weight.dims)}`);
  }
}

/** @internal */
export function checkInChannels(operation: string, x: Tensor, weight: Tensor, rank: number, wanted: number): void {
  const channels = x.dims[x.rank - rank - 1];
  if (channels === wanted) return;
  throw new ShapeError(
    `${operation}: x must have the weight's ${wanted} input channels, got x ${formatShape(x.dims)} and weight ${formatShape(weight.dims)} (${channels} ≠ ${wanted})`,
  );
}

/** @internal */
export function checkDivisible(operation: string, name: string, channels: number, groups: number): void {
  if (channels % groups === 0) return;
  throw new ShapeError(`${operation}: groups must divide ${name}, got ${groups} groups and ${channels} ${name}`);
}

/** @internal */
export function checkBias(operation: string, bias: Tensor | null, outChannels: number): void {
  if (bias === null || (bias.rank === 1 && bias.size === outChannels)) return;
  throw new ShapeError(`${operation}: bias must be [${outChannels}], got bias ${formatShape(bias.dims)}`);
}

/** @internal The elements [before, after] each dimension that the option `padding` asks for. */
export function readPadding(
  operation: string,
  padding: ConvOptions['padding'],
  taps: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): [number, number][] {
  if (padding === 'valid') return taps.map(() => [0, 0]);
  if (padding === 'same') {
    if (stride.some((s) => s !== 1)) {
      throw new ArgumentError(`${operation}: padding 'same' needs stride 1, got stride ${formatShape(stride)}`);
    }
    return taps.map((n, i) => {
      const total = (n - 1) * (dilation[i] as number);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  }
  if (typeof padding === 'string') {
    throw new ArgumentError(
      `${operation}: padding must be 'same', 'valid' or a number for each dimension, got ${describe(padding)}`,
    );
  }
  return perDimension(operation, 'padding', padding, taps.length, 0).map((n) => [n, n]);
}
