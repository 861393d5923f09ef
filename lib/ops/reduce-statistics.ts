// Reductions of real numbers in several steps. The kernels are the reduce family's.
import { optionsOf, type Positional } from '../arguments.js';
import { fusedGradients } from '../autograd/fused.js';
import { noGrad, record } from '../autograd/tape.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkFlag, checkNumber, describe } from '../errors.js';
import { kernel } from '../native.js';
import { checkFloat, checkTensor, empty, type Tensor } from '../tensor.js';
import { sumTo } from './broadcast.js';
import { convertedTo, to } from './copy.js';
import { abs, add, div, exp, mul, pow, sign, sub } from './elementwise.js';
import { eq, isfinite as finite, logicalAnd, ne, where } from './elementwise-compare.js';
import { type Layout, layout, type ReduceOptions, type RequiredReduceArguments, reduceWith } from './reduce.js';
import { shared } from './reduce-extremes.js';
import { reshape } from './shape.js';

function checkReal(name: string, x: Tensor): void {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
}

// 1 where y is 0: added to a divisor whose dividend is 0 there, so that 0 / 0 gives the gradient 0.
const zeroMask = (y: Tensor): Tensor => to(eq(y, 0), y.dtype);

/** Options of `var` and `std`. */
export interface VarOptions extends ReduceOptions {
  /** Degrees of freedom subtracted from n: 1 (default) for a sample, 0 for the whole population. */
  correction?: number;
  /** Another way to say correction 1 (true) or 0 (false). */
  unbiased?: boolean;
}

/** The dimensions: by position and then the other options, or all in options. */
export type VarArguments =
  | [options?: VarOptions]
  | [dim: number | readonly number[], options?: Omit<VarOptions, 'dim'>]
  | [dim: number | readonly number[], unbiased: boolean, keepDim?: boolean | { keepDim?: boolean }];

const varianceKernel = kernel('variance', 'y means x outer n inner correction root');

/**
 * Variance: y = Σ (x - mean)² / (n - correction), in two passes over x. NaN if n ≤ correction and all elements are equal.
 *
 * @param args dim (default all), then { keepDim, correction } (default false and 1), or `unbiased` for correction 1 or 0
 */
function variance(x: Tensor, ...args: VarArguments): Tensor {
  return spread('var', x, args);
}

export { variance as var };

/**
 * Standard deviation, the square root of `var`, also right if that overflows or vanishes in x's dtype. Its gradient is
 * 0 if all elements are equal.
 *
 * @param args dim (default all), then { keepDim, correction } (default false and 1), or `unbiased` for correction 1 or 0
 */
export function std(x: Tensor, ...args: VarArguments): Tensor {
  return spread('std', x, args);
}

function correctionOf(name: string, { correction, unbiased }: VarOptions): number {
  if (unbiased === undefined) return checkNumber(name, 'correction', correction ?? 1);
  if (correction === undefined) return Number(checkFlag(name, 'unbiased', unbiased, true));
  throw new ArgumentError(`${name}: correction and unbiased exclude each other, got both`);
}

function spread(name: 'var' | 'std', x: Tensor, args: readonly unknown[]): Tensor {
  checkReal(name, x);
  const options = optionsOf<VarOptions>(name, args, ['dim', 'unbiased', 'keepDim'], ['correction']);
  const l = layout(name, x, options);
  const correction = correctionOf(name, options);
  const { outer, n, inner, kept } = l;
  const values = l.x;
  const y = empty(l.shape, x.dtype);
  const means = empty(kept, x.dtype);
  const isRoot = name === 'std';
  varianceKernel(y.handle, means.handle, values.handle, outer, n, inner, correction, isRoot ? 1 : 0);
  const scale = (isRoot ? 1 : 2) / Math.max(0, n - correction);
  const slope = (dy: Tensor, values: Tensor, y: Tensor, center: Tensor): Tensor => {
    const distance = sub(values, center);
    const size = reshape(add(y, zeroMask(y)), kept);
    return mul(isRoot ? div(distance, size) : distance, mul(reshape(dy, kept), scale));
  };
  const backward = (dy: Tensor) =>
    fusedGradients(
      name,
      [dy, values, y],
      () => [slope(dy, values, y, means)],
      (dy, values, y) => [slope(dy, values, y, mul(sumTo(values, kept), 1 / n))],
    );
  return record(name, y, [values], backward, [values, y, means]);
}

const logsumexpKernel = kernel('logsumexp', 'y x outer n inner');
const logsumexpBackwardKernel = kernel('logsumexpBackward', 'dx dy x y outer n inner');

/**
 * y = log Σ exp(x), without overflow. -∞ without elements or if all elements are -∞, with gradient 0. If the result is ∞,
 * the elements that are ∞ share the gradient evenly; if it is NaN, the gradient is NaN.
 *
 * @param args dim, which must be given, as in PyTorch; keepDim (default false)
 */
