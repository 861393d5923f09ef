// What PyTorch has of linear algebra beside `torch.linalg`, in `torch` itself.
import { optionsOf } from '../arguments.js';
import { noGrad, recordMany } from '../autograd/tape.js';
import { AutogradError, checkFlag, formatShape, ShapeError } from '../errors.js';
import { sameShape } from '../shape.js';
import { checkInt32, checkSameDType, empty, type Tensor } from '../tensor.js';
import { lt, where } from './elementwise-compare.js';
import { broadcastMatrices, checkMatrices, checkReal, checkSquare, eyes, mT } from './linalg-common.js';
import { slogdet } from './linalg-det.js';
import { lower, swapsOf, upper } from './linalg-lu.js';
import { pinv } from './linalg-pinv.js';
import { householderProduct, reflectionsOf } from './linalg-qr.js';
import { inverseOf } from './linalg-solve.js';
import { triangleSolved } from './linalg-triangular.js';
import { matmul } from './matmul.js';
import { pad } from './padding.js';

/**
 * The inverse of square matrices: `linalg.inv`.
 *
 * @throws LinAlgError when a matrix is singular
 * @example
 * tensor([[2, 0], [0, 4]]).inverse(); // [[0.5, 0], [0, 0.25]]
 */
export function inverse(x: Tensor): Tensor {
  return inverseOf({ operation: 'inverse', name: 'x' }, x).y;
}

/**
 * The logarithm of the determinant of square matrices: NaN where that is negative, -∞ where it is 0.
 *
 * @param x […, n, n]
 * @returns […]
 * @example
 * tensor([[Math.E, 0], [0, 1]]).logdet(); // 1
 */
export function logdet(x: Tensor): Tensor {
  checkSquare('logdet', 'x', x);
  const { sign, logabsdet } = slogdet(x);
  return where(lt(sign, 0), Number.NaN, logabsdet);
}

/**
 * The pseudoinverse: `linalg.pinv` with another default.
 *
 * @param args rcond: singular values up to this times the largest count as 0, default 1e-15
 * @throws LinAlgError when a matrix is not finite
 * @example
 * tensor([[1], [1]]).pinverse(); // [[0.5, 0.5]]
 */
export function pinverse(x: Tensor, ...args: [rcond?: number] | [options: { rcond?: number }]): Tensor {
  checkMatrices('pinverse', 'x', x);
  const { rcond = 1e-15 } = optionsOf<{ rcond: number }>('pinverse', args, ['rcond']);
  return pinv(x, { rtol: checkReal('pinverse', 'rcond', rcond) });
}

/** By position or in options. */
export type UpperArguments = [upper?: boolean] | [options: { upper?: boolean }];

function upperOf(operation: string, args: readonly unknown[]): boolean {
  const { upper } = optionsOf<{ upper: boolean }>(operation, args, ['upper']);
  return checkFlag(operation, 'upper', upper, false);
}

function solvedByFactor(b: Tensor, L: Tensor, upper: boolean): Tensor {
  const first = triangleSolved(L, b, { upper, transposed: upper });
  return triangleSolved(L, first, { upper, transposed: !upper });
}

/**
 * The solution X of A · X = B, given the Cholesky factor of A.
 *
 * @param b […, n, k]
 * @param L […, n, n]: A is L · Lᵀ, or Lᵀ · L with `upper`; leading dimensions broadcast
 * @param args upper: default false
 * @throws ShapeError when shapes do not fit
 * @example
 * choleskySolve(tensor([[4]]), tensor([[2]])); // [[1]]
 */
export function choleskySolve(b: Tensor, L: Tensor, ...args: UpperArguments): Tensor {
  const { rows } = checkMatrices('choleskySolve', 'b', b);
  const sizes = checkSquare('choleskySolve', 'L', L);
  checkSameDType('choleskySolve', ['b', 'L'], [b, L]);
  const upper = upperOf('choleskySolve', args);
  if (sizes.rows !== rows) {
    const got = `got b ${formatShape(b.dims)} and L ${formatShape(L.dims)}`;
    throw new ShapeError(`choleskySolve: b must have as many rows as L, ${got}`);
  }
  const [wideL, wideB] = broadcastMatrices('choleskySolve', L, b);
  return solvedByFactor(wideB, wideL, upper);
}

/**
 * The inverse of A, given its Cholesky factor.
 *
 * @param L […, n, n]: A is L · Lᵀ, or Lᵀ · L with `upper`
 * @param args upper: default false
 * @example
 * tensor([[2]]).choleskyInverse(); // [[0.25]]
 */
export function choleskyInverse(L: Tensor, ...args: UpperArguments): Tensor {
  const { lead, rows } = checkSquare('choleskyInverse', 'L', L);
  return solvedByFactor(eyes(lead, rows, L), L, upperOf('choleskyInverse', args));
}

