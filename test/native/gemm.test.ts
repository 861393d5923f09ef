// Float32 products against sums in float64: our own tile, OpenBLAS, and what stands in for it without memory, on each level that runs here, and with several
// threads. Engine and level are chosen at load, so each combination runs in a process of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runFixture } from '../fixtures/children.mjs';

interface Result {
  isa: string;
  threads: number;
  cases: number;
  worst: number | null; // null: NaN
  hash: number;
}

const folder = mkdtempSync(join(tmpdir(), 'adjoint-gemm-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(engine: string, isa: string, threads: number): Promise<Result | null> {
  const env = { ADJOINT_GEMM: engine, ADJOINT_ISA: isa, ADJOINT_NUM_THREADS: String(threads) };
  const { output, errors } = await runFixture('gemm.mjs', [join(folder, 'sums')], { env });
  if (/that this CPU runs was expected/.test(errors)) return null;
  expect(errors).toBe('');
  return JSON.parse(output) as Result;
}

const timeout = process.env.ADJOINT_CHECK ? 600_000 : 120_000;

describe('float32 products', () => {
  for (const isa of ['baseline', 'v3', 'v4']) {
    it(`${isa}: tile, OpenBLAS and the choice between them are right`, { timeout }, async ({ skip }) => {
      const hashes: number[] = [];
      for (const [engine, threads] of [
        ['tile', 1],
        ['tile', 2],
        ['tile', 3],
        ['openblas', 2],
        ['', 2],
      ] as const) {
        const result = await run(engine, isa, threads);
        if (result === null) return skip(`this CPU does not run ${isa}`);
        expect([result.isa, result.threads]).toEqual([isa, threads]);
        expect(result.cases).toBeGreaterThan(11_000);
        expect(result.worst).not.toBeNull();
        expect(result.worst).toBeLessThan(1e-5);
        hashes.push(result.hash);
      }
      // On x86's baseline there is no tile. Where there is one, its sums depend on k alone, not on the split.
      if (isa === 'baseline') return;
      expect(hashes.slice(1, 3)).toEqual([hashes[0], hashes[0]]);
      expect(hashes[3]).not.toBe(hashes[0]);
    });
  }

  it('without memory for OpenBLAS they are right', { timeout }, async () => {
    const result = await run('plain', '', 2);
    expect(result?.cases).toBeGreaterThan(11_000);
    expect(result?.worst).not.toBeNull();
    expect(result?.worst).toBeLessThan(1e-5);
    expect(result?.hash).not.toBe((await run('openblas', '', 2))?.hash); // others have computed it
  });
});
