// Elements by their places: gathers, scatters, one-hot vectors, unique elements.
import { to } from '../../ops/copy.js';
import { arange } from '../../ops/creation.js';
import { index, indexPut } from '../../ops/element.js';
import { add, mul } from '../../ops/elementwise.js';
import { eq, lt, where } from '../../ops/elementwise-compare.js';
import { gather, indexSelect } from '../../ops/indexing.js';
import { scatter, scatterReduce } from '../../ops/indexing-write.js';
import { reshape, unsqueeze } from '../../ops/shape.js';
import { cat, slice } from '../../ops/shape-slice.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operators } from './call.js';
import { axisOf, ints } from './operators-shape.js';

/** Places, of which negative ones count from the end. */
const fromStart = (places: Tensor, n: number): Tensor => {
  const whole = to(places, 'int32');
  return where(lt(whole, 0), add(whole, n), whole);
};

function gatherOf(call: Call, x: Tensor, places: Tensor): Tensor {
  const dim = axisOf(call, call.int('axis'), x.rank);
  const list = reshape(fromStart(places, x.dims[dim] as number), [places.size]);
  const shape = [...x.dims.slice(0, dim), ...places.dims, ...x.dims.slice(dim + 1)];
  return reshape(indexSelect(x, dim, list), shape);
}

function gatherElements(call: Call, x: Tensor, places: Tensor): Tensor {
  const dim = axisOf(call, call.int('axis'), x.rank);
  return gather(x, dim, fromStart(places, x.dims[dim] as number));
}

/** The columns of the last axis, each an index of one dimension. */
function columnsOf(places: Tensor): Tensor[] {
  const last = places.rank - 1;
  const count = places.dims[last] as number;
  return Array.from({ length: count }, (_, i) =>
    reshape(slice(to(places, 'int32'), { dim: last, start: i, end: i + 1 }), places.dims.slice(0, last)),
  );
}

function gatherND(call: Call, x: Tensor, places: Tensor): Tensor {
  const batch = call.int('batch_dims');
  if (batch === 0) return index(x, ...columnsOf(places));
  const sizes = x.dims.slice(0, batch);
  const count = sizes.reduce((a, b) => a * b, 1);
  const [flatX, flatPlaces] = [
    reshape(x, [count, ...x.dims.slice(batch)]),
    reshape(places, [count, ...places.dims.slice(batch)]),
  ];
  const columns = columnsOf(flatPlaces);
  const own = arange(count, { dtype: 'int32' });
  const first = reshape(own, [count, ...flatPlaces.dims.slice(1, -1).map(() => 1)]);
  const y = index(flatX, first, ...columns);
  return reshape(y, [...sizes, ...y.dims.slice(1)]);
}

const ways = { add: 'sum', mul: 'prod', max: 'amax', min: 'amin' } as const;

function wayOf(call: Call): keyof typeof ways | 'none' {
  const way = call.text('reduction', 'none');
  if (way !== 'none' && !Object.hasOwn(ways, way)) call.fail(`reduction ${way} is not known`);
  return way as keyof typeof ways | 'none';
}

function scatterElements(call: Call, x: Tensor, places: Tensor, updates: Tensor): Tensor {
  const dim = axisOf(call, call.int('axis'), x.rank);
  const list = fromStart(places, x.dims[dim] as number);
  const way = wayOf(call);
  if (way === 'none') return scatter(x, dim, list, updates);
  return scatterReduce(x, dim, list, updates, ways[way]);
}

function scatterND(call: Call, x: Tensor, places: Tensor, updates: Tensor): Tensor {
  const columns = columnsOf(places);
  const way = wayOf(call);
  if (way === 'none' || way === 'add') return indexPut(x, columns, updates, { accumulate: way === 'add' });
  // By rows: the axes that the places name become one.
  const k = columns.length;
  const [named, rest] = [x.dims.slice(0, k), x.dims.slice(k)];
  const rows = named.reduce((a, b) => a * b, 1);
  const inner = rest.reduce((a, b) => a * b, 1);
  const flat = columns.map((c, i) => fromStart(c, named[i] as number));
  const row = flat.slice(1).reduce((at, c, i) => add(mul(at, named[i + 1] as number), c), flat[0] as Tensor);
  const lines = mul(reshape(row, [row.size, 1]), ints(new Array<number>(inner).fill(1), [1, inner]));
  const given = reshape(updates, [row.size, inner]);
  return reshape(scatterReduce(reshape(x, [rows, inner]), 0, lines, given, ways[way]), x.dims);
}