export function logsumexp(x: Tensor, ...args: RequiredReduceArguments): Tensor {
  checkReal('logsumexp', x);
  const options = optionsOf<ReduceOptions>('logsumexp', args, ['dim', 'keepDim']);
  if (options.dim === undefined) throw new ArgumentError('logsumexp: dim must be given, got undefined');
  const l = layout('logsumexp', x, options);
  const { kept, outer, n, inner } = l;
  const values = l.x;
  const y = reduceWith(logsumexpKernel, l);
  const backward = (dy: Tensor) => {
    const gradient = () => {
      const dx = empty(values.dims, values.dtype);
      logsumexpBackwardKernel(dx.handle, dy.handle, values.handle, y.handle, outer, n, inner);
      return [dx];
    };
    return fusedGradients('logsumexp', [dy, values, y], gradient, (dy, values, y) => {
      const shift = reshape(where(eq(y, -Infinity), 0, y), kept);
      return [mul(exp(sub(values, shift)), reshape(dy, kept))];
    });
  };
  return record('logsumexp', y, [values], backward, [values, y]);
}

/** Options of `norm`. */
export interface NormOptions extends ReduceOptions {
  /** The exponent, `Infinity` for the largest and `-Infinity` for the smallest absolute value, 0 for a count, `'fro'` for 2; default 2. */
  p?: number | 'fro';
  /** What x is converted to first; default: x's dtype. */
  dtype?: DType;
}

/** p, the dimensions and `keepDim`, by position or in options. */
export type NormArguments = Positional<NormOptions, ['p', 'dim', 'keepDim']>;

const maxKernel = kernel('max', 'y x outer n inner');
const minKernel = kernel('min', 'y x outer n inner');

/**
 * The p-norm: y = (Σ |x|ᵖ)^(1/p); max |x| for p = ∞, min |x| for -∞, the number of elements that are not 0 for 0. Also
 * right if powers overflow or vanish in x's dtype. The gradient is 0 if the norm is 0.
 *
 * @param args p (default 2), dim (default all), keepDim (default false); option: dtype
 */
export function norm(given: Tensor, ...args: NormArguments): Tensor {
  checkTensor('norm', 'x', given);
  const options = optionsOf<NormOptions>('norm', args, ['p', 'dim', 'keepDim'], ['dtype']);
  const x = convertedTo('norm', given, options.dtype);
  checkFloat('norm', 'x', x);
  const l = layout('norm', x, options);
  const p = options.p === 'fro' ? 2 : (options.p ?? 2);
  if (typeof p !== 'number' || Number.isNaN(p))
    throw new ArgumentError(`norm: p must be a number, Infinity, -Infinity or 'fro', got ${describe(p)}`);
  const finish = (sums: Tensor): Tensor => reshape(sums, l.shape);
  if (p === Infinity) return shared('norm', maxKernel, { ...l, x: abs(l.x) });
  if (p === -Infinity) return shared('norm', minKernel, { ...l, x: abs(l.x) });
  if (p === 0) return finish(sumTo(to(ne(l.x, 0), x.dtype), l.kept));
  if (p === 1) return finish(sumTo(abs(l.x), l.kept));
  return powerNorm(l, p);
}

const normKernel = kernel('euclideanNorm', 'y x outer n inner');

// 1 where x cannot be a unit of measure: it is 0, infinite or NaN.
const unitOf = (x: Tensor): Tensor => where(logicalAnd(finite(x), ne(x, 0)), x, 1);

// In units of the largest element (for p below 0 the smallest), whose powers neither overflow nor all vanish.
function sumOfPowers(l: Layout, p: number): Tensor {
  const sizes = { ...l, x: abs(l.x) };
  const unit = unitOf(reduceWith(p > 0 ? maxKernel : minKernel, sizes));
  const powers = pow(div(sizes.x, reshape(unit, l.kept)), p);
  return mul(pow(reshape(sumTo(powers, l.kept), l.shape), 1 / p), unit);
}

function powerNorm(l: Layout, p: number): Tensor {
  const { kept } = l;
  const values = l.x;
  const y = noGrad(() => (p === 2 ? reduceWith(normKernel, l) : sumOfPowers(l, p)));
  const backward = (dy: Tensor): Tensor[] => {
    const size = reshape(add(y, zeroMask(y)), kept);
    const slope = reshape(dy, kept);
    if (p === 2) return [mul(div(values, size), slope)];
    const magnitude = abs(values);
    const ratio = div(add(magnitude, zeroMask(magnitude)), size);
    return [mul(mul(sign(values), pow(ratio, p - 1)), slope)];
  };
  return record('norm', y, [values], backward, [values, y]);
}
