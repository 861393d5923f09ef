import { expect, it } from 'vitest';
import { hostileFiles } from '../fixtures/children.mjs';

// 10,000 damaged ones, and 16 MB in a heap of 300: npm run soak -- tables
it('damaged CSV files, JSON lines and features give a table or an error of ours', { timeout: 120_000 }, async () => {
  const options = { fixture: 'hostile-tables.mjs' };
  const { wrong, loaded, cases } = await hostileFiles(['damage', '1', '420'], options);
  expect([wrong, cases]).toEqual([[], 420]);
  expect(loaded).toBeGreaterThan(30);
});

it('files that ask for much get little', { timeout: 120_000 }, async () => {
  const { wrong, cases } = await hostileFiles(['bombs', '300000'], { fixture: 'hostile-tables.mjs', heap: 100 });
  expect(wrong).toEqual([]);
  expect(cases).toBeGreaterThan(50);
});
