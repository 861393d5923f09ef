// Singular value decomposition, and the polar one, which follows from it.
import { optionsOf } from '../arguments.js';
import { isRecorded, noGrad, recordMany } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { checkFlag, formatShape, LinAlgError, ShapeError } from '../errors.js';
import { kernel } from '../native.js';
import { empty, type Tensor } from '../tensor.js';
import { add, div, mul, square, sub } from './elementwise.js';
import { asColumns, asRows, checkMatrices, eyes, mT, placeOf, sizesOf } from './linalg-common.js';
import { factorQr } from './linalg-qr.js';
import { matmul } from './matmul.js';
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

/** @internal The decomposition off the tape; without `vectors`, U and Vh are empty. */
export function svdOf(operation: string, a: Tensor, vectors: boolean): Svd {
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
  const y = svdOf(operation, a, true);
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
  return (isRecorded([a]) ? decomposed(operation, a) : svdOf(operation, a, false)).S;
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
