// The gradient penalty against closed forms, and its gradient against finite differences.
import { expect, it } from 'vitest';
import {
  AutogradError,
  Generator,
  manualSeed,
  nn,
  noGrad,
  ones,
  rand,
  randn,
  ShapeError,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';

const { gradientPenalty } = nn.functional;
const double = { dtype: 'float64' } as const;

it('of a linear critic is the square of its steepness less 1, wherever it is taken', () => {
  const w = tensor([3, 4], { ...double, requiresGrad: true });
  const penalty = gradientPenalty((x) => x.mul(w).sum(1), randn([5, 2], double), randn([5, 2], double));
  expect(penalty.item()).toBeCloseTo(16, 12);
  penalty.backward();
  // 2 (|w| - 1) w / |w|
  expect(
    w.grad
      ?.sub(tensor([4.8, 6.4], double))
      .abs()
      .max()
      .item(),
  ).toBeLessThan(1e-12);
});

it('of |x|² is (2 |x̂| - 1)² between real and fake, with one share a sample', () => {
  const [real, fake] = [randn([6, 2, 3], double), randn([6, 2, 3], double)];
  const share = rand([6, 1, 1], { ...double, generator: new Generator(7) });
  const between = real.mul(share).add(fake.mul(share.neg().add(1)));
  const wanted = between.reshape([6, 6]).square().sum(1).sqrt().mul(2).sub(1).square().mean().item();
  const penalty = gradientPenalty((x) => x.square().sum([1, 2]), real, fake, { generator: new Generator(7) });
  expect(penalty.item()).toBeCloseTo(wanted, 12);
});

it('has a gradient by the critic that finite differences confirm', () => {
  manualSeed(3);
  const critic = nn.sequential(new nn.Conv2d(1, 3, 3), new nn.Tanh(), new nn.Flatten(), new nn.Linear(12, 1)).double();
  const [real, fake] = [randn([4, 1, 4, 4], double), randn([4, 1, 4, 4], double)];
  const run = () => gradientPenalty((x) => critic.forward(x), real, fake, { generator: new Generator(1) });
  run().backward();
  let worst = 0;
  for (const p of critic.parameters()) {
    const values = p.toTypedArray();
    // The bias of the last layer has no part in the slope: no gradient, or 0.
    const gradient = p.grad?.toTypedArray() ?? new Float64Array(p.size);
    for (let i = 0; i < p.size; i += 5) {
      const at = (step: number) => {
        noGrad(() => p.copy_(values.map((v, k) => (k === i ? v + step : v))));
        return run().item();
      };
      const difference = (at(1e-5) - at(-1e-5)) / 2e-5;
      worst = Math.max(worst, Math.abs(difference - (gradient[i] as number)));
    }
    noGrad(() => p.copy_(values));
  }
  expect(worst).toBeLessThan(1e-8);
});

it('is 1 with gradient 0 where the critic is flat, and takes no gradient to real or fake', () => {
  const w = zeros([2], { ...double, requiresGrad: true });
  const fake = randn([3, 2], { ...double, requiresGrad: true });
  const penalty = gradientPenalty((x) => x.mul(w).sum(1), ones([3, 2], double), fake);
  penalty.backward();
  expect([penalty.item(), ...(w.grad?.toTypedArray() ?? [])]).toEqual([1, 0, 0]);
  expect(fake.grad).toBeNull();
});

it('says what is wrong', () => {
  const critic = (x: Tensor) => x.sum(1);
  expect(() => gradientPenalty(critic, ones([2, 3]), ones([3, 3]))).toThrow(
    new ShapeError(
      'gradientPenalty: real and fake must be [n, …] of the same shape and not empty, got real [2, 3] and fake [3, 3]',
    ),
  );
  expect(() => gradientPenalty((x) => x.sum(), ones([2, 3]), ones([2, 3]))).toThrow(
    new ShapeError('gradientPenalty: critic must give one score for each of 2 samples, got []'),
  );
  expect(() => gradientPenalty(() => ones([2]), ones([2, 3]), ones([2, 3]))).toThrow(AutogradError);
  expect(() => noGrad(() => gradientPenalty(critic, ones([2, 3]), ones([2, 3])))).toThrow(AutogradError);
  expect(() => gradientPenalty(new nn.Linear(3, 1) as never, ones([2, 3]), ones([2, 3]))).toThrow(
    'critic must be a function, got an object of class Linear; pass a function that calls its forward',
  );
});
