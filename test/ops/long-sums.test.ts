// Sums of a million float32 and more stay right to about a hundred thousandth, in every op and at every instruction-set
// level: added one after the other, they are wrong by a percent.
import { describe, expect, it } from 'vitest';
import { runFixture } from '../fixtures/children.mjs';

const limit = 3e-5;

describe.each(['baseline', 'v3', 'v4'])('%s', (level) => {
  it('long sums', { timeout: 120_000 }, async ({ skip }) => {
    const { code, output, errors } = await runFixture('long-sums.mjs', [], { env: { ADJOINT_ISA: level } });
    if (/that this CPU runs was expected/.test(errors)) return skip(`this CPU does not run ${level}`);
    expect(code, errors).toBe(0);
    const found = JSON.parse(output) as { level: string; errors: Record<string, number | null> };
    expect(found.level).toBe(level);
    const wrong = Object.entries(found.errors).filter(([, error]) => !(error !== null && error < limit)); // JSON has null for NaN and ∞
    expect(wrong).toEqual([]);
    expect(Object.keys(found.errors).length).toBeGreaterThan(60);
  });
});
