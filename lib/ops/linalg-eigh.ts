// Eigenvalues of symmetric matrices, and functions of them.
import { optionsOf } from '../arguments.js';
import { isRecorded, noGrad, recordMany } from '../autograd/tape.js';
import { checkChoice } from '../errors.js';
import { kernel } from '../native.js';
import { empty, type Tensor } from '../tensor.js';
import { add, div, mul, sqrt, sub } from './elementwise.js';
import { asColumns, asRows, checkSquare, eyes, mT, sizesOf } from './linalg-common.js';
import { matmul } from './matmul.js';

const eighKernel = kernel('eigh', 'values vectors x count n');

/** The triangle of a symmetric matrix that is read: the lower one by default. */
export type Uplo = 'L' | 'U';
/** By position or in options. */
export type UploArguments = [UPLO?: Uplo] | [options: { UPLO?: Uplo }];

/** What `linalg.eigh` returns. */
export interface Eigen {
  /** […, n], ascending. */
  eigenvalues: Tensor;
  /** […, n, n], in columns. */
  eigenvectors: Tensor;
}

// dA = V · (X / E + diag(dL)) · Vᵀ, where Eᵢⱼ = Lⱼ - Lᵢ beside the diagonal and X is the antisymmetric part of Vᵀ · dV, as a symmetric
// matrix changes by symmetric ones (Giles 2008, 3.1).
function gradient(L: Tensor, V: Tensor, dL: Tensor | null, dV: Tensor | null): Tensor {
  const { lead, rows } = sizesOf(V);
  const ones = eyes(lead, rows, V);
  let inner: Tensor | null = dL === null ? null : mul(ones, asColumns(dL));
  if (dV !== null) {
    const beside = sub(1, ones);
    const turned = matmul(V, dV, { transposeA: true });
    const between = div(mul(sub(turned, mT(turned)), mul(beside, 0.5)), add(sub(asRows(L), asColumns(L)), ones));
    inner = inner === null ? between : add(inner, between);
  }
  return matmul(matmul(V, inner as Tensor), V, { transposeB: true });
}

function symmetric(operation: string, a: Tensor, UPLO: Uplo): Eigen {
  const { lead, count, rows } = checkSquare(operation, 'a', a);
  const x = UPLO === 'U' ? noGrad(() => mT(a)) : a;
  const L = empty([...lead, rows], a.dtype);
  const V = empty(a.dims, a.dtype);
  eighKernel(L.handle, V.handle, x.handle, count, rows);
  recordMany(operation, [L, V], [a], ([dL, dV]) => [gradient(L, V, dL ?? null, dV ?? null)], [L, V]);
  return { eigenvalues: L, eigenvectors: V };
}

function uploOf(operation: string, args: readonly unknown[]): Uplo {
  const { UPLO } = optionsOf<{ UPLO: Uplo }>(operation, args, ['UPLO']);
  return checkChoice(operation, 'UPLO', UPLO, ['L', 'U'], 'L');
}

/**
 * Eigenvalues and orthonormal eigenvectors of symmetric matrices: A = V · diag(L) · Vᵀ. Only one triangle is read. A vector's sign
 * is arbitrary, and so is the choice of vectors of one eigenvalue; therefore gradients of the vectors are finite only where
 * all eigenvalues differ. A matrix that is not finite gives NaN.
 *
 * @param a […, n, n]
 * @param args UPLO: the triangle that is read, default `L`
 * @returns eigenvalues […, n], ascending, and eigenvectors […, n, n], in columns
 * @example
 * linalg.eigh(tensor([[2, 0], [0, 1]])).eigenvalues; // [1, 2]
 */
export function eigh(a: Tensor, ...args: UploArguments): Eigen {
  return symmetric('linalg.eigh', a, uploOf('linalg.eigh', args));
}

/**
 * The eigenvalues of symmetric matrices, without the vectors if no gradient is wanted.
 *
 * @param a […, n, n]
 * @param args UPLO: the triangle that is read, default `L`
 * @returns […, n], ascending
 * @example
 * linalg.eigvalsh(tensor([[0, 1], [1, 0]])); // [-1, 1]
 */
export function eigvalsh(a: Tensor, ...args: UploArguments): Tensor {
  return valuesOf('linalg.eigvalsh', a, uploOf('linalg.eigvalsh', args));
}

/** @internal The eigenvalues. */
export function valuesOf(operation: string, a: Tensor, UPLO: Uplo): Tensor {
  const { lead, count, rows } = checkSquare(operation, 'a', a);
  if (isRecorded([a])) return symmetric(operation, a, UPLO).eigenvalues;
  const L = empty([...lead, rows], a.dtype);
  eighKernel(L.handle, empty([0], a.dtype).handle, (UPLO === 'U' ? mT(a) : a).handle, count, rows);
  return L;
}

/**
 * The symmetric square root X of symmetric positive definite matrices: X · X = A. Only the lower triangle is read. Its gradient
 * is finite only where all eigenvalues differ.
 *
 * @param a […, n, n]
 * @returns […, n, n]; NaN where an eigenvalue is negative
 * @example
 * linalg.matrixSqrth(tensor([[4, 0], [0, 9]])); // [[2, 0], [0, 3]]
 */
export function matrixSqrth(a: Tensor): Tensor {
  const { eigenvalues, eigenvectors } = symmetric('linalg.matrixSqrth', a, 'L');
  return matmul(mul(eigenvectors, asRows(sqrt(eigenvalues))), eigenvectors, { transposeB: true });
}
