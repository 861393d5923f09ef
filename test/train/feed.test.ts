// Where the batches of `fit` come from: kinds of sources, which train alike, leave the event loop its turns and are closed.
import { describe, expect, it } from 'vitest';
import { data, manualSeed, nn, optim, randn, type Tensor, train } from '../../lib/index.js';

const { mseLoss } = nn.functional;

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
    const loader = new data.DataLoader(dataset, { batchSize: null, prefetchFactor, transform: transform as never });
    const twin = start();
    await train.fit(model, { data: loader as never, loss: mseLoss, optimizer });
    await train.fit(twin.model, { data: twin.batches, loss: mseLoss, optimizer: twin.optimizer });
    expect(model.weight.toArray()).toEqual(twin.model.weight.toArray());
  });
});
