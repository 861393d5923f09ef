// Numbers that are none, batches without rows, and scales that are no scales.
import { describe, expect, it } from 'vitest';
import { compile, compress, io, manualSeed, nn, noGrad, ones, randn, type Tensor, tensor } from '../../lib/index.js';
import { inIntegers, rangeOf, roundedRow } from '../support/integers.js';
import { numbersOf, rowsOf } from '../support/plain-numbers.js';

const stateOf = (model: nn.Module) => [...model.stateDict()].map(([name, t]) => [name, t.shape, numbersOf(t)]);

function net(): nn.Sequential {
  manualSeed(30);
  return nn.sequential(new nn.Linear(6, 8), new nn.ReLU(), new nn.Linear(8, 3));
}

const spoil = <M extends nn.Module>(model: M, name: string, value: number): M => {
  noGrad(() => model.getParameter(name).at(1).at(0).fill_(value));
  return model;
};

describe.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('a weight of %d', (value) => {
  const ways: [string, (model: nn.Module) => unknown][] = [
    ['prune', (model) => compress.prune(model, { amount: 0.5 })],
    ['prune', (model) => compress.prune(model, { amount: 0.5, method: 'random' })],
    ['prune', (model) => compress.prune(model, { amount: 0.5, dim: 0, names: '2' })],
    ['cluster', (model) => compress.cluster(model)],
    ['quantizeDynamic', (model) => compress.quantizeDynamic(model)],
    ['prepare', (model) => compress.prepare(model)],
    ['prepareQat', (model) => compress.prepareQat(model)],
  ];
  it.each(ways)('is refused by %s, which changes nothing', (name, way) => {
    const model = spoil(net(), '2.weight', value);
    const state = stateOf(model);
    expect(() => way(model)).toThrow(
      `${name}: 2.weight must be finite, got ${value} (element 8); load values from before that`,
    );
    expect(stateOf(model)).toEqual(state);
  });

  it('is refused by convert', () => {
    const model = compress.prepare(net());
    model.forward(randn([4, 6]));
    const state = stateOf(spoil(model, '0.weight', value));
    expect(() => compress.convert(model)).toThrow(`convert: 0.weight must be finite, got ${value} (element 6)`);
    expect(stateOf(model)).toEqual(state);
  });

  it('does no harm where it is pruned', () => {
    const model = compress.prune(net(), { amount: 0.5 });
    const weight = numbersOf((model.at(0) as nn.Linear).weight);
    const at = weight.indexOf(0);
    const original = model.getParameter('0.parametrizations.weight.original');
    noGrad(() => original.at(Math.floor(at / 6)).at(at % 6).fill_(value)); // biome-ignore format: one line
    expect(compress.sparsity(compress.prune(model, { amount: 0.75 })).zeros).toBe(54);
  });

  it('among the scores of movement is refused', () => {
    const model = compress.prune(net(), { amount: 0, method: 'movement' });
    spoil(model, '0.parametrizations.weight.0.scores', value);
    const state = stateOf(model);
    const message = `prune: the scores of 0.weight must be finite, got ${value} (element 6)`;
    expect(() => compress.prune(model, { amount: 0.5, method: 'movement' })).toThrow(message);
    expect(stateOf(model)).toEqual(state);
  });

  it.each(['minmax', 'moving-average'] as const)('among data is refused by convert (%s)', (observer) => {
    const model = compress.prepare(net(), { observer });
    model.forward(randn([4, 6]));
    model.forward(tensor([[0, 1, value, 0, 0, 0]]));
    model.forward(randn([4, 6]));
    const state = stateOf(model);
    expect(() => compress.convert(model)).toThrow(
      /^convert: inputs of 0 must have been finite, got some from .* to .*; prepare the model anew, and run it over finite samples$/,
    );
    expect(stateOf(model)).toEqual(state);
  });
});

