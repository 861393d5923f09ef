import { describe, expect, it } from 'vitest';
import { backward } from '../../lib/autograd/engine.js';
import { ArgumentError, ShapeError } from '../../lib/errors.js';
import * as nn from '../../lib/nn/index.js';
import { ones } from '../../lib/ops/creation.js';
import { mul } from '../../lib/ops/elementwise.js';
import { Generator, manualSeed } from '../../lib/ops/generator.js';
import { Adam, SGD } from '../../lib/optim/index.js';
import { empty, type Tensor } from '../../lib/tensor.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

interface Initialiser {
  name: string;
  shape: number[];
  options: Record<string, never>;
  bound?: number;
  mean?: number;
  std?: number;
}
interface Through {
  name: string;
  options: Record<string, unknown>;
  input: Golden;
  output: Golden;
  upstream: Golden;
  gradient: Golden;
}
const golden = readGolden<{
  linear: (Record<'input' | 'weight' | 'output' | 'upstream' | 'inputGradient' | 'weightGradient', Golden> &
    Record<'bias' | 'biasGradient', Golden | null>)[];
  activations: Through[];
  softmax: Through[];
  dropout: (Through & { p: number })[];
  training: {
    optimizer: 'SGD' | 'Adam';
    options: { lr: number };
    input: Golden;
    labels: Golden;
    initial: Record<string, Golden>;
    losses: number[];
    final: Record<string, Golden>;
  }[];
  initialisers: Initialiser[];
  linearDefaults: { inFeatures: number; weightBound: number; biasBound: number }[];
  gains: { nonlinearity: string; param: number | null; gain: number }[];
}>('layers');

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());

describe('Linear against PyTorch', () => {
  golden.linear.forEach((c, i) => {
    it(`${c.input.dtype} [${c.input.shape}] ${c.bias ? 'with' : 'without'} bias (${i})`, () => {
      const [outFeatures, inFeatures] = c.weight.shape as [number, number];
      const layer = new nn.Linear(inFeatures, outFeatures, { bias: c.bias !== null, dtype: c.input.dtype });
      layer.loadStateDict({ weight: fromGolden(c.weight), ...(c.bias ? { bias: fromGolden(c.bias) } : {}) });
      const x = fromGolden(c.input, { requiresGrad: true });
      const y = layer.forward(x);
      expect(y.shape).toEqual(c.output.shape);
      expectNear(y, c.output.data);
      backward(y, fromGolden(c.upstream));
      expectNear(x.grad as Tensor, c.inputGradient.data);
      expectNear(layer.weight.grad as Tensor, c.weightGradient.data);
      if (c.biasGradient) expectNear(layer.bias?.grad as Tensor, c.biasGradient.data);
    });
  });

  it.each(golden.linearDefaults)('starts in ±$weightBound with $inFeatures features', (c) => {
    manualSeed(7);
    const layer = new nn.Linear(c.inFeatures, 3, { dtype: 'float64' });
    const generator = new Generator(7);
    const dtype = 'float64';
    const weight = nn.init.uniform_(empty([3, c.inFeatures], dtype), {
      low: -c.weightBound,
      high: c.weightBound,
      generator,
    });
    const bias = nn.init.uniform_(empty([3], dtype), { low: -c.biasBound, high: c.biasBound, generator });
    expectNear(layer.weight, numbers(weight));
    expectNear(layer.bias as Tensor, numbers(bias));
  });
});

const modules: Record<string, new (options: never) => nn.Module> = {
  relu: nn.ReLU,
  leakyRelu: nn.LeakyReLU,
  elu: nn.ELU,
  selu: nn.SELU,
  gelu: nn.GELU,
  silu: nn.SiLU,
  softplus: nn.Softplus,
  hardtanh: nn.Hardtanh,
  mish: nn.Mish,
  sigmoid: nn.Sigmoid,
  tanh: nn.Tanh,
  softmax: nn.Softmax,
  logSoftmax: nn.LogSoftmax,
};
const renamed: Record<string, string> = { minVal: 'min', maxVal: 'max' };

