// Whole PyTorch programs, carried over line by line by the rules of docs/from-pytorch.md, print PyTorch's numbers; types.test.ts
// checks their types in strict mode.
import { expect, it } from 'vitest';
import { readGolden } from '../support/golden.js';

const { programs } = readGolden<{ programs: Record<string, number[]> }>('ported');

it.each(Object.entries(programs))('%s', async (name, expected) => {
  const { run } = (await import(`../fixtures/ported/${name}.ts`)) as { run: () => number[] };
  const got = run();
  expect(got.length).toBe(expected.length);
  for (const [i, want] of expected.entries()) {
    const error = Math.abs((got[i] as number) - want);
    expect(error, `number ${i}: ${got[i]}, not ${want}`).toBeLessThan(2e-4 * (1 + Math.abs(want)));
  }
});
