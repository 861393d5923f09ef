// Trigonometric, special and rounding functions and those of several tensors, in place.
import type { Positional } from '../arguments.js';
import type { Tensor } from '../tensor.js';
import type { Operand } from './broadcast.js';
import * as pairs from './elementwise-pairs.js';
import * as rounding from './elementwise-rounding.js';
import * as special from './elementwise-special.js';
import * as trigonometry from './elementwise-trigonometry.js';
import { inPlace } from './in-place.js';

/** x ← arccos(x), in place. */
export function acos_(x: Tensor): Tensor {
  return inPlace('acos_', x, trigonometry.acos);
}

/** x ← arcosh(x), in place. */
export function acosh_(x: Tensor): Tensor {
  return inPlace('acosh_', x, trigonometry.acosh);
}

/** x ← x + value · tensor1 / tensor2, in place; value is 1 by default. */
export function addcdiv_(x: Tensor, tensor1: Tensor, tensor2: Tensor, options?: { value?: number }): Tensor {
  return inPlace('addcdiv_', x, pairs.addcdiv, tensor1, tensor2, options);
}

/** x ← x + value · tensor1 · tensor2, in place; value is 1 by default. */
export function addcmul_(x: Tensor, tensor1: Tensor, tensor2: Tensor, options?: { value?: number }): Tensor {
  return inPlace('addcmul_', x, pairs.addcmul, tensor1, tensor2, options);
}

/** x ← arcsin(x), in place. */
export function asin_(x: Tensor): Tensor {
  return inPlace('asin_', x, trigonometry.asin);
}

/** x ← arsinh(x), in place. */
export function asinh_(x: Tensor): Tensor {
  return inPlace('asinh_', x, trigonometry.asinh);
}

/** x ← arctan(x), in place. */
export function atan_(x: Tensor): Tensor {
  return inPlace('atan_', x, trigonometry.atan);
}

/** x ← the angle of the point (other, x), in place. */
export function atan2_(x: Tensor, other: Operand): Tensor {
  return inPlace('atan2_', x, trigonometry.atan2, other);
}

/** x ← artanh(x), in place. */
export function atanh_(x: Tensor): Tensor {
  return inPlace('atanh_', x, trigonometry.atanh);
}

/** x ← |x| with other's sign, in place. */
export function copysign_(x: Tensor, other: Operand): Tensor {
  return inPlace('copysign_', x, rounding.copysign, other);
}

/** x ← cosh(x), in place. */
export function cosh_(x: Tensor): Tensor {
  return inPlace('cosh_', x, trigonometry.cosh);
}

/** x ← x · π / 180, in place. */
export function deg2rad_(x: Tensor): Tensor {
  return inPlace('deg2rad_', x, trigonometry.deg2rad);
}

/** x ← ψ(x), in place. */
export function digamma_(x: Tensor): Tensor {
  return inPlace('digamma_', x, special.digamma);
}

/** x ← 1 - erf(x), in place. */
export function erfc_(x: Tensor): Tensor {
  return inPlace('erfc_', x, special.erfc);
}

/** x ← the inverse of erf at x, in place. */
export function erfinv_(x: Tensor): Tensor {
  return inPlace('erfinv_', x, special.erfinv);
}

/** x ← 2ˣ, in place. */
export function exp2_(x: Tensor): Tensor {
  return inPlace('exp2_', x, special.exp2);
}

/** x ← ⌊x / other⌋, in place. */
export function floorDivide_(x: Tensor, other: Operand): Tensor {
  return inPlace('floorDivide_', x, rounding.floorDivide, other);
}

/** x ← the remainder of x / other, with the sign of x, in place. */
export function fmod_(x: Tensor, other: Operand): Tensor {
  return inPlace('fmod_', x, rounding.fmod, other);
}

/** x ← x's fractional part, in place. */
export function frac_(x: Tensor): Tensor {
  return inPlace('frac_', x, rounding.frac);
}

/** x ← 0 below 0, 1 above and `values` at 0, in place. */
export function heaviside_(x: Tensor, values: Operand): Tensor {
  return inPlace('heaviside_', x, rounding.heaviside, values);
}

/** x ← √(x² + other²), in place. */
export function hypot_(x: Tensor, other: Operand): Tensor {
  return inPlace('hypot_', x, trigonometry.hypot, other);
}

/** x ← x + weight · (end - x), in place. */
export function lerp_(x: Tensor, end: Tensor, weight: Operand): Tensor {
  return inPlace('lerp_', x, pairs.lerp, end, weight);
}

/** x ← log |Γ(x)|, in place. */
export function lgamma_(x: Tensor): Tensor {
  return inPlace('lgamma_', x, special.lgamma);
}

/** x ← the logarithm of x to base 10, in place. */
export function log10_(x: Tensor): Tensor {
  return inPlace('log10_', x, special.log10);
}

/** x ← the logarithm of x to base 2, in place. */
export function log2_(x: Tensor): Tensor {
  return inPlace('log2_', x, special.log2);
}

/** x ← log(x / (1 - x)), in place. */
export function logit_(x: Tensor, ...args: [options?: { eps?: number }] | [eps: number]): Tensor {
  return inPlace('logit_', x, special.logit, ...args);
}

/** x ← x with numbers in place of NaN and infinities, in place. */
export function nanToNum_(x: Tensor, ...args: Positional<pairs.NanToNumOptions, ['nan', 'posinf', 'neginf']>): Tensor {
  return inPlace('nanToNum_', x, pairs.nanToNum, ...args);
}

/** x ← x · 180 / π, in place. */
export function rad2deg_(x: Tensor): Tensor {
  return inPlace('rad2deg_', x, trigonometry.rad2deg);
}

/** x ← the remainder of x / other, with the sign of other, in place. */
export function remainder_(x: Tensor, other: Operand): Tensor {
  return inPlace('remainder_', x, rounding.remainder, other);
}

/** x ← sin(πx) / (πx), in place. */
export function sinc_(x: Tensor): Tensor {
  return inPlace('sinc_', x, trigonometry.sinc);
}

/** x ← sinh(x), in place. */
export function sinh_(x: Tensor): Tensor {
  return inPlace('sinh_', x, trigonometry.sinh);
}

/** x ← tan(x), in place. */
export function tan_(x: Tensor): Tensor {
  return inPlace('tan_', x, trigonometry.tan);
}

/** x ← x rounded towards 0, in place. */
export function trunc_(x: Tensor): Tensor {
  return inPlace('trunc_', x, rounding.trunc);
}

/** x ← x · log(other), 0 where x is 0, in place. */
export function xlogy_(x: Tensor, other: Operand): Tensor {
  return inPlace('xlogy_', x, special.xlogy, other);
}
