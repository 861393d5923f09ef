// Smaller networks against those with zeros that they were.
import { describe, expect, it } from 'vitest';
import { compile, compress, manualSeed, nn, noGrad, optim, rand, randn, type Tensor } from '../../lib/index.js';
import { numbersOf } from '../support/plain-numbers.js';

type Model = nn.Module & { forward(x: Tensor): Tensor };

const shapes = (model: nn.Module) =>
  Object.fromEntries([...model.stateDict()].map(([name, t]) => [name, [...t.shape]]));

/** Gives batch norms something to do. */
function unsettle(model: nn.Module): void {
  for (const norm of model.modules()) {
    if (!(norm instanceof nn.BatchNorm1d || norm instanceof nn.BatchNorm2d)) continue;
    noGrad(() => {
      for (const t of [norm.weight, norm.bias, norm.running_mean]) (t as Tensor).copy_(randn([norm.numFeatures]));
      (norm.running_var as Tensor).copy_(rand([norm.numFeatures]).add(0.5));
    });
  }
}

/** Prunes outputs, shrinks, and compares: the largest difference. */
function difference(model: Model, x: Tensor, names: nn.utils.NamePattern, amount = 0.5): number {
  unsettle(model);
  model.eval();
  compress.prune(model, { amount, dim: 0, names });
  const before = model.forward(x);
  const count = model.parameters().reduce((sum, p) => sum + p.size, 0);
  expect(compress.shrink(model)).toBe(model);
  expect(model.parameters().reduce((sum, p) => sum + p.size, 0)).toBeLessThan(0.8 * count);
  const after = model.forward(x);
  expect(after.shape).toEqual(before.shape);
  return after.sub(before).abs().max().item();
}

