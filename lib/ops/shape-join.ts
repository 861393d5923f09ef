// Tensors joined, split and combined, composed of the operations on shapes.
import { type List, optionsOf } from '../arguments.js';
import {
  ArgumentError,
  checkChoice,
  checkEach,
  checkFlag,
  checkInteger,
  describe,
  formatShape,
  isPlain,
  ShapeError,
} from '../errors.js';
import { broadcastShapes, checkDim } from '../shape.js';
import { checkSameDType, checkTensor, type Tensor, tensorsOf } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { tensor, zeros } from './creation.js';
import { indexSelect } from './indexing.js';
import { expand, permute, reshape, transpose, unsqueeze } from './shape.js';
import { cat, slice, stack } from './shape-slice.js';

/** Tensors one by one or as an array. */
export type Tensors = [tensors: readonly Tensor[]] | Tensor[];

function someTensors(name: string, args: readonly unknown[]): Tensor[] {
  const isList = args.length === 1 && Array.isArray(args[0]);
  const list = tensorsOf(name, 'tensors', isList ? args[0] : args);
  if (list.length === 0) throw new ArgumentError(`${name}: tensors must be at least one, got none`);
  return list;
}

function arrayOf(name: string, tensors: unknown): Tensor[] {
  if (Array.isArray(tensors)) return someTensors(name, tensors);
  throw new ArgumentError(`${name}: tensors must be an array of at least one tensor, got ${describe(tensors)}`);
}

function atLeast(x: Tensor, rank: number): Tensor {
  if (x.rank >= rank) return x;
  if (rank < 3) return reshape(x, rank === 1 ? [1] : [1, x.size]);
  return x.rank === 2 ? unsqueeze(x, 2) : reshape(x, [1, x.size, 1]);
}

/**
 * A scalar as a tensor of one dimension, others as they are.
 *
 * @example
 * atleast1d(tensor(5)); // [5]
 */
export function atleast1d(x: Tensor): Tensor {
  return atLeast(checkTensor('atleast1d', 'x', x), 1);
}

/**
 * A scalar as [1, 1], a vector as [1, n], others as they are.
 *
 * @example
 * atleast2d(tensor([5, 6])); // [[5, 6]]
 */
export function atleast2d(x: Tensor): Tensor {
  return atLeast(checkTensor('atleast2d', 'x', x), 2);
}

/**
 * A scalar as [1, 1, 1], a vector as [1, n, 1], a matrix as [n, m, 1], others as they are.
 *
 * @example
 * atleast3d(tensor([5])); // [[[5]]]
 */
export function atleast3d(x: Tensor): Tensor {
  return atLeast(checkTensor('atleast3d', 'x', x), 3);
}

const stacked = (name: string, tensors: readonly Tensor[], rank: number): Tensor[] =>
  arrayOf(name, tensors).map((x) => atLeast(x, rank));

/**
 * Tensors side by side: joined along the second dimension, vectors along their only one.
 *
 * @example
 * hstack([tensor([1]), tensor([2, 3])]); // [1, 2, 3]
 */
export function hstack(tensors: readonly Tensor[]): Tensor {
  const list = stacked('hstack', tensors, 1);
  return cat(list, (list[0] as Tensor).rank === 1 ? 0 : 1);
}

/**
 * Tensors one below the other: joined along the first dimension, vectors as rows.
 *
 * @example
 * vstack([tensor([1, 2]), tensor([3, 4])]); // [[1, 2], [3, 4]]
 */
export function vstack(tensors: readonly Tensor[]): Tensor {
  return cat(stacked('vstack', tensors, 2), 0);
}

/**
 * Tensors one behind the other: joined along the third dimension.
 *
 * @example
 * dstack([tensor([1]), tensor([2])]); // [[[1, 2]]]
 */
export function dstack(tensors: readonly Tensor[]): Tensor {
  return cat(stacked('dstack', tensors, 3), 2);
}

/**
 * Vectors as the columns of a matrix; matrices side by side.
 *
 * @example
 * columnStack([tensor([1, 2]), tensor([3, 4])]); // [[1, 3], [2, 4]]
 */
