// What the functions of `linalg` share: checks of matrices, and batches of them.
import { ArgumentError, describe, formatShape, LinAlgError, ShapeError } from '../errors.js';
import { broadcastShapes, type Shape, sizeOf } from '../shape.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { eye as identity } from './creation.js';
import { reshaped, transpose } from './shape.js';
import { slice } from './shape-slice.js';

/** The sizes of a batch of matrices [...lead, rows, columns]. */
export interface Matrices {
  lead: number[];
  /** The number of matrices. */
  count: number;
  rows: number;
  columns: number;
}

/** The sizes of a tensor that is known to hold matrices. */
export function sizesOf(x: Tensor): Matrices {
  const lead = x.dims.slice(0, -2);
  return { lead, count: sizeOf(lead), rows: x.dims.at(-2) as number, columns: x.dims.at(-1) as number };
}

/** Checks that a value is a float tensor of matrices. */
export function checkMatrices(operation: string, name: string, value: unknown): Matrices {
  const x = checkTensor(operation, name, value);
  checkFloat(operation, name, x);
  if (x.rank >= 2) return sizesOf(x);
  throw new ShapeError(`${operation}: ${name} must have at least 2 dimensions, got ${name} ${formatShape(x.dims)}`);
}

/** The same for square matrices. */
export function checkSquare(operation: string, name: string, value: unknown): Matrices {
  const sizes = checkMatrices(operation, name, value);
  if (sizes.rows === sizes.columns) return sizes;
  throw new ShapeError(
    `${operation}: ${name} must be square matrices, got ${name} ${formatShape((value as Tensor).dims)}`,
  );
}

/** The last two dimensions swapped. */
export const mT = (x: Tensor): Tensor => transpose(x, -2, -1);

/** A matrix of ones and zeros for each of a batch. */
export function eyes(lead: Shape, n: number, like: Tensor): Tensor {
  return expandTo(identity(n, n, { dtype: like.dtype }), [...lead, n, n]);
}

/** The matrices of both operands, their leading dimensions broadcast. */
export function broadcastMatrices(operation: string, a: Tensor, b: Tensor): [Tensor, Tensor] {
  const lead = broadcastShapes(operation, ['a', 'b'], [a.dims.slice(0, -2), b.dims.slice(0, -2)]);
  return [expandTo(a, [...lead, ...a.dims.slice(-2)]), expandTo(b, [...lead, ...b.dims.slice(-2)])];
}

/** The elements x[…, i, i + offset]. */
export function diagonalOf(x: Tensor, offset = 0): Tensor {
  const { lead, rows, columns } = sizesOf(x);
  const start = offset < 0 ? -offset * columns : offset;
  const length = Math.max(0, Math.min(rows + Math.min(0, offset), columns - Math.max(0, offset)));
  const flat = reshaped('reshape', x, [...lead, rows * columns]);
  const end = length === 0 ? 0 : start + (length - 1) * (columns + 1) + 1;
  return slice(flat, { dim: -1, start: length === 0 ? 0 : start, end, step: columns + 1 });
}

/** x [...] as [..., 1, 1], to be multiplied with matrices. */
export const asScalars = (x: Tensor): Tensor => reshaped('reshape', x, [...x.dims, 1, 1]);
/** x [..., n] as one column each. */
export const asColumns = (x: Tensor): Tensor => reshaped('reshape', x, [...x.dims, 1]);
/** x [..., n] as one row each. */
export const asRows = (x: Tensor): Tensor => reshaped('reshape', x, [...x.dims.slice(0, -1), 1, ...x.dims.slice(-1)]);

/** ` (matrix [1, 2] of the batch)` for the matrix at `position` among all. */
export function placeOf(lead: Shape, position: number): string {
  if (lead.length === 0) return '';
  const index = lead.map((size, i) => Math.floor(position / sizeOf(lead.slice(i + 1))) % size);
  return ` (matrix ${formatShape(index)} of the batch)`;
}

/** The error for a matrix that has no inverse. */
export function singular(operation: string, name: string, lead: Shape, position: number): LinAlgError {
  return new LinAlgError(`${operation}: ${name} must be invertible, got a singular matrix${placeOf(lead, position)}`);
}

/** The rounding error of 1 in a dtype. */
export const epsilonOf = (x: Tensor): number => (x.dtype === 'float32' ? 2 ** -23 : 2 ** -52);

/** A number, perhaps infinite, but not NaN. */
export function checkReal(operation: string, name: string, value: unknown): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  throw new ArgumentError(`${operation}: ${name} must be a number, got ${describe(value)}`);
}
