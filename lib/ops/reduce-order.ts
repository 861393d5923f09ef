// Reductions by order: medians, quantiles and modes. They are composed of sorting and gathering.
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad, record } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import { isFloat } from '../dtype.js';
import { checkChoice, checkEach, checkFlag, checkNumber, formatShape, ShapeError } from '../errors.js';
import { checkDim } from '../shape.js';
import { checkFloat, checkTensor, Tensor } from '../tensor.js';
import { detach, to } from './copy.js';
import { tensor, zeros } from './creation.js';
import { add, ceil, div, floor, mul, round, sub } from './elementwise.js';
import { clamp, eq, gt, isnan, logicalAnd, logicalOr, where } from './elementwise-compare.js';
import { gather } from './indexing.js';
import { sum } from './reduce.js';
import type { Extremes, ExtremesArguments, PositionArguments, PositionOptions } from './reduce-extremes.js';
import { flatten, permute, reshape, squeeze, unsqueeze } from './shape.js';
import { sort } from './sort.js';
import { searchsorted } from './sort-search.js';

// x as a tensor with a dimension, that dimension, and its size.
function along(name: string, x: Tensor, dim: number): { t: Tensor; d: number; n: number } {
  const d = checkDim(name, dim, x.rank);
  const t = x.rank === 0 ? reshape(x, [1]) : x;
  const n = t.dims[d] as number;
  if (n === 0) {
    throw new ShapeError(`${name}: dimension ${d} must have at least one element, got x ${formatShape(x.dims)}`);
  }
  return { t, d, n };
}

const missing = (x: Tensor, d: number): Tensor => sum(isnan(x), d, { keepDim: true });

// The elements at these positions, of size 1 along d, and the positions.
function picked(x: Tensor, t: Tensor, d: number, indices: Tensor, keepDim: boolean): Extremes {
  const values = gather(t, d, indices);
  if (x.rank === 0) return { values: reshape(values, []), indices: reshape(indices, []) };
  return keepDim ? { values, indices } : { values: squeeze(values, d), indices: squeeze(indices, d) };
}

// Where the median is in ascending order, in which NaN comes last.
function medianRank(t: Tensor, d: number, n: number, skipNaN: boolean): Tensor {
  const absent = missing(t, d);
  if (!skipNaN) return where(gt(absent, 0), sub(n, absent), Math.floor((n - 1) / 2));
  const half = floor(mul(to(sub(n - 1, absent), 'float64'), 0.5));
  return to(clamp(half, 0), 'int32');
}

function middle(name: string, x: Tensor, args: readonly unknown[], skipNaN: boolean): Tensor | Extremes {
  checkTensor(name, 'x', x);
  const options = optionsOf<PositionOptions>(name, args, ['dim', 'keepDim']);
  const keepDim = checkFlag(name, 'keepDim', options.keepDim, false);
  const isWhole = options.dim === undefined;
  if (isWhole && x.size === 0 && isFloat(x.dtype)) return add(zeros([], { dtype: x.dtype }), Number.NaN);
  const whole = isWhole ? detach(flatten(x)) : x;
  const { t, d, n } = along(name, whole, options.dim ?? 0);
  const order = noGrad(() => sort(t, d).indices);
  const indices = noGrad(() => gather(order, d, medianRank(t, d, n, skipNaN)));
  if (!isWhole) return picked(x, t, d, indices, keepDim);
  const y = reshape(gather(t, d, indices), []);
  if (!isFloat(x.dtype)) return y;
  // Equal elements share the gradient evenly.
  return record(
    name,
    y,
    [x],
    (dy) => {
      const chosen = to(logicalOr(eq(x, y), logicalAnd(isnan(x), isnan(y))), x.dtype);
      return [mul(chosen, div(dy, sum(chosen)))];
    },
    [x, y],
  );
}

/**
 * The median, of an even number of elements the lower one; NaN if there is one. Without `dim` a scalar, whose gradient is
 * shared evenly by equal elements. With `dim` the medians along that dimension and their positions; `keepDim` (default false)
 * keeps the dimension.
 *
 * @throws ShapeError when the dimension has no elements
 * @example
 * median(tensor([3, 1, 2])); // 2
 */
export function median(x: Tensor): Tensor;
export function median(x: Tensor, ...args: ExtremesArguments): Extremes;
export function median(x: Tensor, ...args: unknown[]): Tensor | Extremes {
  return middle('median', x, args, false);
}

/**
 * The median of the elements that are not NaN, like `median`; NaN if there are none.
 *
 * @throws ShapeError when the dimension has no elements
 * @example
 * nanmedian(tensor([3, NaN, 2])); // 2
 */
export function nanmedian(x: Tensor): Tensor;
export function nanmedian(x: Tensor, ...args: ExtremesArguments): Extremes;
export function nanmedian(x: Tensor, ...args: unknown[]): Tensor | Extremes {
  return middle('nanmedian', x, args, true);
}

/** Options of `quantile` and `nanquantile`. */
export interface QuantileOptions {
  /** The dimension to reduce; default: all elements. */
  dim?: number;
  /** Whether it is kept, with size 1; default false. */
  keepDim?: boolean;
  /** What is between two elements; default linear. */
  interpolation?: 'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest';
}

/** dim by position and then the other options, or all in options. */
export type QuantileArguments = Positional<QuantileOptions, ['dim', 'keepDim']>;

