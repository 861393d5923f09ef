import { formatShape } from '../errors.js';
import { formatOptions } from '../format.js';
import { checkNormType, type LPPoolArguments, type LPPoolOptions, lpPool, lpPoolOptions } from '../ops/pool-lp.js';
import { checkWindowOptions, type PerDimension, perDimension } from '../ops/windows.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

abstract class LPPool extends Module {
  readonly normType: number;
  readonly kernelSize: PerDimension;
  readonly stride: PerDimension;
  readonly ceilMode: boolean;
  private readonly given: Partial<LPPoolOptions>;

  constructor(
    private readonly kind: string,
    private readonly spatial: number,
    args: LPPoolArguments,
  ) {
    super();
    const options = lpPoolOptions(kind, args);
    this.normType = checkNormType(kind, options.normType);
    perDimension(kind, 'kernelSize', options.kernelSize, spatial, 1);
    checkWindowOptions(kind, options, spatial);
    this.kernelSize = options.kernelSize as PerDimension;
    this.stride = options.stride ?? this.kernelSize;
    this.ceilMode = options.ceilMode ?? false;
    this.given = { ...options };
  }

  forward(x: Tensor): Tensor {
    return lpPool(this.kind, this.spatial, x, this.given);
  }

  override toString(): string {
    const { normType, kernelSize, ...rest } = this.given;
    const size = Array.isArray(kernelSize) ? formatShape(kernelSize) : kernelSize;
    return `${this.kind}(${[normType, size, formatOptions(rest)].filter((part) => part !== '').join(', ')})`;
  }
}

/**
 * The p-norm of each window of images [batch, channels, height, width]; see `lpPool2d`.
 * Gulcehre et al., 2013, https://arxiv.org/abs/1311.1780
 *
 * @throws ShapeError when the kernel is larger than x, ArgumentError when normType is 0
 * @example
 * new nn.LPPool2d(2, 3).forward(zeros([4, 6, 9, 9])); // [4, 6, 3, 3]
 */
export class LPPool2d extends LPPool {
  /** @param args normType: p; kernelSize: a number or [height, width]; stride (kernelSize), ceilMode (false) */
  constructor(...args: LPPoolArguments) {
    super('LPPool2d', 2, args);
  }
}

/**
 * The p-norm of each window of sequences [batch, channels, length]; see `lpPool1d`.
 *
 * @throws ShapeError when the kernel is larger than x, ArgumentError when normType is 0
 * @example
 * new nn.LPPool1d(2, 2).forward(tensor([[3, 4, 6, 8]])); // [[5, 10]]
 */
export class LPPool1d extends LPPool {
  /** @param args as for `LPPool2d` */
  constructor(...args: LPPoolArguments) {
    super('LPPool1d', 1, args);
  }
}

/**
 * The p-norm of each window of volumes [batch, channels, depth, height, width]; see `lpPool3d`.
 *
 * @throws ShapeError when the kernel is larger than x, ArgumentError when normType is 0
 * @example
 * new nn.LPPool3d(2, 2).forward(zeros([4, 6, 8, 8, 8])); // [4, 6, 4, 4, 4]
 */
export class LPPool3d extends LPPool {
  /** @param args as for `LPPool2d` */
  constructor(...args: LPPoolArguments) {
    super('LPPool3d', 3, args);
  }
}
