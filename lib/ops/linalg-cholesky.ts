import { optionsOf } from '../arguments.js';
import { record } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { checkFlag, LinAlgError } from '../errors.js';
import { kernel } from '../native.js';
import { empty, type Tensor } from '../tensor.js';
import { add, mul } from './elementwise.js';
import { checkSquare, mT, placeOf } from './linalg-common.js';
import { triangleSolved } from './linalg-triangular.js';
import { matmul } from './matmul.js';
import { tril } from './shape.js';

const choleskyKernel = kernel('cholesky', 'l info x count n strict');

/** Options of `linalg.cholesky`. */
export interface CholeskyOptions {
  /** Whether to return the upper factor U of A = Uᵀ · U, and to read the upper triangle; default false. */
  upper?: boolean;
}

/** Options of `linalg.choleskyEx`. */
export interface CholeskyExOptions extends CholeskyOptions {
  /** Whether a matrix that is not positive definite is an error; default false. */
  checkErrors?: boolean;
}

// dA is the symmetric part of L⁻ᵀ · Φ(Lᵀ · dL) · L⁻¹, Φ the lower triangle with half the diagonal (Giles 2008; Murray,
// "Differentiation of the Cholesky decomposition", 2016).
function gradient(L: Tensor, dL: Tensor): Tensor {
  const product = matmul(L, dL, { transposeA: true });
  const half = mul(add(tril(product), tril(product, { diagonal: -1 })), 0.25);
  const inner = triangleSolved(L, add(half, mT(half)), { upper: false, transposed: true });
  return triangleSolved(L, mT(inner), { upper: false, transposed: true });
}

function factor(operation: string, a: Tensor, upper: boolean, strict: boolean): { L: Tensor; info: Tensor } {
  const { lead, count, rows } = checkSquare(operation, 'a', a);
  const x = upper ? mT(a) : a;
  const L = empty(x.dims, x.dtype);
  const info = empty(lead, 'int32');
  const fault = choleskyKernel(L.handle, info.handle, x.handle, count, rows, strict ? 1 : 0);
  checkFault(fault, ({ position, value }) => {
    const got = `got one whose leading minor of order ${value} is not positive${placeOf(lead, position)}`;
    return new LinAlgError(`${operation}: a must be positive definite, ${got}`);
  });
  const y = record(operation, L, [x], (dL) => [gradient(L, dL)], [L]);
  return { L: upper ? mT(y) : y, info };
}

/**
 * The Cholesky factor of symmetric positive definite matrices: A = L · Lᵀ, L lower triangular with a positive diagonal. Only
 * the lower triangle of a is read; the gradient is symmetric.
 *
 * @param a […, n, n]
 * @param options upper: default false; with true the factor U of A = Uᵀ · U, from the upper triangle
 * @returns […, n, n], zeros in the other triangle
 * @throws LinAlgError when a matrix is not positive definite
 * @example
 * linalg.cholesky(tensor([[4, 2], [2, 2]])); // [[2, 0], [1, 1]]
 */
export function cholesky(a: Tensor, options?: CholeskyOptions): Tensor {
  const { upper } = optionsOf<CholeskyOptions>('linalg.cholesky', [options], [], ['upper']);
  return factor('linalg.cholesky', a, checkFlag('linalg.cholesky', 'upper', upper, false), true).L;
}

/**
 * Like `linalg.cholesky`, but tells in `info` which matrices are not positive definite instead of throwing; their factors are not
 * whole.
 *
 * @param options upper: default false; checkErrors: whether such a matrix is an error, default false
 * @returns L, and info: int32, for each matrix the order of the first leading minor that is not positive, or 0
 * @throws LinAlgError when a matrix is not positive definite and `checkErrors` is true
 * @example
 * linalg.choleskyEx(tensor([[4, 0], [0, -1]])).info; // 2
 */
export function choleskyEx(a: Tensor, options?: CholeskyExOptions): { L: Tensor; info: Tensor } {
  const name = 'linalg.choleskyEx';
  const o = optionsOf<CholeskyExOptions>(name, [options], [], ['upper', 'checkErrors']);
  const upper = checkFlag(name, 'upper', o.upper, false);
  return factor(name, a, upper, checkFlag(name, 'checkErrors', o.checkErrors, false));
}
