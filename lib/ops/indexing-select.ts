// Elements chosen by positions, masks and values. What depends on values reads them, which a recorded step cannot.
import { optionsOf, type Positional } from '../arguments.js';
import { refuseReading } from '../context.js';
import { isFloat, type TypedArray } from '../dtype.js';
import { ArgumentError, checkFlag, checkInteger, checkNumber, DTypeError, formatShape, ShapeError } from '../errors.js';
import { checkDim, type Shape, sizeOf, stridesOf } from '../shape.js';
import { checkFloat, checkTensor, Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { to } from './copy.js';
import { ones, tensor, zeros } from './creation.js';
import { div, floor, mul, sub } from './elementwise.js';
import { clamp, ge, le, logicalAnd, where } from './elementwise-compare.js';
import { checkMask, gather, indexSelect, scatterAdd } from './indexing.js';
import { flatten, reshape } from './shape.js';
import { broadcastTensors } from './shape-combine.js';
import { unbind } from './shape-parts.js';

// The positions in row-major order of the elements that are not 0.
function positionsOf(name: string, x: Tensor, hint = 'multiply by the mask or use where instead'): number[] {
  refuseReading(name, hint);
  const values = x.toTypedArray();
  const found: number[] = [];
  values.forEach((v, i) => {
    if (v !== 0) found.push(i);
  });
  return found;
}

/** @internal The coordinates of the elements that are not 0: int32 [count, rank]. */
export function coordinates(name: string, x: Tensor, hint?: string): Tensor {
  checkTensor(name, 'x', x);
  const found = positionsOf(name, x, hint);
  const strides = stridesOf(x.dims);
  const list = new Int32Array(found.length * x.rank);
  found.forEach((at, row) => {
    x.dims.forEach((n, d) => {
      list[row * x.rank + d] = Math.floor(at / (strides[d] as number)) % n;
    });
  });
  return tensor(list, { shape: [found.length, x.rank] });
}

/**
 * The positions of the elements that are not 0, one a row: int32 [count, rank]. With `{ asTuple: true }`, the columns come as
 * a list of tensors.
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * nonzero(tensor([0, 5, 7])); // [[1], [2]]
 */
export function nonzero(x: Tensor): Tensor;
export function nonzero(x: Tensor, options: { asTuple: true }): Tensor[];
export function nonzero(x: Tensor, options?: { asTuple?: boolean }): Tensor | Tensor[];
export function nonzero(x: Tensor, options?: { asTuple?: boolean }): Tensor | Tensor[] {
  const { asTuple } = optionsOf<{ asTuple: boolean }>('nonzero', [options], [], ['asTuple']);
  const isTuple = checkFlag('nonzero', 'asTuple', asTuple, false);
  const rows = coordinates('nonzero', isTuple && checkTensor('nonzero', 'x', x).rank === 0 ? reshape(x, [1]) : x);
  return isTuple ? unbind(rows, 1) : rows;
}

/**
 * The positions of the elements that are not 0, one a row: int32 [count, rank].
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * argwhere(tensor([0, 5, 7])); // [[1], [2]]
 */
export function argwhere(x: Tensor): Tensor {
  return coordinates('argwhere', x);
}

/**
 * The elements where a mask is not 0, in row-major order.
 *
 * @param mask uint8; both are broadcast
 * @throws StateError while a step is recorded: it reads values
 * @example
 * maskedSelect(tensor([1, 2, 3]), tensor([true, false, true])); // [1, 3]
 */
export function maskedSelect(x: Tensor, mask: Tensor): Tensor {
  checkTensor('maskedSelect', 'x', x);
  checkMask('maskedSelect', mask);
  const [a, m] = broadcastTensors(x, mask) as [Tensor, Tensor];
  const found = positionsOf('maskedSelect', m);
  return indexSelect(flatten(a), 0, tensor(Int32Array.from(found)));
}

/**
 * The elements at positions of the flattened tensor.
 *
 * @param index int32 of any shape, the result's
 * @throws ArgumentError when a position is out of range
 * @example
 * take(tensor([[1, 2], [3, 4]]), tensor([0, 3], { dtype: 'int32' })); // [1, 4]
 */
export function take(x: Tensor, index: Tensor): Tensor {
  checkTensor('take', 'x', x);
  checkTensor('take', 'index', index);
  return reshape(gather(flatten(x), 0, flatten(index)), index.dims);
}

/**
 * One element of x for each index along a dimension, like `gather`; other dimensions are broadcast.
 *
 * @param indices int32, of x's rank
 * @param args dim; default: in the flattened tensor
 * @example
 * takeAlongDim(tensor([[3, 1, 2]]), tensor([[1, 2, 0]], { dtype: 'int32' }), 1); // [[1, 2, 3]]
 */
export function takeAlongDim(
  x: Tensor,
  indices: Tensor,
  ...args: [options?: { dim?: number }] | [dim: number]
): Tensor {
  const name = 'takeAlongDim';
  checkTensor(name, 'x', x);
  checkTensor(name, 'indices', indices);
  const { dim } = optionsOf<{ dim: number }>(name, args, ['dim']);
  if (dim === undefined) return gather(flatten(x), 0, flatten(indices));
  const d = checkDim(name, dim, x.rank);
  const fits =
    x.rank === indices.rank &&
    x.dims.every((n, i) => i === d || n === 1 || indices.dims[i] === 1 || n === indices.dims[i]);
  if (!fits || x.rank === 0) {
    const got = `got x ${formatShape(x.dims)} and indices ${formatShape(indices.dims)}`;
    throw new ShapeError(`${name}: indices must have x's rank and broadcast outside dimension ${d}, ${got}`);
  }
  const shape = (own: Shape, other: Shape): number[] =>
    own.map((n, i) => (i === d || n !== 1 ? n : (other[i] as number)));
  return gather(expandTo(x, shape(x.dims, indices.dims)), d, expandTo(indices, shape(indices.dims, x.dims)));
}

/** Options of `repeatInterleave`. */
export interface RepeatOptions {
  /** Default: in the flattened tensor. */
  dim?: number;
  /** The size of the result along the dimension, to be checked. */
  outputSize?: number;
}

/**
 * Each element repeated, along a dimension.
 *
 * @param repeats how often: a number, or int32 [n], one for each element, whose values are read
 * @param args dim (default: in the flattened tensor), then { outputSize }
 * @throws StateError for a tensor of repeats while a step is recorded
 * @example
 * repeatInterleave(tensor([1, 2]), 2); // [1, 1, 2, 2]
 */
export function repeatInterleave(
  x: Tensor,
  repeats: number | Tensor,
  ...args: [options?: RepeatOptions] | [dim: number, options?: { outputSize?: number }]
): Tensor {
  const name = 'repeatInterleave';
  checkTensor(name, 'x', x);
  const o = optionsOf<RepeatOptions>(name, args, ['dim'], ['outputSize']);
  const t = o.dim === undefined || x.rank === 0 ? flatten(x) : x;
  const d = o.dim === undefined ? 0 : checkDim(name, o.dim, x.rank);
  const n = t.dims[d] as number;
  let counts: number[];
  if (repeats instanceof Tensor) {
    if (repeats.dtype !== 'int32' || repeats.rank > 1 || (repeats.size !== n && repeats.size !== 1)) {
      throw new ShapeError(`${name}: repeats must be int32 [${n}], got ${repeats.dtype} ${formatShape(repeats.dims)}`);
    }
    refuseReading(`${name} with a tensor of repeats`, 'give repeats as a number');
    const list = Array.from(repeats.toTypedArray());
    counts = Array.from({ length: n }, (_, i) => checkInteger(name, 'each repeat', list[list.length === 1 ? 0 : i]));
  } else {
    counts = new Array<number>(n).fill(checkInteger(name, 'repeats', repeats));
  }
  const total = counts.reduce((a, b) => a + b, 0);
  if (o.outputSize !== undefined && checkInteger(name, 'outputSize', o.outputSize) !== total) {
    throw new ArgumentError(`${name}: outputSize must be ${total}, got ${o.outputSize}`);
  }
  if (total > 2 ** 28) throw new ArgumentError(`${name}: there must be at most ${2 ** 28} elements, got ${total}`);
  const index = new Int32Array(total);
  let next = 0;
  counts.forEach((count, i) => {
    index.fill(i, next, next + count);
    next += count;
  });
  return indexSelect(t, d, tensor(index));
}

/** Options of `bincount`. */
export interface BincountOptions {
  /** Float of x's shape: what each element adds, instead of 1. */
  weights?: Tensor;
  /** The least number of bins; default 0. */
  minlength?: number;
}

/**
 * How often each of the integers 0 … max(x) occurs, or the sums of their weights.
 *
 * @param x int32 or uint8 [n], not negative
 * @param args weights and minlength (default 0)
 * @returns int32, or the dtype of the weights
 * @throws StateError while a step is recorded: it reads values
 * @example
 * bincount(tensor([1, 3, 1], { dtype: 'int32' })); // [0, 2, 0, 1]
 */
export function bincount(x: Tensor, ...args: Positional<BincountOptions, ['weights', 'minlength']>): Tensor {
  checkTensor('bincount', 'x', x);
  const o = optionsOf<BincountOptions>('bincount', args, ['weights', 'minlength']);
  const least = checkInteger('bincount', 'minlength', o.minlength ?? 0, 0, 2 ** 31 - 1);
  if (isFloat(x.dtype))
    throw new DTypeError(`bincount: x must be int32 or uint8, got ${x.dtype}; convert it by to('int32')`);
  if (x.rank !== 1) throw new ShapeError(`bincount: x must have one dimension, got x ${formatShape(x.dims)}`);
  refuseReading('bincount', 'use scatterAdd instead');
  const most = x.size === 0 ? -1 : x.max().item();
  if (x.size > 0 && x.min().item() < 0)
    throw new ArgumentError(`bincount: x must not be negative, got ${x.min().item()}`);
  const weights =
    o.weights === undefined ? ones(x.dims, { dtype: 'int32' }) : checkTensor('bincount', 'weights', o.weights);
  if (weights.rank !== 1 || weights.size !== x.size) {
    throw new ShapeError(`bincount: weights must be [${x.size}], got ${formatShape(weights.dims)}`);
  }
  const bins = zeros([Math.max(most + 1, least)], { dtype: weights.dtype });
  return x.size === 0 ? bins : scatterAdd(bins, 0, to(x, 'int32'), weights);
}

/** Options of `histc`. */
export interface HistogramOptions {
  /** The number of bins; default 100. */
  bins?: number;
  /** The lower end; default 0. If both ends are equal, they are the least and the greatest element. */
  min?: number;
  /** The upper end, which is included; default 0. */
  max?: number;
}

/**
 * How many elements are in each of `bins` intervals of one width between `min` and `max`. Elements outside are not counted.
 *
 * @param args bins (default 100), min and max (default 0 and 0: the range of the elements)
 * @returns x's dtype, [bins]
 * @throws StateError while a step is recorded, unless min and max are given
 * @example
 * histc(tensor([1, 2, 1]), 4, 0, 3); // [0, 2, 1, 0]
 */
export function histc(x: Tensor, ...args: Positional<HistogramOptions, ['bins', 'min', 'max']>): Tensor {
  checkTensor('histc', 'x', x);
  checkFloat('histc', 'x', x);
  const o = optionsOf<HistogramOptions>('histc', args, ['bins', 'min', 'max']);
  const bins = checkInteger('histc', 'bins', o.bins ?? 100, 1, 2 ** 31 - 1);
  let low = checkNumber('histc', 'min', o.min ?? 0);
  let high = checkNumber('histc', 'max', o.max ?? 0, { min: low });
  if (low === high && x.size > 0) {
    refuseReading('histc without a range', 'give min and max');
    low = checkNumber('histc', 'the least element', x.min().item());
    high = checkNumber('histc', 'the greatest element', x.max().item());
  }
  if (low === high) [low, high] = [low - 1, high + 1];
  const flat = to(flatten(x.detach()), 'float64');
  const inside = logicalAnd(ge(flat, low), le(flat, high));
  const place = floor(mul(div(sub(flat, low), high - low), bins));
  const index = to(clamp(where(inside, place, 0), 0, bins - 1), 'int32');
  return scatterAdd(zeros([bins], { dtype: x.dtype }), 0, index, to(inside, x.dtype));
}

/** The different elements, and where they were. */
export interface Unique {
  /** The different elements. */
  output: Tensor;
  /** int32: for each element of x, or each position along the dimension, its place in `output`. */
  inverseIndices: Tensor;
  /** int32: how often each occurs. */
  counts: Tensor;
}

/** Options of `unique` and `uniqueConsecutive`. */
export interface UniqueOptions {
  /** Whether the result has `inverseIndices`; default false. */
  returnInverse?: boolean;
  /** Whether the result has `counts`; default false. */
  returnCounts?: boolean;
  /** Compares the parts along this dimension; default: the elements of the flattened tensor. */
  dim?: number;
}

// Groups of equal rows [n, width]: the first of each, in the order of the groups; which group each row is in; their sizes.
function grouped(rows: TypedArray, n: number, width: number, consecutive: boolean) {
  const compare = (a: number, b: number): number => {
    for (let k = 0; k < width; k++) {
      const [p, q] = [rows[a * width + k] as number, rows[b * width + k] as number];
      if (p < q || (Number.isNaN(q) && !Number.isNaN(p))) return -1;
      if (p > q || (Number.isNaN(p) && !Number.isNaN(q))) return 1;
    }
    return 0;
  };
  const same = (a: number, b: number): boolean => {
    for (let k = 0; k < width; k++) if (rows[a * width + k] !== rows[b * width + k]) return false;
    return true;
  };
  const order = Array.from({ length: n }, (_, i) => i);
  if (!consecutive) order.sort((a, b) => compare(a, b) || a - b);
  const inverse = new Int32Array(n);
  const firsts: number[] = [];
  const counts: number[] = [];
  order.forEach((row, i) => {
    if (i === 0 || !same(order[i - 1] as number, row)) {
      firsts.push(row);
      counts.push(0);
    }
    inverse[row] = firsts.length - 1;
    counts[counts.length - 1] = (counts.at(-1) as number) + 1;
  });
  return { firsts, inverse, counts };
}

function uniqueOf(name: string, x: Tensor, options: UniqueOptions, consecutive: boolean): Tensor | Partial<Unique> {
  checkTensor(name, 'x', x);
  const wantsInverse = checkFlag(name, 'returnInverse', options.returnInverse, false);
  const wantsCounts = checkFlag(name, 'returnCounts', options.returnCounts, false);
  refuseReading(name);
  const isFlat = options.dim === undefined || x.rank === 0;
  const t = isFlat ? reshape(x.detach(), [x.size]) : x.detach();
  const d = isFlat ? 0 : checkDim(name, options.dim, x.rank);
  const n = t.dims[d] as number;
  const rows = d === 0 ? t : t.transpose(0, d);
  const width = sizeOf(rows.dims.slice(1));
  const { firsts, inverse, counts } = grouped(rows.toTypedArray(), n, width, consecutive);
  const output = indexSelect(t, d, tensor(Int32Array.from(firsts)));
  if (!wantsInverse && !wantsCounts) return output;
  return {
    output,
    ...(wantsInverse ? { inverseIndices: tensor(inverse, { shape: isFlat ? x.dims : [n] }) } : {}),
    ...(wantsCounts ? { counts: tensor(Int32Array.from(counts)) } : {}),
  };
}

/**
 * The different elements in ascending order, or with `dim` the different parts along a dimension. NaN differs from itself.
 * `returnInverse` and `returnCounts` (default false) add these to the result.
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * unique(tensor([3, 1, 3])); // [1, 3]
 */
export function unique(x: Tensor): Tensor;
export function unique(x: Tensor, options: { dim: number }): Tensor;
export function unique(
  x: Tensor,
  options: UniqueOptions & { sorted?: true; returnInverse: true; returnCounts: true },
): Unique;
export function unique(x: Tensor, options?: UniqueOptions & { sorted?: true }): Tensor | Partial<Unique>;
export function unique(x: Tensor, options?: UniqueOptions & { sorted?: true }): Tensor | Partial<Unique> {
  const names = ['sorted', 'returnInverse', 'returnCounts', 'dim'];
  const { sorted, ...rest } = optionsOf<UniqueOptions & { sorted: true }>('unique', [options], [], names);
  checkFlag('unique', 'sorted', sorted, true);
  return uniqueOf('unique', x, rest, false);
}

/**
 * The elements, or with `dim` the parts along a dimension, without those that equal the one before them. `returnInverse` and
 * `returnCounts` (default false) add these to the result.
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * uniqueConsecutive(tensor([1, 1, 2, 1])); // [1, 2, 1]
 */
export function uniqueConsecutive(x: Tensor): Tensor;
export function uniqueConsecutive(x: Tensor, options: { dim: number }): Tensor;
export function uniqueConsecutive(
  x: Tensor,
  options: UniqueOptions & { returnInverse: true; returnCounts: true },
): Unique;
export function uniqueConsecutive(x: Tensor, options?: UniqueOptions): Tensor | Partial<Unique>;
export function uniqueConsecutive(x: Tensor, options?: UniqueOptions): Tensor | Partial<Unique> {
  const names = ['returnInverse', 'returnCounts', 'dim'];
  return uniqueOf('uniqueConsecutive', x, optionsOf<UniqueOptions>('uniqueConsecutive', [options], [], names), true);
}
