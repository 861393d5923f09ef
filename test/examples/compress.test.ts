import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { run, small } from '../../examples/compress/train.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-compress-'));
afterAll(() => rmSync(output, { recursive: true }));

test('LeNet is made smaller, and hardly worse', { timeout: 240_000 }, async () => {
  const reached = await run({ ...small, output, stream: { write: () => true } });
  const weights = 61_470; // of LeNet, without biases
  const of = (name: string) => reached.rows.find((row) => row.name === name) as (typeof reached.rows)[number];
  expect(reached.teacher).toBeGreaterThan(85);
  for (const key of ['pruned', 'clustered', 'dynamic', 'static', 'trained'] as const) {
    expect(reached[key], key).toBeGreaterThan(reached.teacher - 2.5);
  }
  expect(of('LeNet').weights).toBe(weights);
  expect(of('pruned').weights).toBe(weights - Math.round(0.8 * weights));
  expect(of('clustered').weights).toBe(of('pruned').weights);
  expect(of('student').weights).toBeLessThan(weights / 10);
  for (const name of ['int8-dynamic', 'int8-static', 'int8-trained']) {
    expect(statSync(join(output, `compress-${name}.safetensors`)).size).toBeLessThan(0.27 * of('LeNet').bytes);
  }
  expect(readFileSync(join(output, 'compress.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
});
