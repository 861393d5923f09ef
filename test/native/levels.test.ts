// The same seed gives the same random numbers, and training the same losses but for rounding, whatever the number of
// threads and the instruction-set level. Each combination runs in a process of its own.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../fixtures/levels.mjs', import.meta.url));
const run = promisify(execFile);

interface Result {
  isa: string;
  threads: number;
  digest: number[];
  losses: number[];
}

async function train(isa: string, threads: number): Promise<Result | null> {
  const env = { ...process.env, ADJOINT_ISA: isa, ADJOINT_NUM_THREADS: String(threads) };
  try {
    return JSON.parse((await run(process.execPath, [program], { env })).stdout) as Result;
  } catch (error) {
    if (/that this CPU runs was expected/.test(String((error as { stderr?: string }).stderr))) return null;
    throw error;
  }
}

describe('threads and levels', async () => {
  const reference = (await train('baseline', 1)) as Result;

  it('the reference learns', () => {
    expect(reference.isa).toBe('baseline');
    expect(reference.losses[99]).toBeLessThan((reference.losses[0] as number) / 10);
  });

  for (const isa of ['baseline', 'v3', 'v4']) {
    for (const threads of [1, 2, 3]) {
      it(`${isa}, ${threads} threads`, async ({ skip }) => {
        const result = await train(isa, threads);
        if (result === null) return skip(`this CPU does not run ${isa}`);
        expect([result.isa, result.threads]).toEqual([isa, threads]);
        expect(result.digest).toEqual(reference.digest);
        result.losses.forEach((loss, i) => {
          const want = reference.losses[i] as number;
          expect(Math.abs(loss - want)).toBeLessThanOrEqual(1e-4 * want);
        });
      });
    }
  }

  it('an unknown level is an error that says what was expected', async () => {
    const env = { ...process.env, ADJOINT_ISA: 'v9' };
    const failure = await run(process.execPath, [program], { env }).catch((error: { stderr: string }) => error);
    expect(failure.stderr).toContain('ADJOINT_ISA: baseline, v3 or v4 that this CPU runs was expected, got v9');
  });
});
