// Steps of many thousand operations: recording them takes time in proportion, and they compute what eager execution does.
import { expect, it } from 'vitest';
import { compile, freeMemory, nn, ones, rand, type Tensor, tensor, zeros } from '../../lib/index.js';
import { expectBits } from '../support/compiled.js';

const w = ones([64], { requiresGrad: true });
const x = rand([64]);
const zero = zeros([1]);
const table = new nn.Embedding(1, 64);
const row = tensor([0], { dtype: 'int32' });
const manyArguments = 'tensors changed in place beside as many arguments';
const othersOf = (kind: string, count: number): Tensor[] =>
  kind === manyArguments ? Array.from({ length: count }, () => ones([1])) : [];

/** Each kind makes something else large. `count`: operations forwards, and as many backwards where there is a gradient. */
const kinds: Record<string, (count: number) => (t: Tensor, others: readonly Tensor[]) => Tensor> = {
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
  'modules that may find an index out of range': (count) => (t) => {
    let h = t;
    for (let i = 0; i < count / 2; i++) h = h.add(table.forward(row));
    return h;
  },
  [manyArguments]: (count) => {
    const changed = Array.from({ length: count }, () => ones([1]));
    return (t, others) => {
      for (const c of changed) c.add_(zero);
      return t.add(others[count - 1] as Tensor);
    };
  },
};

/** Milliseconds of the processor that recording and a replay take: of the quickest of a few, as others may compute meanwhile. */
function cost(kind: string, count: number, tries: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries; i++) {
    const step = compile((kinds[kind] as (typeof kinds)[string])(count));
    const others = othersOf(kind, count);
    const before = process.cpuUsage();
    step.sync(x, others);
    step.sync(x, others);
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
  const fn = (kinds[kind] as (typeof kinds)[string])(9000);
  const step = compile(fn);
  const others = othersOf(kind, 9000);
  const first = step.sync(x, others);
  const second = step.sync(x, others);
  const eager = fn(x, others);
  expectBits(first, eager, 'the first call');
  expectBits(second, eager, 'a replay');
  step.dispose();
});

it('the arena is hardly larger than what lives at once', () => {
  const count = 9000;
  const step = compile(kinds['results that the backward pass needs']!(count));
  step.sync(x, []);
  const [, size, unit] = /arena ([\d.]+) ([kM])B/.exec(step.describe()) as RegExpExecArray;
  const bytes = Number(size) * (unit === 'M' ? 1e6 : 1e3);
  expect(bytes).toBeGreaterThan(count * 256 * 0.99);
  expect(bytes).toBeLessThan(count * 256 * 1.05);
  step.dispose();
});
