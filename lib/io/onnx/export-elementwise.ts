// Functions of each element.
import { float, int, text, type Value } from './export-graph.js';
import { broadcast, type Emitter, type Operation } from './export-operation.js';

const same =
  (op: string): Emitter =>
  (o) =>
    o.set('y', o.like(op, [o.in('x')]));

const written =
  (write: (o: Operation, x: Value) => Value): Emitter =>
  (o) =>
    o.set('y', write(o, o.in('x')));

// Operands of two kinds: numbers, or masks.
const pairs =
  (op: string, operands?: 'bool'): Emitter =>
  (o) => {
    const [a, b] = operands === 'bool' ? [o.bool('a', true), o.bool('b', true)] : [o.in('a', true), o.in('b', true)];
    o.set('y', o.builder.expand(o.binary(op, a, b), o.dims('y')));
  };

// Comparisons give masks of type bool.
const comparison =
  (op: string, not = false): Emitter =>
  (o) => {
    const widened = (x: Value): Value => (x.type === 'uint8' ? o.builder.cast(x, 'int32') : x);
    const [a, b] = [widened(o.in('a', true)), widened(o.in('b', true))];
    const mask = o.node(op, [a, b], { type: 'bool', dims: broadcast(a.dims, b.dims) });
    const fitted = o.builder.expand(mask, o.dims('y'));
    o.set('y', not ? o.like('Not', [fitted]) : fitted);
  };

const test =
  (op: string): Emitter =>
  (o) => {
    const x = o.in('x');
    o.set('y', o.node(op, [x], { type: 'bool', dims: x.dims }));
  };

/** ½x(1 + erf(x / √2)), or its approximation by tanh: one node from opset 20 on. */
function gelu(o: Operation, x: Value, isTanh: boolean): Value {
  // ONNX defines the approximation with constants of float32.
  if (o.graph.opset >= 20 && !(isTanh && x.type === 'float64'))
    return o.like('Gelu', [x], isTanh ? { approximate: text('tanh') } : {});
  const inner = isTanh
    ? o.like('Tanh', [
        o.binary(
          'Mul',
          o.binary('Add', x, o.binary('Mul', o.binary('Mul', o.binary('Mul', x, x), x), o.scalar(x, 0.044715))),
          o.scalar(x, Math.sqrt(2 / Math.PI)),
        ),
      ])
    : o.like('Erf', [o.binary('Div', x, o.scalar(x, Math.SQRT2))]);
  return o.binary('Mul', o.binary('Mul', x, o.scalar(x, 0.5)), o.binary('Add', inner, o.scalar(x, 1)));
}

/** scale · x where x is more than 0, scale · alpha · (exp(x) − 1) elsewhere. */
function elu(o: Operation, x: Value, alpha: number, scale: number): Value {
  if (o.fitsAttribute(x, alpha) && o.fitsAttribute(x, scale)) {
    if (scale === 1) return o.like('Elu', [x], { alpha: float(alpha) });
    return o.like('Selu', [x], { alpha: float(alpha), gamma: float(scale) });
  }
  const below = o.binary('Sub', o.like('Exp', [x]), o.scalar(x, 1));
  const scaled = scale === 1 ? x : o.binary('Mul', x, o.scalar(x, scale));
  return o.whereAbove(x, 0, scaled, o.binary('Mul', below, o.scalar(x, scale * alpha)));
}

function softplus(o: Operation, x: Value, beta: number, threshold: number): Value {
  const scaled = beta === 1 ? x : o.binary('Mul', x, o.scalar(x, beta));
  const y = o.like('Softplus', [scaled]);
  const result = beta === 1 ? y : o.binary('Div', y, o.scalar(x, beta));
  if (threshold >= (x.type === 'float64' ? 37 : 15)) return result; // equal
  return o.whereAbove(scaled, threshold, x, result);
}

/** @internal The function that a linear kernel applies to its sums, by its code. */
export function activated(o: Operation, x: Value, name: string): Value {
  if (name === 'none') return x;
  return o.like({ relu: 'Relu', tanh: 'Tanh', sigmoid: 'Sigmoid' }[name] as string, [x]);
}

