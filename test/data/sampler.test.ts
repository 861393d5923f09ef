import { describe, expect, it } from 'vitest';
import { TensorDataset } from '../../lib/data/dataset.js';
import { IterableDataset } from '../../lib/data/iterable.js';
import { DataLoader } from '../../lib/data/loader.js';
import {
  RandomSampler,
  type Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from '../../lib/data/sampler.js';
import { BatchSampler, BucketBatchSampler } from '../../lib/data/sampler-batch.js';
import { arange, tensor } from '../../lib/ops/creation.js';
import { Generator } from '../../lib/ops/generator.js';
import type { Tensor } from '../../lib/tensor.js';

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b);
const dataset = (n: number) => new TensorDataset(arange(n));
const valuesOf = (batches: Iterable<readonly Tensor[]>) => Array.from(batches, ([x]) => x!.toArray());

describe('samplers', () => {
  it('give all, a random order, and random draws', () => {
    expect([...new SequentialSampler(dataset(3))]).toEqual([0, 1, 2]);
    const random = new RandomSampler({ length: 50 }, { seed: 1 });
    const [first, second] = [[...random], [...random]];
    expect([sorted(first), sorted(second)]).toEqual([range(50), range(50)]);
    expect(first).not.toEqual(range(50));
    expect(second).not.toEqual(first);
    expect([...new RandomSampler({ length: 50 }, { generator: new Generator(1) })]).toEqual(first);
    const more = new RandomSampler({ length: 10 }, { numSamples: 25, seed: 1 });
    const drawn = [...more];
    expect([more.length, drawn.length]).toEqual([25, 25]);
    for (const from of [0, 10]) expect(sorted(drawn.slice(from, from + 10))).toEqual(range(10));
    expect(new Set(drawn.slice(20)).size).toBe(5);
  });

  it('draw with replacement, evenly', () => {
    const counts = new Array(4).fill(0);
    for (const i of new RandomSampler({ length: 4 }, { replacement: true, numSamples: 4000, seed: 2 })) counts[i]++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(750)); // 5 standard deviations
  });

  it('mix a subset', () => {
    const sampler = new SubsetRandomSampler([7, 3, 9], { seed: 1 });
    const orders = new Set(Array.from({ length: 50 }, () => [...sampler].join()));
    expect(orders.size).toBe(6);
    expect([...orders].every((order) => sorted(order.split(',').map(Number)).join() === '3,7,9')).toBe(true);
  });

  it('draw by weights', () => {
    const counts = [0, 0, 0];
    const weights = tensor([1, 0, 3]);
    for (const i of new WeightedRandomSampler(weights, 4000, { seed: 3 })) counts[i]!++;
    expect(counts[1]).toBe(0);
    expect(Math.abs(counts[0]! - 1000)).toBeLessThan(5 * Math.sqrt(750));
    const all = new WeightedRandomSampler([5, 1, 1], 3, { replacement: false, seed: 1 });
    expect(sorted([...all])).toEqual([0, 1, 2]);
  });

  it('make batches', () => {
    const batches = (dropLast: boolean) => new BatchSampler([4, 3, 2, 1, 0], 2, dropLast);
    expect([...batches(false)]).toEqual([[4, 3], [2, 1], [0]]);
    expect([...batches(true)]).toEqual([
      [4, 3],
      [2, 1],
    ]);
    expect([batches(false).length, batches(true).length]).toEqual([3, 2]);
  });

  it('put samples of like length into batches', () => {
    const lengths = Array.from({ length: 103 }, (_, i) => (i * 37) % 50);
    const sampler = new BucketBatchSampler(lengths, 5, { bucketSize: 50, seed: 1 });
    const batches = [...sampler];
    expect(batches.length).toBe(sampler.length);
    expect(sorted(batches.flat())).toEqual(range(103));
    const spread = batches.map(
      (batch) => Math.max(...batch.map((i) => lengths[i]!)) - Math.min(...batch.map((i) => lengths[i]!)),
    );
    expect(spread.reduce((a, b) => a + b) / spread.length).toBeLessThan(10); // about 33 without sorting
    const firsts = batches.map((batch) => lengths[batch[0]!]!);
    expect(firsts).not.toEqual(sorted(firsts));
    expect(new BucketBatchSampler(lengths, 5, { dropLast: true }).length).toBe(20);
    expect([...new BucketBatchSampler(lengths, 5, { dropLast: true })].every((batch) => batch.length === 5)).toBe(true);
  });

  it.each<[string, () => unknown, string]>([
    [
      'no samples',
      () => new RandomSampler({ length: 0 }),
      'RandomSampler: dataset.length must be an integer of at least 1',
    ],
    ['no dataset', () => new SequentialSampler(3 as never), 'SequentialSampler: dataset must have a length, got 3'],
    [
      'indices',
      () => new SubsetRandomSampler([1, -1]),
      'SubsetRandomSampler: each index must be an integer of at least 0',
    ],
    [
      'negative weights',
      () => new WeightedRandomSampler([1, -1], 2),
      'WeightedRandomSampler: each weight must be a finite number of at least 0, got -1',
    ],
    [
      'no weight',
      () => new WeightedRandomSampler([0, 0], 2),
      'WeightedRandomSampler: weights must have at least 1 positive ones, got 0; draw fewer, or with replacement',
    ],
    [
      'too many draws',
      () => new WeightedRandomSampler([1, 0], 2, { replacement: false }),
      'must have at least 2 positive ones, got 1',
    ],
    [
      'a sampler',
      () => new BatchSampler(3 as never, 2, false),
      'BatchSampler: sampler must be an array or a sampler, an iterable with a length, got 3',
    ],
    [
      'no batch',
      () => new BatchSampler([1], 2, true),
      'BatchSampler: dropLast must leave a batch, got 1 samples and batchSize 2',
    ],
    [
      'bucketSize',
      () => new BucketBatchSampler([1, 2], 2, { bucketSize: 3 }),
      'BucketBatchSampler: bucketSize must be a multiple of batchSize 2, got 3',
    ],
  ])('refuse %s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe('DataLoader with samplers', () => {
  const odd: Sampler = { length: 3, [Symbol.iterator]: () => [5, 3, 1].values() };

  it('reads what they say', () => {
    const loader = new DataLoader(dataset(6), { batchSize: 2, sampler: odd });
    expect(loader.length).toBe(2);
    expect(valuesOf(loader)).toEqual([[5, 3], [1]]);
    expect(valuesOf(new DataLoader(dataset(6), { sampler: [2, 2] }))).toEqual([[2], [2]]);
    const batches = new DataLoader(dataset(6), { batchSampler: [[0, 5], [3]] });
    expect([batches.length, valuesOf(batches)]).toEqual([2, [[0, 5], [3]]]);
    const plain = { length: 6, get: (i: number) => i };
    expect(Array.from(new DataLoader(plain, { batchSampler: [[0, 5], [3]] }), (x) => x.toArray())).toEqual([
      [0, 5],
      [3],
    ]);
  });

  it('gives samples as they are with batchSize null', () => {
    const plain = { length: 3, get: (i: number) => `sample ${i}` };
    const loader = new DataLoader<string, string>(plain, { batchSize: null, shuffle: true, seed: 1 });
    expect([...loader].sort()).toEqual(['sample 0', 'sample 1', 'sample 2']);
  });

  it.each<[string, object, string]>([
    [
      'sampler and shuffle',
      { sampler: [1], shuffle: true },
      'DataLoader: sampler and shuffle exclude each other, got both; give them to the sampler',
    ],
    [
      'batchSampler and batchSize',
      { batchSampler: [[1]], batchSize: 2 },
      'DataLoader: batchSampler and batchSize exclude each other, got both',
    ],
    [
      'collate without batches',
      { batchSize: null, collateFn: () => 1 },
      'DataLoader: collateFn needs batches, got batchSize null',
    ],
    [
      'a sampler that is none',
      { sampler: 3 },
      'DataLoader: sampler must be an array or a sampler, an iterable with a length, got 3',
    ],
    ['an empty sampler', { sampler: [] }, 'DataLoader: sampler.length must be an integer of at least 1, got 0'],
    ['prefetchFactor', { prefetchFactor: -1 }, 'DataLoader: prefetchFactor must be an integer of at least 0, got -1'],
  ])('refuses %s', (_, options, message) => {
    expect(() => new DataLoader(dataset(3), options)).toThrow(message);
  });

  it('refuses numbers of no sample when they come', () => {
    expect(() => [...new DataLoader(dataset(3), { sampler: [0, 3] })]).toThrow(
      'DataLoader: each index must be an integer of at least 0 and at most 2, got 3',
    );
    expect(() => [...new DataLoader(dataset(3), { batchSampler: ['ab' as never] })]).toThrow(
      'DataLoader: each batch of batchSampler must be numbers of samples, got "ab"',
    );
  });
});

