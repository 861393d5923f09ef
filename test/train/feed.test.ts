// Where the batches of `fit` come from: kinds of sources, which train alike, leave the event loop its turns and are closed.
import { describe, expect, it } from 'vitest';
import { arange, data, manualSeed, memoryStats, nn, optim, randn, type Tensor, train } from '../../lib/index.js';

const { mseLoss } = nn.functional;
const { DataLoader, TensorDataset } = data;

function start() {
  manualSeed(1);
  const model = new nn.Linear(3, 2);
  const batches = Array.from({ length: 9 }, (): [Tensor, Tensor] => [randn([4, 3]), randn([4, 2])]);
  return { model, optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }), batches };
}

type Batch = [Tensor, Tensor];
type Source = (batches: Batch[], onClose?: () => void) => Iterable<Batch> | AsyncIterable<Batch>;
const sources: Record<string, Source> = {
  array: (batches) => batches,
  'sync generators': (batches, onClose) => ({
    *[Symbol.iterator]() {
      try {
        yield* batches;
      } finally {
        onClose?.();
      }
    },
  }),
  'async generators': (batches, onClose) => ({
    async *[Symbol.asyncIterator]() {
      try {
        yield* batches;
      } finally {
        onClose?.();
      }
    },
  }),
};

describe('batches of an array, of sync and of async generators', () => {
  it.each([
    { compile: true, accumulate: 1 },
    { compile: true, accumulate: 2 },
    { compile: false, accumulate: 2 },
  ])('train alike, %o', async (options) => {
    const reached = [];
    for (const source of Object.values(sources)) {
      const { model, optimizer, batches } = start();
      const given = { data: source(batches), loss: mseLoss, optimizer, epochs: 2, logEvery: 2 };
      const { history, steps } = await train.fit(model, { ...given, ...options });
      reached.push({ steps, losses: history.map(({ values }) => values.loss), weights: model.weight.toArray() });
    }
    expect(reached[0]?.steps).toBe(2 * Math.ceil(9 / options.accumulate));
    for (const other of reached) expect(other).toEqual(reached[0]);
  });

  it.each(Object.keys(sources).slice(1))('are closed when the training ends early: %s', async (kind) => {
    let closed = 0;
    const source = (sources[kind] as Source)(start().batches, () => closed++);
    const { model, optimizer } = start();
    await train.fit(model, { data: source, loss: mseLoss, optimizer, maxSteps: 4 });
    expect(closed).toBe(1);
  });
});

describe('the event loop has its turns', () => {
  const busy = (ms: number): void => {
    for (const begin = performance.now(); performance.now() - begin < ms; );
  };
  const slowData = (batches: Batch[]) => ({
    *[Symbol.iterator]() {
      for (const batch of batches) {
        busy(6);
        yield batch;
      }
    },
  });

  async function turnsDuring(run: () => Promise<unknown>): Promise<number> {
    let [turns, isRunning] = [0, true];
    const count = (): void => {
      turns++;
      if (isRunning) setImmediate(count);
    };
    setImmediate(count);
    await run();
    isRunning = false;
    return turns;
  }

  it.each([true, false])('between batches that take long to make (compile: %s)', async (compile) => {
    const { model, optimizer, batches } = start();
    const given = { data: slowData(batches), loss: mseLoss, optimizer, epochs: 3, compile };
    await train.fit(model, given); // loads what is loaded once
    expect(await turnsDuring(() => train.fit(model, given))).toBeGreaterThanOrEqual(8); // 27 batches, 162 ms
  });

  it('between steps of the caller that take long', async () => {
    const step = () => busy(6);
    const run = async () => {
      for await (const _ of train.run(step, { maxSteps: 30 }));
    };
    expect(await turnsDuring(run)).toBeGreaterThanOrEqual(8);
  });

  it('and a training that is aborted in one makes no further step', async () => {
    const { model, optimizer, batches } = start();
    const controller = new AbortController();
    setImmediate(() => setImmediate(() => controller.abort()));
    const options = { data: slowData(batches), loss: mseLoss, optimizer, epochs: 100, compile: false };
    const { steps, stopped } = await train.fit(model, { ...options, signal: controller.signal });
    expect(stopped).toBe('signal');
    expect(steps).toBeLessThanOrEqual(5);
  });
});

