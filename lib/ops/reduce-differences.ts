// Finite differences, distances, and products of vectors that PyTorch has outside of `linalg`.
import { optionsOf } from '../arguments.js';
import { ArgumentError, checkEach, checkInteger, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { broadcastShapes, checkDim, dimsOf } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, Tensor } from '../tensor.js';
import { full } from './creation.js';
import { add, div, mul, sub } from './elementwise.js';
import { gt, where } from './elementwise-compare.js';
import { cross as crossAlong } from './linalg-products.js';
import { norm } from './reduce-statistics.js';
import { reshape } from './shape.js';
import { narrow } from './shape-parts.js';
import { cat } from './shape-slice.js';

/**
 * The p-norm of x - other as one number.
 *
 * @param args p: default 2
 * @example
 * dist(tensor([3, 4]), tensor([0, 0])); // 5
 */
export function dist(x: Tensor, other: Tensor, ...args: [options?: { p?: number }] | [p: number]): Tensor {
  checkTensor('dist', 'x', x);
  checkTensor('dist', 'other', other);
  checkFloat('dist', 'x', x);
  checkSameDType('dist', ['x', 'other'], [x, other]);
  const { p = 2 } = optionsOf<{ p: number }>('dist', args, ['p']);
  return norm(sub(x, other), { p });
}

/**
 * x whose parts along a dimension are scaled down to a p-norm of at most `maxnorm`; shorter ones stay.
 *
 * @param p above 0
 * @param maxnorm at least 0
 * @throws ShapeError for fewer than two dimensions
 * @example
 * renorm(tensor([[3, 4], [0.3, 0.4]]), 2, 0, 1); // [[0.6, 0.8], [0.3, 0.4]]
 */
export function renorm(x: Tensor, p: number, dim: number, maxnorm: number): Tensor {
  checkTensor('renorm', 'x', x);
  checkFloat('renorm', 'x', x);
  if (x.rank < 2) throw new ShapeError(`renorm: x must have at least two dimensions, got x ${formatShape(x.dims)}`);
  checkNumber('renorm', 'p', p, { min: 0, open: true });
  const d = checkDim('renorm', dim, x.rank);
  const most = checkNumber('renorm', 'maxnorm', maxnorm, { min: 0 });
  const others = x.dims.map((_, i) => i).filter((i) => i !== d);
  const size = norm(x, { p, dim: others, keepDim: true });
  return mul(x, where(gt(size, most), div(most, add(size, 1e-7)), 1));
}

/**
 * The cross product of vectors of 3 elements.
 *
 * @param other broadcasts with x
 * @param args dim: along which the vectors lie, default the first of size 3
 * @throws ShapeError when there is no such dimension
 * @example
 * cross(tensor([1, 0, 0]), tensor([0, 1, 0])); // [0, 0, 1]
 */
export function cross(x: Tensor, other: Tensor, ...args: [options?: { dim?: number }] | [dim: number]): Tensor {
  checkTensor('cross', 'x', x);
  checkTensor('cross', 'other', other);
  checkSameDType('cross', ['x', 'other'], [x, other]);
  const shape = broadcastShapes('cross', ['x', 'other'], [x.dims, other.dims]);
  const { dim = shape.indexOf(3) } = optionsOf<{ dim: number }>('cross', args, ['dim']);
  const d = shape.includes(3) ? checkDim('cross', dim, shape.length) : 0;
  if (shape[d] !== 3) {
    const got = `got x ${formatShape(x.dims)} and other ${formatShape(other.dims)}`;
    throw new ShapeError(`cross: the vectors must have 3 elements, ${got}`);
  }
  return crossAlong(x, other, { dim: d });
}

/** Options of `gradient`. */
export interface GradientOptions {
  /** The distance of elements: one number, or for each dimension a number, or for each the coordinates; default 1. */
  spacing?: number | readonly (number | Tensor)[];
  /** The dimensions; default all. */
  dim?: number | readonly number[];
  /** 1 or 2: the accuracy of the differences at the ends; default 1. */
  edgeOrder?: number;
}

