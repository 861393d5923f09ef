// Methods that fill a tensor with random numbers. None is recorded for gradients.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { withGradEnabled } from '../context.js';
import { type DType, dtypeTraits, isFloat } from '../dtype.js';
import { checkInteger, checkNumber } from '../errors.js';
import { changed, checkFloat, checkTensor, empty, Tensor } from '../tensor.js';
import { checkInPlace, copy_ } from './copy.js';
import { add, ceil, cos, div, exp, floor, log1p, mul, neg, sin, sub } from './elementwise.js';
import { clamp, lt } from './elementwise-compare.js';
import type { Generator } from './generator.js';
import { bernoulliKernel, drawnFrom, normalKernel, uniformKernel } from './random.js';

/** Where the numbers come from; default: the generator that `manualSeed` seeds. */
interface Source {
  generator?: Generator;
}

interface Range extends Source {
  from?: number;
  to?: number;
}

interface Spread extends Source {
  mean?: number;
  std?: number;
}

/** The bounds by position, then { generator }. */
export type RangeArguments = Positional<Range, ['from', 'to']>;

/** The mean and the standard deviation by position, then { generator }. */
export type SpreadArguments = Positional<Spread, ['mean', 'std']>;

/** One parameter by position, then { generator }. */
export type BernoulliArguments = Positional<Source & { p?: number | Tensor }, ['p']>;
/** One parameter by position, then { generator }. */
export type ExponentialArguments = Positional<Source & { lambd?: number }, ['lambd']>;
/** One parameter by position, then { generator }. */
export type GeometricArguments = Positional<Source & { p: number }, ['p']>;
/** The median and the scale by position, then { generator }. */
export type CauchyArguments = Positional<Source & { median?: number; sigma?: number }, ['median', 'sigma']>;

function checkTarget(operation: string, x: Tensor): void {
  checkInPlace(operation, x);
  checkFloat(operation, 'x', x);
}

/** @internal Fills x by a kernel with the parameters a and b. */
export function draw(
  operation: string,
  x: Tensor,
  options: Source,
  run: typeof uniformKernel,
  a: number,
  b: number,
): Tensor {
  const state = drawnFrom(operation, options.generator);
  run(x.handle, state.handle, a, b);
  changed(x);
  return x;
}

// x ← f(u) of numbers u that are uniform in [0, 1).
function transformed(operation: string, x: Tensor, { generator }: Source, f: (u: Tensor) => Tensor, dtype?: DType) {
  return withGradEnabled(false, () =>
    allOrNothing(() => {
      const state = drawnFrom(operation, generator);
      const u = empty(x.dims, dtype ?? x.dtype);
      uniformKernel(u.handle, state.handle, 0, 1);
      return copy_(x, f(u));
    }),
  );
}

/**
 * Fills x with numbers that are uniform in [from, to), in place.
 *
 * @param args from (default 0) and to (default 1), then { generator }
 * @throws DTypeError when x is not a float tensor
 * @example
 * zeros(2, 3).uniform_(-1, 1);
 */
export function uniform_(x: Tensor, ...args: RangeArguments): Tensor {
  checkTarget('uniform_', x);
  const options = optionsOf<Range>('uniform_', args, ['from', 'to'], ['generator']);
  const from = checkNumber('uniform_', 'from', options.from ?? 0);
  const to = checkNumber('uniform_', 'to', options.to ?? 1, { min: from });
  return draw('uniform_', x, options, uniformKernel, from, to);
}

/**
 * Fills x with normally distributed numbers, in place.
 *
 * @param args mean (default 0) and std (default 1), then { generator }
 * @throws DTypeError when x is not a float tensor
 * @example
 * zeros(2, 3).normal_(0, 0.02);
 */
export function normal_(x: Tensor, ...args: SpreadArguments): Tensor {
  checkTarget('normal_', x);
  const { mean, std, options } = spreadOf('normal_', args, 0, 1);
  return draw('normal_', x, options, normalKernel, mean, std);
}

function spreadOf(operation: string, args: readonly unknown[], center: number, deviation: number) {
  const options = optionsOf<Spread>(operation, args, ['mean', 'std'], ['generator']);
  const mean = checkNumber(operation, 'mean', options.mean ?? center);
  const std = checkNumber(operation, 'std', options.std ?? deviation, { min: 0 });
  return { mean, std, options };
}

/**
 * Fills x with numbers whose logarithms are normally distributed, in place.
 *
 * @param args mean (default 1) and std (default 2) of the logarithm, then { generator }
 * @throws DTypeError when x is not a float tensor
 */
export function logNormal_(x: Tensor, ...args: SpreadArguments): Tensor {
  checkTarget('logNormal_', x);
  const { mean, std, options } = spreadOf('logNormal_', args, 1, 2);
  return withGradEnabled(false, () =>
    allOrNothing(() => copy_(x, exp(draw('logNormal_', empty(x.dims, x.dtype), options, normalKernel, mean, std)))),
  );
}

