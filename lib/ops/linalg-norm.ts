// Norms of vectors and matrices.
import { optionsOf } from '../arguments.js';
import type { DType } from '../dtype.js';
import { ArgumentError, describe, formatShape, ShapeError } from '../errors.js';
import { dimsOf } from '../shape.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { convertedTo } from './copy.js';
import { abs, div, mul } from './elementwise.js';
import { ne, where } from './elementwise-compare.js';
import { asScalars, checkMatrices, checkSquare } from './linalg-common.js';
import { invEx } from './linalg-solve.js';
import { singularValues } from './linalg-svd.js';
import { sum } from './reduce.js';
import { max, min } from './reduce-extremes.js';
import { norm as pNorm } from './reduce-statistics.js';
import { permute, reshape } from './shape.js';
import { slice } from './shape-slice.js';

/** The norms of matrices: Frobenius, nuclear (sum of singular values), or a number. */
export type MatrixOrder = 'fro' | 'nuc' | 1 | -1 | 2 | -2 | number;

/** Which dimensions a norm is taken over. */
export interface NormDimensions {
  /** Default: all of them for vectors, the last two for matrices. */
  dim?: number | readonly number[];
  /** Whether they stay, with size 1; default false. */
  keepDim?: boolean;
  /** What the elements are converted to first; default: their dtype. */
  dtype?: DType;
}

/** Options of `linalg.vectorNorm`. */
export interface VectorNormOptions extends NormDimensions {
  /** Default 2. */
  ord?: number;
}

/** Options of `linalg.matrixNorm`. */
export interface MatrixNormOptions extends NormDimensions {
  /** Default `fro`. */
  ord?: MatrixOrder;
}

/** By position or in options. */
export type VectorNormArguments =
  | [ord?: number, dim?: number | readonly number[], options?: VectorNormOptions]
  | [ord: number, options: VectorNormOptions]
  | [ord: number, dim: number | readonly number[], keepDim: boolean, options?: { dtype?: DType }]
  | [options: VectorNormOptions];
/** By position or in options. */
export type MatrixNormArguments =
  | [ord?: MatrixOrder, dim?: readonly number[], options?: MatrixNormOptions]
  | [ord: MatrixOrder, options: MatrixNormOptions]
  | [ord: MatrixOrder, dim: readonly number[], keepDim: boolean, options?: { dtype?: DType }]
  | [options: MatrixNormOptions];

const names = ['ord', 'dim', 'keepDim'] as const;

// x of the dtype that the options name.
function converted(operation: string, name: string, x: Tensor, { dtype }: NormDimensions): Tensor {
  return convertedTo(operation, checkTensor(operation, name, x), dtype);
}

function checkOrder(operation: string, ord: unknown): number {
  if (typeof ord === 'number' && !Number.isNaN(ord)) return ord;
  throw new ArgumentError(`${operation}: ord must be a number, Infinity or -Infinity, got ${describe(ord)}`);
}

function ofVectors(operation: string, x: Tensor, ord: unknown, o: NormDimensions): Tensor {
  checkTensor(operation, 'x', x);
  checkFloat(operation, 'x', x);
  const p = checkOrder(operation, ord);
  const dims = o.dim === undefined ? {} : { dim: dimsOf(operation, o.dim, x.rank) };
  return pNorm(x, { p, ...dims, ...(o.keepDim === undefined ? {} : { keepDim: o.keepDim }) });
}

/**
 * The norm of vectors, (Σ |x|ᵖ)^(1/p); max |x| for p = ∞, min |x| for -∞, the number of elements that are not 0 for 0.
 *
 * @param args ord: p, default 2; dim: default all dimensions, as one vector; keepDim: default false; option: dtype
 * @example
 * linalg.vectorNorm(tensor([3, 4])); // 5
 */
export function vectorNorm(x: Tensor, ...args: VectorNormArguments): Tensor {
  const o = optionsOf<VectorNormOptions>('linalg.vectorNorm', args, names, ['dtype']);
  return ofVectors('linalg.vectorNorm', converted('linalg.vectorNorm', 'x', x, o), o.ord ?? 2, o);
}

function bySums(operation: string, x: Tensor, ord: number): Tensor {
  const sums = sum(abs(x), { dim: Math.abs(ord) === 1 ? -2 : -1 });
  if (sums.dims.at(-1) !== 0) return (ord > 0 ? max : min)(sums, { dim: -1 }).values;
  throw new ShapeError(`${operation}: ord ${ord} needs at least one element, got a ${formatShape(x.dims)}`);
}

function bySingularValues(operation: string, x: Tensor, ord: 2 | -2 | 'nuc'): Tensor {
  const S = singularValues(operation, x);
  if (ord === 'nuc') return sum(S, { dim: -1 });
  if (S.dims.at(-1) === 0) {
    if (ord === 2) return sum(S, { dim: -1 });
    throw new ShapeError(`${operation}: ord -2 needs at least one element, got a ${formatShape(x.dims)}`);
  }
  const at = ord === 2 ? 0 : -1;
  return reshape(slice(S, at === 0 ? { dim: -1, start: 0, end: 1 } : { dim: -1, start: -1 }), S.dims.slice(0, -1));
}

