import { describe, expect, it } from 'vitest';
import { endings, runFixture, tryEnding } from '../fixtures/children.mjs';

// `npm run soak` runs each ending 50 times, at moments that differ, and the memory loops at full length.

describe('the process ends as it was told to', () => {
  for (const [name, { signal }] of Object.entries(endings)) {
    // Windows has no signals: to kill a process ends it at once.
    it.skipIf(process.platform === 'win32' && /SIG/.test(signal ?? name))(name, { timeout: 120_000 }, async () =>
      expect(await tryEnding(name)).toBeNull(),
    );
  }

  it('and a wrong ending is noticed', async () => {
    const { code, signal } = await runFixture('no-such-file.mjs', []);
    expect({ code, signal }).toEqual({ code: 1, signal: null });
  });
});

it('products of several worker threads at once are right', { timeout: 120_000 }, async () => {
  const { output, errors } = await runFixture('products.mjs', [], { timeoutMs: 100_000 });
  expect(errors + output).toBe('0 wrong products\n');
});

// `npm run node-versions` runs it under the other releases of Node.js.
it('buffers of `data` that go from thread to thread hold no memory of tensors', { timeout: 120_000 }, async () => {
  const { output, errors, code, signal } = await runFixture('foreign.mjs', [], { timeoutMs: 100_000 });
  expect({ output, errors, code, signal }).toEqual({ output: 'ok\n', errors: '', code: 0, signal: null });
});

describe('a synchronous loop without scope and dispose', () => {
  it('trains in flat memory', { timeout: 120_000 }, async ({ skip }) => {
    if (process.env.ADJOINT_CHECK) return skip('checked builds keep freed memory, to see who still uses it');
    const { output, errors } = await runFixture('memory.mjs', ['steps', '2000'], { timeoutMs: 100_000 });
    expect(errors).toBe('');
    const { rss } = JSON.parse(output) as { rss: number[] };
    const half = rss.length / 2;
    expect(Math.max(...rss)).toBeLessThan(250);
    expect(Math.max(...rss.slice(half))).toBeLessThan(Math.max(...rss.slice(half / 2, half)) + 25);
  });
});
