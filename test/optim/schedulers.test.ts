// Learning-rate schedulers against PyTorch, and inside compiled functions.
import { describe, expect, it } from 'vitest';
import { backward } from '../../lib/backward/engine.js';
import { ArgumentError, StateError } from '../../lib/errors.js';
import '../../lib/methods.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import * as optim from '../../lib/optim/index.js';
import * as lrScheduler from '../../lib/optim/lr-scheduler.js';
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

function start(c: Case, byPosition = false): { groups: Group[]; schedulers: Stepper[] } {
  const groups = c.groups.map((g) => ({ ...g, params: [ones([1], { requiresGrad: true })] }));
  const optimizer = new { SGD: optim.SGD, Adam: optim.Adam }[c.optimizer](groups, c.options);
  const schedulers = Array.from({ length: countOf(c) }, (_, i) => makeScheduler(c, optimizer, i, byPosition));
  return { groups: optimizer.paramGroups as unknown as Group[], schedulers };
}

const momenta = (groups: Group[]): number[] => groups.map((g) => (g.betas?.[0] ?? g.momentum) as number);
describe('schedulers against PyTorch', () => {
  const both = cases.flatMap((c) => [false, true].map((by) => [nameOf(c), by ? 'by position' : 'by name', c] as const));
  it.each(both)('%s, %s', (_, by, c) => {
    const { groups, schedulers } = start(c, by === 'by position');
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
  const scheduler = make(optimizer) as lrScheduler.LRScheduler;
  const calls = { count: 0 };
  const run = (x: Tensor): Tensor => {
    calls.count++;
    const loss = p.mul(x).sum();
    optimizer.zeroGrad();
    backward(loss);
    optimizer.step();
    scheduler.step();
    return loss;
  };
  return { p, optimizer, scheduler, run, calls, step: compile(run) };
}
const one = ones([1], { dtype: 'float64' });
const makers: [string, (o: optim.SGD) => lrScheduler.LRScheduler][] = [
  ['ExponentialLR', (o) => new lrScheduler.ExponentialLR(o, 0.9)],
  ['MultiplicativeLR', (o) => new lrScheduler.MultiplicativeLR(o, (step) => 1 - 0.1 / step)],
  ['PolynomialLR', (o) => new lrScheduler.PolynomialLR(o, 5000, 2)],
  ['ConstantLR', (o) => new lrScheduler.ConstantLR(o, 0.5, 4)],
  ['CyclicLR', (o) => new lrScheduler.CyclicLR(o, 0.5, 2, { stepSizeUp: 3, cycleMomentum: false })],
  [
    'ChainedScheduler',
    (o) => new lrScheduler.ChainedScheduler([new lrScheduler.LinearLR(o), new lrScheduler.StepLR(o, 3)]),
  ],
  ['CosineAnnealingWarmRestarts', (o) => new lrScheduler.CosineAnnealingWarmRestarts(o, 3, 2)],
  ['OneCycleLR', (o) => new lrScheduler.OneCycleLR(o, 2, { totalSteps: 5000, cycleMomentum: false })],
  [
    'SequentialLR',
    (o) => {
      const schedulers = [new lrScheduler.LinearLR(o), new lrScheduler.StepLR(o, { stepSize: 3 })];
      return new lrScheduler.SequentialLR(o, schedulers, { milestones: [5] });
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
    expect(it.calls.count).toBe(1); // recorded once
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
    const ran = it.scheduler.lastEpoch;
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
    const scheduler = new lrScheduler.OneCycleLR(optimizer, { maxLr: 2, totalSteps: 12 });
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

it('one of a user gives the rates of a step', () => {
  class InverseSqrt extends lrScheduler.LRScheduler {
    constructor(optimizer: lrScheduler.ScheduledOptimizer) {
      super('InverseSqrt', optimizer);
      this.begin();
    }

    getLr(): number[] {
      return this.baseLrs.map((lr) => lr / Math.sqrt(this.lastEpoch + 1));
    }
  }
  const { p, optimizer, step } = problem((o) => new InverseSqrt(o));
  for (let i = 0; i < 3; i++) step.sync(one);
  expect(p.item()).toBeCloseTo(-(1 + 1 / Math.sqrt(2) + 1 / Math.sqrt(3)), 12);
  expect(optimizer.paramGroups[0]?.lr).toBe(0.5);
});

it('a sequence in a sequence is that of all its schedulers', () => {
  const ratesOf = (make: (o: optim.SGD) => lrScheduler.LRScheduler): number[] => {
    const optimizer = new optim.SGD([ones([1])], { lr: 1 });
    const scheduler = make(optimizer);
    return Array.from({ length: 15 }, () => {
      const lr = optimizer.paramGroups[0]?.lr as number;
      scheduler.step();
      return lr;
    });
  };
  const parts = (o: optim.SGD): [lrScheduler.LRScheduler, lrScheduler.LRScheduler, lrScheduler.LRScheduler] => [
    new lrScheduler.LinearLR(o, { totalIters: 3 }),
    new lrScheduler.ExponentialLR(o, { gamma: 0.5 }),
    new lrScheduler.LambdaLR(o, (step) => 0.95 ** step),
  ];
  const flat = ratesOf((o) => new lrScheduler.SequentialLR(o, parts(o), { milestones: [3, 7] }));
  const last = ratesOf((o) => {
    const [a, b, c] = parts(o);
    return new lrScheduler.SequentialLR(o, [a, new lrScheduler.SequentialLR(o, [b, c], { milestones: [4] })], {
      milestones: [3],
    });
  });
  const first = ratesOf((o) => {
    const [a, b, c] = parts(o);
    return new lrScheduler.SequentialLR(o, [new lrScheduler.SequentialLR(o, [a, b], { milestones: [3] }), c], {
      milestones: [7],
    });
  });
  expect(last).toEqual(flat);
  expect(first).toEqual(flat);
});

it('a saved state that does not fit changes nothing', () => {
  const optimizer = new optim.SGD([ones([1])], { lr: 1 });
  const parts = [
    new lrScheduler.StepLR(optimizer, { stepSize: 1 }),
    new lrScheduler.StepLR(optimizer, { stepSize: 2 }),
  ];
  const scheduler = new lrScheduler.SequentialLR(optimizer, parts, { milestones: [3] });
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
  const lambda = () => new lrScheduler.LambdaLR(optimizer, (step) => 2 ** step);
  // biome-ignore format: one line a case
  const unmade = [
    () => new lrScheduler.LambdaLR(optimizer, atOnce),
    () => new lrScheduler.LambdaLR(optimizer, [(step) => 5 + step, atOnce]),
    () => new lrScheduler.StepLR(optimizer, { stepSize: 0 }),
    () => new lrScheduler.OneCycleLR(optimizer, { maxLr: [1, 2], totalSteps: 5, baseMomentum: 7 }),
    () => new lrScheduler.CosineAnnealingLR(optimizer, {} as never),
  ];
  for (const make of unmade) {
    expect(make).toThrow(/mine|must be/);
    expect(optimizer.paramGroups).toEqual(untouched);
  }

  const scheduler = new lrScheduler.LambdaLR(optimizer, [(step) => 2 ** step, mine]);
  const sequence = new lrScheduler.SequentialLR(optimizer, [lambda(), new lrScheduler.LambdaLR(optimizer, mine)], {
    milestones: [1],
  });
  for (const s of [scheduler, sequence]) {
    for (let i = 0; i < 5 && s.lastEpoch < 10; i++) {
      const before = [s.stateDict(), optimizer.paramGroups.map((group) => ({ ...group }))];
      try {
        s.step();
      } catch (error) {
        expect((error as Error).message).toBe('mine');
        expect([s.stateDict(), optimizer.paramGroups.map((group) => ({ ...group }))]).toEqual(before);
      }
    }
    expect(s.lastEpoch).toBeLessThan(5);
  }

  const cycle = new lrScheduler.OneCycleLR(optimizer, { maxLr: 1, totalSteps: 2 });
  for (let i = 0; i < 2; i++) cycle.step();
  const end = [cycle.stateDict(), optimizer.paramGroups.map((group) => ({ ...group }))];
  for (let i = 0; i < 2; i++) expect(() => cycle.step()).toThrow('OneCycleLR: all 2 steps have been made');
  expect([cycle.stateDict(), optimizer.paramGroups.map((group) => ({ ...group }))]).toEqual(end);
});

describe('errors', () => {
  const optimizer = (): optim.SGD => new optim.SGD([ones([1])], { lr: 1 });
  // biome-ignore format: one line a case
  const refused: [string, () => unknown, new (message: string) => Error, string][] = [
    ['optimizer', () => new lrScheduler.StepLR({} as never, { stepSize: 1 }), ArgumentError, 'StepLR: optimizer must be an optimizer, got an object of class Object'],
    ['stepSize', () => new lrScheduler.StepLR(optimizer(), { stepSize: 0 }), ArgumentError, 'StepLR: stepSize must be an integer of at least 1, got 0'],
    ['milestones', () => new lrScheduler.MultiStepLR(optimizer(), { milestones: 3 as never }), ArgumentError, 'MultiStepLR: milestones must be an array of steps, got 3'],
    ['gamma', () => new lrScheduler.ExponentialLR(optimizer(), {} as never), ArgumentError, 'ExponentialLR: gamma must be a finite number of at least 0, got undefined'],
    ['option', () => new lrScheduler.LinearLR(optimizer(), { steps: 3 } as never), ArgumentError, 'LinearLR: unknown option "steps"; known are startFactor, endFactor, totalIters'],
    ['lambda', () => new lrScheduler.LambdaLR(optimizer(), 3 as never), ArgumentError, 'LambdaLR: lrLambda must be a function of the step, got 3'],
    ['steps', () => new lrScheduler.OneCycleLR(optimizer(), { maxLr: 1 }), ArgumentError, 'OneCycleLR: either totalSteps, or epochs and stepsPerEpoch must be given'],
    ['groups', () => new lrScheduler.OneCycleLR(optimizer(), { maxLr: [1, 2], totalSteps: 3 }), ArgumentError, 'OneCycleLR: maxLr must have one entry a group (1), got 2'],
    ['no momentum', () => new lrScheduler.OneCycleLR(new optim.Adagrad([ones([1])]), { maxLr: 1, totalSteps: 3 }), ArgumentError, 'OneCycleLR: cycleMomentum needs an optimizer with momentum or betas; pass false'],
    ['beyond', () => { const s = new lrScheduler.OneCycleLR(optimizer(), { maxLr: 1, totalSteps: 2 }); for (let i = 0; i < 3; i++) s.step(); }, StateError, 'OneCycleLR: all 2 steps have been made; give more totalSteps'],
    ['sequence', () => { const o = optimizer(); return new lrScheduler.SequentialLR(o, [new lrScheduler.LinearLR(o)], { milestones: [3] }); }, ArgumentError, 'SequentialLR: 1 schedulers need 0 milestones, got 1'],
    ['another', () => new lrScheduler.SequentialLR(optimizer(), [new lrScheduler.LinearLR(optimizer())], { milestones: [] }), ArgumentError, 'SequentialLR: schedulers must be those of this optimizer, got one of another'],
    ['factor', () => new lrScheduler.ReduceLROnPlateau(optimizer(), { factor: 1 }), ArgumentError, 'ReduceLROnPlateau: factor must be below 1, got 1'],
    ['factor of 0', () => new lrScheduler.ConstantLR(optimizer(), 0), ArgumentError, 'ConstantLR: factor must be a finite number above 0 and at most 1, got 0'],
    ['totalIters', () => new lrScheduler.PolynomialLR(optimizer(), 0), ArgumentError, 'PolynomialLR: totalIters must be an integer of at least 1, got 0'],
    ['function', () => new lrScheduler.MultiplicativeLR(optimizer(), 0.9 as never), ArgumentError, 'MultiplicativeLR: lrLambda must be a function of the step, got 0.9'],
    ['functions', () => new lrScheduler.MultiplicativeLR(optimizer(), [() => 1, () => 1]), ArgumentError, 'MultiplicativeLR: lrLambda must have one entry a group (1), got 2'],
    ['cycle', () => new lrScheduler.CyclicLR(optimizer(), 0.1, undefined as never), ArgumentError, 'CyclicLR: maxLr must be a finite number of at least 0, got undefined'],
    ['cycle mode', () => new lrScheduler.CyclicLR(optimizer(), 0.1, 1, { mode: 'exp_range' as never }), ArgumentError, 'CyclicLR: mode must be triangular, triangular2 or expRange, got "exp_range"'],
    ['cycle momentum', () => new lrScheduler.CyclicLR(new optim.Adagrad([ones([1])]), 0.1, 1), ArgumentError, 'CyclicLR: cycleMomentum needs an optimizer with momentum or betas; pass false'],
    ['chain', () => new lrScheduler.ChainedScheduler([]), ArgumentError, 'ChainedScheduler: schedulers must be an array of schedulers, got []'],
    ['chain of another', () => new lrScheduler.ChainedScheduler([new lrScheduler.LinearLR(optimizer())], optimizer()), ArgumentError, 'ChainedScheduler: schedulers must be those of this optimizer, got one of another'],
    ['plateau in a chain', () => new lrScheduler.ChainedScheduler([new lrScheduler.ReduceLROnPlateau(optimizer()) as never]), ArgumentError, 'ChainedScheduler: schedulers must be schedulers, got an object of class ReduceLROnPlateau'],
    ['given twice', () => new lrScheduler.StepLR(optimizer(), 3, { stepSize: 3 } as never), ArgumentError, 'StepLR: stepSize must be given once, got 3 by position and 3 in the options'],
    ['epoch', () => new lrScheduler.CosineAnnealingWarmRestarts(optimizer(), 3).step(-1), ArgumentError, 'CosineAnnealingWarmRestarts: epoch must be a finite number of at least 0, got -1'],
    ['mode', () => new lrScheduler.ReduceLROnPlateau(optimizer(), { mode: 'least' as never }), ArgumentError, 'ReduceLROnPlateau: mode must be min or max, got "least"'],
    ['metric', () => new lrScheduler.ReduceLROnPlateau(optimizer()).step('x' as never), ArgumentError, 'ReduceLROnPlateau: metric must be a number or a tensor, got "x"'],
    ['state', () => new lrScheduler.StepLR(optimizer(), { stepSize: 2 }).loadStateDict({ base_lrs: [1, 2] }), StateError, 'StepLR: the saved state must have base_lrs of 1 groups, got [1, 2]'],
  ];
  it.each(refused)('%s', (_, call, error, message) => {
    expect(call).toThrow(error);
    expect(call).toThrow(message);
  });

  it('in arguments do not type-check', () => {
    const o = optimizer();
    const linear = new lrScheduler.LinearLR(o);
    const calls: (() => unknown)[] = [
      // @ts-expect-error stepSize is missing
      () => new lrScheduler.StepLR(o),
      // @ts-expect-error stepSize is missing
      () => new lrScheduler.StepLR(o, { gamma: 0.1 }),
      // @ts-expect-error stepSize is given twice
      () => new lrScheduler.StepLR(o, 3, { stepSize: 3 }),
      // @ts-expect-error too many
      () => new lrScheduler.StepLR(o, 3, 0.1, 5),
      // @ts-expect-error an array is needed
      () => new lrScheduler.MultiStepLR(o, 3),
      // @ts-expect-error gamma is missing
      () => new lrScheduler.ExponentialLR(o),
      // @ts-expect-error a snake_case option
      () => new lrScheduler.LinearLR(o, { start_factor: 0.1 }),
      // @ts-expect-error tMax is missing
      () => new lrScheduler.CosineAnnealingLR(o, { etaMin: 0.1 }),
      // @ts-expect-error a function is needed
      () => new lrScheduler.LambdaLR(o, 0.5),
      // @ts-expect-error maxLr is missing
      () => new lrScheduler.CyclicLR(o, 0.1),
      // @ts-expect-error maxLr is missing
      () => new lrScheduler.OneCycleLR(o, { totalSteps: 3 }),
      // @ts-expect-error not a mode
      () => new lrScheduler.ReduceLROnPlateau(o, 'least'),
      // @ts-expect-error milestones are missing
      () => new lrScheduler.SequentialLR(o, [linear]),
      // @ts-expect-error an array is needed
      () => new lrScheduler.ChainedScheduler(linear),
      // @ts-expect-error swaLr is missing
      () => new optim.swaUtils.SWALR(o),
    ];
    for (const call of calls) expect(call).toThrow(ArgumentError);
  });

  it('a metric inside a compiled function', () => {
    const scheduler = new lrScheduler.ReduceLROnPlateau(optimizer());
    const step = compile((x: Tensor) => {
      scheduler.step(x.sum());
      return x;
    });
    expect(() => step.sync(one)).toThrow(
      'ReduceLROnPlateau: step reads a metric, which a compiled function cannot; call it outside, with what the step returned',
    );
  });

  it('an epoch inside a compiled function', () => {
    const scheduler = new lrScheduler.CosineAnnealingWarmRestarts(optimizer(), 3);
    const step = compile((x: Tensor) => {
      scheduler.step(1.5);
      return x.sum();
    });
    expect(() => step.sync(one)).toThrow(
      'CosineAnnealingWarmRestarts: step(epoch) cannot be compiled, as the replayed',
    );
    expect(scheduler.lastEpoch).toBe(0);
  });
});
