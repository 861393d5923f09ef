// Functions of each element or pair of elements, comparisons, logic and bits.
import { type DType, isFloat } from '../../dtype.js';
import { elu, gelu, leakyRelu, mish, relu, selu, sigmoid, softplus, tanh } from '../../ops/activation.js';
import { hardswish, softsign } from '../../ops/activation-composed.js';
import { to } from '../../ops/copy.js';
import { full, tensor } from '../../ops/creation.js';
import * as e from '../../ops/elementwise.js';
import {
  clamp,
  eq,
  ge,
  gt,
  isnan,
  le,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  lt,
  ne,
  where,
} from '../../ops/elementwise-compare.js';
import { bitwiseAnd, bitwiseNot, bitwiseOr, bitwiseXor } from '../../ops/elementwise-pairs.js';
import { div, fmod, isneginf, isposinf, remainder, round } from '../../ops/elementwise-rounding.js';
import * as trigonometry from '../../ops/elementwise-trigonometry.js';
import { bitwiseLeftShift, bitwiseRightShift } from '../../ops/elementwise-values.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operator, Operators } from './call.js';

const unary =
  (f: (x: Tensor) => Tensor): Operator =>
  (_, x: Tensor) =>
    f(x);
const binary =
  (f: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (_, a: Tensor, b: Tensor) =>
    f(a, b);
const folded =
  (f: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (_, ...xs: Tensor[]) =>
    xs.reduce((a, b) => f(a, b));

/** Quotients of integers are cut towards 0. */
function divide(a: Tensor, b: Tensor): Tensor {
  return isFloat(a.dtype) ? e.div(a, b) : div(a, b, { roundingMode: 'trunc' });
}

/** The base's type is the result's. */
function power(a: Tensor, b: Tensor): Tensor {
  if (isFloat(a.dtype)) return e.pow(a, to(b, a.dtype));
  return to(e.pow(to(a, 'float64'), to(b, 'float64')), a.dtype);
}

function modulo(call: Call, a: Tensor, b: Tensor): Tensor {
  return call.int('fmod') === 1 ? fmod(a, b) : remainder(a, b);
}

function clip(call: Call, x: Tensor, low?: Tensor, high?: Tensor): Tensor {
  const bound = (t: Tensor | undefined, name: string) =>
    t !== undefined ? call.numbers(t)[0] : call.has(name) ? call.float(name) : undefined;
  const [min, max] = [bound(low, 'min'), bound(high, 'max')];
  if (min === undefined && max === undefined) return x;
  const bounded = min === undefined || isFloat(x.dtype) ? x : e.maximum(x, full([], min, { dtype: x.dtype }));
  if (!isFloat(x.dtype)) return max === undefined ? bounded : e.minimum(bounded, full([], max, { dtype: x.dtype }));
  return clamp(x, { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) });
}

function prelu(_: Call, x: Tensor, slope: Tensor): Tensor {
  return where(lt(x, 0), e.mul(x, slope), x);
}

function shrink(call: Call, x: Tensor): Tensor {
  const [bias, lambd] = [call.float('bias'), call.float('lambd', 0.5)];
  const below = where(lt(x, -lambd), e.add(x, bias), e.mul(x, 0));
  return where(gt(x, lambd), e.sub(x, bias), below);
}

function celu(call: Call, x: Tensor): Tensor {
  const alpha = call.float('alpha', 1);
  return e.add(relu(x), e.minimum(e.mul(e.expm1(e.mul(x, 1 / alpha)), alpha), tensor(0, { dtype: x.dtype })));
}

function hardSigmoid(call: Call, x: Tensor): Tensor {
  return clamp(e.add(e.mul(x, call.float('alpha', 0.2)), call.float('beta', 0.5)), 0, 1);
}

function isInf(call: Call, x: Tensor): Tensor {
  const [up, down] = [call.int('detect_positive', 1), call.int('detect_negative', 1)];
  const no = logicalAnd(isposinf(x), isneginf(x));
  return logicalOr(up ? isposinf(x) : no, down ? isneginf(x) : no);
}

const types: Readonly<Record<number, DType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int32',
  4: 'int32',
  5: 'int32',
  6: 'int32',
  7: 'int32',
  10: 'float32',
  11: 'float64',
  12: 'int32',
  13: 'int32',
  16: 'float32',
};

/** The element type that a number of ONNX's names. */
export function typeOf(call: Call, type: number): DType {
  if (type === 9) return 'uint8';
  return types[type] ?? call.fail(`must convert to a type that there is here, got type ${type}`);
}

