import { optionsOf, type Positional } from '../arguments.js';
import { checkChoice, checkFlag, checkNumber } from '../errors.js';
import { formatOptions } from '../format.js';
import {
  checkOneSize,
  type InterpolateArguments,
  type InterpolateOptions,
  interpolation,
  type PixelShuffleArguments,
  resize,
  shuffle,
  upscaleFactorOf,
} from '../ops/upsample.js';
import { type PerDimension, perDimension } from '../ops/windows.js';
import { copyOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

const modes = ['nearest', 'nearest-exact', 'area', 'linear', 'bilinear', 'bicubic', 'trilinear'] as const;

// A layer without parameters that resizes its input.
abstract class Resize extends Module {
  readonly size: PerDimension | null;
  readonly scaleFactor: PerDimension | null;
  readonly mode: NonNullable<InterpolateOptions['mode']>;
  readonly alignCorners: boolean;
  readonly recomputeScaleFactor: boolean;

  constructor(
    private readonly kind: string,
    options: InterpolateOptions,
    private readonly given: object = options,
  ) {
    super();
    const { size, scaleFactor } = checkOneSize(kind, options);
    if (size !== null) perDimension(kind, 'size', size, Math.min(copyOf(size)?.length ?? 2, 3) || 2, 1);
    for (const factor of scaleFactor === null ? [] : (copyOf(scaleFactor) ?? [scaleFactor])) {
      checkNumber(kind, 'scaleFactor', factor, { min: 0, open: true });
    }
    this.size = size;
    this.scaleFactor = scaleFactor;
    this.mode = checkChoice(kind, 'mode', options.mode, modes, 'nearest');
    this.alignCorners = checkFlag(kind, 'alignCorners', options.alignCorners ?? false);
    this.recomputeScaleFactor = checkFlag(kind, 'recomputeScaleFactor', options.recomputeScaleFactor ?? false);
    this.given = { ...given };
  }

  forward(x: Tensor): Tensor {
    return resize(this.kind, x, this);
  }

  override toString(): string {
    return `${this.kind}(${formatOptions(this.given)})`;
  }
}

/**
 * Resizes images [batch, channels, height, width], sequences [batch, channels, length] or volumes [batch, channels, depth,
 * height, width]; see `interpolate`.
 *
 * @throws ArgumentError when neither or both of size and scaleFactor are given; ShapeError when x has other dimensions
 * @example
 * new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' }).forward(zeros([1, 3, 8, 8])); // [1, 3, 16, 16]
 */
export class Upsample extends Resize {
  /** @param args size or scaleFactor; mode ('nearest'), alignCorners (false), recomputeScaleFactor (false) */
  constructor(...args: InterpolateArguments) {
    super('Upsample', interpolation('Upsample', args));
  }
}

/** Arguments of `UpsamplingNearest2d` and `UpsamplingBilinear2d`, by name; either `size` or `scaleFactor`. */
export type UpsamplingOptions = Pick<InterpolateOptions, 'size' | 'scaleFactor'>;

type UpsamplingArguments = Positional<UpsamplingOptions, [size: 'size', scaleFactor: 'scaleFactor']>;

const upsampling = (name: string, args: UpsamplingArguments): UpsamplingOptions =>
  optionsOf<UpsamplingOptions>(name, args, ['size', 'scaleFactor'], [], ['size', 'scaleFactor']);

/**
 * `Upsample` with mode `nearest`: repeats elements. x [batch, channels, height, width], sequences and volumes, too.
 *
 * @throws ArgumentError when neither or both of size and scaleFactor are given; ShapeError when x has other dimensions
 * @example
 * new nn.UpsamplingNearest2d({ scaleFactor: 2 }).forward(zeros([1, 3, 8, 8])); // [1, 3, 16, 16]
 */
export class UpsamplingNearest2d extends Resize {
  /** @param args size or scaleFactor: a number or [height, width] */
  constructor(...args: UpsamplingArguments) {
    super('UpsamplingNearest2d', upsampling('UpsamplingNearest2d', args));
  }
}

/**
 * `Upsample` with mode `bilinear` and aligned corners: the first and the last elements keep their positions. x [batch,
 * channels, height, width].
 *
 * @throws ArgumentError when neither or both of size and scaleFactor are given; ShapeError when x has other dimensions
 * @example
 * new nn.UpsamplingBilinear2d([16, 20]).forward(zeros([1, 3, 8, 8])); // [1, 3, 16, 20]
 */
export class UpsamplingBilinear2d extends Resize {
  /** @param args size or scaleFactor: a number or [height, width] */
  constructor(...args: UpsamplingArguments) {
    const options = upsampling('UpsamplingBilinear2d', args);
    super('UpsamplingBilinear2d', { ...options, mode: 'bilinear', alignCorners: true }, options);
  }
}

/**
 * Turns channels into pixels: x [batch, channels · r², height, width] to [batch, channels, height · r, width · r]; see
 * `pixelShuffle`.
 * Shi et al., 2016, https://arxiv.org/abs/1609.05158
 *
 * @throws ShapeError when r² does not divide the channels
 * @example
 * new nn.PixelShuffle(2).forward(zeros([1, 8, 3, 3])); // [1, 2, 6, 6]
 */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  /** @param args upscaleFactor: r */
  constructor(...args: PixelShuffleArguments) {
    super();
    this.upscaleFactor = upscaleFactorOf('PixelShuffle', args);
  }

  forward(x: Tensor): Tensor {
    return shuffle('PixelShuffle', x, this.upscaleFactor);
  }

  override toString(): string {
    return `PixelShuffle(${this.upscaleFactor})`;
  }
}
