// QR factorisation and products of Householder reflections.
import { optionsOf } from '../arguments.js';
import { isRecorded, record, recordMany } from '../autograd/tape.js';
import { AutogradError, checkChoice, formatShape, ShapeError } from '../errors.js';
import { kernel } from '../native.js';
import { sameShape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { add, mul, neg, sub } from './elementwise.js';
import { asScalars, checkMatrices, eyes, mT, sizesOf } from './linalg-common.js';
import { triangleSolved } from './linalg-triangular.js';
import { matmul } from './matmul.js';
import { reshaped, tril, triu } from './shape.js';
import { cat, slice, surround } from './shape-slice.js';

const geqrfKernel = kernel('geqrf', 'a tau x count m n');
const productKernel = kernel('householderProduct', 'q a tau count m n k columns');

/** What `linalg.qr` returns: all columns of Q (`complete`), as many as A has (`reduced`), or none (`r`). */
export type QrMode = 'reduced' | 'complete' | 'r';

const rowsOf = (x: Tensor, end: number): Tensor => slice(x, { dim: -2, start: 0, end });
const columnsOf = (x: Tensor, end: number): Tensor => slice(x, { dim: -1, start: 0, end });

// The first `columns` columns of the product of the reflections in a, off the tape.
function reflected(a: Tensor, tau: Tensor, columns: number): Tensor {
  const { lead, count, rows, columns: n } = sizesOf(a);
  const Q = empty([...lead, rows, columns], a.dtype);
  productKernel(Q.handle, a.handle, tau.handle, count, rows, n, tau.dims.at(-1) as number, columns);
  return Q;
}

/** @internal R, the vectors of the reflections and their factors, off the tape. */
export function reflectionsOf(x: Tensor): { a: Tensor; tau: Tensor } {
  const { lead, count, rows, columns } = sizesOf(x);
  const a = empty(x.dims, x.dtype);
  const tau = empty([...lead, Math.min(rows, columns)], x.dtype);
  geqrfKernel(a.handle, tau.handle, x.handle, count, rows, columns);
  return { a, tau };
}

/** @internal The factors, off the tape: Q has all columns or the first min(m, n), or is not computed. */
export function factorQr(x: Tensor, columns: 'all' | 'few' | 'none'): { Q: Tensor; R: Tensor } {
  const { rows } = sizesOf(x);
  const { a, tau } = reflectionsOf(x);
  const k = tau.dims.at(-1) as number;
  const R = triu(columns === 'all' ? a : rowsOf(a, k));
  if (columns === 'none') return { Q: empty([0], x.dtype), R };
  return { Q: reflected(columnsOf(a, k), tau, columns === 'all' ? rows : k), R };
}

// Walter and Lehmann, "Walter, S. F. and Lehmann, L., Algorithmic differentiation of linear algebra functions", 2010, for m ≥ n.
function tallGradient(Q: Tensor, R: Tensor, dQ: Tensor | null, dR: Tensor | null): Tensor {
  const inR = dR === null ? null : matmul(dR, R, { transposeB: true });
  const inQ = dQ === null ? null : neg(matmul(Q, dQ, { transposeA: true }));
  const upper = triu(inR === null ? (inQ as Tensor) : inQ === null ? inR : add(inR, inQ));
  const symmetric = add(upper, mT(triu(upper, { diagonal: 1 })));
  const inner = matmul(Q, symmetric);
  // X · R⁻ᵀ is the transpose of R⁻¹ · Xᵀ.
  return mT(triangleSolved(R, mT(dQ === null ? inner : add(inner, dQ)), { upper: true }));
}

// For m < n, where A = Q · [R₁, R₂].
function wideGradient(Q: Tensor, R: Tensor, dQ: Tensor | null, dR: Tensor | null): Tensor {
  const { rows, columns } = sizesOf(R);
  const inR = dR === null ? null : neg(matmul(dR, R, { transposeB: true }));
  const inQ = dQ === null ? null : matmul(Q, dQ, { transposeA: true });
  const all = inR === null ? (inQ as Tensor) : inQ === null ? inR : add(inR, inQ);
  const lower = tril(sub(all, mT(all)), { diagonal: -1 });
  const first = mT(triangleSolved(columnsOf(R, rows), mT(lower), { upper: true }));
  const padded = surround(first, [0, columns - rows]);
  return matmul(Q, dR === null ? padded : add(padded, dR));
}

/**
 * The QR factorisation A = Q · R by Householder reflections: the columns of Q are orthonormal, R is upper triangular. Its diagonal
 * may be negative. The gradient needs the first min(m, n) columns of A to be independent.
 *
 * | mode | Q | R |
 * |---|---|---|
 * | `reduced` | […, m, k], k = min(m, n) | […, k, n] |
 * | `complete` | […, m, m] | […, m, n]; has no gradient where m > n |
 * | `r` | [0] | […, k, n] |
 *
 * @param a […, m, n]
 * @param args mode, default `reduced`
 * @example
 * linalg.qr(tensor([[3, 1], [4, 2]])).R; // [[-5, -2.2], [0, 0.4]]
 */
export function qr(a: Tensor, ...args: [mode?: QrMode] | [options: { mode?: QrMode }]): { Q: Tensor; R: Tensor } {
  const { rows, columns } = checkMatrices('linalg.qr', 'a', a);
  const given = optionsOf<{ mode: QrMode }>('linalg.qr', args, ['mode']).mode;
  const mode = checkChoice('linalg.qr', 'mode', given, ['reduced', 'complete', 'r'], 'reduced');
  const { Q, R } = factorQr(a, mode === 'complete' ? 'all' : mode === 'r' && !isRecorded([a]) ? 'none' : 'few');
  recordMany(
    'linalg.qr',
    [Q, R],
    [a],
    ([dQ, dR]) => {
      if (mode === 'complete' && rows > columns) {
        const rule = "mode 'complete' has a gradient only where a has at least as many columns as rows";
        throw new AutogradError(`linalg.qr: ${rule}, got a ${formatShape(a.dims)}; use 'reduced'`);
      }
      const run = rows >= columns ? tallGradient : wideGradient;
      return [run(Q, R, dQ ?? null, dR ?? null)];
    },
    [Q, R],
  );
  return { Q: mode === 'r' ? empty([0], a.dtype) : Q, R };
}

// The product of the reflections from j on is Qⱼ = Hⱼ · Qⱼ₊₁: from dQⱼ follow dQⱼ₊₁ = Hⱼ · dQⱼ, and with u = dQⱼᵀ · v and w = Qⱼ₊₁ᵀ · v
// dτ = -uᵀ · w and dv = -τ · (dQⱼ · w + Qⱼ₊₁ · u).
function productGradient(a: Tensor, tau: Tensor, dQ: Tensor): [da: Tensor, dTau: Tensor] {
  const { lead, rows, columns } = sizesOf(a);
  const k = tau.dims.at(-1) as number;
  const ones = columnsOf(eyes(lead, rows, a), columns);
  const vectors = add(tril(a, { diagonal: -1 }), ones);
  const columnOf = (x: Tensor, j: number): Tensor => slice(x, { dim: -1, start: j, end: j + 1 });
  const factors = Array.from({ length: k }, (_, j) => asScalars(reshaped('reshape', columnOf(tau, j), lead)));
  const reflect = (j: number, x: Tensor): Tensor => {
    const v = columnOf(vectors, j);
    return sub(x, mul(factors[j] as Tensor, matmul(v, matmul(v, x, { transposeA: true }))));
  };
  const after = [ones]; // Q of k, k - 1, …, 1
  for (let j = k - 1; j > 0; j--) after.push(reflect(j, after.at(-1) as Tensor));
  const dVectors: Tensor[] = [];
  const dTau: Tensor[] = [];
  for (let j = 0; j < k; j++) {
    const v = columnOf(vectors, j);
    const Q = after[k - 1 - j] as Tensor;
    const u = matmul(dQ, v, { transposeA: true });
    const w = matmul(Q, v, { transposeA: true });
    dTau.push(neg(reshaped('reshape', matmul(u, w, { transposeA: true }), [...lead, 1])));
    dVectors.push(neg(mul(factors[j] as Tensor, add(matmul(dQ, w), matmul(Q, u)))));
    dQ = reflect(j, dQ);
  }
  const rest = columns - k;
  const da = cat([...dVectors, ...(rest > 0 ? [columnsOf(mul(a, 0), rest)] : [])], { dim: -1 });
  return [tril(da, { diagonal: -1 }), k === 0 ? mul(tau, 0) : cat(dTau, { dim: -1 })];
}

/**
 * The first n columns of H₁ · H₂ · … · Hₖ, where Hⱼ = I - τⱼ · v · vᵀ and v is column j of a with zeros above the diagonal and
 * 1 on it: the Q of a QR factorisation in LAPACK's form.
 *
 * @param a […, m, n], m ≥ n
 * @param tau […, k], k ≤ n
 * @returns […, m, n]
 * @throws ShapeError when shapes do not fit
 * @example
 * linalg.householderProduct(tensor([[1], [1]]), tensor([1])); // [[0], [-1]]
 */
export function householderProduct(a: Tensor, tau: Tensor): Tensor {
  const name = 'linalg.householderProduct';
  const { lead, rows, columns } = checkMatrices(name, 'a', a);
  checkTensor(name, 'tau', tau);
  checkFloat(name, 'tau', tau);
  checkSameDType(name, ['a', 'tau'], [a, tau]);
  const k = tau.dims.at(-1) ?? 0;
  if (tau.rank !== lead.length + 1 || !sameShape(tau.dims.slice(0, -1), lead) || k > columns || columns > rows) {
    const rule = 'a must be […, m, n] and tau […, k], with k ≤ n ≤ m and the same leading dimensions';
    throw new ShapeError(`${name}: ${rule}, got a ${formatShape(a.dims)} and tau ${formatShape(tau.dims)}`);
  }
  const Q = reflected(a, tau, columns);
  return record(name, Q, [a, tau], (dQ) => productGradient(a, tau, dQ), [a, tau]);
}
