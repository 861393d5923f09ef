// Max pooling over windows whose places are random, so that sizes shrink by a fraction.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkFlag, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { to } from './copy.js';
import { arange } from './creation.js';
import { add, floor, mul, sub } from './elementwise.js';
import { eq, lt } from './elementwise-compare.js';
import type { Generator } from './generator.js';
import { gather } from './indexing.js';
import { checkGenerator, rand } from './random.js';
import { type Extremes, max } from './reduce-extremes.js';
import { expand, reshape } from './shape.js';
import { slice } from './shape-slice.js';
import { type PerDimension, perDimension } from './windows.js';

/** Arguments of the functions, by name. */
export interface FractionalMaxPoolOptions {
  /** The size of a window: a number, or one for each dimension. */
  kernelSize: PerDimension;
  /** The size of the result: a number, or one for each dimension; this or `outputRatio` must be given. */
  outputSize?: PerDimension | null;
  /** The size of the result as a part of x's, between 0 and 1: a number, or one for each dimension. */
  outputRatio?: number | readonly number[] | null;
  /** Whether the result has the positions, too; default false. */
  returnIndices?: boolean;
  /** Numbers in [0, 1) that place the windows, [batch, channels, dimensions]; default: drawn at random. */
  randomSamples?: Tensor;
  /** Where the numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

type Positions = [
  kernelSize: 'kernelSize',
  outputSize: 'outputSize',
  outputRatio: 'outputRatio',
  returnIndices: 'returnIndices',
];

/** The arguments after the input, by position or in options, for the elements alone. */
export type FractionalMaxPoolArguments = Positional<FractionalMaxPoolOptions & { returnIndices?: false }, Positions>;
/** The same for elements and positions. */
export type FractionalMaxPoolIndicesArguments = Positional<
  FractionalMaxPoolOptions & { returnIndices: true },
  Positions
>;

const positions = ['kernelSize', 'outputSize', 'outputRatio', 'returnIndices'];
const named = ['randomSamples', 'generator'];

/** @internal */
export function fractionalOf(name: string, args: readonly unknown[], rank: number) {
  const given = optionsOf<FractionalMaxPoolOptions>(name, args, positions, named, ['outputSize', 'outputRatio']);
  const kernel = perDimension(name, 'kernelSize', given.kernelSize, rank, 1);
  const { outputSize = null, outputRatio = null, randomSamples, generator } = given;
  const returnIndices = checkFlag(name, 'returnIndices', given.returnIndices, false);
  if (generator !== undefined) checkGenerator(name, generator);
  if (randomSamples !== undefined) checkFloat(name, 'randomSamples', checkTensor(name, 'randomSamples', randomSamples));
  if ((outputSize === null) === (outputRatio === null)) {
    throw new ArgumentError(`${name}: outputSize or outputRatio must be given, and not both`);
  }
  const size = outputSize === null ? null : perDimension(name, 'outputSize', outputSize, rank, 1);
  const list = typeof outputRatio === 'number' ? new Array<number>(rank).fill(outputRatio) : (outputRatio ?? []);
  if (size === null && (!Array.isArray(list) || list.length !== rank)) {
    throw new ArgumentError(`${name}: outputRatio must be a number or ${rank} of them, got ${describe(outputRatio)}`);
  }
  const ratio = [...list].map((r) => checkNumber(name, 'outputRatio', r, { min: 0, max: 1, open: true }));
  return { kernel, size, ratio, returnIndices, randomSamples, generator };
}

// Where the windows of one dimension start: [samples, out], int32.
function starts(u: Tensor, n: number, out: number, taps: number): Tensor {
  const alpha = out > 1 ? (n - taps) / (out - 1) : 0;
  const steps = arange(out, { dtype: u.dtype }); // in x's dtype, in which PyTorch rounds
  const places = sub(floor(mul(add(u, steps), alpha)), floor(mul(u, alpha)));
  // The last window ends with the input.
  return to(add(mul(places, to(lt(steps, out - 1), u.dtype)), mul(to(eq(steps, out - 1), u.dtype), n - taps)), 'int32');
}

function fractional(name: string, rank: number, x: Tensor, args: readonly unknown[]): Tensor | Extremes {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  const { kernel, size, ratio, returnIndices, randomSamples, generator } = fractionalOf(name, args, rank);
  if (x.rank !== rank + 2 && x.rank !== rank + 1) {
    throw new ShapeError(`${name}: x must have ${rank + 2} or ${rank + 1} dimensions, got x ${formatShape(x.dims)}`);
  }
  const lead = x.dims.slice(0, -rank);
  const inner = x.dims.slice(-rank);
  const outs = size ?? inner.map((n, i) => Math.max(1, Math.floor(n * (ratio[i] as number))));
  inner.forEach((n, i) => {
    if ((outs[i] as number) + (kernel[i] as number) - 1 <= n) return;
    throw new ShapeError(
      `${name}: x must be at least outputSize + kernelSize - 1 = ${(outs[i] as number) + (kernel[i] as number) - 1} in dimension ${i - rank}, got x ${formatShape(x.dims)}`,
    );
  });
  const planes = lead.reduce((a, b) => a * b, 1);
  const wanted = [...(lead.length === 1 ? [1] : []), ...lead, rank];
  if (randomSamples !== undefined) {
    if (randomSamples.dims.join() !== wanted.join()) {
      throw new ShapeError(
        `${name}: randomSamples must be ${formatShape(wanted)}, got ${formatShape(randomSamples.dims)}`,
      );
    }
  }
  return allOrNothing(() => {
    const index = noGrad(() => {
      const drawn = randomSamples ?? rand(wanted, { dtype: x.dtype, generator: checkGenerator(name, generator) });
      const samples = reshape(to(drawn, x.dtype), [planes, rank]);
      // For each plane, place and tap the position in the plane, one dimension after the other.
      let flat: Tensor | null = null;
      inner.forEach((n, i) => {
        // Of images the first number places the width, of volumes the depth.
        const u = slice(samples, { dim: 1, start: rank === 2 ? 1 - i : i, end: (rank === 2 ? 1 - i : i) + 1 });
        const first = starts(u, n, outs[i] as number, kernel[i] as number);
        const shape = [planes, ...new Array<number>(2 * rank).fill(1)];
        shape[1 + i] = outs[i] as number;
        const taps = new Array<number>(2 * rank + 1).fill(1);
        taps[1 + rank + i] = kernel[i] as number;
        const at = add(reshape(first, shape), reshape(arange(kernel[i] as number, { dtype: 'int32' }), taps));
        flat = flat === null ? at : add(mul(flat, n), at);
      });
      const all = [planes, ...outs, ...kernel];
      return reshape(expand(flat as unknown as Tensor, all), [planes, -1]);
    });
    const size = inner.reduce((a, b) => a * b, 1);
    const windows = reshape(gather(reshape(x, [planes, size]), 1, index), [planes, ...outs, -1]);
    const { values, indices: taps } = max(windows, -1);
    const shape = [...lead, ...outs];
    if (!returnIndices) return reshape(values, shape);
    const places = gather(reshape(index, windows.dims), -1, reshape(taps, [...taps.dims, 1]));
    return { values: reshape(values, shape), indices: reshape(places, shape) };
  });
}

/**
 * The largest element of each of `outputSize` windows, whose places are random for each sample and channel: sizes shrink by
 * fractions such as √2. Graham, "Fractional max-pooling", 2014, https://arxiv.org/abs/1412.6071
 *
 * @param x float [batch, channels, height, width] or [channels, height, width]
 * @param args kernelSize, outputSize or outputRatio, returnIndices (false): whether the result has `values` and `indices`, int32,
 *   in the flattened plane; options: randomSamples, generator
 * @throws ShapeError when x is smaller than outputSize + kernelSize - 1
 * @example
 * nn.functional.fractionalMaxPool2d(ones(1, 2, 8, 8), 2, 5); // [1, 2, 5, 5]
 */
export function fractionalMaxPool2d(x: Tensor, ...args: FractionalMaxPoolIndicesArguments): Extremes;
export function fractionalMaxPool2d(x: Tensor, ...args: FractionalMaxPoolArguments): Tensor;
export function fractionalMaxPool2d(
  x: Tensor,
  ...args: FractionalMaxPoolArguments | FractionalMaxPoolIndicesArguments
): Tensor | Extremes {
  return fractional('fractionalMaxPool2d', 2, x, args);
}

/**
 * The same of volumes; see `fractionalMaxPool2d`.
 *
 * @param x float [batch, channels, depth, height, width] or without batch
 * @param args kernelSize, outputSize or outputRatio, returnIndices (false); options: randomSamples, generator
 * @throws ShapeError when x is smaller than outputSize + kernelSize - 1
 * @example
 * nn.functional.fractionalMaxPool3d(ones(1, 2, 6, 6, 6), 2, { outputRatio: 0.5 }); // [1, 2, 3, 3, 3]
 */
export function fractionalMaxPool3d(x: Tensor, ...args: FractionalMaxPoolIndicesArguments): Extremes;
export function fractionalMaxPool3d(x: Tensor, ...args: FractionalMaxPoolArguments): Tensor;
export function fractionalMaxPool3d(
  x: Tensor,
  ...args: FractionalMaxPoolArguments | FractionalMaxPoolIndicesArguments
): Tensor | Extremes {
  return fractional('fractionalMaxPool3d', 3, x, args);
}
