// A loader goes on where it was saved: the batches that are left, and all later epochs, are those of an uninterrupted run.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { augment } from '../../lib/data/augment.js';
import { TensorDataset } from '../../lib/data/dataset.js';
import { IterableDataset } from '../../lib/data/iterable.js';
import { DataLoader } from '../../lib/data/loader.js';
import type { DataLoaderState } from '../../lib/data/loader-state.js';
import { RandomSampler, WeightedRandomSampler } from '../../lib/data/sampler.js';
import { BucketBatchSampler } from '../../lib/data/sampler-batch.js';
import { arange } from '../../lib/ops/creation.js';
import { defaultGenerator, Generator, manualSeed } from '../../lib/ops/generator.js';
import { rand } from '../../lib/ops/random.js';
import type { Tensor } from '../../lib/tensor.js';

type Loader = AsyncIterable<unknown> & {
  stateDict(): DataLoaderState;
  loadStateDict(state: DataLoaderState): void;
};

const numbered = (n: number) => new TensorDataset(arange(n));
const plain = (n: number) => ({ length: n, get: async (i: number) => i });
const stream = (n: number) => new IterableDataset(() => Array.from({ length: n }, (_, i) => i));
const lengths = Array.from({ length: 23 }, (_, i) => (i * 7) % 11);

/** What makes a loader of 23 samples, by name. */
const makes: Record<string, () => Loader> = {
  'in order': () => new DataLoader(numbered(23), { batchSize: 4 }),
  'shuffled, seeded': () => new DataLoader(numbered(23), { batchSize: 4, shuffle: true, seed: 5 }),
  'shuffled by the default generator': () => new DataLoader(numbered(23), { batchSize: 4, shuffle: true }),
  'sample by sample, read ahead': () =>
    new DataLoader(plain(23), { batchSize: 4, shuffle: true, seed: 5, prefetchFactor: 3 }),
  'a sampler': () =>
    new DataLoader(numbered(23), {
      batchSize: 4,
      sampler: new RandomSampler(plain(23), { replacement: true, seed: 1 }),
    }),
  weights: () =>
    new DataLoader(numbered(23), { batchSize: 4, sampler: new WeightedRandomSampler(lengths, 23, { seed: 1 }) }),
  buckets: () =>
    new DataLoader(numbered(23), { batchSampler: new BucketBatchSampler(lengths, 4, { bucketSize: 8, seed: 2 }) }),
  'a stream': () => new DataLoader(stream(23), { batchSize: 4 }),
  'a mixed stream': () =>
    new DataLoader(
      stream(23)
        .shuffle(7, { seed: 3 })
        .map((x) => x + 1),
      { batchSize: 4 },
    ),
  'a stream mixed by the default generator': () => new DataLoader(stream(23).shuffle(7), { batchSize: 4 }),
};

const elementsOf = (batch: unknown) => (Array.isArray(batch) ? (batch[0] as Tensor) : (batch as Tensor)).toArray();

/** The batches of epochs, with a list for each, and other draws from the default generator between them. */
async function run(loader: Loader, epochs: number, stopAfter = Number.POSITIVE_INFINITY) {
  const all: unknown[][] = [];
  let [count, state, draws] = [0, loader.stateDict(), defaultGenerator().getState()];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const batches: unknown[] = [];
    all.push(batches);
    if (count === stopAfter) break;
    for await (const batch of loader) {
      batches.push([elementsOf(batch), rand([1]).item()]);
      count++;
      if (count === stopAfter) {
        [state, draws] = [loader.stateDict(), defaultGenerator().getState()];
        break;
      }
    }
    if (count === stopAfter) break;
    [state, draws] = [loader.stateDict(), defaultGenerator().getState()];
  }
  return { all, state, draws };
}

describe.each(Object.entries(makes))('%s', (_, make) => {
  it('goes on bit for bit, wherever it was', async () => {
    manualSeed(1);
    const { all: whole } = await run(make(), 3);
    expect(whole.map((batches) => batches.length)).toEqual([6, 6, 6]);
    for (let stop = 0; stop <= 18; stop++) {
      manualSeed(1);
      const { all: before, state, draws } = await run(make(), 3, stop);
      const saved = structuredClone(state); // plain data
      manualSeed(99);
      const loader = make();
      loader.loadStateDict(saved);
      expect(loader.stateDict()).toEqual(saved);
      defaultGenerator().setState(draws);
      const { all: after } = await run(loader, 4 - before.length);
      const joined = [...before];
      joined[before.length - 1] = [...(before.at(-1) ?? []), ...(after.shift() ?? [])];
      expect([...joined, ...after], `stopped after ${stop}`).toEqual(whole);
    }
  });
});

