// Windows of images as columns. Composed of other operations.
import { checkOptions, formatShape, ShapeError } from '../errors.js';
import { native } from '../native.js';
import type { Tensor } from '../tensor.js';
import { tensor } from './creation.js';
import { indexSelect } from './indexing.js';
import { reshape } from './shape.js';
import { pad } from './shape-slice.js';
import { asPower, checkImages, checkRoom, dimensionName, type PerDimension, perDimension, span } from './windows.js';

/** Options of `unfold`. */
export interface UnfoldOptions {
  /** Steps between two elements of a window; default 1. */
  dilation?: PerDimension;
  /** Zeros added on both sides; default 0. */
  padding?: PerDimension;
  /** Steps between two windows; default 1. */
  stride?: PerDimension;
}

/** @internal */
export const unfoldOptions = ['dilation', 'padding', 'stride'];

/**
 * The windows of images as columns: y[n, c·kh·kw + k·kw + l, i] is the element of channel c under tap (k, l) of a kernel at
 * window i.
 *
 * @param x [batch, channels, height, width] or without batch
 * @param kernelSize a number or [height, width]
 * @param options dilation (1), padding (0), stride (1)
 * @returns [batch, channels · kh · kw, windows]
 * @throws ShapeError when the kernel is larger than the padded input
 * @example
 * unfold(ones([1, 2, 4, 4]), 3); // [1, 18, 4]
 */
export function unfold(x: Tensor, kernelSize: PerDimension, options?: UnfoldOptions): Tensor {
  return columns('unfold', x, kernelSize, options);
}

/** @internal */
export function columns(operation: string, x: Tensor, kernelSize: PerDimension, options?: UnfoldOptions): Tensor {
  checkOptions(operation, options, unfoldOptions);
  const sizes = checkImages(operation, x, 2);
  const taps = perDimension(operation, 'kernelSize', kernelSize, 2, 1) as [number, number];
  const stride = perDimension(operation, 'stride', options?.stride ?? 1, 2, 1) as [number, number];
  const padding = perDimension(operation, 'padding', options?.padding ?? 0, 2, 0) as [number, number];
  const dilation = perDimension(operation, 'dilation', options?.dilation ?? 1, 2, 1) as [number, number];
  const padded = sizes.map((n, i) => n + 2 * (padding[i] as number)) as [number, number];
  const outs = padded.map((n, i) => {
    const reach = span({ taps: taps[i] as number, dilation: dilation[i] as number });
    if (reach > n) {
      const clash = `${dimensionName(2, i)} ${reach} > ${n}`;
      throw new ShapeError(
        `${operation}: the kernel must fit into the padded input, got x ${formatShape(x.dims)} (${clash})`,
      );
    }
    return Math.floor((n - reach) / (stride[i] as number)) + 1;
  }) as [number, number];
  if (padded[0] * padded[1] >= native.limits.positions) {
    const rule = `a padded image must have fewer than ${asPower(native.limits.positions)} elements`;
    throw new ShapeError(`${operation}: ${rule}, got x ${formatShape(x.dims)} and padding ${formatShape(padding)}`);
  }
  const outer = x.dims.slice(0, -2);
  const channels = outer[outer.length - 1] as number;
  const shape = [...outer.slice(0, -1), channels * taps[0] * taps[1], outs[0] * outs[1]];
  if (outer.includes(0)) return reshape(x, shape);
  checkRoom(shape, x.dtype);
  const index = new Int32Array(taps[0] * taps[1] * outs[0] * outs[1]);
  let at = 0;
  for (let k = 0; k < taps[0] * taps[1]; k++) {
    const [row, column] = [Math.floor(k / taps[1]) * dilation[0], (k % taps[1]) * dilation[1]];
    for (let i = 0; i < outs[0]; i++) {
      for (let j = 0; j < outs[1]; j++) index[at++] = (i * stride[0] + row) * padded[1] + j * stride[1] + column;
    }
  }
  const bordered = padding[0] + padding[1] === 0 ? x : pad(x, [padding[1], padding[1], padding[0], padding[0]]);
  const flat = reshape(bordered, [...outer, padded[0] * padded[1]]);
  return reshape(indexSelect(flat, tensor(index), { dim: outer.length }), shape);
}
