// Processes with different amounts of data against one process that does what all do.
import { expect, it } from 'vitest';
import { describeRuns, resultsOf } from '../support/ranks.js';

interface Result {
  weights: number[];
  given: number;
  shard: number[];
  name?: string;
  message?: string;
  of?: number;
}

const run = async (size: number, ...args: string[]): Promise<[Result, Result]> =>
  (await resultsOf('join', size, { args, timeout: 30_000 })) as [Result, Result];

describeRuns('join', () => {
  const cases = [
    ['eager', '5', '2'],
    ['compiled', '2', '5'],
    ['eager', '0', '3'],
    ['compiled', '3', '3'],
  ] as const;
  it.each(cases)('%s, %s and %s batches', { timeout: 60_000 }, async (...args) => {
    const [whole] = await run(1, 'eager', args[1], args[2]);
    const parts = await run(2, ...args);
    expect(parts.map(({ given }) => given)).toEqual([0, 1]);
    for (const { weights } of parts) {
      expect(weights, 'the same bits').toEqual(parts[0].weights);
      expect(weights).toEqual(whole.weights.map((w) => expect.closeTo(w, 6)));
    }
    expect(parts.map(({ shard }) => shard)).toEqual([
      [0, 2, 4],
      [1, 3, 5],
    ]);
  });

  it('a process that fails ends the waiting of the others', { timeout: 60_000 }, async () => {
    const [a, b] = await run(2, 'failing', '4', '2');
    expect(b.message).toBe('planted');
    expect(a).toMatchObject({ name: 'DistributedError', of: 1 });
  });
});