describe('IterableDataset', () => {
  const stream = (n: number, begun: number[] = []) =>
    new IterableDataset(async function* () {
      begun.push(n);
      for (let i = 0; i < n; i++) yield i;
    });
  const all = async <T>(values: AsyncIterable<T>) => {
    const list: T[] = [];
    for await (const value of values) list.push(value);
    return list;
  };

  it('gives its samples anew each time, changed by map', async () => {
    const begun: number[] = [];
    const numbers = stream(4, begun);
    expect([await all(numbers), await all(numbers), begun]).toEqual([range(4), range(4), [4, 4]]);
    expect(await all(numbers.map(async (x) => 2 * x))).toEqual([0, 2, 4, 6]);
    expect(await all(new IterableDataset(() => [1, 2]))).toEqual([1, 2]);
  });

  it('shuffles by a buffer: all samples, none earlier than the buffer allows, seeded', async () => {
    const mixed = stream(500).shuffle(50, { seed: 1 });
    const [first, second] = [await all(mixed), await all(mixed)];
    expect(sorted(first)).toEqual(range(500));
    expect(first.every((value, place) => value < place + 50)).toBe(true);
    expect(first.filter((value, place) => value === place).length).toBeLessThan(30);
    expect(second).not.toEqual(first);
    expect(await all(stream(500).shuffle(50, { seed: 1 }))).toEqual(first);
    expect(await all(stream(5).shuffle(1, { seed: 1 }))).toEqual(range(5));
  });

  it('in a loader comes in batches, and ends its source when the loop is left', async () => {
    let isOpen = true;
    const endless = new IterableDataset(async function* () {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        isOpen = false;
      }
    });
    const loader = new DataLoader(endless, { batchSize: 3, prefetchFactor: 2 });
    for await (const batch of loader) {
      expect(batch.toArray()).toEqual([0, 1, 2]);
      break;
    }
    expect(isOpen).toBe(false);
    const lists = await all(new DataLoader(stream(7), { batchSize: 3 }));
    expect(lists.map((x) => x.toArray())).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect((await all(new DataLoader(stream(7), { batchSize: 3, dropLast: true }))).length).toBe(2);
  });

  it('refuses what cannot be done with it', async () => {
    const make = (options: object) => () => new DataLoader(stream(3), options);
    expect(make({ shuffle: true })).toThrow(
      'DataLoader: shuffle needs samples with numbers, got an IterableDataset; shuffle the dataset, dataset.shuffle(1000)',
    );
    expect(make({ sampler: [1] })).toThrow('DataLoader: sampler needs samples with numbers, got an IterableDataset');
    expect(() => new DataLoader(stream(3)).length).toThrow('DataLoader: length must be known, got an IterableDataset');
    expect(() => [...new DataLoader(stream(3))]).toThrow('DataLoader: an IterableDataset needs for await');
    await expect(all(new DataLoader(stream(0)))).rejects.toThrow(
      'DataLoader: an IterableDataset must give a batch, got none',
    );
    expect(() => stream(3).shuffle(2).shuffle(2)).toThrow('IterableDataset: shuffle must be called once');
    expect(() => new IterableDataset(() => 7 as never)[Symbol.asyncIterator]()).toThrow(
      'IterableDataset: open must give an iterable, got 7',
    );
  });
});

describe('prefetchFactor', () => {
  it('reads ahead, as far as it says', async () => {
    const begun: number[] = [];
    const slow = {
      length: 6,
      get: async (i: number) => {
        begun.push(i);
        await new Promise((resolve) => setTimeout(resolve, 1));
        return i;
      },
    };
    const seen: number[][] = [];
    for await (const batch of new DataLoader(slow, { batchSize: 2, prefetchFactor: 1 })) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      seen.push([...begun], batch.toArray() as number[]);
    }
    expect(seen).toEqual([
      [0, 1, 2, 3],
      [0, 1],
      [0, 1, 2, 3, 4, 5],
      [2, 3],
      [0, 1, 2, 3, 4, 5],
      [4, 5],
    ]);
  });

  it('leaves no rejected promise behind when the loop ends before the error', async () => {
    const failing = { length: 6, get: async (i: number) => (i < 2 ? i : Promise.reject(new Error(`no ${i}`))) };
    for await (const batch of new DataLoader(failing, { batchSize: 2, prefetchFactor: 3 })) {
      expect(batch.toArray()).toEqual([0, 1]);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
