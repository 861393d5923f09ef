// Reductions composed of other reductions, and differences.
import { optionsOf, type Positional } from '../arguments.js';
import { isFloat } from '../dtype.js';
import { ArgumentError, checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import { kernel } from '../native.js';
import { checkDim } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { to } from './copy.js';
import { add, div, mul, sqrt, sub } from './elementwise.js';
import { clamp, isnan, logicalNot, ne, where } from './elementwise-compare.js';
import { matmul } from './matmul.js';
import {
  converted,
  layout,
  mean,
  type ReduceArguments,
  type ReduceOptions,
  sum,
  type TotalArguments,
} from './reduce.js';
import { type PositionOptions, shared } from './reduce-extremes.js';
import { std, type VarArguments, var as variance } from './reduce-statistics.js';
import { reshape, squeeze, transpose } from './shape.js';
import { cat, slice } from './shape-slice.js';

const maxKernel = kernel('max', 'y x outer n inner');
const minKernel = kernel('min', 'y x outer n inner');

function extremeOf(name: 'amax' | 'amin', x: Tensor, options: ReduceOptions): Tensor {
  return shared(name, name === 'amax' ? maxKernel : minKernel, layout(name, x, options));
}

/**
 * The largest element; NaN if there is one. Equal elements share the gradient evenly.
 *
 * @param args dim (one or several, default all), keepDim (default false)
 * @throws ShapeError when there is no element to choose from
 * @example
 * amax(tensor([[1, 5], [7, 2]]), 1); // [5, 7]
 */
export function amax(x: Tensor, ...args: ReduceArguments): Tensor {
  checkTensor('amax', 'x', x);
  return extremeOf('amax', x, optionsOf<ReduceOptions>('amax', args, ['dim', 'keepDim']));
}

/**
 * The smallest element; NaN if there is one. Equal elements share the gradient evenly.
 *
 * @param args dim (one or several, default all), keepDim (default false)
 * @throws ShapeError when there is no element to choose from
 * @example
 * amin(tensor([[1, 5], [7, 2]]), 1); // [1, 2]
 */
export function amin(x: Tensor, ...args: ReduceArguments): Tensor {
  checkTensor('amin', 'x', x);
  return extremeOf('amin', x, optionsOf<ReduceOptions>('amin', args, ['dim', 'keepDim']));
}

/**
 * The smallest and the largest element.
 *
 * @param options dim: one dimension, default all; keepDim: default false
 * @throws ShapeError when there is no element to choose from
 * @example
 * aminmax(tensor([3, 1, 2])).max; // 3
 */
export function aminmax(x: Tensor, options?: PositionOptions): { min: Tensor; max: Tensor } {
  checkTensor('aminmax', 'x', x);
  const o = optionsOf<PositionOptions>('aminmax', [options], [], ['dim', 'keepDim']);
  return { min: extremeOf('amin', x, o), max: extremeOf('amax', x, o) };
}

/**
 * The number of elements that are not 0, int32. NaN counts.
 *
 * @param args dim: one or several, default all
 * @example
 * countNonzero(tensor([0, 2, 3])); // 2
 */
export function countNonzero(
  x: Tensor,
  ...args: [options?: { dim?: number | readonly number[] }] | [dim: number | readonly number[]]
): Tensor {
  checkTensor('countNonzero', 'x', x);
  const options = optionsOf<ReduceOptions>('countNonzero', args, ['dim']);
  return sum(ne(x, 0), options);
}

/**
 * The sum of the elements that are not NaN.
 *
 * @param args dim (one or several, default all), keepDim (default false); option: dtype (x's)
 * @example
 * nansum(tensor([1, NaN, 2])); // 3
 */
export function nansum(given: Tensor, ...args: TotalArguments): Tensor {
  const { x, options } = converted('nansum', given, args);
  return sum(isFloat(x.dtype) ? where(isnan(x), 0, x) : x, options);
}

/**
 * The mean of the elements that are not NaN; NaN if there are none.
 *
 * @param args dim (one or several, default all), keepDim (default false); option: dtype (x's)
 * @example
 * nanmean(tensor([1, NaN, 3])); // 2
 */
export function nanmean(given: Tensor, ...args: TotalArguments): Tensor {
  const { x, options } = converted('nanmean', given, args);
  checkFloat('nanmean', 'x', x);
  const missing = isnan(x);
  return div(sum(where(missing, 0, x), options), to(sum(logicalNot(missing), options), x.dtype));
}

/**
 * The standard deviation and the mean, like `std` and `mean`.
 *
 * @param args dim (default all), then { keepDim, correction, unbiased }, as `var` takes them
 * @example
 * stdMean(tensor([1, 2, 3])).std; // 1
 */
export function stdMean(x: Tensor, ...args: VarArguments): { std: Tensor; mean: Tensor } {
  return { std: std(x, ...args), mean: meanBeside('stdMean', x, args) };
}

/**
 * The variance and the mean, like `var` and `mean`.
 *
 * @param args dim (default all), then { keepDim, correction, unbiased }, as `var` takes them
 * @example
 * varMean(tensor([1, 2, 3])).var; // 1
 */
export function varMean(x: Tensor, ...args: VarArguments): { var: Tensor; mean: Tensor } {
  return { var: variance(x, ...args), mean: meanBeside('varMean', x, args) };
}

function meanBeside(name: string, x: Tensor, args: VarArguments): Tensor {
  const { dim, keepDim } = optionsOf<ReduceOptions>(name, args, ['dim', 'unbiased', 'keepDim'], ['correction']);
  return mean(x, { ...(dim === undefined ? {} : { dim }), ...(keepDim === undefined ? {} : { keepDim }) });
}

/** Options of `diff`. */
export interface DiffOptions {
  /** How often differences are taken; default 1. */
  n?: number;
  /** Default -1, the last. */
  dim?: number;
  /** What comes before x along the dimension. */
  prepend?: Tensor;
  /** What comes after x along the dimension. */
  append?: Tensor;
}

/**
 * Differences of neighbours along a dimension: yᵢ = xᵢ₊₁ - xᵢ, n times.
 *
 * @param args n (default 1), dim (default -1), prepend and append (default nothing)
 * @example
 * diff(tensor([1, 4, 9])); // [3, 5]
 */
export function diff(x: Tensor, ...args: Positional<DiffOptions, ['n', 'dim', 'prepend', 'append']>): Tensor {
  checkTensor('diff', 'x', x);
  const options = optionsOf<DiffOptions>('diff', args, ['n', 'dim', 'prepend', 'append']);
  if (x.rank === 0) throw new ShapeError('diff: x must have at least one dimension, got a scalar');
  const n = checkInteger('diff', 'n', options.n ?? 1);
  const dim = checkDim('diff', options.dim ?? -1, x.rank);
  const parts = [x];
  if (options.prepend !== undefined) parts.unshift(checkTensor('diff', 'prepend', options.prepend));
  if (options.append !== undefined) parts.push(checkTensor('diff', 'append', options.append));
  let y = parts.length === 1 ? x : cat(parts, dim);
  // A dimension that is used up stays empty.
  for (let i = Math.min(n, y.dims[dim] as number); i > 0; i--) {
    y = sub(slice(y, { dim, start: 1 }), slice(y, { dim, end: (y.dims[dim] as number) - 1 }));
  }
  return y;
}

/** Options of `trapezoid`. */
export interface TrapezoidOptions {
  /** The places of the values; default: evenly spaced. */
  x?: Tensor;
  /** The distance between evenly spaced values; default 1. */
  dx?: number;
  /** Default -1, the last. */
  dim?: number;
}

/** The places by position and then the other options, or all in options. */
export type TrapezoidArguments = [options?: TrapezoidOptions] | [x: Tensor, options?: { dim?: number }];

function trapezoids(name: string, y: Tensor, args: TrapezoidArguments): { areas: Tensor; dim: number } {
  checkTensor(name, 'y', y);
  checkFloat(name, 'y', y);
  const options = optionsOf<TrapezoidOptions>(name, args, ['x'], ['dx', 'dim']);
  if (y.rank === 0) throw new ShapeError(`${name}: y must have at least one dimension, got a scalar`);
  const dim = checkDim(name, options.dim ?? -1, y.rank);
  if (options.x !== undefined && options.dx !== undefined) {
    throw new ArgumentError(`${name}: x or dx may be given, got both`);
  }
  const n = y.dims[dim] as number;
  const heights = add(slice(y, { dim, start: 1 }), slice(y, { dim, end: Math.max(0, n - 1) }));
  if (options.x === undefined) {
    return { areas: mul(heights, checkNumber(name, 'dx', options.dx ?? 1) / 2), dim };
  }
  const x = checkTensor(name, 'x', options.x);
  checkSameDType(name, ['y', 'x'], [y, x]);
  const places =
    x.rank === 1
      ? reshape(
          x,
          y.dims.map((_, i) => (i === dim ? x.size : 1)),
        )
      : x;
  if (places.rank !== y.rank || places.dims[dim] !== n) {
    throw new ShapeError(
      `${name}: x must have as many places as y, got y ${formatShape(y.dims)} and x ${formatShape(x.dims)}`,
    );
  }
  const widths = sub(slice(places, { dim, start: 1 }), slice(places, { dim, end: Math.max(0, n - 1) }));
  return { areas: mul(mul(heights, widths), 0.5), dim };
}

/**
 * The integral along a dimension by the trapezoidal rule: Σ (xᵢ₊₁ - xᵢ) · (yᵢ + yᵢ₊₁) / 2.
 *
 * @param args x, the places (default: evenly spaced), then { dx, dim } (default 1 and -1)
 * @example
 * trapezoid(tensor([1, 2, 3])); // 4
 */
export function trapezoid(y: Tensor, ...args: TrapezoidArguments): Tensor {
  const { areas, dim } = trapezoids('trapezoid', y, args);
  return sum(areas, dim);
}

/**
 * The running integral along a dimension by the trapezoidal rule, with one element less than y.
 *
 * @param args x, the places (default: evenly spaced), then { dx, dim } (default 1 and -1)
 * @example
 * cumulativeTrapezoid(tensor([1, 2, 3])); // [1.5, 4]
 */
export function cumulativeTrapezoid(y: Tensor, ...args: TrapezoidArguments): Tensor {
  const { areas, dim } = trapezoids('cumulativeTrapezoid', y, args);
  return areas.cumsum(dim);
}

/** Options of `cov`. */
export interface CovOptions {
  /** Degrees of freedom subtracted from the number of observations; default 1. */
  correction?: number;
  /** int32 [observations]: how often each counts. */
  fweights?: Tensor;
  /** Float [observations]: their weights. */
  aweights?: Tensor;
}

/**
 * The covariance matrix of variables: x - mean, times its transpose, divided by the number of observations less `correction`.
 *
 * @param x [variables, observations], or [observations] of one variable
 * @param options correction (default 1), fweights, aweights
 * @returns [variables, variables], a scalar for one
 * @example
 * cov(tensor([[0, 1, 2], [2, 1, 0]])); // [[1, -1], [-1, 1]]
 */
export function cov(x: Tensor, options?: CovOptions): Tensor {
  checkTensor('cov', 'x', x);
  checkFloat('cov', 'x', x);
  const o = optionsOf<CovOptions>('cov', [options], [], ['correction', 'fweights', 'aweights']);
  const correction = checkInteger('cov', 'correction', o.correction ?? 1);
  if (x.rank > 2) throw new ShapeError(`cov: x must have at most two dimensions, got x ${formatShape(x.dims)}`);
  const rows = x.rank === 2 ? x : reshape(x, [1, x.size]);
  const n = rows.dims[1] as number;
  const weight = (name: 'fweights' | 'aweights'): Tensor | null => {
    const w = o[name];
    if (w === undefined) return null;
    if (checkTensor('cov', name, w).rank === 1 && w.size === n) return to(w, x.dtype);
    throw new ShapeError(`cov: ${name} must be [${n}], got ${formatShape(w.dims)}`);
  };
  const [frequencies, importance] = [weight('fweights'), weight('aweights')];
  const both = frequencies !== null && importance !== null ? mul(frequencies, importance) : (frequencies ?? importance);
  if (both === null) {
    const distances = sub(rows, mean(rows, 1, { keepDim: true }));
    return squeeze(mul(matmul(distances, transpose(distances, 0, 1)), 1 / Math.max(0, n - correction)));
  }
  const total = sum(both);
  const lost = importance === null ? correction : mul(div(sum(mul(both, importance)), total), correction);
  const distances = sub(rows, div(sum(mul(rows, both), 1, { keepDim: true }), total));
  const product = matmul(mul(distances, both), transpose(distances, 0, 1));
  return squeeze(div(product, clamp(sub(total, lost), 0)));
}

/**
 * The matrix of correlation coefficients of variables: their covariances divided by both standard deviations, in [-1, 1].
 *
 * @param x [variables, observations], or [observations] of one variable
 * @returns [variables, variables], a scalar for one
 * @example
 * corrcoef(tensor([[0, 1, 2], [2, 1, 0]])); // [[1, -1], [-1, 1]]
 */
export function corrcoef(x: Tensor): Tensor {
  checkTensor('corrcoef', 'x', x);
  checkFloat('corrcoef', 'x', x);
  const c = cov(x);
  if (c.rank === 0) return div(c, c);
  const n = c.dims[0] as number;
  const deviations = sqrt(slice(reshape(c, [n * n]), { step: n + 1 }));
  return clamp(div(div(c, reshape(deviations, [n, 1])), deviations), -1, 1);
}
