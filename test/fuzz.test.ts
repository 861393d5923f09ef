import { expect, it } from 'vitest';
import { native } from '../lib/native.js';
import { fuzz } from './fixtures/children.mjs';

// 100,000 calls of each entry: npm run soak -- fuzz
it('native entries answer random arguments with errors only', { timeout: 300_000 }, async () => {
  const { wrong, counts } = await fuzz(1, 2000);
  expect(wrong).toBeNull();
  // The fuzzer must reach the kernels' own code, not only the door.
  expect(counts.ok).toBeGreaterThan(Object.keys(native.kernelParameters).length * 20);
  expect(counts.error).toBeGreaterThan(counts.ok);
});
