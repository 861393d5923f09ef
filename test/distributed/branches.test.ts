import { expect, it } from 'vitest';
import { describeRuns, resultsOf } from '../support/ranks.js';

interface Result {
  weights: number[];
  name?: string;
  message?: string;
  rank?: number;
}

const run = async (size: number, ...args: string[]): Promise<Result[]> =>
  (await resultsOf('branches', size, { args, timeout: 30_000 })) as Result[];

describeRuns('processes that use different parameters', () => {
  it.each(['used', 'frozen', 'unfrozen'])(
    '%s: train as one process does with both losses',
    { timeout: 90_000 },
    async (what) => {
      const [whole] = (await run(1, 'eager', what)) as [Result];
      const eager = await run(2, 'eager', what);
      const compiled = await run(2, 'compiled', what);
      for (const { weights, message } of [...eager, ...compiled]) {
        expect(message).toBe(undefined);
        expect(weights, 'the same bits').toEqual(eager[0]?.weights);
        expect(weights).toEqual(whole.weights.map((w) => expect.closeTo(w, 5)));
      }
    },
  );

  it('or read no gradients at all: a compiled step averages them in all processes', { timeout: 60_000 }, async () => {
    const losses = (await resultsOf('unread', 2, { timeout: 30_000 })) as number[][];
    for (const list of losses) expect(list).toHaveLength(6);
    expect(losses.flat().every(Number.isFinite)).toBe(true);
  });

  it('are refused unless that is meant, with the names', { timeout: 60_000 }, async () => {
    for (const { name, message } of await run(2, 'eager', 'refused')) {
      expect(['StateError', 'DistributedError']).toContain(name);
      expect(message).toMatch(
        /heads\.[01]\.weight.* got no gradient; give findUnusedParameters: true|has failed in backward/,
      );
    }
  });

  it('one whose backward fails keeps nobody waiting', { timeout: 60_000 }, async () => {
    const [first, second] = (await run(2, 'eager', 'failing')) as [Result, Result];
    expect(second.message).toBe('planted');
    expect(first.name).toBe('DistributedError');
    expect(first.message).toMatch(/rank 1 (has failed in backward|has ended)$/);
    expect(first.rank).toBe(1);
  });
});
