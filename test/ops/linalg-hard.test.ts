// Factorisations of matrices that are large, or hard: of low rank, with equal, tiny or huge values, NaN or infinities. What they
// multiply to is compared with the matrix, relative to its size.
import { afterEach, describe, expect, it } from 'vitest';
import { type DType, getNumThreads, linalg, manualSeed, setNumThreads } from '../../lib/index.js';
import { eye, full, ones, tensor, zeros } from '../../lib/ops/creation.js';
import { randn } from '../../lib/ops/random.js';
import type { Tensor } from '../../lib/tensor.js';

const mT = (x: Tensor): Tensor => x.transpose(-2, -1);
const largest = (x: Tensor): number => (x.size === 0 ? 0 : x.abs().max().item());
const limits: Partial<Record<DType, number>> = { float64: 2e-15, float32: 1e-6 };

/**
 * The largest difference, in units of the rounding error that a matrix of that size may have. The error of these algorithms
 * is relative to the norm of the matrix (Higham, "Accuracy and stability of numerical algorithms", 2002), which is far above
 * its largest element where all elements are alike, as in a matrix of ones.
 */
function expectSame(what: string, got: Tensor, want: Tensor): void {
  expect(got.shape).toEqual(want.shape);
  const n = Math.max(...want.shape, 1);
  const top = largest(want) || 1;
  const norm = want.size === 0 ? 0 : top * Math.sqrt(want.div(top).square().sum().item() / batchOf(want));
  const limit = (limits[want.dtype] as number) * Math.max(4 * Math.sqrt(n) * top, norm);
  expect(largest(got.sub(want)), `${what} of [${want.shape}] ${want.dtype}`).toBeLessThan(limit);
}

/** How many matrices there are. */
const batchOf = ({ shape }: Tensor): number => shape.slice(0, -2).reduce((count, size) => count * size, 1);

/** Whether the columns of Q are orthonormal. */
function expectOrthonormal(what: string, Q: Tensor): void {
  const gram = mT(Q).matmul(Q);
  expectSame(
    what,
    gram,
    zeros(gram.shape, { dtype: Q.dtype }).add(eye(gram.shape.at(-1) as number, undefined, { dtype: Q.dtype })),
  );
}

function checkSquare(a: Tensor): void {
  const symmetric = a.add(mT(a));
  const { eigenvalues, eigenvectors } = linalg.eigh(symmetric);
  expectSame('eigh', eigenvectors.mul(eigenvalues.unsqueeze(-2)).matmul(mT(eigenvectors)), symmetric);
  expectOrthonormal('eigh', eigenvectors);
  expectSame('eigvalsh', linalg.eigvalsh(symmetric), eigenvalues);
  expect(Array.from(eigenvalues.sort({ dim: -1 }).values.toTypedArray())).toEqual(
    Array.from(eigenvalues.toTypedArray()),
  );
}

function checkAny(a: Tensor): void {
  const [m, n] = a.shape.slice(-2) as [number, number];
  const { Q, R } = linalg.qr(a);
  expectSame('qr', Q.matmul(R), a);
  expectOrthonormal('qr', Q);
  expectSame('R', R, R.triu());
  const all = linalg.qr(a, 'complete');
  expectSame('qr complete', all.Q.matmul(all.R), a);
  expectOrthonormal('qr complete', all.Q);
  const { U, S, Vh } = linalg.svd(a);
  const k = Math.min(m, n);
  const [first, second] = [U.slice({ dim: -1, start: 0, end: k }), Vh.slice({ dim: -2, start: 0, end: k })];
  expectSame('svd', first.mul(S.unsqueeze(-2)).matmul(second), a);
  expectOrthonormal('U', U);
  expectOrthonormal('V', mT(Vh));
  expect(largest(S.sub(S.abs()))).toBe(0);
  expectSame('svdvals', linalg.svdvals(a), S);
  const { P, L, U: upper } = linalg.lu(a);
  expectSame('lu', P.matmul(L).matmul(upper), a);
}

