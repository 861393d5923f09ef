// What a network has learned, and what it makes of an input, as pictures.
import { noGrad } from '../autograd/tape.js';
import type { Picture } from '../charts/pictures.js';
import { ArgumentError, checkFlag, describe, formatShape, ShapeError } from '../errors.js';
import { forwardOf } from '../nn/callable.js';
import { Module } from '../nn/module.js';
import { checkOptions } from '../options.js';
import { checkFloat, checkTensor, Tensor } from '../tensor.js';
import { type Explained, question, watching } from './model.js';

/** Options of {@link mapPictures}. */
export interface MapPicturesOptions {
  /** Whether white is 0 and black the largest absolute value; default false: white is the least value, black the largest. */
  magnitudes?: boolean;
}

/**
 * Maps of numbers as grey pictures, each with its own shades: attributions, say, for `charts.pictures` or a run's `recordPictures`. A
 * map that is the same everywhere is white.
 *
 * @param maps float32 or float64, finite, [n, height, width] or [n, 1, height, width]
 * @throws ShapeError for another shape; ArgumentError for values that are not finite
 * @example
 * const pictures = explain.mapPictures(rand([8, 28, 28]));
 * const svg = charts.pictures({ pictures, columns: 4 });
 */
export function mapPictures(maps: Tensor, options: MapPicturesOptions = {}): Picture[] {
  const operation = 'mapPictures';
  checkFloat(operation, 'maps', checkTensor(operation, 'maps', maps));
  checkOptions(operation, options, ['magnitudes']);
  const magnitudes = checkFlag(operation, 'magnitudes', options.magnitudes, false);
  const [n, height, width] = maps.ndim === 4 && maps.dims[1] === 1 ? maps.dims.filter((_, i) => i !== 1) : maps.dims;
  if (maps.ndim < 3 || n * height * width !== maps.size || (n > 0 && maps.size === 0)) {
    const rule = 'maps must be [n, height, width] or [n, 1, height, width], with at least one pixel';
    throw new ShapeError(`${operation}: ${rule}, got ${formatShape(maps.dims)}`);
  }
  return grey(operation, 'maps', maps, n, [height, width], magnitudes);
}

/**
 * The filters of a convolution as grey pictures, one for each output: white is the least weight, black the largest. Where a filter sees
 * several channels, they stand one below the other.
 *
 * @param layer a module with a weight [outputs, channels, height, width], such as `nn.Conv2d`
 * @throws ArgumentError for a layer without such a weight
 * @example
 * const pictures = explain.filterPictures(new nn.Conv2d(1, 8, 5)); // 8 of 5 by 5 pixels
 */
export function filterPictures(layer: Module): Picture[] {
  const operation = 'filterPictures';
  const weight: unknown = layer instanceof Module ? (layer as { weight?: unknown }).weight : undefined;
  if (!(weight instanceof Tensor) || weight.ndim !== 4) {
    const got = weight instanceof Tensor ? `one with a weight ${formatShape(weight.dims)}` : describe(layer);
    throw new ArgumentError(
      `${operation}: layer must have a weight [outputs, channels, height, width], as nn.Conv2d, got ${got}`,
    );
  }
  const [outputs, channels, height, width] = weight.dims as [number, number, number, number];
  return grey(operation, 'weight', weight, outputs, [channels * height, width], false);
}

/**
 * What a layer of convolutions makes of a picture, as grey pictures, one for each channel: white is the least value, black the largest.
 *
 * Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2013, https://arxiv.org/abs/1311.2901
 *
 * @param model in eval mode
 * @param layer a module in it whose output is [1, channels, height, width]
 * @param x one sample, [1, …]
 * @throws StateError in training mode; ArgumentError for a layer that the model does not use; ShapeError for one without pictures
 * @example
 * const convolution = new nn.Conv2d(1, 4, 3);
 * const net = nn.sequential(convolution, new nn.ReLU(), new nn.Flatten(), new nn.Linear(4 * 6 * 6, 10)).eval();
 * explain.activationPictures(net, convolution, rand([1, 1, 8, 8])).length; // 4
 */
export function activationPictures(model: Explained, layer: Module, x: Tensor): Picture[] {
  const operation = 'activationPictures';
  question(operation, model, x, undefined);
  const seen = watching(operation, model, layer, (output) => {
    noGrad(() => forwardOf(operation, model)(x));
    return output();
  });
  if (seen.ndim !== 4 || seen.dims[0] !== 1) {
    const got = formatShape(seen.dims);
    throw new ShapeError(`${operation}: the layer's output must be [1, channels, height, width], got ${got}`);
  }
  const [, channels, height, width] = seen.dims as [number, number, number, number];
  return grey(operation, "the layer's output", seen, channels, [height, width], false);
}

// n pictures from white to black, of the values in their order.
function grey(
  operation: string,
  name: string,
  values: Tensor,
  n: number,
  [height, width]: readonly [number, number],
  magnitudes: boolean,
): Picture[] {
  const all = Float64Array.from(values.toTypedArray(), magnitudes ? Math.abs : Number);
  const wrong = all.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) throw new ArgumentError(`${operation}: ${name} must be finite, got ${wrong}`);
  return Array.from({ length: n }, (_, i) => {
    const own = all.subarray(i * height * width, (i + 1) * height * width);
    const first = magnitudes ? 0 : (own[0] as number);
    const [low, high] = own.reduce(([least, most], v) => [Math.min(least, v), Math.max(most, v)], [first, first]);
    const scale = high > low ? 255 / (high - low) : 0;
    return { image: { width, height, data: Uint8Array.from(own, (value) => Math.round(255 - (value - low) * scale)) } };
  });
}
