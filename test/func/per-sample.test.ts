// Gradients of each sample's loss against a backward pass for each sample.

import { beforeEach, expect, it } from 'vitest';
import { compile, func, manualSeed, nn, noGrad, randint, randn, type Tensor, tensor } from '../../lib/index.js';

beforeEach(() => manualSeed(1));

const lossOf =
  (model: { forward(x: Tensor): Tensor }) =>
  (x: Tensor, y: Tensor): Tensor =>
    nn.functional.crossEntropy(model.forward(x), y, { reduction: 'none' });

type Net = nn.Module & { forward(x: Tensor): Tensor };

/** By a pass for each sample, without any of the rules. */
function naive(model: Net, x: Tensor, y: Tensor): Record<string, Tensor[]> {
  const all: Record<string, Tensor[]> = {};
  for (let i = 0; i < x.shape[0]!; i++) {
    model.zeroGrad();
    lossOf(model)(x.slice({ start: i, end: i + 1 }), y.slice({ start: i, end: i + 1 }))
      .sum()
      .backward();
    for (const [name, p] of model.namedParameters()) {
      all[name] = [...(all[name] ?? []), p.grad?.clone() ?? p.detach().mul(0)];
    }
  }
  model.zeroGrad();
  return all;
}

function expectSame(gradients: Record<string, Tensor>, wanted: Record<string, Tensor[]>): void {
  expect(Object.keys(gradients).sort()).toEqual(Object.keys(wanted).sort());
  for (const [name, gradient] of Object.entries(gradients)) {
    expect(gradient.shape.slice(1)).toEqual([...wanted[name]![0]!.shape]);
    const [got, all] = [gradient.toTypedArray(), wanted[name]!.flatMap((one) => [...one.toTypedArray()])];
    expect(got).toHaveLength(all.length);
    const largest = Math.max(1e-3, ...all.map(Math.abs));
    expect(Math.max(...all.map((value, i) => Math.abs(value - Number(got[i])))) / largest, name).toBeLessThan(1e-11);
  }
}

const f64 = { dtype: 'float64' } as const;

class Pooled extends nn.Module {
  constructor(readonly inner: Net) {
    super();
  }
  forward(x: Tensor): Tensor {
    const y = this.inner.forward(x);
    return y.ndim > 2 ? y.reshape([y.shape[0]!, y.shape[1]!, -1]).mean(2) : y;
  }
}

/** An encoder whose table is the last layer, too. */
class Tied extends nn.Module {
  table = new nn.Embedding(6, 4, { dtype: 'float64' });
  norm = new nn.LayerNorm(4, f64);
  forward(x: Tensor): Tensor {
    return nn.functional.linear(this.norm.forward(this.table.forward(x)).mean(1), this.table.weight);
  }
}

/** A layer called twice. */
class Twice extends nn.Module {
  layer = new nn.Linear(5, 5, f64);
  forward(x: Tensor): Tensor {
    return this.layer.forward(this.layer.forward(x).tanh());
  }
}

class Own extends nn.Module {
  scale = new nn.Parameter(randn([5], f64));
  inner = new nn.Linear(5, 3, f64);
  forward(x: Tensor): Tensor {
    return this.inner.forward(x.mul(this.scale));
  }
}

/** Its layer sees positions of all samples as one dimension. */
class Flattened extends nn.Module {
  layer = new nn.Linear(4, 3, f64);
  forward(x: Tensor): Tensor {
    const [n, t] = x.shape;
    return this.layer
      .forward(x.reshape([n! * t!, 4]))
      .reshape([n!, t!, 3])
      .mean(1);
  }
}

class Recurrent extends nn.Module {
  gru = new nn.GRU(4, 3, { batchFirst: true, dtype: 'float64' });
  head = new nn.Linear(3, 3, f64);
  forward(x: Tensor): Tensor {
    return this.head.forward(this.gru.forward(x)[0].select(1, 2));
  }
}

const image = () => randn([4, 2, 7, 6], f64);
const conv = (options: object): Net =>
  new Pooled(nn.sequential(new nn.Conv2d(2, 4, 3, { ...options, ...f64 }), new nn.ReLU()));
const words = () => randint(0, 6, [4, 5], { dtype: 'int32' });
const cases: [string, () => Net, () => Tensor][] = [
  [
    'a perceptron',
    () => nn.sequential(new nn.Linear(5, 7, f64), new nn.ReLU(), new nn.Linear(7, 3, f64)),
    () => randn([4, 5], f64),
  ],
  [
    'sequences',
    () => nn.sequential(new nn.Linear(4, 3, { bias: false, ...f64 }), new nn.Flatten()),
    () => randn([4, 3, 4], f64),
  ],
  ['a convolution', () => conv({}), image],
  ['one with steps and zeros', () => conv({ stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 }), image],
  ["padding 'same'", () => conv({ padding: 'same', dilation: [2, 1], paddingMode: 'reflect' }), image],
  [
    'a convolution over rows',
    () => new Pooled(nn.sequential(new nn.Conv1d(2, 3, 4, { stride: 2, padding: 1, groups: 1, ...f64 }))),
    () => randn([4, 2, 9], f64),
  ],
  [
    'one without a rule',
    () => new Pooled(nn.sequential(new nn.Conv3d(2, 3, 2, f64), new nn.ReLU())),
    () => randn([4, 2, 4, 4, 3], f64),
  ],
  ['group norm', () => new Pooled(nn.sequential(new nn.Conv2d(2, 4, 3, f64), new nn.GroupNorm(2, 4, f64))), image],
  [
    'layer and RMS norm',
    () => nn.sequential(new nn.Linear(5, 4, f64), new nn.LayerNorm([4], f64), new nn.RMSNorm(4, f64)),
    () => randn([4, 5], f64),
  ],
  ['an embedding', () => nn.sequential(new nn.Embedding(6, 3, { paddingIdx: 2, ...f64 }), new nn.Flatten()), words],
  ['a tied table', () => new Tied(), words],
  ['a layer called twice', () => new Twice(), () => randn([4, 5], f64)],
  ['a parameter of its own', () => new Own(), () => randn([4, 5], f64)],
  ['positions before the layer', () => new Flattened(), () => randn([4, 3, 4], f64)],
  ['a recurrent layer', () => new Recurrent(), () => randn([4, 3, 4], f64)],
  [
    'a computed weight',
    () => nn.sequential(nn.utils.parametrizations.weightNorm(new nn.Linear(5, 3, f64))),
    () => randn([4, 5], f64),
  ],
];