export const elementwise: Record<string, Emitter> = {
  tanh: same('Tanh'),
  sigmoid: same('Sigmoid'),
  relu: same('Relu'),
  exp: same('Exp'),
  log: same('Log'),
  sqrt: same('Sqrt'),
  erf: same('Erf'),
  floor: same('Floor'),
  ceil: same('Ceil'),
  round: same('Round'),
  reciprocal: same('Reciprocal'),
  abs: same('Abs'),
  sign: same('Sign'),
  negate: same('Neg'),
  sin: same('Sin'),
  cos: same('Cos'),
  isnan: test('IsNaN'),
  isfinite: (o) => {
    const x = o.in('x');
    const mask = { type: 'bool' as const, dims: x.dims };
    o.set('y', o.node('Less', [o.like('Abs', [x]), o.scalar(x, Number.POSITIVE_INFINITY)], mask)); // NaN is not less
  },
  log1p: written((o, x) => o.like('Log', [o.binary('Add', x, o.scalar(x, 1))])),
  expm1: written((o, x) => o.binary('Sub', o.like('Exp', [x]), o.scalar(x, 1))),
  rsqrt: written((o, x) => o.like('Reciprocal', [o.like('Sqrt', [x])])),
  square: written((o, x) => o.binary('Mul', x, x)),
  leakyRelu: written((o, x) => {
    const slope = o.number('negativeSlope');
    if (o.fitsAttribute(x, slope)) return o.like('LeakyRelu', [x], { alpha: float(slope) });
    return o.whereAbove(x, 0, x, o.binary('Mul', x, o.scalar(x, slope)));
  }),
  elu: written((o, x) => elu(o, x, o.number('alpha'), o.number('scale'))),
  gelu: written((o, x) => gelu(o, x, false)),
  geluTanh: written((o, x) => gelu(o, x, true)),
  silu: written((o, x) => o.binary('Mul', x, o.like('Sigmoid', [x]))),
  softplus: written((o, x) => softplus(o, x, o.number('beta'), o.number('threshold'))),
  mish: written((o, x) =>
    o.graph.opset >= 18 ? o.like('Mish', [x]) : o.binary('Mul', x, o.like('Tanh', [o.like('Softplus', [x])])),
  ),
  clamp: written((o, x) => {
    const [least, most] = [o.number('least'), o.number('most')];
    if (least === 0 && most === Number.POSITIVE_INFINITY) return o.like('Relu', [x]);
    const low = least === Number.NEGATIVE_INFINITY ? null : o.scalar(x, least);
    return o.like('Clip', [x, low, most === Number.POSITIVE_INFINITY ? null : o.scalar(x, most)]);
  }),
  add: pairs('Add'),
  subtract: pairs('Sub'),
  multiply: pairs('Mul'),
  divide: pairs('Div'),
  pow: pairs('Pow'),
  maximum: pairs('Max'),
  minimum: pairs('Min'),
  equal: comparison('Equal'),
  notEqual: comparison('Equal', true),
  less: comparison('Less'),
  lessEqual: comparison('LessOrEqual'),
  logicalAnd: pairs('And', 'bool'),
  logicalOr: pairs('Or', 'bool'),
  logicalXor: pairs('Xor', 'bool'),
  logicalNot: (o) => o.set('y', o.like('Not', [o.bool('x')])),
  where: (o) => {
    const [condition, a, b] = [o.bool('condition', true), o.in('a', true), o.in('b', true)];
    const dims = o.dims('y');
    const chosen = o.node('Where', [condition, a, b], {
      type: a.type,
      dims: broadcast(condition.dims, broadcast(a.dims, b.dims)),
    });
    o.set('y', o.builder.expand(chosen, dims));
  },
  maskedFill: (o) => {
    const [x, mask] = [o.in('x'), o.bool('mask', true)];
    o.set('y', o.node('Where', [mask, o.scalar(x, o.number('value')), x], { type: x.type, dims: x.dims }));
  },
  addScaled: (o) => {
    const [y, x, scale] = [o.in('y'), o.in('x'), o.number('scale')];
    o.set('y', o.binary('Add', y, scale === 1 ? x : o.binary('Mul', x, o.scalar(x, scale))));
  },
  cast: (o) => {
    const x = o.raw('x');
    const to = o.dtype('y');
    // A mask as a number is 0 or 1 already; other numbers are not cut to those.
    o.set(
      'y',
      x.type === 'bool' && to === 'uint8' ? x : x.type === 'int64' && to === 'int32' ? x : o.builder.cast(x, to),
    );
  },
  cumsum: (o) => {
    const x = o.in('x');
    const axis = (value: Value, at: number): Value =>
      o.like('CumSum', [value, o.graph.int64(at)], o.number('reverse') ? { reverse: int(1) } : {});
    o.set('y', o.along(x, axis));
  },
};
