import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { run, small } from '../../examples/explanations/train.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-explanations-'));
afterAll(() => rmSync(output, { recursive: true }));

test('explanations find what a digit needs, and influence finds wrong labels', { timeout: 120_000 }, async () => {
  // With this seed a map from before the ReLU finds no more than random pixels even in so small a version.
  const options = { ...small, seed: 4, output, stream: { write: () => true } };
  const { accuracy, left, before, found, chance } = await run(options);
  expect(accuracy).toBeGreaterThan(80);
  expect(left.random).toBeGreaterThan(0.9 * before);
  for (const way of ['saliency', 'smoothGrad', 'integratedGradients', 'deepLift', 'occlusion']) {
    expect(left[way], way).toBeLessThan((left.random as number) - 10);
  }
  // Its map has cells of four by four pixels: half of what it marks is paper, which nothing is erased from.
  expect(left.gradCam).toBeLessThan((left.random as number) - 5);
  expect(found).toBeGreaterThan(2 * chance);
  expect(readFileSync(join(output, 'explanations.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
  expect(readFileSync(join(output, 'explanations', 'report.html'), 'utf8')).toContain('Why it says so');
});
