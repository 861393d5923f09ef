import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkFlag, checkInteger, formatShape } from '../errors.js';
import { kernel } from '../native.js';
import { checkDim, sizesAround } from '../shape.js';
import { checkTensor, empty, type Tensor } from '../tensor.js';
import { gather } from './indexing.js';
import type { Extremes } from './reduce-extremes.js';
import { reshape, transpose, unsqueeze } from './shape.js';

const argsortKernel = kernel('argsort', 'index x rows n descending');
/** @internal */
export const topkKernel = kernel('topk', 'index x rows n k largest');

/** Options of `sort` and `argsort`. */
export interface SortOptions {
  /** Default -1, the last. */
  dim?: number;
  /** Whether the largest element comes first; default false. */
  descending?: boolean;
  /** Whether equal elements keep their order: they do in any case. */
  stable?: boolean;
}

/** dim and descending, by position or in options. */
export type SortArguments = Positional<SortOptions, ['dim', 'descending', 'stable']>;

// Runs a row kernel along a dimension: moves the dimension to the end of x, and back in the index.
function alongDim(
  x: Tensor,
  dim: number,
  size: number,
  run: (rows: Tensor, index: Tensor, count: number) => void,
): Tensor {
  const last = Math.max(0, x.rank - 1);
  return noGrad(() => {
    const rows = dim === last ? x : transpose(x, dim, last);
    const shape = rows.dims.slice();
    if (x.rank > 0) shape[last] = size;
    const index = empty(shape, 'int32');
    const { outer } = sizesAround(rows.dims, last);
    run(rows, index, outer);
    return dim === last ? index : transpose(index, dim, last);
  });
}

function ordered(name: string, x: Tensor, args: SortArguments): { index: Tensor; dim: number } {
  checkTensor(name, 'x', x);
  const options = optionsOf<SortOptions>(name, args, ['dim', 'descending', 'stable']);
  checkFlag(name, 'stable', options.stable, true);
  const dim = checkDim(name, options.dim ?? -1, x.rank);
  const descending = checkFlag(name, 'descending', options.descending, false);
  const { n } = sizesAround(x.dims, dim);
  const index = alongDim(x, dim, n, (rows, target, count) => {
    argsortKernel(target.handle, rows.handle, count, n, descending ? 1 : 0);
  });
  return { index, dim };
}

// The elements at these positions; a scalar is returned itself.
function taken(x: Tensor, index: Tensor, dim: number): Tensor {
  if (x.rank > 0) return gather(x, dim, index);
  return reshape(gather(unsqueeze(x, 0), 0, unsqueeze(index, 0)), []);
}

/**
 * The positions of x's elements in ascending order, int32 of x's shape. Equal elements keep their order; NaN counts as
 * greater than all numbers.
 *
 * @param args dim: default -1; descending: default false
 * @example
 * tensor([3, 1, 2]).argsort(); // [1, 2, 0]
 */
export function argsort(x: Tensor, ...args: SortArguments): Tensor {
  return ordered('argsort', x, args).index;
}

/**
 * The elements in ascending order, and their positions. Equal elements keep their order; NaN counts as greater than all
 * numbers.
 *
 * @param args dim: default -1; descending: default false
 * @returns values of x's shape and dtype, and indices, int32
 * @example
 * tensor([3, 1, 2]).sort({ descending: true }).values; // [3, 2, 1]
 */
export function sort(x: Tensor, ...args: SortArguments): Extremes {
  const { index, dim } = ordered('sort', x, args);
  return { values: taken(x, index, dim), indices: index };
}

/** Options of `topk`. */
interface TopkOptions {
  k: number;
  dim?: number;
  largest?: boolean;
  sorted?: boolean;
}

/** k, dim, largest and sorted, by position or in options. */
export type TopkArguments = Positional<TopkOptions, [k: 'k', dim: 'dim', largest: 'largest', sorted: 'sorted']>;

/**
 * The k largest elements along a dimension, largest first, and their positions; the first among equal ones. NaN counts as
 * greater than all numbers.
 *
 * @param args k: at most the size of the dimension; dim: default -1; largest: default true, false for the k smallest, smallest
 *   first; sorted: they are in order in any case
 * @returns values and indices (int32), of x's shape with k in the dimension
 * @example
 * tensor([3, 1, 2]).topk(2).indices; // [0, 2]
 */
export function topk(x: Tensor, ...args: TopkArguments): Extremes {
  checkTensor('topk', 'x', x);
  const options = optionsOf<TopkOptions>('topk', args, ['k', 'dim', 'largest', 'sorted']);
  checkFlag('topk', 'sorted', options.sorted, true);
  const dim = checkDim('topk', options.dim ?? -1, x.rank);
  const largest = checkFlag('topk', 'largest', options.largest, true);
  const { n } = sizesAround(x.dims, dim);
  const k = checkInteger('topk', 'k', options.k);
  if (k > n) {
    throw new ArgumentError(
      `topk: k must be at most the size ${n} of dimension ${dim}, got ${k} and x ${formatShape(x.dims)}`,
    );
  }
  if (x.rank === 0 && k === 0) throw new ArgumentError('topk: k must be 1 for a scalar, got 0');
  const index = alongDim(x, dim, k, (rows, target, count) => {
    topkKernel(target.handle, rows.handle, count, n, k, largest ? 1 : 0);
  });
  return { values: taken(x, index, dim), indices: index };
}
