import { describe, expect, it } from 'vitest';
import { backward } from '../lib/autograd/engine.js';
import { noGrad } from '../lib/autograd/tape.js';
import { ArgumentError, ShapeError, StateError } from '../lib/errors.js';
import { scope } from '../lib/memory.js';
import * as nn from '../lib/nn/index.js';
import { fill_ } from '../lib/ops/copy.js';
import { full, ones, zeros } from '../lib/ops/creation.js';
import { mul } from '../lib/ops/elementwise.js';
import { gather } from '../lib/ops/indexing.js';
import { sum } from '../lib/ops/reduce.js';
import { reshape } from '../lib/ops/shape.js';
import { Adam, SGD } from '../lib/optim/index.js';
import { Generator, manualSeed } from '../lib/random.js';
import { empty, type Tensor } from '../lib/tensor.js';
import { expectNear, fromGolden, type Golden, readGolden } from './golden.js';

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

const modules: Record<string, new (options?: never) => nn.Module> = {
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

  it('refuse unknown options', () => {
    expect(() => new nn.ELU({ beta: 1 } as never)).toThrow('ELU: unknown option "beta"; known are alpha');
    expect(() => new nn.ReLU({ inplace: true } as never)).toThrow('ReLU: unknown option "inplace"; it has no options');
  });
});

