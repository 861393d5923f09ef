// Attention and transformers against composed operations and PyTorch. Over 300 lines: the cases share their helpers.
import { describe, expect, it } from 'vitest';
import { backward } from '../../lib/autograd/engine.js';
import { gradcheck, gradgradcheck } from '../../lib/autograd/gradcheck.js';
import { noGrad } from '../../lib/autograd/tape.js';
import { ShapeError, StateError } from '../../lib/errors.js';
import '../../lib/methods.js';
import { setNumThreads } from '../../lib/memory.js';
import * as nn from '../../lib/nn/index.js';
import { scaledDotProductAttention } from '../../lib/ops/attention.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import { add, mul } from '../../lib/ops/elementwise.js';
import { Generator, manualSeed } from '../../lib/ops/generator.js';
import { bernoulli, randn } from '../../lib/ops/random.js';
import { mean } from '../../lib/ops/reduce.js';
import { rotaryEmbedding } from '../../lib/ops/rotary.js';
import { concat, slice } from '../../lib/ops/slice.js';
import { Adam } from '../../lib/optim/index.js';
import { compile } from '../../lib/program/compile.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

interface Pass {
  inputs: Golden[];
  output: Golden;
  upstream: Golden;
  inputGradients: Golden[];
}
interface LayerPass extends Pass {
  state: Record<string, Golden>;
  gradients: Record<string, Golden>;
  options: Record<string, unknown>;
  call: Record<string, Golden | boolean>;
}
const golden = readGolden<{
  multihead: (LayerPass & { weights: Golden })[];
  layers: (LayerPass & { layer: 'TransformerEncoderLayer' | 'TransformerDecoderLayer'; numLayers: number })[];
  attention: (Pass & { mask: Golden | null })[];
}>('attention');

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());
const optionsOf = (call: LayerPass['call']): object =>
  Object.fromEntries(Object.entries(call).map(([k, v]) => [k, typeof v === 'object' ? fromGolden(v) : v]));
const load = (layer: nn.Module, c: LayerPass): void => {
  layer.loadStateDict(Object.fromEntries(Object.entries(c.state).map(([k, v]) => [k, fromGolden(v)])));
};

function checkPass(c: Pass, inputs: Tensor[], y: Tensor): void {
  expect(y.shape).toEqual(c.output.shape);
  expectNear(y, c.output.data);
  backward(y, fromGolden(c.upstream));
  inputs.forEach((x, i) => {
    expectNear(x.grad as Tensor, (c.inputGradients[i] as Golden).data);
  });
}

function checkParameters(layer: nn.Module, c: LayerPass): void {
  expect(
    layer
      .namedParameters()
      .map(([name]) => name)
      .sort(),
  ).toEqual(Object.keys(c.gradients).sort());
  for (const [name, p] of layer.namedParameters()) expectNear(p.grad as Tensor, (c.gradients[name] as Golden).data);
}

