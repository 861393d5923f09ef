// `t.data` is a cached copy: every change of a tensor must invalidate it.
import { expect, it } from 'vitest';
import {
  compile,
  gradcheck,
  manualSeed,
  mul,
  nn,
  noGrad,
  ones,
  optim,
  rand,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { holdUntilTurn } from '../support/queued.js';

manualSeed(3);
const norm = new nn.BatchNorm1d(4);
const layer = new nn.Linear(4, 3);
const optimizer = new optim.SGD([...norm.parameters(), ...layer.parameters()], { lr: 0.1, momentum: 0.9 });
const x = rand([8, 4]);
const labels = tensor(Int32Array.of(0, 1, 2, 0, 1, 2, 0, 1));
const train = (a: Tensor, b: Tensor): Tensor => {
  const loss = nn.functional.crossEntropy(layer.forward(norm.forward(a)), b);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
};
train(x, labels); // momentum is there from now on
const state = (): Tensor[] => Object.values(optimizer.stateDict().state[0] as Record<string, Tensor>);
const watched: Tensor[] = [
  layer.weight,
  norm.weight as Tensor,
  norm.running_mean as Tensor,
  norm.running_var as Tensor,
  ...state(),
];
const step = compile(train);
const verified = compile(train, { verify: true });
const failing = compile((a: Tensor, b: Tensor) => {
  train(a, b);
  throw new Error('mine');
});

/** What `data` shows must be what the tensors hold. */
function expectFresh(tensors: readonly Tensor[] = watched): void {
  for (const t of tensors) {
    expect(t.data).toEqual(t.toTypedArray());
    expect(t.data).toBe(t.data);
  }
}

const look = (): string => JSON.stringify(watched.map((t) => [...t.data]));

const changes: Record<string, () => unknown> = {
  'an eager step': () => train(x, labels),
  'a step that is recorded': () => step.sync(x, labels),
  'a step that is replayed here': () => step.sync(x, labels),
  'a step on its own thread': () => step(x, labels),
  'a run': () => step.run(Array.from({ length: 50 }, () => [x, labels])),
  'a verified step': () => verified.sync(x, labels),
};

it.each(Object.entries(changes))('%s', async (_, change) => {
  expectFresh();
  const before = look();
  await change();
  expectFresh();
  expect(look()).not.toBe(before);
});

it('a call that fails, and a profile, which put back what they changed', () => {
  const before = look();
  expect(() => failing.sync(x, labels)).toThrow('mine');
  expectFresh();
  step.profile(x, labels);
  expectFresh();
  expect(look()).toBe(before);
});

it('what was looked at while a run rested', async () => {
  let looks = 0;
  const pause = () =>
    step.pause(() => {
      looks++;
      expectFresh();
    });
  await step.run(
    Array.from({ length: 200 }, () => [x, labels]),
    { onStep: (_, i) => void (i % 20 === 0 && pause()) },
  );
  const run = step.run(Array.from({ length: 2000 }, () => [x, labels]));
  pause();
  const timer = setInterval(pause, 1);
  await run;
  clearInterval(timer);
  expect(looks).toBeGreaterThan(10);
  expectFresh();
});

it('while a step writes, data is refused as other reading is', async () => {
  layer.weight.data; // kept, but outdated soon
  const held = holdUntilTurn((one) => layer.weight.add_(one));
  expect(() => layer.weight.data).toThrow(/^data: a tensor is in use by a compiled step/);
  await held;
  expectFresh();
});

it('in-place operations, through views and by JavaScript', () => {
  const t = zeros([4, 2]);
  const views = [t, t.reshape([8]), t.slice({ start: 1, end: 3 })];
  const each: (() => void)[] = [
    () => t.fill_(1),
    () => views[1]?.add_(1),
    () =>
      views[2]?.copy_([
        [1, 2],
        [3, 4],
      ]),
    () => t.copy_(Float32Array.from({ length: 8 }, (_, i) => i)),
    () => nn.init.uniform_(t),
    () => noGrad(() => t.zero_()),
  ];
  for (const change of each) {
    expectFresh(views);
    change();
    expectFresh(views);
  }
});

it('gradients that accumulate, and inputs that gradcheck moves', () => {
  const w = ones([3], { requiresGrad: true });
  for (let i = 1; i < 4; i++) {
    mul(w, 2).sum().backward();
    expect([...(w.grad as Tensor).data]).toEqual([2 * i, 2 * i, 2 * i]);
  }
  const seen = new Set<string>();
  const input = tensor([1, 2], { dtype: 'float64', requiresGrad: true });
  gradcheck(
    (t: Tensor) => {
      seen.add(t.data.join());
      expectFresh([t]);
      return mul(t, t);
    },
    [input],
  );
  expect(seen.size).toBeGreaterThan(4);
});
