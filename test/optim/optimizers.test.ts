import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { noGrad } from '../../lib/autograd/tape.js';
import { backward } from '../../lib/backward/engine.js';
import { type AdjointError, ArgumentError, DTypeError, ShapeError, StateError } from '../../lib/errors.js';
import { scope } from '../../lib/memory.js';
import '../../lib/methods.js';
import { Linear } from '../../lib/nn/index.js';
import { copy_ } from '../../lib/ops/copy.js';
import { full, ones, tensor, zeros } from '../../lib/ops/creation.js';
import { mul } from '../../lib/ops/elementwise.js';
import * as optim from '../../lib/optim/index.js';
import { compile } from '../../lib/program/compile.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectNumbers, fromGolden, type Golden, readGolden } from '../support/golden.js';

type Options = Record<string, unknown>;
type AnyOptimizer = optim.Optimizer<{ lr: number }>;
const { Adam, AdamW, SGD } = optim;
interface Case {
  optimizer: string;
  dtype: 'float32' | 'float64';
  options: Options;
  groups: ({ params: number[] } & Options)[];
  changes: { step: number; group: number; lr: number }[];
  steps: number[][];
  state: Record<string, number[]> | null;
}
type GoldenFile = { data: Record<string, { parameters: Golden[]; gradients: Golden[][] }>; cases: Case[] };
const files = ['optimizers', 'composed_optimizers'].map((name) => readGolden<GoldenFile>(name));
const { data } = files[0] as GoldenFile;
const cases = files.flatMap((file) => file.cases);

const classes = optim as unknown as Record<string, new (params: unknown, options?: Options) => AnyOptimizer>;

function make(name: string, params: unknown, options?: Options): AnyOptimizer {
  const Class = classes[name] as new (params: unknown, options?: Options) => AnyOptimizer;
  return new Class(params, options);
}

/** A golden case's parameters, optimizer and a function that takes step number i. */
function start(c: Case): { params: Tensor[]; optimizer: AnyOptimizer; step: (i: number) => void } {
  const { parameters, gradients } = data[c.dtype] as GoldenFile['data'][string];
  const params = parameters.map((p) => fromGolden(p, { requiresGrad: true }));
  const groups = c.groups.map((g) => ({ ...g, params: g.params.map((i) => params[i] as Tensor) }));
  const optimizer = make(c.optimizer, groups, c.options);
  const step = (i: number): void => {
    for (const change of c.changes)
      if (change.step === i) (optimizer.paramGroups[change.group] as { lr: number }).lr = change.lr;
    params.forEach((p, k) => {
      p.grad = fromGolden(gradients[i]?.[k] as Golden);
    });
    optimizer.step();
  };
  return { params: c.groups.flatMap((g) => g.params.map((i) => params[i] as Tensor)), optimizer, step };
}

const flat = (tensors: readonly Tensor[]): number[] => tensors.flatMap((t) => Array.from(t.toTypedArray()));

describe('six steps against PyTorch', () => {
  for (const c of cases) {
    it(`${c.optimizer} ${c.dtype} ${JSON.stringify(c.options)} ${c.groups.length} groups`, () => {
      const { params, optimizer, step } = start(c);
      c.steps.forEach((want, i) => {
        step(i);
        expectNumbers(flat(params), want, c.dtype);
      });
      const states = Object.values(optimizer.stateDict().state);
      for (const [key, want] of Object.entries(c.state ?? {})) {
        expectNumbers(flat(states.flatMap((state) => state[key] ?? [])), want, c.dtype);
      }
    });
  }
});

describe('compiled: the bits of eager steps, recorded once, with the rates of each step', () => {
  for (const c of files[1]?.cases ?? []) {
    it(`${c.optimizer} ${c.dtype} ${JSON.stringify(c.options)} ${c.groups.length} groups`, () => {
      const [eager, compiled] = [start(c), start(c)];
      let recordings = 0;
      const step = compile((...gradients: Tensor[]) => {
        recordings++;
        compiled.optimizer.zeroGrad();
        for (const [k, p] of compiled.params.entries()) backward(mul(p, gradients[k] as Tensor).sum());
        compiled.optimizer.step();
      });
      c.steps.forEach((_, i) => {
        eager.step(i);
        for (const change of c.changes)
          if (change.step === i) (compiled.optimizer.paramGroups[change.group] as { lr: number }).lr = change.lr;
        step.sync(...eager.params.map((p) => p.grad as Tensor));
        expect(flat(compiled.params)).toEqual(flat(eager.params));
      });
      expect(recordings).toBe(1);
    });
  }
});

