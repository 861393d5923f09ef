// The factorisation of symmetric indefinite matrices.
import { optionsOf } from '../arguments.js';
import { record } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { ArgumentError, AutogradError, checkFlag, formatShape, LinAlgError, ShapeError } from '../errors.js';
import { kernel } from '../native.js';
import { sameShape } from '../shape.js';
import { checkInt32, checkSameDType, empty, type Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { broadcastMatrices, checkMatrices, checkSquare, sizesOf } from './linalg-common.js';

const ldlFactorKernel = kernel('ldlFactor', 'ld pivots info x count n');
const ldlSolveKernel = kernel('ldlSolve', 'x ld pivots b count n columns');

/** Options of `linalg.ldlFactorEx`. */
export interface LdlFactorExOptions {
  /** Taken for PyTorch's sake: real matrices are symmetric either way. Default false. */
  hermitian?: boolean;
  /** Whether a zero in D is an error; default false. */
  checkErrors?: boolean;
}

/** What `linalg.ldlFactor` returns. */
export interface LdlFactors {
  /** […, n, n], with L below the diagonal, and the blocks of D on and beside it. */
  LD: Tensor;
  /** int32 […, n]: the exchanges of rows; negative, and twice the same, for a block of two. */
  pivots: Tensor;
}

function factor(operation: string, a: Tensor): LdlFactors & { info: Tensor } {
  const { lead, count, rows } = checkSquare(operation, 'a', a);
  const y = empty(a.dims, a.dtype);
  const pivots = empty([...lead, rows], 'int32');
  const info = empty(lead, 'int32');
  ldlFactorKernel(y.handle, pivots.handle, info.handle, a.handle, count, rows);
  const LD = record(operation, y, [a], () => {
    throw new AutogradError(`${operation}: has no gradient; use linalg.solve`);
  });
  return { LD, pivots, info };
}

/**
 * The factorisation P · L · D · Lᵀ · Pᵀ of symmetric matrices, which need not be positive definite: D has blocks of one or two rows on
 * its diagonal. Only the lower triangle is read. It has no gradient.
 *
 * @param a […, n, n]
 * @param options hermitian: without effect on real matrices
 * @returns LD and pivots, as LAPACK's sytrf gives them, for `linalg.ldlSolve`
 * @example
 * linalg.ldlFactor(tensor([[2, 1], [1, 2]])).LD; // [[2, 0], [0.5, 1.5]]
 */
export function ldlFactor(a: Tensor, options?: { hermitian?: boolean }): LdlFactors {
  const { hermitian } = optionsOf<{ hermitian: boolean }>('linalg.ldlFactor', [options], [], ['hermitian']);
  checkFlag('linalg.ldlFactor', 'hermitian', hermitian, false);
  const { LD, pivots } = factor('linalg.ldlFactor', a);
  return { LD, pivots };
}

/**
 * Like `linalg.ldlFactor`, and tells in `info` which matrices have a zero in D.
 *
 * @param options hermitian: without effect on real matrices; checkErrors: whether a zero is an error, default false
 * @returns LD, pivots, and info: int32, the number of the first zero in D of each matrix, from 1 on, or 0
 * @throws LinAlgError for a zero when `checkErrors` is true
 * @example
 * linalg.ldlFactorEx(zeros([2, 2])).info; // 1
 */
export function ldlFactorEx(a: Tensor, options?: LdlFactorExOptions): LdlFactors & { info: Tensor } {
  const name = 'linalg.ldlFactorEx';
  const o = optionsOf<LdlFactorExOptions>(name, [options], [], ['hermitian', 'checkErrors']);
  checkFlag(name, 'hermitian', o.hermitian, false);
  const strict = checkFlag(name, 'checkErrors', o.checkErrors, false);
  const factors = factor(name, a);
  if (strict && factors.info.toTypedArray().some((i) => i !== 0)) {
    const got = factors.info.toTypedArray().join(', ');
    throw new LinAlgError(`${name}: a must have no zero in D, got info ${got}`);
  }
  return factors;
}

function solved(LD: Tensor, pivots: Tensor, b: Tensor): Tensor {
  const { count, rows, columns } = sizesOf(b);
  const x = empty(b.dims, b.dtype);
  const fault = ldlSolveKernel(x.handle, LD.handle, pivots.handle, b.handle, count, rows, columns);
  checkFault(fault, ({ position, value }) => {
    const rule = `pivots must be those of linalg.ldlFactor, got ${value} (element ${position})`;
    return new ArgumentError(`linalg.ldlSolve: ${rule}`);
  });
  const backward = (dx: Tensor, needs: readonly boolean[]) => {
    if (needs[0]) throw new AutogradError('linalg.ldlSolve: has no gradient for LD; use linalg.solve');
    return [null, solved(LD, pivots, dx)];
  };
  return record('linalg.ldlSolve', x, [LD, b], backward, [LD, pivots]);
}

/**
 * The solution X of A · X = B for a symmetric matrix, given its factors from `linalg.ldlFactor`. Differentiable in b.
 *
 * @param LD […, n, n]
 * @param pivots int32 […, n]
 * @param b […, n, k]; leading dimensions broadcast
 * @param options hermitian: without effect on real matrices
 * @returns […, n, k]; not finite for a singular matrix
 * @throws ShapeError when shapes do not fit; ArgumentError for pivots that are not those of `linalg.ldlFactor`
 * @example
 * const { LD, pivots } = linalg.ldlFactor(tensor([[0, 1], [1, 0]]));
 * linalg.ldlSolve(LD, pivots, tensor([[3], [4]])); // [[4], [3]]
 */
export function ldlSolve(LD: Tensor, pivots: Tensor, b: Tensor, options?: { hermitian?: boolean }): Tensor {
  const name = 'linalg.ldlSolve';
  const { lead, rows } = checkSquare(name, 'LD', LD);
  checkInt32(name, 'pivots', pivots);
  checkMatrices(name, 'b', b);
  checkSameDType(name, ['LD', 'b'], [LD, b]);
  const { hermitian } = optionsOf<{ hermitian: boolean }>(name, [options], [], ['hermitian']);
  checkFlag(name, 'hermitian', hermitian, false);
  if (!sameShape(pivots.dims, [...lead, rows])) {
    const got = `got LD ${formatShape(LD.dims)} and pivots ${formatShape(pivots.dims)}`;
    throw new ShapeError(`${name}: pivots must have LD's shape without the last dimension, ${got}`);
  }
  if (b.dims.at(-2) !== rows) {
    const got = `got LD ${formatShape(LD.dims)} and b ${formatShape(b.dims)}`;
    throw new ShapeError(`${name}: b must have as many rows as LD, ${got}`);
  }
  const [wide, right] = broadcastMatrices(name, LD, b);
  return solved(wide, expandTo(pivots, wide.dims.slice(0, -1)), right);
}