describe('training against PyTorch', () => {
  for (const c of golden.training) {
    it(`${c.optimizer} ${c.input.dtype}: ten losses and the weights`, () => {
      const dtype = c.input.dtype;
      const model = nn.sequential(new nn.Linear(5, 4, { dtype }), nn.relu, new nn.Linear(4, 3, { dtype }));
      model.loadStateDict(Object.fromEntries(Object.entries(c.initial).map(([k, v]) => [k, fromGolden(v)])));
      const optimizer = new { SGD, Adam }[c.optimizer](model.parameters(), c.options);
      const [x, labels] = [fromGolden(c.input), reshape(fromGolden(c.labels), [8, 1])];
      for (const want of c.losses) {
        const loss = mul(sum(gather(nn.logSoftmax(model.forward(x)), labels, { dim: 1 })), -1 / 8);
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

class Block extends nn.Module {
  scale = nn.parameter(ones([2]));
  count = nn.buffer(zeros([1], { dtype: 'int32' }));
  note = ones([3]); // neither
  constructor(readonly inner: nn.Linear) {
    super();
  }
  forward(x: Tensor): Tensor {
    return mul(this.inner.forward(x), this.scale);
  }
}

class Net extends nn.Module {
  first = new nn.Linear(2, 2);
  blocks = [new Block(new nn.Linear(2, 2)), new Block(this.first)];
  gates = [nn.parameter(ones([2])), nn.parameter(ones([2]))];
  forward(x: Tensor): Tensor {
    return this.blocks.reduce((y, b) => b.forward(y), this.first.forward(x));
  }
}

describe('Module', () => {
  it('names parameters, buffers and modules as PyTorch does, each once', () => {
    const net = new Net();
    expect(net.namedParameters().map(([name]) => name)).toEqual([
      'gates.0',
      'gates.1',
      'first.weight',
      'first.bias',
      'blocks.0.scale',
      'blocks.0.inner.weight',
      'blocks.0.inner.bias',
      'blocks.1.scale',
    ]);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(['blocks.0.count', 'blocks.1.count']);
    expect(net.namedModules().map(([name]) => name)).toEqual(['', 'first', 'blocks.0', 'blocks.0.inner', 'blocks.1']);
    expect(net.children()).toEqual([net.first, ...net.blocks]);
    expect([...net.stateDict().keys()]).toContain('blocks.1.inner.weight'); // shared, saved under both names
  });

  it('train, eval and apply reach every module', () => {
    const model = nn.sequential(new nn.Dropout(), nn.sequential(new nn.Dropout()));
    expect(
      model
        .eval()
        .modules()
        .map((m) => m.training),
    ).toEqual([false, false, false, false]);
    expect(
      model
        .train()
        .modules()
        .every((m) => m.training),
    ).toBe(true);
    const seen: string[] = [];
    model.apply((m) => seen.push(m.constructor.name));
    expect(seen).toEqual(['Dropout', 'Dropout', 'Sequential', 'Sequential']);
  });

  it('to converts floats, keeps integers and what is shared', () => {
    const net = new Net().to('float64');
    expect(net.parameters().every((p) => p.dtype === 'float64' && p.requiresGrad)).toBe(true);
    expect(net.blocks[1]?.inner.weight).toBe(net.first.weight);
    expect(net.buffers().every((b) => b.dtype === 'int32')).toBe(true);
    expect(net.forward(ones([1, 2], { dtype: 'float64' })).dtype).toBe('float64');
    expect(() => net.to('int32')).toThrow('Module.to: dtype must be float32 or float64, got int32');
  });

  it('zeroGrad forgets gradients', () => {
    const layer = new nn.Linear(2, 1);
    backward(layer.forward(ones([1, 2])), ones([1, 1]));
    expect(layer.weight.grad?.toArray()).toEqual([[1, 1]]);
    layer.zeroGrad();
    expect(layer.parameters().map((p) => p.grad)).toEqual([null, null]);
  });

  it('made inside a scope outlives it', () => {
    const model = scope(() => nn.sequential(new nn.Linear(2, 1)));
    scope(() => noGrad(() => model.to('float64')));
    expect(model.forward(ones([1, 2], { dtype: 'float64' })).shape).toEqual([1, 1]);
  });

  it('loadStateDict lists all that does not fit and changes nothing', () => {
    const model = nn.sequential(new nn.Linear(2, 1), nn.relu, new nn.Linear(1, 1));
    const before = model.parameters().map(numbers);
    const state = new Map([...model.stateDict()].map(([name, t]) => [name, full(t.shape, 9)]));
    state.delete('0.bias');
    state.set('0.weight', ones([2, 2]));
    state.set('3.weight', ones([1]));
    expect(() => model.loadStateDict(state)).toThrow(
      'loadStateDict: state must fit the module: missing 0.bias; 0.weight must be [1, 2], got [2, 2]; unexpected 3.weight',
    );
    expect(() => model.loadStateDict(state)).toThrow(StateError);
    expect(() => model.loadStateDict(state, { strict: false })).toThrow('0.weight must be [1, 2], got [2, 2]');
    expect(model.parameters().map(numbers)).toEqual(before);
    state.delete('0.weight');
    expect(model.loadStateDict(state, { strict: false })).toEqual({
      missing: ['0.weight', '0.bias'],
      unexpected: ['3.weight'],
    });
    expect(model.parameters().map(numbers)).toEqual([before[0], before[1], [9], [9]]);
    expect(() => model.loadStateDict(null as never)).toThrow(
      'loadStateDict: state must be a Map or an object of tensors, got null',
    );
  });

  it('summary is a table', () => {
    const model = nn.sequential(
      new nn.Flatten(),
      new nn.Linear(784, 128),
      nn.relu,
      new nn.Dropout({ p: 0.2 }),
      new nn.Linear(128, 10, { bias: false }),
    );
    expect(model.summary([32, 1, 28, 28])).toBe(
      [
        'name     layer                     output     parameters',
        '(model)  Sequential()              [32, 10]      101,760',
        '0        Flatten()                 [32, 784]           0',
        '1        Linear(784, 128)          [32, 128]     100,480',
        '3        Dropout(p 0.2)            [32, 128]           0',
        '4        Linear(128, 10, no bias)  [32, 10]        1,280',
        '101,760 parameters, 101,760 of them trained',
      ].join('\n'),
    );
    expect(model.training).toBe(true);
    expect(Object.hasOwn(model, 'forward')).toBe(false);
    model.requiresGrad_(false);
    expect(model.summary()).toContain('101,760 parameters, 0 of them trained');
  });
});

describe('Sequential', () => {
  it('counts functions in its names and fuses them without changing results', () => {
    for (const [f, F] of [
      [nn.relu, nn.ReLU],
      [nn.tanh, nn.Tanh],
      [nn.sigmoid, nn.Sigmoid],
    ] as const) {
      const fused = nn.sequential(new nn.Linear(5, 7), f, new nn.Linear(7, 3));
      const apart = nn.sequential(new nn.Linear(5, 7), nn.sequential(new F()), new nn.Linear(7, 3));
      expect([...fused.stateDict().keys()]).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
      apart.loadStateDict(fused.stateDict());
      const x = nn.init.normal_(empty([6, 5], 'float32'));
      const results = [fused, apart].map((m) => {
        const y = m.forward(x);
        backward(y, ones([6, 3]));
        return [numbers(y), ...m.parameters().map((p) => numbers(p.grad as Tensor))];
      });
      results[0]?.forEach((want, k) => {
        want.forEach((v, i) => {
          expect(results[1]?.[k]?.[i]).toBeCloseTo(v, 5);
        });
      });
    }
  });

  it('calls a forward that somebody replaced', () => {
    const layer = new nn.Linear(2, 2);
    layer.forward = (x) => mul(x, 10);
    expect(
      nn
        .sequential(layer, nn.relu)
        .forward(ones([1, 2]))
        .toArray(),
    ).toEqual([[10, 10]]);
    const relu = new nn.ReLU();
    relu.forward = (x) => fill_(mul(x, 0), 5);
    expect(noGrad(() => nn.sequential(new nn.Linear(2, 2), relu).forward(ones([1, 2]))).toArray()).toEqual([[5, 5]]);
  });

  it('refuses what is no layer, and inputs of the wrong size', () => {
    expect(() => nn.sequential(new nn.Linear(2, 2), 3 as never)).toThrow(
      'Sequential: layer 1 must be a module or a function of a tensor, got 3',
    );
    expect(() => new nn.Linear(784, 10).forward(ones([32, 28, 28]))).toThrow(
      'Linear: last dimension of x must be inFeatures 784, got x [32, 28, 28]; flatten it first: x.reshape([32, 784])',
    );
    expect(() => new nn.Linear(784, 10).forward(ones([32, 100]))).toThrow(ShapeError);
    expect(() => new nn.Linear(0, 10)).toThrow('Linear: inFeatures must be an integer of at least 1, got 0');
    expect(() => new nn.Linear(1, 10, { biased: true } as never)).toThrow(
      'Linear: unknown option "biased"; known are bias, dtype',
    );
  });

  it('Identity passes its input through', () => {
    const x = ones([2]);
    expect(new nn.Identity().forward(x)).toBe(x);
  });
});
