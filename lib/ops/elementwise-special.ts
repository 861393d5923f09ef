// Special functions, composed of other elementwise functions.
import { optionsOf } from '../arguments.js';
import { checkInteger, checkNumber } from '../errors.js';
import { checkFloat, checkTensor, Tensor } from '../tensor.js';
import { type Operand, operands } from './broadcast.js';
import { detach } from './copy.js';
import {
  abs,
  add,
  cos,
  div,
  erf,
  exp,
  floor,
  log,
  log1p,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  reciprocal,
  round,
  sin,
  sqrt,
  square,
  sub,
} from './elementwise.js';
import { clamp, eq, gt, isfinite, le, logicalAnd, logicalOr, lt, where } from './elementwise-compare.js';
import { composed, polynomial } from './elementwise-composed.js';

// erfc of float64 numbers of at least 2: a continued fraction, from its end.
function farTail(x: Tensor): Tensor {
  let y = x;
  for (let k = 60; k > 0; k--) y = add(x, div(k / 2, y));
  return div(exp(neg(square(x))), mul(y, Math.sqrt(Math.PI)));
}

function complement(x: Tensor): Tensor {
  const tail = where(eq(x, Infinity), 0, farTail(clamp(x, 2, 40)));
  return where(gt(x, 2), tail, sub(1, erf(x)));
}

/**
 * The complementary error function 1 - erf(x), elementwise, with full relative accuracy for large x.
 *
 * @example
 * erfc(tensor([0])); // [1]
 */
export function erfc(x: Tensor): Tensor {
  return composed('erfc', x, complement, (x) => mul(exp(neg(square(x))), -2 / Math.sqrt(Math.PI)));
}

// Approximations of erfinv(x) / x for small and large w = -log(1 - x²): Giles, "Approximating the erfinv function" (2012).
const center = [
  1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-6, -3.5233877e-6, 3.43273939e-7,
  2.81022636e-8,
];
const tails = [
  2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844, 0.00134934322, 0.000100950558,
  -0.000200214257,
];

/**
 * The inverse of `erf`, elementwise; ±∞ at ±1, NaN beyond.
 *
 * @example
 * erfinv(tensor([0])); // [0]
 */
export function erfinv(x: Tensor): Tensor {
  const forward = (x: Tensor): Tensor => {
    const size = minimum(abs(x), 1);
    const isEnd = eq(size, 1);
    const inside = where(isEnd, 0.5, size);
    const w = neg(log(mul(sub(1, inside), add(inside, 1))));
    const ratio = where(lt(w, 5), polynomial(sub(w, 2.5), center), polynomial(sub(sqrt(w), 3), tails));
    let y = mul(ratio, inside);
    for (let step = 0; step < 2; step++) {
      // Halley's method, on erfc where 1 - x is the accurate number.
      const error = where(gt(inside, 0.5), sub(sub(1, inside), complement(y)), sub(erf(y), inside));
      const newton = mul(mul(error, exp(square(y))), Math.sqrt(Math.PI) / 2);
      y = sub(y, div(newton, add(mul(y, newton), 1)));
    }
    const found = where(isEnd, Infinity, y);
    const signed = where(lt(x, 0), neg(found), where(eq(x, 0), x, found));
    return where(gt(abs(x), 1), Number.NaN, signed);
  };
  return composed('erfinv', x, forward, (_, y) => mul(exp(square(y)), Math.sqrt(Math.PI) / 2));
}

// Lanczos' approximation of the gamma function with g = 7.
const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 0.000009984369578019572, 1.5056327351493116e-7,
];

// log Γ(x) for x of at least 1/2.
function logGamma(x: Tensor): Tensor {
  const before = sub(x, 1);
  const terms = lanczos.map((c, i) => div(c, add(before, i + 1)));
  const series = add(
    terms.reduce((sum, term) => add(sum, term)),
    0.9999999999998099,
  );
  const t = add(before, 7.5);
  return add(add(mul(add(before, 0.5), sub(log(t), 1)), sub(log(series), 7)), 0.5 * Math.log(2 * Math.PI));
}

