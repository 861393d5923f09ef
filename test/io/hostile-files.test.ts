import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FileError } from '../../lib/errors.js';
import { parseHeader } from '../../lib/io/safetensors-header.js';
import { hostileFiles } from '../fixtures/children.mjs';

const golden = fileURLToPath(new URL('../golden/safetensors_headers.json', import.meta.url));

describe('headers of safetensors, against the reference implementation', () => {
  /** Name, dtype, shape, begin and end of each tensor, or null for a refused header. */
  type Verdict = [string, string, number[], number | null, number | null][] | null;
  const cases = JSON.parse(readFileSync(golden, 'utf8')) as [header: string, size: number, Verdict][];

  /** What the reference implementation accepts and we do not: the format forbids it, or no tensor here could hold it. */
  const stricter = [
    /must name each tensor and field once/,
    /must have dtype, shape and data_offsets only/,
    /must have a dtype of F64, I64, U64, F32, .*, BOOL, got an object/,
    /must be described by an object, got an array/,
    /must have a shape whose sizes other than 0 multiply to at most 2\^53 - 1, got/,
    /must have a shape of at most 64 integers from 0 to 2\^53 - 1, got (more|9007199254740993|18446744073709551615)/,
  ];

  it('the verdict is the same on each of 1,000', () => {
    expect(cases.length).toBe(1000);
    const wrong: unknown[] = [];
    const used = new Set<RegExp>();
    for (const [header, size, verdict] of cases) {
      let got: Verdict = null;
      let error = '';
      try {
        const { spans } = parseHeader('x', Buffer.from(header, 'latin1'), size);
        got = spans.map(({ name, fileDType, shape, count, begin, end }) =>
          count === 0 ? [name, fileDType, shape, null, null] : [name, fileDType, shape, begin, end],
        );
      } catch (thrown) {
        if (!(thrown instanceof FileError)) throw thrown;
        error = thrown.message;
      }
      const rule = verdict === null ? undefined : stricter.find((text) => text.test(error));
      if (rule !== undefined) used.add(rule);
      else if (JSON.stringify(sorted(got)) !== JSON.stringify(sorted(verdict))) wrong.push({ header, verdict, error });
    }
    expect(wrong).toEqual([]);
    expect(used.size).toBe(stricter.length);
  });

  const sorted = (verdict: Verdict) => verdict && [...verdict].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
});

describe('every reader answers in time and memory, with an error of ours or with what the file holds', () => {
  // 10,000 of each, and files of 94 MB in a heap of 300: npm run soak -- files
  it('small files damaged by chance', { timeout: 120_000 }, async () => {
    const { wrong, loaded, cases } = await hostileFiles(['damage', '1', '400']);
    expect(wrong).toEqual([]);
    expect(cases).toBe(400);
    expect(loaded).toBeGreaterThan(50);
  });

  it('small files of each format of models, damaged by chance and by hand', { timeout: 120_000 }, async () => {
    const { wrong, loaded, cases } = await hostileFiles(['all', '1', '40'], { fixture: 'hostile-formats.mjs' });
    expect(wrong).toEqual([]);
    expect(cases).toBe(400);
    expect(loaded).toBeGreaterThan(50);
  });

  it('files that ask for much: 8 MB in a heap of 110', { timeout: 120_000 }, async () => {
    const { wrong, cases } = await hostileFiles(['bombs', '8000000'], { heap: 110 });
    expect(wrong).toEqual([]);
    expect(cases).toBe(40);
  });

  it.skipIf(process.platform === 'win32')('pipes, devices and folders', { timeout: 60_000 }, async () => {
    const { wrong, loaded, cases } = await hostileFiles(['irregular'], { timeoutMs: 20_000 });
    expect(wrong).toEqual([]);
    expect(loaded).toBe(0);
    expect(cases).toBeGreaterThan(8);
  });
});