export function columnStack(tensors: readonly Tensor[]): Tensor {
  const columns = arrayOf('columnStack', tensors).map((x) => (x.rank < 2 ? reshape(x, [x.size, 1]) : x));
  return cat(columns, 1);
}

/** Where to cut: the number of parts, or the positions. */
export type Sections = number | readonly number[];

function cutInto(name: string, x: Tensor, sections: Sections, dim: number, even: boolean): Tensor[] {
  const n = x.dims[dim] as number;
  let ends: number[];
  if (typeof sections === 'number') {
    const count = checkInteger(name, 'sections', sections, 1, 2 ** 24);
    if (even && n % count !== 0) {
      throw new ShapeError(`${name}: dimension ${dim} must be a multiple of ${count}, got x ${formatShape(x.dims)}`);
    }
    const larger = n % count; // so many parts have one element more
    ends = Array.from({ length: count }, (_, i) => Math.floor(n / count) * (i + 1) + Math.min(i + 1, larger));
  } else {
    const rule = 'must be a number of parts or positions';
    ends = checkEach(name, 'sections', rule, sections, (v) => checkInteger(name, 'each position', v, -(2 ** 31)));
    ends.push(n);
  }
  const at = (v: number): number => Math.min(Math.max(v < 0 ? v + n : v, 0), n);
  return ends.map((end, i) => {
    const start = i === 0 ? 0 : at(ends[i - 1] as number);
    return slice(x, { dim, start, end: Math.max(start, at(end)) });
  });
}

/**
 * x cut along a dimension into a number of parts, of which the first may have one element more, or at positions.
 *
 * @param sections the number of parts, or the positions at which parts end
 * @param args dim: default 0
 * @example
 * tensorSplit(tensor([1, 2, 3]), 2); // two parts
 */
export function tensorSplit(
  x: Tensor,
  sections: Sections,
  ...args: [options?: { dim?: number }] | [dim: number]
): Tensor[] {
  checkTensor('tensorSplit', 'x', x);
  const { dim = 0 } = optionsOf<{ dim: number }>('tensorSplit', args, ['dim']);
  if (x.rank === 0) throw new ShapeError('tensorSplit: x must have at least one dimension, got a scalar');
  return cutInto('tensorSplit', x, sections, checkDim('tensorSplit', dim, x.rank), false);
}

function cutOfRank(name: string, x: Tensor, sections: Sections, dim: number, rank: number): Tensor[] {
  checkTensor(name, 'x', x);
  if (x.rank < rank)
    throw new ShapeError(`${name}: x must have at least ${rank} dimensions, got x ${formatShape(x.dims)}`);
  return cutInto(name, x, sections, dim, true);
}

/**
 * x cut along its second dimension (a vector along its only one) into equal parts, or at positions.
 *
 * @example
 * hsplit(tensor([1, 2, 3, 4]), 2); // two parts
 */
export function hsplit(x: Tensor, sections: Sections): Tensor[] {
  return cutOfRank('hsplit', x, sections, checkTensor('hsplit', 'x', x).rank === 1 ? 0 : 1, 1);
}

/**
 * x cut along its first dimension into equal parts, or at positions.
 *
 * @example
 * vsplit(ones([4, 2]), 2); // two parts
 */
export function vsplit(x: Tensor, sections: Sections): Tensor[] {
  return cutOfRank('vsplit', x, sections, 0, 2);
}

/**
 * x cut along its third dimension into equal parts, or at positions.
 *
 * @example
 * dsplit(ones([1, 2, 4]), 2); // two parts
 */
export function dsplit(x: Tensor, sections: Sections): Tensor[] {
  return cutOfRank('dsplit', x, sections, 2, 3);
}

/**
 * Matrices along the diagonal of a larger one, which is 0 elsewhere. Scalars and vectors count as one row.
 *
 * @param args tensors, one by one or as an array
 * @example
 * blockDiag(tensor([[1]]), tensor([[2]])); // [[1, 0], [0, 2]]
 */
