// Normalisations, recurrent layers and attention.
import type { TypedArray } from '../../dtype.js';
import {
  type Attributes,
  type Dim,
  dim,
  float,
  int,
  productOf,
  sameDim,
  sameDims,
  text,
  types,
  type Value,
} from './export-graph.js';
import type { Emitter, Operation } from './export-operation.js';

type Floats = 'float32' | 'float64';

/** A parameter of a norm, or a number throughout. */
const parameter = (o: Operation, name: string, dims: readonly number[], value: number): Value =>
  o.has(name) ? o.in(name) : o.graph.full(o.dtype('x') as Floats, dims, value);

function batchNorm(o: Operation): void {
  const x = o.in('x');
  const channels = [o.number('channels')];
  const operands = [
    parameter(o, 'weight', channels, 1),
    parameter(o, 'bias', channels, 0),
    o.in('givenMean'),
    o.in('givenVar'),
  ];
  o.set('y', o.like('BatchNormalization', [x, ...operands], { epsilon: float(o.number('eps')) }));
}

/** Batch norm without running statistics takes those of the batch. */
function batchStatistics(o: Operation): void {
  if (o.has('runningMean'))
    o.builder.refuse('it is in training mode, which updates running statistics; call eval() on it in forward');
  const x = o.in('x');
  const axes = x.dims.map((_, i) => i).filter((i) => i !== 1);
  const kept = x.dims.map((d, i) => (i === 1 ? d : dim(1)));
  const mean = (value: Value): Value => o.builder.reshape(o.reduce('ReduceMean', value, axes), kept);
  const away = o.binary('Sub', x, mean(x));
  const deviation = o.like('Sqrt', [o.binary('Add', mean(o.binary('Mul', away, away)), o.scalar(x, o.number('eps')))]);
  let y = o.binary('Div', away, deviation);
  if (o.has('weight')) y = o.binary('Mul', y, o.builder.reshape(o.in('weight'), kept));
  if (o.has('bias')) y = o.binary('Add', y, o.builder.reshape(o.in('bias'), kept));
  o.set('y', y);
}

function groupNorm(o: Operation): void {
  const x = o.in('x');
  const [samples, groups, channels, inner] = [
    o.pair('samples'),
    o.number('groups'),
    o.number('channels'),
    o.pair('inner'),
  ];
  const eps = float(o.number('eps'));
  const lead = x.dims.findIndex(
    (_, i) =>
      sameDim(productOf(x.dims.slice(0, i)), samples) &&
      (o.has('weight') ? sameDims(x.dims.slice(i), o.dims('weight')) : true),
  );
  const isLast = groups === 1 && inner[0] === 1 && inner[1] === 1 && lead >= 0;
  if (isLast) {
    const axis = int(lead - x.dims.length);
    const sizes = x.dims.slice(lead).map(([n]) => n);
    if (!o.has('mean')) {
      rmsNorm(o, x, lead, sizes);
      return;
    }
    const operands = [parameter(o, 'weight', sizes, 1), o.has('bias') ? o.in('bias') : null];
    o.set('y', o.like('LayerNormalization', [x, ...operands], { axis, epsilon: eps }));
    return;
  }
  if (groups === channels && x.dims.length > 2) {
    const operands = [parameter(o, 'weight', [channels], 1), parameter(o, 'bias', [channels], 0)] as const;
    o.set('y', o.like('InstanceNormalization', [x, ...operands], { epsilon: eps }));
    return;
  }
  if (o.graph.opset >= 21) {
    const operands = [parameter(o, 'weight', [channels], 1), parameter(o, 'bias', [channels], 0)] as const;
    // Without it ONNX computes in float32. ONNX Runtime's layer norm does not, and ONNX's reference evaluator knows no other there.
    const stash: Attributes = x.type === 'float64' ? { stash_type: int(types.float64) } : {};
    const attributes = { epsilon: eps, num_groups: int(groups), ...stash };
    o.set('y', o.like('GroupNormalization', [x, ...operands], attributes));
    return;
  }
  // Each group as a channel.
  const size = productOf(x.dims.slice(1))[0] / groups;
  const grouped = o.builder.reshape(x, [samples, dim(groups), dim(size)]);
  const [one, none] = [1, 0].map((n) => o.graph.full(x.type as Floats, [groups], n)) as [Value, Value];
  let y = o.builder.reshape(o.like('InstanceNormalization', [grouped, one, none], { epsilon: eps }), x.dims);
  const shape = [dim(channels), ...x.dims.slice(2).map(() => dim(1))];
  if (o.has('weight')) y = o.binary('Mul', y, o.builder.reshape(o.in('weight'), shape));
  if (o.has('bias')) y = o.binary('Add', y, o.builder.reshape(o.in('bias'), shape));
  o.set('y', y);
}