it('a synchronous loop, and one that was left, go on as well', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 10 }), fc.nat(60), (n, batchSize, stop) => {
      const make = () => new DataLoader(numbered(n), { batchSize, shuffle: true, seed: 4 });
      const read = (loader: ReturnType<typeof make>) => Array.from(loader, ([x]) => x.toArray());
      const whole = make();
      const epochs = [read(whole), read(whole)];
      const first = make();
      let given = 0;
      const before: unknown[] = [];
      for (const [x] of first) {
        if (given++ === stop) break;
        before.push(x.toArray());
      }
      const isOver = given < stop + 1;
      if (!isOver) before.push('unused'); // the batch that was given when the loop was left
      const second = make();
      second.loadStateDict(first.stateDict());
      const rest = read(second);
      if (isOver) expect(rest).toEqual(epochs[1]);
      else expect([...epochs[0]!.slice(0, before.length), ...rest]).toEqual(epochs[0]);
      expect(first.stateDict()).toEqual(first.stateDict());
    }),
    { numRuns: 100 },
  );
});

it('a new loop without loading begins a new epoch', () => {
  const loader = new DataLoader(numbered(10), { batchSize: 2, shuffle: true, seed: 1 });
  const twin = new DataLoader(numbered(10), { batchSize: 2, shuffle: true, seed: 1 });
  for (const _ of loader) break;
  for (const _ of twin);
  expect(Array.from(loader, ([x]) => x.toArray())).toEqual(Array.from(twin, ([x]) => x.toArray()));
});

it('random changes in transforms go on, too, when their generator is saved', async () => {
  const images = rand([12, 6, 6]);
  const make = () => {
    const generator = new Generator(3);
    const change = augment({ flip: 0.5, rotate: 20, generator });
    const loader = new DataLoader(new TensorDataset(images), {
      ...{ batchSize: 3, shuffle: true, seed: 1, prefetchFactor: 2 },
      transform: ([x]) => change(x),
    });
    return { loader, generator };
  };
  const whole: unknown[] = [];
  for await (const x of make().loader) whole.push(x.toArray());
  const first = make();
  const got: unknown[] = [];
  for await (const x of first.loader) {
    got.push(x.toArray());
    if (got.length === 2) break;
  }
  const second = make();
  second.loader.loadStateDict(first.loader.stateDict());
  second.generator.setState(first.generator.getState());
  for await (const x of second.loader) got.push(x.toArray());
  expect(got).toEqual(whole);
});

it('refuses the state of another loader, and stays as it was', () => {
  const make = (options: object, n = 10) => new DataLoader(numbered(n), { batchSize: 2, ...options });
  const loader = make({ shuffle: true, seed: 1 });
  const before = loader.stateDict();
  const load = (state: unknown) => () => loader.loadStateDict(state as DataLoaderState);
  expect(load(make({}).stateDict())).toThrow('DataLoader.loadStateDict: state.generator must be an Int32Array of 4');
  expect(load(make({ shuffle: true, batchSize: 3 }).stateDict())).toThrow(
    'DataLoader.loadStateDict: state.batchSize must be that of this loader, 2; make the loader and its data as they were, got 3',
  );
  expect(load(make({ shuffle: true }, 11).stateDict())).toThrow('state.samples must be that of this loader, 10');
  expect(load({ ...before, batch: -1 })).toThrow('state.batch must be an integer of at least 0, got -1');
  expect(load({ ...before, begin: [1] })).toThrow('state.begin must be an Int32Array of 4 or null, got [1]');
  expect(load(null)).toThrow('state must be an object, as stateDict gives it, got null');
  expect(() => make({}).loadStateDict(before)).toThrow('state.generator must be null, as this loader draws no numbers');
  expect(loader.stateDict()).toEqual(before);
});
