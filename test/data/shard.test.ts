import { expect, it } from 'vitest';
import { IterableDataset } from '../../lib/data/iterable.js';
import { DataLoader } from '../../lib/data/loader.js';

const numbers = (n: number): IterableDataset<number> =>
  new IterableDataset(() => Array.from({ length: n }, (_, i) => i));

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

it.each([
  [10, 3],
  [9, 3],
  [2, 3],
  [5, 1],
])('shards of %i samples for %i processes: every n-th, as many for each', async (n, numReplicas) => {
  const rounds = Math.floor(n / numReplicas);
  for (let rank = 0; rank < numReplicas; rank++) {
    const mine = await all(numbers(n).shard({ numReplicas, rank }));
    expect(mine).toEqual(Array.from({ length: rounds }, (_, i) => i * numReplicas + rank));
  }
});

it('shards of an order that all share have each sample once, another order in each epoch', async () => {
  const made = [0, 1].map((rank) => numbers(20).shuffle(20, { seed: 4 }).shard({ numReplicas: 2, rank }));
  const epochs: number[][] = [];
  for (let epoch = 0; epoch < 2; epoch++) {
    const parts = await Promise.all(made.map((part) => all(part)));
    expect(parts.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    epochs.push(parts[0] as number[]);
  }
  expect(epochs[0]).not.toEqual(epochs[1]);
});

it('a loader of a shuffled shard goes on where its state was saved', async () => {
  const make = (): DataLoader<number, number[]> => {
    const dataset = numbers(20).shuffle(20, { seed: 4 }).shard({ numReplicas: 2, rank: 1 });
    return new DataLoader(dataset, { batchSize: 2, collateFn: (samples) => samples });
  };
  const whole = await all(make());
  const stopped = make();
  const begin: number[][] = [];
  for await (const batch of stopped) if (begin.push(batch) === 2) break;
  const resumed = make();
  resumed.loadStateDict(stopped.stateDict());
  expect([...begin, ...(await all(resumed))]).toEqual(whole);
});

it('a rank outside of the parts is refused', () => {
  expect(() => numbers(4).shard({ numReplicas: 2, rank: 2 })).toThrow('rank must be an integer');
  expect(() => numbers(4).shard()).toThrow('distributed.init must be called first');
});