describe('arguments', () => {
  it.each([...new Set(cases.map((c) => c.optimizer))])('%s takes lr by position', (name) => {
    const p = ones([2, 2], { requiresGrad: true });
    expect(make(name, [p], 0.25 as never).paramGroups[0]?.lr).toBe(0.25);
    const Class = classes[name] as unknown as new (...args: unknown[]) => AnyOptimizer;
    const other = Object.keys(make(name, [p]).paramGroups[0] ?? {}).find((key) => key === 'maximize');
    const optimizer = new Class([p], 0.25, other === undefined ? {} : { maximize: true });
    expect(optimizer.paramGroups[0]).toMatchObject({ lr: 0.25, ...(other && { maximize: true }) });
    expect(() => new Class([p], 0.25, { lr: 0.5 })).toThrow('lr must be given once, got 0.25 by position and 0.5');
    expect(() => new Class([p], '0.25')).toThrow(`${name}: lr must be a finite number of at least 0, got "0.25"`);
  });

  it('step calls a closure before it changes the parameters, and returns what that returned', () => {
    const p = tensor([3], { requiresGrad: true });
    const optimizer = new SGD([p], 0.5);
    const loss = noGrad(() =>
      optimizer.step(() => {
        optimizer.zeroGrad();
        const loss = mul(p, p).sum();
        backward(loss);
        return loss;
      }),
    );
    expect(loss.item()).toBe(9);
    expect(p.toArray()).toEqual([0]);
    expect(() => optimizer.step(1 as never)).toThrow('SGD.step: closure must be a function, got 1');
    const fails = () => {
      throw new Error('mine');
    };
    expect(() => optimizer.step(fails)).toThrow('mine');
    expect(p.toArray()).toEqual([0]);
  });
});

it('a step with a closure can be compiled', () => {
  const p = tensor([3], { requiresGrad: true });
  const optimizer = new Adam([p], 0.5);
  const closure = (x: Tensor) => () => {
    optimizer.zeroGrad();
    const loss = mul(p, x).sum();
    backward(loss);
    return loss;
  };
  const step = compile((x: Tensor) => optimizer.step(closure(x)));
  expect([1, 2].map((x) => step.sync(tensor([x])).item())).toEqual([3, expect.closeTo(5, 5)]);
  expect(p.item()).toBeLessThan(2.1);
});

describe('edges', () => {
  it.each([...new Set(cases.map((c) => c.optimizer))])(
    '%s: no elements, one element, gradients of 0, NaN and infinity',
    (name) => {
      const shapes =
        name === 'Muon'
          ? [
              [0, 3],
              [3, 0],
              [1, 1],
            ]
          : [[], [0], [0, 3], [3, 0], [1]];
      for (const shape of shapes) {
        for (const value of [0, Number.NaN, Infinity, -Infinity]) {
          const p = ones(shape, { requiresGrad: true });
          const optimizer = make(name, [p], name === 'Adam' ? { amsgrad: true } : {});
          for (let i = 0; i < 2; i++) {
            p.grad = full(shape, value);
            optimizer.step();
          }
          const values = flat([p]);
          expect(values.length).toBe(p.size);
          const isRight =
            value === 0 ? Number.isFinite : (v: number) => Number.isNaN(v) || Math.abs(v) <= 2 || name === 'SGD';
          if (!values.every(isRight)) expect.unreachable(`${shape} ${value}: ${values}`);
        }
      }
    },
  );
});

