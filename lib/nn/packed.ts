// Sequences of different lengths without padding.

import { refuseReading } from '../context.js';
import type { DType } from '../dtype.js';
import { ArgumentError, describe, formatShape, ShapeError } from '../errors.js';
import { to } from '../ops/copy.js';
import { full, tensor } from '../ops/creation.js';
import { indexSelect } from '../ops/indexing.js';
import { reshape } from '../ops/shape.js';
import { cat } from '../ops/shape-slice.js';
import { checkInt32, checkTensor, Tensor } from '../tensor.js';

/** int32 numbers as a tensor. */
const indices = (values: Int32Array | readonly number[]): Tensor => tensor(Int32Array.from(values));

/** Whole numbers: an int32 tensor of one dimension, or an array. */
export type Integers = Tensor | readonly number[];

/** @internal The numbers in a tensor of one dimension, or in a list: at most `most`, which is found before any is read. */
export function integersOf(operation: string, name: string, given: unknown, most: number): number[] {
  const count = Array.isArray(given) ? given.length : given instanceof Tensor ? given.size : 0;
  if (count > most) throw new ArgumentError(`${operation}: ${name} must be at most ${most} numbers, got ${count}`);
  if (Array.isArray(given)) {
    const wrong = given.find((value) => !Number.isInteger(value));
    if (wrong === undefined && given.every((value) => Math.abs(value) < 2 ** 31)) return [...given];
    throw new ArgumentError(`${operation}: ${name} must be integers, got ${describe(wrong)}`);
  }
  const t = checkInt32(operation, name, given);
  if (t.rank !== 1) {
    throw new ShapeError(`${operation}: ${name} must have one dimension, got ${name} ${formatShape(t.dims)}`);
  }
  refuseReading(operation, `give ${name} as an array, or to the recurrent layer: lstm.forward(x, null, lengths)`);
  return [...t.toTypedArray()];
}

/** @internal Where the sequences of a packed batch stand. */
export interface Layout {
  /** How many sequences have a step 0, 1, …; none is 0. */
  sizes: readonly number[];
  /** The sequences from the longest to the shortest; null: as they come. */
  order: readonly number[] | null;
}

/** @internal Calls `visit(k, step, sequence)` for each row k of packed data. */
export function forEachRow({ sizes, order }: Layout, visit: (k: number, step: number, sequence: number) => void): void {
  let k = 0;
  sizes.forEach((size, step) => {
    for (let i = 0; i < size; i++) visit(k++, step, order === null ? i : (order[i] as number));
  });
}

/** @internal How many sequences have each step, from their lengths, the longest first. */
export function sizesOf(lengths: readonly number[]): number[] {
  const sizes = new Array<number>(lengths[0] ?? 0).fill(0);
  for (const length of lengths) for (let step = 0; step < length; step++) (sizes[step] as number)++;
  return sizes;
}

const rows = ({ sizes }: Layout): number => sizes.reduce((sum, size) => sum + size, 0);

/** @internal The rows of x [n, …] that `place(step, sequence)` names, in packed order. */
export function packed(x: Tensor, layout: Layout, place: (step: number, sequence: number) => number): PackedSequence {
  const index = new Int32Array(rows(layout));
  forEachRow(layout, (k, step, sequence) => {
    index[k] = place(step, sequence);
  });
  return new PackedSequence(indexSelect(x, 0, indices(index)), layout.sizes, layout.order);
}

/** @internal Those of a batch [steps, batch, …], or with `batchFirst` [batch, steps, …]. */
export function packedOf(x: Tensor, layout: Layout, batchFirst: boolean): PackedSequence {
  const [outer, inner, ...rest] = x.dims as [number, number, ...number[]];
  const flat = reshape(x, [outer * inner, ...rest]);
  return packed(flat, layout, (step, sequence) => (batchFirst ? sequence * inner + step : step * inner + sequence));
}

/** @internal [steps, batch, …] of sequences whose row at a step `place` names; `value` where they have none. */
export function padded(
  x: Tensor,
  value: number,
  [steps, batch]: readonly [steps: number, batch: number],
  batchFirst: boolean,
  visit: (put: (row: number, step: number, sequence: number) => void) => void,
): Tensor {
  const [count, ...rest] = x.dims as [number, ...number[]];
  const index = new Int32Array(steps * batch).fill(count); // the row of padding
  visit((row, step, sequence) => {
    index[batchFirst ? sequence * steps + step : step * batch + sequence] = row;
  });
  const all = cat([x, full([1, ...rest], value, { dtype: x.dtype })]);
  return reshape(indexSelect(all, 0, indices(index)), [...(batchFirst ? [batch, steps] : [steps, batch]), ...rest]);
}

function inverse(order: readonly number[]): number[] {
  const places = new Array<number>(order.length);
  order.forEach((sequence, i) => {
    places[sequence] = i;
  });
  return places;
}

