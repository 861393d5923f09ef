// Low-rank decompositions against the exact ones, and with the accuracy of PyTorch's.
import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import {
  eye,
  Generator,
  linalg,
  pcaLowrank,
  rand,
  randn,
  ShapeError,
  svdLowrank,
  type Tensor,
  tensor,
} from '../../lib/index.js';

const float64 = { dtype: 'float64' } as const;
const product = (...shape: number[]): Tensor => {
  const [m, n] = shape.slice(-2) as [number, number];
  const lead = shape.slice(0, -2);
  return randn([...lead, m, 2], float64).matmul(randn([...lead, 2, n], float64));
};
const largest = (x: Tensor): number => x.abs().max().item();
const whole = ({ U, S, V }: { U: Tensor; S: Tensor; V: Tensor }): Tensor => U.mul(S.unsqueeze(-2)).matmul(V.mT);

describe('svdLowrank', () => {
  it.each([[[30, 20]], [[7, 40]], [[3, 12, 9]], [[2, 2]]])('of rank 2 is exact: %j', (shape) => {
    const a = product(...shape);
    const q = Math.min(3, ...shape.slice(-2));
    const y = svdLowrank(a, q);
    const lead = shape.slice(0, -2);
    const [m, n] = shape.slice(-2);
    expect([y.U.shape, y.S.shape, y.V.shape]).toEqual([
      [...lead, m, q],
      [...lead, q],
      [...lead, n, q],
    ]);
    expect(largest(whole(y).sub(a))).toBeLessThan(1e-10);
    expect(largest(y.S.sub(linalg.svdvals(a).narrow(-1, 0, q)))).toBeLessThan(1e-10);
    for (const x of [y.U, y.V]) expect(largest(x.mT.matmul(x).sub(eye(q, float64)))).toBeLessThan(1e-10);
  });

  it('takes at most 6 values', () => {
    expect(svdLowrank(rand(8, 9)).S.shape).toEqual([6]);
    expect(svdLowrank(rand(4, 9)).S.shape).toEqual([4]);
  });

  it('subtracts M', () => {
    const [a, row] = [product(9, 8), randn([1, 8], float64)];
    expect(largest(whole(svdLowrank(a.add(row), 4, 2, row)).sub(a))).toBeLessThan(1e-10);
  });

  // PyTorch's median of 200 seeds for the largest relative error of the first 6 singular values: 0.31, 0.079 and 0.019.
  it.each([
    [0, 0.31],
    [1, 0.079],
    [2, 0.019],
  ])("is as near as PyTorch's after %i iterations", (niter, median) => {
    const a = tensor(
      Float64Array.from({ length: 600 }, (_, k) => {
        const [i, j] = [Math.floor(k / 20) + 1, (k % 20) + 1];
        return Math.cos(i * j) * Math.exp(-0.3 * j);
      }),
      { shape: [30, 20] },
    );
    const exact = linalg.svdvals(a).narrow(0, 0, 6);
    const errors = Array.from({ length: 99 }, (_, seed) => {
      const { S } = svdLowrank(a, { q: 6, niter, generator: new Generator(seed) });
      return largest(S.sub(exact).div(exact));
    }).sort((x, y) => x - y);
    expect(errors[49]).toBeGreaterThan(median / 1.5);
    expect(errors[49]).toBeLessThan(median * 1.5);
  });

  it('a generator makes it repeatable', () => {
    const a = rand(9, 9);
    const of = (seed: number) => svdLowrank(a, 2, { generator: new Generator(seed) }).S;
    expect(of(1).equal(of(1))).toBe(true);
    expect(of(1).equal(of(2))).toBe(false);
  });

  it('has the gradient of the exact values where none is left out', () => {
    const a = randn([5, 4], { ...float64, requiresGrad: true });
    const [near] = grad(
      svdLowrank(a, 4)
        .S.mul(tensor([1, 2, 3, 4], float64))
        .sum(),
      a,
    ) as [Tensor];
    const [exact] = grad(
      linalg
        .svdvals(a)
        .mul(tensor([1, 2, 3, 4], float64))
        .sum(),
      a,
    ) as [Tensor];
    expect(largest(near.sub(exact))).toBeLessThan(1e-9);
  });

  it('refuses more values than there are, and shapes that do not fit', () => {
    expect(() => svdLowrank(rand(3, 2), 3)).toThrow(
      'svdLowrank: q must be an integer of at least 1 and at most 2, got 3',
    );
    expect(() => svdLowrank(rand(3, 0))).toThrow('svdLowrank: a must not be empty, got a [3, 0]');
    expect(() => svdLowrank(rand(3, 2), 1, 1, rand(3, 3))).toThrow(ShapeError);
    expect(() => svdLowrank(rand(3, 2), 1, 1, rand(2, 3, 2))).toThrow(
      'svdLowrank: M must broadcast to a, got a [3, 2]',
    );
  });
});

describe('pcaLowrank', () => {
  it('gives the variances along the directions', () => {
    const a = product(40, 7).add(randn([7], float64).mul(5));
    const { S, V } = pcaLowrank(a, 2);
    const variances = linalg.eigvalsh(a.mT.cov()).narrow(0, 5, 2).flip(0);
    expect(largest(S.square().div(39).sub(variances))).toBeLessThan(1e-9);
    const coordinates = a.matmul(V).mT.cov();
    expect(largest(coordinates.sub(variances.diag()))).toBeLessThan(1e-9);
  });

  it('leaves the mean where it is without center', () => {
    const a = product(9, 5);
    expect(largest(pcaLowrank(a, 2, false).S.sub(linalg.svdvals(a).narrow(0, 0, 2)))).toBeLessThan(1e-10);
  });
});
