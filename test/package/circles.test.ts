// Modules in layers: what a file imports at run time never leads back to it. Types may point both ways.
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, it } from 'vitest';
import { parseAst } from 'vitest/node';

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

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

/** The groups of nodes that reach each other, and the edges inside of each. */
function circles(graph: Graph): string[][] {
  const reached = new Map([...graph.keys()].map((start) => [start, reach(graph, start)]));
  const both = (a: string, b: string): boolean => Boolean(reached.get(a)?.has(b) && reached.get(b)?.has(a));
  const groups = new Map<string, string[]>();
  for (const [from, targets] of graph) {
    for (const to of targets) {
      if (!both(from, to)) continue;
      const first = [...graph.keys()].find((node) => node === from || both(node, from)) as string;
      groups.set(first, [...(groups.get(first) ?? []), `${from} → ${to}`]);
    }
  }
  return [...groups.values()].map((edges) => edges.sort());
}

function reach(graph: Graph, start: string): Set<string> {
  const found = new Set<string>();
  const stack = [start];
  while (stack.length > 0) {
    for (const next of graph.get(stack.pop() as string) ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      stack.push(next);
    }
  }
  return found;
}

/** A graph of folders; the files at the top, its foundation and its entry, stand for themselves. */
function betweenFolders(files: Graph): Graph {
  const folderOf = (file: string): string => (file.includes('/') ? posix.dirname(file) : file);
  const folders = new Map<string, Set<string>>();
  for (const [file, targets] of files) {
    const from = folderOf(file);
    const set = folders.get(from) ?? new Set();
    folders.set(from, set);
    for (const target of targets) if (folderOf(target) !== from) set.add(folderOf(target));
  }
  return folders;
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
