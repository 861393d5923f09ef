// A training that is killed while it saves, or whose disk is full, goes on from its newest checkpoint: 200 times by
// `npm run soak -- kills`.
import { expect, it } from 'vitest';
import { fillFileSystem, killWhileTraining } from '../fixtures/kills.mjs';

it('killed at random moments and with a full disk, ends as without', { timeout: 120_000 }, async () => {
  expect(await killWhileTraining(4)).toBe(null);
  expect(await fillFileSystem()).toBe(null);
});
