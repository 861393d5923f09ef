import { optionsOf } from '../arguments.js';
import { formatShape } from '../errors.js';
import { formatOptions } from '../format.js';
import {
  type AvgPool2dArguments,
  type AvgPoolArguments,
  adaptiveAvgPool,
  avgPool,
  avgPool2dPositions,
  avgPoolPositions,
} from '../ops/pool.js';
import {
  type AdaptivePoolArguments,
  type AdaptiveSize,
  type AvgPool2dOptions,
  type AvgPoolOptions,
  checkOutputSize,
  outputSizeOf,
} from '../ops/pool-sizes.js';
import { checkWindowOptions, type PerDimension, perDimension } from '../ops/windows.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/** A layer without parameters over windows of an image. */
export abstract class Pool<Options extends Omit<AvgPoolOptions, 'countIncludePad'>, Y = Tensor> extends Module {
  readonly kernelSize: PerDimension;
  readonly stride: PerDimension;
  readonly padding: PerDimension;
  readonly ceilMode: boolean;
  private readonly given: Partial<Options>;

  constructor(
    private readonly kind: string,
    private readonly spatial: number,
    private readonly run: (operation: string, rank: number, x: Tensor, options: Partial<Options>) => Y,
    options: Partial<Options>,
  ) {
    super();
    checkWindowOptions(kind, options, spatial);
    this.kernelSize = options.kernelSize as PerDimension;
    perDimension(kind, 'kernelSize', this.kernelSize, spatial, 1);
    this.stride = options.stride ?? this.kernelSize;
    this.padding = options.padding ?? 0;
    this.ceilMode = options.ceilMode ?? false;
    this.given = { ...options };
  }

  forward(x: Tensor): Y {
    return this.run(this.kind, this.spatial, x, this.given);
  }

  override toString(): string {
    const { kernelSize, ...rest } = this.given;
    const size = Array.isArray(kernelSize) ? formatShape(kernelSize) : kernelSize;
    return [`${this.kind}(${size}`, formatOptions(rest)]
      .filter((part) => part !== '')
      .join(', ')
      .concat(')');
  }
}

abstract class AvgPool<Options extends AvgPoolOptions> extends Pool<Options> {
  readonly countIncludePad: boolean;

  constructor(kind: string, spatial: number, options: Partial<Options>) {
    super(kind, spatial, avgPool, options);
    this.countIncludePad = options.countIncludePad ?? true;
  }
}

/** A layer without parameters whose windows divide the image evenly. */
export abstract class AdaptivePool<Y = Tensor> extends Module {
  readonly outputSize: AdaptiveSize;

  constructor(
    private readonly kind: string,
    private readonly spatial: number,
    private readonly run: (operation: string, rank: number, x: Tensor, outputSize: AdaptiveSize) => Y,
    outputSize: AdaptiveSize,
  ) {
    super();
    this.outputSize = outputSize;
    const sizes = Array.from({ length: spatial }, () => 0);
    checkOutputSize(kind, this.outputSize, sizes);
  }

  forward(x: Tensor): Y {
    return this.run(this.kind, this.spatial, x, this.outputSize);
  }

  override toString(): string {
    const size = this.outputSize;
    return `${this.kind}(${typeof size === 'number' ? size : `[${size.map(String).join(', ')}]`})`;
  }
}

/**
 * The mean of each window of images [batch, channels, height, width]; see `avgPool2d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * new nn.AvgPool2d(2).forward(zeros([4, 6, 28, 28])); // [4, 6, 14, 14]
 */
export class AvgPool2d extends AvgPool<AvgPool2dOptions> {
  readonly divisorOverride: number | null;

  /**
   * @param args kernelSize: a number or [height, width]; stride (kernelSize), padding (0), ceilMode (false), countIncludePad
   *   (true), divisorOverride (none)
   */
  constructor(...args: AvgPool2dArguments) {
    const options = optionsOf<AvgPool2dOptions>('AvgPool2d', args, avgPool2dPositions);
    super('AvgPool2d', 2, options);
    this.divisorOverride = options.divisorOverride ?? null;
  }
}

/**
 * The mean of each window of volumes [batch, channels, depth, height, width]; see `avgPool3d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * new nn.AvgPool3d(2).forward(zeros([4, 6, 8, 8, 8])); // [4, 6, 4, 4, 4]
 */
export class AvgPool3d extends AvgPool<AvgPool2dOptions> {
  readonly divisorOverride: number | null;

  /** @param args as for `AvgPool2d` */
  constructor(...args: AvgPool2dArguments) {
    const options = optionsOf<AvgPool2dOptions>('AvgPool3d', args, avgPool2dPositions);
    super('AvgPool3d', 3, options);
    this.divisorOverride = options.divisorOverride ?? null;
  }
}

/**
 * The mean of each window of sequences [batch, channels, length]; see `avgPool1d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * new nn.AvgPool1d(2).forward(tensor([[1, 3, 2, 5]])); // [[2, 3.5]]
 */
export class AvgPool1d extends AvgPool<AvgPoolOptions> {
  /** @param args as for `AvgPool2d`, without divisorOverride */
  constructor(...args: AvgPoolArguments) {
    super('AvgPool1d', 1, optionsOf<AvgPoolOptions>('AvgPool1d', args, avgPoolPositions));
  }
}

/**
 * Means of windows that divide images evenly, for a result of a given size; see `adaptiveAvgPool2d`. Size 1 is global
 * pooling: Lin et al., 2013, https://arxiv.org/abs/1312.4400
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * new nn.AdaptiveAvgPool2d(1).forward(zeros([4, 64, 7, 7])); // [4, 64, 1, 1]
 */
export class AdaptiveAvgPool2d extends AdaptivePool {
  constructor(...args: AdaptivePoolArguments) {
    super('AdaptiveAvgPool2d', 2, adaptiveAvgPool, outputSizeOf('AdaptiveAvgPool2d', args));
  }
}

/**
 * Means of windows that divide sequences [batch, channels, length] evenly, giving [batch, channels, outputSize].
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * new nn.AdaptiveAvgPool1d(2).forward(tensor([[1, 3, 2, 5]])); // [[2, 3.5]]
 */
export class AdaptiveAvgPool1d extends AdaptivePool {
  constructor(...args: AdaptivePoolArguments) {
    super('AdaptiveAvgPool1d', 1, adaptiveAvgPool, outputSizeOf('AdaptiveAvgPool1d', args));
  }
}

/**
 * Means of windows that divide volumes [batch, channels, depth, height, width] evenly; see `adaptiveAvgPool3d`.
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * new nn.AdaptiveAvgPool3d(1).forward(zeros([4, 64, 7, 7, 7])); // [4, 64, 1, 1, 1]
 */
export class AdaptiveAvgPool3d extends AdaptivePool {
  constructor(...args: AdaptivePoolArguments) {
    super('AdaptiveAvgPool3d', 3, adaptiveAvgPool, outputSizeOf('AdaptiveAvgPool3d', args));
  }
}
