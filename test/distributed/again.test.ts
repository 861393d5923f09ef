import { expect, it } from 'vitest';
import { describeRuns, freePort, resultsOf } from '../support/ranks.js';

describeRuns('runs on the same ports, one after the other', () => {
  it('begin anew, and messages may be waited for longer than others', { timeout: 90_000 }, async () => {
    const results = await resultsOf('again', 3, { args: [`${await freePort()}`], timeout: 60_000 });
    expect(results).toEqual([
      { sums: [3, 3, 3], message: [1] },
      { sums: [3, 3, 3], message: [1, 1] },
      { sums: [3, 3, 3] },
    ]);
  });
});
