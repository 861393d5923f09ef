// Normalisation layers and embeddings against PyTorch, and compiled steps against eager ones.
import { describe, expect, it } from 'vitest';
import { backward } from '../../lib/backward/engine.js';
import { ArgumentError, ShapeError } from '../../lib/errors.js';
import '../../lib/methods.js';
import * as nn from '../../lib/nn/index.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import { Generator, manualSeed } from '../../lib/ops/generator.js';
import { randint, randn } from '../../lib/ops/random.js';
import { SGD } from '../../lib/optim/index.js';
import { compile } from '../../lib/program/compile.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

type State = Record<string, Golden>;
interface Step {
  training: boolean;
  input: Golden;
  output: Golden;
  upstream: Golden;
  inputGradient: Golden;
  gradients: State;
}
const golden = readGolden<{
  norms: {
    layer: string;
    arguments: unknown[];
    options: object;
    dtype: 'float32' | 'float64';
    before: State;
    steps: Step[];
    after: State;
  }[];
  embeddings: {
    layer: string;
    arguments: number[];
    options: object;
    inputs: (Golden | null)[];
    factorsGradient: Golden | null;
    weight: Golden;
    output: Golden;
    upstream: Golden;
    weightGradient: Golden;
  }[];
}>('norms');

type Layer = nn.Module & { weight: Tensor };
const make = (name: string, args: readonly unknown[], options: object): Layer =>
  Reflect.construct((nn as unknown as Record<string, new () => Layer>)[name] as new () => Layer, [...args, options]);
const load = (layer: nn.Module, state: State): void => {
  layer.loadStateDict(Object.fromEntries(Object.entries(state).map(([k, v]) => [k, fromGolden(v)])));
};
const values = (t: Tensor): number[] => Array.from(t.toTypedArray());

describe('normalisation layers against PyTorch', () => {
  for (const c of golden.norms) {
    it(`${c.layer}(${c.arguments}) ${JSON.stringify(c.options)} [${c.steps[0]?.input.shape}] ${c.dtype}`, () => {
      const layer = make(c.layer, c.arguments, { ...c.options, dtype: c.dtype });
      expect([...layer.stateDict().keys()]).toEqual(Object.keys(c.before));
      load(layer, c.before);
      for (const step of c.steps) {
        layer.train(step.training);
        layer.zeroGrad();
        const x = fromGolden(step.input, { requiresGrad: true });
        const y = layer.forward(x) as Tensor;
        expectNear(y, step.output.data);
        backward(y, fromGolden(step.upstream));
        expectNear(x.grad as Tensor, step.inputGradient.data);
        for (const [name, p] of layer.namedParameters()) {
          expectNear(p.grad as Tensor, (step.gradients[name] as Golden).data);
        }
      }
      for (const [name, t] of layer.stateDict()) {
        if (t.dtype === 'int32') expect(values(t)).toEqual((c.after[name] as Golden).data);
        else expectNear(t, (c.after[name] as Golden).data);
      }
    });
  }
});

