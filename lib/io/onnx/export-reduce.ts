// Sums, extremes and the like along dimensions, and softmax.
import { type Dim, dim, int } from './export-graph.js';
import type { Emitter, Operation } from './export-operation.js';

const reduction =
  (op: string): Emitter =>
  (o) => {
    const x = o.in('x');
    const whole = x.type === 'uint8' ? o.builder.cast(x, 'int32') : x;
    o.set('y', o.builder.cast(o.reduceN(op, whole), x.type));
  };

// Whether all or any are not 0: the least or the largest of masks.
const ofMasks =
  (op: string): Emitter =>
  (o) => {
    const x = o.raw('x');
    const mask = o.builder.cast(o.builder.cast(x, 'bool'), 'int32');
    o.set('y', o.builder.cast(o.reduceN(op, mask), 'bool'));
  };

const extreme =
  (op: string, reduce: string): Emitter =>
  (o) => {
    const x = o.in('x');
    const index = o.along(x, (value, axis) => {
      const dims = value.dims.filter((_, i) => i !== axis);
      return o.node(op, [value], { type: 'int64', dims }, { axis: int(axis), keepdims: int(0) });
    });
    o.set('index', index);
    o.set('values', o.reduceN(reduce, x));
  };

const softmax =
  (op: string): Emitter =>
  (o) =>
    o.set(
      'y',
      o.along(o.in('x'), (x, axis) => o.like(op, [x], { axis: int(axis === x.dims.length - 1 ? -1 : axis) })),
    );

function variance(o: Operation): void {
  const x = o.in('x');
  const [first, end] = o.axesOf(x) ?? o.builder.refuse('its dimensions are not found');
  const kept = x.dims.map((d, i) => (i >= first && i < end ? dim(1) : d));
  const mean = o.builder.reshape(o.reduceN('ReduceMean', x), kept);
  const away = o.binary('Sub', x, mean);
  const sum = o.reduceN('ReduceSum', o.binary('Mul', away, away));
  const [a, b] = o.pair('n');
  const correction = o.number('correction');
  const count: Dim = [Math.max(a - correction, 0), Math.max(b - correction, 0)];
  const divided = o.binary('Div', sum, o.builder.number(count, x.type as 'float32'));
  o.set('y', o.number('root') ? o.like('Sqrt', [divided]) : divided);
  o.set('means', mean);
}

export const reduce: Record<string, Emitter> = {
  sum: reduction('ReduceSum'),
  mean: reduction('ReduceMean'),
  prod: reduction('ReduceProd'),
  max: reduction('ReduceMax'),
  min: reduction('ReduceMin'),
  euclideanNorm: reduction('ReduceL2'),
  logsumexp: reduction('ReduceLogSumExp'),
  any: ofMasks('ReduceMax'),
  all: ofMasks('ReduceMin'),
  argMax: extreme('ArgMax', 'ReduceMax'),
  argMin: extreme('ArgMin', 'ReduceMin'),
  softmax: softmax('Softmax'),
  logSoftmax: softmax('LogSoftmax'),
  variance,
};
