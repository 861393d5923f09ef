// A compiled step computes what its function computes, bit for bit: losses, parameters, optimizer state, random numbers.
import { describe, expect, it } from 'vitest';
import { compiledWays, differencesFromEager, workloads } from '../fixtures/workloads.mjs';

// A step of W3 takes 5 ms, and there are six ways to make it; `npm run soak -- compile` makes 200 of each.
const steps = (name: string) => (name === 'W3' ? 15 : 60);

describe('eager and compiled training are equal bit for bit', () => {
  for (const name of workloads) {
    for (const threads of [1, 2]) {
      it(`${name}, ${steps(name)} steps, ${threads} thread${threads > 1 ? 's' : ''}`, async () => {
        expect(await differencesFromEager(name, steps(name), threads)).toEqual([]);
      });
    }
  }

  it('and a difference is noticed, in each way', async () => {
    const found = (await differencesFromEager('unfaithful', 3, 1)).join('\n');
    for (const way of compiledWays) expect(found).toContain(`${way}: losses at`);
    for (const way of compiledWays) expect(found).toContain(`${way}: 0.weight at 0 is`);
  });
});
