// The parts of a split are one operation: their gradients are joined once, however many there are.
import { expect, it } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import '../../lib/methods.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import { cat, split } from '../../lib/ops/shape-slice.js';
import type { Tensor } from '../../lib/tensor.js';

it('parts that nothing depends on have the gradient 0', () => {
  const x = tensor([1, 2, 3, 4, 5], { requiresGrad: true });
  const [, b, , d] = split(x, 1) as [Tensor, Tensor, Tensor, Tensor, Tensor];
  b.mul(d).sum().backward();
  expect(x.grad?.toArray()).toEqual([0, 4, 0, 2, 0]);
});

it('each part has hooks, a kept gradient and a gradient of its own', () => {
  const x = tensor([1, 2, 3, 4], { requiresGrad: true });
  const [a, b] = split(x, 2) as [Tensor, Tensor];
  a.retainGrad();
  b.registerHook((g) => g.mul(10));
  const y = a.mul(2).add(b.mul(3)).sum();
  const [da] = grad([y], [a], { retainGraph: true });
  expect(da?.toArray()).toEqual([2, 2]);
  y.backward();
  expect(a.grad?.toArray()).toEqual([2, 2]);
  expect(x.grad?.toArray()).toEqual([2, 2, 30, 30]);
});

it('has third derivatives', () => {
  const x = tensor([1, 2, 3], { dtype: 'float64', requiresGrad: true });
  const [a, b] = split(x, [1, 2]) as [Tensor, Tensor];
  const y = a.mul(b).mul(b).sum().add(a.mul(a).mul(a).sum());
  const [first] = grad([y], [x], { createGraph: true }) as [Tensor];
  expect(first.toArray()).toEqual([4 + 9 + 3, 4, 6]);
  const [second] = grad([first.sum()], [x], { createGraph: true }) as [Tensor];
  expect(second.toArray()).toEqual([6 + 4 + 6, 4 + 2, 6 + 2]);
  const [third] = grad([second.sum()], [x]) as [Tensor];
  expect(third.toArray()).toEqual([6 + 2 + 2, 2 + 2, 2 + 2]);
});

it('backward through n single rows takes a time in proportion to n', () => {
  const time = (n: number): number => {
    const runs = Array.from({ length: 3 }, () => {
      const x = ones([n, 64], { requiresGrad: true });
      const y = cat(split(x, 1)).sum();
      const before = process.cpuUsage();
      y.backward();
      const { user, system } = process.cpuUsage(before); // others may compute meanwhile
      return user + system;
    });
    return Math.min(...runs);
  };
  time(500);
  const few = Math.max(time(500), process.platform === 'win32' ? 1000 : 0); // µs; Windows counts in 15.6 ms, and says 0
  const many = time(16_000);
  // 32 times as many; a gradient of x's size for each part would take 1,024 times as long.
  expect(many / few).toBeLessThan(200);
});

it('of nothing into nothing has nothing to differentiate', () => {
  expect(split(zeros([0, 3], { requiresGrad: true }), [])).toEqual([]);
});