describe('a loader', () => {
  it.each([0, 2])('may have samples and transforms that are promises (prefetchFactor %i)', async (prefetchFactor) => {
    const { model, optimizer, batches } = start();
    const dataset = { length: 9, get: async (i: number) => batches[i] as Batch };
    const transform = async ([x, y]: Batch): Promise<Batch> => [x, y];
    const loader = new DataLoader(dataset, { batchSize: null, prefetchFactor, transform: transform as never });
    const twin = start();
    await train.fit(model, { data: loader as never, loss: mseLoss, optimizer });
    await train.fit(twin.model, { data: twin.batches, loss: mseLoss, optimizer: twin.optimizer });
    expect(model.weight.toArray()).toEqual(twin.model.weight.toArray());
  });

  it.each([4, null])(
    'of a stream, whose length nobody knows, trains like its batches (batchSize %s)',
    async (batchSize) => {
      const { model, optimizer, batches } = start();
      const samples = batches.flatMap(([x, y]) => [...x].map((row, i): Batch => [row, y.index(i)]));
      const stream = new data.IterableDataset(() => (batchSize === null ? batches : samples));
      const loader = new DataLoader(stream, { batchSize });
      const twin = start();
      const { history } = await train.fit(model, { data: loader as never, loss: mseLoss, optimizer, epochs: 2 });
      const given = { data: twin.batches, loss: mseLoss, optimizer: twin.optimizer, epochs: 2 };
      expect(history.map(({ values }) => values.loss)).toEqual(
        (await train.fit(twin.model, given)).history.map(({ values }) => values.loss),
      );
      expect(model.weight.toArray()).toEqual(twin.model.weight.toArray());
      const { loss } = await train.evaluate(model, { data: loader as never, loss: mseLoss });
      expect(loss).toBe((await train.evaluate(model, { data: batches, loss: mseLoss })).loss);
    },
  );

  const steps = 60;
  const rows = () => new TensorDataset(randn([4 * steps, 3]), randn([4 * steps, 2]));
  /** Tensors that a training leaves behind, of `steps` batches of two tensors. */
  async function leftBy(loader: unknown, more: object = {}): Promise<number> {
    const { model, optimizer } = start();
    const options = { loss: mseLoss, optimizer, epochs: 2, compile: true, ...more };
    let before = 0;
    let after = 0;
    const onStep = ({ step }: { step: number }) => {
      if (step === steps) before = memoryStats().tensors;
      if (step === 2 * steps) after = memoryStats().tensors;
    };
    const kept = await train.fit(model, { data: loader as never, callbacks: [{ everySteps: 10, onStep }], ...options });
    expect(kept.steps).toBe(2 * steps);
    return after - before;
  }

  it.each<[string, () => unknown]>([
    ['rows', () => new DataLoader(rows(), { batchSize: 4, shuffle: true, seed: 1 })],
    [
      'samples',
      () => {
        const [x, y] = rows().tensors.map((t) => t.tolist() as number[][]) as [number[][], number[][]];
        const dataset = {
          length: x.length,
          get: (i: number) => [x[i], y[i]].map((row) => Float32Array.from(row ?? [])),
        };
        return new DataLoader(dataset, { batchSize: 4 });
      },
    ],
  ])('of %s that it copies leaves no batch in memory: fit disposes of them', async (_, make) => {
    expect(await leftBy(make())).toBeLessThan(10); // of 120 in an epoch
  });

  it('whose batches somebody may have leaves them alone', async () => {
    const seen: Tensor[] = [];
    const see = (batch: unknown): Batch => {
      seen.push(...(batch as Batch));
      return batch as Batch;
    };
    class Caching extends TensorDataset<Batch> {
      override select(index: Tensor): Batch {
        return see(super.select(index));
      }
    }
    class Watched extends DataLoader<Batch, Batch> {
      override async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
        for await (const batch of super[Symbol.asyncIterator]()) yield see(batch);
      }
    }
    const set = rows();
    const batches = Array.from({ length: steps }, (_, i) => set.select(arange(4 * i, 4 * i + 4, { dtype: 'int32' })));
    const whole = { length: steps, get: (i: number) => batches[i] };
    await leftBy(new DataLoader(set, { batchSize: 4, shuffle: true, transform: see }));
    await leftBy(new DataLoader(whole, { collateFn: ([batch]) => see(batch) }));
    await leftBy(new DataLoader(whole, { batchSize: null, shuffle: true }));
    await leftBy(new Watched(set as never, { batchSize: 4, shuffle: true }));
    await leftBy(new DataLoader(new Caching(...(set.tensors as Batch)), { batchSize: 4, shuffle: true }));
    await leftBy(new DataLoader(set, { batchSize: 4 })); // views
    await leftBy([...new DataLoader(set, { batchSize: 4, shuffle: true })].map((batch) => see(batch)));
    seen.push(...batches.flat(), ...set.tensors);
    expect(seen.length).toBeGreaterThan(8 * steps);
    expect(seen.filter((t) => t.disposed)).toEqual([]);
  });

  it('has batches for the search for a NaN, which are kept', async () => {
    const { model, optimizer } = start();
    const set = rows();
    set.tensors[0]?.narrow(0, 70, 1).fill_(Number.NaN);
    const loader = new DataLoader(set, { batchSize: 4, shuffle: true, seed: 1 });
    const options = { data: loader as never, loss: mseLoss, optimizer, callbacks: [new train.NaNGuard()] };
    await expect(train.fit(model, options)).rejects.toThrow(/NaN/);
  });
});