/**
 * Fills x with 1 with probability p, else 0, in place.
 *
 * @param args p: a number in [0, 1] (default 0.5) or a float tensor that broadcasts to x's shape; then { generator }
 * @example
 * zeros(2, 3).bernoulli_(0.2);
 */
export function bernoulli_(x: Tensor, ...args: BernoulliArguments): Tensor {
  checkInPlace('bernoulli_', x);
  const { p = 0.5, ...options } = optionsOf<Source & { p?: number | Tensor }>('bernoulli_', args, ['p'], ['generator']);
  if (p instanceof Tensor) {
    checkTensor('bernoulli_', 'p', p);
    checkFloat('bernoulli_', 'p', p);
    return transformed('bernoulli_', x, options, (u) => lt(u, p), p.dtype);
  }
  checkNumber('bernoulli_', 'p', p, { min: 0, max: 1 });
  return allOrNothing(() => {
    const state = drawnFrom('bernoulli_', options.generator);
    const y = x.dtype === 'int32' ? empty(x.dims, 'uint8') : x;
    bernoulliKernel(y.handle, state.handle, p);
    if (y !== x) return copy_(x, y);
    changed(x);
    return x;
  });
}

/**
 * Fills x with exponentially distributed numbers, of density lambd · e^(-lambd · x), in place.
 *
 * @param args lambd (default 1), above 0; then { generator }
 * @throws DTypeError when x is not a float tensor
 */
export function exponential_(x: Tensor, ...args: ExponentialArguments): Tensor {
  checkTarget('exponential_', x);
  const options = optionsOf<Source & { lambd?: number }>('exponential_', args, ['lambd'], ['generator']);
  const lambd = checkNumber('exponential_', 'lambd', options.lambd ?? 1, { min: 0, open: true });
  return transformed('exponential_', x, options, (u) => div(log1p(neg(u)), -lambd));
}

/**
 * Fills x with the number of trials until the first success, each with probability p, in place: 1, 2, …
 *
 * @param args p, above 0 and at most 1; then { generator }
 */
export function geometric_(x: Tensor, ...args: GeometricArguments): Tensor {
  checkInPlace('geometric_', x);
  const options = optionsOf<Source & { p?: number }>('geometric_', args, ['p'], ['generator']);
  const p = checkNumber('geometric_', 'p', options.p, { min: 0, max: 1, open: true });
  const trials = (u: Tensor) => clamp(ceil(div(log1p(neg(u)), Math.log1p(-p))), 1);
  return transformed('geometric_', x, options, trials, 'float64');
}

/**
 * Fills x with numbers of the Cauchy distribution, in place.
 *
 * @param args median (default 0) and sigma (default 1), above 0; then { generator }
 * @throws DTypeError when x is not a float tensor
 */
export function cauchy_(x: Tensor, ...args: CauchyArguments): Tensor {
  checkTarget('cauchy_', x);
  const options = optionsOf<Source & { median?: number; sigma?: number }>(
    'cauchy_',
    args,
    ['median', 'sigma'],
    ['generator'],
  );
  const median = checkNumber('cauchy_', 'median', options.median ?? 0);
  const sigma = checkNumber('cauchy_', 'sigma', options.sigma ?? 1, { min: 0, open: true });
  const quantile = (u: Tensor) => {
    const angle = mul(sub(u, 0.5), Math.PI);
    return add(mul(div(sin(angle), cos(angle)), sigma), median);
  };
  return transformed('cauchy_', x, options, quantile, 'float64');
}

/** The integers up to which each dtype is exact: where `random_` ends by default. */
const ends: Record<DType, number> = { float32: 2 ** 24 + 1, float64: 2 ** 53, int32: 2 ** 31, uint8: 256 };

/**
 * Fills x with integers that are uniform in [from, to), in place; `random_(to)` counts from 0.
 *
 * @param args from (default 0) and to (default: behind the largest integer of x's dtype, of floats behind the last of those that are all
 *   exact), then { generator }
 * @throws ArgumentError when x's dtype does not hold from and to - 1
 */
export function random_(
  x: Tensor,
  ...args: [options?: Range] | [to: number, options?: Source] | [from: number, to: number, options?: Source]
): Tensor {
  checkInPlace('random_', x);
  const onlyEnd = typeof args[0] === 'number' && typeof args[1] !== 'number';
  const options = optionsOf<Range>(
    'random_',
    args,
    onlyEnd ? ['to'] : ['from', 'to'],
    onlyEnd ? ['from', 'generator'] : ['generator'],
  );
  const most = ends[x.dtype];
  const least = isFloat(x.dtype) ? -most + 1 : dtypeTraits[x.dtype].range[0];
  const from = checkInteger('random_', 'from', options.from ?? 0, least, most - 1);
  const end = checkInteger('random_', 'to', options.to ?? most, from + 1, most);
  return transformed('random_', x, options, (u) => add(floor(mul(u, end - from)), from), 'float64');
}