describe.each([
  ['with gradients', (fn: () => Tensor) => fn()],
  ['without', (fn: () => Tensor) => noGrad(fn)],
])('a batch without rows, %s', (_, how) => {
  const none = () => ones([0, 6]);
  it.each(['minmax', 'moving-average'] as const)('leaves the range that was measured (%s)', (observer) => {
    const [model, other] = [compress.prepare(net(), { observer }), compress.prepare(net(), { observer })];
    const batches = [randn([20, 6]), randn([20, 6]).mul(2)];
    for (const x of batches) {
      expect(how(() => model.forward(none())).shape).toEqual([0, 3]);
      for (const one of [model, other]) one.forward(x);
    }
    how(() => model.forward(none()));
    expect(stateOf(model)).toEqual(stateOf(other));
    expect(how(() => compress.convert(model).forward(none())).shape).toEqual([0, 3]);
  });

  it('leaves a model that is trained for rounding, eagerly and compiled, and is no data', () => {
    const model = compress.prepareQat(net());
    const state = stateOf(model);
    const step = compile((x: Tensor) => how(() => model.forward(x))).sync;
    expect(how(() => model.forward(none())).shape).toEqual([0, 3]);
    expect(step(none()).shape).toEqual([0, 3]);
    expect(stateOf(model)).toEqual(state);
    expect(() => compress.convert(model)).toThrow('convert: inputs of 0, 2 must have been measured, got none');
    step(randn([4, 6]));
    const measured = stateOf(model);
    expect(measured).not.toEqual(state);
    step(none());
    expect(stateOf(model)).toEqual(measured);
  });

  it('goes through a model that is quantised dynamically', () => {
    const model = compress.quantizeDynamic(net());
    expect(how(() => model.forward(none())).shape).toEqual([0, 3]);
    const gru = compress.quantizeDynamic(new nn.GRU(4, 5, { batchFirst: true }));
    expect(how(() => gru.forward(ones([0, 3, 4]))[0]).shape).toEqual([0, 3, 5]);
  });
});

it('a model that is prepared for training rounds no inputs in evaluation before it has seen any', () => {
  const layer = new nn.Linear(6, 4);
  const rounded = rowsOf(layer.weight).map(roundedRow);
  const [weight, bias] = [rowsOf(layer.weight), numbersOf(layer.bias as Tensor)];
  const x = randn([5, 6]);
  compress.prepareQat(layer).eval();
  const plain = rowsOf(x).flatMap((row) =>
    rounded.map((w, j) => w.reduce((sum, v, k) => sum + v * (row[k] as number), bias[j] as number)),
  );
  for (const [i, y] of numbersOf(layer.forward(x)).entries()) expect(y).toBeCloseTo(plain[i] as number, 5);
  layer.train().forward(x);
  const wanted = inIntegers(rowsOf(x), weight, bias, rangeOf(rowsOf(x))).flat();
  for (const [i, y] of numbersOf(layer.eval().forward(x)).entries()) expect(y).toBeCloseTo(wanted[i] as number, 5);
});

describe('fakeQuantize', () => {
  const given = { scale: tensor(0.5), zeroPoint: tensor(0), quantMin: -8, quantMax: 7 };
  const perRow = { axis: 0, scale: tensor([1, 0.5]), zeroPoint: tensor([0, 0]) };
  const finite = 'fakeQuantize: scale must be finite and above 0, got';
  const inside = 'fakeQuantize: zeroPoint must be an integer from -8 to 7, got';
  it.each([
    [{ scale: tensor(0) }, `${finite} 0`],
    [{ scale: tensor(-1) }, `${finite} -1`],
    [{ scale: tensor(Number.NaN) }, `${finite} NaN`],
    [{ scale: tensor(Number.POSITIVE_INFINITY) }, `${finite} Infinity`],
    [{ ...perRow, scale: tensor([1, 0]) }, `${finite} 0 (element 1)`],
    // As PyTorch's fake_quantize_per_channel_affine: "zero_point must be between quant_min and quant_max".
    [{ zeroPoint: tensor(8) }, `${inside} 8`],
    [{ zeroPoint: tensor(-9) }, `${inside} -9`],
    [{ zeroPoint: tensor(0.5) }, `${inside} 0.5`],
    [{ ...perRow, zeroPoint: tensor([1e9, 0]) }, `${inside} 1000000000 (element 0)`],
  ])('refuses %#', (options, message) => {
    expect(() => compress.fakeQuantize(ones([2, 3]), { ...given, ...options })).toThrow(message);
  });

  it('computes in compiled steps as it does eagerly, with scales that are computed there', () => {
    const rounded = (x: Tensor) =>
      compress.fakeQuantize(x, { ...given, scale: x.detach().abs().amax().div(7), zeroPoint: tensor(1) });
    const step = compile(rounded).sync;
    for (let i = 0; i < 3; i++) {
      const x = randn([3, 4]);
      expect(numbersOf(step(x))).toEqual(numbersOf(rounded(x)));
    }
  });

  it('is exported to ONNX', () => {
    class Rounded extends nn.Module {
      scale = new nn.Buffer(tensor(0.5));
      zeroPoint = new nn.Buffer(tensor(1));
      forward(x: Tensor): Tensor {
        return compress.fakeQuantize(x, { ...given, scale: this.scale, zeroPoint: this.zeroPoint });
      }
    }
    const [model, x] = [new Rounded(), randn([3, 4]).mul(5)];
    const loaded = io.onnx.load(io.onnx.export(model, x)) as unknown as Rounded;
    expect(numbersOf(loaded.forward(x))).toEqual(numbersOf(model.forward(x)));
  });
});