function fractions(name: string, q: number | Tensor): number[] {
  if (q instanceof Tensor && q.rank > 1) {
    throw new ShapeError(`${name}: q must be a number or have one dimension, got q ${formatShape(q.dims)}`);
  }
  if (q instanceof Tensor) {
    checkTensor(name, 'q', q);
    refuseReading(`${name} with a tensor q`, 'give q as a number');
  }
  const list = q instanceof Tensor ? Array.from(q.toTypedArray()) : [q];
  return checkEach(name, 'q', 'must be numbers', list, (v) => checkNumber(name, 'q', v, { min: 0, max: 1 }));
}

const rounding = { lower: floor, higher: ceil, nearest: round };

function between(t: Tensor, ranks: Tensor, interpolation: string): Tensor {
  const at = (positions: Tensor): Tensor => gather(t, t.rank - 1, to(positions, 'int32'));
  const whole = rounding[interpolation as keyof typeof rounding];
  if (whole !== undefined) return at(whole(ranks));
  const low = floor(ranks);
  const weight = interpolation === 'midpoint' ? mul(sub(ceil(ranks), low), 0.5) : sub(ranks, low);
  const [a, b] = [at(low), at(ceil(ranks))];
  return add(a, mul(sub(b, a), to(weight, t.dtype)));
}

function quantiles(name: string, x: Tensor, q: number | Tensor, args: QuantileArguments, skipNaN: boolean): Tensor {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  const options = optionsOf<QuantileOptions>(name, args, ['dim', 'keepDim'], ['interpolation']);
  const keepDim = checkFlag(name, 'keepDim', options.keepDim, false);
  const choices = ['linear', 'lower', 'higher', 'midpoint', 'nearest'] as const;
  const interpolation = checkChoice(name, 'interpolation', options.interpolation, choices, 'linear');
  const qs = fractions(name, q);
  const isWhole = options.dim === undefined;
  const { t, d, n } = along(name, isWhole ? flatten(x) : x, options.dim ?? 0);
  const last = [...t.dims.keys()].filter((i) => i !== d).concat(d);
  const rows = permute(t, last);
  const { values } = sort(rows, -1);
  const absent = to(missing(rows, rows.rank - 1), 'float64');
  const top = skipNaN ? clamp(sub(n - 1, absent), 0) : sub(n - 1, mul(absent, 0));
  const wanted = tensor(Float64Array.from(qs));
  const ranks = skipNaN ? mul(top, wanted) : where(gt(absent, 0), n - 1, mul(top, wanted));
  const found = between(values, ranks, interpolation); // [..., q]
  const front = permute(found, [found.rank - 1, ...[...found.dims.keys()].slice(0, -1)]);
  const kept = isWhole ? reshape(front, [qs.length, ...x.dims.map(() => 1)]) : unsqueeze(front, d + 1);
  const shaped = keepDim && x.rank > 0 ? kept : front;
  return q instanceof Tensor && q.rank === 1 ? shaped : reshape(shaped, shaped.dims.slice(1));
}

/**
 * The q-quantiles: the element at the place q · (n - 1) of the n elements in ascending order, between two of them interpolated.
 * NaN if there is one.
 *
 * @param q in [0, 1]: a number, or a tensor of several, which become the first dimension of the result; its values are read
 * @param args dim (default: all elements), keepDim (default false); option: interpolation, `linear` (default), `lower`, `higher`, `midpoint`, `nearest`
 * @throws ShapeError when there are no elements
 * @example
 * quantile(tensor([0, 1, 2, 4]), 0.5); // 1.5
 */
export function quantile(x: Tensor, q: number | Tensor, ...args: QuantileArguments): Tensor {
  return quantiles('quantile', x, q, args, false);
}

/**
 * The q-quantiles of the elements that are not NaN, like `quantile`; NaN if there are none.
 *
 * @param q in [0, 1]: a number, or a tensor of several, which become the first dimension of the result; its values are read
 * @param args dim (default: all elements), keepDim (default false); option: interpolation, `linear` (default), `lower`, `higher`, `midpoint`, `nearest`
 * @throws ShapeError when there are no elements
 * @example
 * nanquantile(tensor([0, NaN, 2]), 0.5); // 1
 */
export function nanquantile(x: Tensor, q: number | Tensor, ...args: QuantileArguments): Tensor {
  return quantiles('nanquantile', x, q, args, true);
}

/** dim and keepDim, by position or in options. */
export type ModeArguments = PositionArguments;

/**
 * The most frequent element along a dimension, the smallest of equally frequent ones, and its last position.
 *
 * @param args dim (default -1), keepDim (default false)
 * @throws ShapeError when the dimension has no elements
 * @example
 * mode(tensor([1, 2, 2, 3])).values; // 2
 */
export function mode(x: Tensor, ...args: ModeArguments): Extremes {
  checkTensor('mode', 'x', x);
  const options = optionsOf<PositionOptions>('mode', args, ['dim', 'keepDim']);
  const keepDim = checkFlag('mode', 'keepDim', options.keepDim, false);
  const { t, d } = along('mode', x, options.dim ?? -1);
  const indices = noGrad(() => {
    const last = t.rank - 1;
    const rows = d === last ? t : permute(t, swapped(t.rank, d, last));
    const { values, indices } = sort(rows, -1);
    const end = searchsorted(values, values, { right: true });
    const count = sub(end, searchsorted(values, values));
    const best = count.argmax(-1, { keepDim: true });
    const place = gather(indices, last, sub(gather(end, last, best), 1));
    return d === last ? place : permute(place, swapped(t.rank, d, last));
  });
  return picked(x, t, d, indices, keepDim);
}

const swapped = (rank: number, a: number, b: number): number[] =>
  Array.from({ length: rank }, (_, i) => (i === a ? b : i === b ? a : i));
