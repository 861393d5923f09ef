// Learning-rate schedulers against PyTorch, and inside compiled functions.
import { describe, expect, it } from 'vitest';
import { backward } from '../../lib/backward/engine.js';
import { ArgumentError, StateError } from '../../lib/errors.js';
import '../../lib/methods.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import * as optim from '../../lib/optim/index.js';
import { compile } from '../../lib/program/compile.js';
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

function start(c: Case): { groups: Group[]; schedulers: Stepper[] } {
  const groups = c.groups.map((g) => ({ ...g, params: [ones([1], { requiresGrad: true })] }));
  const optimizer = new { SGD: optim.SGD, Adam: optim.Adam }[c.optimizer](groups, c.options);
  const schedulers = Array.from({ length: countOf(c) }, (_, i) => makeScheduler(c, optimizer, i));
  return { groups: optimizer.paramGroups as unknown as Group[], schedulers };
}

const momenta = (groups: Group[]): number[] => groups.map((g) => (g.betas?.[0] ?? g.momentum) as number);
describe('schedulers against PyTorch', () => {
  it.each(cases.map((c) => [nameOf(c), c] as const))('%s', (_, c) => {
    const { groups, schedulers } = start(c);
    c.rates.forEach((want, i) => {
      if (i > 0) stepAll(c, schedulers, i - 1);
      expectNumbers(rates(groups), want, 'float64');
      if (c.momenta) expectNumbers(momenta(groups), c.momenta[i] as number[], 'float64');
    });
  });

  it.each(cases.map((c) => [nameOf(c), c] as const))('%s goes on from its saved state', (_, c) => {
    const first = start(c);
    for (let i = 0; i < 13; i++) stepAll(c, first.schedulers, i);
    const second = start(c);
    second.schedulers.forEach((s, i) => {
      s.loadStateDict(JSON.parse(JSON.stringify(first.schedulers[i]?.stateDict())));
    });
    for (let i = 13; i < c.rates.length - 1; i++) {
      stepAll(c, first.schedulers, i);
      stepAll(c, second.schedulers, i);
      expect(rates(second.groups)).toEqual(rates(first.groups));
      expectNumbers(rates(second.groups), c.rates[i + 1] as number[], 'float64');
    }
  });
});

// A parameter that goes down by the learning rate at each step: what is left of it tells the schedule.
function problem(make: (optimizer: optim.SGD) => { step(): void }) {
  const p = tensor([0], { dtype: 'float64', requiresGrad: true });
  const optimizer = new optim.SGD([p], { lr: 1 });
  const scheduler = make(optimizer) as optim.Scheduler;
  const run = (x: Tensor): Tensor => {
    const loss = p.mul(x).sum();
    optimizer.zeroGrad();
    backward(loss);
    optimizer.step();
    scheduler.step();
    return loss;
  };
  return { p, optimizer, scheduler, run, step: compile(run) };
}
const one = ones([1], { dtype: 'float64' });
const makers: [string, (o: optim.SGD) => optim.Scheduler][] = [
  ['ExponentialLR', (o) => new optim.ExponentialLR(o, { gamma: 0.9 })],
  ['CosineAnnealingWarmRestarts', (o) => new optim.CosineAnnealingWarmRestarts(o, { t0: 3, tMult: 2 })],
  ['OneCycleLR', (o) => new optim.OneCycleLR(o, { maxLr: 2, totalSteps: 5000, cycleMomentum: false })],
  [
    'SequentialLR',
    (o) => {
      const schedulers = [new optim.LinearLR(o), new optim.StepLR(o, { stepSize: 3 })];
      return new optim.SequentialLR(o, schedulers, { milestones: [5] });
    },
  ],
];

describe.each(makers)('%s in a compiled function', (_, make) => {
  // What a number of eager steps gives.
  const eager = (steps: number) => {
    const { p, optimizer, scheduler, run } = problem(make);
    for (let i = 0; i < steps; i++) run(one);
    return { value: p.toArray(), lr: optimizer.paramGroups[0]?.lr, state: scheduler.stateDict() };
  };
  const now = ({ p, optimizer, scheduler }: ReturnType<typeof problem>) => {
    return { value: p.toArray(), lr: optimizer.paramGroups[0]?.lr, state: scheduler.stateDict() };
  };

  it('awaited, queued and at once', async () => {
    const it = problem(make);
    for (let i = 0; i < 4; i++) await it.step(one);
    await Promise.all([it.step(one), it.step(one), it.step(one)]);
    for (let i = 0; i < 3; i++) it.step.sync(one);
    expect(now(it)).toEqual(eager(10));
  });

  it('over batches', async () => {
    const it = problem(make);
    await it.step.run(Array.from({ length: 50 }, () => one));
    expect(now(it)).toEqual(eager(50));
  });

  it('when aborted: the schedule is that of the steps that ran', async () => {
    const it = problem(make);
    const controller = new AbortController();
    let seen = 0;
    const steps = it.step.run(
      Array.from({ length: 4000 }, () => one),
      {
        signal: controller.signal,
        onStep: () => {
          if (++seen === 20) controller.abort(new Error('enough'));
        },
      },
    );
    await expect(steps).rejects.toThrow('enough');
    const ran = it.scheduler.lastStep;
    expect(ran).toBeGreaterThanOrEqual(20);
    expect(ran).toBeLessThan(4000);
    expect(now(it)).toEqual(eager(ran));
    await it.step(one);
    expect(now(it)).toEqual(eager(ran + 1));
  });
});