function rmsNorm(o: Operation, x: Value, lead: number, sizes: readonly number[]): void {
  const weight = o.has('weight') ? o.in('weight') : null;
  const eps = o.number('eps');
  if (o.graph.opset >= 23) {
    const attributes = { axis: int(lead - x.dims.length), epsilon: float(eps) };
    o.set('y', o.like('RMSNormalization', [x, weight ?? parameter(o, 'weight', sizes, 1)], attributes));
    return;
  }
  const axes = [...x.dims.keys()].slice(lead);
  const kept = x.dims.map((d, i) => (i < lead ? d : dim(1)));
  const mean = o.builder.reshape(o.reduce('ReduceMean', o.binary('Mul', x, x), axes), kept);
  const y = o.binary('Div', x, o.like('Sqrt', [o.binary('Add', mean, o.scalar(x, eps))]));
  o.set('y', weight === null ? y : o.binary('Mul', y, weight));
}

/** ONNX's order of an LSTM's gates is i, o, f, c, of a GRU's z, r, h. */
const orders: Record<string, readonly number[]> = { lstm: [0, 3, 1, 2], gru: [1, 0, 2], rnn: [0] };

interface Weights {
  w: Value;
  r: Value;
  b: Value | null;
}

// The weights of all directions, in ONNX's order of gates.
function weightsOf(o: Operation, directions: number): Weights {
  const order = orders[o.kernel] as readonly number[];
  const refs = o.refs('weights');
  const per = refs.length / directions;
  const all = refs.map((pair) => {
    const constant = pair?.[0].constant ?? o.builder.refuse('its weights depend on the inputs');
    return { constant, dims: pair?.[0].dims as readonly number[] };
  });
  const first = all[0] as (typeof all)[number];
  const type = first.constant.dtype as Floats;
  const stacked = (kind: string, at: readonly number[]): Value => {
    const members = Array.from({ length: directions }, (_, d) =>
      at.map((i) => all[d * per + i] as (typeof all)[number]),
    ).flat();
    const values = (): TypedArray => {
      const parts = members.map(({ constant }) => reordered(constant.values(), order));
      const Kind = (parts[0] as TypedArray).constructor as new (n: number) => TypedArray;
      const joined = new Kind(parts.reduce((n, part) => n + part.length, 0));
      let next = 0;
      for (const part of parts) {
        joined.set(part as never, next);
        next += part.length;
      }
      return joined;
    };
    const dims = members[0]?.dims as readonly number[];
    const rows = (dims[0] as number) * at.length;
    const source = members[0]?.constant.name?.replace(/(weight|bias)_(ih|hh)/, kind);
    const shape = [directions, rows, ...dims.slice(1)];
    return o.graph.named(source ?? o.graph.unique(kind), type, shape, values);
  };
  return { w: stacked('W', [0]), r: stacked('R', [1]), b: per > 2 ? stacked('B', [2, 3]) : null };
}

function reordered(values: TypedArray, order: readonly number[]): TypedArray {
  const block = values.length / order.length;
  const result = new (values.constructor as new (n: number) => TypedArray)(values.length);
  for (const [to, from] of order.entries())
    result.set(values.subarray(from * block, (from + 1) * block) as never, to * block);
  return result;
}

function recurrent(o: Operation): void {
  const name = [
    'steps,batch,inFeatures,hidden,directions,batchFirst',
    'steps,batch,inFeatures,hidden,directions,batchFirst,relu',
  ][o.kernel === 'rnn' ? 1 : 0] as string;
  const [a, b] = o.numbers(name);
  const [hidden, directions, batchFirst, relu] = [a[3], a[4], a[5], a[6]] as [number, number, number, number];
  const [steps, batch] = [
    [a[0], b[0]],
    [a[1], b[1]],
  ] as [[number, number], [number, number]];
  const given = o.in('x');
  const x = batchFirst ? o.builder.transpose(given, [1, 0, 2]) : given;
  const { w, r, b: bias } = weightsOf(o, directions);
  const lengths = o.has('lengths') ? o.builder.cast(o.raw('lengths'), 'int32') : null;
  const states = o.list('states');
  const type = x.type;
  const state = [dim(directions), batch as Dim, dim(hidden)];
  const attributes = {
    hidden_size: int(hidden),
    ...(directions === 2 ? { direction: text('bidirectional') } : {}),
    ...(o.kernel === 'gru' ? { linear_before_reset: int(1) } : {}),
    ...(o.kernel === 'rnn' && relu ? { activations: { strings: new Array<string>(directions).fill('Relu') } } : {}),
  };
  const operator = { lstm: 'LSTM', gru: 'GRU', rnn: 'RNN' }[o.kernel] as string;
  const outer = [steps as Dim, dim(directions), batch as Dim, dim(hidden)];
  const results = [{ type, dims: outer }, ...new Array(o.kernel === 'lstm' ? 2 : 1).fill({ type, dims: state })];
  const [y, hN, cN] = o.graph.nodeOf(operator, [x, w, r, bias, lengths, ...states], attributes, results) as [
    Value,
    Value,
    Value?,
  ];
  // [steps, directions, batch, hidden] to [steps, batch, directions · hidden], or with the batch first.
  const order = batchFirst ? [2, 0, 1, 3] : [0, 2, 1, 3];
  const dims = [...(batchFirst ? [batch, steps] : [steps, batch]), dim(directions * hidden)] as Dim[];
  const flat = directions === 1 ? o.builder.reshape(y, [steps, batch, dim(hidden)] as Dim[]) : null;
  const ordered =
    flat === null ? o.builder.transpose(y, order) : batchFirst ? o.builder.transpose(flat, [1, 0, 2]) : flat;
  const refs = o.refs('results');
  const write = (at: number, value: Value | undefined): void => {
    const pair = refs[at];
    if (pair && value) o.builder.writeRef(pair, value);
  };
  write(0, o.builder.reshape(ordered, dims));
  write(1, hN);
  write(3, cN);
}

