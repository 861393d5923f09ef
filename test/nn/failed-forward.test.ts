// A failed forward pass restores what its parts have changed: random positions and running statistics.
import { expect, it } from 'vitest';
import {
  compile,
  defaultGenerator,
  dropout,
  memoryStats,
  nn,
  noGrad,
  ones,
  rand,
  randn,
  StateError,
  type Tensor,
  zeros,
} from '../../lib/index.js';
import { holdUntilTurn } from '../support/queued.js';

/** Runs `inside`, and then fails when it is asked to. */
class Outer extends nn.Module {
  fails = false;

  constructor(private readonly inside: (x: Tensor) => Tensor) {
    super();
  }

  override forward(x: Tensor): Tensor {
    const y = this.inside(x);
    if (this.fails) throw new Error('mine');
    return y;
  }
}

const position = (): string => defaultGenerator().state.toTypedArray().join();
const failing = (inside: (x: Tensor) => Tensor): Outer => Object.assign(new Outer(inside), { fails: true });

it('also what a call inside of another one saved, and what the outer one moved after it', () => {
  const x = ones([4]);
  const inner = new Outer((t) => dropout(dropout(t)));
  const before = position();
  const outer = failing((t) => dropout(inner.forward(dropout(inner.forward(t)))));
  expect(() => outer.forward(x)).toThrow('mine');
  expect(position()).toBe(before);

  // One that fails inside, and is caught, puts back its own part alone.
  const caught = (t: Tensor): Tensor => {
    dropout(x);
    const between = position();
    expect(() => failing((t) => dropout(dropout(t))).forward(x)).toThrow('mine');
    expect(position()).toBe(between);
    dropout(x);
    return t;
  };
  const start = position();
  expect(() => failing(caught).forward(x)).toThrow('mine');
  expect(position()).toBe(start);
});

it('running statistics that were converted in between keep all their digits', () => {
  const norm = new nn.BatchNorm1d(3);
  const x = randn([8, 3]);
  new Outer((t) => norm.forward(t)).forward(x); // saved as float32, and not needed
  norm.to('float64');
  norm.running_mean?.copy_(Float64Array.of(1 / 3, 1e-9, 1e200));
  const before = norm.running_mean?.toArray();
  expect(() => failing((t) => norm.forward(t)).forward(x.to('float64'))).toThrow('mine');
  expect(norm.running_mean?.toArray()).toEqual(before);
});

it('a compiled step that is recorded inside of an eager forward pass draws as outside', async () => {
  const norm = new nn.BatchNorm1d(3);
  const step = compile((x: Tensor) => dropout(norm.forward(x)));
  const outer = new Outer((x) => step.sync(x));
  const x = randn([8, 3]);
  for (let i = 0; i < 3; i++) expect(outer.forward(x).shape).toEqual([8, 3]);
  expect(norm.num_batches_tracked?.item()).toBe(3);
});

it('many draws in one pass are saved once', () => {
  const { tensors } = memoryStats();
  let most = 0;
  const draws = (x: Tensor): Tensor => {
    for (let i = 0; i < 500; i++) {
      rand([1]).dispose();
      new Outer((t) => dropout(t)).forward(x).dispose();
    }
    most = memoryStats().tensors - tensors;
    return x;
  };
  const before = position();
  noGrad(() => new Outer(draws).forward(ones([1])));
  expect(position()).not.toBe(before);
  expect(most).toBeLessThan(10);
});

it('dropout that does nothing saves and draws nothing', async () => {
  const held = holdUntilTurn(() => rand([2])); // the generator is in use, which a draw would refuse
  const x = ones([4]);
  expect(new Outer((t) => dropout(t, { training: false })).forward(x)).toBe(x);
  expect(new Outer((t) => dropout(t, { p: 0 })).forward(x)).toBe(x);
  await held;
});

it('statistics that a step is reading cannot be changed, and the error names the layer', async () => {
  const norm = new nn.InstanceNorm1d(3, { trackRunningStats: true });
  const total = zeros([]);
  const held = holdUntilTurn((one) => total.add_((norm.running_mean as Tensor).mul(one).sum()));
  expect(() => norm.forward(randn([2, 3, 5]))).toThrow(StateError);
  expect(() => norm.forward(randn([2, 3, 5]))).toThrow(/^InstanceNorm1d: a tensor is in use by a compiled step/);
  await held;
});
