import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { run, small } from '../../examples/private-digits/train.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-private-'));
afterAll(() => rmSync(output, { recursive: true }));

test('digits are learned within a budget; among few images noise costs no more than ten points beside a linear model', {
  timeout: 120_000,
}, async () => {
  const reached = await run({ ...small, output, stream: { write: () => true } });
  expect(reached.epsilon).toBeGreaterThan(2.9);
  expect(reached.epsilon).toBeLessThanOrEqual(3);
  expect(reached.open).toBeGreaterThan(92);
  expect(reached.private).toBeGreaterThan(65);
  expect(reached.private).toBeLessThan(reached.open);
  // The noise is for the whole step, whatever it holds: with steps of 500 among 60,000 images the private network is five points better than the linear
  // one, with steps of 100 among 9,000 it cannot be.
  expect(reached.private).toBeGreaterThan(reached.linear - 10);
  expect(readFileSync(join(output, 'private-digits.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
});