/**
 * The QR factorisation in LAPACK's form: R on and above the diagonal of `a`, the vectors of the Householder reflections below it.
 * It has no gradient; `linalg.qr` has one.
 *
 * @param x […, m, n]
 * @returns a […, m, n], and tau […, min(m, n)], the factors of the reflections, as `orgqr` and `ormqr` take them
 * @example
 * tensor([[3], [4]]).geqrf().a; // [[-5], [0.5]]
 */
export function geqrf(x: Tensor): { a: Tensor; tau: Tensor } {
  checkMatrices('geqrf', 'x', x);
  const { a, tau } = reflectionsOf(x);
  const refuse = (): never => {
    throw new AutogradError('geqrf: has no gradient; use linalg.qr');
  };
  recordMany('geqrf', [a, tau], [x], refuse, []);
  return { a, tau };
}

/** Options of `ormqr`. */
export interface OrmqrOptions {
  /** Whether Q is on the left; default true. */
  left?: boolean;
  /** Whether Qᵀ is meant instead of Q; default false. */
  transpose?: boolean;
}

/**
 * Q · other, where Q […, m, m] is the product of Householder reflections H₁ · H₂ · …, as `geqrf` gives them.
 *
 * @param x […, m, n], n ≤ m
 * @param tau […, k], k ≤ n
 * @param other […, m, c], or […, c, m] without `left`
 * @param args left: default true; transpose: default false
 * @throws ShapeError when shapes do not fit
 * @example
 * ormqr(tensor([[1], [1]]), tensor([1]), tensor([[2], [3]])); // [[-3], [-2]]
 */
export function ormqr(
  x: Tensor,
  tau: Tensor,
  other: Tensor,
  ...args: [left?: boolean, transpose?: boolean] | [left: boolean, options: OrmqrOptions] | [options: OrmqrOptions]
): Tensor {
  const { rows, columns } = checkMatrices('ormqr', 'x', x);
  checkMatrices('ormqr', 'other', other);
  checkSameDType('ormqr', ['x', 'other'], [x, other]);
  const o = optionsOf<OrmqrOptions>('ormqr', args, ['left', 'transpose']);
  const left = checkFlag('ormqr', 'left', o.left, true);
  const transpose = checkFlag('ormqr', 'transpose', o.transpose, false);
  if (columns > rows || other.dims.at(left ? -2 : -1) !== rows) {
    const rule = `x must be […, m, n] with n ≤ m and other have m ${left ? 'rows' : 'columns'}`;
    throw new ShapeError(`ormqr: ${rule}, got x ${formatShape(x.dims)} and other ${formatShape(other.dims)}`);
  }
  const Q = householderProduct(columns < rows ? pad(x, [0, rows - columns]) : x, tau);
  return left ? matmul(transpose ? mT(Q) : Q, other) : matmul(other, transpose ? mT(Q) : Q);
}

/** Options of `luUnpack`. */
export interface LuUnpackOptions {
  /** Whether to return L and U; default true. */
  unpackData?: boolean;
  /** Whether to return P; default true. */
  unpackPivots?: boolean;
}

/**
 * The parts of A = P · L · U from what `linalg.luFactor` returns, k = min(m, n).
 *
 * @param LU […, m, n]
 * @param pivots int32 […, k]
 * @param args unpackData, unpackPivots: default true
 * @returns P […, m, m], L […, m, k] and U […, k, n]; [0] in place of what is not asked for
 * @throws ShapeError when shapes do not fit
 * @example
 * const { LU, pivots } = linalg.luFactor(tensor([[1, 2], [2, 2]]));
 * luUnpack(LU, pivots).P; // [[0, 1], [1, 0]]
 */
export function luUnpack(
  LU: Tensor,
  pivots: Tensor,
  ...args:
    | [unpackData?: boolean, unpackPivots?: boolean]
    | [unpackData: boolean, options: LuUnpackOptions]
    | [options: LuUnpackOptions]
): { P: Tensor; L: Tensor; U: Tensor } {
  const { lead, rows, columns } = checkMatrices('luUnpack', 'LU', LU);
  checkInt32('luUnpack', 'pivots', pivots);
  if (!sameShape(pivots.dims, [...lead, Math.min(rows, columns)])) {
    const got = `got LU ${formatShape(LU.dims)} and pivots ${formatShape(pivots.dims)}`;
    throw new ShapeError(`luUnpack: pivots must be one for each row or column of LU, whichever are fewer, ${got}`);
  }
  const o = optionsOf<LuUnpackOptions>('luUnpack', args, ['unpackData', 'unpackPivots']);
  const data = checkFlag('luUnpack', 'unpackData', o.unpackData, true);
  const isWanted = checkFlag('luUnpack', 'unpackPivots', o.unpackPivots, true);
  const none = (): Tensor => empty([0], LU.dtype);
  return {
    P: isWanted ? noGrad(() => mT(swapsOf('luUnpack', { LU, pivots }))) : none(),
    L: data ? lower(LU) : none(),
    U: data ? upper(LU) : none(),
  };
}

export { householderProduct as orgqr } from './linalg-qr.js';
