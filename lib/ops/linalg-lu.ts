// LU factorisation as a result of its own.
import { optionsOf } from '../arguments.js';
import { isRecorded, noGrad, record } from '../autograd/tape.js';
import { checkFlag, formatShape, LinAlgError, ShapeError } from '../errors.js';
import { sameShape } from '../shape.js';
import { checkInt32, checkSameDType, type Tensor } from '../tensor.js';
import { to } from './copy.js';
import { arange } from './creation.js';
import { add } from './elementwise.js';
import { broadcastMatrices, checkMatrices, checkSquare, eyes, mT, sizesOf } from './linalg-common.js';
import { type Factors, factored, firstZero, solved } from './linalg-solve.js';
import { triangleSolved } from './linalg-triangular.js';
import { matmul } from './matmul.js';
import { expand, tril, triu } from './shape.js';
import { cat, slice } from './shape-slice.js';

/** @internal The permutation matrix Q of Q · A = L · U, off the tape: the swaps of rows, done to ones. */
export function swapsOf(operation: string, { LU, pivots }: Factors): Tensor {
  return noGrad(() => {
    const { lead, rows } = sizesOf(LU);
    const k = pivots.dims.at(-1) as number;
    const rest = expand(to(arange(k + 1, rows + 1), 'int32'), [...lead, rows - k]);
    const all = rows === k ? pivots : cat([pivots, rest], { dim: -1 });
    const ones = eyes(lead, rows, LU);
    return solved({ operation, name: 'LU' }, ones, { LU: ones, pivots: all }, ones, false);
  });
}

/** @internal */
export const lower = (LU: Tensor): Tensor => {
  const { lead, rows, columns } = sizesOf(LU);
  const k = Math.min(rows, columns);
  const left = columns === k ? LU : slice(LU, { dim: -1, start: 0, end: k });
  const ones = eyes(lead, rows, LU);
  return add(tril(left, { diagonal: -1 }), rows === k ? ones : slice(ones, { dim: -1, start: 0, end: k }));
};
/** @internal */
export const upper = (LU: Tensor): Tensor => {
  const k = Math.min(...LU.dims.slice(-2));
  return triu(slice(LU, { dim: -2, start: 0, end: k }));
};

// dA = Qᵀ · L⁻ᵀ · (tril(Lᵀ · dL, -1) + triu(dU · Uᵀ)) · U⁻¹ᵀ (de Hoog, Anderssen and Lukas, "Differentiation of matrix functionals
// using triangular factorization", 2011).
function squareGradient(LU: Tensor, Q: Tensor, dLU: Tensor): Tensor {
  const dL = tril(dLU, { diagonal: -1 });
  const inL = tril(matmul(lower(LU), dL, { transposeA: true }), { diagonal: -1 });
  const inU = triu(matmul(triu(dLU), triu(LU), { transposeB: true }));
  const right = mT(triangleSolved(LU, mT(add(inL, inU)), { upper: true }));
  return matmul(Q, triangleSolved(LU, right, { upper: false, transposed: true, unit: true }), { transposeA: true });
}

// A square matrix has a gradient of its own. Others are composed: the first k rows and columns of Q · A are L₁ · U₁, and
// what remains is L₂ · U₁ or L₁ · U₂.
function recorded(a: Tensor, factors: Factors): Tensor {
  const { LU } = factors;
  const { rows, columns } = sizesOf(a);
  const k = Math.min(rows, columns);
  if (!isRecorded([a])) return LU;
  const Q = swapsOf('linalg.luFactor', factors);
  if (rows === columns) return record('linalg.luFactor', LU, [a], (dLU) => [squareGradient(LU, Q, dLU)], [Q, LU]);
  const dim = rows > columns ? -2 : -1;
  const swapped = matmul(Q, a);
  const first = slice(swapped, { dim, start: 0, end: k });
  const rest = slice(swapped, { dim, start: k, end: Math.max(rows, columns) });
  const square = recorded(first, factored(first));
  const solution =
    dim === -2
      ? mT(triangleSolved(square, mT(rest), { upper: true, transposed: true }))
      : triangleSolved(square, rest, { upper: false, unit: true });
  return cat([square, solution], { dim });
}

/**
 * The LU factorisation with partial pivoting in one matrix, as `linalg.luSolve` takes it: U on and above the diagonal, L
 * below, whose diagonal of ones is not stored.
 *
 * @param a […, m, n]
 * @returns LU […, m, n], and pivots, int32 […, min(m, n)]: row i was swapped with row pivots[i] - 1
 * @throws LinAlgError never: a singular matrix has a factorisation, whose U has a zero on its diagonal
 * @example
 * linalg.luFactor(tensor([[1, 2], [2, 2]])).pivots; // [2, 2]
 */
