// How many elements have a value or are in an interval, composed of `scatterAdd`.
import { optionsOf, type Positional } from '../arguments.js';
import { refuseReading } from '../context.js';
import { isFloat } from '../dtype.js';
import { ArgumentError, checkInteger, checkNumber, DTypeError, formatShape, ShapeError } from '../errors.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { to } from './copy.js';
import { ones, zeros } from './creation.js';
import { div, floor, mul, sub } from './elementwise.js';
import { clamp, ge, le, logicalAnd, where } from './elementwise-compare.js';
import { scatterAdd } from './indexing.js';
import { flatten } from './shape.js';

/** Options of `bincount`. */
export interface BincountOptions {
  /** Float of x's shape: what each element adds, instead of 1. */
  weights?: Tensor;
  /** The least number of bins; default 0. */
  minlength?: number;
}

/**
 * How often each of the integers 0 … max(x) occurs, or the sums of their weights.
 *
 * @param x int32 or uint8 [n], not negative
 * @param args weights and minlength (default 0)
 * @returns int32, or the dtype of the weights
 * @throws StateError while a step is recorded: it reads values
 * @example
 * bincount(tensor([1, 3, 1], { dtype: 'int32' })); // [0, 2, 0, 1]
 */
export function bincount(x: Tensor, ...args: Positional<BincountOptions, ['weights', 'minlength']>): Tensor {
  checkTensor('bincount', 'x', x);
  const o = optionsOf<BincountOptions>('bincount', args, ['weights', 'minlength']);
  const least = checkInteger('bincount', 'minlength', o.minlength ?? 0, 0, 2 ** 31 - 1);
  if (isFloat(x.dtype))
    throw new DTypeError(`bincount: x must be int32 or uint8, got ${x.dtype}; convert it by to('int32')`);
  if (x.rank !== 1) throw new ShapeError(`bincount: x must have one dimension, got x ${formatShape(x.dims)}`);
  refuseReading('bincount', 'use scatterAdd instead');
  const most = x.size === 0 ? -1 : x.max().item();
  if (x.size > 0 && x.min().item() < 0)
    throw new ArgumentError(`bincount: x must not be negative, got ${x.min().item()}`);
  const weights =
    o.weights === undefined ? ones(x.dims, { dtype: 'int32' }) : checkTensor('bincount', 'weights', o.weights);
  if (weights.rank !== 1 || weights.size !== x.size) {
    throw new ShapeError(`bincount: weights must be [${x.size}], got ${formatShape(weights.dims)}`);
  }
  const bins = zeros([Math.max(most + 1, least)], { dtype: weights.dtype });
  return x.size === 0 ? bins : scatterAdd(bins, 0, to(x, 'int32'), weights);
}

/** Options of `histc`. */
export interface HistogramOptions {
  /** The number of bins; default 100. */
  bins?: number;
  /** The lower end; default 0. If both ends are equal, they are the least and the greatest element. */
  min?: number;
  /** The upper end, which is included; default 0. */
  max?: number;
}

/**
 * How many elements are in each of `bins` intervals of one width between `min` and `max`. Elements outside are not counted.
 *
 * @param args bins (default 100), min and max (default 0 and 0: the range of the elements)
 * @returns x's dtype, [bins]
 * @throws StateError while a step is recorded, unless min and max are given
 * @example
 * histc(tensor([1, 2, 1]), 4, 0, 3); // [0, 2, 1, 0]
 */
export function histc(x: Tensor, ...args: Positional<HistogramOptions, ['bins', 'min', 'max']>): Tensor {
  checkTensor('histc', 'x', x);
  checkFloat('histc', 'x', x);
  const o = optionsOf<HistogramOptions>('histc', args, ['bins', 'min', 'max']);
  const bins = checkInteger('histc', 'bins', o.bins ?? 100, 1, 2 ** 31 - 1);
  let low = checkNumber('histc', 'min', o.min ?? 0);
  let high = checkNumber('histc', 'max', o.max ?? 0, { min: low });
  if (low === high && x.size > 0) {
    refuseReading('histc without a range', 'give min and max');
    low = checkNumber('histc', 'the least element', x.min().item());
    high = checkNumber('histc', 'the greatest element', x.max().item());
  }
  if (low === high) [low, high] = [low - 1, high + 1];
  const flat = to(flatten(x.detach()), 'float64');
  const inside = logicalAnd(ge(flat, low), le(flat, high));
  const place = floor(mul(div(sub(flat, low), high - low), bins));
  const index = to(clamp(where(inside, place, 0), 0, bins - 1), 'int32');
  return scatterAdd(zeros([bins], { dtype: x.dtype }), 0, index, to(inside, x.dtype));
}
