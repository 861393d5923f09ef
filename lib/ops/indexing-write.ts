// Elements written at positions, composed of sorting, gathering and adding.
import { optionsOf } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkChoice, checkFlag, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { checkDim } from '../shape.js';
import { checkFloat, checkInt32, checkTensor, Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { to } from './copy.js';
import { checkElement, full, onesLike, zeros, zerosLike } from './creation.js';
import { add, div, maximum, minimum, mul } from './elementwise.js';
import { eq, gt, ne, where } from './elementwise-compare.js';
import { checkWritten, gather, scatterAdd } from './indexing.js';
import { scan } from './reduce-running.js';
import { flatten, reshape } from './shape.js';
import { cat, slice } from './shape-slice.js';
import { sort } from './sort.js';

// How many elements are written to each place.
function hits(x: Tensor, dim: number, index: Tensor): Tensor {
  return scatterAdd(zeros(x.dims, { dtype: 'int32' }), dim, index, onesLike(index));
}

// The elements of src in the order of their places, combined with those before them that have the same place; and 1 where the
// last one of a place is.
function combined(src: Tensor, dim: number, index: Tensor, combine: ((a: Tensor, b: Tensor) => Tensor) | null) {
  const { values: places, indices: order } = noGrad(() => sort(index, dim));
  const n = index.dims[dim] ?? 1;
  const from = (t: Tensor, start: number): Tensor => slice(t, { dim, start });
  const until = (t: Tensor, end: number): Tensor => slice(t, { dim, end });
  const ordered = gather(src, dim, order);
  const y =
    combine === null
      ? ordered
      : scan(ordered, dim, (later, earlier, by) =>
          where(eq(from(places, by), until(places, n - by)), combine(later, earlier), later),
        );
  const changes = ne(from(places, 1), until(places, Math.max(0, n - 1)));
  const isLast =
    n === 0
      ? onesLike(places, { dtype: 'uint8' })
      : cat([changes, full(until(places, 1).dims, 1, { dtype: 'uint8' })], dim);
  return { places, values: where(isLast, y, 0) };
}

/** How `scatterReduce` combines what is written to one place. */
export type ScatterReduction = 'sum' | 'prod' | 'mean' | 'amax' | 'amin';
const reductions = ['sum', 'prod', 'mean', 'amax', 'amin'] as const;

function reduced(
  name: string,
  x: Tensor,
  dim: number,
  index: Tensor,
  given: Tensor,
  how: ScatterReduction | null,
  includeSelf: boolean,
): Tensor {
  const src = checkWritten(name, x, dim, index, given);
  if (how === 'prod' || how === 'mean') checkFloat(name, 'x', x);
  const count = hits(x, dim, index);
  const written = gt(count, 0);
  if (how === 'sum' || how === 'mean') {
    const total = scatterAdd(includeSelf ? x : where(written, 0, x), dim, index, src);
    if (how === 'sum') return total;
    return div(total, to(maximum(includeSelf ? add(count, 1) : count, 1), x.dtype));
  }
  const combine = how === null ? null : { prod: mul, amax: maximum, amin: minimum }[how];
  const pair = combine === null ? null : (a: Tensor, b: Tensor): Tensor => combine(a, b);
  const { places, values } = combined(src, dim, index, pair);
  const result = scatterAdd(zerosLike(x), dim, places, values);
  return where(written, pair !== null && includeSelf ? pair(x, result) : result, x);
}

function checkDimension(name: string, x: Tensor, dim: unknown): number {
  checkTensor(name, 'x', x);
  if (dim instanceof Tensor) throw new ArgumentError(`${name}: dim must come first, got a tensor`);
  if (x.rank === 0) throw new ShapeError(`${name}: x must have at least one dimension, got a scalar; use reshape([1])`);
  return checkDim(name, dim, x.rank);
}

/**
 * x with elements of `src` written where `index` says, along a dimension: y = x, then y[i, index[i, j, k], k] = src[i, j, k]
 * for dim 1 of three. Of several for one place, the last one stays.
 *
 * @param index int32, of x's rank, in [0, n); outside `dim` no larger than x
 * @param src of x's dtype and rank, and at least index's sizes; or a number
 * @param options reduce: `add` or `multiply` what is there, instead of replacing it
 * @throws ArgumentError when an index is out of range
 * @example
 * scatter(zeros(3), 0, tensor([2], { dtype: 'int32' }), 5); // [0, 0, 5]
 */
export function scatter(
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor | number,
  options?: { reduce?: 'add' | 'multiply' },
): Tensor {
  const d = checkDimension('scatter', x, dim);
  const at = checkInt32('scatter', 'index', index);
  const o = optionsOf<{ reduce: 'add' | 'multiply' }>('scatter', [options], [], ['reduce']);
  const value =
    typeof src === 'number' ? full(at.dims, checkElement('scatter', src, x.dtype), { dtype: x.dtype }) : src;
  checkTensor('scatter', 'src', value);
  if (o.reduce === undefined) return reduced('scatter', x, d, at, value, null, true);
  const how = checkChoice('scatter', 'reduce', o.reduce, ['add', 'multiply'] as const);
  return reduced('scatter', x, d, at, value, how === 'add' ? 'sum' : 'prod', true);
}

/**
 * x with elements of `src` combined where `index` says, along a dimension.
 *
 * @param index int32, of x's rank, in [0, n); outside `dim` no larger than x
 * @param src of x's dtype and rank, and at least index's sizes
 * @param reduce `sum`, `prod`, `mean`, `amax` or `amin`; `prod` and `mean` of floats only
 * @param options includeSelf (default true): whether x's element is combined, too, where something is written
 * @throws ArgumentError when an index is out of range
 * @example
 * scatterReduce(zeros(2), 0, tensor([1, 1], { dtype: 'int32' }), tensor([3, 4]), 'amax'); // [0, 4]
 */
export function scatterReduce(
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  reduce: ScatterReduction,
  options?: { includeSelf?: boolean },
): Tensor {
  const d = checkDimension('scatterReduce', x, dim);
  const at = checkInt32('scatterReduce', 'index', index);
  checkTensor('scatterReduce', 'src', src);
  const how = checkChoice('scatterReduce', 'reduce', reduce, reductions);
  const { includeSelf } = optionsOf<{ includeSelf: boolean }>('scatterReduce', [options], [], ['includeSelf']);
  return reduced('scatterReduce', x, d, at, src, how, checkFlag('scatterReduce', 'includeSelf', includeSelf, true));
}

// The index [m] of parts along a dimension as one for each element of `source`.
function spread(name: string, x: Tensor, dim: unknown, index: unknown, source: Tensor): { d: number; at: Tensor } {
  const d = checkDimension(name, x, dim);
  const list = checkInt32(name, 'index', index);
  checkTensor(name, 'source', source);
  const fits = source.rank === x.rank && source.dims.every((n, i) => n === (i === d ? list.size : x.dims[i]));
  if (list.rank > 1 || !fits) {
    const shapes = `x ${formatShape(x.dims)}, index ${formatShape(list.dims)} and source ${formatShape(source.dims)}`;
    throw new ShapeError(`${name}: source must have one part for each index, got ${shapes}`);
  }
  const column = reshape(
    list,
    x.dims.map((_, i) => (i === d ? list.size : 1)),
  );
  return { d, at: expandTo(column, source.dims) };
}

/**
 * x with parts of `source` added at positions of a dimension.
 *
 * @param index int32 [m], in [0, n)
 * @param source of x's dtype and shape, with m in the dimension
 * @param options alpha: a factor of source; default 1
 * @throws ArgumentError when an index, or a sum of integers, is out of range: sums never wrap
 * @example
 * indexAdd(zeros(3), 0, tensor([2, 2], { dtype: 'int32' }), tensor([1, 4])); // [0, 0, 5]
 */
export function indexAdd(x: Tensor, dim: number, index: Tensor, source: Tensor, options?: { alpha?: number }): Tensor {
  const { d, at } = spread('indexAdd', x, dim, index, source);
  const o = optionsOf<{ alpha: number }>('indexAdd', [options], [], ['alpha']);
  const alpha = checkNumber('indexAdd', 'alpha', o.alpha ?? 1);
  return scatterAdd(x, d, at, alpha === 1 ? source : mul(source, alpha));
}

/**
 * x with parts of `source` in place of its own at positions of a dimension. Of several for one place, the last one stays.
 *
 * @param index int32 [m], in [0, n)
 * @param source of x's dtype and shape, with m in the dimension
 * @example
 * indexCopy(zeros(3), 0, tensor([2], { dtype: 'int32' }), tensor([5])); // [0, 0, 5]
 */
export function indexCopy(x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  const { d, at } = spread('indexCopy', x, dim, index, source);
  return reduced('indexCopy', x, d, at, source, null, true);
}

/**
 * x with parts of `source` combined at positions of a dimension.
 *
 * @param index int32 [m], in [0, n)
 * @param source of x's dtype and shape, with m in the dimension
 * @param reduce `prod`, `mean`, `amax` or `amin`; `prod` and `mean` of floats only
 * @param options includeSelf (default true): whether x's element is combined, too, where something is written
 * @example
 * indexReduce(ones(3), 0, tensor([2, 2], { dtype: 'int32' }), tensor([2, 3]), 'prod'); // [1, 1, 6]
 */
export function indexReduce(
  x: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  reduce: Exclude<ScatterReduction, 'sum'>,
  options?: { includeSelf?: boolean },
): Tensor {
  const { d, at } = spread('indexReduce', x, dim, index, source);
  const how = checkChoice('indexReduce', 'reduce', reduce, ['prod', 'mean', 'amax', 'amin'] as const);
  const { includeSelf } = optionsOf<{ includeSelf: boolean }>('indexReduce', [options], [], ['includeSelf']);
  return reduced('indexReduce', x, d, at, source, how, checkFlag('indexReduce', 'includeSelf', includeSelf, true));
}

/**
 * x with a value in all parts at positions of a dimension.
 *
 * @param index int32 [m], in [0, n)
 * @param value a number, or a scalar tensor of x's dtype
 * @example
 * indexFill(zeros(3), 0, tensor([2], { dtype: 'int32' }), 5); // [0, 0, 5]
 */
export function indexFill(x: Tensor, dim: number, index: Tensor, value: Tensor | number): Tensor {
  const d = checkDimension('indexFill', x, dim);
  const list = checkInt32('indexFill', 'index', index);
  if (list.rank > 1)
    throw new ShapeError(`indexFill: index must have one dimension, got index ${formatShape(list.dims)}`);
  if (value instanceof Tensor && value.rank > 0) {
    throw new ShapeError(`indexFill: value must be a number or a scalar, got value ${formatShape(value.dims)}`);
  }
  if (!(value instanceof Tensor) && typeof value !== 'number') {
    throw new ArgumentError(`indexFill: value must be a number or a scalar, got ${describe(value)}`);
  }
  const n = x.dims[d] as number;
  const mask = gt(hits(zeros([n], { dtype: 'int32' }), 0, flatten(list)), 0);
  return where(
    expandTo(
      reshape(
        mask,
        x.dims.map((_, i) => (i === d ? n : 1)),
      ),
      x.dims,
    ),
    value,
    x,
  );
}
