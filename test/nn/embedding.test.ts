import { describe, expect, it } from 'vitest';
import { nn, noGrad, ones, tensor, zeros } from '../../lib/index.js';
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
