// Tensors joined, composed of the operations on shapes.
import { ArgumentError, describe, formatShape, ShapeError } from '../errors.js';
import { checkSameDType, checkTensor, type Tensor, tensorsOf } from '../tensor.js';
import { zeros } from './creation.js';
import { reshape, unsqueeze } from './shape.js';
import { cat } from './shape-slice.js';

/** Tensors one by one or as an array. */
export type Tensors = [tensors: readonly Tensor[]] | Tensor[];

/** @internal */
export function someTensors(name: string, args: readonly unknown[]): Tensor[] {
  const isList = args.length === 1 && Array.isArray(args[0]);
  const list = tensorsOf(name, 'tensors', isList ? args[0] : args);
  if (list.length === 0) throw new ArgumentError(`${name}: tensors must be at least one, got none`);
  return list;
}

function arrayOf(name: string, tensors: unknown): Tensor[] {
  if (Array.isArray(tensors)) return someTensors(name, tensors);
  throw new ArgumentError(`${name}: tensors must be an array of at least one tensor, got ${describe(tensors)}`);
}

/** @internal x in `rank` dimensions, if it has fewer. */
export function atLeast(x: Tensor, rank: number): Tensor {
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
 * Tensors joined along a dimension: the other name of `cat`.
 *
 * @param args dim: default 0
 * @example
 * concat([tensor([1]), tensor([2])]); // [1, 2]
 */
export function concat(tensors: readonly Tensor[], ...args: [options?: { dim?: number }] | [dim: number]): Tensor {
  return cat(tensors, ...args);
}
