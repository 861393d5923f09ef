// What the addon exports is what the library reads, and the other way round: nothing is written down in both languages
// without being compared.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { dtypes, dtypeTraits } from '../../lib/dtype.js';
import { compile, conv1d, linear, maxPool1d, nn, ones, type Tensor, zeros } from '../../lib/index.js';
import { kernel, native } from '../../lib/native.js';
import { refusals } from '../../lib/program/errors.js';
import { message } from '../support/compiled.js';

const lib = fileURLToPath(new URL('../../lib', import.meta.url));
const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const source = files.map((name) => readFileSync(join(lib, name), 'utf8')).join('\n');

/** The first groups of all matches, each once, sorted. */
const found = (pattern: RegExp): string[] =>
  [...new Set([...source.matchAll(pattern)].map((match) => match[1] as string))].sort();

it('the library calls each kernel of the table, and no other', () => {
  expect(found(/\bkernel\(\s*'(\w+)'/g)).toEqual(Object.keys(native.kernels).sort());
  expect(Object.keys(native.kernelTable)).toEqual(Object.keys(native.kernels));
});

it('parameters that are not those of the C++ function are refused when a module loads', () => {
  expect(kernel('relu', 'y x')).toBeInstanceOf(Function);
  const wrong: [string, string][] = [
    ['relu', 'x y'],
    ['relu', 'y'],
    ['relu', 'y x slope'],
    ['where', 'y condition b a dims'],
  ];
  for (const [name, parameters] of wrong) {
    expect(() => kernel(name, parameters)).toThrow(
      `internal: kernel ${name} has the parameters (${native.kernelTable[name]?.parameters}), got (${parameters})`,
    );
  }
  expect(() => kernel('noSuch', 'y x')).toThrow('internal: the native addon has no kernel noSuch');
});

it('the library uses everything that the addon exports', () => {
  const exported = Object.keys(native).filter((name) => name !== 'planted'); // of checked builds, scripts/sanitize.mjs
  const unread = exported.filter((name) => !new RegExp(`\\bnative\\.${name}\\b`).test(source));
  expect(unread).toEqual([]);
  const missing = found(/\bnative\.(\w+)/g).filter((name) => !(name in native) && name !== 'js');
  expect(missing).toEqual([]);
});

/** The names that an error lists: `… must be a, b or c, got …`. */
const listed = (text: string): string[] => (/ must be (.+), got /.exec(text)?.[1] ?? '').split(/, | or /);

it('the library knows each code of an enum by its name, and no other', () => {
  const x = ones([1, 1]);
  const ofGroups = {
    collective: found(/\._run\([^,]+, '(\w+)'/g),
    reduce: ['sum', 'min', 'max'], // test/distributed asks for each
    wire: ['full', 'bfloat16'],
  };
  const known: Partial<Record<keyof typeof native.codes, string[]>> = {
    ...(native.groups !== null && ofGroups),
    dtype: dtypes,
    activation: listed(message(() => linear(x, x, null, { activation: 'other' as 'none' }))),
    reduction: listed(message(() => nn.functional.mseLoss(x, x, { reduction: 'other' as 'sum' }))),
    algorithm: ['fastest', 'planes', 'images', 'winograd'], // conv-algorithms.test.ts asks for each
    priority: listed(message(() => compile((t: Tensor) => t, { priority: 'other' as 'low' }))),
    refusal: ['none', ...Object.keys(refusals)],
    ending: ['done', 'misfit', ...found(/\bendings\.(\w+)/g)],
  };
  const sorted = (lists: Record<string, string[]>) =>
    Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...new Set(list)].sort()]));
  const exported = Object.fromEntries(Object.entries(native.codes).map(([name, codes]) => [name, Object.keys(codes)]));
  expect(sorted(known)).toEqual(sorted(exported));
  for (const codes of Object.values(native.codes)) {
    expect(Object.values(codes)).toEqual(Object.keys(codes).map((_, i) => i)); // decoded by position
  }
});

it('elements of each type have as many bytes on both sides', () => {
  for (const dtype of dtypes) {
    const t = zeros([3], { dtype });
    const values = new dtypeTraits[dtype].array(3).fill(7);
    native.write(t.handle, values);
    expect(t.dtype).toBe(dtype);
    expect(Array.from(t.toTypedArray())).toEqual([7, 7, 7]);
  }
});

it('the library reads each limit', () => {
  expect(found(/\bnative\.limits\.(\w+)/g)).toEqual(Object.keys(native.limits).sort());
});

it('the library refuses sizes from the limit on, and the kernels take those below it', () => {
  const x = zeros([1, 1, 4]);
  const run = (stride: number) => maxPool1d(x, 1, { stride });
  expect(run(native.limits.axis).shape).toEqual([1, 1, 1]); // the stride of a single window does not count
  const wide = { padding: native.limits.axis, stride: native.limits.axis };
  expect(() => conv1d(x, x, null, wide)).toThrow('conv1d: stride must be below 2^29 - 1, got 536870911');
  const [y, index] = [zeros([4]), zeros([4], { dtype: 'int32' })];
  const flat = [1, 1, 1, 1, 0, 1];
  const pool = (stride: number) =>
    native.kernels.maxPool?.(y.handle, index.handle, x.handle, 1, ...flat, 4, 4, 1, stride, 0, 1);
  expect(pool(1)).toBe(undefined);
  expect(pool(native.limits.axis - 1)).toBe(undefined);
  expect(() => pool(native.limits.axis)).toThrow('internal: maxPool: the tensors do not fit the sizes');
});