function ofMatrices(operation: string, x: Tensor, ord: unknown, o: NormDimensions): Tensor {
  checkMatrices(operation, 'a', x);
  const dims = dimsOf(operation, o.dim ?? [-2, -1], x.rank);
  if (dims.length !== 2 || dims[0] === dims[1]) {
    throw new ArgumentError(`${operation}: dim must be two different dimensions, got ${describe(o.dim)}`);
  }
  const moved = permute(x, [...x.dims.map((_, i) => i).filter((i) => !dims.includes(i)), ...dims]);
  const y = ofLast(operation, moved, ord);
  if (o.keepDim !== undefined && typeof o.keepDim !== 'boolean') {
    throw new ArgumentError(`${operation}: keepDim must be a boolean, got ${describe(o.keepDim)}`);
  }
  if (!o.keepDim) return y;
  return reshape(
    y,
    x.dims.map((n, i) => (dims.includes(i) ? 1 : n)),
  );
}

function ofLast(operation: string, x: Tensor, ord: unknown): Tensor {
  if (ord === 'fro') return pNorm(x, { dim: [-2, -1] });
  if (ord === 'nuc' || ord === 2 || ord === -2) return bySingularValues(operation, x, ord);
  if (ord === 1 || ord === -1 || ord === Infinity || ord === -Infinity) return bySums(operation, x, ord);
  const list = "'fro', 'nuc', 1, -1, 2, -2, Infinity or -Infinity";
  throw new ArgumentError(`${operation}: ord of matrices must be ${list}, got ${describe(ord)}`);
}

/**
 * A norm of matrices:
 *
 * | ord | |
 * |---|---|
 * | `'fro'`, the default | the square root of the sum of squares |
 * | `'nuc'` | the sum of the singular values |
 * | 2, -2 | the largest, the smallest singular value |
 * | 1, -1 | the largest, the smallest sum of absolute values in a column |
 * | ∞, -∞ | the same in a row |
 *
 * @param args ord; dim: the two dimensions of the matrices, default the last two; keepDim: default false; option: dtype
 * @throws LinAlgError when singular values are needed and a matrix is not finite
 * @example
 * linalg.matrixNorm(tensor([[1, -2], [3, 4]]), 1); // 6
 */
export function matrixNorm(a: Tensor, ...args: MatrixNormArguments): Tensor {
  const o = optionsOf<MatrixNormOptions>('linalg.matrixNorm', args, names, ['dtype']);
  return ofMatrices('linalg.matrixNorm', converted('linalg.matrixNorm', 'a', a, o), o.ord ?? 'fro', o);
}

/**
 * `linalg.matrixNorm` if `ord` is given and `dim` names two dimensions, or `ord` is given alone and x is a matrix; otherwise
 * `linalg.vectorNorm`, of all elements if neither is given.
 *
 * @param args ord: default 2 of vectors; dim: default all; keepDim: default false; option: dtype
 * @example
 * linalg.norm(tensor([[3, 0], [0, 4]])); // 5
 */
export function norm(given: Tensor, ...args: MatrixNormArguments | VectorNormArguments): Tensor {
  const name = 'linalg.norm';
  const o = optionsOf<MatrixNormOptions>(name, args, names, ['dtype']);
  const x = converted(name, 'x', given, o);
  if (o.ord === undefined) return ofVectors(name, x, 2, o);
  const isMatrix = o.dim === undefined ? x.rank === 2 : Array.isArray(o.dim) && o.dim.length === 2;
  if (isMatrix) return ofMatrices(name, x, o.ord, o);
  if (o.dim === undefined && x.rank > 2) {
    throw new ShapeError(`${name}: ord without dim needs at most 2 dimensions, got x ${formatShape(x.dims)}`);
  }
  return ofVectors(name, x, o.ord, o);
}

/**
 * The condition number of matrices: ‖A‖ · ‖A⁻¹‖ in the norm p, ∞ for a singular matrix.
 *
 * @param a […, m, n]; […, n, n] unless p is 2 or -2
 * @param args p: an `ord` of `linalg.matrixNorm`; default 2, the largest over the smallest singular value
 * @returns […]
 * @example
 * linalg.cond(tensor([[4, 0], [0, 2]])); // 2
 */
export function cond(a: Tensor, ...args: [p?: MatrixOrder] | [options: { p?: MatrixOrder }]): Tensor {
  const name = 'linalg.cond';
  checkMatrices(name, 'a', a);
  const { p = 2 } = optionsOf<{ p: MatrixOrder }>(name, args, ['p']);
  if (p === 2 || p === -2) {
    const S = singularValues(name, a);
    if (S.dims.at(-1) === 0) return sum(S, { dim: -1 });
    const first = reshape(slice(S, { dim: -1, start: 0, end: 1 }), S.dims.slice(0, -1));
    const last = reshape(slice(S, { dim: -1, start: -1 }), S.dims.slice(0, -1));
    return p === 2 ? div(first, last) : div(last, first);
  }
  checkSquare(name, 'a', a);
  if (a.dims.at(-1) === 0) return sum(a, { dim: [-2, -1] });
  const { inverse, info } = invEx(a);
  const isSingular = ne(info, 0);
  const finite = where(asScalars(isSingular), 0, inverse);
  return where(isSingular, Infinity, mul(ofLast(name, a, p), ofLast(name, finite, p)));
}
