// Averaged models and the statistics of batch norm against PyTorch, eager and compiled.
import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  compile,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  ShapeError,
  type Tensor,
  zeros,
} from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

const { AveragedModel, SWALR, updateBn, ...functions } = optim.swaUtils;

type State = Record<string, Golden>;
const golden = readGolden<{
  states: State[];
  cases: { average: string; options: { useBuffers: boolean }; states: State[] }[];
  batches: Golden[];
  updated: State;
}>('swa');

const make = () => nn.sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2)).to('float64');
const tensorsOf = (state: State) => Object.fromEntries(Object.entries(state).map(([key, t]) => [key, fromGolden(t)]));

function expectState(model: nn.Module, want: State): void {
  const state = model.stateDict();
  expect([...state.keys()].sort()).toEqual(Object.keys(want).sort());
  for (const [key, t] of state) expectNear(t, (want[key] as Golden).data);
}

const optionsOf = (average: string): optim.swaUtils.AveragedModelOptions => {
  if (average === 'default') return {};
  const make = functions[average as keyof typeof functions] as (decay?: number) => never;
  return { [average.includes('Multi') ? 'multiAvgFn' : 'avgFn']: average.includes('Ema') ? make(0.7) : make() };
};

describe('AveragedModel against PyTorch', () => {
  it.each(golden.cases.map((c) => [c.average, c.options.useBuffers, c] as const))('%s, useBuffers %s', (_, __, c) => {
    const model = make();
    const averaged = new AveragedModel(model, { ...optionsOf(c.average), ...c.options });
    golden.states.forEach((state, i) => {
      model.loadStateDict(tensorsOf(state));
      averaged.updateParameters(model);
      expectState(averaged, c.states[i] as State);
    });
    expect(averaged.n_averaged.item()).toBe(golden.states.length);
  });

  it('EMA is an averaged model with a moving average', () => {
    const c = golden.cases.find(({ average, options }) => average === 'getEmaMultiAvgFn' && !options.useBuffers);
    const model = make();
    const [byPosition, byName] = [new optim.EMA(model, 0.7), new optim.EMA(model, { decay: 0.7 })];
    golden.states.forEach((state, i) => {
      model.loadStateDict(tensorsOf(state));
      for (const ema of [byPosition, byName]) {
        ema.updateParameters(model);
        expectState(ema, c?.states[i] as State);
      }
    });
  });

  it('compiled steps update it, recorded once, and give the bits of eager ones', () => {
    const results = [false, true].map((isCompiled) => {
      const model = make();
      for (const [i, p] of model.parameters().entries()) nn.init.constant_(p, 0.1 * (i + 1));
      const averages = [new AveragedModel(model), new optim.EMA(model, 0.9, { useBuffers: true })];
      const optimizer = new optim.SGD(model.parameters(), 0.1);
      let calls = 0;
      const once = (x: Tensor): void => {
        calls++;
        optimizer.zeroGrad();
        model.forward(x).square().sum().backward();
        optimizer.step();
        for (const average of averages) average.updateParameters(model);
      };
      const step = isCompiled ? compile(once).sync : once;
      for (const batch of golden.batches) for (const _ of [0, 1]) step(fromGolden(batch).slice({ end: 3 }));
      expect(calls).toBe(isCompiled ? 1 : 6);
      return averages.map((average) => [...average.stateDict()].map(([key, t]) => [key, t.toArray()]));
    });
    expect(results[1]).toEqual(results[0]);
  });

  it('shares nothing with the model, and its forward is the copy’s', () => {
    const model = make();
    const averaged = new AveragedModel(model).eval();
    const x = randn([4, 2], { dtype: 'float64' });
    const before = averaged.forward(x).toArray();
    expect(before).toEqual(model.eval().forward(x).toArray());
    noGrad(() => model.parameters()[0]?.zero_());
    expect(averaged.forward(x).toArray()).toEqual(before);
    expect(averaged.clone().forward(x).toArray()).toEqual(before);
  });

  it('goes on from a saved state', () => {
    const [model, ema] = [make(), new optim.EMA(make(), 0.5)];
    ema.updateParameters(model);
    const other = new optim.EMA(make(), 0.5);
    other.loadStateDict(ema.stateDict());
    model.loadStateDict(tensorsOf(golden.states[0] as State));
    for (const average of [ema, other]) average.updateParameters(model);
    expect([...other.stateDict().values()].map((t) => t.toArray())).toEqual(
      [...ema.stateDict().values()].map((t) => t.toArray()),
    );
  });
});