function oneHotOf(call: Call, places: Tensor, depth: Tensor, values: Tensor): Tensor {
  const n = call.numbers(depth)[0] as number;
  const axis = axisOf(call, call.int('axis', -1), places.rank + 1);
  const shape = Array.from({ length: places.rank + 1 }, (_, i) => (i === axis ? n : 1));
  const classes = reshape(arange(n, { dtype: 'int32' }), shape);
  const hot = eq(unsqueeze(fromStart(places, n), axis), classes);
  const pick = (i: number) => reshape(slice(values, { dim: 0, start: i, end: i + 1 }), []);
  return where(hot, pick(1), pick(0));
}

function compress(call: Call, x: Tensor, condition: Tensor): Tensor {
  const wanted = call.numbers(condition).flatMap((v, i) => (v === 0 ? [] : [i]));
  if (!call.has('axis')) return indexSelect(reshape(x, [x.size]), 0, ints(wanted));
  return indexSelect(x, axisOf(call, call.int('axis'), x.rank), ints(wanted));
}

/** Unique elements or slices, by their values: which are first, and where each is among them. */
function uniqueOf(call: Call, x: Tensor): Tensor[] {
  const axis = call.has('axis') ? axisOf(call, call.int('axis'), x.rank) : 0;
  const y = call.has('axis') ? x : reshape(x, [x.size]);
  const values = call.numbers(y);
  const n = y.dims[axis] as number;
  const inner = y.dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = y.dims.slice(0, axis).reduce((a, b) => a * b, 1);
  const keyOf = (i: number) => {
    const key: number[] = [];
    for (let o = 0; o < outer; o++) for (let k = 0; k < inner; k++) key.push(values[(o * n + i) * inner + k] as number);
    return key;
  };
  const keys = Array.from({ length: n }, (_, i) => keyOf(i));
  const found = new Map<string, { first: number; count: number }>();
  keys.forEach((key, i) => {
    const known = found.get(String(key));
    if (known) known.count++;
    else found.set(String(key), { first: i, count: 1 });
  });
  const order = [...found.values()];
  const compare = (a: readonly number[], b: readonly number[]) => {
    const at = a.findIndex((v, i) => v !== b[i]);
    return at < 0 ? 0 : (a[at] as number) - (b[at] as number);
  };
  if (call.int('sorted', 1)) order.sort((a, b) => compare(keys[a.first] as number[], keys[b.first] as number[]));
  const rank = new Map(order.map(({ first }, i) => [String(keys[first]), i]));
  const first = ints(order.map((o) => o.first));
  const inverse = ints(keys.map((key) => rank.get(String(key)) as number));
  return [indexSelect(y, axis, first), first, inverse, ints(order.map((o) => o.count))];
}

/** Writes a part of a cache from a place in each batch on. */
function tensorScatter(call: Call, past: Tensor, update: Tensor, start?: Tensor): Tensor {
  const dim = axisOf(call, call.int('axis', -2), past.rank);
  const n = past.dims[dim] as number;
  const count = update.dims[dim] as number;
  const begins = start === undefined ? new Array<number>(past.dims[0] as number).fill(0) : call.numbers(start);
  const isCircular = call.text('mode', 'linear') === 'circular';
  const parts = begins.map((begin, b) => {
    const own = slice(past, { dim: 0, start: b, end: b + 1 });
    const list = Array.from({ length: count }, (_, i) => (isCircular ? (begin + i) % n : begin + i));
    const source = new Map(list.map((at, i) => [at, n + i]));
    const both = cat([own, slice(update, { dim: 0, start: b, end: b + 1 })], dim);
    return indexSelect(both, dim, ints(Array.from({ length: n }, (_, i) => source.get(i) ?? i)));
  });
  return cat(parts, 0);
}

export const indexing: Operators = {
  Compress: compress,
  Gather: gatherOf,
  GatherElements: gatherElements,
  GatherND: gatherND,
  OneHot: oneHotOf,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  TensorScatter: tensorScatter,
  Unique: uniqueOf,
};