describe('shrink computes the same', () => {
  it('with linear layers, one behind the other', () => {
    manualSeed(1);
    const model = nn.sequential(
      ...[new nn.Linear(6, 20), new nn.ReLU(), new nn.Sequential(new nn.Linear(20, 10), nn.functional.tanh)],
      ...[new nn.Dropout(0.5), new nn.Linear(10, 3)],
    );
    expect(difference(model, randn([7, 6]), ['0', '2.0'])).toBeLessThan(1e-6);
    expect(shapes(model)).toEqual({
      ...{ '0.weight': [10, 6], '0.bias': [10], '2.0.weight': [5, 10], '2.0.bias': [5] },
      ...{ '4.weight': [3, 5], '4.bias': [3] },
    });
    expect(String(model.at(0))).toBe('Linear(6, 10)');
  });

  it('with activations that are not 0 at 0, and rows', () => {
    manualSeed(2);
    const model = nn.sequential(new nn.Linear(6, 12), new nn.Sigmoid(), new nn.Linear(12, 3, { bias: false }));
    expect(difference(model, randn([2, 5, 6]), '0')).toBeLessThan(1e-6);
    expect(shapes(model)['2.bias']).toEqual([3]);
  });

  it('with convolutions, pooling and flattening', () => {
    manualSeed(3);
    const model = nn.sequential(
      ...[new nn.Conv2d(1, 6, 3, { padding: 1 }), new nn.ReLU(), new nn.MaxPool2d(2)],
      ...[new nn.Conv2d(6, 8, 3, { padding: 1, bias: false }), new nn.GELU(), new nn.AvgPool2d(2), new nn.Flatten()],
      ...[new nn.Linear(8 * 9, 16), new nn.ReLU(), new nn.Linear(16, 4)],
    );
    expect(difference(model, randn([2, 1, 12, 12]), ['0', '3', '7'])).toBeLessThan(1e-6);
    expect(shapes(model)['7.weight']).toEqual([8, 4 * 9]);
  });

  it('with batch norms, whose constants the next layer adds', () => {
    manualSeed(4);
    const model = nn.sequential(
      ...[new nn.Conv2d(2, 6, 3), new nn.BatchNorm2d(6), new nn.Tanh(), new nn.AdaptiveMaxPool2d(6)],
      ...[new nn.Conv2d(6, 8, 3, { padding: 2, paddingMode: 'reflect' }), new nn.BatchNorm2d(8), new nn.ReLU()],
      ...[new nn.AdaptiveAvgPool2d(2), new nn.Flatten(), new nn.BatchNorm1d(32), new nn.Linear(32, 12)],
      ...[new nn.BatchNorm1d(12), new nn.ReLU(), new nn.Linear(12, 4)],
    );
    expect(difference(model, randn([3, 2, 9, 9]), ['0', '4', '10'])).toBeLessThan(1e-6);
    expect(shapes(model)).toMatchObject({
      ...{ '1.running_mean': [3], '5.weight': [4], '9.running_var': [16], '10.weight': [6, 16], '11.bias': [6] },
    });
  });

  it('with sequences', () => {
    manualSeed(5);
    const model = nn.sequential(new nn.Conv1d(3, 8, 3), new nn.ReLU(), new nn.Conv1d(8, 4, 2));
    expect(difference(model, randn([2, 3, 9]), '0')).toBeLessThan(1e-6);
  });

  it('in the hidden features of a transformer', () => {
    manualSeed(6);
    const layer = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 64, batchFirst: true, activation: 'gelu' });
    const model = new nn.TransformerEncoder(layer, 2);
    expect(difference(model, randn([2, 5, 8]), 'linear1', 0.75)).toBeLessThan(1e-6);
    expect(model.layers.map(({ linear1, linear2 }) => [...linear1.weight.shape, ...linear2.weight.shape])).toEqual([
      [16, 8, 8, 16],
      [16, 8, 8, 16],
    ]);
  });

  it('and follows outputs that have lost all of their inputs', () => {
    const model = nn.sequential(
      new nn.Linear(2, 4),
      new nn.ReLU(),
      new nn.Linear(4, 3),
      new nn.ReLU(),
      new nn.Linear(3, 2),
    );
    noGrad(() => {
      model.getParameter('0.weight').slice({ end: 2 }).fill_(0); // outputs 0 and 1 are constants
      model.getParameter('2.weight').at(1).slice({ start: 2 }).fill_(0); // which output 1 of the next layer is made of
    });
    const x = randn([5, 2]);
    const before = model.forward(x);
    compress.shrink(model);
    expect(model.forward(x).sub(before).abs().max().item()).toBeLessThan(1e-6);
    expect([...(shapes(model)['4.weight'] as number[])]).toEqual([2, 2]);
  });
});

describe('shrink', () => {
  const made = () => nn.sequential(new nn.Linear(6, 16), new nn.ReLU(), new nn.Linear(16, 3));

  it('leaves parameters that are trained, in steps that are compiled anew', () => {
    const model = compress.prune(made(), { amount: 0.5, dim: 0, names: '0' });
    const predict = compile((x: Tensor) => noGrad(() => model.forward(x)));
    const x = randn([4, 6]);
    const before = numbersOf(predict.sync(x));
    compress.shrink(model);
    for (const [i, value] of numbersOf(predict.sync(x)).entries()) expect(value).toBeCloseTo(before[i] as number, 5);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    model.forward(x).square().sum().backward();
    optimizer.step();
    expect(numbersOf(predict.sync(x))).toEqual(numbersOf(model.forward(x)));
    expect(numbersOf(predict.sync(x))).not.toEqual(before);
  });

  it('leaves a model without such outputs, and those that are not meant', () => {
    const model = made();
    const state = shapes(model);
    expect(shapes(compress.shrink(model))).toEqual(state);
    compress.prune(model, { amount: 0.5, dim: 0 });
    compress.shrink(model, { names: '0' });
    expect(shapes(model)).toMatchObject({ '0.weight': [8, 6], '2.weight': [3, 8] });
  });

  it('keeps one output', () => {
    const model = made();
    noGrad(() => model.getParameter('0.weight').fill_(0));
    const x = randn([4, 6]);
    const before = model.forward(x);
    expect(compress.shrink(model).forward(x).sub(before).abs().max().item()).toBeLessThan(1e-6);
    expect(shapes(model)['0.weight']).toEqual([1, 6]);
  });
});

