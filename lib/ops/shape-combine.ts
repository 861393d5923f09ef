// Tensors stretched to one shape, and grids, products and combinations of their elements.
import { type List, optionsOf } from '../arguments.js';
import { ArgumentError, checkChoice, checkFlag, checkInteger, formatShape, isPlain, ShapeError } from '../errors.js';
import { broadcastShapes } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { tensor } from './creation.js';
import { indexSelect } from './indexing.js';
import { expand, reshape } from './shape.js';
import { atLeast, someTensors, type Tensors } from './shape-join.js';
import { stack } from './shape-slice.js';

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
