// Circles in graphs of files, and of the folders that hold them.
import { posix } from 'node:path';

/** What each file, or folder, needs. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** The groups of nodes that reach each other, and the edges inside of each. */
export function circles(graph: Graph): string[][] {
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

/**
 * A graph of folders; the files at the top, its foundation and its entry, stand for themselves. So does the index of a folder that
 * has one of a folder in it as a namespace: `io/index.js` is what gives `io.onnx` its name, and not what others use of `io`.
 */
export function betweenFolders(files: Graph): Graph {
  const names = (file: string): boolean =>
    [...(files.get(file) ?? [])].some(
      (target) => target.startsWith(`${posix.dirname(file)}/`) && /\/.*\/index\.js$/.test(target),
    );
  const isOwn = (file: string): boolean => !file.includes('/') || (file.endsWith('/index.js') && names(file));
  const folderOf = (file: string): string => (isOwn(file) ? file : posix.dirname(file));
  const folders = new Map<string, Set<string>>();
  for (const [file, targets] of files) {
    const from = folderOf(file);
    const set = folders.get(from) ?? new Set();
    folders.set(from, set);
    for (const target of targets) if (folderOf(target) !== from) set.add(folderOf(target));
  }
  return folders;
}