describe('updateBn against PyTorch', () => {
  it.each([
    ['tensors', golden.batches.map((b) => fromGolden(b))],
    ['arrays', golden.batches.map((b) => [fromGolden(b), zeros([1])])],
  ])('batches of %s', (_, batches) => {
    const model = make().eval();
    const [, norm] = model.children() as [nn.Linear, nn.BatchNorm1d];
    model.loadStateDict(tensorsOf(golden.states[0] as State));
    updateBn(batches, model);
    expectState(model, golden.updated);
    expect([norm.momentum, norm.training, model.training]).toEqual([0.1, false, false]);
  });

  it('restores modes and momentum when a batch fails, and leaves models without batch norm alone', () => {
    const model = make().eval();
    const [, norm] = model.children() as [nn.Linear, nn.BatchNorm1d];
    const before = norm.buffers().map((t) => t.toArray());
    expect(() => updateBn([ones([3, 2], { dtype: 'float64' }), ones([3, 7])], model)).toThrow(ShapeError);
    expect([norm.momentum, norm.training]).toEqual([0.1, false]);
    expect(norm.buffers().map((t) => t.toArray())).toEqual(before);
    const failing: Iterable<Tensor> = {
      [Symbol.iterator]: () => {
        throw new Error('not called');
      },
    };
    updateBn(failing, new nn.Linear(1, 1));
  });
});

describe('wrong input', () => {
  const model = () => new nn.Linear(2, 2);
  const optimizer = () => new optim.SGD([ones([1])], 1);
  // biome-ignore format: one line a row
  const table: [string, () => unknown, new (message: string) => Error, string][] = [
    ['model', () => new AveragedModel({} as never), ArgumentError, 'AveragedModel: model must be a module, got an object of class Object'],
    ['functions', () => new AveragedModel(model(), { avgFn: functions.getSwaAvgFn(), multiAvgFn: functions.getSwaMultiAvgFn() }), ArgumentError, 'AveragedModel: either avgFn or multiAvgFn must be given, got both'],
    ['function', () => new AveragedModel(model(), { avgFn: 0.9 as never }), ArgumentError, 'AveragedModel: avgFn must be a function, got 0.9'],
    ['option', () => new AveragedModel(model(), { decay: 0.9 } as never), ArgumentError, 'AveragedModel: unknown option "decay"; known are avgFn, multiAvgFn, useBuffers'],
    ['other model', () => new AveragedModel(model()).updateParameters(nn.sequential(model(), model()) as never), ArgumentError, 'updateParameters: model must have the structure of the averaged one, with 2 parameters, got 4'],
    ['other shape', () => new AveragedModel(model()).updateParameters(new nn.Linear(3, 2)), ShapeError, 'updateParameters: parameters must be [2, 2] like the averaged one, got [2, 3]'],
    ['no model', () => new AveragedModel(model()).updateParameters(1 as never), ArgumentError, 'updateParameters: model must be a module, got 1'],
    ['decay', () => functions.getEmaAvgFn(1.5), ArgumentError, 'getEmaAvgFn: decay must be a finite number of at least 0 and at most 1, got 1.5'],
    ['decay of lists', () => functions.getEmaMultiAvgFn(-1), ArgumentError, 'getEmaMultiAvgFn: decay must be a finite number of at least 0 and at most 1, got -1'],
    ['decay of EMA', () => new optim.EMA(model(), 2), ArgumentError, 'EMA: decay must be a finite number of at least 0 and at most 1, got 2'],
    ['loader', () => updateBn(3 as never, model()), ArgumentError, 'updateBn: loader must be batches, got 3'],
    ['batch', () => updateBn([{ x: 1 } as never], nn.sequential(new nn.BatchNorm1d(1))), ArgumentError, 'updateBn: a batch must be a tensor or an array that begins with one, got an object of class Object'],
    ['model of updateBn', () => updateBn([], null as never), ArgumentError, 'updateBn: model must be a module, got null'],
    ['swaLr', () => new SWALR(optimizer(), undefined as never), ArgumentError, 'SWALR: swaLr must be a finite number of at least 0, got undefined'],
    ['annealEpochs', () => new SWALR(optimizer(), 0.1, -1), ArgumentError, 'SWALR: annealEpochs must be an integer of at least 0, got -1'],
    ['annealStrategy', () => new SWALR(optimizer(), 0.1, { annealStrategy: 'cosine' as never }), ArgumentError, 'SWALR: annealStrategy must be cos or linear, got "cosine"'],
  ];
  it.each(table)('%s', (_, call, Class, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(Class);
  });

  it('an avgFn that throws: nothing is changed', () => {
    const layer = model();
    let calls = 0;
    const avgFn = (averaged: Tensor, current: Tensor): Tensor => {
      if (++calls === 4) throw new Error('mine'); // for the second parameter of the second update
      return averaged.add(current);
    };
    const average = new AveragedModel(layer, { avgFn });
    average.updateParameters(layer);
    const image = () => [...average.stateDict().values()].map((t) => t.toArray());
    const before = image();
    expect(() => average.updateParameters(layer)).toThrow('mine');
    expect(image()).toEqual(before);
  });

  it('an avgFn of one’s own', () => {
    const layer = model();
    const largest = new AveragedModel(layer, { avgFn: (averaged, current) => averaged.maximum(current) });
    for (const v of [1, 3, 2]) {
      for (const p of layer.parameters()) nn.init.constant_(p, v);
      largest.updateParameters(layer);
    }
    expect(largest.module.bias?.toArray()).toEqual([3, 3]);
  });
});