describe('attention against PyTorch', () => {
  golden.attention.forEach((c, i) => {
    it(`scaledDotProductAttention ${c.output.dtype} (${i})`, () => {
      const inputs = c.inputs.map((x) => fromGolden(x, { requiresGrad: true }));
      const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
      checkPass(c, inputs, scaledDotProductAttention(q, k, v, c.mask === null ? {} : { mask: fromGolden(c.mask) }));
    });
  });

  golden.multihead.forEach((c, i) => {
    const names = `${JSON.stringify(c.options)} ${Object.keys(c.call)}`;
    for (const needWeights of [false, true]) {
      it(`MultiheadAttention ${c.output.dtype} ${names}${needWeights ? ' with weights' : ''} (${i})`, () => {
        const layer = new nn.MultiheadAttention(4, 2, { ...c.options, dtype: c.output.dtype });
        load(layer, c);
        const inputs = c.inputs.map((x) => fromGolden(x, { requiresGrad: true }));
        const [q, k, v] = inputs as [Tensor, Tensor?, Tensor?];
        const [y, weights] = layer.forward(q, k, v, { ...optionsOf(c.call), needWeights });
        if (needWeights) {
          expect((weights as Tensor).shape).toEqual(c.weights.shape);
          expectNear(weights as Tensor, c.weights.data);
        } else expect(weights).toBeNull();
        checkPass(c, inputs, y);
        checkParameters(layer, c);
      });
    }
  });

  golden.layers.forEach((c, i) => {
    it(`${c.layer} × ${c.numLayers || 1} ${c.output.dtype} ${JSON.stringify(c.options)} ${Object.keys(c.call)} (${i})`, () => {
      const dtype = c.output.dtype;
      const options = { ...c.options, dimFeedforward: 6, dropout: 0, dtype };
      const inputs = c.inputs.map((x) => fromGolden(x, { requiresGrad: true }));
      const [x, memory] = inputs as [Tensor, Tensor];
      const norm = new nn.LayerNorm(4, { dtype });
      const call = optionsOf(c.call);
      if (c.layer === 'TransformerEncoderLayer') {
        const one = new nn.TransformerEncoderLayer(4, 2, options);
        const layer = c.numLayers ? new nn.TransformerEncoder(one, c.numLayers, { norm }) : one;
        load(layer, c);
        checkPass(c, inputs, layer.forward(x, call));
        checkParameters(layer, c);
      } else {
        const one = new nn.TransformerDecoderLayer(4, 2, options);
        const layer = c.numLayers ? new nn.TransformerDecoder(one, c.numLayers, { norm }) : one;
        load(layer, c);
        checkPass(c, inputs, layer.forward(x, memory, call));
        checkParameters(layer, c);
      }
    });
  });
});

describe('attention', () => {
  it('the same bits at each call, and gradients near those of one thread', () => {
    const inputs = [1, 2, 3].map((seed) =>
      randn([1, 1, 300, 16], { generator: new Generator(seed), requiresGrad: true }),
    );
    const run = (threads: number): number[][] => {
      setNumThreads(threads);
      const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
      for (const x of inputs) x.grad = null;
      const y = scaledDotProductAttention(q, k, v, { isCausal: true, dropout: 0.1, generator: new Generator(4) });
      backward(mean(mul(y, y)));
      return [y, ...inputs.map((x) => x.grad as Tensor)].map(numbers);
    };
    const [one, two, again] = [run(1), run(2), run(2)];
    expect(two).toEqual(again);
    expect(two[0]).toEqual(one[0]);
    two.forEach((values, i) => {
      values.forEach((v, j) => {
        expect(Math.abs(v - (one[i]?.[j] as number))).toBeLessThan(1e-6);
      });
    });
    setNumThreads(2);
  });

  it('gradients of layers, once and twice', () => {
    const dtype = 'float64';
    const layer = new nn.MultiheadAttention(4, 2, { dtype, batchFirst: true });
    const mask = bernoulli([3, 3], { p: 0.3, dtype: 'uint8', generator: new Generator(1) });
    const x = randn([2, 3, 4], { dtype, requiresGrad: true, generator: new Generator(2) });
    const run = (t: Tensor): Tensor => layer.forward(t, t, t, { attnMask: mask })[0];
    gradcheck(run, [x]);
    gradgradcheck(run, [x]);
    const timeFirst = new nn.MultiheadAttention(4, 2, { dtype });
    gradgradcheck((t: Tensor) => timeFirst.forward(t, t, t, { isCausal: true })[0], [x]);
  });

  it('a query that sees no key gives 0, and no gradient', () => {
    const x = randn([2, 3, 4], { requiresGrad: true });
    const y = scaledDotProductAttention(x, x, x, { mask: zeros([3, 3], { dtype: 'uint8' }) });
    expect(new Set(numbers(y))).toEqual(new Set([0]));
    backward(mean(y));
    expect(new Set(numbers(x.grad as Tensor).map(Math.abs))).toEqual(new Set([0]));
  });

  it('NaN stays NaN, and where it was', () => {
    const q = tensor([
      [1, 1, 1, 1],
      [1, Number.NaN, 1, 1],
    ]);
    const y = numbers(scaledDotProductAttention(q, ones([2, 4]), ones([2, 4])));
    expect(y.map(Number.isNaN)).toEqual([false, false, false, false, true, true, true, true]);
  });

  it('errors name the layer', () => {
    expect(() => new nn.MultiheadAttention(6, 4)).toThrow(
      'MultiheadAttention: numHeads must divide embedDim, got numHeads 4, embedDim 6',
    );
    const layer = new nn.MultiheadAttention(4, 2, { batchFirst: true });
    expect(() => layer.forward(ones([2, 3, 5]))).toThrow(
      'MultiheadAttention: query must be [batch, rows, 4] or [rows, 4], got query [2, 3, 5]',
    );
    expect(() => layer.forward(ones([2, 3, 4]), ones([1, 3, 4]))).toThrow(ShapeError);
    const wrong = { attnMask: ones([3, 4], { dtype: 'uint8' }) };
    expect(() => layer.forward(ones([2, 3, 4]), undefined, undefined, wrong)).toThrow(
      'MultiheadAttention: attnMask must be [3, 3] or [4, 3, 3], got [3, 4]',
    );
    expect(() => new nn.TransformerEncoderLayer(4, 2, { activation: 'tanh' as never })).toThrow(
      'TransformerEncoderLayer: activation must be "relu", "gelu" or a function, got "tanh"',
    );
    expect(() => new nn.SinusoidalPositions(4, { maxLength: 2 }).forward(ones([3, 4]))).toThrow(
      'SinusoidalPositions: offset + rows must be at most maxLength 2, got 0 + 3',
    );
  });
});

