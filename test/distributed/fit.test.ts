// train.fit with a nn.DistributedDataParallel, against one process with the whole batch.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { data, distributed, manualSeed, nn, optim, randint, randn, train } from 'adjoint';
import { afterAll, expect, it } from 'vitest';
import { describeRuns, resultsOf, runRanks } from '../support/ranks.js';

interface Result {
  weights: number[];
  hash: string;
  values: Record<string, number>[];
  evaluated: Record<string, number>;
  predicted: number[][];
  found: number[];
  steps: number;
  epochs: number;
  stopped: string;
  reason: string;
  seen: string[];
  last: number;
  lr: number;
  name?: string;
  message?: string;
  of?: number;
  other?: boolean;
  left?: boolean;
  own?: boolean;
}

const folder = mkdtempSync(join(tmpdir(), 'adjoint-fit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = async (size: number, what: string, part = '', at = ''): Promise<[Result, Result]> => {
  const args = [what, join(folder, at)];
  return (await resultsOf('fit', size, { args, timeout: 40_000, env: () => ({ PART: part }) })) as [Result, Result];
};

const near = (values: readonly number[]): unknown => values.map((v) => expect.closeTo(v, 5));

describeRuns('train.fit over processes', () => {
  it('trains as one process does with the whole batch, and values are those of all data', {
    timeout: 90_000,
  }, async () => {
    const [whole] = await run(1, 'plain');
    const parts = await run(2, 'plain');
    for (const { weights, hash, values, evaluated, lr, predicted, found, steps, stopped } of parts) {
      expect(hash).toBe(parts[0].hash);
      expect(weights).toEqual(near(whole.weights));
      values.forEach((record, i) => {
        const expected = whole.values[i] as Record<string, number>;
        expect(Object.keys(record)).toEqual(Object.keys(expected));
        expect(Object.values(record)).toEqual(near(Object.values(expected)));
      });
      expect(values).toEqual(parts[0].values);
      expect(evaluated.loss).toBeCloseTo(whole.evaluated.loss as number, 5);
      expect(predicted.map((row) => near(row))).toEqual(predicted);
      expect(lr).toBe(whole.lr);
      expect(found.slice(0, 40)).toEqual(near(whole.found.slice(0, 40)));
      expect(found).toEqual(parts[0].found);
      expect([steps, stopped]).toEqual([16, 'completed']);
    }
    expect(
      parts.map(({ seen }) => seen.length),
      'rank 0 alone prints',
    ).toEqual([4, 0]);
    for (const { hash, values, left, own } of await run(2, 'option')) {
      expect([hash, values], 'the same by one option').toEqual([parts[0].hash, parts[0].values]);
      expect([left, own], 'and the model is free afterwards').toEqual([true, true]);
    }
  });

  it('a resumed training is the uninterrupted one, bit for bit, where rank 0 alone has the folder', {
    timeout: 120_000,
  }, async () => {
    const all = await run(2, 'resume', '', 'whole');
    const first = await run(2, 'resume', 'first', 'parts');
    expect(first.map(({ steps }) => steps)).toEqual([6, 6]);
    const second = await run(2, 'resume', 'second', 'parts');
    expect(second.map(({ steps }) => steps)).toEqual([16, 16]);
    for (const { hash, other } of second) {
      expect(hash).toBe(all[0].hash);
      expect(other).toBe(false);
    }
    expect(second[0].values.map(({ loss }) => loss)).toEqual(all[0].values.map(({ loss }) => loss));
  });

  it('accumulates, clips, averages and schedules as one process does', { timeout: 60_000 }, async () => {
    const [whole] = await run(1, 'full');
    const parts = await run(2, 'full');
    for (const { weights, hash, values, lr } of parts) {
      expect(hash).toBe(parts[0].hash);
      expect(weights).toEqual(near(whole.weights));
      expect(values.map(Object.values)).toEqual(whole.values.map((record) => near(Object.values(record))));
      expect(lr).toBe(whole.lr);
    }
  });

  it('so does train.run with a step function, whose state has the model', { timeout: 60_000 }, async () => {
    const [whole] = await run(1, 'run');
    const parts = await run(2, 'run');
    for (const { weights, hash, values } of parts) {
      expect(hash).toBe(parts[0].hash);
      expect(weights).toEqual(near(whole.weights));
      expect(values.map(({ loss }) => loss as number)).toEqual(near(whole.values.map(({ loss }) => loss as number)));
      expect(
        values.map((record) => record.rank),
        'the mean of 1 and 2',
      ).toEqual([1.5, 1.5, 1.5, 1.5]);
    }
  });

  it('goes on with another number of processes from the begin of the epoch', { timeout: 60_000 }, async () => {
    for (const [before, after] of [
      [2, 1],
      [1, 2],
    ] as const) {
      const at = `elastic${before}`;
      const [first] = await run(before, 'elastic', 'first', at);
      expect(first.steps).toBe(6); // 4 in the first epoch, and 2 that are made again
      const ends = await run(after, 'elastic', 'second', at);
      for (const { steps, epochs, hash } of ends) expect([steps, epochs, hash]).toEqual([18, 4, ends[0].hash]);
    }
  });

  it('a signal in one process stops all after one step', { timeout: 60_000 }, async () => {
    const [a, b] = await run(2, 'abort');
    expect([a.stopped, b.stopped]).toEqual(['signal', 'signal']);
    expect(a.steps).toBe(b.steps);
    expect(a.steps).toBeGreaterThan(16);
    expect(a.hash).toBe(b.hash);
    expect([a.reason, b.reason]).toEqual(Array(2).fill('rank 1: aborted: enough'));
  });

  it('so does a callback', { timeout: 60_000 }, async () => {
    for (const { stopped, reason, steps } of await run(2, 'stop')) {
      expect({ stopped, reason, steps }).toEqual({ stopped: 'callback', reason: 'rank 1: seen enough', steps: 6 });
    }
  });

  it.each(['throw', 'data', 'validation'])(
    '%s: an error in one process ends all, which name it',
    { timeout: 60_000 },
    async (what) => {
      const [a, b] = await run(2, what);
      expect(b.message).toBe('planted');
      expect(a).toMatchObject({ name: 'DistributedError', of: 1 });
      expect(a.message).toBe('fit: rank 1 has failed: planted');
    },
  );

  it('callbacks and logs of one process alone do not part it from the others', { timeout: 60_000 }, async () => {
    const [a, b] = await run(2, 'lonely', '', 'lonely');
    expect([a.steps, b.steps, a.stopped]).toEqual([16, 16, 'completed']);
    expect(a.hash).toBe(b.hash);
    expect(readdirSync(join(folder, 'lonely'))).toHaveLength(3);
  });

  it('a process that is killed is named', { timeout: 60_000 }, async () => {
    const args = ['killed', join(folder, 'killed')];
    const [first] = await runRanks('fit', 2, { args, timeout: 30_000 });
    expect(first?.result).toMatchObject({ name: 'DistributedError', message: 'fit: rank 1 has ended', of: 1 });
  });

  it('metrics that cannot be put together are refused', { timeout: 60_000 }, async () => {
    for (const { message } of await run(2, 'metric')) {
      expect(message).toMatch(
        /^fit: metric own must have merge, toJSON and a static fromJSON to be that of all processes/,
      );
    }
  });

  it('NaN in one process ends all', { timeout: 60_000 }, async () => {
    const [a, b] = await run(2, 'nan');
    expect(b).toMatchObject({ name: 'AutogradError' });
    expect(b.message).toMatch(/NaNGuard: loss is NaN because of step \d+/);
    expect(a).toMatchObject({ name: 'DistributedError', of: 1 });
  });

  it('an epoch of data without a length ends where the first process has no more', { timeout: 60_000 }, async () => {
    const [a, b] = await run(2, 'uneven');
    expect([a.steps, b.steps, a.epochs]).toEqual([10, 10, 2]);
    expect(a.hash).toBe(b.hash);
  });

  it('the option alone is training without it, and what it cannot share is refused', async () => {
    const weightsOf = async (how: object): Promise<number[][]> => {
      manualSeed(1);
      const model = new nn.Linear(3, 2);
      const loader = new data.DataLoader(new data.TensorDataset(randn([20, 3]), randint(2, [20])), {
        batchSize: 4,
        shuffle: true,
      });
      const loss = nn.functional.crossEntropy;
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
      await train.fit(model, { data: loader, loss, optimizer, epochs: 2, ...how });
      expect(distributed.isInitialized()).toBe(false);
      return model.parameters().map((p) => Array.from(p.toTypedArray() as Float32Array));
    };
    expect(await weightsOf({ distributed: true })).toEqual(await weightsOf({}));
    const rule = /^fit: distributed must be true, or options of nn.DistributedDataParallel, got "yes"/;
    await expect(weightsOf({ distributed: 'yes' })).rejects.toThrow(rule);
  });

  it('other numbers of epochs are refused', { timeout: 60_000 }, async () => {
    for (const { message } of await run(2, 'epochs')) {
      expect(message).toMatch(/fit: epochs must be the same in all processes, got [34] here and [34] in rank [01]/);
    }
  });
});
