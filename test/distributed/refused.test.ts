import { expect, it } from 'vitest';
import { describeRuns, resultsOf } from '../support/ranks.js';

interface Result {
  name?: string;
  message?: string;
}

describeRuns('processes that differ are told so, not made to wait', () => {
  it.each([
    ['dtype', 'DistributedError', /all processes must have the same model, but rank [01]'s has other parameters/],
    ['buckets', 'ArgumentError', /all processes must compute gradients in the same order with the same bucketBytes/],
  ])('%s', { timeout: 60_000 }, async (what, name, message) => {
    for (const result of (await resultsOf('refused', 2, { args: [what], timeout: 20_000 })) as Result[]) {
      expect(result.name).toBe(name);
      expect(result.message).toMatch(message);
    }
  });

  it('a profile of one process, which would wait for steps of the others', { timeout: 60_000 }, async () => {
    const [first] = (await resultsOf('refused', 2, { args: ['profile'], timeout: 20_000 })) as [Result, Result];
    expect(first.name).toBe('StateError');
    expect(first.message).toBe(
      'step.profile: a step must not wait for other processes, which make no step now; profile a step of the module inside of nn.DistributedDataParallel',
    );
  });
});