describe('KeyValueCache', () => {
  const rowsOf = (x: Tensor, start: number, end: number): Tensor => slice(x, { dim: 1, start, end });

  it.each([true, false])('a decoder gives row by row what it gives at once (normFirst %s)', (normFirst) => {
    manualSeed(3);
    const options = { dimFeedforward: 16, batchFirst: true, normFirst, dtype: 'float64' as const };
    const decoder = new nn.TransformerDecoder(new nn.TransformerDecoderLayer(8, 2, options), 2).eval();
    const [x, memory] = [randn([3, 70, 8], { dtype: 'float64' }), randn([3, 5, 8], { dtype: 'float64' })];
    noGrad(() => {
      const whole = decoder.forward(x, memory, { tgtIsCausal: true });
      const caches = [0, 1].map(() => ({
        self: new nn.KeyValueCache({ capacity: 4 }),
        memory: new nn.KeyValueCache(),
      }));
      const parts = [rowsOf(x, 0, 6), ...Array.from({ length: 64 }, (_, i) => rowsOf(x, 6 + i, 7 + i))];
      const y = concat(
        parts.map((part) => decoder.forward(part, memory, { tgtIsCausal: true, caches })),
        { dim: 1 },
      );
      expectNear(y, numbers(whole));
      expect(caches[0]?.self.length).toBe(70);
      caches[0]?.self.truncate(3);
      expect(caches[0]?.self.keys.shape).toEqual([3, 3, 8]);
    });
  });

  it('an encoder as a language model, and a sequence without a batch', () => {
    const layer = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, dtype: 'float64' });
    const encoder = new nn.TransformerEncoder(layer, 2).eval();
    const x = randn([9, 8], { dtype: 'float64' });
    noGrad(() => {
      const whole = encoder.forward(x, { isCausal: true });
      const caches = [new nn.KeyValueCache(), new nn.KeyValueCache()];
      const part = (start: number, end: number): Tensor =>
        encoder.forward(slice(x, { start, end }), { isCausal: true, caches });
      expectNear(concat([part(0, 4), part(4, 5), part(5, 9)]), numbers(whole));
    });
  });

  it('refuses gradients and other shapes', () => {
    const layer = new nn.MultiheadAttention(4, 2);
    const cache = new nn.KeyValueCache();
    const x = ones([1, 2, 4]);
    expect(() => layer.forward(x, x, x, { cache })).toThrow(StateError);
    noGrad(() => layer.forward(x, x, x, { cache }));
    expect(() => cache.append(ones([1, 3, 4]), ones([1, 3, 4]))).toThrow(
      'KeyValueCache: keys must be rows of [2, 4] float32 as before, got keys [1, 3, 4] float32',
    );
    expect(() => cache.truncate(2)).toThrow('KeyValueCache: length must be at most the 1 rows held, got 2');
    expect(() => new nn.KeyValueCache().keys).toThrow('KeyValueCache: is empty; append keys and values first');
  });
});

