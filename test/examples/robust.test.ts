import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import * as noisy from '../../examples/noisy-labels/train.js';
import * as attacked from '../../examples/robust-digits/train.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-robust-'));
afterAll(() => rmSync(output, { recursive: true }));
const stream = { write: () => true };
const isPicture = (name: string) =>
  expect(readFileSync(join(output, name), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);

test('adversarial training withstands more than usual training', { timeout: 120_000 }, async () => {
  const { usual, hardened } = await attacked.run({ ...attacked.small, output, stream });
  expect(usual.plain).toBeGreaterThan(85);
  expect(usual.pgd).toBeLessThan(usual.plain - 20);
  expect(hardened.pgd).toBeGreaterThan(usual.pgd + 10);
  isPicture('robust-digits.svg');
});

test('wrong labels are seen through, and temperature scaling makes certainty right', { timeout: 120_000 }, async () => {
  const reached = await noisy.run({ ...noisy.small, output, stream });
  // Long enough for the plain network to learn some wrong labels by heart: mixup and averaged weights do not.
  expect(reached.together?.accuracy).toBeGreaterThan((reached.plain?.accuracy as number) + 1);
  for (const { accuracy, error, scaled } of Object.values(reached)) {
    expect(accuracy).toBeGreaterThan(80); // of the labels, 60 % are right
    expect(scaled).toBeLessThan(error / 5);
  }
  isPicture('noisy-labels.svg');
});
