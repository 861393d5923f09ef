import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultCollate } from '../../lib/data/collate.js';
import { type Dataset, TensorDataset } from '../../lib/data/dataset.js';
import { DataLoader } from '../../lib/data/loader.js';
import { scope } from '../../lib/memory.js';
import { tensor } from '../../lib/ops/creation.js';
import { Generator, manualSeed } from '../../lib/ops/generator.js';
import type { Tensor } from '../../lib/tensor.js';

/** Row i is [i, i + 0.5] and its label 10 · i. */
function numbered(n: number) {
  const x = tensor(
    Float32Array.from({ length: 2 * n }, (_, i) => i / 2),
    { shape: [n, 2] },
  );
  return new TensorDataset(x, tensor(Int32Array.from({ length: n }, (_, i) => 10 * i)));
}

/** The sample numbers of each batch, after a look at its rows. */
function numbers(batches: Iterable<readonly Tensor[]>): number[][] {
  return [...batches].map(([x, y]) => {
    const labels = [...y!.toTypedArray()].map((label) => label / 10);
    expect(x!.shape).toEqual([labels.length, 2]);
    expect([...x!.toTypedArray()]).toEqual(labels.flatMap((i) => [i, i + 0.5]));
    return labels;
  });
}

const sorted = (list: number[]) => [...list].sort((a, b) => a - b);
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const plain = (n: number): Dataset<{ x: Float32Array; y: number }> => ({
  length: n,
  get: (i) => ({ x: Float32Array.of(i, i + 0.5), y: 10 * i }),
});

describe('TensorDataset', () => {
  it('gives rows, slices and selections of each tensor', () => {
    const dataset = numbered(4);
    expect(dataset.length).toBe(4);
    expect(dataset.get(2).map((t) => t.toArray())).toEqual([[2, 2.5], 20]);
    expect(dataset.slice(1, 3)[0].toArray()).toEqual([
      [1, 1.5],
      [2, 2.5],
    ]);
    expect(dataset.select(tensor(Int32Array.of(3, 0)))[1].toArray()).toEqual([30, 0]);
  });

  it('refuses what does not fit', () => {
    const x = tensor(new Float32Array(6), { shape: [3, 2] });
    expect(() => new TensorDataset()).toThrow('TensorDataset: needs at least one tensor, got none');
    expect(() => new TensorDataset(x, tensor(1))).toThrow(
      'TensorDataset: tensor 1 must have a dimension of samples, got a scalar',
    );
    expect(() => new TensorDataset(x, tensor([1, 2]))).toThrow(
      'TensorDataset: tensors must have equally many rows, got [3, 2] and [2]',
    );
    expect(() => new TensorDataset([1] as unknown as Tensor)).toThrow(
      'TensorDataset: tensor 0 must be a tensor, got [1]',
    );
    expect(() => numbered(3).get(3)).toThrow(
      'TensorDataset: index must be an integer of at least 0 and at most 2, got 3',
    );
  });
});