// The derivative along d of three neighbours of x, a step h before the middle one and k after it, at the first (-1), the
// middle (0) or the last (1) of them (Fornberg, 1988).
function slopeAt(where: -1 | 0 | 1, [a, b, c]: [Tensor, Tensor, Tensor], h: Tensor, k: Tensor): Tensor {
  const left = div(sub(b, a), h);
  const right = div(sub(c, b), k);
  const bend = div(sub(right, left), add(h, k));
  if (where === 0) return add(left, mul(h, bend));
  return where < 0 ? sub(left, mul(h, bend)) : add(right, mul(k, bend));
}

function slopes(x: Tensor, d: number, steps: Tensor, edgeOrder: number): Tensor {
  const n = x.dims[d] as number;
  const at = (t: Tensor, start: number, length: number): Tensor => narrow(t, d, start, length);
  const three = (i: number, length: number): [Tensor, Tensor, Tensor] => [
    at(x, i, length),
    at(x, i + 1, length),
    at(x, i + 2, length),
  ];
  const end = (side: -1 | 1): Tensor => {
    const i = side < 0 ? 0 : n - 2;
    if (edgeOrder === 1) return div(sub(at(x, i + 1, 1), at(x, i, 1)), at(steps, i, 1));
    const first = side < 0 ? 0 : n - 3;
    return slopeAt(side, three(first, 1), at(steps, first, 1), at(steps, first + 1, 1));
  };
  if (n === 2) return cat([end(-1), end(1)], d);
  const inner = slopeAt(0, three(0, n - 2), at(steps, 0, n - 2), at(steps, 1, n - 2));
  return cat([end(-1), inner, end(1)], d);
}

// The distances between neighbours along d, in a shape that broadcasts with x.
function stepsOf(x: Tensor, d: number, spacing: number | Tensor): Tensor {
  const n = x.dims[d] as number;
  const shape = x.dims.map((_, i) => (i === d ? n - 1 : 1));
  if (!(spacing instanceof Tensor)) {
    const h = checkNumber('gradient', 'spacing', spacing);
    return full(shape, h, { dtype: x.dtype });
  }
  checkTensor('gradient', 'spacing', spacing);
  checkSameDType('gradient', ['x', 'spacing'], [x, spacing]);
  if (spacing.rank !== 1 || spacing.size !== n) {
    throw new ShapeError(`gradient: coordinates must be [${n}] for dimension ${d}, got ${formatShape(spacing.dims)}`);
  }
  return reshape(sub(narrow(spacing, 0, 1, n - 1), narrow(spacing, 0, 0, n - 1)), shape);
}

/**
 * The derivative of a function of which x has the values on a grid, by differences of the second order inside and of
 * `edgeOrder` at the ends.
 *
 * @param options spacing (default 1), dim (default all dimensions), edgeOrder (default 1)
 * @returns a tensor of x's shape for each dimension
 * @throws ShapeError when a dimension has fewer than edgeOrder + 1 elements
 * @example
 * gradient(tensor([1, 4, 9, 16]))[0]; // [3, 4, 6, 7]
 */
export function gradient(x: Tensor, options?: GradientOptions): Tensor[] {
  checkTensor('gradient', 'x', x);
  checkFloat('gradient', 'x', x);
  const o = optionsOf<GradientOptions>('gradient', [options], [], ['spacing', 'dim', 'edgeOrder']);
  const dims = o.dim === undefined ? x.dims.map((_, i) => i) : dimsOf('gradient', o.dim, x.rank);
  const edgeOrder = checkInteger('gradient', 'edgeOrder', o.edgeOrder ?? 1, 1, 2);
  const { spacing = 1 } = o;
  const list =
    typeof spacing === 'number'
      ? dims.map(() => spacing)
      : checkEach('gradient', 'spacing', 'must be a number, or one or a tensor for each dimension', spacing, (v) => v);
  if (list.length !== dims.length) {
    throw new ArgumentError(
      `gradient: spacing must be one for each of ${dims.length} dimensions, got ${describe(list)}`,
    );
  }
  return dims.map((d, i) => {
    if ((x.dims[d] ?? 0) < edgeOrder + 1) {
      const rule = `dimension ${d} must have at least ${edgeOrder + 1} elements`;
      throw new ShapeError(`gradient: ${rule}, got x ${formatShape(x.dims)}`);
    }
    return slopes(x, d, stepsOf(x, d, list[i] as number | Tensor), edgeOrder);
  });
}
