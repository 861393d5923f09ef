import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { run, small } from '../../examples/transfer/train.js';
import { withClothes } from '../support/clothes.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-transfer-'));
afterAll(() => rmSync(output, { recursive: true }));

withClothes(
  'what eight classes taught helps with two others, if the head goes first',
  { timeout: 240_000 },
  async () => {
    const reached = await run({ ...small, output, stream: { write: () => true } });
    expect(reached.gradual).toBeGreaterThan(reached.scratch + 1);
    expect(reached.scratch).toBeGreaterThan(60); // guessing has 50
    expect(readFileSync(join(output, 'transfer.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
  },
);