describe('stateDict', () => {
  const last = cases.filter((c) => c.groups.length > 1);
  for (const c of last) {
    it(`${c.optimizer} ${c.dtype} goes on where it was`, () => {
      const first = start(c);
      for (let i = 0; i < 4; i++) first.step(i);
      const second = start(c);
      second.params.forEach((p, i) => {
        noGrad(() => copy_(p, first.params[i] as Tensor));
      });
      second.optimizer.loadStateDict(first.optimizer.stateDict() as never);
      for (let i = 4; i < 6; i++) {
        first.step(i);
        second.step(i);
      }
      expect(flat(second.params)).toEqual(flat(first.params));
      expectNumbers(flat(second.params), c.steps[5] as number[], c.dtype);
    });
  }

  it.each([
    [() => new optim.Adafactor([zeros([3, 2], { requiresGrad: true })]), 'Adafactor', 'row_var', [3, 1], [3, 2]],
    [() => new optim.NAdam([zeros([2], { requiresGrad: true })]), 'NAdam', 'mu_product', [], [2]],
  ] as const)('has the sizes that init gives: %#', (make, name, key, dims, wrong) => {
    const optimizer = make();
    const { param_groups } = optimizer.stateDict();
    const load = (t: Tensor) => optimizer.loadStateDict({ state: { 0: { [key]: t } }, param_groups } as never);
    const [want, got] = [dims, wrong].map((d) => `[${d.join(', ')}]`);
    expect(() => load(ones(wrong))).toThrow(`${name}: state ${key} of parameter 0 must be ${want}, got ${got}`);
    load(ones(dims));
    expect(optimizer.stateDict().state[0]?.[key]?.shape).toEqual(dims);
  });

  it('is laid out as PyTorch lays it out', () => {
    const p = ones([2], { requiresGrad: true });
    const optimizer = new SGD([p], { lr: 0.5, momentum: 0.9 });
    p.grad = ones([2]);
    optimizer.step();
    const { state, param_groups } = optimizer.stateDict();
    expect(Object.keys(state)).toEqual(['0']);
    expect(state[0]?.momentum_buffer?.toArray()).toEqual([1, 1]);
    expect(param_groups).toEqual([
      { lr: 0.5, momentum: 0.9, dampening: 0, weightDecay: 0, nesterov: false, maximize: false, params: [0] },
    ]);
  });

  it('takes a momentum buffer without step, as PyTorch saves it', () => {
    const p = ones([1], { requiresGrad: true });
    const optimizer = new SGD([p], { lr: 1, momentum: 0.5 });
    const { param_groups } = optimizer.stateDict();
    optimizer.loadStateDict({ state: { 0: { momentum_buffer: tensor([4]) } }, param_groups });
    p.grad = ones([1]);
    optimizer.step();
    expect(p.toArray()).toEqual([1 - (0.5 * 4 + 1)]);
  });

  it('refuses what does not fit and changes nothing', () => {
    const p = ones([2], { requiresGrad: true });
    const optimizer = new Adam([p]);
    p.grad = ones([2]);
    optimizer.step();
    const saved = optimizer.stateDict();
    const before = saved.state[0]?.exp_avg?.toArray();
    const bad = { ...saved, state: { 0: { ...saved.state[0], exp_avg: zeros([3]) } } };
    expect(() => optimizer.loadStateDict(bad as never)).toThrow(
      'Adam: state exp_avg of parameter 0 must be [2], got [3]',
    );
    const groups = { ...saved, param_groups: [...saved.param_groups, ...saved.param_groups] };
    expect(() => optimizer.loadStateDict(groups)).toThrow(StateError);
    const rate = { ...saved, param_groups: saved.param_groups.map((g) => ({ ...g, lr: Number.NaN })) };
    expect(() => optimizer.loadStateDict(rate)).toThrow('Adam: lr must be a finite number of at least 0, got NaN');
    expect(() => optimizer.loadStateDict(null as never)).toThrow(
      'Adam: the saved state must have groups of 1 parameters, got null',
    );
    expect(optimizer.stateDict().state[0]?.exp_avg?.toArray()).toEqual(before);
  });
});

