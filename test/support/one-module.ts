// A plugin of vitest: lib as one module. Each test file has a process of its own, which would load the hundreds of modules
// of lib one by one, a second of processor time per file. What a test imports from a file of lib is an export of the whole.
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type OutputChunk, rolldown } from 'rolldown';
import type { Plugin } from 'vitest/config';

// Vite's addresses have slashes on Windows, too.
const slashed = (path: string): string => path.replaceAll('\\', '/');

const root = fileURLToPath(new URL('../..', import.meta.url));
const lib = slashed(join(root, 'lib'));
const built = slashed(join(root, 'build', 'lib-as-one')); // nothing is written there

// Programs, what threads run, and what is loaded when it is first needed.
const apart = [
  ...['cli', 'charts/echarts.ts', 'distributed/heart.ts', 'distributed/store-worker.ts', 'rl/environment-worker.ts'],
].map((path) => `${lib}/${path}`);

function filesOfLib(): string[] {
  const names = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return names.map((name) => `${lib}/${slashed(name)}`).filter((file) => !apart.some((path) => file.startsWith(path)));
}

/** The whole, and for each file of lib a module with its exports, by where they would be. */
async function build(): Promise<Map<string, OutputChunk>> {
  const bundle = await rolldown({
    input: Object.fromEntries(filesOfLib().map((file) => [file.slice(lib.length + 1, -'.ts'.length), file])),
    platform: 'node',
    external: (id) => !/^[./]/.test(id),
    plugins: [
      {
        name: 'own addresses',
        resolveId(id, from) {
          const file = from === undefined ? '' : asSource(id, from);
          return apart.includes(file) ? { id: file, external: 'absolute' } : null;
        },
        transform: {
          filter: { code: 'import.meta.url' },
          handler: (code, id) => ({
            code: code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href)),
            map: null,
          }),
        },
      },
    ],
    tsconfig: join(root, 'tsconfig.json'),
    logLevel: 'warn',
  });
  const { output } = await bundle.generate({
    ...{ dir: built, format: 'esm', sourcemap: true, keepNames: true },
    ...{ codeSplitting: { groups: [{ name: 'whole', test: /./ }] } },
  });
  await bundle.close();
  const chunks = output.filter((piece) => piece.type === 'chunk');
  return new Map(chunks.map((chunk) => [`${built}/${chunk.fileName}`, chunk]));
}

const resolved = (id: string, from: string): string => slashed(resolve(dirname(from), id));
const asSource = (id: string, from: string): string => resolved(id, from).replace(/\.js$/, '.ts');

export function oneModule(): Plugin {
  let chunks: Promise<Map<string, OutputChunk>> | undefined;
  return {
    name: 'lib as one module',
    enforce: 'pre',
    async resolveId(id, from) {
      if (from === undefined || !/^[./]/.test(id)) return;
      chunks ??= build();
      if (from.startsWith(built)) {
        const path = resolved(id, from);
        return (await chunks).has(path) ? path : undefined;
      }
      const file = asSource(id, from);
      if (!file.startsWith(lib) || from.startsWith(lib)) return;
      const path = file.replace(lib, built).replace(/\.ts$/, '.js');
      return (await chunks).has(path) ? path : undefined;
    },
    async load(id) {
      const chunk = id.startsWith(built) ? (await chunks)?.get(id) : undefined;
      if (chunk === undefined) return;
      for (const file of chunk.moduleIds) this.addWatchFile(file);
      return { code: chunk.code, map: chunk.map ? JSON.stringify(chunk.map) : null };
    },
    watchChange(file) {
      if (slashed(file).startsWith(lib)) chunks = undefined;
    },
  };
}