it('momentum is followed by a compiled function', () => {
  const train = (compiled: boolean): number => {
    const p = tensor([0], { dtype: 'float64', requiresGrad: true });
    const optimizer = new optim.SGD([p], { lr: 1, momentum: 0.9 });
    const scheduler = new optim.OneCycleLR(optimizer, { maxLr: 2, totalSteps: 12 });
    const run = (x: Tensor): Tensor => {
      const loss = p.mul(x).sum();
      optimizer.zeroGrad();
      backward(loss);
      optimizer.step();
      scheduler.step();
      return loss;
    };
    const step = compiled ? compile(run, { verify: true }).sync : run;
    for (let i = 0; i < 12; i++) step(one);
    return p.item();
  };
  expect(train(true)).toBe(train(false));
});

it('a sequence in a sequence is that of all its schedulers', () => {
  const ratesOf = (make: (o: optim.SGD) => optim.Scheduler): number[] => {
    const optimizer = new optim.SGD([ones([1])], { lr: 1 });
    const scheduler = make(optimizer);
    return Array.from({ length: 15 }, () => {
      const lr = optimizer.paramGroups[0]?.lr as number;
      scheduler.step();
      return lr;
    });
  };
  const parts = (o: optim.SGD): [optim.Scheduler, optim.Scheduler, optim.Scheduler] => [
    new optim.LinearLR(o, { totalIters: 3 }),
    new optim.ExponentialLR(o, { gamma: 0.5 }),
    new optim.LambdaLR(o, (step) => 0.95 ** step),
  ];
  const flat = ratesOf((o) => new optim.SequentialLR(o, parts(o), { milestones: [3, 7] }));
  const last = ratesOf((o) => {
    const [a, b, c] = parts(o);
    return new optim.SequentialLR(o, [a, new optim.SequentialLR(o, [b, c], { milestones: [4] })], { milestones: [3] });
  });
  const first = ratesOf((o) => {
    const [a, b, c] = parts(o);
    return new optim.SequentialLR(o, [new optim.SequentialLR(o, [a, b], { milestones: [3] }), c], { milestones: [7] });
  });
  expect(last).toEqual(flat);
  expect(first).toEqual(flat);
});

it('a saved state that does not fit changes nothing', () => {
  const optimizer = new optim.SGD([ones([1])], { lr: 1 });
  const parts = [new optim.StepLR(optimizer, { stepSize: 1 }), new optim.StepLR(optimizer, { stepSize: 2 })];
  const scheduler = new optim.SequentialLR(optimizer, parts, { milestones: [3] });
  for (let i = 0; i < 5; i++) scheduler.step();
  const before = [scheduler.stateDict(), { ...optimizer.paramGroups[0] }];
  const fits = { base_lrs: [7], last_epoch: 1, _last_lr: [5] };
  const state = { ...fits, _schedulers: [fits, { ...fits, _last_lr: [1, 2] }] };
  expect(() => scheduler.loadStateDict(state)).toThrow('StepLR: the saved state must have _last_lr of 1 groups');
  expect([scheduler.stateDict(), { ...optimizer.paramGroups[0] }]).toEqual(before);
});

it('a step that fails moves nothing, and neither does a scheduler that cannot be made', () => {
  const groups = [{ params: [ones([1])] }, { params: [ones([1])], lr: 3 }];
  const optimizer = new optim.SGD(groups, { lr: 1, momentum: 0.9 });
  const mine = (step: number): number => {
    if (step === 2) throw new Error('mine');
    return 1 / (step + 1);
  };
  const atOnce = (): never => {
    throw new Error('mine');
  };
  const untouched = optimizer.paramGroups.map((group) => ({ ...group }));
  const lambda = () => new optim.LambdaLR(optimizer, (step) => 2 ** step);
  // biome-ignore format: one line a case
  const unmade = [
    () => new optim.LambdaLR(optimizer, atOnce),
    () => new optim.LambdaLR(optimizer, [(step) => 5 + step, atOnce]),
    () => new optim.StepLR(optimizer, { stepSize: 0 }),
    () => new optim.OneCycleLR(optimizer, { maxLr: [1, 2], totalSteps: 5, baseMomentum: 7 }),
    () => new optim.CosineAnnealingLR(optimizer, {} as never),
  ];
  for (const make of unmade) {
    expect(make).toThrow(/mine|must be/);
    expect(optimizer.paramGroups).toEqual(untouched);
  }

  const scheduler = new optim.LambdaLR(optimizer, [(step) => 2 ** step, mine]);
  const sequence = new optim.SequentialLR(optimizer, [lambda(), new optim.LambdaLR(optimizer, mine)], {
    milestones: [1],
  });
  for (const s of [scheduler, sequence]) {
    for (let i = 0; i < 5 && s.lastStep < 10; i++) {
      const before = [s.stateDict(), optimizer.paramGroups.map((group) => ({ ...group }))];
      try {
        s.step();
      } catch (error) {
        expect((error as Error).message).toBe('mine');
        expect([s.stateDict(), optimizer.paramGroups.map((group) => ({ ...group }))]).toEqual(before);
      }
    }
    expect(s.lastStep).toBeLessThan(5);
  }

  const cycle = new optim.OneCycleLR(optimizer, { maxLr: 1, totalSteps: 2 });
  for (let i = 0; i < 2; i++) cycle.step();
  const end = [cycle.stateDict(), optimizer.paramGroups.map((group) => ({ ...group }))];
  for (let i = 0; i < 2; i++) expect(() => cycle.step()).toThrow('OneCycleLR: all 2 steps have been made');
  expect([cycle.stateDict(), optimizer.paramGroups.map((group) => ({ ...group }))]).toEqual(end);
});

