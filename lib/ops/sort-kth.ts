// Orders, memberships and positions, composed of sorting and searching.
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import { ArgumentError, checkFlag, checkInteger } from '../errors.js';
import { checkDim, checkShape, type Shape, sizeOf, stridesOf } from '../shape.js';
import { checkInt32, checkTensor, type Tensor } from '../tensor.js';
import { operands } from './broadcast.js';
import { to } from './copy.js';
import { generate, onesLike, zeros } from './creation.js';
import { add, div, floor, mul, sub } from './elementwise.js';
import { eq, ge, logicalAnd, logicalNot, lt, ne, where } from './elementwise-compare.js';
import { gather } from './indexing.js';
import { indexCopy } from './indexing-write.js';
import { cumsum } from './reduce.js';
import type { Extremes } from './reduce-extremes.js';
import { flatten, reshape } from './shape.js';
import { narrow, select } from './shape-parts.js';
import { stack } from './shape-slice.js';
import { sort } from './sort.js';
import { searchsorted } from './sort-search.js';

/** Options of `kthvalue`. */
export interface KthvalueOptions {
  /** Default -1, the last. */
  dim?: number;
  /** Whether the dimension is kept, with size 1; default false. */
  keepDim?: boolean;
}

/**
 * The k-th smallest element along a dimension, and its position; NaN counts as the largest.
 *
 * @param k from 1 to the size of the dimension
 * @param args dim (default -1) and keepDim (default false)
 * @throws ArgumentError when k is out of range
 * @example
 * kthvalue(tensor([3, 1, 2]), 2); // values 2, indices 2
 */
export function kthvalue(x: Tensor, k: number, ...args: Positional<KthvalueOptions, ['dim', 'keepDim']>): Extremes {
  checkTensor('kthvalue', 'x', x);
  const options = optionsOf<KthvalueOptions>('kthvalue', args, ['dim', 'keepDim']);
  const dim = checkDim('kthvalue', options.dim ?? -1, x.rank);
  const keepDim = checkFlag('kthvalue', 'keepDim', options.keepDim, false);
  checkInteger('kthvalue', 'k', k, 1, x.rank === 0 ? 1 : x.dims[dim]);
  const { values, indices } = sort(x.rank === 0 ? reshape(x, [1]) : x, dim);
  const part = (t: Tensor): Tensor => (keepDim && x.rank > 0 ? narrow(t, dim, k - 1, 1) : select(t, dim, k - 1));
  return { values: part(values), indices: part(indices) };
}

/**
 * The elements in ascending order along the first dimension: `sort(x, 0).values`.
 *
 * @example
 * msort(tensor([3, 1, 2])); // [1, 2, 3]
 */
export function msort(x: Tensor): Tensor {
  checkTensor('msort', 'x', x);
  return x.rank === 0 ? reshape(x, []) : sort(x, 0).values;
}

/** Options of `isin`. */
export interface IsinOptions {
  /** Whether to tell which elements are not among them; default false. */
  invert?: boolean;
}

/**
 * Which elements are among others: uint8, of the shape of `elements`. NaN never is.
 *
 * @param elements a tensor or a number
 * @param testElements a tensor of the same dtype, or a number
 * @param options invert (default false)
 * @example
 * isin(tensor([1, 2, 3]), tensor([3, 1])); // [1, 0, 1]
 */
export function isin(elements: Tensor | number, testElements: Tensor | number, options?: IsinOptions): Tensor {
  const { invert } = optionsOf<IsinOptions>('isin', [options], [], ['invert']);
  const isInverted = checkFlag('isin', 'invert', invert, false);
  const [x, tests] = operands('isin', elements, testElements);
  return noGrad(() => {
    if (tests.size === 0) return isInverted ? eq(onesLike(x), 1) : eq(onesLike(x), 0);
    const sorted = sort(flatten(tests), 0).values;
    const flat = flatten(x);
    const place = searchsorted(sorted, flat);
    const inside = where(lt(place, tests.size), place, 0);
    const found = reshape(eq(gather(sorted, 0, inside), flat), x.dims);
    return isInverted ? logicalNot(found) : found;
  });
}

/**
 * The coordinates of positions of a flattened tensor: int32, one tensor for each dimension.
 *
 * @param indices int32 of any shape; negative ones count from the end
 * @param shape of the tensor
 * @throws ArgumentError when a position is out of range; DTypeError when indices are not int32; StateError while a step is
 *   recorded: it reads values
 * @example
 * unravelIndex(tensor([5], { dtype: 'int32' }), [2, 3]); // [1] and [2]
 */
export function unravelIndex(indices: Tensor, shape: Shape): Tensor[] {
  checkInt32('unravelIndex', 'indices', indices);
  refuseReading('unravelIndex');
  const sizes = checkShape('unravelIndex', shape);
  const size = sizeOf(sizes);
  const places = indices.toTypedArray();
  const wrong = places.findIndex((v) => v < -size || v >= size);
  if (wrong >= 0) {
    const rule = `indices must be at least ${-size} and below ${size}`;
    throw new ArgumentError(`unravelIndex: ${rule}, got ${places[wrong]} (element ${wrong})`);
  }
  return stridesOf(sizes).map((stride, d) =>
    generate(indices.dims, 'int32', (i) => {
      const place = places[i] as number;
      return Math.floor((place < 0 ? place + size : place) / stride) % (sizes[d] as number);
    }),
  );
}

/** Options of `nonzeroStatic`. */
export interface NonzeroStaticOptions {
  /** The number of rows. */
  size: number;
  /** What fills the rows that are left; default -1. */
  fillValue?: number;
}

/**
 * The coordinates of the elements that are not 0, like `nonzero`, but a fixed number of them, so that it can be compiled:
 * int32 [size, rank]. Further ones are left out.
 *
 * @param options size, and fillValue (default -1)
 * @example
 * nonzeroStatic(tensor([0, 5, 0, 6]), { size: 3 }); // [[1], [3], [-1]]
 */
export function nonzeroStatic(x: Tensor, options: NonzeroStaticOptions): Tensor {
  checkTensor('nonzeroStatic', 'x', x);
  const o = optionsOf<NonzeroStaticOptions>('nonzeroStatic', [options], [], ['size', 'fillValue']);
  const rows = checkInteger('nonzeroStatic', 'size', o.size, 0, 2 ** 28);
  const fill = checkInteger('nonzeroStatic', 'fillValue', o.fillValue ?? -1, -(2 ** 31), 2 ** 31 - 1);
  if (x.rank === 0) return zeros([rows, 0], { dtype: 'int32' });
  return noGrad(() => {
    const isThere = flatten(ne(x, 0));
    const count = cumsum(to(isThere, 'int32'), 0);
    const kept = logicalAnd(isThere, lt(count, rows + 1));
    // What is left out is written to one more row.
    const at = where(kept, sub(count, 1), rows);
    const numbers = generate([x.size], 'int32', (i) => i);
    const flat = narrow(indexCopy(add(zeros([rows + 1], { dtype: 'int32' }), -1), 0, at, numbers), 0, 0, rows);
    const places = to(flat, 'float64');
    const columns = stridesOf(x.dims).map((stride, d) => {
      const steps = floor(div(places, stride));
      const size = x.dims[d] as number;
      return to(where(ge(flat, 0), sub(steps, mul(floor(div(steps, size)), size)), fill), 'int32');
    });
    return stack(columns, 1);
  });
}