export function blockDiag(...args: Tensors): Tensor {
  const list = someTensors('blockDiag', args);
  const matrices = list.map((x, i) => {
    if (x.rank <= 2) return atLeast(x, 2);
    throw new ShapeError(`blockDiag: tensors must be matrices, got tensors[${i}] ${formatShape(x.dims)}`);
  });
  checkSameDType(
    'blockDiag',
    list.map((_, i) => `tensors[${i}]`),
    list,
  );
  const width = matrices.reduce((sum, m) => sum + (m.dims[1] as number), 0);
  let left = 0;
  const rows = matrices.map((m) => {
    const [height, own] = m.dims as [number, number];
    const blank = (n: number): Tensor => zeros([height, n], { dtype: m.dtype });
    const row = cat([blank(left), m, blank(width - left - own)], 1);
    left += own;
    return row;
  });
  return cat(rows, 0);
}

/**
 * x stretched to a shape, as broadcasting does.
 *
 * @param shape the new sizes, one by one or as an array
 * @example
 * broadcastTo(tensor([1, 2]), [2, 2]); // [[1, 2], [1, 2]]
 */
export function broadcastTo(x: Tensor, ...shape: List): Tensor {
  return expand(x, ...shape);
}

/**
 * Tensors stretched to their common shape, as broadcasting does.
 *
 * @param args tensors, one by one or as an array
 * @example
 * broadcastTensors(tensor([1, 2]), tensor([[3], [4]])); // both [2, 2]
 */
export function broadcastTensors(...args: Tensors): Tensor[] {
  const list = someTensors('broadcastTensors', args);
  const names = list.map((_, i) => `tensors[${i}]`);
  const shape = broadcastShapes(
    'broadcastTensors',
    names,
    list.map((x) => x.dims),
  );
  return list.map((x) => expandTo(x, shape));
}

/** The order of the first two dimensions of `meshgrid`. */
export interface MeshgridOptions {
  /** `ij` (default): the first tensor runs along the first dimension; `xy`: along the second. */
  indexing?: 'ij' | 'xy';
}

/** Tensors one by one or as an array, then options. */
export type MeshgridArguments =
  | [tensors: readonly Tensor[], options?: MeshgridOptions]
  | Tensor[]
  | [...tensors: Tensor[], options: MeshgridOptions];

/**
 * The coordinates of a grid: each vector stretched along the dimensions of the others.
 *
 * @param args vectors, one by one or as an array, then { indexing }: `ij` (default) or `xy`
 * @example
 * meshgrid(tensor([1, 2]), tensor([3, 4])); // [[1, 1], [2, 2]] and [[3, 4], [3, 4]]
 */
export function meshgrid(...args: MeshgridArguments): Tensor[] {
  const last = args.at(-1);
  const rest = isPlain(last) ? args.slice(0, -1) : args;
  const options = optionsOf<MeshgridOptions>('meshgrid', isPlain(last) ? [last] : [], [], ['indexing']);
  const indexing = checkChoice('meshgrid', 'indexing', options.indexing, ['ij', 'xy'] as const, 'ij');
  const list = someTensors('meshgrid', rest).map((x, i) => {
    if (x.rank <= 1) return atLeast(x, 1);
    throw new ShapeError(`meshgrid: tensors must be vectors, got tensors[${i}] ${formatShape(x.dims)}`);
  });
  const turns = indexing === 'xy' && list.length > 1;
  const order = turns ? [list[1] as Tensor, list[0] as Tensor, ...list.slice(2)] : list;
  const shape = order.map((x) => x.size);
  const grids = order.map((x, i) =>
    expandTo(
      reshape(
        x,
        shape.map((n, d) => (d === i ? n : 1)),
      ),
      shape,
    ),
  );
  if (!turns) return grids;
  const [first, second, ...others] = grids as [Tensor, Tensor, ...Tensor[]];
  return [second, first, ...others];
}

/**
 * All tuples of one element of each vector, in rows.
 *
 * @param args vectors, one by one or as an array
 * @example
 * cartesianProd(tensor([1, 2]), tensor([3, 4])); // [[1, 3], [1, 4], [2, 3], [2, 4]]
 */
