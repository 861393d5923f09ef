// Batch norms of several processes against the plain one with the whole batch.
import { expect, it } from 'vitest';
import { describeRuns, resultsOf } from '../support/ranks.js';

interface Result {
  /** For each step: y, and the gradients of x, weight and bias. */
  values: number[][];
  buffers: number[][];
  evaluated: number[];
  /** Of a plain batch norm under nn.DistributedDataParallel: the running mean after each of three steps. */
  running: number[][];
  name: string;
}

const run = async (size: number, ...args: string[]): Promise<Result[]> =>
  (await resultsOf('norm', size, { args, timeout: 30_000 })) as Result[];

function expectNear(values: readonly number[], expected: readonly number[], what: string): void {
  const largest = Math.max(...expected.map(Math.abs));
  expect(values.length, what).toBe(expected.length);
  values.forEach((value, i) => {
    expect(Math.abs(value - (expected[i] as number)) / largest, what).toBeLessThan(1e-5);
  });
}

const cases = [
  ['eager', '2d', '0.1'],
  ['compiled', '1d', '0.3'],
  ['compiled', '3d', 'null'],
] as const;

describeRuns('nn.SyncBatchNorm', () => {
  it.each(cases)('%s, %s, momentum %s: as the whole batch', { timeout: 60_000 }, async (mode, kind, momentum) => {
    const [whole] = (await run(1, mode, kind, momentum)) as [Result];
    const parts = (await run(2, mode, kind, momentum)) as [Result, Result];
    expect(parts.map(({ name }) => name)).toEqual(['SyncBatchNorm', 'SyncBatchNorm']);
    whole.values.forEach((expected, i) => {
      const [a, b] = parts.map(({ values }) => values[i] as number[]) as [number[], number[]];
      const isOfSamples = i % 4 < 2; // the gradients of weight and bias are sums over the parts
      const joined = isOfSamples ? [...a, ...b] : a.map((v, k) => v + (b[k] as number));
      expectNear(joined, expected, `value ${i}`);
    });
    // mean ← (rank 0's mean before + this batch's) / 2, where the batches' are 1 and 2
    expect(parts[0].running).toEqual([0.5, 0.75, 0.875].map((mean) => [mean, mean]));
    expect(parts[1].running).toEqual([1, 1.25, 1.375].map((mean) => [mean, mean]));
    for (const { buffers, evaluated } of parts) {
      expect(buffers, 'the same bits').toEqual(parts[0].buffers);
      whole.buffers.forEach((expected, i) => {
        expectNear(buffers[i] as number[], expected, `buffer ${i}`);
      });
      expectNear(evaluated, whole.evaluated, 'in evaluation');
    }
  });
});
