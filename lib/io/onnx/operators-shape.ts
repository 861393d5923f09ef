// Shapes and places of elements: what PyTorch calls views, joins and fills.
import { to } from '../../ops/copy.js';
import { arange, eye, full, tensor } from '../../ops/creation.js';
import { add, mul } from '../../ops/elementwise.js';
import { indexSelect } from '../../ops/indexing.js';
import { pad } from '../../ops/padding.js';
import { cumsum } from '../../ops/reduce.js';
import { cumprod } from '../../ops/reduce-running.js';
import { expand, flip, permute, reshape, squeeze, tile, tril, triu, unsqueeze } from '../../ops/shape.js';
import { cat, slice, split } from '../../ops/shape-slice.js';
import { broadcastShapes } from '../../shape.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operators } from './call.js';
import { typeOf } from './operators-elementwise.js';

/** A dimension that may be counted from the end. */
export function axisOf(call: Call, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    call.fail(`axis must be in [${-rank}, ${rank - 1}], got ${axis}`);
  }
  return axis < 0 ? axis + rank : axis;
}

const ints = (values: readonly number[], shape: readonly number[] = [values.length]) =>
  tensor(Int32Array.from(values), { shape, dtype: 'int32' });

function reshapeOf(call: Call, x: Tensor, shape?: Tensor): Tensor {
  const sizes = call.list(shape, 'shape') ?? [];
  const keep = call.int('allowzero') === 0;
  const wanted = sizes.map((n, i) => (n === 0 && keep ? (x.dims[i] ?? 0) : n));
  if (wanted.includes(0) && wanted.includes(-1)) call.fail('cannot tell the size -1 of a tensor without elements');
  return reshape(x, wanted);
}

function shapeOf(call: Call, x: Tensor): Tensor {
  const rank = x.rank;
  const place = (n: number) => Math.min(Math.max(n < 0 ? n + rank : n, 0), rank);
  return ints(x.dims.slice(place(call.int('start', 0)), place(call.int('end', rank))));
}

function flattenOf(call: Call, x: Tensor): Tensor {
  const axis = call.int('axis', 1);
  const at = axis < 0 ? axis + x.rank : axis;
  const product = (list: readonly number[]) => list.reduce((a, b) => a * b, 1);
  return reshape(x, [product(x.dims.slice(0, at)), product(x.dims.slice(at))]);
}

function squeezeOf(call: Call, x: Tensor, axes?: Tensor): Tensor {
  const list = call.list(axes, 'axes');
  if (list === undefined) return squeeze(x);
  const wanted = new Set(list.map((a) => axisOf(call, a, x.rank)));
  for (const a of wanted) if (x.dims[a] !== 1) call.fail(`size ${x.dims[a]} of axis ${a} must be 1`);
  return reshape(
    x,
    x.dims.filter((_, i) => !wanted.has(i)),
  );
}

function unsqueezeOf(call: Call, x: Tensor, axes?: Tensor): Tensor {
  const list = call.list(axes, 'axes') ?? [];
  const rank = x.rank + list.length;
  const wanted = list.map((a) => axisOf(call, a, rank)).sort((a, b) => a - b);
  return wanted.reduce((y, a) => unsqueeze(y, a), x);
}

function expandOf(call: Call, x: Tensor, shape: Tensor): Tensor {
  const wanted = broadcastShapes('Expand', ['x', 'shape'], [x.dims, call.numbers(shape)]);
  return expand(x, wanted);
}

function sliceOf(call: Call, x: Tensor, starts?: Tensor, ends?: Tensor, axes?: Tensor, steps?: Tensor): Tensor {
  const from = call.list(starts, 'starts') ?? [];
  const to = call.list(ends, 'ends') ?? [];
  const along = call.list(axes, 'axes') ?? from.map((_, i) => i);
  const by = steps === undefined ? from.map(() => 1) : call.numbers(steps);
  return along.reduce((y, given, i) => {
    const axis = axisOf(call, given, x.rank);
    return sliced(call, y, axis, from[i] as number, to[i] as number, by[i] as number);
  }, x);
}

function sliced(call: Call, x: Tensor, dim: number, from: number, until: number, step: number): Tensor {
  const n = x.dims[dim] as number;
  const place = (v: number, least: number, most: number) => Math.min(Math.max(v < 0 ? v + n : v, least), most);
  if (step === 0) call.fail('steps must not be 0');
  if (step > 0) {
    const [start, end] = [place(from, 0, n), place(until, 0, n)];
    return slice(x, { dim, start, end: Math.max(start, end), step: Math.min(step, Math.max(n, 1)) });
  }
  const [start, end] = [place(from, -1, n - 1), place(until, -1, n - 1)];
  const picked: number[] = [];
  for (let i = start; i > end; i += step) picked.push(i);
  return indexSelect(x, dim, ints(picked));
}

