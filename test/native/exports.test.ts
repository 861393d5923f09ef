// What the addon exports is what the library reads, and the other way round: nothing is written down in both languages
// without being compared.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { kernel, native } from '../../lib/native.js';

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
  expect(kernel('relu', 'y x')).toBe(native.kernels.relu);
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

it('the library uses each function that the addon exports', () => {
  const exported = Object.keys(native).filter((name) => !['kernels', 'kernelTable'].includes(name));
  const unread = exported.filter((name) => !new RegExp(`\\bnative\\.${name}\\b`).test(source));
  expect(unread).toEqual([]);
  const missing = found(/\bnative\.(\w+)/g).filter((name) => !(name in native) && name !== 'js');
  expect(missing).toEqual([]);
});
