import { ArgumentError, checkChoice, checkFlag, checkInteger, checkNumber, checkOptions } from '../errors.js';
import { formatOptions } from '../format.js';
import { type InterpolateOptions, interpolateOptions, resize, shuffle } from '../ops/upsample.js';
import { perDimension } from '../ops/windows.js';
import { copyOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/**
 * Resizes images [batch, channels, height, width] or sequences [batch, channels, length]; see `interpolate`.
 *
 * @throws ArgumentError when neither or both of size and scaleFactor are given; ShapeError when x has other dimensions
 * @example
 * new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' }).forward(zeros([1, 3, 8, 8])); // [1, 3, 16, 16]
 */
export class Upsample extends Module {
  readonly options: Readonly<InterpolateOptions>;

  /** @param options size or scaleFactor; mode ('nearest'), alignCorners (false), recomputeScaleFactor (false) */
  constructor(options: InterpolateOptions) {
    super();
    checkOptions('Upsample', options, interpolateOptions);
    this.options = { ...options };
    const { size, scaleFactor, mode, alignCorners, recomputeScaleFactor } = this.options;
    if ((size === undefined) === (scaleFactor === undefined)) {
      const got = size === undefined ? 'none' : 'both';
      throw new ArgumentError(`Upsample: either size or scaleFactor must be given, got ${got}`);
    }
    if (size !== undefined) perDimension('Upsample', 'size', size, Array.isArray(size) && size.length === 1 ? 1 : 2, 1);
    for (const factor of scaleFactor === undefined ? [] : (copyOf(scaleFactor) ?? [scaleFactor])) {
      checkNumber('Upsample', 'scaleFactor', factor, { min: 0, open: true });
    }
    checkChoice('Upsample', 'mode', mode, ['nearest', 'linear', 'bilinear'], 'nearest');
    checkFlag('Upsample', 'alignCorners', alignCorners, false);
    checkFlag('Upsample', 'recomputeScaleFactor', recomputeScaleFactor, false);
  }

  forward(x: Tensor): Tensor {
    return resize('Upsample', x, this.options);
  }

  override toString(): string {
    return `Upsample(${formatOptions(this.options)})`;
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

  /** @param upscaleFactor r */
  constructor(upscaleFactor: number) {
    super();
    this.upscaleFactor = checkInteger('PixelShuffle', 'upscaleFactor', upscaleFactor, 1);
  }

  forward(x: Tensor): Tensor {
    return shuffle('PixelShuffle', x, this.upscaleFactor);
  }

  override toString(): string {
    return `PixelShuffle(${this.upscaleFactor})`;
  }
}