describe('activation modules against PyTorch', () => {
  for (const c of [...golden.activations.filter((a) => (a as { kind?: string }).kind === 'usual'), ...golden.softmax]) {
    it(`${c.name} ${c.input.dtype} ${JSON.stringify(c.options)} [${c.input.shape}]`, () => {
      const options = Object.fromEntries(Object.entries(c.options).map(([key, v]) => [renamed[key] ?? key, v]));
      const x = fromGolden(c.input, { requiresGrad: true });
      const y = new (modules[c.name] as new (options?: unknown) => nn.Module)(options).forward(x) as Tensor;
      expectNear(y, c.output.data);
      backward(y, fromGolden(c.upstream));
      expectNear(x.grad as Tensor, c.gradient.data);
    });
  }

  it('refuse unknown options, and to be without those that they need', () => {
    expect(() => new nn.ELU({ beta: 1 } as never)).toThrow('ELU: unknown option "beta"; known are alpha');
    expect(() => Reflect.construct(nn.ReLU, [{ inplace: true }])).toThrow(
      'ReLU: unknown option "inplace"; it has no options',
    );
    // @ts-expect-error
    expect(() => new nn.Softmax()).toThrow('Softmax: dim must be an integer, got undefined');
    // @ts-expect-error
    expect(() => new nn.LogSoftmax({})).toThrow('LogSoftmax: dim must be an integer, got undefined');
  });
});

describe('training against PyTorch', () => {
  for (const c of golden.training) {
    it(`${c.optimizer} ${c.input.dtype}: ten losses and the weights`, () => {
      const dtype = c.input.dtype;
      const model = nn.sequential(new nn.Linear(5, 4, { dtype }), nn.relu, new nn.Linear(4, 3, { dtype }));
      model.loadStateDict(Object.fromEntries(Object.entries(c.initial).map(([k, v]) => [k, fromGolden(v)])));
      const optimizer = new { SGD, Adam }[c.optimizer](model.parameters(), c.options);
      const [x, labels] = [fromGolden(c.input), fromGolden(c.labels)];
      for (const want of c.losses) {
        const loss = nn.crossEntropy(model.forward(x), labels);
        expectNear(loss, [want]);
        optimizer.zeroGrad();
        backward(loss);
        optimizer.step();
      }
      for (const [name, t] of model.stateDict()) expectNear(t, (c.final[name] as Golden).data);
    });
  }
});

describe('Dropout', () => {
  it('passes everything through in evaluation, as in PyTorch', () => {
    for (const c of golden.dropout) {
      const x = fromGolden(c.input, { requiresGrad: true });
      const y = new nn.Dropout({ p: c.p }).eval().forward(x) as Tensor;
      expectNear(y, c.output.data);
      backward(mul(y, 1), fromGolden(c.upstream));
      expectNear(x.grad as Tensor, c.gradient.data);
    }
  });

  it('drops a share of p in training and scales the rest', () => {
    manualSeed(3);
    const values = numbers(new nn.Dropout({ p: 0.25 }).forward(ones([40_000])) as Tensor);
    expect(new Set(values)).toEqual(new Set([0, Math.fround(4 / 3)]));
    expect(values.filter((v) => v === 0).length / 40_000).toBeCloseTo(0.25, 1.7);
  });

  it('refuses p above 1', () => {
    expect(() => new nn.Dropout({ p: 1.5 })).toThrow(
      'Dropout: p must be a finite number of at least 0 and at most 1, got 1.5',
    );
  });
});

describe('initialisers against PyTorch', () => {
  it.each(golden.initialisers)('$name $shape $options', (c) => {
    const init = nn.init as unknown as Record<string, (t: Tensor, options: object) => Tensor>;
    const filled = (init[`${c.name}_`] as (typeof init)[string])(empty(c.shape, 'float64'), {
      ...c.options,
      generator: new Generator(5),
    });
    const generator = new Generator(5);
    const want = c.bound
      ? nn.init.uniform_(empty(c.shape, 'float64'), { low: -c.bound, high: c.bound, generator })
      : nn.init.normal_(empty(c.shape, 'float64'), { mean: c.mean as number, std: c.std as number, generator });
    expectNear(filled, numbers(want));
  });

  it.each(golden.gains.filter((g) => g.nonlinearity !== 'conv2d'))('gain of $nonlinearity $param', (c) => {
    expect(nn.init.calculateGain(c.nonlinearity as 'relu', c.param ?? undefined)).toBeCloseTo(c.gain, 12);
  });

  it('constants', () => {
    expect(nn.init.ones_(empty([2], 'float32')).toArray()).toEqual([1, 1]);
    expect(nn.init.zeros_(empty([2], 'float32')).toArray()).toEqual([0, 0]);
    expect(nn.init.constant_(new nn.Linear(1, 2).weight, 3).toArray()).toEqual([[3], [3]]);
  });

  it('refuse vectors and unknown nonlinearities', () => {
    expect(() => nn.init.xavierUniform_(empty([3], 'float32'))).toThrow(ShapeError);
    expect(() => nn.init.kaimingNormal_(empty([3, 2], 'float32'), { nonlinearity: 'gelu' as never })).toThrow(
      ArgumentError,
    );
  });
});
