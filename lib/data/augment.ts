import { allOrNothing } from '../all-or-nothing.js';
import { dtypeTraits } from '../dtype.js';
import {
  ArgumentError,
  checkEach,
  checkInteger,
  checkNumber,
  DTypeError,
  describe,
  formatShape,
  ShapeError,
} from '../errors.js';
import { tensor } from '../ops/creation.js';
import type { Generator } from '../ops/generator.js';
import { rand } from '../ops/random.js';
import { checkOptions } from '../options.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { cover, type Placement, type Planes, place } from './pixels.js';
import { chooseGenerator } from './sampler.js';

/** Between two numbers; a single number r stands for -r … r. */
export type AugmentRange = number | readonly [number, number];

/** Options of {@link augment}; a change whose option is left out is not made. */
export interface AugmentOptions {
  /** Probability of mirroring left and right. */
  flip?: number;
  /** Probability of mirroring top and bottom. */
  flipVertical?: number;
  /** Degrees, anticlockwise about the centre. */
  rotate?: AugmentRange;
  /** Pixels to the right (x) and down (y), possibly fractions; one range is for both. */
  shift?: AugmentRange | { x?: AugmentRange; y?: AugmentRange };
  /**
   * Cuts out a part at a random place: `padding` pixels (default 0) are added on each side, then an image of `size`
   * (default: the original size) is cut out. A number is the padding.
   */
  crop?: number | { padding?: number; size?: number | readonly [number, number] };
  /** Side in pixels of a square that is covered; its centre is anywhere, so that part of it may be outside. */
  cutout?: number;
  /** The value outside of the image, or one for each channel; default 0. */
  fill?: number | readonly number[];
  /** Seeds a generator of its own. */
  seed?: number;
  /** Where the random numbers come from; default the generator that `manualSeed` seeds. */
  generator?: Generator;
}

const known = ['flip', 'flipVertical', 'rotate', 'shift', 'crop', 'cutout', 'fill', 'seed', 'generator'];

type Bounds = readonly [number, number];

interface Plan {
  flip: number;
  flipVertical: number;
  rotate: Bounds;
  shiftX: Bounds;
  shiftY: Bounds;
  padding: number;
  size: Bounds | undefined;
  cutout: number;
  fill: number | readonly number[];
}

/** Random numbers for each image, drawn whatever the options: one option does not change what another draws. */
const drawsPerImage = 9;

/**
 * Makes a function that changes each image of a batch at random: rotate, shift, flip, crop, then cutout, in this order,
 * all channels of an image alike. Between whole pixels (rotations, shifts by fractions) values are interpolated
 * bilinearly, once. The same seed gives the same changes, one batch after the other.
 *
 * Crops of padded images: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012,
 * https://papers.nips.cc/paper/4824. Cutout: DeVries and Taylor, 2017, https://arxiv.org/abs/1708.04552.
 *
 * | images | result |
 * |---|---|
 * | [batch, height, width] or [batch, channels, height, width]; uint8, float32 or float64 | of that dtype, a new tensor; another height and width where `crop.size` says so |
 *
 * @throws ArgumentError for wrong or unknown options; the function throws ShapeError or DTypeError for other tensors, and
 *   for images that the crop or the fill does not fit
 * @example
 * const change = data.augment({ flip: 0.5, crop: 2, rotate: 10, seed: 1 });
 * const pictures = rand([60000, 1, 8, 8]);
 * const loader = new data.DataLoader(new data.TensorDataset(pictures, randint(0, 10, [60000])), {
 *   batchSize: 64,
 *   shuffle: true,
 *   transform: ([x, y]) => [change(x), y],
 * });
 * const [first] = loader;
 * first?.[0]; // [64, 1, 8, 8]
 */
export function augment(options: AugmentOptions = {}): (images: Tensor) => Tensor {
  checkOptions('augment', options, known);
  const plan = planOf(options);
  const generator = chooseGenerator('augment', options);
  return (images) => allOrNothing(() => apply(images, plan, generator));
}

function planOf(o: AugmentOptions): Plan {
  const probability = (name: 'flip' | 'flipVertical') => checkNumber('augment', name, o[name] ?? 0, { min: 0, max: 1 });
  const shift = isRange(o.shift) ? { x: o.shift, y: o.shift } : (o.shift ?? {});
  checkOptions('augment: shift', shift, ['x', 'y']);
  const crop = typeof o.crop === 'number' ? { padding: o.crop } : (o.crop ?? {});
  checkOptions('augment: crop', crop, ['padding', 'size']);
  return {
    flip: probability('flip'),
    flipVertical: probability('flipVertical'),
    rotate: boundsOf('rotate', o.rotate),
    shiftX: boundsOf('shift', shift.x),
    shiftY: boundsOf('shift', shift.y),
    padding: checkInteger('augment', 'crop.padding', crop.padding ?? 0),
    size: crop.size === undefined ? undefined : sizeOf(crop.size),
    cutout: checkInteger('augment', 'cutout', o.cutout ?? 0),
    fill: Array.isArray(o.fill)
      ? checkEach('augment', 'fill', 'must be numbers', o.fill, (value) => checkNumber('augment', 'fill', value))
      : checkNumber('augment', 'fill', o.fill ?? 0),
  };
}

