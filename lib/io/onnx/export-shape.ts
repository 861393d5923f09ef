// What moves elements, chooses them or makes them.
import { type Dim, dim, float, int, type Value } from './export-graph.js';
import type { Emitter, Operation } from './export-operation.js';

/** x read along its last axis as rows, by TopK; the positions alone. */
function positions(o: Operation, count: Dim, isLargest: boolean): void {
  const x = o.in('x');
  const dims = [...x.dims.slice(0, -1), count];
  const operands = [x, o.builder.shape([count])];
  const results = [
    { type: x.type, dims },
    { type: 'int64' as const, dims },
  ];
  const attributes = { axis: int(-1), largest: int(isLargest ? 1 : 0), sorted: int(1) };
  o.set('index', o.graph.nodeOf('TopK', operands, attributes, results)[1] as Value);
}

/** Positions as ONNX takes them: int32 or int64. */
const index = (o: Operation, name: string): Value => o.raw(name);

/** The one dimension of x along which the kernel works. */
function axisOf(o: Operation, x: Value): number {
  const [axis, end] = o.axesOf(x) ?? [0, 0];
  return end - axis === 1 ? axis : o.builder.refuse('its dimension is not found');
}

export const shape: Record<string, Emitter> = {
  stridedCopy: (o) => {
    const [a, b] = o.numbers('pairs');
    const dims = o.dims('y');
    const sizes = [0, 1].map((t) => dims.map((d) => d[t as 0 | 1])) as [number[], number[]];
    const strides = o.strides(sizes, [a, b]);
    o.set('y', o.builder.strided(o.raw('x'), dims, strides, o.pair('offset')));
  },
  stridedAssign: (o) => o.builder.assign(o.ref('y'), o.ref('x'), o.pair('offset'), o.numbers('pairs')),
  flip: (o) => {
    const x = o.raw('x');
    const reverse = (value: Value, axis: number): Value =>
      o.like('Slice', [value, ...[-1, -(2 ** 31), axis, -1].map((n) => o.graph.int64s([n]))] as [Value, ...Value[]]);
    o.set('y', o.along(x, reverse));
  },
  triangle: (o) => {
    const x = o.in('x');
    const diagonal = o.number('diagonal') * (o.number('negative') ? -1 : 1);
    const upper = { upper: int(o.number('lower') ? 0 : 1) };
    const cast = x.type === 'uint8' ? o.builder.cast(x, 'int32') : x;
    o.set('y', o.builder.cast(o.like('Trilu', [cast, o.graph.int64(diagonal)], upper), x.type));
  },
  indexSelect: (o) => {
    const x = o.raw('x');
    const at = index(o, 'index');
    const gather = (value: Value, axis: number): Value => {
      const dims = [...value.dims.slice(0, axis), ...at.dims, ...value.dims.slice(axis + 1)];
      return o.node('Gather', [value, at], { type: value.type, dims }, { axis: int(axis) });
    };
    o.set('y', o.along(x, gather));
  },
  gather: (o) => {
    const at = index(o, 'index');
    const x = o.raw('x');
    const axis = axisOf(o, x);
    o.set('y', o.node('GatherElements', [x, at], { type: x.type, dims: at.dims }, { axis: int(axis) }));
  },
  // y without a dimension: the elements at the index of a reduction.
  pick: (o) => {
    const at = index(o, 'index');
    const gathered = o.along(o.raw('x'), (x, axis) => {
      const dims = x.dims.map((d, i) => (i === axis ? dim(1) : d));
      return o.node('GatherElements', [x, o.builder.reshape(at, dims)], { type: x.type, dims }, { axis: int(axis) });
    });
    o.set('y', gathered);
  },
  scatterAdd: (o) => {
    const [y, x, at] = [o.in('y'), o.in('x'), index(o, 'index')];
    const axis = axisOf(o, y);
    o.set('y', o.like('ScatterElements', [y, at, x], { axis: int(axis), reduction: { s: 'add' } }));
  },
  addedRows: (o) => {
    const x = o.in('x');
    const dims = o.dims('y');
    const zeros = o.builder.expand(
      o.graph.full(
        o.dtype('y'),
        dims.map(() => 1),
        0,
      ),
      dims,
    );
    const axis = axisOf(o, zeros);
    const order = x.dims.map((_, i) => (i === axis ? (x.dims[axis] as Dim) : dim(1)));
    const at = o.builder.expand(o.builder.reshape(index(o, 'index'), order), x.dims);
    o.set('y', o.like('ScatterElements', [zeros, at, x], { axis: int(axis), reduction: { s: 'add' } }));
  },
  oneHot: (o) => {
    const at = o.builder.cast(index(o, 'index'), 'int64');
    const classes = o.number('classes');
    const numbers = o.graph.int64s(Array.from({ length: classes }, (_, i) => i));
    const wide = o.builder.reshape(at, [...at.dims, dim(1)]);
    const mask = o.node('Equal', [wide, numbers], { type: 'bool', dims: [...at.dims, dim(classes)] });
    o.set('y', o.dtype('y') === 'uint8' ? mask : o.builder.cast(mask, o.dtype('y')));
  },
  argsort: (o) => positions(o, o.pair('n'), o.number('descending') === 1),
  topk: (o) => positions(o, o.pair('k'), o.number('largest') === 1),
  embedding: (o) => {
    const [table, at] = [o.in('table'), index(o, 'index')];
    const dims = [...at.dims, table.dims[1] as Dim];
    o.set('y', o.node('Gather', [table, at], { type: table.type, dims }));
  },
  embeddingBag: (o) => bags(o, o.number('mean') ? 'ReduceMean' : 'ReduceSum'),
  embeddingBagMax: (o) => bags(o, 'ReduceMax'),
  rotary,
  interpolate,
};

