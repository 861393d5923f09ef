// Methods that make tensors like another one, in its dtype or its shape.
import { type List, onlyList, type Sizes, shapeAndOptions } from '../arguments.js';
import { isFloat } from '../dtype.js';
import { formatShape, ShapeError } from '../errors.js';
import { checkOptions } from '../options.js';
import { checkShape, broadcastShapes as jointShape, type Shape } from '../shape.js';
import { checkDType, checkTensor, type Tensor } from '../tensor.js';
import { sumTo } from './broadcast.js';
import { to } from './copy.js';
import { full, type TensorData, type TensorOptions, tensor, tensorOptions } from './creation.js';
import { expand, reshape, tile, transpose } from './shape.js';

function newFilled(name: string, x: Tensor, value: number, args: readonly unknown[]): Tensor {
  checkTensor(name, 'x', x);
  const { shape, options } = shapeAndOptions<TensorOptions>(name, args, tensorOptions);
  return full(shape, value, { ...options, dtype: checkDType(name, options.dtype, x.dtype) });
}

/**
 * Zeros in x's dtype.
 *
 * @param args the sizes, one by one or as an array, then { dtype, requiresGrad }
 * @example
 * tensor([1], { dtype: 'int32' }).newZeros(2); // [0, 0], int32
 */
export function newZeros(x: Tensor, ...args: Sizes<TensorOptions>): Tensor {
  return newFilled('newZeros', x, 0, args);
}

/**
 * Ones in x's dtype.
 *
 * @param args the sizes, one by one or as an array, then { dtype, requiresGrad }
 * @example
 * tensor([1], { dtype: 'int32' }).newOnes(2); // [1, 1], int32
 */
export function newOnes(x: Tensor, ...args: Sizes<TensorOptions>): Tensor {
  return newFilled('newOnes', x, 1, args);
}

/**
 * A tensor in x's dtype whose elements are not meant to be read before they are written. They are 0.
 *
 * @param args the sizes, one by one or as an array, then { dtype, requiresGrad }
 * @example
 * tensor([1], { dtype: 'int32' }).newEmpty(2, 3); // [2, 3]
 */
export function newEmpty(x: Tensor, ...args: Sizes<TensorOptions>): Tensor {
  return newFilled('newEmpty', x, 0, args);
}

/**
 * One number for all elements, in x's dtype.
 *
 * @example
 * tensor([1], { dtype: 'int32' }).newFull([2], 5); // [5, 5], int32
 */
export function newFull(x: Tensor, shape: Shape, value: number, options?: TensorOptions): Tensor {
  checkTensor('newFull', 'x', x);
  checkOptions('newFull', options, tensorOptions);
  return full(shape, value, { ...options, dtype: checkDType('newFull', options?.dtype, x.dtype) });
}

/**
 * The given elements, copied, in x's dtype.
 *
 * @example
 * tensor([1], { dtype: 'int32' }).newTensor([2, 3]); // [2, 3], int32
 */
export function newTensor(x: Tensor, data: TensorData, options?: TensorOptions): Tensor {
  checkTensor('newTensor', 'x', x);
  checkOptions('newTensor', options, tensorOptions);
  return tensor(data, { ...options, dtype: checkDType('newTensor', options?.dtype, x.dtype) });
}

/**
 * x in the dtype of another tensor.
 *
 * @example
 * tensor([1.5]).typeAs(tensor([1], { dtype: 'int32' })); // [1]
 */
export function typeAs(x: Tensor, other: Tensor): Tensor {
  checkTensor('typeAs', 'other', other);
  return to(x, other.dtype);
}

/**
 * x stretched to the shape of another tensor.
 *
 * @example
 * tensor([1]).expandAs(zeros(2)); // [1, 1]
 */
export function expandAs(x: Tensor, other: Tensor): Tensor {
  checkTensor('expandAs', 'other', other);
  return expand(x, other.dims);
}

