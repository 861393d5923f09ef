// Bessel functions and incomplete gamma functions.
import { record } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import { AutogradError, checkInteger } from '../errors.js';
import { sameShape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { sumTo } from './broadcast.js';
import { detach, to } from './copy.js';
import { abs, add, div, exp, log, mul, neg, reciprocal, sqrt, square, sub } from './elementwise.js';
import { clamp, eq, lt, where } from './elementwise-compare.js';
import { composed, polynomial } from './elementwise-composed.js';
import { lgamma, xlogy } from './elementwise-special.js';
import { eachPair } from './elementwise-values.js';

// Coefficients of the power series of I₀(x) (order 0) and I₁(x) / x (order 1) in x² / 4.
const series = (order: number): number[] => {
  const list = [order === 0 ? 1 : 0.5];
  for (let k = 1; k < 31; k++) list.push((list[k - 1] as number) / (k * (k + order)));
  return list;
};

// Those of √(2πx) · e⁻ˣ · I(x) in 1 / x, for large x (Abramowitz and Stegun, 1964, 9.7.1).
const asymptotic = (order: number): number[] => {
  const list = [1];
  for (let k = 1; k < 20; k++) {
    list.push(((list[k - 1] as number) * ((2 * k - 1) ** 2 - 4 * order ** 2)) / (8 * k));
  }
  return list;
};

const near = [series(0), series(1)] as const;
const far = [asymptotic(0), asymptotic(1)] as const;
const border = 16;

function bessel(order: 0 | 1, x: Tensor): Tensor {
  const size = abs(x);
  const inside = clamp(size, { max: border });
  const small = polynomial(div(square(inside), 4), near[order]);
  const outside = clamp(size, { min: border });
  const scale = div(exp(outside), sqrt(mul(outside, 2 * Math.PI)));
  const large = where(eq(outside, Infinity), Infinity, mul(scale, polynomial(reciprocal(outside), far[order])));
  if (order === 0) return where(lt(size, border), small, large);
  return where(lt(size, border), mul(small, x), where(lt(x, 0), neg(large), large));
}

// I₁, the derivative of I₀; its own is I₀(x) - I₁(x) / x.
function i1(x: Tensor): Tensor {
  return composed(
    'i1',
    x,
    (x) => bessel(1, x),
    (x) => {
      const isZero = eq(x, 0);
      return where(isZero, 0.5, sub(i0(x), div(i1(x), where(isZero, 1, x))));
    },
  );
}

/**
 * The modified Bessel function of the first kind of order 0, I₀(x), elementwise.
 *
 * @example
 * i0(tensor([0, 1])); // [1, 1.26607]
 */
export function i0(x: Tensor): Tensor {
  return composed('i0', x, (x) => bessel(0, x), i1);
}

/** @internal I₀ of a number of moderate size. */
export function besselOf(x: number): number {
  return near[0].reduceRight((sum, c) => (sum * (x * x)) / 4 + c, 0);
}

// P(a, x) / prefactor by its power series, good for x < a + 1.
function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < 100_000 && Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

// Q(a, x) / prefactor by its continued fraction, good for x ≥ a + 1 (Lentz, 1976).
function upperFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n < 100_000; n++) {
    const factor = n * (a - n);
    b += 2;
    d = 1 / (factor * d + b);
    c = b + factor / c;
    h *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return h;
}

// P(a, x), or Q(a, x) with `upper`; `scale` is xᵃ · e⁻ˣ / Γ(a).
function incomplete(a: number, x: number, scale: number, upper: boolean): number {
  if (!(a >= 0) || !(x >= 0) || (a === 0 && x === 0)) return Number.NaN;
  if (a === Infinity) return x === Infinity ? Number.NaN : upper ? 1 : 0;
  if (a === 0 || x === Infinity) return upper ? 0 : 1;
  if (x === 0) return upper ? 1 : 0;
  const isLower = x < a + 1;
  const part = scale * (isLower ? lowerSeries(a, x) : upperFraction(a, x));
  return isLower === upper ? 1 - part : part;
}

// log(xᵃ · e⁻ˣ / Γ(a)), given float64 tensors.
const logScale = (a: Tensor, x: Tensor): Tensor => sub(sub(xlogy(a, x), x), lgamma(a));

function gammaPart(name: string, a: Tensor, x: Tensor, upper: boolean): Tensor {
  checkTensor(name, 'a', a);
  checkTensor(name, 'x', x);
  checkFloat(name, 'a', a);
  checkSameDType(name, ['a', 'x'], [a, x]);
  refuseReading(name);
  const [p, q] = [to(detach(a), 'float64'), to(detach(x), 'float64')];
  const scale = exp(logScale(p, q));
  const scales = scale.toTypedArray();
  const wide = sameShape(p.dims, scale.dims) ? p : mul(p, add(mul(scale, 0), 1));
  let next = 0;
  const y = to(
    eachPair(name, wide, q, (a, x) => incomplete(a, x, scales[next++] as number, upper)),
    a.dtype,
  );
  const backward = (dy: Tensor, needs: readonly boolean[]) => {
    if (needs[0]) throw new AutogradError(`${name}: has no gradient in a; detach a`);
    const slope = exp(sub(sub(mul(sub(a, 1), log(x)), x), lgamma(a)));
    return [null, sumTo(mul(dy, upper ? neg(slope) : slope), x.dims)];
  };
  return record(name, y, [a, x], backward, [a, x]);
}

/**
 * The regularised lower incomplete gamma function P(a, x) = ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt / Γ(a), elementwise, broadcast. Its gradient is that
 * in x; in a it has none, as in PyTorch.
 *
 * @param a at least 0
 * @param x of a's dtype, at least 0
 * @throws StateError while a step is recorded: it reads values
 * @example
 * igamma(tensor([1]), tensor([2])); // [1 - e⁻²]
 */
export function igamma(a: Tensor, x: Tensor): Tensor {
  return gammaPart('igamma', a, x, false);
}

/**
 * The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x), elementwise, broadcast. Its gradient is that in x; in a
 * it has none, as in PyTorch.
 *
 * @param a at least 0
 * @param x of a's dtype, at least 0
 * @throws StateError while a step is recorded: it reads values
 * @example
 * igammac(tensor([1]), tensor([2])); // [e⁻²]
 */
export function igammac(a: Tensor, x: Tensor): Tensor {
  return gammaPart('igammac', a, x, true);
}

/**
 * The logarithm of the multivariate gamma function: log(π) · p · (p - 1) / 4 + Σ log Γ(x - i / 2) over i < p, elementwise.
 *
 * @param p the dimension, at least 1
 * @example
 * mvlgamma(tensor([3]), 1); // [log 2]
 */
export function mvlgamma(x: Tensor, p: number): Tensor {
  checkTensor('mvlgamma', 'x', x);
  checkFloat('mvlgamma', 'x', x);
  checkInteger('mvlgamma', 'p', p, 1, 2 ** 16);
  let y = lgamma(x);
  for (let i = 1; i < p; i++) y = add(y, lgamma(sub(x, i / 2)));
  return add(y, (Math.log(Math.PI) * p * (p - 1)) / 4);
}