const isRange = (value: unknown): value is AugmentRange => typeof value === 'number' || Array.isArray(value);

function boundsOf(name: string, range: AugmentRange | undefined): Bounds {
  if (!Array.isArray(range)) {
    const max = checkNumber('augment', name, range ?? 0, { min: 0 });
    return [-max, max];
  }
  if (range.length !== 2) throw new ArgumentError(`augment: ${name} must be two numbers, got ${describe(range)}`);
  const min = checkNumber('augment', `the lower end of ${name}`, range[0]);
  return [min, checkNumber('augment', `the upper end of ${name}`, range[1], { min })];
}

function sizeOf(size: number | readonly [number, number]): Bounds {
  const both: readonly unknown[] = Array.isArray(size) ? size : [size, size];
  if (both.length !== 2) {
    throw new ArgumentError(`augment: crop.size must be height and width, got ${describe(size)}`);
  }
  return both.map((side) => checkInteger('augment', 'crop.size', side, 1)) as unknown as Bounds;
}

function apply(images: Tensor, plan: Plan, generator: Generator | undefined): Tensor {
  const { count, channels, height, width } = checkImages(images);
  const [rows, columns] = plan.size ?? [height, width];
  const [spareRows, spareColumns] = [height + 2 * plan.padding - rows, width + 2 * plan.padding - columns];
  if (spareRows < 0 || spareColumns < 0) {
    const padded = formatShape([height + 2 * plan.padding, width + 2 * plan.padding]);
    throw new ShapeError(
      `augment: crop.size must be at most the padded image ${padded}, got ${formatShape([rows, columns])}`,
    );
  }
  const fill = fillOf(plan, images, channels);
  const source: Planes = { data: images.toTypedArray(), height, width, channels, fill };
  const data = new dtypeTraits[images.dtype].array(count * channels * rows * columns);
  const target: Planes = { data, height: rows, width: columns, channels, fill };
  const draws = draw(count, generator);
  for (let i = 0; i < count; i++) {
    const u = draws.subarray(i * drawsPerImage, (i + 1) * drawsPerImage);
    const [flip, flipVertical, angle, shiftX, shiftY, top, left, coverTop, coverLeft] = u as unknown as number[];
    const placement: Placement = {
      isFlipped: (flip as number) < plan.flip,
      isUpsideDown: (flipVertical as number) < plan.flipVertical,
      angle: between(plan.rotate, angle as number),
      shiftX: between(plan.shiftX, shiftX as number),
      shiftY: between(plan.shiftY, shiftY as number),
      top: Math.floor((top as number) * (spareRows + 1)) - plan.padding,
      left: Math.floor((left as number) * (spareColumns + 1)) - plan.padding,
    };
    place(target, source, i, placement);
    if (plan.cutout > 0) {
      const middle = (u: number, side: number) => Math.floor(u * side) - Math.floor(plan.cutout / 2);
      cover(target, i, plan.cutout, middle(coverTop as number, rows), middle(coverLeft as number, columns));
    }
  }
  return tensor(data, { shape: [...images.shape.slice(0, -2), rows, columns] });
}

const between = ([low, high]: Bounds, u: number): number => (low === high ? low : low + (high - low) * u);

function draw(count: number, generator: Generator | undefined): Float64Array {
  const numbers = rand([count, drawsPerImage], { dtype: 'float64', generator });
  const values = numbers.toTypedArray() as Float64Array;
  numbers.dispose();
  return values;
}

function checkImages(images: Tensor): { count: number; channels: number; height: number; width: number } {
  checkTensor('augment', 'images', images);
  if (images.rank !== 3 && images.rank !== 4) {
    const rule = 'images must be [batch, height, width] or [batch, channels, height, width]';
    throw new ShapeError(`augment: ${rule}, got ${formatShape(images.shape)}`);
  }
  if (images.dtype === 'int32') {
    throw new DTypeError('augment: images must be uint8, float32 or float64, got int32');
  }
  const [height, width] = images.shape.slice(-2) as [number, number];
  const channels = images.rank === 4 ? (images.shape[1] as number) : 1;
  return { count: images.shape[0] as number, channels, height, width };
}

function fillOf({ fill }: Plan, images: Tensor, channels: number): readonly number[] {
  const values = typeof fill === 'number' ? new Array<number>(channels).fill(fill) : fill;
  if (values.length !== channels) {
    throw new ShapeError(`augment: fill must have one value for each channel (${channels}), got ${values.length}`);
  }
  if (images.dtype === 'uint8') for (const value of values) checkInteger('augment', 'fill of uint8', value, 0, 255);
  return values;
}
