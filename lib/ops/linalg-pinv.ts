// What depends on which singular values count as 0: pseudoinverse, rank, least squares.
import { optionsOf } from '../arguments.js';
import { noGrad, record } from '../autograd/tape.js';
import { checkChoice, checkFlag, formatShape, ShapeError } from '../errors.js';
import { sameShape } from '../shape.js';
import { checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { to } from './copy.js';
import { abs, add, div, maximum, mul, square, sub } from './elementwise.js';
import { gt, where } from './elementwise-compare.js';
import {
  asColumns,
  asRows,
  broadcastMatrices,
  checkMatrices,
  checkReal,
  checkSquare,
  epsilonOf,
  mT,
  sizesOf,
} from './linalg-common.js';
import { eigh, valuesOf } from './linalg-eigh.js';
import { singularValues, svdOf } from './linalg-svd.js';
import { matmul } from './matmul.js';
import { sum } from './reduce.js';
import { max } from './reduce-extremes.js';
import { reshaped } from './shape.js';

/** Which singular values count as 0: those up to the larger of `atol` and `rtol` times the largest. */
export interface Tolerances {
  /** Default 0. */
  atol?: number;
  /** Default: the larger size of the matrix times the rounding error of its dtype; 0 if `atol` is given. */
  rtol?: number;
}

/** Options of `linalg.pinv` and `linalg.matrixRank`. */
export interface PinvOptions extends Tolerances {
  /** Whether a is symmetric: its lower triangle is read, and its eigenvalues are computed, which is faster; default false. */
  hermitian?: boolean;
}

// 1 where a singular value counts, uint8.
function counted(operation: string, a: Tensor, S: Tensor, { atol, rtol }: Tolerances): Tensor {
  const { rows, columns } = sizesOf(a);
  const absolute = checkReal(operation, 'atol', atol ?? 0);
  const fallback = absolute > 0 ? 0 : Math.max(rows, columns) * epsilonOf(a);
  const relative = checkReal(operation, 'rtol', rtol ?? fallback);
  if (S.size === 0) return gt(S, 0);
  return gt(S, maximum(mul(max(S, { dim: -1, keepDim: true }).values, relative), absolute));
}

const pinvNames = ['atol', 'rtol', 'hermitian'] as const;

function checkPinv(operation: string, a: Tensor, options: PinvOptions | undefined): PinvOptions {
  const o = optionsOf<PinvOptions>(operation, [options], [], pinvNames);
  const hermitian = checkFlag(operation, 'hermitian', o.hermitian, false);
  if (hermitian) checkSquare(operation, 'a', a);
  else checkMatrices(operation, 'a', a);
  return { ...o, hermitian };
}

const inverses = (S: Tensor, kept: Tensor): Tensor => where(kept, div(1, where(kept, S, 1)), 0);

// The pseudoinverse off the tape, the singular values, and which of them count.
function pseudoinverse(operation: string, a: Tensor, o: PinvOptions): { y: Tensor; S: Tensor; kept: Tensor } {
  return noGrad(() => {
    if (o.hermitian) {
      const { eigenvalues: L, eigenvectors: V } = eigh(a);
      const kept = counted(operation, a, abs(L), o);
      return { y: matmul(mul(V, asRows(inverses(L, kept))), V, { transposeB: true }), S: abs(L), kept };
    }
    const { U, S, Vh } = svdOf(operation, a, true);
    const kept = counted(operation, a, S, o);
    const scaled = mul(Vh, asColumns(inverses(S, kept)));
    return { y: mT(matmul(U, scaled)), S, kept };
  });
}

// Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate", 1973.
function pinvGradient(a: Tensor, P: Tensor, dP: Tensor): Tensor {
  const { rows, columns } = sizesOf(a);
  const Pt = mT(P);
  const G = mT(dP);
  if (rows <= columns) {
    const K = matmul(G, P);
    const KPt = matmul(K, Pt);
    const first = sub(KPt, matmul(a, matmul(P, KPt)));
    const second = matmul(matmul(Pt, P), sub(G, matmul(K, a)));
    return add(sub(first, mT(matmul(P, K))), second);
  }
  const K = matmul(P, G);
  const PtK = matmul(Pt, K);
  const first = matmul(matmul(sub(G, matmul(a, K)), P), Pt);
  const second = sub(PtK, matmul(matmul(PtK, P), a));
  return add(sub(first, mT(matmul(K, P))), second);
}

function recordedPinv(operation: string, a: Tensor, o: PinvOptions): { P: Tensor; S: Tensor; kept: Tensor } {
  const { y, S, kept } = pseudoinverse(operation, a, o);
  const P = record(operation, y, [a], (dP) => [pinvGradient(a, P, dP)], [a, y]);
  return { P, S, kept };
}

/**
 * The Moore-Penrose pseudoinverse, by the singular value decomposition. To multiply it with something, use `linalg.lstsq`.
 * The gradient is right where the rank does not change nearby.
 *
 * @param a […, m, n]
 * @param options atol, rtol: which singular values count as 0; hermitian: default false
 * @returns […, n, m]
 * @throws LinAlgError when a matrix is not finite
 * @example
 * linalg.pinv(tensor([[1], [1]])); // [[0.5, 0.5]]
 */
export function pinv(a: Tensor, options?: PinvOptions): Tensor {
  const o = checkPinv('linalg.pinv', a, options);
  return recordedPinv('linalg.pinv', a, o).P;
}

/**
 * The number of singular values that do not count as 0.
 *
 * @param a […, m, n]
 * @param options atol, rtol: which singular values count as 0; hermitian: default false
 * @returns int32 […]
 * @throws LinAlgError when a matrix is not finite
 * @example
 * linalg.matrixRank(tensor([[1, 2], [2, 4]])); // 1
 */
export function matrixRank(a: Tensor, options?: PinvOptions): Tensor {
  const o = checkPinv('linalg.matrixRank', a, options);
  return noGrad(() => {
    const S = o.hermitian ? abs(valuesOf('linalg.matrixRank', a, 'L')) : singularValues('linalg.matrixRank', a);
    return rankOf(counted('linalg.matrixRank', a, S, o));
  });
}

const rankOf = (kept: Tensor): Tensor => sum(to(kept, 'int32'), { dim: -1 });

/** Options of `linalg.lstsq`. */
export interface LstsqOptions {
  /** Singular values up to this times the largest count as 0; default: the larger size of a times its dtype's rounding error. */
  rcond?: number;
  /** PyTorch's names, all for one algorithm here. */
  driver?: 'gels' | 'gelsy' | 'gelsd' | 'gelss';
}

/** What `linalg.lstsq` returns. */
export interface LeastSquares {
  /** […, n, k], or […, n]. */
  solution: Tensor;
  /** […, k], the sums of squares of A · X - B, or [0] where a has no more rows than columns. */
  residuals: Tensor;
  /** int32 […], of a. */
  rank: Tensor;
  /** […, min(m, n)], of a. */
  singularValues: Tensor;
}

/**
 * The X that makes ‖A · X - B‖ least, and of these the shortest, by the singular value decomposition: a may have any rank. The
 * gradient is right where the rank does not change nearby.
 *
 * @param a […, m, n]
 * @param b […, m, k], or […, m] with a's leading dimensions; leading dimensions broadcast
 * @param args rcond; options: rcond, driver
 * @throws LinAlgError when a matrix of a is not finite; ShapeError when shapes do not fit
 * @example
 * linalg.lstsq(tensor([[1], [1]]), tensor([[1], [3]])).solution; // [[2]]
 */
export function lstsq(
  a: Tensor,
  b: Tensor,
  ...args: [rcond?: number, options?: LstsqOptions] | [options: LstsqOptions]
): LeastSquares {
  const name = 'linalg.lstsq';
  const { lead, rows, columns } = checkMatrices(name, 'a', a);
  checkTensor(name, 'b', b);
  checkSameDType(name, ['a', 'b'], [a, b]);
  const { rcond, driver } = optionsOf<LstsqOptions>(name, args, ['rcond'], ['driver']);
  checkChoice(name, 'driver', driver, ['gels', 'gelsy', 'gelsd', 'gelss'], 'gelsy');
  const isVectors = sameShape(b.dims, [...lead, rows]);
  const right = isVectors ? reshaped('reshape', b, [...b.dims, 1]) : b;
  checkMatrices(name, 'b', right);
  if (right.dims.at(-2) !== rows) {
    const got = `got a ${formatShape(a.dims)} and b ${formatShape(b.dims)}`;
    throw new ShapeError(`${name}: b must have as many rows as a, ${got}`);
  }
  const [wideA, wideB] = broadcastMatrices(name, a, right);
  const { P, S, kept } = recordedPinv(
    name,
    wideA,
    rcond === undefined ? {} : { rtol: checkReal(name, 'rcond', rcond) },
  );
  const X = matmul(P, wideB);
  const flat = (x: Tensor): Tensor => (isVectors ? reshaped('reshape', x, x.dims.slice(0, -1)) : x);
  const residuals = () => sum(square(sub(matmul(wideA, X), wideB)), { dim: -2 });
  return {
    solution: flat(X),
    residuals: rows > columns ? residuals() : empty([0], a.dtype),
    rank: noGrad(() => rankOf(kept)),
    singularValues: S,
  };
}