export function cartesianProd(...args: Tensors): Tensor {
  const list = someTensors('cartesianProd', args);
  if (list.length === 1) return reshape(list[0] as Tensor, [-1]);
  const columns = meshgrid(list).map((grid) => reshape(grid, [grid.size]));
  return stack(columns, 1);
}

const maxElements = 2 ** 28;

/**
 * All combinations of r elements of a vector, in rows.
 *
 * @param args r (default 2) and withReplacement: whether an element may occur several times (default false)
 * @example
 * combinations(tensor([1, 2, 3])); // [[1, 2], [1, 3], [2, 3]]
 */
export function combinations(
  x: Tensor,
  ...args: [options?: { r?: number; withReplacement?: boolean }] | [r: number, options?: { withReplacement?: boolean }]
): Tensor {
  checkTensor('combinations', 'x', x);
  if (x.rank !== 1) throw new ShapeError(`combinations: x must have one dimension, got x ${formatShape(x.dims)}`);
  const o = optionsOf<{ r: number; withReplacement: boolean }>('combinations', args, ['r'], ['withReplacement']);
  const r = checkInteger('combinations', 'r', o.r ?? 2, 0, 64);
  const repeats = checkFlag('combinations', 'withReplacement', o.withReplacement, false);
  const n = repeats ? x.size + r - 1 : x.size;
  let count = r > n ? 0 : 1;
  for (let i = 0; i < r; i++) count = (count * Math.max(0, n - i)) / (i + 1);
  if (count * r > maxElements) {
    throw new ArgumentError(
      `combinations: there must be at most ${maxElements} elements, got ${Math.round(count)} rows of ${r}`,
    );
  }
  const places: number[] = [];
  const extend = (row: number[], from: number): void => {
    if (row.length === r) {
      for (const place of row) places.push(place);
      return;
    }
    for (let i = from; i < x.size; i++) extend([...row, i], repeats ? i : i + 1);
  };
  if (r > 0) extend([], 0);
  const index = tensor(Int32Array.from(places));
  return reshape(indexSelect(x, 0, index), [r === 0 ? 0 : places.length / r, r]);
}

/**
 * The dimensions named by `source` moved to the places `destination`; the others keep their order.
 *
 * @param source one dimension or several
 * @param destination as many places
 * @example
 * movedim(zeros(2, 3, 4), 0, 2); // [3, 4, 2]
 */
export function movedim(
  x: Tensor,
  source: number | readonly number[],
  destination: number | readonly number[],
): Tensor {
  checkTensor('movedim', 'x', x);
  const each = (name: string, value: unknown): number[] => {
    const list = typeof value === 'number' ? [value] : value;
    return checkEach('movedim', name, 'must be dimensions', list, (d) => checkDim('movedim', d, x.rank));
  };
  const [from, to] = [each('source', source), each('destination', destination)];
  if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length) {
    const got = `got ${describe(source)} and ${describe(destination)}`;
    throw new ArgumentError(`movedim: source and destination must name as many different dimensions, ${got}`);
  }
  if (x.rank === 0) return reshape(x, []);
  const others = x.dims.map((_, i) => i).filter((i) => !from.includes(i));
  const order = x.dims.map((_, i) => (to.includes(i) ? (from[to.indexOf(i)] as number) : (others.shift() as number)));
  return permute(x, order);
}

/**
 * Two dimensions swapped, like `transpose`.
 *
 * @example
 * swapaxes(zeros(2, 3), 0, 1); // [3, 2]
 */
export function swapaxes(x: Tensor, axis0: number, axis1: number): Tensor {
  return transpose(x, axis0, axis1);
}

/**
 * Two dimensions swapped, like `transpose`.
 *
 * @example
 * swapdims(zeros(2, 3), 0, 1); // [3, 2]
 */
export function swapdims(x: Tensor, dim0: number, dim1: number): Tensor {
  return transpose(x, dim0, dim1);
}

/**
 * Tensors joined along a dimension: the other name of `cat`.
 *
 * @param args dim: default 0
 * @example
 * concat([tensor([1]), tensor([2])]); // [1, 2]
 */
export function concat(tensors: readonly Tensor[], ...args: [options?: { dim?: number }] | [dim: number]): Tensor {
  return cat(tensors, ...args);
}
