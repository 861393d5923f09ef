// Tensors as pictures.
import { checkChoice, formatShape, ShapeError } from '../errors.js';
import type { Image } from '../io/png.js';
import { checkTensor, Tensor } from '../tensor.js';

/** The order of the dimensions of an image: channels (1 or 3), height, width. */
export type DataFormats = 'CHW' | 'HWC' | 'HW';

/** The pixels of a tensor: uint8 as they are, others from 0 (black) to 1; what lies beyond is cut off. */
export function pixelsOf(operation: string, image: unknown, dataformats: unknown): Image {
  const format = checkChoice<DataFormats>(operation, 'dataformats', dataformats, ['CHW', 'HWC', 'HW'], 'CHW');
  const x = checkTensor(operation, 'image', image);
  const sizes = Object.fromEntries([...format].map((letter, d) => [letter, x.shape[d] ?? 0]));
  const { C: channels = 1, H: height = 0, W: width = 0 } = sizes;
  if (x.rank !== format.length || ![1, 3].includes(channels) || x.size === 0) {
    const rule = `image must be ${formatShape([...format] as never[])} with 1 or 3 channels`;
    throw new ShapeError(`${operation}: ${rule}, got ${formatShape(x.shape)}`);
  }
  const from = x.toTypedArray();
  const data = new Uint8Array(x.size);
  const scale = x.dtype === 'uint8' ? 1 : 255;
  for (let place = 0; place < height * width; place++) {
    for (let c = 0; c < channels; c++) {
      const source = format === 'CHW' ? c * height * width + place : place * channels + c;
      data[place * channels + c] = Math.min(255, Math.max(0, (from[source] as number) * scale));
    }
  }
  return { width, height, data };
}

/** Images [n, channels, height, width] in a square of rows, as the embedding projector takes them. */
export function spriteOf(operation: string, images: unknown, count: number): Image & { single: [number, number] } {
  if (!(images instanceof Tensor) || images.rank !== 4 || images.shape[0] !== count) {
    const got = images instanceof Tensor ? formatShape(images.shape) : typeof images;
    throw new ShapeError(`${operation}: labelImg must be [${count}, channels, height, width], got ${got}`);
  }
  const [n, , height, width] = checkTensor(operation, 'labelImg', images).shape as [number, number, number, number];
  const side = Math.ceil(Math.sqrt(n));
  const [first] = [pixelsOf(operation, images.at(0), 'CHW')];
  const channels = first.data.length / (height * width);
  const data = new Uint8Array(side * width * side * height * channels);
  for (let i = 0; i < n; i++) {
    const one = pixelsOf(operation, images.at(i), 'CHW').data;
    for (let y = 0; y < height; y++) {
      const row = Math.floor(i / side) * height + y;
      const at = (row * side + (i % side)) * width * channels;
      data.set(one.subarray(y * width * channels, (y + 1) * width * channels), at);
    }
  }
  return { width: side * width, height: side * height, data, single: [width, height] };
}
