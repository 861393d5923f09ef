// No circles: nothing that a file imports at run time leads back to it. Types may point both ways.
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, it } from 'vitest';
import { parseAst } from 'vitest/node';
import { betweenFolders, circles, type Graph } from '../support/circles.js';

const imports = new Set(['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration']);

/** The files that each file of the library imports; in `dist`, because imports of types are gone there. */
function importsOf(folder: URL): Graph {
  const graph = new Map<string, Set<string>>();
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = entry.replaceAll('\\', '/');
    if (!file.endsWith('.js')) continue;
    const { body } = parseAst(readFileSync(new URL(file, folder), 'utf8')) as unknown as {
      body: { type: string; source?: { value: string } | null }[];
    };
    const sources = body.filter(({ type }) => imports.has(type)).map(({ source }) => source?.value ?? '');
    const inside = sources.filter((source) => source.startsWith('.'));
    graph.set(file, new Set(inside.map((source) => posix.join(posix.dirname(file), source))));
  }
  return graph;
}

const library = importsOf(new URL('../../dist/', import.meta.url));

it('circles are found', () => {
  const graph = new Map(Object.entries({ a: ['b'], b: ['c', 'd'], c: ['a'], d: ['e'], e: [] as string[] }));
  const sets = new Map([...graph].map(([node, targets]) => [node, new Set(targets)]));
  expect(circles(sets)).toEqual([['a → b', 'b → c', 'c → a']]);
  expect(library.get('program/compile.js')).toContain('errors.js');
});

it('no circles between files', () => {
  expect(circles(library)).toEqual([]);
});

it('no circles between folders', () => {
  expect(circles(betweenFolders(library))).toEqual([]);
});
