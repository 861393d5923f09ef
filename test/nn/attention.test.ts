// Attention and transformers against composed operations and PyTorch.
import { describe, expect, it } from 'vitest';
import { noGrad } from '../../lib/autograd/tape.js';
import { backward } from '../../lib/backward/engine.js';
import { gradcheck, gradgradcheck } from '../../lib/backward/gradcheck.js';
import { ShapeError } from '../../lib/errors.js';
import '../../lib/methods.js';
import { getNumThreads, setNumThreads } from '../../lib/memory.js';
import * as nn from '../../lib/nn/index.js';
import { scaledDotProductAttention } from '../../lib/ops/attention.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import { mul } from '../../lib/ops/elementwise.js';
import { Generator } from '../../lib/ops/generator.js';
import { coins, randn } from '../../lib/ops/random.js';
import { mean } from '../../lib/ops/reduce.js';
import { cat } from '../../lib/ops/shape-slice.js';
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
const added = readGolden<Pick<typeof golden, 'multihead'>>('attention_added');

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
      checkPass(c, inputs, scaledDotProductAttention(q, k, v, c.mask === null ? {} : { attnMask: fromGolden(c.mask) }));
    });
  });

  [...golden.multihead, ...added.multihead].forEach((c, i) => {
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
    const before = getNumThreads();
    const inputs = [1, 2, 3].map((seed) =>
      randn([1, 1, 300, 16], { generator: new Generator(seed), requiresGrad: true }),
    );
    const run = (threads: number): number[][] => {
      setNumThreads(threads);
      const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
      for (const x of inputs) x.grad = null;
      const y = scaledDotProductAttention(q, k, v, { isCausal: true, dropoutP: 0.1, generator: new Generator(4) });
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
    setNumThreads(before);
  });

  it('sees the added keys in causal attention, with a cache, and in a compiled step', () => {
    const layer = new nn.MultiheadAttention(4, 2, 0, true, true, true, { batchFirst: true });
    const x = randn([2, 3, 4]);
    const attnMask = tensor([[0, 1, 1], [0, 0, 1], [0, 0, 0]], { dtype: 'uint8' }); // biome-ignore format: one line
    const want = numbers(layer.forward(x, x, x, { attnMask })[0]);
    expectNear(layer.forward(x, x, x, { isCausal: true })[0], want);
    expectNear(compile((t: Tensor) => layer.forward(t, t, t, { isCausal: true })[0]).sync(x), want);
    const cache = new nn.KeyValueCache();
    const rows = noGrad(() =>
      [0, 1, 2].map((t) => {
        const row = x.narrow(1, t, 1);
        return layer.forward(row, row, row, { isCausal: true, cache })[0];
      }),
    );
    expectNear(cat(rows, 1), want);
    expect(cache.length).toBe(3);
  });

  it('gradients of layers, once and twice', () => {
    const dtype = 'float64';
    const layer = new nn.MultiheadAttention(4, 2, { dtype, batchFirst: true });
    const mask = coins([3, 3], { p: 0.3, dtype: 'uint8', generator: new Generator(1) });
    const x = randn([2, 3, 4], { dtype, requiresGrad: true, generator: new Generator(2) });
    const run = (t: Tensor): Tensor => layer.forward(t, t, t, { attnMask: mask })[0];
    gradcheck(run, [x]);
    gradgradcheck(run, [x]);
    const timeFirst = new nn.MultiheadAttention(4, 2, { dtype });
    gradgradcheck((t: Tensor) => timeFirst.forward(t, t, t, { isCausal: true })[0], [x]);
  });

  it('a query that sees no key gives 0, and no gradient', () => {
    const x = randn([2, 3, 4], { requiresGrad: true });
    const y = scaledDotProductAttention(x, x, x, { attnMask: zeros([3, 3], { dtype: 'uint8' }) });
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
