import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { run, small } from '../../examples/explanations/train.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-explanations-'));
afterAll(() => rmSync(output, { recursive: true }));

test('explanations find what a digit needs, and influence finds wrong labels', { timeout: 120_000 }, async () => {
  const { accuracy, left, before, found, chance } = await run({ ...small, output, stream: { write: () => true } });
  expect(accuracy).toBeGreaterThan(80);
  expect(left.random).toBeGreaterThan(0.9 * before);
  for (const way of ['saliency', 'smoothGrad', 'integratedGradients', 'deepLift', 'occlusion']) {
    expect(left[way], way).toBeLessThan((left.random as number) - 10);
  }
  expect(found).toBeGreaterThan(2 * chance);
  expect(readFileSync(join(output, 'explanations.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
  expect(readFileSync(join(output, 'explanations', 'report.html'), 'utf8')).toContain('Why it says so');
});
