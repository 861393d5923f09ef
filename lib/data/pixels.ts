import { isArrayOf } from '../arrays.js';
import type { TypedArray } from '../dtype.js';

/** @internal A batch of images as planes of height × width, `channels` for each image, and the values outside of them. */
export interface Planes {
  data: TypedArray;
  height: number;
  width: number;
  channels: number;
  /** One value for each channel, for the outside of an image. */
  fill: readonly number[];
}

/**
 * @internal Where the pixels of a changed image come from: pixel (row, column) of the result is pixel
 * (row + top, column + left) of the image after it was rotated, shifted and flipped, in this order.
 */
export interface Placement {
  top: number;
  left: number;
  isFlipped: boolean;
  isUpsideDown: boolean;
  /** Degrees, anticlockwise about the centre. */
  angle: number;
  /** Pixels to the right and down. */
  shiftX: number;
  shiftY: number;
}

/** @internal Writes image `index`, changed, to `target`, whose planes are height × width. */
export function place(target: Planes, source: Planes, index: number, placement: Placement): void {
  const isWhole = placement.angle === 0 && Number.isInteger(placement.shiftX) && Number.isInteger(placement.shiftY);
  for (let channel = 0; channel < source.channels; channel++) {
    const plane = index * source.channels + channel;
    if (isWhole) copyPlane(target, source, plane, source.fill[channel] as number, placement);
    else resamplePlane(target, source, plane, source.fill[channel] as number, placement);
  }
}

/** Whole pixels: each is copied. */
function copyPlane(target: Planes, source: Planes, plane: number, fill: number, placement: Placement): void {
  const { height, width, data: from } = source;
  const { height: rows, width: columns, data: to } = target;
  const { top, left, isFlipped, isUpsideDown, shiftX, shiftY } = placement;
  const step = isFlipped ? -1 : 1;
  const first = (isFlipped ? width - 1 - left : left) - shiftX;
  for (let row = 0; row < rows; row++) {
    const y = (isUpsideDown ? height - 1 - row - top : row + top) - shiftY;
    const start = (plane * rows + row) * columns;
    if (y < 0 || y >= height) {
      to.fill(fill, start, start + columns);
      continue;
    }
    const line = (plane * height + y) * width;
    for (let column = 0, x = first; column < columns; column++, x += step) {
      to[start + column] = x >= 0 && x < width ? (from[line + x] as number) : fill;
    }
  }
}

/** Between pixels: the mean of the four around a point, weighted by proximity. */
function resamplePlane(target: Planes, source: Planes, plane: number, fill: number, placement: Placement): void {
  const { height, width, data: from } = source;
  const { height: rows, width: columns, data: to } = target;
  const { top, left, isFlipped, isUpsideDown, angle, shiftX, shiftY } = placement;
  const cosine = Math.cos((angle * Math.PI) / 180);
  const sine = Math.sin((angle * Math.PI) / 180);
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  const half = isArrayOf('uint8', to) ? 0.5 : 0; // rounds, as storing truncates
  const base = plane * height * width;
  const pixel = (y: number, x: number): number =>
    y >= 0 && y < height && x >= 0 && x < width ? (from[base + y * width + x] as number) : fill;
  const step = isFlipped ? -1 : 1;
  const dx = (isFlipped ? width - 1 - left : left) - shiftX - middleX;
  for (let row = 0; row < rows; row++) {
    const dy = (isUpsideDown ? height - 1 - row - top : row + top) - shiftY - middleY;
    const start = (plane * rows + row) * columns;
    for (let column = 0; column < columns; column++) {
      const across = dx + step * column;
      const x = across * cosine - dy * sine + middleX;
      const y = across * sine + dy * cosine + middleY;
      const x0 = Math.floor(x);
      const y0 = Math.floor(y);
      const right = x - x0;
      const down = y - y0;
      let a = fill;
      let b = fill;
      let c = fill;
      let d = fill;
      if (x0 >= 0 && y0 >= 0 && x0 < width - 1 && y0 < height - 1) {
        const at = base + y0 * width + x0;
        a = from[at] as number;
        b = from[at + 1] as number;
        c = from[at + width] as number;
        d = from[at + width + 1] as number;
      } else if (x0 >= -1 && y0 >= -1 && x0 < width && y0 < height) {
        a = pixel(y0, x0);
        b = pixel(y0, x0 + 1);
        c = pixel(y0 + 1, x0);
        d = pixel(y0 + 1, x0 + 1);
      }
      to[start + column] = (1 - down) * ((1 - right) * a + right * b) + down * ((1 - right) * c + right * d) + half;
    }
  }
}

/** @internal Covers the part of a square that is inside image `index`. */
export function cover(images: Planes, index: number, size: number, top: number, left: number): void {
  const { height, width, channels, data, fill } = images;
  for (let channel = 0; channel < channels; channel++) {
    for (let row = Math.max(0, top); row < Math.min(height, top + size); row++) {
      const line = ((index * channels + channel) * height + row) * width;
      const [from, to] = [line + Math.max(0, left), line + Math.min(width, left + size)];
      data.fill(fill[channel] as number, from, to);
    }
  }
}