describe('errors', () => {
  const optimizer = (): optim.SGD => new optim.SGD([ones([1])], { lr: 1 });
  // biome-ignore format: one line a case
  const refused: [string, () => unknown, new (message: string) => Error, string][] = [
    ['optimizer', () => new optim.StepLR({} as never, { stepSize: 1 }), ArgumentError, 'StepLR: optimizer must be an optimizer, got an object of class Object'],
    ['stepSize', () => new optim.StepLR(optimizer(), { stepSize: 0 }), ArgumentError, 'StepLR: stepSize must be an integer of at least 1, got 0'],
    ['milestones', () => new optim.MultiStepLR(optimizer(), { milestones: 3 as never }), ArgumentError, 'MultiStepLR: milestones must be an array of steps, got 3'],
    ['gamma', () => new optim.ExponentialLR(optimizer(), {} as never), ArgumentError, 'ExponentialLR: gamma must be a finite number of at least 0, got undefined'],
    ['option', () => new optim.LinearLR(optimizer(), { steps: 3 } as never), ArgumentError, 'LinearLR: unknown option "steps"; known are startFactor, endFactor, totalIters'],
    ['lambda', () => new optim.LambdaLR(optimizer(), 3 as never), ArgumentError, 'LambdaLR: lrLambda must be a function of the step, got 3'],
    ['steps', () => new optim.OneCycleLR(optimizer(), { maxLr: 1 }), ArgumentError, 'OneCycleLR: either totalSteps, or epochs and stepsPerEpoch must be given'],
    ['groups', () => new optim.OneCycleLR(optimizer(), { maxLr: [1, 2], totalSteps: 3 }), ArgumentError, 'OneCycleLR: maxLr must have one entry a group (1), got 2'],
    ['no momentum', () => new optim.OneCycleLR(new optim.Adagrad([ones([1])]), { maxLr: 1, totalSteps: 3 }), ArgumentError, 'OneCycleLR: cycleMomentum needs an optimizer with momentum or betas; pass false'],
    ['beyond', () => { const s = new optim.OneCycleLR(optimizer(), { maxLr: 1, totalSteps: 2 }); for (let i = 0; i < 3; i++) s.step(); }, StateError, 'OneCycleLR: all 2 steps have been made; give more totalSteps'],
    ['sequence', () => { const o = optimizer(); return new optim.SequentialLR(o, [new optim.LinearLR(o)], { milestones: [3] }); }, ArgumentError, 'SequentialLR: 1 schedulers need 0 milestones, got 1'],
    ['another', () => new optim.SequentialLR(optimizer(), [new optim.LinearLR(optimizer())], { milestones: [] }), ArgumentError, 'SequentialLR: schedulers must be those of this optimizer, got one of another'],
    ['factor', () => new optim.ReduceLROnPlateau(optimizer(), { factor: 1 }), ArgumentError, 'ReduceLROnPlateau: factor must be below 1, got 1'],
    ['mode', () => new optim.ReduceLROnPlateau(optimizer(), { mode: 'least' as never }), ArgumentError, 'ReduceLROnPlateau: mode must be min or max, got "least"'],
    ['metric', () => new optim.ReduceLROnPlateau(optimizer()).step('x' as never), ArgumentError, 'ReduceLROnPlateau: metric must be a number or a tensor, got "x"'],
    ['state', () => new optim.StepLR(optimizer(), { stepSize: 2 }).loadStateDict({ base_lrs: [1, 2] }), StateError, 'StepLR: the saved state must have base_lrs of 1 groups, got [1, 2]'],
  ];
  it.each(refused)('%s', (_, call, error, message) => {
    expect(call).toThrow(error);
    expect(call).toThrow(message);
  });

  it('a metric inside a compiled function', () => {
    const scheduler = new optim.ReduceLROnPlateau(optimizer());
    const step = compile((x: Tensor) => {
      scheduler.step(x.sum());
      return x;
    });
    expect(() => step.sync(one)).toThrow(
      'ReduceLROnPlateau: step reads a metric, which a compiled function cannot; call it outside, with what the step returned',
    );
  });
});
