// Systems of equations whose matrices are triangular.
import { optionsOf } from '../arguments.js';
import { record } from '../autograd/tape.js';
import { checkFlag } from '../errors.js';
import { kernel } from '../native.js';
import { empty, type Tensor } from '../tensor.js';
import { neg } from './elementwise.js';
import { checkMatrices, mT, sizesOf } from './linalg-common.js';
import { systemOf } from './linalg-solve.js';
import { matmul } from './matmul.js';
import { tril, triu } from './shape.js';

const triangularSolveKernel = kernel('triangularSolve', 'x a b count n columns upper transposed unit');

/** Which triangle of a matrix is meant, and how. */
export interface Triangle {
  upper: boolean;
  transposed?: boolean;
  unit?: boolean;
}

/** @internal The solution x of op(triangle of a) · x = b, differentiable in both; their leading dimensions are the same. */
export function triangleSolved(a: Tensor, b: Tensor, triangle: Triangle): Tensor {
  const { upper, transposed = false, unit = false } = triangle;
  const { count, rows, columns } = sizesOf(b);
  const x = empty(b.dims, b.dtype);
  const flags = [upper ? 1 : 0, transposed ? 1 : 0, unit ? 1 : 0];
  triangularSolveKernel(x.handle, a.handle, b.handle, count, rows, columns, ...flags);
  const backward = (dx: Tensor, needs: readonly boolean[]) => {
    const db = triangleSolved(a, dx, { ...triangle, transposed: !transposed });
    if (!needs[0]) return [null, db];
    const [left, right] = transposed ? [x, db] : [db, x];
    const da = neg(matmul(left, right, { transposeB: true }));
    const diagonal = unit ? 1 : 0;
    return [upper ? triu(da, { diagonal }) : tril(da, { diagonal: -diagonal }), db];
  };
  return record('linalg.solveTriangular', x, [a, b], backward, [a, x]);
}

/** Options of `linalg.solveTriangular`. */
export interface SolveTriangularOptions {
  /** Whether the upper triangle of a is meant, or the lower one. */
  upper: boolean;
  /** Whether A is on the left of X; default true. */
  left?: boolean;
  /** Whether the diagonal counts as ones; default false. */
  unitriangular?: boolean;
}

/**
 * The solution X of A · X = B, or with `left: false` of X · A = B, where A is one triangle of `a`; the other one is not read.
 *
 * @param a […, n, n]
 * @param b […, n, k], or […, k, n] without `left`; leading dimensions broadcast
 * @param options upper: required; left: default true; unitriangular: default false
 * @returns like b. A zero on the diagonal gives infinities or NaN.
 * @throws ShapeError when shapes do not fit
 * @example
 * linalg.solveTriangular(tensor([[1, 9], [1, 2]]), tensor([[1], [5]]), { upper: false }); // [[1], [2]]
 */
export function solveTriangular(a: Tensor, b: Tensor, options: SolveTriangularOptions): Tensor {
  const name = 'linalg.solveTriangular';
  const o = optionsOf<SolveTriangularOptions>(name, [options], [], ['upper', 'left', 'unitriangular']);
  const upper = checkFlag(name, 'upper', o.upper);
  const left = checkFlag(name, 'left', o.left, true);
  const unit = checkFlag(name, 'unitriangular', o.unitriangular, false);
  checkMatrices(name, 'b', b);
  const system = systemOf(name, a, b, left);
  return left
    ? triangleSolved(system.a, system.b, { upper, unit })
    : mT(triangleSolved(system.a, mT(system.b), { upper, unit, transposed: true }));
}