function transposeOf(call: Call, x: Tensor): Tensor {
  return permute(x, call.ints('perm') ?? x.dims.map((_, i) => x.rank - 1 - i));
}

function splitOf(call: Call, x: Tensor, sizes?: Tensor): Tensor[] {
  const axis = axisOf(call, call.int('axis'), x.rank);
  const n = x.dims[axis] as number;
  const given = call.list(sizes, 'split');
  if (given !== undefined) return split(x, given, axis);
  const parts = call.int('num_outputs', call.outputs);
  const each = Math.ceil(n / parts);
  return split(
    x,
    Array.from({ length: parts }, (_, i) => Math.max(Math.min(each, n - i * each), 0)),
    axis,
  );
}

const padModes = { edge: 'replicate', reflect: 'reflect', wrap: 'circular' } as const;

/** Pads by [begin…, end…] of each axis; negative ones cut. */
export function padBy(x: Tensor, begins: readonly number[], ends: readonly number[], value = 0): Tensor {
  const cut = x.dims.reduce((y, n, dim) => {
    const [start, end] = [Math.max(-(begins[dim] as number), 0), n + Math.min(ends[dim] as number, 0)];
    return start === 0 && end === n ? y : slice(y, { dim, start, end });
  }, x);
  const list = x.dims.flatMap((_, i) => {
    const dim = x.rank - 1 - i;
    return [Math.max(begins[dim] as number, 0), Math.max(ends[dim] as number, 0)];
  });
  return list.every((n) => n === 0) ? cut : pad(cut, { pad: list, value });
}

function padOf(call: Call, x: Tensor, pads?: Tensor, value?: Tensor, axes?: Tensor): Tensor {
  const list = call.list(pads, 'pads') ?? call.ints('paddings') ?? [];
  const along = axes === undefined ? x.dims.map((_, i) => i) : call.numbers(axes).map((a) => axisOf(call, a, x.rank));
  const [begins, ends] = [x.dims.map(() => 0), x.dims.map(() => 0)];
  along.forEach((axis, i) => {
    begins[axis] = list[i] as number;
    ends[axis] = list[along.length + i] as number;
  });
  const mode = call.text('mode', 'constant');
  if (mode === 'constant') {
    const fill = value === undefined ? call.float('value') : (call.numbers(value)[0] ?? 0);
    return padBy(x, begins, ends, fill);
  }
  if (!Object.hasOwn(padModes, mode)) call.fail(`mode must be constant, edge, reflect or wrap, got ${mode}`);
  return x.dims.reduce((y, n, dim) => padded(call, y, n, dim, begins[dim] as number, ends[dim] as number, mode), x);
}

// Each element of the result is one of x: which ones, along one axis.
function padded(call: Call, x: Tensor, n: number, dim: number, begin: number, end: number, mode: string): Tensor {
  if (begin === 0 && end === 0) return x;
  if (n === 0) call.fail(`cannot pad axis ${dim} of size 0 by ${mode}`);
  const period = Math.max(2 * (n - 1), 1);
  const source = (i: number) => {
    if (mode === 'edge') return Math.min(Math.max(i, 0), n - 1);
    if (mode === 'wrap') return ((i % n) + n) % n;
    const r = ((i % period) + period) % period;
    return r < n ? r : period - r;
  };
  return indexSelect(x, dim, ints(Array.from({ length: n + begin + end }, (_, i) => source(i - begin))));
}

function constant(call: Call): Tensor {
  const t = call.tensor('value');
  if (t !== undefined) return t;
  if (call.has('value_float')) return tensor(call.float('value_float'));
  if (call.has('value_floats')) return tensor(Float32Array.from(call.floats('value_floats') ?? []));
  if (call.has('value_int')) return ints([call.int('value_int')], []);
  if (call.has('value_ints')) return ints(call.ints('value_ints') ?? []);
  return call.fail('must be numbers');
}

function constantOfShape(call: Call, shape: Tensor): Tensor {
  const value = call.tensor('value');
  if (value === undefined) return full(call.numbers(shape), 0);
  return expand(reshape(value, []), call.numbers(shape));
}

function range(call: Call, start: Tensor, limit: Tensor, delta: Tensor): Tensor {
  const [from, to, step] = [start, limit, delta].map((t) => call.numbers(t)[0] as number) as [number, number, number];
  if (step === 0) call.fail('delta must not be 0');
  const count = Math.max(Math.ceil((to - from) / step), 0);
  const places = arange(count, { dtype: start.dtype });
  return count === 0 ? places : add(mul(places, step), from);
}

function trilu(call: Call, x: Tensor, k?: Tensor): Tensor {
  const diagonal = k === undefined ? 0 : (call.numbers(k)[0] as number);
  return call.int('upper', 1) ? triu(x, diagonal) : tril(x, diagonal);
}

