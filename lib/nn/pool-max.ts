import { optionsOf } from '../arguments.js';
import { checkFlag } from '../errors.js';
import { adaptiveMaxOfWindows, adaptiveMaxOptions, maxOfWindows } from '../ops/pool-max.js';
import type { AdaptiveSize, MaxPoolOptions } from '../ops/pool-sizes.js';
import type { Extremes } from '../ops/reduce-extremes.js';
import type { PerDimension } from '../ops/windows.js';
import type { Tensor } from '../tensor.js';
import { AdaptivePool, Pool } from './pool.js';

/** What max pooling gives: the elements alone, or with their positions. */
export type Pooled<Indices extends boolean> = Indices extends true ? Extremes : Tensor;

// Written out, so that TypeScript finds out what Indices is.
type Rest<Indices, Given extends keyof MaxPoolOptions> = Omit<MaxPoolOptions, Given | 'returnIndices'> & {
  returnIndices?: Indices;
};

/**
 * The arguments of the layers, by position or in options. As in PyTorch, ceilMode is the last; of the functions it is the last
 * but one.
 */
export type MaxPoolLayerArguments<Indices extends boolean = boolean> =
  | [options: MaxPoolOptions & { returnIndices?: Indices }]
  | [kernelSize: PerDimension, options?: Rest<Indices, 'kernelSize'>]
  | [kernelSize: PerDimension, stride: PerDimension, options?: Rest<Indices, 'kernelSize' | 'stride'>]
  | [
      kernelSize: PerDimension,
      stride: PerDimension,
      padding: PerDimension,
      options?: Rest<Indices, 'kernelSize' | 'stride' | 'padding'>,
    ]
  | [
      kernelSize: PerDimension,
      stride: PerDimension,
      padding: PerDimension,
      dilation: PerDimension,
      options?: Rest<Indices, 'kernelSize' | 'stride' | 'padding' | 'dilation'>,
    ]
  | [
      kernelSize: PerDimension,
      stride: PerDimension,
      padding: PerDimension,
      dilation: PerDimension,
      returnIndices: Indices,
      ceilMode?: boolean | { ceilMode?: boolean },
    ];

/** The arguments of the adaptive layers, by position or in options. */
export type AdaptiveMaxPoolLayerArguments<Indices extends boolean = boolean> =
  | [options: { outputSize: AdaptiveSize; returnIndices?: Indices }]
  | [outputSize: AdaptiveSize, options?: { returnIndices?: Indices }]
  | [outputSize: AdaptiveSize, returnIndices: Indices];

const positions = ['kernelSize', 'stride', 'padding', 'dilation', 'returnIndices', 'ceilMode'];

abstract class MaxPool<Indices extends boolean> extends Pool<MaxPoolOptions, Pooled<Indices>> {
  readonly dilation: PerDimension;
  readonly returnIndices: boolean;

  constructor(kind: string, spatial: number, args: readonly unknown[]) {
    const options = optionsOf<MaxPoolOptions>(kind, args, positions);
    super(kind, spatial, maxOfWindows as Run<Partial<MaxPoolOptions>, Pooled<Indices>>, options);
    this.dilation = options.dilation ?? 1;
    this.returnIndices = checkFlag(kind, 'returnIndices', options.returnIndices, false);
  }
}

type Run<Options, Y> = (operation: string, rank: number, x: Tensor, options: Options) => Y;

const withIndices: Run<AdaptiveSize, unknown> = (...args) => adaptiveMaxOfWindows(...args, true);
const withoutIndices: Run<AdaptiveSize, unknown> = (...args) => adaptiveMaxOfWindows(...args, false);

abstract class AdaptiveMaxPool<Indices extends boolean> extends AdaptivePool<Pooled<Indices>> {
  readonly returnIndices: boolean;

  constructor(kind: string, spatial: number, args: readonly unknown[]) {
    const { outputSize, returnIndices } = adaptiveMaxOptions(kind, args);
    const run = returnIndices ? withIndices : withoutIndices;
    super(kind, spatial, run as Run<AdaptiveSize, Pooled<Indices>>, outputSize);
    this.returnIndices = returnIndices;
  }

  override toString(): string {
    return this.returnIndices ? super.toString().replace(/\)$/, ', returnIndices: true)') : super.toString();
  }
}

/**
 * The largest element of each window of images [batch, channels, height, width]; see `maxPool2d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * new nn.MaxPool2d(2, 2).forward(zeros([4, 6, 28, 28])); // [4, 6, 14, 14]
 */
export class MaxPool2d<Indices extends boolean = false> extends MaxPool<Indices> {
  /**
   * @param args kernelSize: a number or [height, width]; stride (kernelSize), padding (0), dilation (1), returnIndices
   *   (false), ceilMode (false)
   */
  constructor(...args: MaxPoolLayerArguments<Indices>) {
    super('MaxPool2d', 2, args);
  }
}

/**
 * The largest element of each window of sequences [batch, channels, length]; see `maxPool1d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * new nn.MaxPool1d(2).forward(tensor([[1, 3, 2, 5]])); // [[3, 5]]
 */
export class MaxPool1d<Indices extends boolean = false> extends MaxPool<Indices> {
  /** @param args as for `MaxPool2d` */
  constructor(...args: MaxPoolLayerArguments<Indices>) {
    super('MaxPool1d', 1, args);
  }
}

/**
 * The largest element of each window of volumes [batch, channels, depth, height, width]; see `maxPool3d`.
 *
 * @throws ShapeError when the kernel is larger than the padded input, ArgumentError when padding is more than half of it
 * @example
 * new nn.MaxPool3d(2).forward(zeros([4, 6, 8, 8, 8])); // [4, 6, 4, 4, 4]
 */
export class MaxPool3d<Indices extends boolean = false> extends MaxPool<Indices> {
  /** @param args as for `MaxPool2d` */
  constructor(...args: MaxPoolLayerArguments<Indices>) {
    super('MaxPool3d', 3, args);
  }
}

/**
 * The largest elements of windows that divide images [batch, channels, height, width] evenly; see `adaptiveMaxPool2d`.
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * new nn.AdaptiveMaxPool2d([2, 1]).forward(zeros([4, 64, 7, 7])); // [4, 64, 2, 1]
 */
export class AdaptiveMaxPool2d<Indices extends boolean = false> extends AdaptiveMaxPool<Indices> {
  /** @param args outputSize, returnIndices (false) */
  constructor(...args: AdaptiveMaxPoolLayerArguments<Indices>) {
    super('AdaptiveMaxPool2d', 2, args);
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
export class AdaptiveMaxPool1d<Indices extends boolean = false> extends AdaptiveMaxPool<Indices> {
  /** @param args outputSize, returnIndices (false) */
  constructor(...args: AdaptiveMaxPoolLayerArguments<Indices>) {
    super('AdaptiveMaxPool1d', 1, args);
  }
}

/**
 * The largest elements of windows that divide volumes [batch, channels, depth, height, width] evenly.
 *
 * @throws ShapeError when x is empty or has other dimensions
 * @example
 * new nn.AdaptiveMaxPool3d([3, 2, 1]).forward(zeros([4, 64, 7, 7, 7])); // [4, 64, 3, 2, 1]
 */
export class AdaptiveMaxPool3d<Indices extends boolean = false> extends AdaptiveMaxPool<Indices> {
  /** @param args outputSize, returnIndices (false) */
  constructor(...args: AdaptiveMaxPoolLayerArguments<Indices>) {
    super('AdaptiveMaxPool3d', 3, args);
  }
}
