import { checkOptions } from '../errors.js';
import {
  adaptiveAvgPool,
  adaptiveMaxPool,
  avgPool,
  avgPool2dOptions,
  avgPoolOptions,
  maxPool,
  maxPoolOptions,
} from '../ops/pool.js';
import {
  type AdaptiveSize,
  type AvgPool2dOptions,
  type AvgPoolOptions,
  checkOutputSize,
  type MaxPoolOptions,
} from '../ops/pool-sizes.js';
import { checkWindowOptions, type PerDimension, perDimension } from '../ops/windows.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

type Run<Size, Options> = (operation: string, rank: number, x: Tensor, size: Size, options?: Options) => Tensor;

const show = (value: unknown): string => (Array.isArray(value) ? `[${value.map(String).join(', ')}]` : String(value));

// A layer without parameters over windows of an image.
abstract class Windows<Size, Options extends object> extends Module {
  constructor(
    private readonly kind: string,
    private readonly spatial: number,
    private readonly run: Run<Size, Options>,
    /** The size of a window, or of the result of adaptive layers. */
    readonly size: Size,
    readonly options?: Readonly<Options>,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return this.run(this.kind, this.spatial, x, this.size, this.options);
  }

  override toString(): string {
    const options = Object.entries(this.options ?? {}).map(([name, value]) => `, ${name} ${show(value)}`);
    return `${this.kind}(${show(this.size)}${options.join('')})`;
  }
}

abstract class Pool<Options extends object> extends Windows<PerDimension, Options> {
  constructor(
    kind: string,
    spatial: number,
    run: Run<PerDimension, Options>,
    known: readonly string[],
    kernelSize: PerDimension,
    options?: Readonly<Options>,
  ) {
    super(kind, spatial, run, kernelSize, options);
    checkOptions(kind, options, known);
    checkWindowOptions(kind, options, spatial);
    perDimension(kind, 'kernelSize', kernelSize, spatial, 1);
  }
}

abstract class AdaptivePool extends Windows<AdaptiveSize, object> {
  constructor(kind: string, spatial: number, run: Run<AdaptiveSize, object>, outputSize: AdaptiveSize) {
    super(kind, spatial, run, outputSize);
    checkOutputSize(
      kind,
      outputSize,
      Array.from({ length: spatial }, () => 0),
    );
  }
}

/**
 * The largest element of each window of images [batch, channels, height, width]; see `maxPool2d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * new nn.MaxPool2d(2).forward(zeros([4, 6, 28, 28])); // [4, 6, 14, 14]
 */
export class MaxPool2d extends Pool<MaxPoolOptions> {
  /** @param options stride (kernelSize), padding (0), dilation (1), ceilMode (false) */
  constructor(kernelSize: PerDimension, options?: MaxPoolOptions) {
    super('MaxPool2d', 2, maxPool, maxPoolOptions, kernelSize, options);
  }
}

/**
 * The largest element of each window of sequences [batch, channels, length]; see `maxPool1d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * new nn.MaxPool1d(2).forward(tensor([[1, 3, 2, 5]])); // [[3, 5]]
 */
export class MaxPool1d extends Pool<MaxPoolOptions> {
  /** @param options as for `MaxPool2d` */
  constructor(kernelSize: PerDimension, options?: MaxPoolOptions) {
    super('MaxPool1d', 1, maxPool, maxPoolOptions, kernelSize, options);
  }
}

/**
 * The mean of each window of images [batch, channels, height, width]; see `avgPool2d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * new nn.AvgPool2d(2).forward(zeros([4, 6, 28, 28])); // [4, 6, 14, 14]
 */
export class AvgPool2d extends Pool<AvgPool2dOptions> {
  /** @param options stride (kernelSize), padding (0), ceilMode (false), countIncludePad (true), divisorOverride (none) */
  constructor(kernelSize: PerDimension, options?: AvgPool2dOptions) {
    super('AvgPool2d', 2, avgPool, avgPool2dOptions, kernelSize, options);
  }
}

/**
 * The mean of each window of sequences [batch, channels, length]; see `avgPool1d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * new nn.AvgPool1d(2).forward(tensor([[1, 3, 2, 5]])); // [[2, 3.5]]
 */
export class AvgPool1d extends Pool<AvgPoolOptions> {
  /** @param options as for `AvgPool2d`, without divisorOverride */
  constructor(kernelSize: PerDimension, options?: AvgPoolOptions) {
    super('AvgPool1d', 1, avgPool, avgPoolOptions, kernelSize, options);
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
  constructor(outputSize: AdaptiveSize) {
    super('AdaptiveAvgPool2d', 2, adaptiveAvgPool, outputSize);
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
  constructor(outputSize: AdaptiveSize) {
    super('AdaptiveAvgPool1d', 1, adaptiveAvgPool, outputSize);
  }
}

/**
 * The largest elements of windows that divide images [batch, channels, height, width] evenly; see `adaptiveMaxPool2d`.
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * new nn.AdaptiveMaxPool2d([2, 1]).forward(zeros([4, 64, 7, 7])); // [4, 64, 2, 1]
 */
export class AdaptiveMaxPool2d extends AdaptivePool {
  constructor(outputSize: AdaptiveSize) {
    super('AdaptiveMaxPool2d', 2, adaptiveMaxPool, outputSize);
  }
}

/**
 * The largest elements of windows that divide sequences [batch, channels, length] evenly, giving [batch, channels,
 * outputSize].
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * new nn.AdaptiveMaxPool1d(2).forward(tensor([[1, 3, 2, 5]])); // [[3, 5]]
 */
export class AdaptiveMaxPool1d extends AdaptivePool {
  constructor(outputSize: AdaptiveSize) {
    super('AdaptiveMaxPool1d', 1, adaptiveMaxPool, outputSize);
  }
}
