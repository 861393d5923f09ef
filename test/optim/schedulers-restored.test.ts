// Restoring: a checkpoint of an optimizer and its schedulers goes through a file; what is made of it afterwards, in
// whatever order the schedulers are made and the states loaded, trains on as if nothing had happened.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { noGrad } from '../../lib/autograd/tape.js';
import { backward } from '../../lib/backward/engine.js';
import { load, loadMetadata, save } from '../../lib/io/index.js';
import '../../lib/methods.js';
import { copy_ } from '../../lib/ops/copy.js';
import { ones } from '../../lib/ops/creation.js';
import * as optim from '../../lib/optim/index.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectNumbers } from '../support/golden.js';
import {
  type Case,
  cases,
  countOf,
  type Group,
  makeScheduler,
  nameOf,
  rates,
  type Stepper,
  stepAll,
} from '../support/scheduled.js';

type Action = { kind: 'make' | 'load'; scheduler: number } | { kind: 'load optimizer' };

// All orders of making each scheduler, loading its state and loading the optimizer's, none loaded before it is made.
function orders(schedulers: number): Action[][] {
  const all: Action[] = [{ kind: 'load optimizer' }];
  for (let i = 0; i < schedulers; i++) all.push({ kind: 'make', scheduler: i }, { kind: 'load', scheduler: i });
  const continued = (done: Action[]): Action[][] => {
    const open = all.filter((a) => {
      if (done.includes(a)) return false;
      if (a.kind === 'load optimizer') return true;
      const before = all.find(
        (b) => b.kind === 'make' && b.scheduler === (a.kind === 'load' ? a.scheduler : a.scheduler - 1),
      );
      return before === undefined || done.includes(before); // made in the order in which they step
    });
    return open.length === 0 ? [done] : open.flatMap((a) => continued([...done, a]));
  };
  return continued([]);
}

const orderName = (order: readonly Action[]): string =>
  order.map((a) => (a.kind === 'load optimizer' ? 'o' : `${a.kind[0]}${a.scheduler}`)).join(' ');

class Run {
  readonly optimizer: optim.SGD | optim.Adam;
  readonly params: Tensor[];
  readonly schedulers: Stepper[] = [];

  // With a factor, the script's learning rates have changed since.
  constructor(
    private readonly c: Case,
    factor = 1,
  ) {
    this.params = c.groups.map(() => ones([1], { dtype: 'float64', requiresGrad: true }));
    const scaled = <O extends { lr?: number }>(o: O): O => (o.lr === undefined ? o : { ...o, lr: factor * o.lr });
    const groups = c.groups.map((g, i) => ({ ...scaled(g), params: [this.params[i] as Tensor] }));
    this.optimizer = new { SGD: optim.SGD, Adam: optim.Adam }[c.optimizer](groups, scaled(c.options));
  }

  make(i: number): void {
    this.schedulers[i] = makeScheduler(this.c, this.optimizer, i);
  }

  // The gradient changes from step to step, so that momentum shows.
  step(i: number): void {
    this.optimizer.zeroGrad();
    for (const p of this.params) backward(p.mul(1 + (i % 3)).sum());
    this.optimizer.step();
    stepAll(this.c, this.schedulers, i);
  }

  get state() {
    const { optimizer, params } = this;
    const groups = optimizer.paramGroups.map((group) => ({ ...group, params: null }));
    return { values: params.map((p) => p.item()), groups, schedulers: this.schedulers.map((s) => s.stateDict()) };
  }

  save(path: string): void {
    const { state, param_groups } = this.optimizer.stateDict();
    const tensors = Object.entries(state).flatMap(([i, own]) => Object.entries(own).map(([k, t]) => [`${i}.${k}`, t]));
    const values = this.params.map((p, i) => [`p.${i}`, p]);
    const schedulers = JSON.stringify(this.schedulers.map((s) => s.stateDict()));
    const metadata = { groups: JSON.stringify(param_groups), schedulers };
    save(path, Object.fromEntries([...tensors, ...values]), { metadata });
  }

  static restored(c: Case, path: string, order: readonly Action[]): Run {
    const run = new Run(c, 3);
    const tensors = load(path);
    const { groups, schedulers } = loadMetadata(path) as { groups: string; schedulers: string };
    const state: Record<string, Record<string, Tensor>> = {};
    for (const [name, t] of tensors) {
      const [i, key] = name.split('.') as [string, string];
      if (i === 'p') noGrad(() => copy_(run.params[Number(key)] as Tensor, t));
      else state[i] = { ...state[i], [key]: t };
    }
    for (const action of order) {
      if (action.kind === 'make') run.make(action.scheduler);
      else if (action.kind === 'load')
        run.schedulers[action.scheduler]?.loadStateDict(JSON.parse(schedulers)[action.scheduler]);
      else run.optimizer.loadStateDict({ state, param_groups: JSON.parse(groups) } as never);
    }
    return run;
  }
}

describe('a checkpoint goes on as if nothing had happened, in every order of making and loading', () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-schedulers-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(cases.map((c) => [nameOf(c), c] as const))('%s', (_, c) => {
    const count = countOf(c);
    const steps = c.rates.length - 1;
    const stops = count === 1 ? [0, 1, 5, 13] : [1, 5]; // of two schedulers there are five times the orders
    const path = join(folder, 'checkpoint.safetensors');
    for (const stop of stops) {
      const whole = new Run(c);
      for (let i = 0; i < count; i++) whole.make(i);
      for (let i = 0; i < stop; i++) whole.step(i);
      whole.save(path);
      const restored = orders(count).map((order) => [orderName(order), Run.restored(c, path, order)] as const);
      for (const [order, run] of restored) expect(run.state, `${stop} steps, ${order}`).toEqual(whole.state);
      for (let i = stop; i < steps; i++) {
        whole.step(i);
        for (const [, run] of restored) run.step(i);
      }
      for (const [order, run] of restored) expect(run.state, `${stop} steps, ${order}`).toEqual(whole.state);
      expectNumbers(rates(whole.optimizer.paramGroups as unknown as Group[]), c.rates.at(-1) as number[], 'float64');
    }
  });

  it('there are 3 orders for one scheduler, 15 for two', () => {
    expect([orders(1).length, orders(2).length]).toEqual([3, 15]);
  });

  it('a schedule that is made after the optimizer was restored counts from the initial rate', () => {
    const make = () => new optim.SGD([ones([1], { requiresGrad: true })], { lr: 1 });
    const first = make();
    const decays = new optim.lrScheduler.ExponentialLR(first, { gamma: 0.5 });
    decays.step();
    const second = make();
    second.loadStateDict(first.stateDict());
    for (const optimizer of [first, second]) new optim.lrScheduler.LambdaLR(optimizer, () => 0.125).step();
    expect([first, second].map((o) => o.paramGroups[0])).toMatchObject([
      { lr: 0.125, initialLr: 1 },
      { lr: 0.125, initialLr: 1 },
    ]);
  });
});
