// The list of examples, the page made of it, and what all examples do with their flags.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { examples, lessons } from '../../examples/gallery.js';
import { stepOf } from '../../examples/shared/main.js';
import { page } from '../../scripts/gallery/page.mjs';
import { root } from '../support/pages.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-gallery-'));
afterAll(() => rmSync(output, { recursive: true }));

const fileOf = (name: string) =>
  [`${name}/train.js`, `${name}.js`].map((path) => join(root, 'examples', path)).find((path) => existsSync(path));

/** A program in a file of its own, which prints its options. */
function echo(...flags: string[]) {
  const program = join(root, 'test/fixtures/echo-example.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...flags], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('the gallery', () => {
  it.each(examples)('$name is a program with a small version, in a folder with a README', async ({ name }) => {
    const { run, small } = await import(fileOf(name) as string);
    expect(typeof run).toBe('function');
    expect(Object.keys(small)).not.toEqual([]);
    expect(existsSync(join(root, 'examples', name.split('/')[0] as string, 'README.md'))).toBe(true);
  });

  it('has its page from its results', () => {
    const results = JSON.parse(readFileSync(join(root, 'docs/gallery.json'), 'utf8'));
    expect(readFileSync(join(root, 'docs/gallery.md'), 'utf8')).toBe(page(results));
    for (const { picture } of lessons) expect(existsSync(join(root, 'docs/gallery', picture)), picture).toBe(true);
    for (const { name, pictures = [] } of examples.filter((example) => example.name in results)) {
      for (const picture of pictures)
        expect(existsSync(join(root, 'docs/gallery', picture)), `${name}: ${picture}`).toBe(true);
    }
  });

  it('says the mean, the deviation of a sample, the seeds, the time, the largest memory and what compiling brought', () => {
    const runs = [2, 4, 9].map((accuracy, i) => ({ numbers: { accuracy }, seconds: 10 + i, megabytes: 100 - i }));
    const [row] = page({ lenet: { runs, timesEager: 1.46 } }).match(/^\| \[lenet\].*$/m) as unknown as [string];
    // The squares of -3, -1 and 4, 26 in sum, over two, are 13; its root is 3.61.
    expect(row).toMatch(/\*\*5\.00 ± 3\.61\*\* \| {2}\| 3 \| 11 \| 1\.5 × \| 100 \| `npm run example -- lenet` \|$/);
    const loaded = page({ lenet: { runs: runs.slice(0, 1), busy: true } }).match(/^\| \[lenet\].*$/m)?.[0];
    const alone = page({ lenet: { runs, busy: true, seconds: 4.4 } }).match(/^\| \[lenet\].*$/m)?.[0];
    expect(alone).toMatch(/\| 3 \| 4 \| {2}\| 100 \| `npm/);
    expect(loaded).toMatch(/\*\*2\.00\*\* \| {2}\| 1 \| 10 \(busy\) \| {2}\| 100 \| `npm run example -- lenet` \|$/);
  });
});

describe('an example as a program', () => {
  it('takes its sizes, a seed and a folder, and leaves the numbers of its result', () => {
    const json = join(output, 'result.json');
    const { stdout, status } = echo('--small', '--seed', '7', '--output', 'there', '--json', json);
    expect({ status, options: JSON.parse(stdout) }).toEqual({
      status: 0,
      options: { size: 3, seed: 7, output: 'there' },
    });
    const { numbers, seconds, megabytes, stepSeconds } = JSON.parse(readFileSync(json, 'utf8'));
    expect(numbers).toEqual({ accuracy: 98.5, 'score.f1': 97 });
    expect(seconds).toBeGreaterThan(0);
    expect(megabytes).toBeGreaterThan(20);
    expect(stepSeconds).toBe(2);
  });

  it('has its own sizes without flags', () => {
    expect(JSON.parse(echo().stdout)).toEqual({});
  });

  it.each([
    [['--seed', 'x'], '--seed must be a whole number, got x'],
    [['--smal'], "Unknown option '--smal'"],
  ])('refuses %s in a line', (flags, text) => {
    const { status, stdout, stderr } = echo(...flags);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(text);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('known are --small, --seed, --output, --eager, --json');
  });

  it('takes the same steps compiled and eagerly', async () => {
    const { tensor } = await import('adjoint');
    for (const eager of [true, false]) {
      const step = stepOf((x) => x.mul(2), eager);
      expect(step.sync(tensor([3])).item()).toBe(6);
      expect((await step(tensor([4]))).item()).toBe(8);
    }
  });
});
