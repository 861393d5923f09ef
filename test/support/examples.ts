// The examples of TSDoc, compiled as a user of TypeScript with the strictest flags compiles them.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as adjoint from '../../lib/index.js';
import { root } from './pages.js';

export interface Example {
  file: string;
  code: string;
}

function examplesIn(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/@example\n((?:\s*\*(?! @|\/).*\n)+)/g)].map((match) => ({
    file,
    code: (match[1] as string).replace(/^\s*\* ?/gm, '').trim(),
  }));
}

const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('lib', name));

/** All examples of the library. */
export const examples = sources.sort().flatMap(examplesIn);

/** What examples take for granted, and its types. */
export const granted: Record<string, string> = {
  model: 'adjoint.nn.Sequential',
  ...Object.fromEntries(
    ['x', 'y', 'labels', 'images', 'scores', 'logProbabilities', 'hidden', 'loss'].map((name) => [name, 'Tensor']),
  ),
  optimizer: 'adjoint.optim.SGD',
  step: '(...inputs: Tensor[]) => Tensor',
  features: 'number',
};

/** An example as a function of the names in it; a last line that ends in `// [2, 3]` gives its value. */
export type Compiled = (this: object, names: Record<string, unknown>) => Promise<unknown>;

const lastValue = (line: string) => /^(?:const .*? = )?(.*); \/\/ (\[[-\d\s,.[\]]*\])$/.exec(line);

/** The value in the comment at the end of an example, where there is one. */
export function expectedOf({ code }: Example): string | undefined {
  const last = code.split('\n').at(-1) as string;
  return last.startsWith('const {') ? undefined : lastValue(last)?.[2];
}

function sourceOf(example: Example, index: number): string {
  const lines = example.code.split('\n');
  const value = expectedOf(example) === undefined ? undefined : lastValue(lines.at(-1) as string)?.[1];
  const body = value === undefined ? lines : [...lines.slice(0, -1), `return (${value});`];
  return [
    `// ${example.file}`,
    `export async function example${index}(this: Record<string, unknown>, names: Names): Promise<unknown> {`,
    `const { ${[...Object.keys(adjoint), ...Object.keys(granted)].filter((name) => name !== 'var').join(', ')} } = names;`,
    ...['{', ...body, '}', 'return undefined;', '}', ''],
  ].join('\n');
}

/** Compiles examples in `folder`; throws the compiler's errors. */
export async function compileExamples(folder: string, list: readonly Example[]): Promise<Compiled[]> {
  const types = Object.entries(granted).map(([name, type]) => `${name}: ${type};`);
  const head = `import type * as adjoint from 'adjoint';
import type { optim, Tensor } from 'adjoint';
type Names = typeof adjoint & { ${types.join(' ')} };
`;
  writeFileSync(join(folder, 'examples.ts'), head + list.map(sourceOf).join(''));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  const compilerOptions = {
    ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: true },
    ...{ target: 'es2022', lib: ['es2023', 'esnext.disposable'], module: 'nodenext', outDir: folder, rootDir: folder },
    paths: { adjoint: [join(root, 'dist', 'index.d.ts')] },
    typeRoots: [join(root, 'node_modules', '@types')],
    types: ['node'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['examples.ts'] }));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    execFileSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8', cwd: folder });
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout);
  }
  const made = await import(/* @vite-ignore */ pathToFileURL(join(folder, 'examples.js')).href);
  return list.map((_, i) => made[`example${i}`] as Compiled);
}