/** softmax(q · kᵀ · scale + mask) · v, with the heads in a dimension of their own. */
function attention(o: Operation): void {
  if (o.number('dropout') > 0) o.builder.refuse('dropout of attention weights is random; set dropoutP to 0');
  const lists = o.numbers('batch,heads,queries,keys,width,valueWidth,causal,strides');
  const at = (i: number): Dim => [lists[0][i] as number, lists[1][i] as number];
  const [batch, heads, queries, keys, width, valueWidth] = [0, 1, 2, 3, 4, 5].map(at) as [Dim, Dim, Dim, Dim, Dim, Dim];
  const causal = lists[0][6] as number;
  const operand = (name: string, part: number, rows: Dim, columns: Dim): Value => {
    const [offset, ...strides] = [0, 1, 2, 3].map((i) => at(7 + 4 * part + i)) as [Dim, Dim, Dim, Dim];
    return o.builder.strided(o.in(name), [batch, heads, rows, columns], [...strides, dim(1)], offset);
  };
  const [q, k, v] = [operand('q', 0, queries, width), operand('k', 1, keys, width), operand('v', 2, keys, valueWidth)];
  const sizes = [batch, heads, queries, keys];
  const shown: Value[] = [];
  const masked = (part: number, value: Value): Value => {
    const strides = [0, 1, 2].map((i) => at(23 + 3 * part + i)) as Dim[];
    const narrow = sizes.map((d, i) => (i < 3 && strides[i]?.[0] === 0 && strides[i]?.[1] === 0 ? dim(1) : d));
    return o.builder.strided(value, narrow, [...strides, dim(1)], dim(0));
  };
  if (o.has('mask')) shown.push(masked(0, o.bool('mask')));
  if (causal > 0) shown.push(causalMask(o, queries, keys, causal));
  const isMasked = o.has('mask') || o.has('bias');
  const result = { type: q.type, dims: [batch, heads, queries, valueWidth] };
  const scale = o.number('scale');
  if (o.graph.opset >= 23 && !isMasked && o.fitsAttribute(q, scale)) {
    merged(o, o.node('Attention', [q, k, v, shown[0] ?? null], result, { scale: float(scale) }), [20, 21, 22].map(at));
    return;
  }
  const scaled = o.binary('Mul', q, o.scalar(q, scale));
  const turned = o.builder.transpose(k, [0, 1, 3, 2]);
  let scores = o.node('MatMul', [scaled, turned], { type: q.type, dims: sizes });
  if (o.has('bias')) scores = o.binary('Add', scores, masked(1, o.in('bias')));
  const visible = shown.length === 2 ? o.binary('And', shown[0] as Value, shown[1] as Value) : shown[0];
  const least = o.scalar(q, Number.NEGATIVE_INFINITY);
  if (visible !== undefined) scores = o.node('Where', [visible, scores, least], { type: q.type, dims: sizes });
  let weights = o.like('Softmax', [scores], { axis: int(-1) });
  // A query that sees no key has weights 0 instead of NaN. Causal masks alone show each query at least one.
  if (isMasked) {
    const none = o.node('IsNaN', [weights], { type: 'bool', dims: sizes });
    weights = o.node('Where', [none, o.scalar(q, 0), weights], { type: q.type, dims: sizes });
  }
  merged(o, o.node('MatMul', [weights, v], result), [20, 21, 22].map(at));
}

// Which keys each query sees: query i the keys before i + causal.
function causalMask(o: Operation, queries: Dim, keys: Dim, causal: number): Value {
  if (queries[0] !== queries[1] || keys[0] !== keys[1])
    o.builder.refuse('the number of rows depends on the batch size');
  const values = Uint8Array.from({ length: queries[0] * keys[0] }, (_, i) =>
    Number((i % keys[0]) - Math.floor(i / keys[0]) < causal),
  );
  return o.graph.constant('bool', [queries[0], keys[0]], values);
}

// [batch, heads, queries, width] in the order of y's strides.
function merged(o: Operation, y: Value, strides: readonly Dim[]): void {
  const order = [0, 1, 2].sort((i, k) => (strides[k] as Dim)[0] - (strides[i] as Dim)[0] || i - k);
  o.set('y', o.builder.transpose(y, [...order, 3]));
}

export const norms: Record<string, Emitter> = {
  batchNorm: batchStatistics,
  batchNormFixed: batchNorm,
  groupNorm,
  lstm: recurrent,
  gru: recurrent,
  rnn: recurrent,
  attention,
};
