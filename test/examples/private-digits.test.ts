import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { run, small } from '../../examples/private-digits/train.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-private-'));
afterAll(() => rmSync(output, { recursive: true }));

test('digits are learned within a budget, about as well as by a linear model without', {
  timeout: 120_000,
}, async () => {
  const reached = await run({ ...small, output, stream: { write: () => true } });
  expect(reached.epsilon).toBeGreaterThan(2.9);
  expect(reached.epsilon).toBeLessThanOrEqual(3);
  expect(reached.open).toBeGreaterThan(92);
  expect(reached.private).toBeGreaterThan(65);
  expect(reached.private).toBeLessThan(reached.open);
  expect(readFileSync(join(output, 'private-digits.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
});
