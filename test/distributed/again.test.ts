import { expect, it } from 'vitest';
import { describeRuns, freePort, resultsOf } from '../support/ranks.js';

describeRuns('runs on the same ports, one after the other', () => {
  it('begin anew, leave no timers, and let messages be waited for longer', { timeout: 90_000 }, async () => {
    const results = await resultsOf('again', 3, { args: [`${await freePort()}`], timeout: 60_000 });
    expect(results).toEqual([
      { sums: [3, 3, 3], message: [1], timers: 0 },
      { sums: [3, 3, 3], message: [1, 1], timers: 0 },
      { sums: [3, 3, 3], timers: 0 },
    ]);
  });
});
