// Singular value decomposition, and what follows from it: pseudoinverse, least squares, rank.
import { optionsOf } from '../arguments.js';
import { isRecorded, noGrad, record, recordMany } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { checkChoice, checkFlag, formatShape, LinAlgError, ShapeError } from '../errors.js';
import { kernel } from '../native.js';
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
  eyes,
  mT,
  placeOf,
  sizesOf,
} from './linalg-common.js';
import { eigh, valuesOf } from './linalg-eigh.js';
import { factorQr } from './linalg-qr.js';
import { matmul } from './matmul.js';
import { sum } from './reduce.js';
import { max } from './reduce-extremes.js';
import { reshaped } from './shape.js';
import { cat, slice } from './shape-slice.js';

const svdKernel = kernel('svd', 'u s vh x count m n');

/** What `linalg.svd` returns. */
export interface Svd {
  /** […, m, k], or […, m, m] with `fullMatrices`; orthonormal columns. */
  U: Tensor;
  /** […, k], descending. */
  S: Tensor;
  /** […, k, n], or […, n, n] with `fullMatrices`; orthonormal rows. */
  Vh: Tensor;
}

function run(operation: string, a: Tensor, vectors: boolean): Svd {
  const { lead, count, rows, columns } = sizesOf(a);
  const k = Math.min(rows, columns);
  const U = empty(vectors ? [...lead, rows, k] : [0], a.dtype);
  const S = empty([...lead, k], a.dtype);
  const Vh = empty(vectors ? [...lead, k, columns] : [0], a.dtype);
  const fault = svdKernel(U.handle, S.handle, Vh.handle, a.handle, count, rows, columns);
  checkFault(fault, ({ position }) => {
    const got = `got one with NaN or infinities${placeOf(lead, position)}`;
    return new LinAlgError(`${operation}: a must be finite, ${got}`);
  });
  return { U, S, Vh };
}

// dA = U · (((X · S + S · Y) / E) + diag(dS)) · Vᵀ, where X = Uᵀ · dU - dUᵀ · U, Y = Vᵀ · dV - dVᵀ · V and Eᵢⱼ = Sⱼ² - Sᵢ² beside the
// diagonal, and what dU and dV have beside the columns of U and V (Townsend, "Differentiating the singular value decomposition",
// 2016).
function gradient({ U, S, Vh }: Svd, dU: Tensor | null, dS: Tensor | null, dVh: Tensor | null): Tensor {
  const { lead, rows, columns: k } = sizesOf(U);
  const n = Vh.dims.at(-1) as number;
  const ones = eyes(lead, k, S);
  const skew = (x: Tensor): Tensor => sub(x, mT(x));
  let inner: Tensor | null = dS === null ? null : mul(ones, asColumns(dS));
  const put = (part: Tensor): void => {
    inner = inner === null ? part : add(inner, part);
  };
  const gaps = (): Tensor => add(sub(asRows(square(S)), asColumns(square(S))), ones);
  if (dU !== null) put(div(mul(skew(matmul(U, dU, { transposeA: true })), asRows(S)), gaps()));
  if (dVh !== null) put(div(mul(skew(matmul(Vh, dVh, { transposeB: true })), asColumns(S)), gaps()));
  let dA = matmul(matmul(U, inner as unknown as Tensor), Vh);
  if (dU !== null && rows > k) {
    const scaled = div(dU, asRows(S));
    dA = add(dA, matmul(sub(scaled, matmul(U, matmul(U, scaled, { transposeA: true }))), Vh));
  }
  if (dVh !== null && n > k) {
    const scaled = div(dVh, asColumns(S));
    dA = add(dA, matmul(U, sub(scaled, matmul(matmul(scaled, Vh, { transposeB: true }), Vh))));
  }
  return dA;
}

function decomposed(operation: string, a: Tensor): Svd {
  const y = run(operation, a, true);
  const { U, S, Vh } = y;
  const backward = ([dU, dS, dVh]: readonly (Tensor | null)[]) => [gradient(y, dU ?? null, dS ?? null, dVh ?? null)];
  recordMany(operation, [U, S, Vh], [a], backward, [U, S, Vh]);
  return y;
}