// log Γ(x) near its zeros at 1 and 2 is a difference of large numbers there; Stirling's series for large x is not.
function stirling(x: Tensor): Tensor {
  const inverse = reciprocal(x);
  const series = polynomial(square(inverse), [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360]);
  const main = mul(sub(x, 0.5), log(x));
  return add(add(sub(main, x), 0.5 * Math.log(2 * Math.PI)), mul(inverse, series));
}

// The distance of x from the nearest integer decides sin(πx), up to its sign.
const sinPi = (x: Tensor): Tensor => sin(mul(sub(x, round(x)), Math.PI));

/**
 * log |Γ(x)|, elementwise; ∞ at 0 and the negative integers. Its derivative is `digamma`.
 *
 * @example
 * lgamma(tensor([5])); // [log 24]
 */
export function lgamma(x: Tensor): Tensor {
  const forward = (x: Tensor): Tensor => {
    const mirrored = lt(x, 0.5);
    const z = where(mirrored, sub(1, x), x);
    const y = where(gt(z, 15), stirling(z), logGamma(minimum(z, 16)));
    const reflected = sub(sub(Math.log(Math.PI), log(abs(sinPi(x)))), y);
    return where(eq(abs(x), Infinity), Infinity, where(mirrored, reflected, y));
  };
  return composed('lgamma', x, forward, (x) => digamma(x));
}

/**
 * The digamma function, the derivative of log Γ(x), elementwise; -∞ at 0, NaN at the negative integers.
 *
 * @example
 * digamma(tensor([1])); // [-0.57722]
 */
export function digamma(x: Tensor): Tensor {
  const forward = (x: Tensor): Tensor => {
    const mirrored = lt(x, 0.5);
    const z = where(mirrored, sub(1, x), x);
    let sum = reciprocal(z);
    for (let k = 1; k < 10; k++) sum = add(sum, reciprocal(add(z, k)));
    const far = add(z, 10);
    const inverse = square(reciprocal(far));
    const series = polynomial(inverse, [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12]);
    const y = sub(sub(sub(log(far), div(0.5, far)), mul(inverse, series)), sum);
    const angle = mul(sub(x, round(x)), Math.PI);
    const reflected = sub(y, div(mul(cos(angle), Math.PI), sin(angle)));
    const isPole = logicalAnd(lt(x, 0), eq(x, floor(x)));
    return where(isPole, Number.NaN, where(eq(x, 0), neg(reciprocal(x)), where(mirrored, reflected, y)));
  };
  return composed('digamma', x, forward, (x) => polygamma(1, x));
}

// B₂ⱼ / (2j)!
const bernoulliRatios = [
  1 / 12,
  -1 / 720,
  1 / 30240,
  -1 / 1209600,
  1 / 47900160,
  -691 / 1307674368000,
  1 / 74724249600,
  -3617 / 10670622842880000,
];

// Σ 1 / (x + k)^s over k ≥ 0, by the formula of Euler and Maclaurin from x + 12 on.
function zeta(s: number, x: Tensor): Tensor {
  let sum = pow(x, -s);
  for (let k = 1; k < 12; k++) sum = add(sum, pow(add(x, k), -s));
  const far = add(x, 12);
  sum = add(sum, add(mul(pow(far, 1 - s), 1 / (s - 1)), mul(pow(far, -s), 0.5)));
  let factor = s;
  bernoulliRatios.forEach((ratio, j) => {
    sum = add(sum, mul(pow(far, -s - 2 * j - 1), ratio * factor));
    factor *= (s + 2 * j + 1) * (s + 2 * j + 2);
  });
  return sum;
}

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

/**
 * The n-th derivative of `digamma`, elementwise; n = 0 is `digamma`. For n above 1, numbers below -10 give NaN.
 *
 * @param n at least 0
 * @example
 * polygamma(1, tensor([1])); // [π² / 6]
 */