describe('embeddings against PyTorch', () => {
  for (const c of golden.embeddings) {
    const shapes = c.inputs.map((t) => (t === null ? '-' : `[${t.shape}]`)).join(' ');
    it(`${c.layer} ${JSON.stringify(c.options)} ${shapes} ${c.weight.dtype}`, () => {
      const layer = make(c.layer, c.arguments, { ...c.options, dtype: c.weight.dtype });
      layer.loadStateDict({ weight: fromGolden(c.weight) });
      const inputs = c.inputs.map((t) => t && fromGolden(t, { requiresGrad: t.dtype !== 'int32' }));
      const y = layer.forward(...inputs) as Tensor;
      expectNear(y, c.output.data);
      backward(y, fromGolden(c.upstream));
      expectNear(layer.weight.grad as Tensor, c.weightGradient.data);
      if (c.factorsGradient) expectNear(inputs[2]?.grad as Tensor, c.factorsGradient.data);
    });
  }

  it.each(['Embedding', 'EmbeddingBag'])('%s starts from N(0, 1), the padding row from 0', (name) => {
    manualSeed(4);
    const weight = make(name, [200, 50], { paddingIdx: -2 }).weight;
    const want = nn.init.normal_(zeros([200, 50]), { generator: new Generator(4) }).toTypedArray();
    want.fill(0, 198 * 50, 199 * 50);
    expect(values(weight)).toEqual(Array.from(want));
  });

  it('the gradient of the padding row is zero', () => {
    const layer = new nn.Embedding(5, 2, { paddingIdx: 1 });
    backward(layer.forward(tensor([1, 1, 0], { dtype: 'int32' })).sum());
    expect(layer.weight.grad?.toArray()).toEqual([
      [1, 1],
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });
});

describe('compiled like eager', () => {
  // Four steps of training and one forward pass in evaluation, from one seed.
  function train(build: () => nn.Module, input: () => Tensor, compiled: boolean): number[][] {
    manualSeed(11);
    const model = build();
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const run = (x: Tensor): Tensor => {
      const loss = (model.forward(x) as Tensor).square().mean();
      optimizer.zeroGrad();
      backward(loss);
      optimizer.step();
      return loss;
    };
    const step = compiled ? compile(run).sync : run;
    const losses = [input(), input(), input(), input()].map((x) => step(x).item());
    model.eval();
    const predict = (x: Tensor): Tensor => model.forward(x) as Tensor;
    const y = (compiled ? compile(predict).sync : predict)(input());
    return [losses, values(y), ...[...model.stateDict().values()].map(values)];
  }

  const picture = (): Tensor => randn([6, 4, 5, 5]);
  const line = (): Tensor => randn([6, 4, 5]);
  const rows = (): Tensor => randn([40, 4]);
  const words = (): Tensor => randint(0, 30, [6, 4]);
  const behind = (first: nn.Module): nn.Module => nn.sequential(first, new nn.Linear(4, 3));
  const cases: [string, () => nn.Module, () => Tensor][] = [
    ['BatchNorm1d', () => nn.sequential(new nn.Linear(4, 4), new nn.BatchNorm1d(4), new nn.Linear(4, 3)), rows],
    ['BatchNorm1d of lines', () => new nn.BatchNorm1d(4, { momentum: null }), line],
    ['BatchNorm2d', () => nn.sequential(new nn.BatchNorm2d(4), nn.functional.relu, new nn.BatchNorm2d(4)), picture],
    ['LayerNorm', () => nn.sequential(new nn.Linear(4, 4), new nn.LayerNorm(4)), rows],
    ['RMSNorm', () => nn.sequential(new nn.Linear(4, 4), new nn.RMSNorm(4)), rows],
    ['GroupNorm', () => nn.sequential(new nn.GroupNorm(2, 4), nn.functional.relu, new nn.GroupNorm(4, 4)), picture],
    ['InstanceNorm1d', () => new nn.InstanceNorm1d(4, { affine: true }), line],
    ['InstanceNorm2d', () => new nn.InstanceNorm2d(4, { affine: true, trackRunningStats: true }), picture],
    ['Embedding', () => behind(new nn.Embedding(30, 4, { paddingIdx: 0 })), words],
    ['EmbeddingBag sum', () => behind(new nn.EmbeddingBag(30, 4, { mode: 'sum' })), words],
    ['EmbeddingBag mean', () => behind(new nn.EmbeddingBag(30, 4, { paddingIdx: 3 })), words],
    ['EmbeddingBag max', () => behind(new nn.EmbeddingBag(30, 4, { mode: 'max' })), words],
  ];
  it.each(cases)('%s', (_, build, input) => {
    expect(train(build, input, true)).toEqual(train(build, input, false));
  });

  it('an index out of range is worded as in eager', async () => {
    const layer = new nn.Embedding(30, 4);
    const step = compile((x: Tensor) => layer.forward(x));
    await step(words());
    await expect(step(tensor(new Int32Array(24).fill(30), { shape: [6, 4] }))).rejects.toThrow(
      'Embedding: indices must be at least 0 and below 30, got 30 (element 0)',
    );
  });
});

describe('errors', () => {
  // biome-ignore format: one line a case
  const refused: [string, () => unknown, new (message: string) => Error, string][] = [
    ['x', () => new nn.BatchNorm1d(3).forward(ones([2, 4])), ShapeError, 'BatchNorm1d: dimension 1 of x must be numFeatures 3, got x [2, 4]'],
    ['rank', () => new nn.BatchNorm2d(3).forward(ones([2, 3])), ShapeError, 'BatchNorm2d: x must have 4 dimensions, got x [2, 3]'],
    ['one value', () => new nn.BatchNorm1d(3).forward(ones([1, 3])), ShapeError, 'BatchNorm1d: training needs more than 1 value for each channel, got x [1, 3]; use eval() or a larger batch'],
    ['last', () => new nn.LayerNorm([2, 3]).forward(ones([3])), ShapeError, 'LayerNorm: last dimensions of x must be normalizedShape [2, 3], got x [3]'],
    ['rms', () => new nn.RMSNorm(3).forward(ones([4])), ShapeError, 'RMSNorm: last dimensions of x must be normalizedShape [3], got x [4]'],
    ['groups', () => new nn.GroupNorm(4, 6), ShapeError, 'GroupNorm: numGroups must divide numChannels, got 4 and 6'],
    ['channels', () => new nn.GroupNorm(2, 6).forward(ones([2, 4, 3])), ShapeError, 'GroupNorm: dimension 1 of x must be numChannels 6, got x [2, 4, 3]'],
    ['instance', () => new nn.InstanceNorm1d(3).forward(ones([2, 3, 1])), ShapeError, 'InstanceNorm1d: each channel must have more than 1 element, got x [2, 3, 1]'],
    ['instance rank', () => new nn.InstanceNorm2d(3).forward(ones([2, 3])), ShapeError, 'InstanceNorm2d: x must have 3 or 4 dimensions, got x [2, 3]'],
    ['option', () => new nn.BatchNorm1d(3, { track: true } as never), ArgumentError, 'BatchNorm1d: unknown option "track"; known are numFeatures, eps, momentum, affine, trackRunningStats, bias, dtype'],
    ['flag', () => new nn.LayerNorm(3, { bias: 1 as never }), ArgumentError, 'LayerNorm: bias must be a boolean, got 1'],
    ['table', () => new nn.Embedding(0, 3), ArgumentError, 'Embedding: numEmbeddings must be an integer of at least 1, got 0'],
    ['mode', () => new nn.EmbeddingBag(2, 3, { mode: 'min' as never }), ArgumentError, 'EmbeddingBag: mode must be sum, mean or max, got "min"'],
  ];
  it.each(refused)('%s', (_, call, error, message) => {
    expect(call).toThrow(error);
    expect(call).toThrow(message);
  });
});
