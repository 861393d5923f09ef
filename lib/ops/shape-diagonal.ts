// Diagonals and triangles of matrices, composed of the operations on shapes.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkInteger, formatShape, ShapeError } from '../errors.js';
import { checkDim } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { generate } from './creation.js';
import { diagonalOf } from './linalg-common.js';
import { pad } from './padding.js';
import { sum } from './reduce.js';
import { flatten, permute, reshape } from './shape.js';
import { checkOffset, checkRank } from './shape-parts.js';

/** Which diagonal, and of which matrices. */
export interface DiagonalPlace {
  /** Above the main diagonal, or below it where negative; default 0. */
  offset?: number;
  /** The rows' dimension. */
  dim1?: number;
  /** The columns' dimension. */
  dim2?: number;
}

/** offset, dim1 and dim2, by position or in options. */
export type DiagonalArguments = Positional<DiagonalPlace, ['offset', 'dim1', 'dim2']>;

/**
 * The elements x[…, i, i + offset], as the last dimension of the result; a copy.
 *
 * @param args offset (default 0), dim1 and dim2 (default 0 and 1)
 * @example
 * diagonal(tensor([[1, 2], [3, 4]])); // [1, 4]
 */
export function diagonal(x: Tensor, ...args: DiagonalArguments): Tensor {
  checkRank('diagonal', x, 2);
  const o = optionsOf<DiagonalPlace>('diagonal', args, ['offset', 'dim1', 'dim2']);
  const offset = checkOffset('diagonal', 'offset', o.offset ?? 0);
  const pair = [checkDim('diagonal', o.dim1 ?? 0, x.rank), checkDim('diagonal', o.dim2 ?? 1, x.rank)];
  if (pair[0] === pair[1]) throw new ArgumentError(`diagonal: dim1 and dim2 must differ, got both ${pair[0]}`);
  const others = x.dims.map((_, i) => i).filter((i) => !pair.includes(i));
  return diagonalOf(permute(x, [...others, ...pair]), offset);
}

// Matrices with the last dimension of x on a diagonal.
function embedded(x: Tensor, offset: number): Tensor {
  const lead = x.dims.slice(0, -1);
  const n = x.dims.at(-1) as number;
  const size = n + Math.abs(offset);
  const start = offset < 0 ? -offset * size : offset;
  // Each element begins a row of size + 1 elements, of which the last is cut off.
  const rows = reshape(pad(reshape(x, [...lead, n, 1]), [0, size]), [...lead, n * (size + 1)]);
  const flat = pad(rows, [start, size * size - start - n * (size + 1)]);
  return reshape(flat, [...lead, size, size]);
}

/**
 * Matrices with the elements of the last dimension of x on a diagonal, 0 elsewhere.
 *
 * @param args offset (default 0), dim1 and dim2, the result's dimensions of rows and columns (default -2 and -1)
 * @example
 * diagEmbed(tensor([1, 2])); // [[1, 0], [0, 2]]
 */
export function diagEmbed(x: Tensor, ...args: DiagonalArguments): Tensor {
  checkRank('diagEmbed', x, 1);
  const o = optionsOf<DiagonalPlace>('diagEmbed', args, ['offset', 'dim1', 'dim2']);
  const y = embedded(x, checkInteger('diagEmbed', 'offset', o.offset ?? 0, -(2 ** 24), 2 ** 24));
  const rows = checkDim('diagEmbed', o.dim1 ?? -2, y.rank);
  const columns = checkDim('diagEmbed', o.dim2 ?? -1, y.rank);
  if (rows === columns) throw new ArgumentError(`diagEmbed: dim1 and dim2 must differ, got both ${rows}`);
  let next = 0;
  return permute(
    y,
    y.dims.map((_, i) => (i === rows ? y.rank - 2 : i === columns ? y.rank - 1 : next++)),
  );
}