class Residual extends nn.Module {
  inner = new nn.Conv2d(4, 4, 3, { padding: 1 });
  forward(x: Tensor): Tensor {
    return this.inner.forward(x).add(x);
  }
}

describe('what shrink cannot follow', () => {
  const shared = new nn.Linear(8, 8);
  const rule = 'shrink: outputs that are zero must lead to a layer that can do without them, got those of';
  it.each<[string, () => nn.Sequential, string]>([
    [
      'a norm over features',
      () => nn.sequential(new nn.Linear(6, 8), new nn.LayerNorm(8), new nn.Linear(8, 2)),
      `${rule} 0 (what follows, LayerNorm, is not understood); leave these out: names`,
    ],
    [
      'a function',
      () => nn.sequential(new nn.Linear(6, 8), (x) => x.add(1), new nn.Linear(8, 2)),
      'the function without a name, is not understood',
    ],
    ['an end', () => nn.sequential(new nn.Linear(6, 8), new nn.ReLU()), 'those of 0 (nothing follows)'],
    [
      'a residual block',
      () => nn.sequential(new nn.Conv2d(1, 4, 3), new Residual()),
      'what follows, Residual, is not understood',
    ],
    ['a layer in no Sequential', () => nn.sequential(new Residual()), 'those of 0.inner (it is in no Sequential)'],
    ['a layer that runs twice', () => nn.sequential(new nn.Linear(6, 8), shared, new nn.ReLU(), shared), '1 is shared'],
    [
      'groups',
      () => nn.sequential(new nn.Conv2d(1, 4, 3), new nn.Conv2d(4, 4, 3, { groups: 4 })),
      'what follows, Conv2d, is not understood',
    ],
    [
      'channels that are not flattened',
      () => nn.sequential(new nn.Conv2d(1, 4, 3), new nn.Linear(4, 4)),
      'Linear(4, 4) takes another dimension',
    ],
    [
      'constants beside padding',
      () => nn.sequential(new nn.Conv2d(1, 4, 3), new nn.Sigmoid(), new nn.Conv2d(4, 2, 3, { padding: 1 })),
      'those of 0 (they are not zero where Conv2d(4, 2, kernelSize [3, 3], padding [1, 1]) gets them, but its padding is',
    ],
  ])('%s, and changes nothing', (_, make, message) => {
    const model = compress.prune(make(), { amount: 0.5, dim: 0, names: /(^0|inner)\./ });
    const before = [...model.stateDict()].map(([name, t]) => [name, numbersOf(t)]);
    expect(() => compress.shrink(model)).toThrow(message);
    expect([...model.stateDict()].map(([name, t]) => [name, numbersOf(t)])).toEqual(before);
  });

  it('names that match nothing', () => {
    const model = nn.sequential(new nn.Linear(6, 8), new nn.ReLU());
    const message =
      'shrink: names must match the weight of a linear or convolutional layer, got "head"; names are 0.weight';
    expect(() => compress.shrink(model, { names: 'head' })).toThrow(message);
  });

  it('a layer of integers', () => {
    const model = compress.prune(nn.sequential(new nn.Linear(6, 8), new nn.ReLU(), new nn.Linear(8, 2)), {
      amount: 0.5,
      dim: 0,
      names: '0',
    });
    compress.quantizeDynamic(compress.makePermanent(model), { names: '2' });
    expect(() => compress.shrink(model)).toThrow(
      'shrink: 2.weight must not be quantised yet; shrink first, then quantise',
    );
  });
});
