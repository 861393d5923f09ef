// Which folder of native/ may include which: a room knows the rooms below it, never one above, and no two folders or
// files know each other.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { betweenFolders, circles, type Graph } from '../support/circles.js';

const native = fileURLToPath(new URL('../../native', import.meta.url));

/** What CMake writes into the build folder. */
const generated = ['binding/families.inc', 'compat/node_api.inc'];
/** From the ground up. */
const rooms = ['compat', 'runtime', 'simd', 'gemm', 'distributed', 'kernels', 'program', 'binding'];

/** What each file includes, relative to native/. */
function includes(files: ReadonlyMap<string, string>): Graph {
  const targets = (file: string, text: string): string[] =>
    [...text.matchAll(/^#include "(.+)"$/gm)].map(([, name]) => posix.join(posix.dirname(file), name!));
  return new Map(
    [...files].map(([file, text]) => [file, new Set(targets(file, text).filter((to) => !generated.includes(to)))]),
  );
}

function readSources(): Map<string, string> {
  const names = readdirSync(native, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(h|cc)$/.test(name));
  return new Map(names.map((name) => [name.replaceAll('\\', '/'), readFileSync(join(native, name), 'utf8')]));
}

const roomOf = (file: string): number => rooms.indexOf(file.split('/')[0] as string);
const edgesOf = (graph: Graph): [from: string, to: string][] =>
  [...graph].flatMap(([from, targets]) => [...targets].map((to): [string, string] => [from, to]));

/** Includes of a room above, or of one that is not listed. */
const upwards = (graph: Graph): [from: string, to: string][] =>
  edgesOf(graph).filter(([from, to]) => roomOf(to) < 0 || roomOf(to) > roomOf(from));

const sources = readSources();
const graph = includes(sources);

it('an include of a room above and a circle are found', () => {
  const planted = includes(
    new Map([
      ['runtime/pool.cc', '#include "../program/fusion.h"\n#include <mutex>\n'],
      ['kernels/conv/conv.h', '#include "../kernel.h"\n'],
      ['kernels/kernel.h', '#include "table.h"\n#include "conv/conv.h"\n'],
    ]),
  );
  expect(upwards(planted)).toEqual([['runtime/pool.cc', 'program/fusion.h']]);
  expect(circles(planted)).toEqual([
    ['kernels/conv/conv.h → kernels/kernel.h', 'kernels/kernel.h → kernels/conv/conv.h'],
  ]);
  expect(circles(betweenFolders(planted))).toEqual([['kernels → kernels/conv', 'kernels/conv → kernels']]);
});

it('every include names a file, and every folder is a room', () => {
  const edges = edgesOf(graph);
  expect(edges.length).toBeGreaterThan(100);
  expect(edges.filter(([, to]) => !existsSync(join(native, to)))).toEqual([]);
  expect([...sources.keys()].filter((file) => roomOf(file) < 0)).toEqual([]);
});

it('no room includes one above it', () => {
  expect(upwards(graph)).toEqual([]);
});

it('no files and no folders include each other', () => {
  expect(circles(graph)).toEqual([]);
  expect(circles(betweenFolders(graph))).toEqual([]);
});