// Bags of one size each, without offsets.
function bags(o: Operation, op: string): void {
  if (o.has('offsets')) o.builder.refuse('offsets have no operator in ONNX; give indices of the form [bags, size]');
  const [table, at] = [o.in('table'), index(o, 'index')];
  if (o.number('skipped') >= 0) o.builder.refuse('paddingIdx has no operator in ONNX');
  const dims = [...at.dims, table.dims[1] as Dim];
  let rows = o.node('Gather', [table, at], { type: table.type, dims });
  if (op !== 'ReduceMax' && o.has('factors')) {
    rows = o.binary('Mul', rows, o.builder.reshape(o.in('factors'), [...at.dims, dim(1)]));
  }
  o.set('y', o.reduce(op, rows, [1]));
}

// Pairs (a, b) of features become (a cos - b sin, b cos + a sin).
function rotary(o: Operation): void {
  const x = o.in('x');
  const { builder, graph } = o;
  const [heads, half, first, inverse, interleaved] = ['heads', 'half', 'first', 'inverse', 'interleaved'].map((name) =>
    o.number(name),
  ) as [number, number, number, number, number];
  const sizes: Dim[] = [
    o.pair('outer'),
    o.pair('rows'),
    dim(heads),
    ...(interleaved ? [dim(half), dim(2)] : [dim(2), dim(half)]),
  ];
  const axis = interleaved ? 4 : 3;
  const split = builder.reshape(x, sizes);
  const part = (at: number): Value => builder.slice(split, [{ axis, start: dim(at), length: dim(1), step: dim(1) }]);
  const [rows] = [o.pair('rows')];
  const angle = (name: string): Value => {
    const table = builder.slice(o.in(name), [{ axis: 0, start: dim(first), length: rows, step: dim(1) }]);
    return builder.reshape(table, [dim(1), rows, dim(1), ...(interleaved ? [dim(half), dim(1)] : [dim(1), dim(half)])]);
  };
  const [cosine, sine] = [angle('cosine'), angle('sine')];
  const [a, b] = [part(0), part(1)];
  const turned = (p: Value, q: Value, op: string): Value =>
    o.binary(op, o.binary('Mul', p, cosine), o.binary('Mul', q, sine));
  const [minus, plus] = inverse ? ['Add', 'Sub'] : ['Sub', 'Add'];
  const both = [turned(a, b, minus as string), turned(b, a, plus as string)];
  o.set('y', graph.node('Concat', both, { type: x.type, dims: sizes }, { axis: int(axis) }));
}

function interpolate(o: Operation): void {
  const [x] = o.list('inputs') as [Value];
  const dims = o.dims('y');
  const mode = ['nearest', 'linear', 'cubic'][o.number('mode')] as string;
  const attributes = {
    mode: { s: mode },
    coordinate_transformation_mode: {
      s: mode === 'nearest' ? 'asymmetric' : o.number('align') ? 'align_corners' : 'half_pixel',
    },
    ...(mode === 'nearest' ? { nearest_mode: { s: 'floor' } } : {}),
    ...(mode === 'cubic' ? { cubic_coeff_a: float(-0.75) } : {}),
  };
  // The sizes, or factors that do not lead to whole ones.
  const [steps] = o.numbers('steps');
  const lead = dims.length - steps.length;
  const isWhole =
    o.number('align') ||
    steps.every((step, i) => Math.abs(step * (dims[lead + i] as Dim)[0] - (x.dims[lead + i] as Dim)[0]) < 1e-6);
  const scales = Float32Array.from(dims, (_, i) => (i < lead ? 1 : 1 / (steps[i - lead] as number)));
  const operands = isWhole
    ? [x, null, null, o.builder.shape(dims)]
    : [x, null, o.graph.constant('float32', [dims.length], scales)];
  o.set('y', o.node('Resize', operands, { type: x.type, dims }, attributes));
}
