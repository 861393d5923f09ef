// Windows of a tensor along one dimension. Composed of other operations.
import { optionsOf, type Positional } from '../arguments.js';
import { checkInteger, formatShape, ShapeError } from '../errors.js';
import { checkDim } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { generate } from './creation.js';
import { indexSelect } from './indexing.js';
import { permute, reshape } from './shape.js';
import { checkRoom } from './windows.js';

/** Arguments of the method `unfold`, by name. */
export interface WindowOptions {
  /** The dimension along which the windows lie; negative ones count from the end. */
  dimension: number;
  /** Elements of a window. */
  size: number;
  /** Elements from one window to the next. */
  step: number;
}

type WindowArguments = Positional<WindowOptions, [dimension: 'dimension', size: 'size', step: 'step']>;

/**
 * The windows of x along a dimension, their elements in a new last dimension: y[…, i, …, j] = x[…, i · step + j, …]. The windows
 * of images as columns are `nn.functional.unfold`.
 *
 * @param args dimension, size, step
 * @returns a copy, with ⌊(n - size) / step⌋ + 1 windows in place of the n elements
 * @throws ShapeError when a window is larger than the dimension
 * @example
 * tensor([1, 2, 3, 4]).unfold(0, 2, 1); // [[1, 2], [2, 3], [3, 4]]
 */
export function unfold(x: Tensor, ...args: WindowArguments): Tensor {
  checkTensor('unfold', 'x', x);
  const options = optionsOf<WindowOptions>('unfold', args, ['dimension', 'size', 'step']);
  if (x.rank === 0) throw new ShapeError('unfold: x must have at least one dimension, got a scalar; use reshape([1])');
  const dim = checkDim('unfold', options.dimension, x.rank);
  const size = checkInteger('unfold', 'size', options.size);
  const step = checkInteger('unfold', 'step', options.step, 1);
  const n = x.dims[dim] as number;
  if (size > n) {
    throw new ShapeError(
      `unfold: size must be at most ${n}, that of dimension ${dim}, got ${size} and x ${formatShape(x.dims)}`,
    );
  }
  const windows = Math.floor((n - size) / step) + 1;
  const [before, after] = [x.dims.slice(0, dim), x.dims.slice(dim + 1)];
  checkRoom([...before, windows, size, ...after], x.dtype);
  const index = generate([windows * size], 'int32', (i) => Math.floor(i / size) * step + (i % size));
  const wide = reshape(indexSelect(x, dim, index), [...before, windows, size, ...after]);
  if (after.length === 0) return wide;
  const order = wide.dims.map((_, i) => i);
  order.push(...order.splice(dim + 1, 1));
  return permute(wide, order);
}
