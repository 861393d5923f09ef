// Windows of images as columns, and back. Composed of other operations.
import { optionsOf, type Positional } from '../arguments.js';
import { formatShape, ShapeError } from '../errors.js';
import { native } from '../native.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { tensor } from './creation.js';
import { addedRows, indexSelect } from './indexing.js';
import { reshape } from './shape.js';
import { surround } from './shape-slice.js';
import { asPower, checkImages, checkRoom, dimensionName, type PerDimension, perDimension, span } from './windows.js';

/** Options of `unfold`. */
export interface UnfoldOptions {
  /** The size of a window: a number or [height, width]. */
  kernelSize: PerDimension;
  /** Steps between two elements of a window; default 1. */
  dilation?: PerDimension;
  /** Zeros added on both sides; default 0. */
  padding?: PerDimension;
  /** Steps between two windows; default 1. */
  stride?: PerDimension;
}

/** Options of `fold`. */
export interface FoldOptions extends UnfoldOptions {
  /** The size of the images: a number or [height, width]. */
  outputSize: PerDimension;
}

/** The arguments after the input, by position or in options. */
export type UnfoldArguments = Positional<
  UnfoldOptions,
  [kernelSize: 'kernelSize', dilation: 'dilation', padding: 'padding', stride: 'stride']
>;
/** The arguments after the input, by position or in options. */
export type FoldArguments = Positional<
  FoldOptions,
  [outputSize: 'outputSize', kernelSize: 'kernelSize', dilation: 'dilation', padding: 'padding', stride: 'stride']
>;

/** @internal */
export const unfoldPositions = ['kernelSize', 'dilation', 'padding', 'stride'];
/** @internal */
export const foldPositions = ['outputSize', ...unfoldPositions];

/**
 * The windows of images as columns: y[n, c·kh·kw + k·kw + l, i] is the element of channel c under tap (k, l) of a kernel at
 * window i.
 *
 * @param x [batch, channels, height, width] or without batch
 * @param args kernelSize: a number or [height, width]; dilation (1), padding (0), stride (1)
 * @returns [batch, channels · kh · kw, windows]
 * @throws ShapeError when the kernel is larger than the padded input
 * @example
 * nn.functional.unfold(ones([1, 2, 4, 4]), 3); // [1, 18, 4]
 */
export function unfold(x: Tensor, ...args: UnfoldArguments): Tensor {
  return columns('unfold', x, optionsOf<UnfoldOptions>('unfold', args, unfoldPositions));
}

/**
 * Sums of columns where windows overlap, the reverse of `unfold` (of its gradient): y[n, c, i, j] is the sum of the elements of
 * x that stand for channel c at (i, j).
 *
 * @param x [batch, channels · kh · kw, windows] or without batch
 * @param args outputSize, kernelSize: a number or [height, width]; dilation (1), padding (0), stride (1)
 * @returns [batch, channels, ...outputSize]
 * @throws ShapeError when x has other sizes than `unfold` gives for images of outputSize
 * @example
 * nn.functional.fold(ones([1, 4, 9]), 4, 2); // [1, 1, 4, 4]: 1 in the corners, 2 at the edges, 4 inside
 */
export function fold(x: Tensor, ...args: FoldArguments): Tensor {
  return images('fold', x, optionsOf<FoldOptions>('fold', args, foldPositions));
}

type Pair = [number, number];

/** The windows over an image. */
interface Windows {
  taps: Pair;
  padding: Pair;
  /** The size of the image with its padding. */
  padded: Pair;
  /** The number of windows in each direction. */
  outs: Pair;
  /** The position in the padded image of each tap of each window. */
  index: () => Tensor;
}

