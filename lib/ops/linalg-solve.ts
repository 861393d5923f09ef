// Systems of equations by LU factorisation, and inverses.
import { optionsOf } from '../arguments.js';
import { noGrad, record } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { ArgumentError, checkFlag, formatShape, ShapeError } from '../errors.js';
import { kernel } from '../native.js';
import { sameShape } from '../shape.js';
import { checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { to } from './copy.js';
import { arange } from './creation.js';
import { mul, neg, sub } from './elementwise.js';
import { eq, ne, where } from './elementwise-compare.js';
import {
  broadcastMatrices,
  checkMatrices,
  checkSquare,
  diagonalOf,
  eyes,
  mT,
  singular,
  sizesOf,
} from './linalg-common.js';
import { matmul } from './matmul.js';
import { max } from './reduce-extremes.js';
import { reshaped } from './shape.js';

const luFactorKernel = kernel('luFactor', 'lu pivots x count m n');
const luSolveKernel = kernel('luSolve', 'x lu pivots b count n columns transposed singular');

/** The factors of square matrices, off the tape. */
export interface Factors {
  LU: Tensor;
  /** int32: row i was swapped with row pivots[i] - 1. */
  pivots: Tensor;
}

/** @internal Off the tape. */
export function factored(a: Tensor): Factors {
  const { lead, count, rows, columns } = sizesOf(a);
  const LU = empty(a.dims, a.dtype);
  const pivots = empty([...lead, Math.min(rows, columns)], 'int32');
  luFactorKernel(LU.handle, pivots.handle, a.handle, count, rows, columns);
  return { LU, pivots };
}

/** Where it is asked for a solution: the name for errors, and whether singular matrices are allowed. */
export interface Asked {
  operation: string;
  name: string;
  singular?: boolean;
}

/**
 * @internal The solution x of op(A) · x = b, differentiable in A and b; their leading dimensions are the same. `factors` are
 * those of A. With dx: db = op(A)⁻ᵀ · dx, dA = -db · xᵀ (Giles, "An extended collection of matrix derivative results for forward
 * and reverse mode algorithmic differentiation", 2008).
 */
export function solved(asked: Asked, a: Tensor, factors: Factors, b: Tensor, transposed: boolean): Tensor {
  const { LU, pivots } = factors;
  const { lead, count, rows, columns } = sizesOf(b);
  const x = empty(b.dims, b.dtype);
  const flags = [transposed ? 1 : 0, asked.singular ? 1 : 0];
  const fault = luSolveKernel(x.handle, LU.handle, pivots.handle, b.handle, count, rows, columns, ...flags);
  checkFault(fault, ({ position, value }) => {
    if (Number.isNaN(value)) return singular(asked.operation, asked.name, lead, position);
    const rule = `pivots must be row numbers from 1 to ${rows}, got ${value} (element ${position})`;
    return new ArgumentError(`${asked.operation}: ${rule}`);
  });
  const backward = (dx: Tensor, needs: readonly boolean[]) => {
    const db = solved(asked, a, factors, dx, !transposed);
    const [left, right] = transposed ? [x, db] : [db, x];
    return [needs[0] ? neg(matmul(left, right, { transposeB: true })) : null, db];
  };
  return record(asked.operation, x, [a, b], backward, [a, LU, pivots, x]);
}

/** Whether b is one vector for each matrix of a, as PyTorch decides it. */
function isVectors(a: Tensor, b: Tensor): boolean {
  return b.rank === 1 || (a.rank - 1 === b.rank && sameShape(b.dims, a.dims.slice(0, -1)));
}

/** @internal a and b of a system, checked and broadcast, b as matrices; `finish` gives the result b's form. */
export function systemOf(
  operation: string,
  a: Tensor,
  b: Tensor,
  left: boolean,
): { a: Tensor; b: Tensor; finish: (x: Tensor) => Tensor } {
  const { rows } = checkSquare(operation, 'a', a);
  checkTensor(operation, 'b', b);
  checkSameDType(operation, ['a', 'b'], [a, b]);
  const vectors = isVectors(a, b) && left;
  if (vectors) b = reshaped('reshape', b, [...b.dims, 1]);
  checkMatrices(operation, 'b', b);
  if (b.dims.at(left ? -2 : -1) !== rows) {
    const rule = left ? 'b must have as many rows as a' : 'b must have as many columns as a';
    throw new ShapeError(`${operation}: ${rule}, got a ${formatShape(a.dims)} and b ${formatShape(b.dims)}`);
  }
  const [wideA, wideB] = broadcastMatrices(operation, a, b);
  const finish = (x: Tensor) => (vectors ? reshaped('reshape', x, x.dims.slice(0, -1)) : x);
  return { a: wideA, b: wideB, finish };
}

function solveBy(asked: Asked, a: Tensor, b: Tensor, left: boolean): { x: Tensor; factors: Factors } {
  const system = systemOf(asked.operation, a, b, left);
  const factors = factored(system.a);
  const x = left
    ? solved(asked, system.a, factors, system.b, false)
    : mT(solved(asked, system.a, factors, mT(system.b), true));
  return { x: system.finish(x), factors };
}

/**
 * The solution X of A · X = B, or with `left: false` of X · A = B, by LU factorisation with partial pivoting.
 *
 * | a | b | y |
 * |---|---|---|
 * | […, n, n] | […, n, k], or k, n without `left` | like b; leading dimensions broadcast |
 * | […, n, n] | […, n] with a's leading dimensions, or [n] | […, n] |
 *
 * @param options left: default true
 * @throws LinAlgError when a matrix is singular; ShapeError when shapes do not fit
 * @example
 * linalg.solve(tensor([[2, 0], [0, 4]]), tensor([2, 2])); // [1, 0.5]
 */
export function solve(a: Tensor, b: Tensor, options?: { left?: boolean }): Tensor {
  const { left } = optionsOf<{ left: boolean }>('linalg.solve', [options], [], ['left']);
  const asked = { operation: 'linalg.solve', name: 'a' };
  return solveBy(asked, a, b, checkFlag('linalg.solve', 'left', left, true)).x;
}

/** Options of `linalg.solveEx`. */
export interface SolveExOptions {
  /** Default true. */
  left?: boolean;
  /** Whether a singular matrix is an error; default false. */
  checkErrors?: boolean;
}

/**
 * Like `linalg.solve`, but tells in `info` which matrices are singular instead of throwing; their results are not finite.
 *
 * @returns result, and info: int32, the number of the first zero pivot of each matrix of a, from 1 on, or 0
 * @throws LinAlgError when a matrix is singular and `checkErrors` is true
 * @example
 * linalg.solveEx(zeros([1, 1]), ones([1])).info; // 1
 */
export function solveEx(a: Tensor, b: Tensor, options?: SolveExOptions): { result: Tensor; info: Tensor } {
  const o = optionsOf<SolveExOptions>('linalg.solveEx', [options], [], ['left', 'checkErrors']);
  const allowed = !checkFlag('linalg.solveEx', 'checkErrors', o.checkErrors, false);
  const asked = { operation: 'linalg.solveEx', name: 'a', singular: allowed };
  const { x, factors } = solveBy(asked, a, b, checkFlag('linalg.solveEx', 'left', o.left, true));
  return { result: x, info: firstZero(factors.LU) };
}

/** @internal The number of the first zero on the diagonal of each matrix, from 1 on, or 0; int32. */
export function firstZero(LU: Tensor): Tensor {
  return noGrad(() => {
    const diagonal = diagonalOf(LU);
    const n = diagonal.dims.at(-1) as number;
    const { lead } = sizesOf(LU);
    if (n === 0) return empty(lead, 'int32').zero_();
    // The earlier, the larger.
    const weights = sub(n + 1, arange(1, n + 1, { dtype: 'float64' }));
    const most = max(mul(to(eq(diagonal, 0), 'float64'), weights), { dim: -1 }).values;
    return to(where(ne(most, 0), sub(n + 1, most), 0), 'int32');
  });
}

/** @internal The inverse, and the factors of a. */
export function inverseOf(asked: Asked, a: Tensor): { y: Tensor; factors: Factors } {
  const { lead, rows } = checkSquare(asked.operation, asked.name, a);
  const factors = factored(a);
  return { y: solved(asked, a, factors, eyes(lead, rows, a), false), factors };
}

/**
 * The inverse of square matrices. `linalg.solve(a, b)` is faster and more accurate than `linalg.inv(a).matmul(b)`.
 *
 * @param a […, n, n]
 * @returns […, n, n]
 * @throws LinAlgError when a matrix is singular
 * @example
 * linalg.inv(tensor([[2, 0], [0, 4]])); // [[0.5, 0], [0, 0.25]]
 */
export function inv(a: Tensor): Tensor {
  return inverseOf({ operation: 'linalg.inv', name: 'a' }, a).y;
}

/**
 * Like `linalg.inv`, but tells in `info` which matrices are singular instead of throwing; their inverses are not finite.
 *
 * @param options checkErrors: whether a singular matrix is an error; default false
 * @returns inverse, and info: int32, the number of the first zero pivot of each matrix, from 1 on, or 0
 * @throws LinAlgError when a matrix is singular and `checkErrors` is true
 * @example
 * linalg.invEx(tensor([[4]])).inverse; // [[0.25]]
 */
export function invEx(a: Tensor, options?: { checkErrors?: boolean }): { inverse: Tensor; info: Tensor } {
  const { checkErrors } = optionsOf<{ checkErrors: boolean }>('linalg.invEx', [options], [], ['checkErrors']);
  const allowed = !checkFlag('linalg.invEx', 'checkErrors', checkErrors, false);
  const { y, factors } = inverseOf({ operation: 'linalg.invEx', name: 'a', singular: allowed }, a);
  return { inverse: y, info: firstZero(factors.LU) };
}
