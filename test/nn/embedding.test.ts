import { describe, expect, it } from 'vitest';
import { compile, manualSeed, nn, noGrad, ones, optim, rand, scope, tensor, zeros } from '../../lib/index.js';
import { embedding } from '../../lib/ops/embedding.js';
import { type BagMode, type EmbeddingBagOptions, embeddingBag } from '../../lib/ops/embedding-bag.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

interface Options {
  maxNorm: number | null;
  normType: number | 'Infinity';
  scaleGradByFreq: boolean;
  paddingIdx: number | null;
  mode?: BagMode;
  offsets?: Golden;
  includeLastOffset?: boolean;
}

interface Row extends Record<'index' | 'before' | 'after' | 'y' | 'upstream' | 'gradient', Golden> {
  kind: 'embedding' | 'embeddingBag';
  options: Options;
}

const { rows } = readGolden<{ rows: Row[] }>('embedding');
const names = (list: number[], shape = [list.length]): Tensor => tensor(list, { dtype: 'int32' }).reshape(shape);

describe("PyTorch's limited rows, shared gradients and last offsets", () => {
  it.each(rows.map((row, i) => [i, row.kind, row] as const))('%i %s', (_, kind, row) => {
    const { offsets, normType, ...rest } = row.options;
    const options = { ...rest, normType: Number(normType), ...(offsets && { offsets: fromGolden(offsets) }) };
    const weight = fromGolden(row.before, { requiresGrad: true });
    const run = kind === 'embedding' ? embedding : (embeddingBag as typeof embedding);
    const y = run(fromGolden(row.index), weight, options as EmbeddingBagOptions);
    expect(y.shape).toEqual(row.y.shape);
    expectNear(y, row.y.data);
    expectNear(weight, row.after.data);
    y.backward(fromGolden(row.upstream));
    expectNear(weight.grad as Tensor, row.gradient.data);
  });

  it('is the same in the layers', () => {
    const limits = { maxNorm: 2, normType: 1, scaleGradByFreq: true };
    const layer = new nn.Embedding(3, 2, limits);
    const bag = new nn.EmbeddingBag(3, 2, { ...limits, mode: 'sum', includeLastOffset: true });
    for (const { weight } of [layer, bag]) noGrad(() => weight.fill_(4));
    layer
      .forward(names([1, 1]))
      .sum()
      .backward();
    bag
      .forward(names([1, 1]), names([0, 2]))
      .sum()
      .backward();
    for (const { weight } of [layer, bag]) {
      expectNear(weight, [4, 4, 1, 1, 4, 4]);
      expect((weight.grad as Tensor).tolist()).toEqual([
        [0, 0],
        [1, 1],
        [0, 0],
      ]);
    }
  });
});

it('changes no row in a call that fails', () => {
  const weight = ones([3, 2]).mul(5);
  const fails = [
    () => embedding(names([0, 3]), weight, { maxNorm: 1 }),
    () => embeddingBag(names([0, 1]), weight, names([0, 3]), 1),
    () => embeddingBag(names([0, 1]), weight, names([1, 2]), { maxNorm: 1, includeLastOffset: true }),
  ];
  for (const fail of fails) expect(fail).toThrow(/must/);
  expect(weight.equal(ones([3, 2]).mul(5))).toBe(true);
});

