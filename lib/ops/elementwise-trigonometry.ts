// Trigonometric and hyperbolic functions and their inverses, composed of other elementwise functions.
import { noGrad, record } from '../autograd/tape.js';
import { checkFloat, checkTensor, Tensor } from '../tensor.js';
import { type Operand, operands, sumTo } from './broadcast.js';
import { to } from './copy.js';
import {
  abs,
  add,
  cos,
  div,
  exp,
  expm1,
  log,
  log1p,
  maximum,
  minimum,
  mul,
  neg,
  reciprocal,
  rsqrt,
  sin,
  sqrt,
  square,
  sub,
} from './elementwise.js';
import { eq, gt, isfinite, logicalAnd, logicalOr, lt, ne, where } from './elementwise-compare.js';
import { composed, polynomial } from './elementwise-composed.js';

/**
 * tan(x) = sin(x) / cos(x), elementwise, x in radians.
 *
 * @example
 * tan(tensor([0])); // [0]
 */
export function tan(x: Tensor): Tensor {
  return composed(
    'tan',
    x,
    (x) => div(sin(x), cos(x)),
    (_, y) => add(square(y), 1),
  );
}

// Of atan(x) = x + x³·P(x²)/Q(x²) for |x| ≤ 0.66, from Cephes (Moshier, 1992).
const numerator = [
  -64.85021904942025, -122.88666844901361, -75.00855792314705, -16.157537187333652, -0.8750608600031904,
];
const denominator = [
  194.5506571482614, 485.3903996359137, 432.88106049129027, 165.02700983169885, 24.858464901423062, 1,
];

// atan of float64 numbers: large ones as π/2 - atan(1/x), middle ones as π/4 + atan((x - 1)/(x + 1)).
function arcTangent(x: Tensor): Tensor {
  const size = abs(x);
  const large = gt(size, 2.414213562373095);
  const middle = gt(size, 0.66);
  const reduced = where(large, neg(reciprocal(size)), where(middle, div(sub(size, 1), add(size, 1)), size));
  const start = where(large, Math.PI / 2, mul(to(middle, 'float64'), Math.PI / 4));
  const z = square(reduced);
  const ratio = div(mul(z, polynomial(z, numerator)), polynomial(z, denominator));
  const y = add(start, add(reduced, mul(reduced, ratio)));
  return where(lt(x, 0), neg(y), y);
}

/**
 * The inverse of `tan`, in [-π/2, π/2], elementwise.
 *
 * @example
 * atan(tensor([0])); // [0]
 */
export function atan(x: Tensor): Tensor {
  return composed('atan', x, arcTangent, (x) => reciprocal(add(square(x), 1)));
}

// √(1 - x²), accurate near ±1.
const cosineOf = (x: Tensor): Tensor => sqrt(mul(sub(1, x), add(x, 1)));

/**
 * The inverse of `sin`, in [-π/2, π/2], elementwise; NaN outside of [-1, 1].
 *
 * @example
 * asin(tensor([0])); // [0]
 */
export function asin(x: Tensor): Tensor {
  return composed(
    'asin',
    x,
    (x) => arcTangent(div(x, cosineOf(x))),
    (x) => rsqrt(sub(1, square(x))),
  );
}

/**
 * The inverse of `cos`, in [0, π], elementwise; NaN outside of [-1, 1].
 *
 * @example
 * acos(tensor([1])); // [0]
 */
export function acos(x: Tensor): Tensor {
  return composed(
    'acos',
    x,
    (x) => mul(arcTangent(sqrt(div(sub(1, x), add(x, 1)))), 2),
    (x) => neg(rsqrt(sub(1, square(x)))),
  );
}

/**
 * The hyperbolic sine (eˣ - e⁻ˣ) / 2, elementwise, accurate near 0.
 *
 * @example
 * sinh(tensor([0])); // [0]
 */
export function sinh(x: Tensor): Tensor {
  const forward = (x: Tensor): Tensor => {
    const size = abs(x);
    const near = expm1(minimum(size, 20));
    const half = exp(mul(size, 0.5));
    const y = where(lt(size, 20), mul(add(near, div(near, add(near, 1))), 0.5), mul(mul(half, 0.5), half));
    return where(lt(x, 0), neg(y), where(eq(x, 0), x, y));
  };
  return composed('sinh', x, forward, (x) => cosh(x));
}

/**
 * The hyperbolic cosine (eˣ + e⁻ˣ) / 2, elementwise.
 *
 * @example
 * cosh(tensor([0])); // [1]
 */
export function cosh(x: Tensor): Tensor {
  const forward = (x: Tensor): Tensor => {
    const half = exp(mul(abs(x), 0.5));
    return add(mul(mul(half, 0.5), half), div(div(0.5, half), half));
  };
  return composed('cosh', x, forward, (x) => sinh(x));
}

/**
 * The inverse of `sinh`, log(x + √(x² + 1)), elementwise, accurate near 0.
 *
 * @example
 * asinh(tensor([0])); // [0]
 */
export function asinh(x: Tensor): Tensor {
  const forward = (x: Tensor): Tensor => {
    const size = abs(x);
    const near = minimum(size, 1e8);
    const squared = square(near);
    const small = log1p(add(near, div(squared, add(sqrt(add(squared, 1)), 1))));
    const y = where(gt(size, 1e8), add(log(size), Math.LN2), small);
    return where(lt(x, 0), neg(y), y);
  };
  return composed('asinh', x, forward, (x) => rsqrt(add(square(x), 1)));
}

