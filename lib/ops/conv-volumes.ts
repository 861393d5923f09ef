// Convolutions of volumes by those of images: a plane of the output is a convolution of images whose channels are those of
// all planes that the kernel reaches. One large product is faster than a convolution for each plane of the kernel.
import type { Tensor } from '../tensor.js';
import { type ConvSizes, convPass } from './conv-passes.js';
import { generate } from './creation.js';
import { add } from './elementwise.js';
import { addedRows, indexSelect } from './indexing.js';
import { permute, reshape } from './shape.js';
import { surround } from './shape-slice.js';
import { type Axis, checkRoom } from './windows.js';

/** @internal The sizes of a convolution of volumes: those of its images, and the axis of depth. */
export interface VolumeSizes extends Omit<ConvSizes, 'x' | 'y' | 'weight'> {
  d: Axis;
}

// The plane of the padded input that each tap of each output plane reads.
const tapsOf = (d: Axis): Tensor =>
  generate([d.out * d.taps], 'int32', (i) => Math.floor(i / d.taps) * d.stride + (i % d.taps) * d.dilation);

// Planes of the padded input from the first that is read to the last.
const reach = (d: Axis): number => (d.out - 1) * d.stride + (d.taps - 1) * d.dilation + 1;

// The sizes of the convolution of images; the taps of depth are channels beside those of the input.
function imagesOf(s: VolumeSizes, planes: number): ConvSizes {
  const { groups, outChannels, h, w } = s;
  const [images, inChannels] = [s.images * planes, s.inChannels * s.d.taps];
  const x = [images, groups * inChannels, h.in, w.in];
  const y = [images, groups * outChannels, h.out, w.out];
  const weight = [groups * outChannels, inChannels, h.taps, w.taps];
  return { images, groups, inChannels, outChannels, h, w, x, y, weight };
}

/** @internal x [images, channels, depth, height, width], weight [outChannels, channels / groups, ...kernel]. */
export function volumePass(name: string, x: Tensor, weight: Tensor, bias: Tensor | null, s: VolumeSizes): Tensor {
  const { d, h, w } = s;
  const images = imagesOf(s, d.out);
  const channels = s.groups * s.inChannels;
  checkRoom(images.x, x.dtype);
  const padded = surround(x, [0, 0, 0, 0, d.pad, reach(d) - d.in - d.pad]);
  const taps = indexSelect(permute(padded, [0, 2, 1, 3, 4]), 1, tapsOf(d));
  const split = reshape(taps, [s.images, d.out, d.taps, channels, h.in * w.in]);
  const planes = reshape(permute(split, [0, 1, 3, 2, 4]), images.x);
  const y = convPass(name, planes, reshape(weight, images.weight), bias, images, false);
  return permute(reshape(y, [s.images, d.out, s.groups * s.outChannels, h.out, w.out]), [0, 2, 1, 3, 4]);
}

/** @internal The transposed convolution of y, [images, outChannels, depth, height, width] in the names of `volumePass`. */
export function transposedVolumePass(
  name: string,
  y: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  s: VolumeSizes,
): Tensor {
  const { d, h, w } = s;
  const images = imagesOf(s, d.out);
  const channels = s.groups * s.inChannels;
  checkRoom(images.x, y.dtype);
  const planes = reshape(permute(y, [0, 2, 1, 3, 4]), images.y);
  const taps = convPass(name, planes, reshape(weight, images.weight), null, images, true);
  const split = permute(reshape(taps, [s.images, d.out, channels, d.taps, h.in * w.in]), [0, 1, 3, 2, 4]);
  const rows = reshape(split, [s.images, d.out * d.taps, channels, h.in, w.in]);
  const added = addedRows(rows, tapsOf(d), [s.images, reach(d), channels, h.in, w.in], 1);
  const x = surround(permute(added, [0, 2, 1, 3, 4]), [0, 0, 0, 0, -d.pad, d.in + d.pad - reach(d)]);
  return bias === null ? x : add(x, reshape(bias, [channels, 1, 1, 1]));
}
