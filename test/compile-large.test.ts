// Steps of many thousand operations: recording them takes time in proportion, and they compute what eager execution does.
import { expect, it } from 'vitest';
import { compile, freeMemory, ones, rand, type Tensor } from '../lib/index.js';
import { expectBits } from './compiled.js';

const w = ones([64], { requiresGrad: true });
const x = rand([64]);

/** Each kind holds memory in its own way. `count`: operations forwards, and as many backwards where there is a gradient. */
const kinds: Record<string, (count: number) => (t: Tensor) => Tensor> = {
  'constants of which each is folded': (count) => (t) => {
    let h = t;
    for (let i = 0; i < count; i++) h = h.mul(1 + i * 1e-9);
    return h;
  },
  'results that the backward pass needs': (count) => (t) => {
    let h = t.mul(w);
    for (let i = 0; i < count; i++) h = h.tanh();
    w.grad = null;
    h.sum().backward();
    return w.grad as unknown as Tensor;
  },
  'results of different sizes that end soon': (count) => (t) => {
    let sum = t.sum();
    for (let i = 0; i < count / 4; i++)
      sum = sum.add(
        t
          .slice({ start: 0, end: 1 + (i % 60) })
          .exp()
          .sum()
          .mul(0.5),
      );
    return sum;
  },
};

/** Milliseconds of the processor that recording takes: of the quickest of a few, as others may compute meanwhile. */
function cost(kind: string, count: number, tries: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries; i++) {
    const step = compile((kinds[kind] as (count: number) => (t: Tensor) => Tensor)(count));
    const before = process.cpuUsage();
    step.sync(x);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
    step.dispose();
    freeMemory();
  }
  return least;
}

it.each(Object.keys(kinds))(
  '%s: four times the operations, not sixteen times the work',
  { timeout: 120_000 },
  (kind) => {
    cost(kind, 2000, 2); // compiled by V8 before it counts
    const few = cost(kind, 8000, 3);
    const many = cost(kind, 32_000, 2);
    expect(many / few).toBeLessThan(7.5);
  },
);

it.each(Object.keys(kinds))('%s: the same bits as eager', (kind) => {
  const fn = (kinds[kind] as (count: number) => (t: Tensor) => Tensor)(9000);
  const step = compile(fn);
  const first = step.sync(x);
  const second = step.sync(x);
  const eager = fn(x);
  expectBits(first, eager, 'the first call');
  expectBits(second, eager, 'a replay');
  step.dispose();
});

it('the arena is hardly larger than what lives at once', () => {
  const count = 9000;
  const step = compile(kinds['results that the backward pass needs']!(count));
  step.sync(x);
  const [, size, unit] = /arena ([\d.]+) ([kM])B/.exec(step.describe()) as RegExpExecArray;
  const bytes = Number(size) * (unit === 'M' ? 1e6 : 1e3);
  expect(bytes).toBeGreaterThan(count * 256 * 0.99);
  expect(bytes).toBeLessThan(count * 256 * 1.05);
  step.dispose();
});