// Orthonormal columns, completed to a square matrix; the new ones have no gradient.
function completed(U: Tensor): Tensor {
  const { rows, columns } = sizesOf(U);
  if (rows === columns) return U;
  return cat([U, noGrad(() => slice(factorQr(U, 'all').Q, { dim: -1, start: columns, end: rows }))], { dim: -1 });
}

/**
 * The singular value decomposition A = U · diag(S) · Vh. The signs of a pair of vectors are arbitrary, and so is the choice of
 * vectors of one value; therefore gradients of the vectors are finite only where all singular values differ and, if A is
 * not square, none is 0. The columns of U and rows of Vh beyond k = min(m, n) have no gradient.
 *
 * @param a […, m, n]
 * @param args fullMatrices: whether U and Vh are square; default true, as in PyTorch
 * @returns U […, m, m], S […, k], descending, and Vh […, n, n]; without `fullMatrices` U […, m, k] and Vh […, k, n]
 * @throws LinAlgError when a matrix is not finite
 * @example
 * linalg.svd(tensor([[3, 0], [0, 4]])).S; // [4, 3]
 */
export function svd(a: Tensor, ...args: [fullMatrices?: boolean] | [options: { fullMatrices?: boolean }]): Svd {
  checkMatrices('linalg.svd', 'a', a);
  const { fullMatrices } = optionsOf<{ fullMatrices: boolean }>('linalg.svd', args, ['fullMatrices']);
  const full = checkFlag('linalg.svd', 'fullMatrices', fullMatrices, true);
  const y = decomposed('linalg.svd', a);
  return full ? { U: completed(y.U), S: y.S, Vh: mT(completed(mT(y.Vh))) } : y;
}

/**
 * The singular values, without the vectors if no gradient is wanted.
 *
 * @param a […, m, n]
 * @returns […, min(m, n)], descending
 * @throws LinAlgError when a matrix is not finite
 * @example
 * linalg.svdvals(tensor([[3, 0], [0, 4]])); // [4, 3]
 */
export function svdvals(a: Tensor): Tensor {
  checkMatrices('linalg.svdvals', 'a', a);
  return singularValues('linalg.svdvals', a);
}

/** @internal */
export function singularValues(operation: string, a: Tensor): Tensor {
  return (isRecorded([a]) ? decomposed(operation, a) : run(operation, a, false)).S;
}

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

/** @internal 1 where a singular value counts, uint8. */
export function counted(operation: string, a: Tensor, S: Tensor, { atol, rtol }: Tolerances): Tensor {
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

/** @internal The pseudoinverse off the tape, the singular values, and which of them count. */
function pseudoinverse(operation: string, a: Tensor, o: PinvOptions): { y: Tensor; S: Tensor; kept: Tensor } {
  return noGrad(() => {
    if (o.hermitian) {
      const { eigenvalues: L, eigenvectors: V } = eigh(a);
      const kept = counted(operation, a, abs(L), o);
      return { y: matmul(mul(V, asRows(inverses(L, kept))), V, { transposeB: true }), S: abs(L), kept };
    }
    const { U, S, Vh } = run(operation, a, true);
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

/**
 * The polar decomposition A = U · H: the columns of U are orthonormal, H is symmetric and has no negative eigenvalue. U is
 * the nearest matrix to A with orthonormal columns. The gradient is finite only where all singular values differ.
 *
 * @param a […, m, n], m ≥ n
 * @returns U […, m, n] and H […, n, n]
 * @throws LinAlgError when a matrix is not finite; ShapeError when m < n
 * @example
 * linalg.polar(tensor([[0, -2], [3, 0]])).H; // [[3, 0], [0, 2]]
 */
export function polar(a: Tensor): { U: Tensor; H: Tensor } {
  const { rows, columns } = checkMatrices('linalg.polar', 'a', a);
  if (rows < columns) {
    throw new ShapeError(`linalg.polar: a must have at least as many rows as columns, got a ${formatShape(a.dims)}`);
  }
  const { U, S, Vh } = decomposed('linalg.polar', a);
  return { U: matmul(U, Vh), H: matmul(Vh, mul(Vh, asColumns(S)), { transposeA: true }) };
}
