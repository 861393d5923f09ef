// What concerns a family of operations or layers is found by its name: `npm test -- softmax`.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/pages.js';

const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter((f) =>
  /\.test\.ts$/.test(f),
);
const filesOf = (folder: string): string[] =>
  readdirSync(join(root, 'lib', folder)).flatMap((file) => (file === 'index.ts' ? [] : [file.replace(/\.ts$/, '')]));

/** What several families are made with, and where it is tested. */
const parts: Record<string, string> = {
  generator: 'random',
  location: 'module-errors',
  padding: 'conv',
  roles: 'module',
  slots: 'module',
  state: 'module',
  summary: 'module',
  tree: 'places',
  weights: 'init',
  windows: 'pool',
};

const isFound = (name: string): boolean => tests.some((file) => file.includes(name));
/** Whether a file of lib has tests of its name, or of the family that its name begins with: `conv` of `conv-checks`. */
const isTested = (name: string): boolean => isFound(name) || isFound(`${name.split('-')[0]}.test.ts`);

describe.each(['ops', 'nn'])('lib/%s', (folder) => {
  it.each(filesOf(folder))('npm test -- %s runs tests', (name) => {
    expect(isTested(parts[name] ?? name)).toBe(true);
  });
});

it('no part has tests of its name', () => {
  const all = [...filesOf('ops'), ...filesOf('nn')];
  expect(Object.keys(parts).filter((name) => !all.includes(name) || isFound(name))).toEqual([]);
});

it('a name without tests is found', () => {
  expect(isTested('sofmax')).toBe(false);
});
