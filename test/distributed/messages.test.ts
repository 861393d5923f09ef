import { expect, it } from 'vitest';
import { describeRuns, resultsOf } from '../support/ranks.js';

interface Result {
  got: number[];
  threads: number;
}

describeRuns('messages', () => {
  it('wait for those of their sender and tag alone, and leave no threads', { timeout: 60_000 }, async () => {
    const results = (await resultsOf('messages', 3)) as Result[];
    expect(results.map(({ got }) => got)).toEqual([[], [4, 2, 1], [3]]);
    for (const { threads } of results) expect(threads).toBeLessThan(60);
  });
});