describe('parameters', () => {
  it('without a gradient stay, and their step is not counted', () => {
    const [a, b] = [ones([1], { requiresGrad: true }), ones([1], { requiresGrad: true })];
    const optimizer = new Adam([a, b], { lr: 0.1 });
    a.grad = ones([1]);
    optimizer.step();
    expect(b.item()).toBe(1);
    expect(Object.keys(optimizer.stateDict().state)).toEqual(['0']);
  });

  it('without any gradient make the optimizer warn, once', async () => {
    const warnings: (Error & { code?: string })[] = [];
    const listen = (warning: Error): void => void warnings.push(warning);
    process.on('warning', listen);
    const p = ones([1], { requiresGrad: true });
    const optimizer = new SGD([p, ones([1], { requiresGrad: true })], { lr: 0.5 });
    p.grad = ones([1]);
    optimizer.step(); // one gradient is enough
    await turn();
    expect(warnings).toEqual([]);
    optimizer.zeroGrad();
    for (let i = 0; i < 3; i++) optimizer.step();
    await turn();
    process.off('warning', listen);
    expect(warnings.map(({ name, code }) => [name, code])).toEqual([['AdjointWarning', 'ADJOINT_NO_GRADIENT']]);
    expect(warnings[0]?.message).toMatch(/^SGD\.step: no parameter has a gradient, .* zeroGrad\(\).* backward\(\)/);
    expect(p.item()).toBe(0.5);
  });

  it('of two dtypes are updated in one step', () => {
    const params = (['float32', 'float64'] as const).map((dtype) => ones([2], { dtype, requiresGrad: true }));
    for (const p of params) p.grad = ones([2], { dtype: p.dtype });
    new SGD(params, { lr: 0.5 }).step();
    expect(params.map((p) => p.toArray())).toEqual([
      [0.5, 0.5],
      [0.5, 0.5],
    ]);
  });

  it('and state survive the scope that a step runs in', () => {
    const p = ones([3], { requiresGrad: true });
    const optimizer = scope(() => new Adam([p], { lr: 0.1, amsgrad: true }));
    for (let i = 0; i < 3; i++) {
      scope(() => {
        optimizer.zeroGrad();
        backward(mul(p, p), ones([3]));
        optimizer.step();
      });
    }
    for (const value of p.toTypedArray()) expect(value).toBeCloseTo(0.7, 2); // steps of about lr, as the sign stays
    expect(optimizer.stateDict().state[0]?.step?.item()).toBe(3);
  });

  it('are noticed as changed in place', () => {
    const p = ones([1], { requiresGrad: true });
    const y = mul(p, p);
    p.grad = ones([1]);
    new SGD([p], { lr: 0.5 }).step();
    expect(() => backward(y)).toThrow(/changed in place/);
  });

  it.each(['an optimizer', 'a module'])('get zeros as gradients by setToNone: false of %s', (owner) => {
    const layer = new Linear(1, 1);
    const { weight: p } = layer;
    const optimizer = new SGD(layer.parameters());
    const zeroGrad = owner === 'a module' ? layer.zeroGrad.bind(layer) : optimizer.zeroGrad.bind(optimizer);
    for (const args of [[false], [{ setToNone: false }]] as const) {
      p.grad = ones([1, 1]);
      const { grad } = p;
      zeroGrad(...(args as [boolean]));
      expect(p.grad).toBe(grad);
      expect([p.grad?.toArray(), layer.bias?.grad]).toEqual([[[0]], null]);
    }
    for (const args of [[], [true], [{ setToNone: true }]] as const) {
      p.grad = ones([1, 1]);
      zeroGrad(...(args as [boolean]));
      expect(p.grad).toBeNull();
    }
    expect(() => zeroGrad(1 as never)).toThrow('zeroGrad: setToNone must be a boolean, got 1');
  });

  it('lose their gradients, but a gradient that was seen lives on', () => {
    const p = ones([2], { requiresGrad: true });
    const optimizer = new SGD([p]);
    backward(mul(p, p), ones([2]));
    const seen = p.grad as Tensor;
    optimizer.zeroGrad();
    expect(p.grad).toBeNull();
    expect(seen.toArray()).toEqual([2, 2]);
  });
});

