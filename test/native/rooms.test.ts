// Which folder of native/ may include which: a room knows the rooms below it, never one above, and no two folders or
// files know each other.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const native = fileURLToPath(new URL('../../native', import.meta.url));

/** From the ground up. */
const rooms = ['compat', 'runtime', 'simd', 'gemm', 'kernels', 'program', 'binding'];

/** `from` includes `to`: files, or folders, relative to native/. */
type Edge = readonly [from: string, to: string];

function includes(files: ReadonlyMap<string, string>): Edge[] {
  return [...files].flatMap(([file, text]) =>
    [...text.matchAll(/^#include "(.+)"$/gm)].map(([, name]): Edge => [file, normalize(join(dirname(file), name!))]),
  );
}

function readSources(): Map<string, string> {
  const names = readdirSync(native, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(h|cc)$/.test(name));
  return new Map(names.map((name) => [name, readFileSync(join(native, name), 'utf8')]));
}

const roomOf = (file: string): number => rooms.indexOf(file.split(/[\\/]/)[0] as string);

/** Includes of a room above, or of one that is not listed. */
function upwards(edges: readonly Edge[]): Edge[] {
  return edges.filter(([from, to]) => roomOf(to) < 0 || roomOf(to) > roomOf(from));
}

/** The nodes on a circle, or from which one is reached. */
function circular(edges: readonly Edge[]): string[] {
  let rest = edges.filter(([from, to]) => from !== to);
  for (let before = -1; before !== rest.length; ) {
    before = rest.length;
    const open = new Set(rest.map(([from]) => from));
    rest = rest.filter(([, to]) => open.has(to));
  }
  return [...new Set(rest.map(([from]) => from))];
}

const betweenFolders = (edges: readonly Edge[]): Edge[] => edges.map(([from, to]) => [dirname(from), dirname(to)]);

// What CMake writes into the build folder.
const generated = 'families.inc';
const sources = readSources();
const edges = includes(sources).filter(([, to]) => !to.endsWith(generated));

it('an include of a room above and a circle are found', () => {
  const planted = includes(
    new Map([
      ['runtime/pool.cc', '#include "../program/fusion.h"\n#include <mutex>\n'],
      ['kernels/conv/conv.h', '#include "../kernel.h"\n'],
      ['kernels/kernel.h', '#include "table.h"\n#include "conv/conv.h"\n'],
    ]),
  );
  expect(upwards(planted)).toEqual([['runtime/pool.cc', 'program/fusion.h']]);
  expect(circular(planted)).toEqual(['kernels/conv/conv.h', 'kernels/kernel.h']);
  expect(circular(betweenFolders(planted))).toEqual(['kernels/conv', 'kernels']);
});

it('every include names a file, and every folder is a room', () => {
  expect(edges.length).toBeGreaterThan(100);
  expect(edges.filter(([, to]) => !existsSync(join(native, to)))).toEqual([]);
  expect([...sources.keys()].filter((file) => roomOf(file) < 0)).toEqual([]);
});

it('no room includes one above it', () => {
  expect(upwards(edges)).toEqual([]);
});

it('no files and no folders include each other', () => {
  expect(circular(edges)).toEqual([]);
  expect(circular(betweenFolders(edges))).toEqual([]);
});
