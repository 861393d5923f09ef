// The different elements, which are found among values that a recorded step cannot read.
import { optionsOf } from '../arguments.js';
import { refuseReading } from '../context.js';
import type { TypedArray } from '../dtype.js';
import { checkFlag } from '../errors.js';
import { checkDim, sizeOf } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { tensor } from './creation.js';
import { indexSelect } from './indexing.js';
import { reshape } from './shape.js';

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