describe('positions', () => {
  it('sinusoids as in the paper', () => {
    const positions = new nn.SinusoidalPositions(4, { batchFirst: true });
    const y = numbers(positions.forward(zeros([1, 2, 4], { dtype: 'float64' }), { offset: 3 }));
    const want = [3, 4].flatMap((t) => [Math.sin(t), Math.cos(t), Math.sin(t / 100), Math.cos(t / 100)]);
    y.forEach((v, i) => {
      expect(v).toBeCloseTo(want[i] as number, 12);
    });
    expect(numbers(new nn.SinusoidalPositions(4).forward(zeros([2, 1, 4]), { offset: 3 }))).toEqual(y.map(Math.fround));
  });

  it('rotary products depend on distances only', () => {
    const [q, k] = [randn([1, 6], { dtype: 'float64' }), randn([1, 6], { dtype: 'float64' })];
    const product = (i: number, j: number): number =>
      mul(rotaryEmbedding(q, { offset: i }), rotaryEmbedding(k, { offset: j }))
        .sum()
        .item();
    expect(product(3, 1)).toBeCloseTo(product(202, 200), 10);
  });
});

describe('compiled', () => {
  const build = {
    encoder: () => {
      const layer = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true, dropout: 0.2 });
      const model = new nn.TransformerEncoder(layer, 2);
      return { model, run: (x: Tensor) => model.forward(x, { isCausal: true }) };
    },
    decoder: () => {
      const options = {
        dimFeedforward: 16,
        batchFirst: true,
        dropout: 0.2,
        normFirst: true,
        activation: 'gelu' as const,
      };
      const model = new nn.TransformerDecoderLayer(8, 2, options);
      const positions = new nn.SinusoidalPositions(8, { batchFirst: true });
      return { model, run: (x: Tensor) => model.forward(positions.forward(x), add(x, 1), { tgtIsCausal: true }) };
    },
    rotary: () => {
      const model = new nn.Linear(8, 24);
      const part = (y: Tensor, i: number): Tensor => slice(y, { dim: -1, start: 8 * i, end: 8 * i + 8 });
      const run = (x: Tensor): Tensor => {
        const y = model.forward(x);
        const [q, k] = [0, 1].map((i) => rotaryEmbedding(part(y, i), { heads: 2 })) as [Tensor, Tensor];
        return scaledDotProductAttention(q, k, part(y, 2), { heads: 2, dropout: 0.1 });
      };
      return { model, run };
    },
  };

  it.each(Object.keys(build) as (keyof typeof build)[])('%s: eager and compiled give the same bits', async (kind) => {
    const train = async (compiled: boolean): Promise<number[][]> => {
      manualSeed(11);
      const { model, run } = build[kind]();
      const optimizer = new Adam(model.parameters(), { lr: 0.01 });
      const once = (x: Tensor): Tensor => {
        const loss = mean(mul(run(x), run(x)));
        optimizer.zeroGrad();
        backward(loss);
        optimizer.step();
        return loss;
      };
      const step = compiled ? compile(once) : once;
      const losses: number[] = [];
      for (let i = 0; i < 5; i++) losses.push((await step(randn([3, 7, 8], { generator: new Generator(i) }))).item());
      return [losses, ...model.parameters().map(numbers)];
    };
    expect(await train(true)).toEqual(await train(false));
  });
});
