// Parts of numbers and remainders of divisions, composed of other elementwise functions.
import { noGrad, record } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import { isFloat } from '../dtype.js';
import { ArgumentError, checkChoice, checkInteger } from '../errors.js';
import { checkOptions } from '../options.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { type Operand, operands, sumTo } from './broadcast.js';
import { to } from './copy.js';
import { abs, add, ceil, div as divided, floor, mul, neg, round as rounded, sign, sub } from './elementwise.js';
import { eq, gt, isfinite, logicalAnd, logicalNot, lt, ne, where } from './elementwise-compare.js';
import { isNegative } from './elementwise-trigonometry.js';
import { any } from './reduce.js';

/**
 * a / b, elementwise, broadcast. Float tensors of one dtype, or one of them a number; x / 0 is ±∞ or NaN. With a rounding mode
 * also integers, and without a gradient.
 *
 * @param options roundingMode: 'floor' for ⌊a / b⌋, 'trunc' for the quotient rounded towards 0; default not rounded
 * @throws DTypeError for integers without a rounding mode; ArgumentError when an integer is divided by 0
 * @example
 * div(tensor([-3, 3]), 2, { roundingMode: 'trunc' }); // [-1, 1]
 */
export function div(a: Operand, b: Operand, options?: { roundingMode?: 'floor' | 'trunc' }): Tensor {
  if (options === undefined || typeof options === 'number') return divided(a, b); // an index: xs.reduce(div)
  checkOptions('div', options, ['roundingMode']);
  const { roundingMode } = options;
  if (roundingMode === undefined) return divided(a, b);
  const mode = checkChoice('div', 'roundingMode', roundingMode, ['floor', 'trunc']);
  if (mode === 'floor') return division('div', a, b, quotient, null);
  const [x, y] = operands('div', a, b);
  if (isFloat(x.dtype)) return noGrad(() => whole(divided(x, y)));
  return division('div', x, y, (a, b) => whole(divided(a, b)), null);
}

/**
 * The nearest integer, elementwise; halves go to the even one, as in PyTorch. The gradient is 0.
 *
 * @param options decimals: how many digits after the point remain, or how many zeros before it where negative; default 0
 * @example
 * round(tensor([1.25, 7.5]), { decimals: 1 }); // [1.2, 7.5]
 */
export function round(x: Tensor, options?: { decimals?: number }): Tensor {
  if (options === undefined || typeof options === 'number') return rounded(x); // an index: xs.map(round)
  checkOptions('round', options, ['decimals']);
  const decimals = checkInteger('round', 'decimals', options.decimals ?? 0, -300, 300);
  if (decimals === 0) return rounded(x);
  checkTensor('round', 'x', x);
  checkFloat('round', 'x', x);
  const scale = 10 ** Math.abs(decimals);
  return decimals > 0 ? divided(rounded(mul(x, scale)), scale) : mul(rounded(divided(x, scale)), scale);
}

// Rounded towards 0, without a gradient.
const whole = (x: Tensor): Tensor => where(lt(x, 0), ceil(x), floor(x));

/**
 * The whole part: x rounded towards 0, elementwise. The gradient is 0.
 *
 * @example
 * trunc(tensor([1.7, -1.7])); // [1, -1]
 */
export function trunc(x: Tensor): Tensor {
  checkTensor('trunc', 'x', x);
  checkFloat('trunc', 'x', x);
  return whole(x);
}

/**
 * The fractional part x - trunc(x), elementwise, with the sign of x.
 *
 * @example
 * frac(tensor([1.5, -1.5])); // [0.5, -0.5]
 */
export function frac(x: Tensor): Tensor {
  checkTensor('frac', 'x', x);
  checkFloat('frac', 'x', x);
  return sub(x, whole(x));
}

// a · b as the sum of two float64 numbers, exactly (Dekker, 1971).
function exactProduct(a: Tensor, b: Tensor): [high: Tensor, low: Tensor] {
  const halves = (x: Tensor): [Tensor, Tensor] => {
    const scaled = mul(x, 134217729);
    const high = sub(scaled, sub(scaled, x));
    return [high, sub(x, high)];
  };
  const high = mul(a, b);
  const [a1, a2] = halves(a);
  const [b1, b2] = halves(b);
  const error = sub(sub(sub(high, mul(a1, b1)), mul(a2, b1)), mul(a1, b2));
  return [high, sub(mul(a2, b2), error)];
}

// a - trunc(a / b) · b of float64 numbers, with the sign of a.
function rest(a: Tensor, b: Tensor): Tensor {
  const [high, low] = exactProduct(whole(divided(a, b)), b);
  const first = sub(sub(a, high), low);
  // The quotient may have been rounded to the next integer.
  const overshot = lt(mul(first, sign(a)), 0);
  const inside = where(overshot, add(first, mul(abs(b), sign(a))), first);
  const isUnlimited = logicalAnd(eq(abs(b), Infinity), isfinite(a));
  const exact = where(eq(inside, 0), mul(a, 0), inside);
  return where(isUnlimited, a, where(eq(b, 0), Number.NaN, exact));
}

// The same with the sign of b.
function modulus(a: Tensor, b: Tensor): Tensor {
  const r = rest(a, b);
  const isOpposite = logicalAnd(ne(r, 0), ne(lt(r, 0), lt(b, 0)));
  return where(isOpposite, add(r, b), r);
}