export function luFactor(a: Tensor): Factors {
  checkMatrices('linalg.luFactor', 'a', a);
  const factors = factored(a);
  return { LU: recorded(a, factors), pivots: factors.pivots };
}

/**
 * Like `linalg.luFactor`, and tells in `info` which matrices have a zero pivot.
 *
 * @param options checkErrors: whether a zero pivot is an error; default false
 * @returns LU, pivots, and info: int32, the number of the first zero pivot of each matrix, from 1 on, or 0
 * @throws LinAlgError for a zero pivot when `checkErrors` is true
 * @example
 * linalg.luFactorEx(zeros([2, 2])).info; // 1
 */
export function luFactorEx(a: Tensor, options?: { checkErrors?: boolean }): Factors & { info: Tensor } {
  const { checkErrors } = optionsOf<{ checkErrors: boolean }>('linalg.luFactorEx', [options], [], ['checkErrors']);
  const strict = checkFlag('linalg.luFactorEx', 'checkErrors', checkErrors, false);
  const factors = luFactor(a);
  const info = firstZero(factors.LU);
  if (strict && info.toTypedArray().some((i) => i !== 0)) {
    throw new LinAlgError(`linalg.luFactorEx: a must have no zero pivot, got info ${info.toTypedArray().join(', ')}`);
  }
  return { ...factors, info };
}

/**
 * The LU factorisation A = P · L · U with partial pivoting, k = min(m, n): P is a permutation matrix, L has ones on its diagonal.
 *
 * @param a […, m, n]
 * @returns P […, m, m], which has no gradient, L […, m, k] and U […, k, n]
 * @example
 * linalg.lu(tensor([[1, 2], [2, 2]])).U; // [[2, 2], [0, 1]]
 */
export function lu(a: Tensor): { P: Tensor; L: Tensor; U: Tensor } {
  checkMatrices('linalg.lu', 'a', a);
  const factors = factored(a);
  const LU = recorded(a, factors);
  return { P: noGrad(() => mT(swapsOf('linalg.lu', factors))), L: lower(LU), U: upper(LU) };
}

/** Options of `linalg.luSolve`. */
export interface LuSolveOptions {
  /** Whether A is on the left of X; default true. */
  left?: boolean;
  /** Whether Aᵀ is meant instead of A; default false. */
  adjoint?: boolean;
}

/**
 * The solution X of A · X = B, or with `left: false` of X · A = B, given the factors of A from `linalg.luFactor`.
 *
 * @param LU […, n, n]
 * @param pivots int32 […, n]
 * @param b […, n, k], or […, k, n] without `left`; leading dimensions broadcast
 * @param options left: default true; adjoint: default false
 * @returns like b
 * @throws LinAlgError when a matrix is singular; ShapeError when shapes do not fit
 * @example
 * const { LU, pivots } = linalg.luFactor(tensor([[2, 0], [0, 4]]));
 * linalg.luSolve(LU, pivots, tensor([[2], [2]])); // [[1], [0.5]]
 */
export function luSolve(LU: Tensor, pivots: Tensor, b: Tensor, options?: LuSolveOptions): Tensor {
  const name = 'linalg.luSolve';
  const { rows } = checkSquare(name, 'LU', LU);
  checkInt32(name, 'pivots', pivots);
  checkMatrices(name, 'b', b);
  checkSameDType(name, ['LU', 'b'], [LU, b]);
  if (!sameShape(pivots.dims, LU.dims.slice(0, -1))) {
    const got = `got LU ${formatShape(LU.dims)} and pivots ${formatShape(pivots.dims)}`;
    throw new ShapeError(`${name}: pivots must have LU's shape without the last dimension, ${got}`);
  }
  const o = optionsOf<LuSolveOptions>(name, [options], [], ['left', 'adjoint']);
  const left = checkFlag(name, 'left', o.left, true);
  const adjoint = checkFlag(name, 'adjoint', o.adjoint, false);
  if (b.dims.at(left ? -2 : -1) !== rows) {
    const rule = `b must have as many ${left ? 'rows' : 'columns'} as LU`;
    throw new ShapeError(`${name}: ${rule}, got LU ${formatShape(LU.dims)} and b ${formatShape(b.dims)}`);
  }
  const [wide, right] = broadcastMatrices(name, LU, b);
  const Q = swapsOf(name, { LU, pivots });
  return left ? solvedBy(wide, Q, right, adjoint) : mT(solvedBy(wide, Q, mT(right), !adjoint));
}

function solvedBy(LU: Tensor, Q: Tensor, b: Tensor, transposed: boolean): Tensor {
  const L = { upper: false, unit: true, transposed };
  const U = { upper: true, transposed };
  if (transposed) return matmul(Q, triangleSolved(LU, triangleSolved(LU, b, U), L), { transposeA: true });
  return triangleSolved(LU, triangleSolved(LU, matmul(Q, b), L), U);
}