describe('fromPretrained', () => {
  interface Pretrained extends Record<'before' | 'after' | 'y' | 'upstream', Golden> {
    kind: 'Embedding' | 'EmbeddingBag';
    options: { freeze?: boolean };
    gradient: Golden | null;
    paddingIdx: number | null;
  }
  const { layers } = readGolden<{ layers: Pretrained[] }>('embedding_pretrained');
  const line = names([3, 0, 3, 1, 5, 5, 3, 2]);

  it.each(layers.map((row, i) => [i, row.kind, row] as const))("%i %s is PyTorch's", (_, kind, row) => {
    const embeddings = fromGolden(row.before);
    const options = { embeddings, ...row.options };
    const layer = kind === 'Embedding' ? nn.Embedding.fromPretrained(options) : nn.EmbeddingBag.fromPretrained(options);
    expect(layer.weight).toBeInstanceOf(nn.Parameter);
    expect([layer.paddingIdx, layer.numEmbeddings, layer.embeddingDim]).toEqual([row.paddingIdx, 6, 3]);
    expect(layer.weight.requiresGrad).toBe(row.gradient !== null);
    const y = layer instanceof nn.Embedding ? layer.forward(line) : layer.forward(line, names([0, 2, 2, 5]));
    expect(y.shape).toEqual(row.y.shape);
    expectNear(y, row.y.data);
    expectNear(embeddings, row.after.data); // which the layer shares
    if (row.gradient === null) return;
    y.backward(fromGolden(row.upstream));
    expectNear(layer.weight.grad as Tensor, row.gradient.data);
  });

  it('draws nothing, takes arguments by position, and leaves the gradient of what it is given alone', () => {
    const embeddings = ones(3, 2).requiresGrad_();
    manualSeed(7);
    const expected = rand(2).tolist();
    manualSeed(7);
    const layer = nn.Embedding.fromPretrained(embeddings, true, 0, 1, 1, true);
    const bag = nn.EmbeddingBag.fromPretrained(embeddings, false, 1, 1, true, 'sum', { paddingIdx: 2 });
    expect(rand(2).tolist()).toEqual(expected);
    expect(layer).toMatchObject({ paddingIdx: 0, maxNorm: 1, normType: 1, scaleGradByFreq: true });
    expect(bag).toMatchObject({ paddingIdx: 2, maxNorm: 1, normType: 1, scaleGradByFreq: true, mode: 'sum' });
    expect([embeddings, layer.weight, bag.weight].map((t) => t.requiresGrad)).toEqual([true, false, true]);
  });

  it('is trained, in a compiled step, too, and outlives the tensor and its scope', () => {
    const layers = scope(() => [ones(3, 2), ones(3, 2)].map((t) => nn.Embedding.fromPretrained(t, { freeze: false })));
    const [eager, compiled] = layers.map((layer) => {
      const optimizer = new optim.SGD(layer.parameters(), { lr: 0.5 });
      return (index: Tensor) => {
        optimizer.zeroGrad();
        layer.forward(index).sum().backward();
        optimizer.step();
      };
    }) as [(index: Tensor) => void, (index: Tensor) => void];
    const step = compile(compiled);
    for (const list of [
      [0, 1],
      [1, 1],
      [2, 1],
    ]) {
      // biome-ignore format: one line
      eager(names(list));
      step.sync(names(list));
    }
    for (const { weight } of layers) expectNear(weight, [0.5, 0.5, -1, -1, 0.5, 0.5]);
  });

  it.each([
    [
      () => nn.Embedding.fromPretrained(ones(3)),
      'embeddings must be [numEmbeddings, embeddingDim] and not empty, got embeddings [3]',
    ],
    [
      () => nn.Embedding.fromPretrained(ones(0, 2)),
      'embeddings must be [numEmbeddings, embeddingDim] and not empty, got embeddings [0, 2]',
    ],
    [
      () => nn.Embedding.fromPretrained(names([1], [1, 1])),
      "embeddings must be float32 or float64, got int32; convert it by embeddings.to('float32')",
    ],
    [() => nn.Embedding.fromPretrained([[1]] as never), 'embeddings must be a tensor, got an array'],
    [
      () => nn.Embedding.fromPretrained(ones(3, 2), { paddingIdx: 3 }),
      'paddingIdx must be an integer of at least -3 and at most 2, got 3',
    ],
    [() => nn.Embedding.fromPretrained(ones(3, 2), 1 as never), 'freeze must be a boolean, got 1'],
    [
      () => nn.Embedding.fromPretrained(ones(3, 2), { dtype: 'float32' } as never),
      'unknown option "dtype"; known are embeddings, freeze, paddingIdx, maxNorm, normType, scaleGradByFreq',
    ],
  ])('refuses what makes no sense %#', (run, message) => {
    expect(run).toThrow(`Embedding.fromPretrained: ${message}`);
  });
});

it.each([
  [
    () => embedding(names([0]), zeros(3, 2), null, -1),
    'embedding: maxNorm must be a finite number of at least 0, got -1',
  ],
  [() => new nn.Embedding(3, 2, { normType: 0 }), 'Embedding: normType must be a number above 0, got 0'],
  [
    () => new nn.Embedding(3, 2, { scaleGradByFreq: 1 as never }),
    'Embedding: scaleGradByFreq must be a boolean, got 1',
  ],
  [
    () => new nn.EmbeddingBag(3, 2, { mode: 'max', scaleGradByFreq: true }),
    'EmbeddingBag: scaleGradByFreq needs mode sum or mean, got max',
  ],
  [
    () => embeddingBag(names([]), zeros(3, 2), { offsets: names([]), includeLastOffset: true }),
    'embeddingBag: offsets must name at least one bag, got offsets [0] and index [0]',
  ],
])('refuses what makes no sense %#', (run, message) => {
  expect(run).toThrow(message);
});