describe('DataLoader', () => {
  it('goes in order without shuffle, with a smaller last batch or without it', () => {
    const loader = new DataLoader(numbered(7), { batchSize: 3 });
    expect(loader.length).toBe(3);
    expect(numbers(loader)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(numbers(loader)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    const full = new DataLoader(numbered(7), { batchSize: 3, dropLast: true });
    expect(full.length).toBe(2);
    expect(numbers(full)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(numbers(new DataLoader(numbered(2)))).toEqual([[0], [1]]);
  });

  it('reads every sample exactly once an epoch, in another order each time; the fast path and the plain one agree', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 70 }),
        fc.nat(2 ** 31),
        (n, batchSize, seed) => {
          const options = { batchSize, shuffle: true, seed };
          const loader = new DataLoader(numbered(n), options);
          const again = new DataLoader(numbered(n), options);
          const bySample = new DataLoader(plain(n), options);
          for (let epoch = 0; epoch < 2; epoch++) {
            const batches = numbers(loader);
            expect(sorted(batches.flat())).toEqual(range(n));
            expect(batches.length).toBe(loader.length);
            expect(batches.map((b) => b.length)).toEqual(
              range(loader.length).map((i) => Math.min(batchSize, n - i * batchSize)),
            );
            expect(numbers(again)).toEqual(batches);
            const pairs = [...bySample].map(({ x, y }) => [x, y] as const);
            expect(numbers(pairs)).toEqual(batches);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('orders change with epoch and seed, and follow manualSeed without one', () => {
    const order = (loader: DataLoader<readonly Tensor[], readonly Tensor[]>) => numbers(loader).flat();
    const make = (options: object) =>
      new DataLoader(numbered(50), { shuffle: true, ...options }) as unknown as DataLoader<
        readonly Tensor[],
        readonly Tensor[]
      >;
    const loader = make({ seed: 1 });
    const [first, second] = [order(loader), order(loader)];
    expect(first).not.toEqual(range(50));
    expect(second).not.toEqual(first);
    expect(order(make({ seed: 2 }))).not.toEqual(first);
    manualSeed(5);
    const global = order(make({}));
    manualSeed(5);
    expect(order(make({}))).toEqual(global);
    const generator = new Generator(1);
    expect(order(make({ generator }))).toEqual(first);
    // The order is taken when the iteration begins, not at its first batch.
    const two = make({ seed: 1 });
    const [early, late] = [two[Symbol.iterator](), two[Symbol.iterator]()];
    expect(numbers(late).flat()).toEqual(second);
    expect(numbers(early).flat()).toEqual(first);
  });

  it('is fair: each sample comes first about equally often', () => {
    const loader = new DataLoader(numbered(4), { batchSize: 4, shuffle: true, seed: 3 });
    const counts = [0, 0, 0, 0];
    for (let epoch = 0; epoch < 4000; epoch++) counts[numbers(loader)[0]![0]!]!++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(750)); // 5 standard deviations
  });

  it('works inside a scope and across scopes', () => {
    const loader = new DataLoader(numbered(6), { batchSize: 2, shuffle: true, seed: 1 });
    const iterator = scope(() => loader[Symbol.iterator]());
    const got: number[] = [];
    for (let step = 0; step < 3; step++) got.push(...scope(() => numbers([iterator.next().value])[0]!));
    expect(sorted(got)).toEqual(range(6));
  });

  it('transforms batches, and collates by a given function', async () => {
    const transformed = new DataLoader(numbered(3), { batchSize: 2, transform: ([, y]) => y.toArray() });
    expect([...transformed]).toEqual([[0, 10], [20]]);
    const own = new DataLoader(numbered(3), { batchSize: 2, collateFn: (samples) => samples.map(([, y]) => y.item()) });
    expect([...own]).toEqual([[0, 10], [20]]);
    const later = new DataLoader(numbered(3), { batchSize: 2, transform: async ([, y]) => y.toArray() });
    const got = [];
    for await (const batch of later) got.push(batch);
    expect(got).toEqual([[0, 10], [20]]);
  });

  it('reads a subclass by its own get', () => {
    class Negative extends TensorDataset<readonly [Tensor]> {
      override get(index: number): readonly [Tensor] {
        return [tensor(-index)];
      }
    }
    const loader = new DataLoader(new Negative(tensor([1, 2, 3])), { batchSize: 3 });
    expect([...loader].map(([x]) => x.toArray())).toEqual([[-0, -1, -2]]);
  });

  it('refuses wrong options and empty data', () => {
    const dataset = numbered(3);
    const make =
      (options: unknown, data: unknown = dataset) =>
      () =>
        new DataLoader(data as typeof dataset, options as object);
    expect(make({ batch: 2 })).toThrow(
      'DataLoader: unknown option "batch"; known are batchSize, shuffle, sampler, batchSampler, seed, generator, dropLast, collateFn, transform, prefetchFactor',
    );
    expect(make({ batchSize: 0 })).toThrow('DataLoader: batchSize must be an integer of at least 1, got 0');
    expect(make({ batchSize: 2.5 })).toThrow('DataLoader: batchSize must be an integer of at least 1, got 2.5');
    expect(make({ shuffle: 1 })).toThrow('DataLoader: shuffle must be a boolean, got 1');
    expect(make({ seed: -1 })).toThrow('DataLoader: seed must be an integer of at least 0, got -1');
    expect(make({ seed: 1, generator: new Generator(1) })).toThrow(
      'DataLoader: seed and generator exclude each other, got both',
    );
    expect(make({ generator: 7 })).toThrow('DataLoader: generator must be a Generator, got 7');
    expect(make({ collateFn: 'stack' })).toThrow('DataLoader: collateFn must be a function, got "stack"');
    expect(make({ batchSize: 4, dropLast: true })).toThrow(
      'DataLoader: dropLast must leave a batch, got 3 samples and batchSize 4',
    );
    expect(make({}, tensor([1]))).toThrow(
      'DataLoader: dataset must have length and get(index), got a tensor; wrap tensors as new TensorDataset(x, y)',
    );
    expect(make({}, null)).toThrow('DataLoader: dataset must have length and get(index), got null');
    expect(make({}, plain(0))).toThrow(
      'DataLoader: dataset.length must be an integer of at least 1 and at most 2147483647, got 0',
    );
    expect(make({}, new TensorDataset(tensor(new Float32Array(0))))).toThrow(
      'DataLoader: dataset.length must be an integer',
    );
  });
});

describe('DataLoader in for await', () => {
  it('gives the same batches', async () => {
    const options = { batchSize: 4, shuffle: true, seed: 9 };
    const batches = [];
    for await (const batch of new DataLoader(numbered(10), options)) batches.push(batch);
    expect(numbers(batches)).toEqual(numbers(new DataLoader(numbered(10), options)));
  });

  const busy = (milliseconds: number) => {
    for (const until = performance.now() + milliseconds; performance.now() < until; );
  };

  it('lets the event loop turn while it runs, but not for each batch', async () => {
    let [turns, timers, running] = [0, 0, true];
    const turn = () => {
      turns++;
      if (running) setImmediate(turn);
    };
    setImmediate(turn);
    const timer = setInterval(() => timers++, 5);
    const begun = performance.now();
    for await (const _ of new DataLoader(numbered(200))) busy(1);
    [running] = [false];
    clearInterval(timer);
    expect(timers).toBeGreaterThanOrEqual(5); // 200 ms of work with a breath each 8 or 9
    expect(turns).toBeGreaterThanOrEqual(10);
    expect(turns).toBeLessThanOrEqual((performance.now() - begun) / 8 + 5);
  });

  it('in a plain for does not', () => {
    let timers = 0;
    const timer = setInterval(() => timers++, 1);
    for (const _ of new DataLoader(numbered(20))) busy(1);
    clearInterval(timer);
    expect(timers).toBe(0);
  });

  it('awaits samples, which a plain for refuses', async () => {
    const dataset = { length: 3, get: async (i: number) => [i, String(i)] as const };
    const loader = new DataLoader(dataset, { batchSize: 2 });
    const got: unknown[] = [];
    for await (const [x, names] of loader) got.push([x.toArray(), names]);
    expect(got).toEqual([
      [
        [0, 1],
        ['0', '1'],
      ],
      [[2], ['2']],
    ]);
    expect(() => [...loader]).toThrow(
      'DataLoader: samples or batches that are promises need for await (… of loader), got for (… of loader)',
    );
    const collated = new DataLoader(numbered(3), { collateFn: async () => 1 });
    expect(() => [...collated]).toThrow('DataLoader: samples or batches that are promises need for await');
  });

  it('passes on what goes wrong in a sample', async () => {
    const loader = new DataLoader({ length: 2, get: (i: number) => Promise.reject(new Error(`no sample ${i}`)) });
    await expect(loader[Symbol.asyncIterator]().next()).rejects.toThrow('no sample 0');
  });
});

describe('defaultCollate', () => {
  it('stacks tensors, typed arrays, numbers, booleans, tuples and records', () => {
    const t = (values: number[]) => tensor(Int32Array.from(values));
    const got = defaultCollate([
      { a: t([1, 2]), b: [1.5, true] as const, c: Uint8Array.of(7), d: 'x' },
      { a: t([3, 4]), b: [2.5, false] as const, c: Uint8Array.of(8), d: 'y' },
    ]);
    expect(got.a.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(got.a.dtype).toBe('int32');
    expect(got.b.map((field) => [field.dtype, field.toArray()])).toEqual([
      ['float32', [1.5, 2.5]],
      ['uint8', [1, 0]],
    ]);
    expect([got.c.dtype, got.c.toArray()]).toEqual(['uint8', [[7], [8]]]);
    expect(got.d).toEqual(['x', 'y']);
  });

  it.each<[string, unknown[], string]>([
    [
      'shapes',
      [tensor([1]), tensor([1, 2])],
      'defaultCollate: sample 1 must have the shape [1] of sample 0, got [2]; pad them or use a collateFn',
    ],
    [
      'dtypes',
      [tensor([1]), tensor(Int32Array.of(1))],
      'defaultCollate: sample 1 must be float32 as in sample 0, got int32',
    ],
    ['kinds', [1, 'x'], 'defaultCollate: sample 1 must be number as in sample 0, got "x"'],
    [
      'lengths',
      [{ x: new Float32Array(2) }, { x: new Float32Array(3) }],
      'defaultCollate: field x of sample 1 must have the shape [2] of sample 0, got [3]; pad them or use a collateFn',
    ],
    [
      'nested',
      [{ x: [1, { y: 1 }] }, { x: [1, { y: 'a' }] }],
      'defaultCollate: field x.1.y of sample 1 must be number as in sample 0, got "a"',
    ],
    ['fields', [{ x: 1 }, { y: 1 }], 'defaultCollate: sample 1 must have the fields of sample 0 (x), got (y)'],
    [
      'classes',
      [new Date()],
      'defaultCollate: sample 0 must be a tensor, typed array, number, boolean, string, or an array or plain object of them, got an object of class Date; use a collateFn',
    ],
  ])('names what differs: %s', (_, samples, message) => {
    expect(() => defaultCollate(samples)).toThrow(message);
  });
});