function windowsIn(operation: string, sizes: readonly number[], options: Partial<UnfoldOptions>, got: string): Windows {
  const taps = perDimension(operation, 'kernelSize', options.kernelSize, 2, 1) as Pair;
  const stride = perDimension(operation, 'stride', options.stride ?? 1, 2, 1) as Pair;
  const padding = perDimension(operation, 'padding', options.padding ?? 0, 2, 0) as Pair;
  const dilation = perDimension(operation, 'dilation', options.dilation ?? 1, 2, 1) as Pair;
  const padded = sizes.map((n, i) => n + 2 * (padding[i] as number)) as Pair;
  const outs = padded.map((n, i) => {
    const reach = span({ taps: taps[i] as number, dilation: dilation[i] as number });
    if (reach > n) {
      const clash = `${dimensionName(2, i)} ${reach} > ${n}`;
      throw new ShapeError(`${operation}: the kernel must fit into the padded input, got ${got} (${clash})`);
    }
    return Math.floor((n - reach) / (stride[i] as number)) + 1;
  }) as Pair;
  if (padded[0] * padded[1] >= native.limits.positions) {
    const rule = `a padded image must have fewer than ${asPower(native.limits.positions)} elements`;
    throw new ShapeError(`${operation}: ${rule}, got ${got} and padding ${formatShape(padding)}`);
  }
  const index = (): Tensor => {
    const positions = new Int32Array(taps[0] * taps[1] * outs[0] * outs[1]);
    let at = 0;
    for (let k = 0; k < taps[0] * taps[1]; k++) {
      const [row, column] = [Math.floor(k / taps[1]) * dilation[0], (k % taps[1]) * dilation[1]];
      for (let i = 0; i < outs[0]; i++) {
        for (let j = 0; j < outs[1]; j++) positions[at++] = (i * stride[0] + row) * padded[1] + j * stride[1] + column;
      }
    }
    return tensor(positions);
  };
  return { taps, padding, padded, outs, index };
}

/** @internal */
export function columns(operation: string, x: Tensor, options: Partial<UnfoldOptions>): Tensor {
  const sizes = checkImages(operation, x, 2);
  const { taps, padding, padded, outs, index } = windowsIn(operation, sizes, options, `x ${formatShape(x.dims)}`);
  const outer = x.dims.slice(0, -2);
  const channels = outer[outer.length - 1] as number;
  const shape = [...outer.slice(0, -1), channels * taps[0] * taps[1], outs[0] * outs[1]];
  if (outer.includes(0)) return reshape(x, shape);
  checkRoom(shape, x.dtype);
  const bordered = padding[0] + padding[1] === 0 ? x : surround(x, [padding[1], padding[1], padding[0], padding[0]]);
  const flat = reshape(bordered, [...outer, padded[0] * padded[1]]);
  return reshape(indexSelect(flat, outer.length, index()), shape);
}

/** @internal */
export function images(operation: string, x: Tensor, options: Partial<FoldOptions>): Tensor {
  checkTensor(operation, 'x', x);
  checkFloat(operation, 'x', x);
  const sizes = perDimension(operation, 'outputSize', options.outputSize, 2, 1);
  const { taps, padding, padded, outs, index } = windowsIn(
    operation,
    sizes,
    options,
    `outputSize ${formatShape(sizes)}`,
  );
  const [area, windows] = [taps[0] * taps[1], outs[0] * outs[1]];
  const rows = x.dims[x.rank - 2] as number;
  if ((x.rank !== 2 && x.rank !== 3) || x.dims[x.rank - 1] !== windows || rows % area !== 0) {
    const rule = `x must be [batch, channels · ${area}, ${windows}] or [channels · ${area}, ${windows}]`;
    throw new ShapeError(`${operation}: ${rule} for outputSize ${formatShape(sizes)}, got x ${formatShape(x.dims)}`);
  }
  const outer = [...x.dims.slice(0, -2), rows / area];
  if (outer.includes(0)) return reshape(x, [...outer, ...sizes]);
  checkRoom([...outer, ...padded], x.dtype);
  const flat = reshape(x, [...outer, area * windows]);
  const summed = addedRows(flat, index(), [...outer, padded[0] * padded[1]], outer.length);
  const whole = reshape(summed, [...outer, ...padded]);
  if (padding[0] + padding[1] === 0) return whole;
  return surround(whole, [-padding[1], -padding[1], -padding[0], -padding[0]]);
}
