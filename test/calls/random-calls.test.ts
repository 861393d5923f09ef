import { expect, it } from 'vitest';
import { randomCalls } from '../fixtures/children.mjs';

// 100,000 calls: npm run soak -- calls
it('random arguments, sizes up to 2^53 included, end in a result or an error of ours', {
  timeout: 300_000,
}, async () => {
  const { wrong, counts } = await randomCalls(1, 2500);
  expect(wrong).toBeNull();
  expect(counts.passed).toBeGreaterThan(100);
  expect(counts.refused).toBeGreaterThan(1000);
});

it('foreign and internal errors are found', async () => {
  const { wrong } = await randomCalls(1, 20, { planted: true });
  expect(wrong).toMatch(/plantedRange: .*RangeError: Invalid array length/);
  expect(wrong).toMatch(/plantedInternal: .*internal: no such handle/);
});