it.each(cases)('%s', (_, make, input) => {
  const model = make();
  const [x, y] = [input(), tensor([0, 2, 1, 1], { dtype: 'int32' })];
  const before = model.parameters();
  const [gradients, losses] = func.perSampleGradients(model, lossOf(model), [x, y]);
  expect(model.parameters()).toEqual(before);
  expect(losses.requiresGrad).toBe(false);
  expect(losses.toTypedArray()).toEqual(noGrad(() => lossOf(model)(x, y)).toTypedArray());
  expectSame(gradients, naive(model, x, y));
});

it('frozen parameters have none, and a compiled step gives the same', async () => {
  const model = nn.sequential(new nn.Conv2d(1, 3, 3, f64), new nn.ReLU(), new nn.Flatten(), new nn.Linear(48, 3, f64));
  model.getParameter('0.weight').requiresGrad = false;
  const step = compile((x: Tensor, y: Tensor) => {
    const [{ '3.weight': g }] = func.perSampleGradients(model, lossOf(model), [x, y]);
    return g!;
  });
  for (let i = 0; i < 3; i++) {
    const [x, y] = [randn([4, 1, 6, 6], f64), randint(0, 3, [4], { dtype: 'int32' })];
    const [gradients] = func.perSampleGradients(model, lossOf(model), [x, y]);
    expect(Object.keys(gradients)).toEqual(['0.bias', '3.weight', '3.bias']);
    expect((await step(x, y)).toTypedArray()).toEqual(gradients['3.weight']!.toTypedArray());
  }
});

it('frozen layers before the others are not differentiated', () => {
  const seen: boolean[] = [];
  const look = (x: Tensor): Tensor => {
    seen.push(x.requiresGrad);
    return x;
  };
  const model = nn.sequential(new nn.Linear(5, 4, f64), look, new nn.Linear(4, 3, f64));
  nn.utils.freeze(model, '0');
  const [x, y] = [randn([4, 5], f64), tensor([0, 2, 1, 1], { dtype: 'int32' })];
  const [gradients] = func.perSampleGradients(model, lossOf(model), [x, y]);
  expect(Object.keys(gradients)).toEqual(['2.weight', '2.bias']);
  expect(seen).toEqual([false]);
});

it('samples that change each other are refused, and the model is as before', () => {
  const [x, y] = [randn([4, 5]), tensor([0, 2, 1, 1], { dtype: 'int32' })];
  const norm = nn.sequential(new nn.Linear(5, 4), new nn.BatchNorm1d(4));
  expect(() => func.perSampleGradients(norm, lossOf(norm), [x, y])).toThrow(
    'perSampleGradients: samples must not change each other, but they do in BatchNorm1d(4)',
  );
  expect(Object.keys(func.perSampleGradients(norm.eval(), lossOf(norm), [x, y])[0])).toHaveLength(4);
  class Centred extends nn.Module {
    layer = new nn.Linear(5, 4);
    forward(given: Tensor): Tensor {
      const z = this.layer.forward(given);
      return z.sub(z.mean(0));
    }
  }
  const centred = new Centred();
  const { weight } = centred.layer;
  expect(() => func.perSampleGradients(centred, lossOf(centred), [x, y])).toThrow(
    /they do in layer, Linear\(5, 4\), or after it/,
  );
  expect(centred.layer.weight).toBe(weight);
  expect(() =>
    func.perSampleGradients(centred, () => {
      centred.forward(x);
      throw new Error('planted');
    }, [x]),
  ).toThrow('planted');
  expect(centred.layer.weight).toBe(weight);
  expect(centred.forward(x).requiresGrad).toBe(true);
});

it('says what is wrong with losses and inputs', () => {
  const model = new nn.Linear(5, 3);
  const x = randn([4, 5]);
  const mean = (given: Tensor) => model.forward(given).mean();
  expect(() => func.perSampleGradients(model, mean, [x])).toThrow(
    "the loss must be [4], one number for each sample, as losses with reduction 'none' give, got []",
  );
  expect(() => func.perSampleGradients(model, mean, [x, randn([3])])).toThrow(
    'inputs must be tensors [n, …] with the same n of at least 1, got [4, 5] and [3]',
  );
  expect(() => func.perSampleGradients(model, mean, [])).toThrow('got none');
  const many = new Array(1_000_000).fill(x);
  expect(() => func.functionalCall(model, {}, many)).toThrow('args must be at most 255 inputs, got 1000000');
  expect(() => func.perSampleGradients(model, mean, many.slice(0, 256))).toThrow('inputs must be at most 255 inputs');
  model.requiresGrad_(false);
  expect(() => func.perSampleGradients(model, mean, [x])).toThrow('model must have a parameter that needs a gradient');
});
