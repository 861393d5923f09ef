// The largest singular values by random projections.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { checkFlag, checkInteger, formatShape, ShapeError } from '../errors.js';
import { broadcastShapes, sameShape } from '../shape.js';
import { checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { sub } from './elementwise.js';
import type { Generator } from './generator.js';
import { checkMatrices, mT, sizesOf } from './linalg-common.js';
import { qr } from './linalg-qr.js';
import { svd } from './linalg-svd.js';
import { matmul } from './matmul.js';
import { randn } from './random.js';
import { mean } from './reduce.js';

/** What `svdLowrank` and `pcaLowrank` return. */
export interface LowRankSvd {
  /** […, m, q]; orthonormal columns. */
  U: Tensor;
  /** […, q], descending. */
  S: Tensor;
  /** […, n, q]; orthonormal columns. */
  V: Tensor;
}

/** Options of `svdLowrank`. */
export interface SvdLowrankOptions {
  /** How many values, some more than are wanted; default 6, at most min(m, n). */
  q?: number;
  /** How often the basis is multiplied by A · Aᵀ; default 2. More make the smallest of the values more exact. */
  niter?: number;
  /** Broadcasts to a: is subtracted from it. */
  M?: Tensor;
  /** Where the random numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

/** Options of `pcaLowrank`. */
export interface PcaLowrankOptions {
  /** How many components, some more than are wanted; default 6, at most min(m, n). */
  q?: number;
  /** Whether the mean of the rows is subtracted; default true. */
  center?: boolean;
  /** How often the basis is multiplied by A · Aᵀ; default 2. More make the last components more exact. */
  niter?: number;
  /** Where the random numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

// The decomposition of A projected on a random basis of its columns.
function projected(name: string, a: Tensor, o: { q?: number; niter?: number; generator?: Generator }): LowRankSvd {
  const { rows, columns } = sizesOf(a);
  const least = Math.min(rows, columns);
  if (least === 0) throw new ShapeError(`${name}: a must not be empty, got a ${formatShape(a.dims)}`);
  const q = checkInteger(name, 'q', o.q ?? Math.min(6, least), 1, least);
  const niter = checkInteger(name, 'niter', o.niter ?? 2, 0, 1000);
  const basis = (x: Tensor): Tensor => qr(x).Q;
  const wide = rows < columns;
  const tall = wide ? mT(a) : a;
  const random = o.generator === undefined ? {} : { generator: o.generator };
  return allOrNothing(() => {
    let Q = basis(matmul(tall, randn([least, q], { dtype: a.dtype, ...random })));
    for (let i = 0; i < niter; i++) Q = basis(matmul(tall, basis(matmul(tall, Q, { transposeA: true }))));
    const small = svd(matmul(Q, tall, { transposeA: true }), { fullMatrices: false });
    const U = matmul(Q, small.U);
    const V = mT(small.Vh);
    return wide ? { U: V, S: small.S, V: U } : { U, S: small.S, V };
  });
}

/**
 * The q largest singular values and their vectors, nearly: A ≈ U · diag(S) · Vᵀ. A is projected on q random directions, which
 * pays where q is much smaller than both sizes (Halko, Martinsson and Tropp, "Finding structure with randomness", 2009,
 * https://arxiv.org/abs/0909.4061, algorithms 4.4 and 5.1).
 *
 * @param a […, m, n]
 * @param args q (default 6, or min(m, n) if that is less), niter (default 2), M (default nothing), which is subtracted from a; option:
 *   generator
 * @returns U […, m, q], S […, q], descending, and V […, n, q]
 * @throws LinAlgError when a matrix is not finite
 * @example
 * const { U, S, V } = svdLowrank(rand(100, 2).matmul(rand(2, 50)), 3);
 * S.at(2).item() < 1e-3; // the rank is 2
 */
export function svdLowrank(
  a: Tensor,
  ...args: Positional<SvdLowrankOptions, [q: 'q', niter: 'niter', M: 'M']>
): LowRankSvd {
  checkMatrices('svdLowrank', 'a', a);
  const o = optionsOf<SvdLowrankOptions>('svdLowrank', args, ['q', 'niter', 'M'], ['generator']);
  if (o.M === undefined) return projected('svdLowrank', a, o);
  const M = checkTensor('svdLowrank', 'M', o.M);
  checkSameDType('svdLowrank', ['a', 'M'], [a, M]);
  if (!sameShape(broadcastShapes('svdLowrank', ['a', 'M'], [a.dims, M.dims]), a.dims)) {
    throw new ShapeError(
      `svdLowrank: M must broadcast to a, got a ${formatShape(a.dims)} and M ${formatShape(M.dims)}`,
    );
  }
  return projected('svdLowrank', sub(a, expandTo(M, a.dims)), o);
}

/**
 * The first q principal components of rows, nearly: the columns of V are their directions, S² / (m - 1) the variances along
 * them, and a · V the coordinates. See `svdLowrank`.
 *
 * @param a […, m, n]: m samples of n features
 * @param args q (default 6, or min(m, n) if that is less), center (default true), niter (default 2); option: generator
 * @returns U […, m, q], S […, q], descending, and V […, n, q]
 * @throws LinAlgError when a matrix is not finite
 * @example
 * const { V } = pcaLowrank(tensor([[0, 0], [1, 2], [2, 4]]), 1);
 * V.at(1).div(V.at(0)); // [2]
 */
export function pcaLowrank(
  a: Tensor,
  ...args: Positional<PcaLowrankOptions, [q: 'q', center: 'center', niter: 'niter']>
): LowRankSvd {
  checkMatrices('pcaLowrank', 'a', a);
  const o = optionsOf<PcaLowrankOptions>('pcaLowrank', args, ['q', 'center', 'niter'], ['generator']);
  const center = checkFlag('pcaLowrank', 'center', o.center, true);
  return projected('pcaLowrank', center && a.size > 0 ? sub(a, mean(a, -2, { keepDim: true })) : a, o);
}
