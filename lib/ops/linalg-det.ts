// Determinants by LU factorisation.
import { fusedGradients } from '../autograd/fused.js';
import { noGrad, record } from '../autograd/tape.js';
import type { Tensor } from '../tensor.js';
import { to } from './copy.js';
import { arange } from './creation.js';
import { abs, add, log, mul, sign, sub } from './elementwise.js';
import { eq, ne, where } from './elementwise-compare.js';
import { asScalars, checkSquare, diagonalOf, epsilonOf, eyes, sizesOf } from './linalg-common.js';
import { type Factors, factored, solved } from './linalg-solve.js';
import { prod, sum } from './reduce.js';
import { max } from './reduce-extremes.js';
import { reshaped } from './shape.js';

// 1 or -1: whether the number of rows that were swapped is even.
function parity({ pivots }: Factors, like: Tensor): Tensor {
  const n = pivots.dims.at(-1) as number;
  const swapped = to(ne(pivots, to(arange(1, n + 1), 'int32')), like.dtype);
  return prod(sub(1, mul(swapped, 2)), { dim: -1 });
}

// A determinant's gradient is det(A) · A⁻ᵀ, that is, the cofactors, which exist for a singular matrix, too. There a tiny
// number stands in for a zero pivot.
function withoutZeros(factors: Factors): Factors {
  const { LU, pivots } = factors;
  const { lead, rows } = sizesOf(LU);
  if (LU.size === 0) return factors;
  const largest = max(reshaped('reshape', abs(LU), [...lead, rows * rows]), { dim: -1, keepDim: true }).values;
  const tiny = mul(where(eq(largest, 0), 1, largest), epsilonOf(LU));
  const diagonal = diagonalOf(LU);
  const missing = where(eq(diagonal, 0), tiny, 0);
  return { LU: add(LU, mul(eyes(lead, rows, LU), reshaped('reshape', missing, [...missing.dims, 1]))), pivots };
}

function determinant(a: Tensor, factors: Factors): Tensor {
  const y = noGrad(() => mul(prod(diagonalOf(factors.LU), { dim: -1 }), parity(factors, a)));
  const { lead, rows } = sizesOf(a);
  const cofactors = (dy: Tensor, a: Tensor, by: Factors): Tensor => {
    const scale = asScalars(mul(dy, determinant(a, by)));
    const asked = { operation: 'linalg.det', name: 'a', singular: true };
    return solved(asked, a, by, mul(eyes(lead, rows, a), scale), true);
  };
  // The stand-in's derivatives are not those of the cofactors: second ones of a singular matrix are NaN.
  const backward = (dy: Tensor) =>
    fusedGradients(
      'linalg.det',
      [dy, a],
      () => [cofactors(dy, a, withoutZeros(factors))],
      (dy, a) => [cofactors(dy, a, factors)],
      [dy, a, factors.LU, factors.pivots],
    );
  return record('linalg.det', y, [a], backward, [a, factors.LU, factors.pivots]);
}

/**
 * The determinant of square matrices; of a large one, `linalg.slogdet` neither overflows nor vanishes. A singular matrix has a
 * gradient, too, the cofactors, but no second one: it is NaN.
 *
 * @param a […, n, n]
 * @returns […]
 * @example
 * linalg.det(tensor([[1, 2], [3, 4]])); // -2
 */
export function det(a: Tensor): Tensor {
  checkSquare('linalg.det', 'a', a);
  return determinant(a, factored(a));
}

/**
 * The sign of the determinant of square matrices and the logarithm of its absolute value: det = sign · exp(logabsdet). Of a
 * singular matrix 0 and -∞.
 *
 * @param a […, n, n]
 * @returns sign […], which has no gradient, and logabsdet […]
 * @example
 * linalg.slogdet(tensor([[0, 1], [1, 0]])).sign; // -1
 */
export function slogdet(a: Tensor): { sign: Tensor; logabsdet: Tensor } {
  const { lead, rows } = checkSquare('linalg.slogdet', 'a', a);
  const factors = factored(a);
  const diagonal = noGrad(() => diagonalOf(factors.LU));
  const y = noGrad(() => sum(log(abs(diagonal)), { dim: -1 }));
  const asked = { operation: 'linalg.slogdet', name: 'a', singular: true };
  const backward = (dy: Tensor) => [solved(asked, a, factors, mul(eyes(lead, rows, a), asScalars(dy)), true)];
  return {
    sign: noGrad(() => mul(prod(sign(diagonal), { dim: -1 }), parity(factors, a))),
    logabsdet: record('linalg.slogdet', y, [a], backward, [a, factors.LU, factors.pivots]),
  };
}
