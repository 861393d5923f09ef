// Largest and smallest elements. The kernels are the reduce family's.
import { optionsOf } from '../arguments.js';
import { fusedGradients } from '../autograd/fused.js';
import { record } from '../autograd/tape.js';
import { describe, formatShape, ShapeError } from '../errors.js';
import { type Kernel, kernel } from '../native.js';
import type { Shape } from '../shape.js';
import { checkTensor, empty, Tensor } from '../tensor.js';
import { sumTo } from './broadcast.js';
import { to } from './copy.js';
import { div, maximum, minimum, mul } from './elementwise.js';
import { eq, logicalAnd, logicalOr, ne } from './elementwise-compare.js';
import { type Layout, layout, reduceWith } from './reduce.js';
import { reshape } from './shape.js';

/** The extreme elements along a dimension and where they are. */
export interface Extremes {
  values: Tensor;
  /** int32, of the shape of `values`: the position along the dimension; the first among equal elements. */
  indices: Tensor;
}

/** Options of `argmax` and `argmin`. */
export interface PositionOptions {
  /** The dimension to search; default: all, with the position in the flattened tensor. */
  dim?: number;
  /** Whether that dimension is kept, with size 1; default false. */
  keepDim?: boolean;
}

/** The dimension to search: by position and then `keepDim`, or both in options. */
export type PositionArguments =
  | [options?: PositionOptions]
  | [dim: number, options?: { keepDim?: boolean }]
  | [dim: number, keepDim: boolean];

/** The same where the dimension must be given. */
export type ExtremesArguments =
  | [options: PositionOptions & { dim: number }]
  | [dim: number, options?: { keepDim?: boolean }]
  | [dim: number, keepDim: boolean];

const maxKernel = kernel('max', 'y x outer n inner');
const minKernel = kernel('min', 'y x outer n inner');
const argMaxKernel = kernel('argMax', 'index values x outer n inner');
const argMinKernel = kernel('argMin', 'index values x outer n inner');
const extremeBackwardKernel = kernel('extremeBackward', 'dx dy x y outer n inner');

function checkSome(operation: string, { x, n, outer, inner }: Layout): void {
  if (n === 0 && outer * inner > 0) {
    throw new ShapeError(`${operation}: needs at least one element to choose from, got x ${formatShape(x.dims)}`);
  }
}

/**
 * The largest element; NaN if there is one. Without `dim` a scalar, whose gradient is shared evenly by equal elements (by
 * the NaN, if it is one). With `dim` the largest along that dimension and their positions, and the gradient goes to these;
 * `keepDim` (default false) keeps the dimension. With another tensor, the larger of each two elements, like `maximum`.
 *
 * @throws ShapeError when there is no element to choose from
 * @example
 * const { values, indices } = tensor([[1, 5], [7, 2]]).max(1); // [5, 7] and [1, 0]
 */
export function max(x: Tensor): Tensor;
export function max(x: Tensor, ...args: ExtremesArguments): Extremes;
export function max(x: Tensor, other: Tensor): Tensor;
export function max(x: Tensor, ...args: unknown[]): Tensor | Extremes {
  if (args[0] instanceof Tensor) return maximum(x, args[0]);
  return extreme('max', x, args, maxKernel, argMaxKernel);
}

/**
 * The smallest element; NaN if there is one. Without `dim` a scalar, whose gradient is shared evenly by equal elements (by
 * the NaN, if it is one). With `dim` the smallest along that dimension and their positions, and the gradient goes to these;
 * `keepDim` (default false) keeps the dimension. With another tensor, the smaller of each two elements, like `minimum`.
 *
 * @throws ShapeError when there is no element to choose from
 */
export function min(x: Tensor): Tensor;
export function min(x: Tensor, ...args: ExtremesArguments): Extremes;
export function min(x: Tensor, other: Tensor): Tensor;
export function min(x: Tensor, ...args: unknown[]): Tensor | Extremes {
  if (args[0] instanceof Tensor) return minimum(x, args[0]);
  return extreme('min', x, args, minKernel, argMinKernel);
}

