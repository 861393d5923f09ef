// Functions of one tensor that write their result into it: the methods with an underscore, as in PyTorch. None of them is
// recorded for gradients, and all read their operands before they write.
import type { DimArguments } from '../arguments.js';
import { withGradEnabled } from '../context.js';
import { formatShape, ShapeError } from '../errors.js';
import { sameShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import {
  type EluArguments,
  elu,
  type HardtanhArguments,
  hardtanh,
  type LeakyReluArguments,
  leakyRelu,
  relu,
  selu,
  sigmoid,
  tanh,
} from './activation.js';
import type { Operand } from './broadcast.js';
import { checkInPlace, copy_ } from './copy.js';
import * as elementwise from './elementwise.js';
import type { ClampArguments } from './elementwise-compare.js';
import * as compare from './elementwise-compare.js';
import * as indexing from './indexing.js';
import { cumsum } from './reduce.js';
import { type TriangleArguments, tril, triu } from './shape.js';

/** @internal Replaces x by the result of `run`, which must have its shape; x keeps its dtype. */
export function inPlace<A extends readonly unknown[]>(
  operation: string,
  x: Tensor,
  run: (x: Tensor, ...args: A) => Tensor,
  ...args: A
): Tensor {
  checkInPlace(operation, x);
  for (const other of args) if (other instanceof Tensor) checkInPlace(operation, x, other);
  const y = withGradEnabled(false, () => run(x, ...args));
  if (!sameShape(y.dims, x.dims)) {
    throw new ShapeError(
      `${operation}: the result must have x's shape, got x ${formatShape(x.dims)} and a result ${formatShape(y.dims)}; use the operation without _`,
    );
  }
  return withGradEnabled(false, () => copy_(x, y));
}

/** x ← |x|, in place. */
export function abs_(x: Tensor): Tensor {
  return inPlace('abs_', x, elementwise.abs);
}

/** x ← ⌈x⌉, in place. */
export function ceil_(x: Tensor): Tensor {
  return inPlace('ceil_', x, elementwise.ceil);
}

/** x ← min(max(x, min), max), in place. */
export function clamp_(x: Tensor, ...args: ClampArguments): Tensor {
  return inPlace('clamp_', x, compare.clamp, ...args);
}

/** x ← cos(x), in place. */
export function cos_(x: Tensor): Tensor {
  return inPlace('cos_', x, elementwise.cos);
}

/** x ← the sums of x's elements so far along a dimension, in place. */
export function cumsum_(x: Tensor, ...args: DimArguments): Tensor {
  return inPlace('cumsum_', x, cumsum, ...args);
}

/** x ← x / other, in place; `other` is broadcast to x's shape. Floats only. */
export function div_(x: Tensor, other: Operand): Tensor {
  return inPlace('div_', x, elementwise.div, other);
}

/** x ← x where x > 0, else alpha · (eˣ - 1), in place. */
export function elu_(x: Tensor, ...args: EluArguments): Tensor {
  return inPlace('elu_', x, elu, ...args);
}

/** x ← erf(x), in place. */
export function erf_(x: Tensor): Tensor {
  return inPlace('erf_', x, elementwise.erf);
}

/** x ← eˣ, in place. */
export function exp_(x: Tensor): Tensor {
  return inPlace('exp_', x, elementwise.exp);
}

/** x ← eˣ - 1, in place. */
export function expm1_(x: Tensor): Tensor {
  return inPlace('expm1_', x, elementwise.expm1);
}

/** x ← ⌊x⌋, in place. */
export function floor_(x: Tensor): Tensor {
  return inPlace('floor_', x, elementwise.floor);
}

/** x ← min(max(x, minVal), maxVal), in place. */
export function hardtanh_(x: Tensor, ...args: HardtanhArguments): Tensor {
  return inPlace('hardtanh_', x, hardtanh, ...args);
}

/** x ← x where x > 0, else negativeSlope · x, in place. */
export function leakyRelu_(x: Tensor, ...args: LeakyReluArguments): Tensor {
  return inPlace('leakyRelu_', x, leakyRelu, ...args);
}

/** x ← log(x), in place. */
export function log_(x: Tensor): Tensor {
  return inPlace('log_', x, elementwise.log);
}

/** x ← log(1 + x), in place. */
export function log1p_(x: Tensor): Tensor {
  return inPlace('log1p_', x, elementwise.log1p);
}

/** x ← value where the mask is not 0, in place; the mask is broadcast to x's shape. */
export function maskedFill_(x: Tensor, mask: Tensor, value: number): Tensor {
  return inPlace('maskedFill_', x, indexing.maskedFill, mask, value);
}

/** x ← x · other, in place; `other` is broadcast to x's shape. */
export function mul_(x: Tensor, other: Operand): Tensor {
  return inPlace('mul_', x, elementwise.mul, other);
}

/** x ← -x, in place. */
export function neg_(x: Tensor): Tensor {
  return inPlace('neg_', x, elementwise.neg);
}

/** x ← x to the power of `exponent`, in place; the exponent is broadcast to x's shape. */
export function pow_(x: Tensor, exponent: Operand): Tensor {
  return inPlace('pow_', x, elementwise.pow, exponent);
}

/** x ← 1 / x, in place. */
export function reciprocal_(x: Tensor): Tensor {
  return inPlace('reciprocal_', x, elementwise.reciprocal);
}

/** x ← max(x, 0), in place. */
export function relu_(x: Tensor): Tensor {
  return inPlace('relu_', x, relu);
}

/** x ← the nearest integer, in place; halves go to the even one. */
export function round_(x: Tensor): Tensor {
  return inPlace('round_', x, elementwise.round);
}

/** x ← 1 / √x, in place. */
export function rsqrt_(x: Tensor): Tensor {
  return inPlace('rsqrt_', x, elementwise.rsqrt);
}

/** x ← x with `src` added where `index` says, in place: `scatterAdd`. */
export function scatterAdd_(x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  return inPlace('scatterAdd_', x, indexing.scatterAdd, dim, index, src);
}

/** x ← SELU(x), in place. */
export function selu_(x: Tensor): Tensor {
  return inPlace('selu_', x, selu);
}

/** x ← 1 / (1 + e⁻ˣ), in place. */
export function sigmoid_(x: Tensor): Tensor {
  return inPlace('sigmoid_', x, sigmoid);
}

/** x ← -1, 0 or 1 as x is negative, zero or positive, in place. */
export function sign_(x: Tensor): Tensor {
  return inPlace('sign_', x, elementwise.sign);
}

/** x ← sin(x), in place. */
export function sin_(x: Tensor): Tensor {
  return inPlace('sin_', x, elementwise.sin);
}

/** x ← √x, in place. */
export function sqrt_(x: Tensor): Tensor {
  return inPlace('sqrt_', x, elementwise.sqrt);
}

/** x ← x², in place. */
export function square_(x: Tensor): Tensor {
  return inPlace('square_', x, elementwise.square);
}

/** x ← tanh(x), in place. */
export function tanh_(x: Tensor): Tensor {
  return inPlace('tanh_', x, tanh);
}

/** x ← its lower triangles, zeros elsewhere, in place. */
export function tril_(x: Tensor, ...args: TriangleArguments): Tensor {
  return inPlace('tril_', x, tril, ...args);
}

/** x ← its upper triangles, zeros elsewhere, in place. */
export function triu_(x: Tensor, ...args: TriangleArguments): Tensor {
  return inPlace('triu_', x, triu, ...args);
}
