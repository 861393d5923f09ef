import { expect, it } from 'vitest';
import { hostileFiles } from '../fixtures/children.mjs';

const fixture = 'hostile-checkpoints.mjs';

// 10,000 of each, and 16 MB in a heap of 500: npm run soak -- files
it('damaged checkpoints and models are errors of ours, and change nothing', { timeout: 120_000 }, async () => {
  const { wrong, loaded, cases } = await hostileFiles(['damage', '1', '500'], { fixture });
  expect([wrong, cases]).toEqual([[], 500]);
  expect(loaded).toBeGreaterThan(50);
});

it('checkpoints and models that ask for much get little', { timeout: 120_000 }, async () => {
  const { wrong, cases } = await hostileFiles(['bombs', '300000'], { fixture, heap: 100 });
  expect([wrong, cases]).toEqual([[], 33]);
});