function orderOf(name: string, given: Integers | null | undefined, batch: number): number[] | null {
  if (given === null || given === undefined) return null;
  const order = integersOf('PackedSequence', name, given, batch);
  const isOrder = order.length === batch && new Set(order).size === batch && order.every((i) => i >= 0 && i < batch);
  if (isOrder) return order;
  throw new ArgumentError(
    `PackedSequence: ${name} must be the numbers below ${batch} in some order, got ${describe(order)}`,
  );
}

const tensorOf = (given: Integers | null | undefined, values: readonly number[]): Tensor =>
  given instanceof Tensor ? given : indices(values);

function checkSizes(data: Tensor, sizes: readonly number[]): void {
  const isFalling = sizes.every((size, i) => size >= 1 && size <= (sizes[i - 1] ?? size));
  const sum = rows({ sizes, order: null });
  if (isFalling && sizes.length > 0 && data.rank > 0 && sum === data.dims[0]) return;
  const rule = 'batchSizes must be at least 1, never rise, and add up to the rows of data';
  throw new ArgumentError(`PackedSequence: ${rule}, got ${describe(sizes)} for data ${formatShape(data.dims)}`);
}

/**
 * Sequences of different lengths, step by step: first the first step of each sequence, from the longest to the shortest, then
 * the second step of those that have one, and so on. Made by `packPaddedSequence` and `packSequence`; `RNN`, `LSTM` and `GRU`
 * take it in place of a tensor and return their outputs in the same form.
 *
 * - data [sum of the lengths, …]
 * - batchSizes int32 [longest length]: how many sequences have each step
 * - sortedIndices int32 [batch]: the sequences from the longest to the shortest; null where they came so
 * - unsortedIndices int32 [batch]: where each sequence is among those; null where sortedIndices is
 *
 * @throws ArgumentError when sizes or indices do not fit
 * @example
 * const packed = nn.utils.rnn.packSequence([tensor([1, 2, 3]), tensor([4, 5])]);
 * packed.data; // [1, 4, 2, 5, 3]
 */
export class PackedSequence {
  readonly data: Tensor;
  readonly batchSizes: Tensor;
  readonly sortedIndices: Tensor | null;
  readonly unsortedIndices: Tensor | null;
  /** @internal */
  declare readonly _layout: Layout;

  /** Of fields from elsewhere; one of the two lists of indices is enough. */
  constructor(data: Tensor, batchSizes: Integers, sortedIndices?: Integers | null, unsortedIndices?: Integers | null) {
    const name = 'PackedSequence';
    this.data = checkTensor(name, 'data', data);
    const sizes = integersOf(name, 'batchSizes', batchSizes, data.dims[0] ?? 0);
    checkSizes(data, sizes);
    const sorted = orderOf('sortedIndices', sortedIndices, sizes[0] as number);
    const unsorted = orderOf('unsortedIndices', unsortedIndices, sizes[0] as number);
    const order = sorted ?? (unsorted && inverse(unsorted));
    const places = order && inverse(order);
    if (unsorted !== null && places?.some((place, i) => place !== unsorted[i])) {
      const got = `got ${describe(unsorted)} and ${describe(order)}`;
      throw new ArgumentError(`${name}: unsortedIndices must be the inverse of sortedIndices, ${got}`);
    }
    this.batchSizes = tensorOf(batchSizes, sizes);
    this.sortedIndices = order && tensorOf(sortedIndices, order);
    this.unsortedIndices = places && tensorOf(unsortedIndices, places);
    Object.defineProperty(this, '_layout', { value: { sizes, order } });
  }

  /** With data of another dtype; itself if it has that dtype. */
  to(dtype: DType): PackedSequence {
    const data = to(this.data, dtype);
    return data === this.data ? this : this._with(data);
  }

  /** @internal The same places with other data. */
  _with(data: Tensor): PackedSequence {
    return new PackedSequence(data, this._layout.sizes, this._layout.order);
  }

  /** @internal How long each sequence is, in the order in which they came. */
  _lengths(): number[] {
    const lengths = new Array<number>(this._layout.sizes[0] as number);
    forEachRow(this._layout, (_, step, sequence) => {
      lengths[sequence] = step + 1;
    });
    return lengths;
  }

  /** @internal [steps, batch, …], with `value` behind the end of a sequence. */
  _padded(batchFirst: boolean, value: number): Tensor {
    const { sizes } = this._layout;
    return padded(this.data, value, [sizes.length, sizes[0] as number], batchFirst, (put) =>
      forEachRow(this._layout, put),
    );
  }

  /** @internal The steps of a padded batch that stand where those of this one do. */
  _repacked(x: Tensor, batchFirst: boolean): PackedSequence {
    return packedOf(x, this._layout, batchFirst);
  }
}