/**
 * The matrix with a vector on a diagonal, or the diagonal of a matrix.
 *
 * @param args diagonal (default 0): above the main one, or below it where negative
 * @example
 * diag(tensor([1, 2])); // [[1, 0], [0, 2]]
 */
export function diag(x: Tensor, ...args: [options?: { diagonal?: number }] | [diagonal: number]): Tensor {
  checkTensor('diag', 'x', x);
  const options = optionsOf<{ diagonal: number }>('diag', args, ['diagonal']);
  const offset = checkInteger('diag', 'diagonal', options.diagonal ?? 0, -(2 ** 24), 2 ** 24);
  if (x.rank === 1) return embedded(x, offset);
  if (x.rank === 2) return diagonalOf(x, offset);
  throw new ShapeError(`diag: x must be a vector or a matrix, got x ${formatShape(x.dims)}`);
}

/**
 * The matrix with all elements of x on a diagonal.
 *
 * @param args offset (default 0): above the main diagonal, or below it where negative
 * @example
 * diagflat(tensor([[1], [2]])); // [[1, 0], [0, 2]]
 */
export function diagflat(x: Tensor, ...args: [options?: { offset?: number }] | [offset: number]): Tensor {
  checkTensor('diagflat', 'x', x);
  const { offset = 0 } = optionsOf<{ offset: number }>('diagflat', args, ['offset']);
  return embedded(flatten(x), checkInteger('diagflat', 'offset', offset, -(2 ** 24), 2 ** 24));
}

/**
 * The sum of a matrix's diagonal.
 *
 * @example
 * trace(tensor([[1, 2], [3, 4]])); // 5
 */
export function trace(x: Tensor): Tensor {
  checkTensor('trace', 'x', x);
  if (x.rank !== 2) throw new ShapeError(`trace: x must be a matrix, got x ${formatShape(x.dims)}`);
  return sum(diagonalOf(x));
}

/** The diagonal up to or from which elements are named. */
export type OffsetArguments = [options?: { offset?: number }] | [offset: number];

function triangleOf(name: string, row: number, col: number, args: OffsetArguments, isLower: boolean): Tensor {
  const rows = checkInteger(name, 'row', row, 0, 2 ** 24);
  const columns = checkInteger(name, 'col', col, 0, 2 ** 24);
  const { offset: given = 0 } = optionsOf<{ offset: number }>(name, args, ['offset']);
  const offset = checkOffset(name, 'offset', given);
  const limit = (i: number): number => Math.min(Math.max(i + offset + (isLower ? 1 : 0), 0), columns);
  const counts = Array.from({ length: rows }, (_, i) => (isLower ? limit(i) : columns - limit(i)));
  const total = counts.reduce((a, b) => a + b, 0);
  if (total > 2 ** 28) throw new ArgumentError(`${name}: there must be at most ${2 ** 28} elements, got ${total}`);
  const list = new Int32Array(2 * total);
  let next = 0;
  counts.forEach((count, i) => {
    for (let j = 0; j < count; j++, next++) {
      list[next] = i;
      list[total + next] = isLower ? j : limit(i) + j;
    }
  });
  return generate([2, total], 'int32', (i) => list[i] as number);
}

/**
 * The rows and columns of the elements on and below a diagonal of a matrix, int32 [2, count].
 *
 * @param args offset of the diagonal: default 0
 * @example
 * trilIndices(2, 2); // [[0, 1, 1], [0, 0, 1]]
 */
export function trilIndices(row: number, col: number, ...args: OffsetArguments): Tensor {
  return triangleOf('trilIndices', row, col, args, true);
}

/**
 * The rows and columns of the elements on and above a diagonal of a matrix, int32 [2, count].
 *
 * @param args offset of the diagonal: default 0
 * @example
 * triuIndices(2, 2); // [[0, 0, 1], [0, 1, 1]]
 */
export function triuIndices(row: number, col: number, ...args: OffsetArguments): Tensor {
  return triangleOf('triuIndices', row, col, args, false);
}
