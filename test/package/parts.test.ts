// What an import evaluates, and that parts which are evaluated later belong to the same library (scripts/bundle/owners.mjs).
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as modules from '../../dist/index.js';
import { root } from '../support/pages.js';

const dist = join(root, 'dist');
const file = join(dist, 'adjoint.js');
const parts = readdirSync(join(dist, 'parts')).filter((name) => name.endsWith('.cjs'));

/** What a program prints as JSON, in a process of its own; `loaded()` are the parts that have been evaluated. */
function printed(program: string): unknown {
  const start = `import { createRequire } from 'node:module';
import * as adjoint from ${JSON.stringify(pathToFileURL(file).href)};
const { cache } = createRequire(import.meta.url);
const loaded = () => Object.keys(cache).filter((f) => f.endsWith('.cjs')).map((f) => f.match(/dist.parts.(.*).cjs$/)[1]).sort();
`;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', start + program], { encoding: 'utf8' }),
  );
}

/** The names in a namespace and those in it, with what they are. */
function namesIn(namespace: object, path = ''): string[] {
  return Object.entries(namespace).flatMap(([name, value]) => [
    `${path}${name}: ${typeof value} ${value.name?.replace(/\$\d+$/, '') ?? ''}`, // bundled, one of two x is x$1
    ...(Object.prototype.toString.call(value) === '[object Module]' ? namesIn(value, `${path}${name}.`) : []),
  ]);
}

describe('an import', () => {
  it('evaluates no part, nor do the names of what is there', () => {
    const program = `
const { optim, linalg, distributions } = adjoint;
const names = Object.keys(optim).length + Object.keys(distributions).length;
console.log(JSON.stringify([names > 50, 'Adam' in optim, 'Adams' in optim, optim.Adams === undefined, loaded()]));`;
    expect(printed(program)).toEqual([true, true, false, true, []]);
  });

  it('reads less than 650,000 bytes', () => {
    expect(readFileSync(file).length).toBeLessThan(650_000);
  });

  it('takes no module of Node.js that takes long', () => {
    const imported = [...readFileSync(file, 'utf8').matchAll(/^import .*? from "(.*)";$/gm)].map((match) => match[1]);
    expect(imported).toContain('node:module');
    for (const slow of ['crypto', 'fs', 'http', 'stream', 'v8', 'worker_threads', 'zlib']) {
      expect(imported).not.toContain(`node:${slow}`);
    }
  });
});

describe('a part', () => {
  it('is evaluated when something of it is first used', () => {
    expect(parts.length).toBeGreaterThan(5);
    const program = `
const steps = [loaded()];
adjoint.optim.Adam;
steps.push(loaded());
const { GRU } = adjoint.nn;
steps.push(loaded());
console.log(JSON.stringify(steps));`;
    expect(printed(program)).toEqual([[], ['optim'], ['optim', 'recurrent']]);
  });

  it('gives methods of tensors and functions, with nothing imported', () => {
    const program = `
const determinant = adjoint.tensor([[2, 1], [1, 3]]).det().item();
const counts = adjoint.poisson(adjoint.zeros([2])).toArray();
console.log(JSON.stringify([Math.round(determinant), counts, loaded().includes('linalg')]));`;
    expect(printed(program)).toEqual([5, [0, 0], true]);
  });

  it('throws errors of the library, whose traces name functions and lines of lib', () => {
    const program = `
import(${JSON.stringify(pathToFileURL(file).href)}).then(({ optim, ArgumentError }) => {
  try { new optim.SGD([], { lr: -1 }) } catch (error) { console.log(error instanceof ArgumentError, error.stack) }
});`;
    const trace = (...flags: string[]) =>
      execFileSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8' });
    expect(trace()).toMatch(/^true ArgumentError: .*\n[\s\S]* at new SGD \(.*parts[/\\]optim\.cjs:\d+:\d+\)/);
    expect(trace('--enable-source-maps')).toMatch(/lib[/\\]optim[/\\]sgd\.ts:\d+:\d+\)/);
  });
});

it('everything is there once, under the names of the modules', async () => {
  expect(namesIn(await import(file)).sort()).toEqual(namesIn(modules).sort());
  const declared = [file, ...parts.map((name) => join(dist, 'parts', name))].flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^(?:var|const) (\w+) = class\b/gm)].map((match) => match[1]),
  );
  expect(declared.length).toBeGreaterThan(250);
  expect(declared.length).toBe(new Set(declared).size);
});