/**
 * The inverse of `cosh`, log(x + √(x² - 1)), elementwise; NaN below 1.
 *
 * @example
 * acosh(tensor([1])); // [0]
 */
export function acosh(x: Tensor): Tensor {
  const forward = (x: Tensor): Tensor => {
    const above = sub(x, 1);
    const y = log1p(add(above, mul(sqrt(above), sqrt(add(above, 2)))));
    return where(gt(x, 1e300), add(log(x), Math.LN2), y);
  };
  return composed('acosh', x, forward, (x) => rsqrt(sub(square(x), 1)));
}

/**
 * The inverse of `tanh`, log((1 + x) / (1 - x)) / 2, elementwise, accurate near 0; ±∞ at ±1, NaN beyond.
 *
 * @example
 * atanh(tensor([0])); // [0]
 */
export function atanh(x: Tensor): Tensor {
  const forward = (x: Tensor): Tensor => {
    const size = abs(x);
    const y = mul(log1p(div(mul(size, 2), sub(1, size))), 0.5);
    return where(lt(x, 0), neg(y), y);
  };
  return composed('atanh', x, forward, (x) => reciprocal(sub(1, square(x))));
}

/** @internal Where the sign bit of float64 numbers is set: below 0, and -0. */
export const isNegative = (x: Tensor): Tensor => logicalOr(lt(x, 0), lt(where(eq(x, 0), reciprocal(x), 0), 0));

/**
 * @internal A function of two float tensors, broadcast, computed in float64. `slopes`: both derivatives, composed of
 * operations; null where there is none.
 */
export function composedPair(
  name: string,
  a: Operand,
  b: Operand,
  forward: (a: Tensor, b: Tensor) => Tensor,
  slopes: (a: Tensor, b: Tensor, y: Tensor) => readonly [() => Tensor, () => Tensor],
): Tensor {
  const [x, z] = operands(name, a, b);
  checkFloat(name, a instanceof Tensor ? 'a' : 'b', x);
  const y = noGrad(() => to(forward(to(x, 'float64'), to(z, 'float64')), x.dtype));
  const backward = (dy: Tensor, needs: readonly boolean[]) => {
    const [first, second] = slopes(x, z, y);
    return [needs[0] ? sumTo(mul(dy, first()), x.dims) : null, needs[1] ? sumTo(mul(dy, second()), z.dims) : null];
  };
  return record(name, y, [x, z], backward, [x, z, y]);
}

/**
 * The angle of the point (x = b, y = a), in [-π, π], elementwise, broadcast. A tensor and a tensor or a number.
 *
 * @param a the points' second coordinate
 * @param b the points' first coordinate
 * @example
 * atan2(tensor([0]), tensor([1])); // [0]
 */
export function atan2(a: Operand, b: Operand): Tensor {
  const forward = (y: Tensor, x: Tensor): Tensor => {
    const [height, width] = [abs(y), abs(x)];
    const [least, most] = [minimum(height, width), maximum(height, width)];
    const apart = where(eq(most, Infinity), 0, div(least, most));
    const ratio = where(eq(height, width), to(ne(most, 0), 'float64'), apart);
    const first = arcTangent(ratio);
    const steep = where(gt(height, width), sub(Math.PI / 2, first), first);
    const turned = where(isNegative(x), sub(Math.PI, steep), steep);
    return where(isNegative(y), neg(turned), turned);
  };
  return composedPair('atan2', a, b, forward, (y, x) => {
    const size = add(square(x), square(y));
    return [() => div(x, size), () => neg(div(y, size))];
  });
}

/**
 * √(a² + b²), elementwise, broadcast, without overflow. A tensor and a tensor or a number.
 *
 * @example
 * hypot(tensor([3]), tensor([4])); // [5]
 */
export function hypot(a: Operand, b: Operand): Tensor {
  const forward = (a: Tensor, b: Tensor): Tensor => {
    const most = maximum(abs(a), abs(b));
    const unit = where(logicalAnd(isfinite(most), ne(most, 0)), most, 1);
    const y = mul(sqrt(add(square(div(a, unit)), square(div(b, unit)))), unit);
    return where(logicalOr(eq(abs(a), Infinity), eq(abs(b), Infinity)), Infinity, y);
  };
  return composedPair('hypot', a, b, forward, (a, b, y) => [() => div(a, y), () => div(b, y)]);
}

/**
 * sin(πx) / (πx), elementwise; 1 at 0.
 *
 * @example
 * sinc(tensor([0, 1])); // [1, 0]
 */
export function sinc(x: Tensor): Tensor {
  checkTensor('sinc', 'x', x);
  checkFloat('sinc', 'x', x);
  const isZero = eq(x, 0);
  const angle = mul(where(isZero, 1, x), Math.PI);
  return where(isZero, 1, div(sin(angle), angle));
}

/**
 * Degrees as radians: x · π / 180, elementwise.
 *
 * @example
 * deg2rad(tensor([180])); // [3.14159]
 */
export function deg2rad(x: Tensor): Tensor {
  checkTensor('deg2rad', 'x', x);
  checkFloat('deg2rad', 'x', x);
  return mul(x, Math.PI / 180);
}

/**
 * Radians as degrees: x · 180 / π, elementwise.
 *
 * @example
 * rad2deg(tensor([Math.PI])); // [180]
 */
export function rad2deg(x: Tensor): Tensor {
  checkTensor('rad2deg', 'x', x);
  checkFloat('rad2deg', 'x', x);
  return mul(x, 180 / Math.PI);
}
