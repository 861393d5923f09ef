// Numbers as small integers: linear quantisation, and products of such.
import { to } from '../../ops/copy.js';
import { tensor } from '../../ops/creation.js';
import { add, div, maximum, minimum, mul, sub } from '../../ops/elementwise.js';
import { clamp } from '../../ops/elementwise-compare.js';
import { round } from '../../ops/elementwise-rounding.js';
import { repeatInterleave } from '../../ops/indexing-select.js';
import { matmul } from '../../ops/matmul.js';
import { amax, amin } from '../../ops/reduce-composed.js';
import { reshape } from '../../ops/shape.js';
import { slice } from '../../ops/shape-slice.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operators } from './call.js';
import { convOf } from './operators-images.js';
import { axisOf } from './operators-shape.js';

/** A scale or zero point beside x: one for all, one for each place of an axis, or one for each block of it. */
function beside(call: Call, t: Tensor, x: Tensor): Tensor {
  if (t.size === 1) return reshape(t, []);
  const axis = axisOf(call, call.int('axis', 1), x.rank);
  const block = call.int('block_size');
  if (block > 0) {
    return slice(repeatInterleave(t, block, axis), { dim: axis, start: 0, end: x.dims[axis] as number });
  }
  return t.rank === 1
    ? reshape(
        t,
        x.dims.map((n, i) => (i === axis ? n : 1)),
      )
    : t;
}

const float = (t: Tensor): Tensor => (t.dtype.startsWith('float') ? t : to(t, 'float32'));

/** The range of the integers: int8 is int32 here, so that only uint8 is known by its type. */
const rangeOf = (zero: Tensor | undefined): [number, number] =>
  zero === undefined || zero.dtype === 'uint8' ? [0, 255] : [-128, 127];

function quantized(x: Tensor, scale: Tensor, zero: Tensor | undefined): Tensor {
  const [least, most] = rangeOf(zero);
  const places = round(div(x, scale));
  const moved = zero === undefined ? places : add(places, float(zero));
  return to(clamp(moved, least, most), zero?.dtype ?? 'uint8');
}

function quantizeLinear(call: Call, x: Tensor, scale: Tensor, zero?: Tensor): Tensor {
  return quantized(float(x), beside(call, scale, x), zero && beside(call, zero, x));
}

function dequantizeLinear(call: Call, x: Tensor, scale: Tensor, zero?: Tensor): Tensor {
  const whole = to(x, scale.dtype);
  return mul(zero === undefined ? whole : sub(whole, to(beside(call, zero, x), scale.dtype)), beside(call, scale, x));
}

function dynamicQuantize(_: Call, x: Tensor): Tensor[] {
  const dim = x.dims.map((_, i) => i);
  const [least, most] = [minimum(amin(x, { dim }), tensor(0)), maximum(amax(x, { dim }), tensor(0))];
  const scale = div(sub(most, least), 255);
  const zero = to(clamp(round(div(sub(0, least), scale)), 0, 255), 'uint8');
  return [quantized(x, scale, zero), scale, zero];
}

const without = (x: Tensor, zero: Tensor | undefined): Tensor => {
  const whole = to(x, 'float64');
  return zero === undefined
    ? whole
    : sub(whole, to(zero.rank === 1 && zero.size > 1 ? reshape(zero, [-1, 1]) : zero, 'float64'));
};

function matMulInteger(_: Call, a: Tensor, b: Tensor, zeroA?: Tensor, zeroB?: Tensor): Tensor {
  const right = zeroB === undefined ? to(b, 'float64') : sub(to(b, 'float64'), to(zeroB, 'float64'));
  return to(matmul(without(a, zeroA), right), 'int32');
}

function convInteger(call: Call, x: Tensor, w: Tensor, zeroX?: Tensor, zeroW?: Tensor): Tensor {
  const weight =
    zeroW === undefined || zeroW.size === 1
      ? zeroW && reshape(zeroW, [])
      : reshape(zeroW, [-1, ...w.dims.slice(1).map(() => 1)]);
  const values = weight === undefined ? to(w, 'float64') : sub(to(w, 'float64'), to(weight, 'float64'));
  return to(convOf(call, without(x, zeroX), values), 'int32');
}

function qLinearMatMul(_: Call, ...[a, sa, za, b, sb, zb, sy, zy]: Tensor[]): Tensor {
  const product = matmul(without(a as Tensor, za), sub(to(b as Tensor, 'float64'), to(zb as Tensor, 'float64')));
  const scale = div(mul(to(sa as Tensor, 'float64'), to(sb as Tensor, 'float64')), to(sy as Tensor, 'float64'));
  return toQuantized(mul(product, scale), zy as Tensor);
}

function toQuantized(real: Tensor, zero: Tensor): Tensor {
  const [least, most] = rangeOf(zero);
  return to(
    clamp(add(round(real), to(reshape(zero, zero.size === 1 ? [] : zero.dims), 'float64')), least, most),
    zero.dtype,
  );
}

function qLinearConv(call: Call, ...[x, sx, zx, w, sw, zw, sy, zy, bias]: Tensor[]): Tensor {
  const shape = [1, -1, ...(x as Tensor).dims.slice(2).map(() => 1)];
  const each = (t: Tensor) => (t.size === 1 ? reshape(t, []) : reshape(t, shape));
  const zero = zw as Tensor;
  const weight = sub(
    to(w as Tensor, 'float64'),
    to(zero.size === 1 ? reshape(zero, []) : reshape(zero, [-1, ...shape.slice(1).map(() => 1)]), 'float64'),
  );
  const total = convOf(call, without(x as Tensor, zx && reshape(zx, [])), weight, bias && to(bias, 'float64'));
  const scale = div(mul(to(sx as Tensor, 'float64'), to(each(sw as Tensor), 'float64')), to(sy as Tensor, 'float64'));
  return toQuantized(mul(total, scale), zy as Tensor);
}

export const quantizing: Operators = {
  ConvInteger: convInteger,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantize,
  MatMulInteger: matMulInteger,
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
  QuantizeLinear: quantizeLinear,
};