export function polygamma(n: number, x: Tensor): Tensor {
  checkInteger('polygamma', 'n', n, 0, 100);
  if (n === 0) return digamma(x);
  const forward = (x: Tensor): Tensor => {
    const scale = (n % 2 === 0 ? -1 : 1) * factorial(n);
    if (n > 1) return where(lt(x, -10), Number.NaN, mul(zeta(n + 1, x), scale));
    const mirrored = lt(x, 0.5);
    const y = zeta(2, where(mirrored, sub(1, x), x));
    return where(mirrored, sub(div(Math.PI ** 2, square(sinPi(x))), y), y);
  };
  return composed('polygamma', x, forward, (x) => polygamma(n + 1, x));
}

/**
 * a · log(b), elementwise, broadcast; 0 where a = 0, unless b is NaN. A tensor and a tensor or a number.
 *
 * @example
 * xlogy(tensor([0, 1]), tensor([0, 1])); // [0, 0]
 */
export function xlogy(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('xlogy', a, b);
  checkFloat('xlogy', a instanceof Tensor ? 'a' : 'b', x);
  const vanishes = logicalAnd(eq(x, 0), logicalOr(le(y, 0), eq(y, Infinity)));
  return mul(x, log(where(vanishes, 1, y)));
}

/**
 * log(eᵃ + eᵇ), elementwise, broadcast, without overflow. A tensor and a tensor or a number.
 *
 * @example
 * logaddexp(tensor([0]), tensor([0])); // [log 2]
 */
export function logaddexp(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('logaddexp', a, b);
  checkFloat('logaddexp', a instanceof Tensor ? 'a' : 'b', x);
  const most = detach(maximum(x, y));
  const shift = where(isfinite(most), most, 0);
  return add(log(add(exp(sub(x, shift)), exp(sub(y, shift)))), shift);
}

/**
 * log₂(2ᵃ + 2ᵇ), elementwise, broadcast, without overflow. A tensor and a tensor or a number.
 *
 * @example
 * logaddexp2(tensor([0]), tensor([0])); // [1]
 */
export function logaddexp2(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('logaddexp2', a, b);
  checkFloat('logaddexp2', a instanceof Tensor ? 'a' : 'b', x);
  return mul(logaddexp(mul(x, Math.LN2), mul(y, Math.LN2)), 1 / Math.LN2);
}

/**
 * The inverse of `sigmoid`, log(x / (1 - x)), elementwise; NaN outside of [0, 1].
 *
 * @param args eps: x is first limited to [eps, 1 - eps]; default: it is not
 * @example
 * logit(tensor([0.5])); // [0]
 */
export function logit(x: Tensor, ...args: [options?: { eps?: number }] | [eps: number]): Tensor {
  checkTensor('logit', 'x', x);
  checkFloat('logit', 'x', x);
  const { eps } = optionsOf<{ eps: number }>('logit', args, ['eps']);
  const z = eps === undefined ? x : clamp(x, checkNumber('logit', 'eps', eps), 1 - eps);
  return sub(log(z), log1p(neg(z)));
}

/**
 * The logarithm to base 2, elementwise.
 *
 * @example
 * log2(tensor([8])); // [3]
 */
export function log2(x: Tensor): Tensor {
  return logarithm('log2', x, Math.LN2);
}

/**
 * The logarithm to base 10, elementwise.
 *
 * @example
 * log10(tensor([100])); // [2]
 */
export function log10(x: Tensor): Tensor {
  return logarithm('log10', x, Math.LN10);
}

function logarithm(name: string, x: Tensor, scale: number): Tensor {
  return composed(
    name,
    x,
    (x) => div(log(x), scale),
    (x) => reciprocal(mul(x, scale)),
  );
}

/**
 * 2 to the power of x, elementwise.
 *
 * @example
 * exp2(tensor([3])); // [8]
 */
export function exp2(x: Tensor): Tensor {
  checkTensor('exp2', 'x', x);
  checkFloat('exp2', 'x', x);
  return pow(2, x);
}