// ⌊a / b⌋ of float64 numbers: the quotient itself may be rounded up to an integer.
function quotient(a: Tensor, b: Tensor): Tensor {
  const r = modulus(a, b);
  const ratio = divided(a, b);
  const unlimited = neg(to(ne(r, a), 'float64')); // 0 or -1
  const exact = where(eq(abs(b), Infinity), unlimited, floor(add(divided(sub(a, r), b), 0.5)));
  return where(eq(b, 0), ratio, where(isfinite(a), exact, Number.NaN));
}

function division(
  name: string,
  a: Operand,
  b: Operand,
  run: (a: Tensor, b: Tensor) => Tensor,
  wholes: ((a: Tensor) => Tensor) | null,
): Tensor {
  const [x, y] = operands(name, a, b);
  if (!isFloat(x.dtype)) checkDivisors(name, y);
  const result = noGrad(() => to(run(to(x, 'float64'), to(y, 'float64')), x.dtype));
  if (!isFloat(x.dtype) || wholes === null) return result;
  const backward = (dy: Tensor, needs: readonly boolean[]) => [
    needs[0] ? sumTo(dy, x.dims) : null,
    needs[1] ? sumTo(neg(mul(dy, wholes(divided(x, y)))), y.dims) : null,
  ];
  return record(name, result, [x, y], backward, [x, y]);
}

// Integers have no result for a division by 0.
function checkDivisors(name: string, b: Tensor): void {
  refuseReading(`${name} of integers`, 'convert them to floats');
  if (any(eq(b, 0)).item() === 1) throw new ArgumentError(`${name}: integers must not be divided by 0`);
}

/**
 * The remainder of a / b with the sign of a: a - trunc(a / b) · b, elementwise, broadcast; NaN for b = 0.
 *
 * @throws ArgumentError when an integer is divided by 0; StateError for integers while a step is recorded
 * @example
 * fmod(tensor([-3, 3]), 2); // [-1, 1]
 */
export function fmod(a: Operand, b: Operand): Tensor {
  return division('fmod', a, b, rest, whole);
}

/**
 * The remainder of a / b with the sign of b: a - ⌊a / b⌋ · b, elementwise, broadcast; NaN for b = 0.
 *
 * @throws ArgumentError when an integer is divided by 0; StateError for integers while a step is recorded
 * @example
 * remainder(tensor([-3, 3]), 2); // [1, 1]
 */
export function remainder(a: Operand, b: Operand): Tensor {
  return division('remainder', a, b, modulus, floor);
}

/**
 * ⌊a / b⌋, elementwise, broadcast, also of integers. It has no gradient.
 *
 * @throws ArgumentError when an integer is divided by 0; StateError for integers while a step is recorded
 * @example
 * floorDivide(tensor([-3, 3]), 2); // [-2, 1]
 */
export function floorDivide(a: Operand, b: Operand): Tensor {
  return division('floorDivide', a, b, quotient, null);
}

/**
 * Whether the sign is negative: uint8; 1 for -0, too. A tensor of any dtype.
 *
 * @example
 * signbit(tensor([-2, 0, 3])); // [1, 0, 0]
 */
export function signbit(x: Tensor): Tensor {
  checkTensor('signbit', 'x', x);
  return isFloat(x.dtype) ? noGrad(() => isNegative(x)) : lt(x, 0);
}

/**
 * |a| with the sign of b, elementwise, broadcast. Floats; a tensor and a tensor or a number.
 *
 * @example
 * copysign(tensor([1, 2]), tensor([-1, 1])); // [-1, 2]
 */
export function copysign(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('copysign', a, b);
  checkFloat('copysign', typeof a === 'number' ? 'b' : 'a', x);
  const size = abs(x);
  return where(signbit(y), neg(size), size);
}

/**
 * 0 where x < 0 (or NaN), 1 where x > 0, and `values` where x = 0, elementwise, broadcast. It has no gradient.
 *
 * @param values of x's dtype, or a number
 * @example
 * heaviside(tensor([-2, 0, 3]), tensor([0.5])); // [0, 0.5, 1]
 */
export function heaviside(x: Tensor, values: Operand): Tensor {
  checkTensor('heaviside', 'x', x);
  const [a, b] = operands('heaviside', x, values);
  return noGrad(() => where(eq(a, 0), b, to(gt(a, 0), a.dtype)));
}

/**
 * Where x is ∞ or -∞: uint8. A tensor of any dtype; integers never are.
 *
 * @example
 * isinf(tensor([1, Infinity])); // [0, 1]
 */
export function isinf(x: Tensor): Tensor {
  checkTensor('isinf', 'x', x);
  return isFloat(x.dtype) ? eq(abs(x), Infinity) : logicalNot(isfinite(x));
}

/**
 * Where x is ∞: uint8. A tensor of any dtype; integers never are.
 *
 * @example
 * isposinf(tensor([-Infinity, Infinity])); // [0, 1]
 */
export function isposinf(x: Tensor): Tensor {
  checkTensor('isposinf', 'x', x);
  return isFloat(x.dtype) ? eq(x, Infinity) : logicalNot(isfinite(x));
}

/**
 * Where x is -∞: uint8. A tensor of any dtype; integers never are.
 *
 * @example
 * isneginf(tensor([-Infinity, Infinity])); // [1, 0]
 */
export function isneginf(x: Tensor): Tensor {
  checkTensor('isneginf', 'x', x);
  return isFloat(x.dtype) ? eq(x, -Infinity) : logicalNot(isfinite(x));
}