describe('wrong input', () => {
  const p = (): Tensor => ones([2], { requiresGrad: true });
  const twice = p();
  // biome-ignore format: one line a row
  const table: [string, () => unknown, new (message: string) => AdjointError, string][] = [
    ['NaN rate', () => new SGD([p()], { lr: Number.NaN }), ArgumentError, 'SGD: lr must be a finite number of at least 0, got NaN'],
    ['nesterov', () => new SGD([p()], { nesterov: true }), ArgumentError, 'SGD: nesterov needs momentum above 0 and dampening 0, got 0 and 0'],
    ['rho', () => new optim.Adadelta([p()], { rho: 2 }), ArgumentError, 'Adadelta: rho must be a finite number of at least 0 and at most 1, got 2'],
    ['betas of Lion', () => new optim.Lion([p()], { betas: [1, 0.5] }), ArgumentError, 'Lion: betas must be two numbers in [0, 1), got [1, 0.5]'],
    ['etas', () => new optim.Rprop([p()], { etas: [1.2, 0.5] }), ArgumentError, 'Rprop: etas must be below 1 and above 1, got [1.2, 0.5]'],
    ['stepSizes', () => new optim.Rprop([p()], { stepSizes: [5, 1] }), ArgumentError, 'Rprop: stepSizes must be the smallest and the largest, got [5, 1]'],
    ['stepSizes of one', () => new optim.Rprop([p()], { stepSizes: [5] as never }), ArgumentError, 'Rprop: stepSizes must be two finite numbers, got [5]'],
    ['beta2Decay', () => new optim.Adafactor([p()], { beta2Decay: 0.8 }), ArgumentError, 'Adafactor: beta2Decay must be a finite number at most 0, got 0.8'],
    ['eps of Adafactor', () => new optim.Adafactor([p()], { eps: [1e-3, null] as never }), ArgumentError, 'Adafactor: eps must be two finite numbers of at least 0, of which the first may be null, got an array of 2'],
    ['d', () => new optim.Adafactor([p()], { d: 0.5 }), ArgumentError, 'Adafactor: d must be a finite number of at least 1, got 0.5'],
    ['a vector for Muon', () => new optim.Muon([p()]), ShapeError, 'Muon: a parameter must be a matrix, got [2]; use AdamW for it'],
    ['adjustLrFn', () => new optim.Muon([p()], { adjustLrFn: 'match_rms_adamw' as never }), ArgumentError, 'Muon: adjustLrFn must be original, matchRmsAdamw or spectralUnclamped, got "match_rms_adamw"'],
    ['nsSteps', () => new optim.Muon([p()], { nsSteps: 100 }), ArgumentError, 'Muon: nsSteps must be an integer of at least 0 and at most 99, got 100'],
    ['betas', () => new AdamW([p()], { betas: [0.9, 1] }), ArgumentError, 'AdamW: betas must be two numbers in [0, 1), got [0.9, 1]'],
    ['integers', () => new SGD([ones([2], { dtype: 'int32' })]), DTypeError, "SGD: parameter must be float32 or float64, got int32; convert it by parameter.to('float32')"],
    ['negative rate', () => new Adam([p()], { lr: -1 }), ArgumentError, 'Adam: lr must be a finite number of at least 0, got -1'],
    ['unknown option', () => new SGD([p()], { beta: 1 } as never), ArgumentError, 'SGD: unknown option "beta"; known are lr, momentum, dampening, weightDecay, nesterov, maximize'],
    ['unknown option of a group', () => new SGD([{ params: [p()], rate: 1 } as never]), ArgumentError, 'SGD: unknown option "rate"; known are params, lr, momentum, dampening, weightDecay, nesterov, maximize, initialLr'],
    ['no parameters', () => new SGD([]), ArgumentError, 'SGD: params must be at least one tensor or group, got none'],
    ['a module', () => new SGD(new Linear(1, 1) as never), ArgumentError, 'SGD: params must be tensors or groups, got an object of class Linear; pass its parameters()'],
    ['a module in a group', () => new Adam([{ params: new Linear(1, 1) as never }]), ArgumentError, 'Adam: params of a group must be tensors, got an object of class Linear; pass its parameters()'],
    ['names and parameters', () => new SGD(new Linear(1, 1).namedParameters() as never), ArgumentError, 'SGD: params must be tensors or groups { params, … }, got an array of 2'],
    ['a text', () => new SGD('weights' as never), ArgumentError, 'SGD: params must be tensors or groups, got "weights"'],
    ['nothing', () => new SGD(undefined as never), ArgumentError, 'SGD: params must be tensors or groups, got undefined'],
    ['one tensor twice', () => new SGD([twice, twice]), ArgumentError, 'SGD: a parameter [2] is given twice'],
    ['result of an operation', () => new SGD([mul(p(), 2)]), ArgumentError, 'SGD: a parameter must be a tensor that no operation made, got [2] from an operation'],
  ];
  for (const [name, call, Class, message] of table) {
    it(name, () => {
      expect(call).toThrow(message);
      expect(call).toThrow(Class);
    });
  }

  it('does not type-check', () => {
    const q = p();
    const optimizer = new SGD([q]);
    const calls: (() => unknown)[] = [
      // @ts-expect-error lr is given twice
      () => new SGD([q], 0.1, { lr: 0.1 }),
      // @ts-expect-error a number is needed
      () => new Adam([q], '0.1'),
      // @ts-expect-error a snake_case option
      () => new Adam([q], { weight_decay: 0.1 }),
      // @ts-expect-error two betas are needed
      () => new Adam([q], { betas: [0.9] }),
      // @ts-expect-error parameters are needed
      () => new optim.NAdam(),
      // @ts-expect-error not a choice
      () => new optim.Muon([ones([2, 2], { requiresGrad: true })], { adjustLrFn: 'none' }),
      // @ts-expect-error not a closure
      () => optimizer.step(1),
      // @ts-expect-error a closure is needed
      () => new optim.LBFGS([q]).step(),
    ];
    for (const call of calls) expect(call).toThrow(ArgumentError);
    expect(calls[2]).toThrow('Adam: unknown option "weight_decay"; use weightDecay');
  });

  it('between steps changes nothing', () => {
    const q = p();
    const optimizer = new SGD([q], { lr: 0.5 });
    q.grad = ones([2]);
    (optimizer.paramGroups[0] as { lr: number }).lr = Number.NaN;
    expect(() => optimizer.step()).toThrow('SGD: lr must be a finite number of at least 0, got NaN');
    expect(q.toArray()).toEqual([1, 1]);
  });
});
