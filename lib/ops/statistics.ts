// Reductions of real numbers that are made of several steps. The kernels are the reduce family's.
import { isGradEnabled, noGrad, record } from '../autograd/tape.js';
import { ArgumentError, checkNumber, describe } from '../errors.js';
import { kernel } from '../native.js';
import { checkFloat, checkTensor, empty, type Tensor } from '../tensor.js';
import { sumTo } from './broadcast.js';
import { eq, isFinite as finite, ne, where } from './compare.js';
import { to } from './copy.js';
import { abs, add, div, exp, mul, pow, sign, sqrt, square, sub } from './elementwise.js';
import { shared } from './extremes.js';
import { type Layout, layout, type ReduceOptions, reduceWith } from './reduce.js';
import { reshape } from './shape.js';

function realLayout(name: string, x: Tensor, options: ReduceOptions | undefined, extra: string): Layout {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  return layout(name, x, options, ['dim', 'keepDim', ...(extra === '' ? [] : [extra])]);
}

// 1 where y is 0: added to a divisor whose dividend is 0 there, so that 0 / 0 gives the gradient 0.
const zeroMask = (y: Tensor): Tensor => to(eq(y, 0), y.dtype);

/** Options of `variance` and `std`. */
export interface VarianceOptions extends ReduceOptions {
  /** Degrees of freedom taken from n: 1 (default) for a sample, 0 for the whole population. */
  correction?: number;
}

const varianceKernel = kernel('variance');

/**
 * Variance: y = Σ (x - mean)² / (n - correction), in two passes over x. NaN where n ≤ correction and nothing varies.
 *
 * @param options dim (default all), keepDim (default false) and correction (default 1)
 */
export function variance(x: Tensor, options?: VarianceOptions): Tensor {
  return spread('variance', x, options);
}

function spread(name: string, x: Tensor, options: VarianceOptions | undefined): Tensor {
  const l = realLayout(name, x, options, 'correction');
  const correction = checkNumber(name, 'correction', options?.correction ?? 1);
  const { outer, n, inner, kept } = l;
  const values = l.x;
  const y = empty(l.shape, x.dtype);
  const means = empty(kept, x.dtype);
  varianceKernel(y.handle, means.handle, values.handle, outer, n, inner, correction);
  const scale = 2 / Math.max(0, n - correction);
  const backward = (dy: Tensor): Tensor[] => {
    const center = isGradEnabled() ? mul(sumTo(values, kept), 1 / n) : means;
    return [mul(sub(values, center), mul(reshape(dy, kept), scale))];
  };
  return record(name, y, [values], backward, [values, means]);
}

/**
 * Standard deviation, the square root of `variance`. Its gradient is 0 where nothing varies.
 *
 * @param options dim (default all), keepDim (default false) and correction (default 1)
 */
export function std(x: Tensor, options?: VarianceOptions): Tensor {
  const v = spread('std', x, options);
  const y = noGrad(() => sqrt(v));
  return record('std', y, [v], (dy) => [div(mul(dy, mul(sign(y), 0.5)), add(y, zeroMask(y)))], [y]);
}

const logSumExpKernel = kernel('logSumExp');

/**
 * y = log Σ exp(x), without overflow. -∞ of nothing and where all elements are -∞.
 *
 * @param options dim (default all) and keepDim (default false)
 */
export function logSumExp(x: Tensor, options?: ReduceOptions): Tensor {
  const l = realLayout('logSumExp', x, options, '');
  const { kept } = l;
  const values = l.x;
  const y = reduceWith(logSumExpKernel, l);
  const backward = (dy: Tensor): Tensor[] => {
    const shift = reshape(where(finite(y), y, 0), kept); // all elements -∞: the gradient is 0
    return [mul(exp(sub(values, shift)), reshape(dy, kept))];
  };
  return record('logSumExp', y, [values], backward, [values, y]);
}

/** Options of `norm`. */
export interface NormOptions extends ReduceOptions {
  /** The exponent, `Infinity` for the largest and `-Infinity` for the smallest absolute value, 0 for a count; default 2. */
  p?: number;
}

const maxKernel = kernel('max');
const minKernel = kernel('min');

/**
 * The p-norm: y = (Σ |x|ᵖ)^(1/p); max |x| for p = ∞, min |x| for -∞, the number of elements that are not 0 for 0. The
 * gradient is 0 where the norm is 0.
 *
 * @param options p (default 2), dim (default all) and keepDim (default false)
 */
export function norm(x: Tensor, options?: NormOptions): Tensor {
  const l = realLayout('norm', x, options, 'p');
  const p = options?.p ?? 2;
  if (typeof p !== 'number' || Number.isNaN(p))
    throw new ArgumentError(`norm: p must be a number, Infinity or -Infinity, got ${describe(p)}`);
  const finish = (sums: Tensor): Tensor => reshape(sums, l.shape);
  if (p === Infinity) return shared('norm', maxKernel, { ...l, x: abs(l.x) });
  if (p === -Infinity) return shared('norm', minKernel, { ...l, x: abs(l.x) });
  if (p === 0) return finish(sumTo(to(ne(l.x, 0), x.dtype), l.kept));
  if (p === 1) return finish(sumTo(abs(l.x), l.kept));
  return powerNorm(l, p);
}

function powerNorm(l: Layout, p: number): Tensor {
  const { kept } = l;
  const values = l.x;
  const y = noGrad(() => {
    const powers = p === 2 ? square(values) : pow(abs(values), p);
    const sums = reshape(sumTo(powers, kept), l.shape);
    return p === 2 ? sqrt(sums) : pow(sums, 1 / p);
  });
  const backward = (dy: Tensor): Tensor[] => {
    const size = reshape(add(y, zeroMask(y)), kept);
    const slope = reshape(dy, kept);
    if (p === 2) return [mul(values, div(slope, size))];
    const magnitude = abs(values);
    const ratio = div(add(magnitude, zeroMask(magnitude)), size);
    return [mul(mul(sign(values), pow(ratio, p - 1)), slope)];
  };
  return record('norm', y, [values], backward, [values, y]);
}