function cast(call: Call, x: Tensor): Tensor {
  const type = call.int('to', 1);
  if (type === 9) return ne(x, 0);
  return to(x, typeOf(call, type));
}

function shift(call: Call, a: Tensor, b: Tensor): Tensor {
  return call.text('direction') === 'LEFT' ? bitwiseLeftShift(a, b) : bitwiseRightShift(a, b);
}

function geluOf(call: Call, x: Tensor): Tensor {
  return call.text('approximate') === 'tanh' ? gelu(x, { approximate: 'tanh' }) : gelu(x);
}

function swish(call: Call, x: Tensor): Tensor {
  return e.mul(x, sigmoid(e.mul(x, call.float('alpha', 1))));
}

function eluOf(call: Call, x: Tensor): Tensor {
  return elu(x, { alpha: call.float('alpha', 1) });
}

function seluOf(call: Call, x: Tensor): Tensor {
  if (!call.has('alpha') && !call.has('gamma')) return selu(x);
  const alpha = call.float('alpha', 1.6732632423543772);
  return e.mul(elu(x, { alpha }), call.float('gamma', 1.0507009873554805));
}

export const elementwise: Operators = {
  Abs: unary(e.abs),
  Acos: unary(trigonometry.acos),
  Acosh: unary(trigonometry.acosh),
  Add: binary(e.add),
  And: binary(logicalAnd),
  Asin: unary(trigonometry.asin),
  Asinh: unary(trigonometry.asinh),
  Atan: unary(trigonometry.atan),
  Atanh: unary(trigonometry.atanh),
  BitShift: shift,
  BitwiseAnd: binary(bitwiseAnd),
  BitwiseNot: unary(bitwiseNot),
  BitwiseOr: binary(bitwiseOr),
  BitwiseXor: binary(bitwiseXor),
  Cast: cast,
  CastLike: (_, x: Tensor, like: Tensor) => to(x, like.dtype),
  Ceil: unary(e.ceil),
  Celu: celu,
  Clip: clip,
  Cos: unary(e.cos),
  Cosh: unary(trigonometry.cosh),
  Div: binary(divide),
  Elu: eluOf,
  Equal: binary(eq),
  Erf: unary(e.erf),
  Exp: unary(e.exp),
  Floor: unary(e.floor),
  Gelu: geluOf,
  Greater: binary(gt),
  GreaterOrEqual: binary(ge),
  HardSigmoid: hardSigmoid,
  HardSwish: unary(hardswish),
  Identity: (_, x) => [x],
  IsInf: isInf,
  IsNaN: unary(isnan),
  LeakyRelu: (call, x: Tensor) => leakyRelu(x, { negativeSlope: call.float('alpha', 0.01) }),
  Less: binary(lt),
  LessOrEqual: binary(le),
  Log: unary(e.log),
  Max: folded(e.maximum),
  Mean: (_, ...xs: Tensor[]) =>
    e.mul(
      xs.reduce((a, b) => e.add(a, b)),
      1 / xs.length,
    ),
  Min: folded(e.minimum),
  Mish: unary(mish),
  Mod: modulo,
  Mul: binary(e.mul),
  Neg: unary(e.neg),
  Not: unary(logicalNot),
  Or: binary(logicalOr),
  PRelu: prelu,
  Pow: binary(power),
  Reciprocal: unary(e.reciprocal),
  Relu: unary((x) => (isFloat(x.dtype) ? relu(x) : e.maximum(x, full([], 0, { dtype: x.dtype })))),
  Round: unary((x) => (isFloat(x.dtype) ? round(x) : x)),
  Selu: seluOf,
  Shrink: shrink,
  Sigmoid: unary(sigmoid),
  Sign: unary(e.sign),
  Sin: unary(e.sin),
  Sinh: unary(trigonometry.sinh),
  Softplus: unary(softplus),
  Softsign: unary(softsign),
  Sqrt: unary(e.sqrt),
  Sub: binary(e.sub),
  Sum: folded(e.add),
  Swish: swish,
  Tan: unary(trigonometry.tan),
  Tanh: unary(tanh),
  ThresholdedRelu: (call, x: Tensor) => where(gt(x, call.float('alpha', 1)), x, e.mul(x, 0)),
  Where: (_, condition: Tensor, a: Tensor, b: Tensor) => where(condition, a, b),
  Xor: binary(logicalXor),
};
