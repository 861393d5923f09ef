import { checkOptions, formatShape } from '../errors.js';
import {
  type AvgPoolOptions,
  adaptiveAvgPool,
  adaptiveMaxPool,
  avgPool,
  avgPoolOptions,
  type MaxPoolOptions,
  maxPool,
  maxPoolOptions,
} from '../ops/pool.js';
import { checkWindowOptions, type PerDimension, perDimension } from '../ops/windows.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

type Run<Options> = (operation: string, rank: number, x: Tensor, size: PerDimension, options?: Options) => Tensor;

// A layer without parameters over windows of a size.
abstract class Pool<Options extends object> extends Module {
  constructor(
    private readonly kind: string,
    private readonly spatial: number,
    private readonly run: Run<Options>,
    known: readonly string[],
    /** The size of a window, or of the result of adaptive layers. */
    readonly size: PerDimension,
    readonly options?: Readonly<Options>,
  ) {
    super();
    checkOptions(kind, options, known);
    checkWindowOptions(kind, options, spatial);
    perDimension(kind, run.length === 4 ? 'outputSize' : 'kernelSize', size, spatial, 1);
  }

  forward(x: Tensor): Tensor {
    return this.run(this.kind, this.spatial, x, this.size, this.options);
  }

  override toString(): string {
    const show = (value: unknown): string => (Array.isArray(value) ? formatShape(value) : String(value));
    const options = Object.entries(this.options ?? {}).map(([name, value]) => `, ${name} ${show(value)}`);
    return `${this.kind}(${show(this.size)}${options.join('')})`;
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
  /** @param options as of `MaxPool2d` */
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
export class AvgPool2d extends Pool<AvgPoolOptions> {
  /** @param options stride (kernelSize), padding (0), ceilMode (false), countIncludePad (true) */
  constructor(kernelSize: PerDimension, options?: AvgPoolOptions) {
    super('AvgPool2d', 2, avgPool, avgPoolOptions, kernelSize, options);
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
  /** @param options as of `AvgPool2d` */
  constructor(kernelSize: PerDimension, options?: AvgPoolOptions) {
    super('AvgPool1d', 1, avgPool, avgPoolOptions, kernelSize, options);
  }
}

/**
 * Means of windows that share images evenly, to a result of a given size; see `adaptiveAvgPool2d`. Size 1 is global
 * pooling: Lin et al., 2013, https://arxiv.org/abs/1312.4400
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * new nn.AdaptiveAvgPool2d(1).forward(zeros([4, 64, 7, 7])); // [4, 64, 1, 1]
 */
export class AdaptiveAvgPool2d extends Pool<object> {
  constructor(outputSize: PerDimension) {
    super('AdaptiveAvgPool2d', 2, adaptiveAvgPool, [], outputSize);
  }
}

/**
 * Means of windows that share sequences [batch, channels, length] evenly, to [batch, channels, outputSize].
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * new nn.AdaptiveAvgPool1d(2).forward(tensor([[1, 3, 2, 5]])); // [[2, 3.5]]
 */
export class AdaptiveAvgPool1d extends Pool<object> {
  constructor(outputSize: PerDimension) {
    super('AdaptiveAvgPool1d', 1, adaptiveAvgPool, [], outputSize);
  }
}

/**
 * The largest elements of windows that share images [batch, channels, height, width] evenly; see `adaptiveMaxPool2d`.
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * new nn.AdaptiveMaxPool2d([2, 1]).forward(zeros([4, 64, 7, 7])); // [4, 64, 2, 1]
 */
export class AdaptiveMaxPool2d extends Pool<object> {
  constructor(outputSize: PerDimension) {
    super('AdaptiveMaxPool2d', 2, adaptiveMaxPool, [], outputSize);
  }
}

/**
 * The largest elements of windows that share sequences [batch, channels, length] evenly, to [batch, channels, outputSize].
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * new nn.AdaptiveMaxPool1d(2).forward(tensor([[1, 3, 2, 5]])); // [[3, 5]]
 */
export class AdaptiveMaxPool1d extends Pool<object> {
  constructor(outputSize: PerDimension) {
    super('AdaptiveMaxPool1d', 1, adaptiveMaxPool, [], outputSize);
  }
}
