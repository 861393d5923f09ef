// The tests of a family of operations or layers are found by its name: `npm test -- softmax`.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { native } from '../../lib/native.js';
import { root } from '../support/pages.js';

const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter((f) =>
  /\.test\.ts$/.test(f),
);
const filesOf = (folder: string): string[] =>
  readdirSync(join(root, 'lib', folder)).flatMap((file) => (file === 'index.ts' ? [] : [file.replace(/\.ts$/, '')]));

/** What several families are made with, and where it is tested. */
const parts: Record<string, string> = {
  callable: 'gradient-penalty',
  generator: 'random',
  location: 'module-errors',
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

/** Below the families, which are made with them: they call kernels of several. */
const ground = ['broadcast', 'copy', 'creation'];

/** The families of the kernels that each file of lib/ops calls. */
const called = new Map(
  filesOf('ops').flatMap((name): [string, string[]][] => {
    const source = readFileSync(join(root, 'lib/ops', `${name}.ts`), 'utf8');
    const kernels = [...source.matchAll(/\bkernel\(\s*'(\w+)'/g)].map((match) => match[1] as string);
    const families = new Set(kernels.map((kernel) => native.kernelTable[kernel]?.family as string));
    return families.size === 0 ? [] : [[name, [...families]]];
  }),
);

it.each([...called].filter(([name]) => !ground.includes(name)))(
  'lib/ops/%s.ts is named after the family %j of its kernels',
  (name, families) => {
    expect(families).toEqual([name.split('-')[0]]);
  },
);

it('each family has a file of its name in native/kernels, lib/ops and test/ops', () => {
  const families = [...new Set(Object.values(native.kernelTable).map((entry) => entry.family))];
  const missing = families.filter((family) => {
    const folder = existsSync(join(root, 'native/kernels', family)) ? `${family}/` : '';
    const files = [`native/kernels/${folder}${family}.cc`, `lib/ops/${family}.ts`, `test/ops/${family}.test.ts`];
    return family !== 'optim' && !files.every((file) => existsSync(join(root, file)));
  });
  expect(missing).toEqual([]);
  expect(families.length).toBeGreaterThan(15);
});

it('no part has tests of its name', () => {
  const all = [...filesOf('ops'), ...filesOf('nn')];
  expect(Object.keys(parts).filter((name) => !all.includes(name) || isFound(name))).toEqual([]);
});

it('a name without tests is found', () => {
  expect(isTested('sofmax')).toBe(false);
});

// Errors of the native side are of the copy of lib that was loaded last: a second one, of dist, would break what tests in the same process
// expect of their own.
it('tests that share a process load lib once', () => {
  const source = readFileSync(join(root, 'vitest.config.ts'), 'utf8');
  const folders = /'(autograd\|[\w|]+)'/.exec(source)?.[1]?.split('|') ?? [];
  const shared = tests
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => folders.some((folder) => file.startsWith(`${folder}/`)))
    .filter((file) => !source.includes(`'${file.replace('.test.ts', '')}'`));
  expect(shared.length).toBeGreaterThan(100);
  const twice = shared.filter((file) => {
    const text = readFileSync(join(root, 'test', file), 'utf8');
    return /(?:from |import\()'(?:adjoint|[./]*\/(?:dist|examples)\/.*)'/.test(text);
  });
  expect(twice).toEqual([]);
});
