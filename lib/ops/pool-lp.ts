// Power means over windows, composed of the mean.
import { optionsOf, type Positional } from '../arguments.js';
import { checkNumber } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { relu } from './activation.js';
import { abs, mul, pow, sign } from './elementwise.js';
import { avgPool } from './pool.js';
import { type PerDimension, perDimension } from './windows.js';

/** Arguments of `lpPool1d`, `lpPool2d` and `lpPool3d`, by name. */
export interface LPPoolOptions {
  /** The power p. */
  normType: number;
  /** The size of a window: a number or one for each dimension. */
  kernelSize: PerDimension;
  /** Steps between two windows; default the kernel size. */
  stride?: PerDimension;
  /** Whether a last window that reaches over the end counts; default false. */
  ceilMode?: boolean;
}

/** The arguments after the input, by position or in options. */
export type LPPoolArguments = Positional<
  LPPoolOptions,
  [normType: 'normType', kernelSize: 'kernelSize', stride: 'stride', ceilMode: 'ceilMode']
>;

/** @internal */
export function lpPoolOptions(operation: string, args: LPPoolArguments): Partial<LPPoolOptions> {
  const positions = ['normType', 'kernelSize', 'stride', 'ceilMode'];
  return optionsOf<LPPoolOptions>(operation, args, positions);
}

/**
 * The p-norm of each window of images: y = (Σ xᵖ)^(1/p) over the window, so that p = 1 is the sum and large p near the largest.
 * Gulcehre et al., "Learned-norm pooling for deep feedforward and recurrent neural networks", 2013,
 * https://arxiv.org/abs/1311.1780
 *
 * @param x [batch, channels, height, width] or without batch
 * @param args normType: p; kernelSize: a number or [height, width]; stride (kernelSize), ceilMode (false)
 * @returns [batch, channels, ⌊(height - k) / s⌋ + 1, …]
 * @throws ShapeError when the kernel is larger than x, ArgumentError when normType is 0
 * @example
 * nn.functional.lpPool2d(tensor([[[3, 0], [0, 4]]]), 2, 2); // [[[5]]]
 */
export function lpPool2d(x: Tensor, ...args: LPPoolArguments): Tensor {
  return lpPool('lpPool2d', 2, x, lpPoolOptions('lpPool2d', args));
}

/**
 * The p-norm of each window of sequences [batch, channels, length]; see `lpPool2d`.
 *
 * @throws ShapeError when the kernel is larger than x, ArgumentError when normType is 0
 * @example
 * nn.functional.lpPool1d(tensor([[3, 4, 6, 8]]), 2, 2); // [[5, 10]]
 */
export function lpPool1d(x: Tensor, ...args: LPPoolArguments): Tensor {
  return lpPool('lpPool1d', 1, x, lpPoolOptions('lpPool1d', args));
}

/**
 * The p-norm of each window of volumes [batch, channels, depth, height, width]; see `lpPool2d`.
 *
 * @throws ShapeError when the kernel is larger than x, ArgumentError when normType is 0
 * @example
 * nn.functional.lpPool3d(ones([1, 4, 4, 4]), 1, 2); // [1, 2, 2, 2], all 8
 */
export function lpPool3d(x: Tensor, ...args: LPPoolArguments): Tensor {
  return lpPool('lpPool3d', 3, x, lpPoolOptions('lpPool3d', args));
}

/** @internal The power, checked. */
export function checkNormType(operation: string, normType: unknown): number {
  return checkNumber(operation, 'normType', normType, { min: 0, open: true });
}

/** @internal */
export function lpPool(operation: string, rank: number, x: Tensor, options: Partial<LPPoolOptions>): Tensor {
  const p = checkNormType(operation, options.normType);
  const { kernelSize, stride, ceilMode } = options;
  const elements = perDimension(operation, 'kernelSize', kernelSize, rank, 1).reduce((n, k) => n * k, 1);
  const windows = {
    ...(kernelSize === undefined ? {} : { kernelSize }),
    ...(stride === undefined ? {} : { stride }),
    ...(ceilMode === undefined ? {} : { ceilMode }),
  };
  const means = avgPool(operation, rank, pow(x, p), windows);
  // As in PyTorch, windows whose sum is 0 have no gradient for p = 1 either.
  return pow(mul(mul(sign(means), relu(abs(means))), elements), 1 / p);
}