const threads = getNumThreads();
afterEach(() => setNumThreads(threads));

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  it.each([1, 2, 3, 5, 31, 32, 33, 64, 65, 130])('%i rows', (n) => {
    manualSeed(n);
    for (const lead of n < 40 ? [[], [3]] : [[]]) {
      checkSquare(randn([...lead, n, n], { dtype }));
      for (const m of [n, n + 1, 2 * n, Math.ceil(n / 3)]) {
        checkAny(randn([...lead, m, n], { dtype }));
        checkAny(randn([...lead, n, m], { dtype }));
      }
      const a = randn([...lead, n, n], { dtype });
      const b = randn([...lead, n, 7], { dtype });
      const x = linalg.solve(a, b);
      expect(largest(a.matmul(x).sub(b)) / (largest(x) * n * 4)).toBeLessThan(limits[dtype] as number);
      const symmetric = a.add(mT(a));
      const { LD, pivots } = linalg.ldlFactor(symmetric);
      const y = linalg.ldlSolve(LD, pivots, b);
      expect(largest(symmetric.matmul(y).sub(b)) / (largest(y) * n * 8)).toBeLessThan(limits[dtype] as number);
      const spd = a.matmul(mT(a)).add(eye(n, undefined, { dtype }));
      const L = linalg.cholesky(spd);
      expectSame('cholesky', L.matmul(mT(L)), spd);
    }
  });

  const hilbert = (n: number) => Float64Array.from({ length: n * n }, (_, i) => 1 / (Math.floor(i / n) + (i % n) + 1));
  const scale = dtype === 'float64' ? 1e300 : 1e37;
  const hard: Record<string, () => Tensor> = {
    zeros: () => zeros([40, 40], { dtype }),
    'the identity': () => eye(40, undefined, { dtype }),
    ones: () => ones([40, 40], { dtype }),
    'rank 2': () => randn([50, 2], { dtype }).matmul(randn([2, 50], { dtype })),
    'three times the same block': () => {
      const a = randn([15, 15], { dtype });
      const block = tensor(
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ],
        { dtype },
      );
      return block
        .reshape([3, 1, 3, 1])
        .mul(a.reshape([1, 15, 1, 15]))
        .reshape([45, 45]);
    },
    Hilbert: () => tensor(hilbert(30), { dtype, shape: [30, 30] }),
    'zeros on the diagonal': () => randn([40, 40], { dtype }).triu({ diagonal: 1 }),
    'a shift': () =>
      eye(41, undefined, { dtype }).slice({ dim: 0, start: 1, end: 41 }).slice({ dim: 1, start: 0, end: 40 }),
    huge: () => randn([40, 40], { dtype }).mul(scale / 10),
    tiny: () => randn([40, 40], { dtype }).mul(1 / scale),
    graded: () => {
      const factors = Array.from({ length: 40 }, (_, i) => 10 ** -(i / (dtype === 'float64' ? 2 : 4)));
      return randn([40, 40], { dtype })
        .mul(tensor(factors, { dtype }))
        .mul(tensor(factors, { dtype }).reshape([40, 1]));
    },
    // Variances of pixels: hardly any towards the edge, none at it.
    'the covariance of a spot': () => {
      const spread = Array.from({ length: 196 }, (_, i) => {
        const [x, y] = [(i % 14) - 7, Math.floor(i / 14) - 7];
        return Math.exp((-x * x - y * y) / 3);
      });
      const pixels = randn([100, 196], { dtype }).relu().mul(tensor(spread, { dtype }));
      return mT(pixels).matmul(pixels);
    },
    'one column': () => randn([50, 1], { dtype }),
  };
  it.each(Object.entries(hard))('%s', (_, make) => {
    manualSeed(1);
    const a = make();
    checkAny(a);
    if (a.shape[0] === a.shape[1]) checkSquare(a);
  });

  // The part that reflections have cleared holds rounding errors, then theirs, down to numbers whose squares underflow.
  it('ones of any size: n and zeros', () => {
    for (let n = 1; n <= 130; n++) {
      const a = ones([n, n], { dtype });
      const want = zeros([n], { dtype });
      want.indexFill_(0, tensor([n - 1], { dtype: 'int32' }), n);
      expectSame(`eigvalsh of ${n}`, linalg.eigvalsh(a), want);
      expectSame(`svdvals of ${n}`, linalg.svdvals(a), want.flip(0));
    }
  });

  it('of low rank: pseudoinverse, rank and the shortest solution', () => {
    manualSeed(2);
    const a = randn([20, 3], { dtype }).matmul(randn([3, 12], { dtype }));
    const P = linalg.pinv(a);
    expectSame('A P A', a.matmul(P).matmul(a), a);
    expectSame('P A P', P.matmul(a).matmul(P), P);
    expect(linalg.matrixRank(a).item()).toBe(3);
    const { solution, rank } = linalg.lstsq(a, randn([20, 2], { dtype }));
    expect(rank.item()).toBe(3);
    expectSame('no part in the null space', P.matmul(a).matmul(solution), solution);
  });

  it('the exponential of large and small matrices', () => {
    manualSeed(4);
    const a = randn([30, 30], { dtype });
    for (const factor of [1e-3, 1, 10]) {
      const skew = a.sub(mT(a)).mul(factor);
      expect(
        largest(
          linalg
            .matrixExp(skew)
            .matmul(linalg.matrixExp(mT(skew)))
            .sub(eye(30, undefined, { dtype })),
        ),
      ).toBeLessThan(dtype === 'float64' ? 1e-10 : 0.05);
    }
    expect(linalg.matrixExp(tensor([[-1000]], { dtype })).item()).toBe(0);
    expect(
      linalg
        .matrixExp(
          tensor(
            [
              [0, 1e30],
              [0, 0],
            ],
            { dtype },
          ),
        )
        .toArray(),
    ).toEqual([
      [1, tensor(1e30, { dtype }).item()],
      [0, 1],
    ]);
  });

  it.each([Number.NaN, Infinity, -Infinity])('with %d', (value) => {
    manualSeed(3);
    for (const n of [1, 3, 40]) {
      const a = randn([n, n], { dtype });
      const values = a.toTypedArray();
      values[Math.floor(values.length / 2)] = value;
      a.copy_(values);
      const isWrong = (y: Tensor): boolean => y.toTypedArray().some((v) => !Number.isFinite(v));
      expect(isWrong(linalg.eigh(a.add(mT(a))).eigenvalues)).toBe(true);
      expect(isWrong(linalg.qr(a).R)).toBe(true);
      expect(isWrong(linalg.lu(a).U)).toBe(true);
      expect(isWrong(linalg.matrixExp(a))).toBe(true);
      linalg.inv(a);
      const { LD, pivots } = linalg.ldlFactor(a);
      linalg.ldlSolve(LD, pivots, a);
      linalg.det(a);
      for (const run of [linalg.svd, linalg.svdvals, linalg.pinv, linalg.matrixRank, linalg.polar]) {
        expect(() => run(a)).toThrow(linalg.LinAlgError);
      }
    }
    expect(() => linalg.cholesky(full([2, 2], value, { dtype }))).toThrow(linalg.LinAlgError);
  });

  it('any number of threads gives the same bits', () => {
    const all = (count: number): number[][] => {
      setNumThreads(count);
      manualSeed(5);
      const [a, batch] = [randn([150, 150], { dtype }), randn([7, 20, 20], { dtype })];
      return [a, batch].flatMap((x) => {
        const e = linalg.eigh(x.add(mT(x)));
        const s = linalg.svd(x, false);
        return [linalg.inv(x), linalg.qr(x).Q, e.eigenvectors, s.U, s.S].map((y) => Array.from(y.toTypedArray()));
      });
    };
    const [one, two] = [all(1), all(2)];
    for (const [i, list] of one.entries()) {
      const most = Math.max(...list.map(Math.abs));
      expect(Math.max(...list.map((x, j) => Math.abs(x - (two[i]?.[j] as number)))) / most).toBeLessThan(
        dtype === 'float64' ? 1e-9 : 1e-2,
      );
    }
    expect(all(2)).toEqual(two);
  });
});

it('the determinant of a singular matrix has a gradient, the cofactors, and NaN for a second one', () => {
  const a = tensor(
    [
      [1, 2, 3],
      [2, 4, 6],
      [0, 1, 5],
    ],
    { dtype: 'float64', requiresGrad: true },
  );
  linalg.det(a).backward();
  const want = tensor(
    [
      [14, -10, 2],
      [-7, 5, -1],
      [0, 0, 0],
    ],
    { dtype: 'float64' },
  );
  expectSame('cofactors', a.grad as Tensor, want);
});