/**
 * x in the shape of another tensor.
 *
 * @example
 * tensor([1, 2]).reshapeAs(zeros(2, 1)); // [[1], [2]]
 */
export function reshapeAs(x: Tensor, other: Tensor): Tensor {
  checkTensor('reshapeAs', 'other', other);
  return reshape(x, other.dims);
}

/**
 * x in the shape of another tensor, as a view: `reshapeAs`.
 *
 * @example
 * tensor([1, 2]).viewAs(zeros(2, 1)); // [[1], [2]]
 */
export function viewAs(x: Tensor, other: Tensor): Tensor {
  checkTensor('viewAs', 'other', other);
  return reshape(x, other.dims);
}

/**
 * x summed over the dimensions in which `size` would be stretched to x's shape.
 *
 * @param size one by one or as an array; it broadcasts to x's shape
 * @throws ShapeError when it does not
 * @example
 * tensor([[1, 2], [3, 4]]).sumToSize(1, 2); // [[4, 6]]
 */
export function sumToSize(x: Tensor, ...size: List): Tensor {
  checkTensor('sumToSize', 'x', x);
  const shape = checkShape('sumToSize', onlyList('sumToSize', size));
  const lead = x.rank - shape.length;
  if (lead < 0 || shape.some((n, i) => n !== 1 && n !== x.dims[i + lead])) {
    throw new ShapeError(
      `sumToSize: size must broadcast to x's shape, got x ${formatShape(x.dims)} and size ${formatShape(shape)}`,
    );
  }
  return sumTo(x, shape);
}

/**
 * x repeated along each dimension, like `tile`; there must be a number for each.
 *
 * @param repeats one by one or as an array; more than x has dimensions add leading ones
 * @throws ShapeError when there are fewer
 * @example
 * tensor([1, 2]).repeat(2, 1); // [[1, 2], [1, 2]]
 */
export function repeat(x: Tensor, ...repeats: List): Tensor {
  checkTensor('repeat', 'x', x);
  const list = onlyList('repeat', repeats);
  if (Array.isArray(list) && list.length < x.rank) {
    throw new ShapeError(
      `repeat: repeats must be a number for each dimension, got x ${formatShape(x.dims)} and ${list.length}; use tile`,
    );
  }
  return tile(x, list as Shape);
}

/**
 * The transposed matrix; a vector or a scalar itself.
 *
 * @throws ShapeError for more than two dimensions
 * @example
 * t(tensor([[1, 2]])); // [[1], [2]]
 */
export function t(x: Tensor): Tensor {
  checkTensor('t', 'x', x);
  if (x.rank > 2) throw new ShapeError(`t: x must have at most two dimensions, got x ${formatShape(x.dims)}; use mT`);
  return x.rank < 2 ? reshape(x, x.dims) : transpose(x, 0, 1);
}

/**
 * Whether the dtype is float32 or float64.
 *
 * @example
 * isFloatingPoint(tensor([1])); // true
 */
export function isFloatingPoint(x: Tensor): boolean {
  checkTensor('isFloatingPoint', 'x', x);
  return isFloat(x.dtype);
}

/**
 * Whether the dtype has negative numbers: all but uint8 do.
 *
 * @example
 * isSigned(tensor([1])); // true
 */
export function isSigned(x: Tensor): boolean {
  checkTensor('isSigned', 'x', x);
  return x.dtype !== 'uint8';
}

/**
 * The shape to which shapes broadcast.
 *
 * @throws ShapeError when they do not fit
 * @example
 * zeros(broadcastShapes([2, 1], [3])); // [2, 3]
 */
export function broadcastShapes(...shapes: Shape[]): number[] {
  const list = shapes.map((shape) => checkShape('broadcastShapes', shape));
  if (list.length === 0) return [];
  return jointShape(
    'broadcastShapes',
    list.map((_, i) => `shape ${i}`),
    list,
  );
}
