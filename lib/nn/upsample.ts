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

const modes = ['nearest', 'linear', 'bilinear', 'trilinear'] as const;

/**
 * Resizes images [batch, channels, height, width], sequences [batch, channels, length] or volumes [batch, channels, depth,
 * height, width]; see `interpolate`.
 *
 * @throws ArgumentError when neither or both of size and scaleFactor are given; ShapeError when x has other dimensions
 * @example
 * new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' }).forward(zeros([1, 3, 8, 8])); // [1, 3, 16, 16]
 */
export class Upsample extends Module {
  readonly size: PerDimension | null;
  readonly scaleFactor: PerDimension | null;
  readonly mode: NonNullable<InterpolateOptions['mode']>;
  readonly alignCorners: boolean;
  readonly recomputeScaleFactor: boolean;
  private readonly given: InterpolateOptions;

  /** @param args size or scaleFactor; mode ('nearest'), alignCorners (false), recomputeScaleFactor (false) */
  constructor(...args: InterpolateArguments) {
    super();
    const options = interpolation('Upsample', args);
    const { size, scaleFactor } = checkOneSize('Upsample', options);
    if (size !== null) perDimension('Upsample', 'size', size, Math.min(copyOf(size)?.length ?? 2, 3) || 2, 1);
    for (const factor of scaleFactor === null ? [] : (copyOf(scaleFactor) ?? [scaleFactor])) {
      checkNumber('Upsample', 'scaleFactor', factor, { min: 0, open: true });
    }
    this.size = size;
    this.scaleFactor = scaleFactor;
    this.mode = checkChoice('Upsample', 'mode', options.mode, modes, 'nearest');
    this.alignCorners = checkFlag('Upsample', 'alignCorners', options.alignCorners ?? false);
    this.recomputeScaleFactor = checkFlag('Upsample', 'recomputeScaleFactor', options.recomputeScaleFactor ?? false);
    this.given = { ...options };
  }

  forward(x: Tensor): Tensor {
    return resize('Upsample', x, this);
  }

  override toString(): string {
    return `Upsample(${formatOptions(this.given)})`;
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