function extreme(name: string, x: Tensor, args: readonly unknown[], run: Kernel, locate: Kernel): Tensor | Extremes {
  checkTensor(name, 'x', x);
  const options = optionsOf<PositionOptions>(name, args, ['dim', 'keepDim']);
  if (options.dim === undefined) return shared(name, run, layout(name, x, options));
  const l = oneDim(name, x, options);
  const indices = empty(l.shape, 'int32');
  const values = empty(l.shape, x.dtype);
  locate(indices.handle, values.handle, x.handle, l.outer, l.n, l.inner);
  const sizes: Sizes = [l.outer, l.n, l.inner];
  const xShape = x.dims;
  return { values: record(name, values, [x], (dy) => [scatter(name, dy, indices, sizes, xShape)], [indices]), indices };
}

function oneDim(name: string, x: Tensor, options: PositionOptions): Layout {
  if (Array.isArray(options.dim)) {
    throw new ShapeError(`${name}: dim must be one dimension, got ${describe(options.dim)}`);
  }
  const l = layout(name, x, options);
  checkSome(name, l);
  return l;
}

/** @internal The extreme over a layout; equal elements share its gradient evenly, or all NaN elements if it is NaN. */
export function shared(name: string, run: Kernel, l: Layout): Tensor {
  checkSome(name, l);
  const { x, kept, outer, n, inner } = l;
  const y = reduceWith(run, l);
  const backward = (dy: Tensor) => {
    const gradient = () => {
      const dx = empty(x.dims, x.dtype);
      extremeBackwardKernel(dx.handle, dy.handle, x.handle, y.handle, outer, n, inner);
      return [dx];
    };
    return fusedGradients(name, [dy, x, y], gradient, (dy, x, y) => {
      const best = reshape(y, kept);
      const mask = to(logicalOr(eq(x, best), logicalAnd(ne(x, x), ne(best, best))), x.dtype);
      return [mul(mask, div(reshape(dy, kept), sumTo(mask, kept)))];
    });
  };
  return record(name, y, [x], backward, [x, y]);
}

type Sizes = readonly [outer: number, n: number, inner: number];

const pickKernel = kernel('pick', 'y x index outer n inner');
const pickBackwardKernel = kernel('pickBackward', 'dx dy index outer n inner');

// The elements at index, and the tensor that has them there and 0 elsewhere: each is the other's gradient.
function pick(name: string, x: Tensor, index: Tensor, sizes: Sizes, shape: Shape): Tensor {
  const y = empty(shape, x.dtype);
  pickKernel(y.handle, x.handle, index.handle, ...sizes);
  const xShape = x.dims;
  return record(name, y, [x], (dy) => [scatter(name, dy, index, sizes, xShape)], [index]);
}

function scatter(name: string, x: Tensor, index: Tensor, sizes: Sizes, shape: Shape): Tensor {
  const y = empty(shape, x.dtype);
  pickBackwardKernel(y.handle, x.handle, index.handle, ...sizes);
  const xShape = x.dims;
  return record(name, y, [x], (dy) => [pick(name, dy, index, sizes, xShape)], [index]);
}

/** The position of the largest element (of NaN, if there is one), the first among equal ones, as int32. */
export function argmax(x: Tensor, ...args: PositionArguments): Tensor {
  return position('argmax', argMaxKernel, x, args);
}

/** The position of the smallest element (of NaN, if there is one), the first among equal ones, as int32. */
export function argmin(x: Tensor, ...args: PositionArguments): Tensor {
  return position('argmin', argMinKernel, x, args);
}

function position(name: string, locate: Kernel, x: Tensor, args: PositionArguments): Tensor {
  checkTensor(name, 'x', x);
  const l = oneDim(name, x, optionsOf<PositionOptions>(name, args, ['dim', 'keepDim']));
  const indices = empty(l.shape, 'int32');
  locate(indices.handle, 0, x.handle, l.outer, l.n, l.inner);
  return indices;
}