function running(f: (x: Tensor, dim: number) => Tensor) {
  return (call: Call, x: Tensor, axis: Tensor): Tensor => {
    const dim = axisOf(call, call.numbers(axis)[0] as number, x.rank);
    const n = x.dims[dim] as number;
    const ordered = call.int('reverse') ? flip(x, [dim]) : x;
    const whole = to(f(ordered, dim), x.dtype);
    const neutral = f === cumprod ? 1 : 0;
    const shifted = () => {
      const sizes = x.dims.map((size, i) => (i === dim ? 1 : size));
      return cat(
        [full(sizes, neutral, { dtype: x.dtype }), slice(whole, { dim, start: 0, end: Math.max(n - 1, 0) })],
        dim,
      );
    };
    const sums = call.int('exclusive') && n > 0 ? shifted() : whole;
    return call.int('reverse') ? flip(sums, [dim]) : sums;
  };
}

/** Blocks of channels become places in the image. */
function depthToSpace(call: Call, x: Tensor): Tensor {
  const [n, c, h, w] = x.dims as [number, number, number, number];
  const b = call.int('blocksize', 1);
  const depth = c / (b * b);
  if (call.text('mode', 'DCR') === 'CRD') {
    return reshape(permute(reshape(x, [n, depth, b, b, h, w]), [0, 1, 4, 2, 5, 3]), [n, depth, h * b, w * b]);
  }
  return reshape(permute(reshape(x, [n, b, b, depth, h, w]), [0, 3, 4, 1, 5, 2]), [n, depth, h * b, w * b]);
}

function spaceToDepth(call: Call, x: Tensor): Tensor {
  const [n, c, h, w] = x.dims as [number, number, number, number];
  const b = call.int('blocksize', 1);
  const blocks = reshape(x, [n, c, h / b, b, w / b, b]);
  if (call.text('mode', 'DCR') === 'CRD')
    return reshape(permute(blocks, [0, 1, 3, 5, 2, 4]), [n, c * b * b, h / b, w / b]);
  return reshape(permute(blocks, [0, 3, 5, 1, 2, 4]), [n, c * b * b, h / b, w / b]);
}

function eyeLike(call: Call, x: Tensor): Tensor {
  const dtype = call.has('dtype') ? typeOf(call, call.int('dtype')) : x.dtype;
  const [rows, columns] = x.dims as [number, number];
  const k = call.int('k');
  const wide = eye(rows + Math.abs(k), { m: columns + Math.abs(k), dtype });
  const [top, left] = [Math.max(-k, 0), Math.max(k, 0)];
  // The diagonal k of a matrix is the main one of a larger matrix, seen from k columns or rows before it.
  const lines = slice(wide, { dim: 0, start: left, end: left + rows });
  return slice(lines, { dim: 1, start: top, end: top + columns });
}

function centerCropPad(call: Call, x: Tensor, shape: Tensor): Tensor {
  const along = (call.ints('axes') ?? x.dims.map((_, i) => i)).map((a) => axisOf(call, a, x.rank));
  const wanted = call.numbers(shape);
  const [begins, ends] = [x.dims.map(() => 0), x.dims.map(() => 0)];
  along.forEach((axis, i) => {
    const more = (wanted[i] as number) - (x.dims[axis] as number);
    begins[axis] = more >= 0 ? Math.floor(more / 2) : -Math.floor(-more / 2);
    ends[axis] = more - (begins[axis] as number);
  });
  return padBy(x, begins, ends);
}

function reverseSequence(call: Call, x: Tensor, lengths: Tensor): Tensor {
  const [time, batch] = [call.int('time_axis', 0), call.int('batch_axis', 1)];
  const n = x.dims[time] as number;
  const parts = call.numbers(lengths).map((length, b) => {
    const one = slice(x, { dim: batch, start: b, end: b + 1 });
    const order = Array.from({ length: n }, (_, i) => (i < length ? length - 1 - i : i));
    return indexSelect(one, time, ints(order));
  });
  return cat(parts, batch);
}

export const shapes: Operators = {
  CenterCropPad: centerCropPad,
  Concat: (call, ...xs: Tensor[]) => cat(xs, call.int('axis')),
  Constant: constant,
  ConstantOfShape: constantOfShape,
  CumProd: running(cumprod),
  CumSum: running(cumsum),
  DepthToSpace: depthToSpace,
  Expand: expandOf,
  EyeLike: eyeLike,
  Flatten: flattenOf,
  Pad: padOf,
  Range: range,
  Reshape: reshapeOf,
  ReverseSequence: reverseSequence,
  Shape: shapeOf,
  Size: (_, x: Tensor) => ints([x.size], []),
  Slice: sliceOf,
  SpaceToDepth: spaceToDepth,
  Split: splitOf,
  Squeeze: squeezeOf,
  Tile: (call, x: Tensor, repeats: Tensor) => tile(x, call.numbers(repeats)),
  Transpose: transposeOf,
  Trilu: trilu,
  Unsqueeze: unsqueezeOf,
};

/** int32 of whole numbers. */
export { ints };
