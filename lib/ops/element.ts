// Parts of a tensor as JavaScript and PyTorch reach them: elements, rows, index lists.
import { withGradEnabled } from '../context.js';
import { ArgumentError, checkEach, checkInteger, describe, formatShape, isPlain, ShapeError } from '../errors.js';
import { checkOptions } from '../options.js';
import { broadcastShapes, type Shape, sameShape, sizeOf } from '../shape.js';
import { checkSameDType, checkTensor, Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { to } from './copy.js';
import { arange, full, tensor } from './creation.js';
import { add, mul } from './elementwise.js';
import { inPlace } from './in-place.js';
import { counted, rows, scatterAdd } from './indexing.js';
import { coordinates } from './indexing-select.js';
import { indexCopy } from './indexing-write.js';
import { permute, reshape, transpose, unsqueeze } from './shape.js';
import { unbind } from './shape-parts.js';
import { slice, split } from './shape-slice.js';

/** The elements start, start + step, … below `end`, as in `slice`: `{}` is all, `{ start: 1 }` all but the first. */
export interface Slice {
  start?: number;
  end?: number;
  step?: number;
}

/**
 * What `index` takes for a dimension: a number, which removes it; a slice; positions as an array or an int32 tensor; a uint8
 * mask of one dimension or several. null makes a new dimension, and '...' stands for all the dimensions that are not named.
 */
export type Index = number | Slice | readonly number[] | Tensor | null | '...';

// Position i of a dimension, which goes.
function picked(operation: string, x: Tensor, dim: number, i: number): Tensor {
  const n = x.dims[dim] as number;
  if (n === 0) throw new ArgumentError(`${operation}: x must have elements, got x ${formatShape(x.dims)}`);
  const at = checkInteger(operation, 'index', i, -n, n - 1);
  const start = at < 0 ? at + n : at;
  const part = slice(x, { dim, start, end: start + 1 });
  return reshape(part, x.dims.toSpliced(dim, 1));
}

/**
 * Row i along the first dimension, a number from the end where i is negative; of a tensor with one dimension a scalar. Further
 * numbers go into the row: `x.at(1, 2)` is PyTorch's `x[1, 2]`. It shares x's memory. JavaScript gives objects no brackets of
 * their own: `x[0]` does not type-check, and throws.
 *
 * @throws ArgumentError when there is no such row; ShapeError when there are more numbers than dimensions
 */
export function at(x: Tensor, i: number, ...others: number[]): Tensor {
  checkTensor('at', 'x', x);
  checkRank('at', x);
  if (others.length >= x.rank) {
    throw new ShapeError(
      `at: there must be at most one number for each dimension, got x ${formatShape(x.dims)} and ${1 + others.length} numbers`,
    );
  }
  return others.reduce((row, j) => picked('at', row, 0, j), picked('at', x, 0, i));
}

function checkRank(operation: string, x: Tensor): void {
  if (x.rank === 0) {
    throw new ShapeError(`${operation}: x must have at least one dimension, got a scalar; use item() for its number`);
  }
}

/** @internal The size of the first dimension. */
export function lengthOf(x: Tensor): number {
  checkTensor('length', 'x', x);
  checkRank('length', x);
  return x.dims[0] as number;
}

/** @internal The rows along the first dimension; views, of one operation. */
export function rowsOf(x: Tensor): Tensor[] {
  checkTensor('iteration', 'x', x);
  const rest = x.dims.slice(1);
  return x.dims[0] === 0 ? [] : split(x, 1).map((row) => reshape(row, rest));
}

/** @internal */
export function transposed(x: Tensor): Tensor {
  checkTensor('T', 'x', x);
  return permute(
    x,
    x.dims.map((_, i) => x.rank - 1 - i),
  );
}

/** @internal */
export function matrixTransposed(x: Tensor): Tensor {
  checkTensor('mT', 'x', x);
  if (x.rank < 2) throw new ShapeError(`mT: x must have at least two dimensions, got ${formatShape(x.dims)}`);
  return transpose(x, -2, -1);
}

/** An index tensor, and the dimension that it belongs to. */
interface Placed {
  dim: number;
  index: Tensor;
}

function consumed(item: Index): number {
  if (item === null || item === '...') return 0;
  return item instanceof Tensor && item.dtype === 'uint8' ? item.rank : 1;
}

// The list with slices for the dimensions that it does not name.
function complete(operation: string, x: Tensor, given: readonly unknown[]): Index[] {
  const items = given.map((item, i) => checkIndex(operation, item, i));
  const named = items.reduce<number>((sum, item) => sum + consumed(item), 0);
  if (named > x.rank) {
    throw new ShapeError(
      `${operation}: there must be at most one index for each dimension, got x ${formatShape(x.dims)} and indices of ${named} dimensions`,
    );
  }
  const place = items.indexOf('...');
  if (place !== items.lastIndexOf('...')) throw new ArgumentError(`${operation}: '...' must be given once`);
  const rest = Array.from({ length: x.rank - named }, (): Index => ({}));
  return place < 0 ? [...items, ...rest] : [...items.slice(0, place), ...rest, ...items.slice(place + 1)];
}

function checkIndex(operation: string, item: unknown, i: number): Index {
  const name = `indices[${i}]`;
  if (item === null || item === '...' || typeof item === 'number') return item;
  if (item instanceof Tensor) {
    const t = checkTensor(operation, name, item);
    if (t.dtype === 'int32' || (t.dtype === 'uint8' && t.rank > 0)) return t;
    throw new ArgumentError(
      `${operation}: ${name} must be int32 positions or a uint8 mask with dimensions, got ${t.dtype} ${formatShape(t.dims)}`,
    );
  }
  if (Array.isArray(item)) {
    const check = (n: unknown, j: number) => checkInteger(operation, `${name}[${j}]`, n, -(2 ** 31), 2 ** 31 - 1);
    const positions = checkEach(operation, name, 'must be an array of positions', item, check);
    return tensor(positions, { dtype: 'int32' });
  }
  if (!isPlain(item)) {
    throw new ArgumentError(
      `${operation}: ${name} must be a number, { start, end, step }, an array, null, '...' or a tensor, got ${describe(item)}`,
    );
  }
  checkOptions(operation, item, ['start', 'end', 'step']);
  return item as Slice;
}

/**
 * Elements of x, as brackets give them in PyTorch: one index for each dimension, in order; dimensions that are not named stay.
 * Numbers, index tensors without dimensions, slices and null come first; then index tensors, of which several are broadcast together: element b of the result
 * is at the positions that all of them have at b. Their dimensions take the place of those they index where these are adjacent, else
 * the front. Negative positions count from the end.
 *
 * A mask stands for the positions where it is not 0: the shape of the result depends on its values, so that it cannot be
 * compiled.
 *
 * @throws ArgumentError when a position is out of range; ShapeError when there are too many indices or they do not broadcast
 */
export function index(x: Tensor, ...indices: Index[]): Tensor {
  checkTensor('index', 'x', x);
  return indexed('index', x, indices);
}

function indexed(operation: string, x: Tensor, indices: readonly unknown[]): Tensor {
  let y = x;
  let dim = 0;
  const placed: Placed[] = [];
  for (const item of complete(operation, x, indices)) {
    if (typeof item === 'number') y = picked(operation, y, dim, item);
    else if (item === null) y = unsqueeze(y, dim++);
    else if (!(item instanceof Tensor)) y = sliced(y, dim++, item as Slice);
    else if (item.rank === 0) y = advanced(operation, y, [{ dim, index: item }]);
    else if (item.dtype === 'int32') placed.push({ dim: dim++, index: item });
    else {
      const covered = y.dims.slice(dim, dim + item.rank);
      if (!sameShape(covered, item.dims)) {
        throw new ShapeError(
          `${operation}: a mask must have the sizes of the dimensions it covers, got mask ${formatShape(item.dims)} for ${formatShape(covered)} of x ${formatShape(x.dims)}`,
        );
      }
      const places = coordinates(operation, item, 'use where or maskedFill in place of a mask');
      for (const index of unbind(places, 1)) placed.push({ dim: dim++, index });
    }
  }
  return placed.length === 0 ? y : advanced(operation, y, placed);
}

function sliced(x: Tensor, dim: number, range: Slice): Tensor {
  return Object.values(range).some((value) => value !== undefined) ? slice(x, { ...range, dim }) : x;
}

function advanced(operation: string, x: Tensor, placed: readonly Placed[]): Tensor {
  const dims = placed.map(({ dim }) => dim);
  const first = dims[0] as number;
  const names = placed.map((_, i) => `index ${i}`);
  const shape = broadcastShapes(
    operation,
    names,
    placed.map(({ index }) => index.dims),
  );
  const adjacent = dims.every((dim, i) => dim === first + i);
  const from = adjacent ? first : 0;
  const others = x.dims.map((_, i) => i).filter((i) => !dims.includes(i));
  const y = adjacent ? x : permute(x, [...dims, ...others]);
  const [before, after] = [y.dims.slice(0, from), y.dims.slice(from + dims.length)];
  const sizes = dims.map((dim) => x.dims[dim] as number);
  const flat = reshape(flatPositions(operation, placed, sizes, shape), [sizeOf(shape)]);
  const chosen = rows(reshape(y, [...before, sizeOf(sizes), ...after]), flat, from);
  return reshape(chosen, [...before, ...shape, ...after]);
}

// The positions among the elements of several dimensions, which lie behind each other.
function flatPositions(operation: string, placed: readonly Placed[], sizes: Shape, shape: Shape): Tensor {
  return withGradEnabled(false, () => {
    let flat: Tensor | null = null;
    for (const [i, { dim, index }] of placed.entries()) {
      const n = sizes[i] as number;
      const own = expandTo(counted(operation, index, n, dim), shape);
      flat = flat === null ? own : add(mul(flat, n), own);
    }
    return flat as Tensor;
  });
}

/**
 * x with `values` at the places that `index(...indices)` gives. Where a place is named several times, the last value stays;
 * with `accumulate` all are added to what is there.
 *
 * @param values a number, or a tensor of x's dtype that broadcasts to the shape of `index(...indices)`
 * @param options accumulate: default false
 * @example
 * indexPut(zeros(3), [tensor([0, 2], { dtype: 'int32' })], 5); // [5, 0, 5]
 */
export function indexPut(
  x: Tensor,
  indices: readonly Index[],
  values: Tensor | number,
  options?: { accumulate?: boolean },
): Tensor {
  const operation = 'indexPut';
  checkTensor(operation, 'x', x);
  checkOptions(operation, options, ['accumulate']);
  const accumulate = options?.accumulate ?? false;
  if (typeof accumulate !== 'boolean') {
    throw new ArgumentError(`${operation}: accumulate must be a boolean, got ${describe(accumulate)}`);
  }
  if (!Array.isArray(indices)) {
    throw new ArgumentError(`${operation}: indices must be an array, got ${describe(indices)}`);
  }
  const given =
    typeof values === 'number' ? full([], values, { dtype: x.dtype }) : checkTensor(operation, 'values', values);
  checkSameDType(operation, ['x', 'values'], [x, given]);
  const places = indexed(operation, reshape(arange(x.size, { dtype: 'int32' }), x.dims), indices);
  const lead = places.rank - given.rank;
  if (lead < 0 || given.dims.some((n, i) => n !== 1 && n !== places.dims[i + lead])) {
    throw new ShapeError(
      `${operation}: values must broadcast to ${formatShape(places.dims)}, the shape of the places, got values ${formatShape(given.dims)}`,
    );
  }
  const [flat, at, put] = [x, places, expandTo(given, places.dims)].map((t) => reshape(t, [t.size]));
  const write = accumulate ? scatterAdd : indexCopy;
  return reshape(write(flat as Tensor, 0, at as Tensor, put as Tensor), x.dims);
}

/**
 * Writes `values` to the places that `index(...indices)` gives, in place: `x[indices] = values` in PyTorch. The arguments are
 * those of `indexPut`.
 */
export function indexPut_(
  x: Tensor,
  indices: readonly Index[],
  values: Tensor | number,
  options?: { accumulate?: boolean },
): Tensor {
  return inPlace('indexPut_', x, (t, put) => indexPut(t, indices, put, options), values);
}

/** The elements as float32: `to('float32')`. */
export function float(x: Tensor): Tensor {
  return to(x, 'float32');
}

/** The elements as float64: `to('float64')`. */
export function double(x: Tensor): Tensor {
  return to(x, 'float64');
}

/** The elements as int32, truncated towards zero: `to('int32')`. */
export function int(x: Tensor): Tensor {
  return to(x, 'int32');
}

/** The elements as uint8, truncated towards zero: `to('uint8')`. */
export function byte(x: Tensor): Tensor {
  return to(x, 'uint8');
}
