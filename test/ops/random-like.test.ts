import { describe, expect, it } from 'vitest';
import {
  bernoulli,
  compile,
  empty,
  emptyLike,
  full,
  Generator,
  normal,
  ones,
  poisson,
  randintLike,
  randLike,
  randnLike,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';

const generator = (): Generator => new Generator(3);
const within = (x: Tensor, mean: number, bound: number): void => {
  expect(Math.abs(x.to('float64').mean().item() - mean)).toBeLessThan(bound);
};

describe('random tensors like others', () => {
  it('have the shape and dtype of the given one, unless another dtype is given', () => {
    const x = zeros([2, 3], { dtype: 'float64' });
    for (const y of [randLike(x), randnLike(x), randintLike(x, 5), bernoulli(x), poisson(x), emptyLike(x)]) {
      expect([y.shape, y.dtype]).toEqual([[2, 3], 'float64']);
    }
    expect(randintLike(x, 2, 5, { dtype: 'int32' }).dtype).toBe('int32');
    expect(empty(2, 0).shape).toEqual([2, 0]);
  });

  it('have the distribution of their names; limits are five standard errors', () => {
    const x = zeros([20_000]);
    within(randLike(x, { generator: generator() }), 0.5, 5 * Math.sqrt(1 / 12 / 20_000));
    within(randnLike(x, { generator: generator() }), 0, 5 / Math.sqrt(20_000));
    within(randintLike(x, 2, 6, { generator: generator() }), 3.5, 5 * Math.sqrt(15 / 12 / 20_000));
    within(bernoulli(full([20_000], 0.25), { generator: generator() }), 0.25, 5 * Math.sqrt(0.1875 / 20_000));
    within(bernoulli(x, 0.25, { generator: generator() }), 0.25, 5 * Math.sqrt(0.1875 / 20_000));
    for (const rate of [0.5, 30]) {
      const counts = poisson(full([20_000], rate, { dtype: 'float64' }), { generator: generator() });
      within(counts, rate, 5 * Math.sqrt(rate / 20_000));
      expect(Math.abs(counts.var().item() / rate - 1)).toBeLessThan(0.1);
      expect(counts.frac().abs().sum().item()).toBe(0);
    }
  });

  it('certain events are certain, and each element has its own probability', () => {
    expect(bernoulli(tensor([0, 1, 1, 0])).toArray()).toEqual([0, 1, 1, 0]);
    expect(poisson(tensor([0, 0])).toArray()).toEqual([0, 0]);
  });

  it('normal takes means and standard deviations of elements', () => {
    const y = normal(tensor([[0], [100]]), zeros([3]));
    expect(y.toArray()).toEqual([
      [0, 0, 0],
      [100, 100, 100],
    ]);
    within(normal(full([20_000], 7), 2, { generator: generator() }), 7, 10 / Math.sqrt(20_000));
    within(normal(7, ones([20_000]), { generator: generator() }), 7, 5 / Math.sqrt(20_000));
    expect(normal(tensor([1, 2])).shape).toEqual([2]);
  });

  it('draw anew at each compiled call', () => {
    const step = compile((x: Tensor) => bernoulli(x));
    const x = full([1000], 0.5);
    expect(step.sync(x).toArray()).not.toEqual(step.sync(x).toArray());
    step.dispose();
  });

  it('say what is wrong', () => {
    expect(() => bernoulli(tensor([1], { dtype: 'int32' }))).toThrow(
      "bernoulli: x must be float32 or float64, got int32; convert it by x.to('float32')",
    );
    expect(() => normal(tensor([1]), -1)).toThrow('normal: std must be a finite number of at least 0, got -1');
  });
});
