// The memory layout of attention's operands: the numbers for its kernels, and the heads as [batch, heads, rows, width] for
// the reference composed of other operations.
import { ArgumentError, formatShape, ShapeError } from '../errors.js';
import { broadcastStrides, type Shape, sameShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { expand, permute, reshape } from './shape.js';
import { chunk } from './shape-slice.js';

/** @internal Where the heads of q, k, v and y are. */
export interface Layout {
  batch: number;
  heads: number;
  queries: number;
  keys: number;
  width: number;
  valueWidth: number;
  /** Offset and strides of batch, head and row in elements, for each of q, k, v and y. */
  strides: readonly number[];
  shape: Shape;
  /** The shape of all scores: the leading dimensions, heads, queries, keys. A mask broadcasts to it. */
  scores: Shape;
  /** q, k and v as [batch, heads, rows, width]. */
  split(inputs: readonly Tensor[]): Tensor[];
  /** Lays out [batch, heads, rows, width] like y. */
  merge(y: Tensor): Tensor;
}

const last = (x: Tensor, back: number): number => x.dims[x.rank - back] as number;
const showAll = (q: Tensor, k: Tensor, v: Tensor): string =>
  `q ${formatShape(q.dims)}, k ${formatShape(k.dims)} and v ${formatShape(v.dims)}`;

/** @internal Checks that the shapes of q, k and v fit each other; `timeFirst`: they are [rows, batch, width]. */
export function checkOperands(name: string, q: Tensor, k: Tensor, v: Tensor, timeFirst = false): void {
  if (q.rank < 2 || k.rank < 2 || v.rank < 2) {
    throw new ShapeError(`${name}: q, k and v must have at least 2 dimensions, got ${showAll(q, k, v)}`);
  }
  const lead = (x: Tensor): Shape => (timeFirst ? [x.dims[1] as number] : x.dims.slice(0, -2));
  const rows = (x: Tensor): number => (timeFirst ? (x.dims[0] as number) : last(x, 2));
  if (!sameShape(lead(q), lead(k)) || !sameShape(lead(q), lead(v))) {
    throw new ShapeError(`${name}: leading dimensions must be the same, got ${showAll(q, k, v)}`);
  }
  if (last(q, 1) !== last(k, 1)) {
    const clash = `${last(q, 1)} ≠ ${last(k, 1)}`;
    throw new ShapeError(`${name}: last dimensions of q and k must be the same, got ${showAll(q, k, v)} (${clash})`);
  }
  if (rows(k) !== rows(v)) {
    const clash = `${rows(k)} ≠ ${rows(v)}`;
    throw new ShapeError(`${name}: k and v must have the same number of rows, got ${showAll(q, k, v)} (${clash})`);
  }
}

/** @internal The layout of q […, queries, width], k […, keys, width], v […, keys, valueWidth]: separate matrices. */
export function separateLayout(q: Tensor, k: Tensor, v: Tensor): Layout {
  const lead = q.dims.slice(0, -2);
  const [queries, keys, width, valueWidth] = [last(q, 2), last(k, 2), last(q, 1), last(v, 1)];
  const heads = lead.at(-1) ?? 1;
  const batch = sizeOf(lead.slice(0, -1));
  const strides = [
    [queries, width],
    [keys, width],
    [keys, valueWidth],
    [queries, valueWidth],
  ].flatMap(([rows, columns]) => [0, heads * rows! * columns!, rows! * columns!, columns!]);
  const shape = [...lead, queries, valueWidth];
  return {
    ...{ batch, heads, queries, keys, width, valueWidth, strides, shape, scores: [...lead, queries, keys] },
    split: (inputs) => inputs.map((x) => reshape(x, [batch, heads, last(x, 2), last(x, 1)])),
    merge: (y) => reshape(y, shape),
  };
}

/** @internal The width of a head; throws if the heads do not divide the features. */
export function shareOf(name: string, width: number, heads: number): number {
  if (width % heads !== 0) {
    throw new ArgumentError(`${name}: heads must divide the width, got ${heads} heads and width ${width}`);
  }
  return width / heads;
}

/**
 * @internal The layout of projections: q […, queries, heads · width], k and v in the same form, or all three side by side
 * in one tensor […, rows, 3 · heads · width]. `timeFirst`: [rows, batch, …] instead of [batch, rows, …].
 */
export function packedLayout(name: string, inputs: readonly Tensor[], heads: number, timeFirst: boolean): Layout {
  const packed = inputs.length === 1;
  const q = inputs[0] as Tensor;
  const [k, v] = packed ? [q, q] : (inputs.slice(1) as [Tensor, Tensor]);
  const full = packed ? last(q, 1) / 3 : last(q, 1);
  const fullValue = packed ? full : last(v, 1);
  const width = shareOf(name, full, heads);
  const valueWidth = shareOf(name, fullValue, heads);
  const lead = timeFirst ? [q.dims[1] as number] : q.dims.slice(0, -2);
  const batch = sizeOf(lead);
  const rowsOf = (x: Tensor): number => (timeFirst ? (x.dims[0] as number) : last(x, 2));
  const [queries, keys] = [rowsOf(q), rowsOf(k)];
  const four = (offset: number, rows: number, row: number, head: number): number[] =>
    timeFirst ? [offset, row, head, row * batch] : [offset, row * rows, head, row];
  const strides = [
    ...four(0, queries, last(q, 1), width),
    ...four(packed ? full : 0, keys, last(k, 1), width),
    ...four(packed ? 2 * full : 0, keys, last(v, 1), valueWidth),
    ...four(0, queries, fullValue, valueWidth),
  ];
  const shape = [...q.dims.slice(0, -1), fullValue];
  const order = timeFirst ? [1, 2, 0, 3] : [0, 2, 1, 3]; // to [batch, heads, rows, width], and back
  const back = timeFirst ? [2, 0, 1, 3] : [0, 2, 1, 3];
  const splitOne = (x: Tensor, share: number): Tensor =>
    permute(reshape(x, timeFirst ? [rowsOf(x), batch, heads, share] : [batch, rowsOf(x), heads, share]), order);
  return {
    ...{ batch, heads, queries, keys, width, valueWidth, strides, shape, scores: [...lead, heads, queries, keys] },
    split: (given) =>
      (packed ? chunk(given[0] as Tensor, 3, { dim: -1 }) : given).map((x, i) =>
        splitOne(x, i === 2 ? valueWidth : width),
      ),
    merge: (y) => reshape(permute(y, back), shape),
  };
}

/**
 * @internal The mask for attention's kernels, and its strides of batch, head and row: the mask itself, or a copy if these
 * strides cannot express its broadcast.
 */
export function readableMask(mask: Tensor, a: Layout): { mask: Tensor; strides: number[] } {
  const target = a.scores;
  const strides = broadcastStrides(mask.dims, target);
  const column = strides.pop() as number;
  const row = strides.pop() as number;
  const sizes = target.slice(0, -2);
  const head = strides.pop() ?? 0;
  sizes.pop();
  let [batch, reach] = [0, -1]; // the stride of the dimensions merged so far, and what the next one's must be
  let merges = true;
  for (let d = sizes.length - 1; d >= 0; d--) {
    if (sizes[d] === 1) continue;
    if (reach === -1) batch = strides[d] as number;
    else if (strides[d] !== reach) merges = false;
    reach = (strides[d] as number) * (sizes[d] as number);
  }
  if (merges && (column === 1 || a.keys === 1)) return { mask, strides: [batch, head, row] };
  const matrix = a.queries * a.keys;
  return { mask: expand(mask, target), strides: [a.heads * matrix, matrix, a.keys] };
}
