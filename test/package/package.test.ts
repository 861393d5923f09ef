// The package as others see it: where the native addon does not load, and from CommonJS. All of it: npm run test:package.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../support/pages.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

// The compiled library in a place of its own: the error of importing it.
function errorIn(name: string, prepare: (place: string) => void): string {
  const place = join(folder, name);
  mkdirSync(place);
  for (const name of ['adjoint.js', 'parts']) {
    cpSync(join(root, 'dist', name), join(place, 'dist', name), { recursive: true });
  }
  writeFileSync(join(place, 'package.json'), JSON.stringify({ name: 'program', type: 'module' }));
  prepare(place);
  const program = `import('./dist/adjoint.js').then(() => console.log('loaded'), (error) => console.log(error.message))`;
  return execFileSync(process.execPath, ['-e', program], { cwd: place, encoding: 'utf8' }).trim();
}

const remedy =
  'adjoint: it was bundled, which a package with native code cannot be; leave it out of the bundle (--external:adjoint of esbuild, `external` of others) and install it beside it';

it('a bundle is told to leave it out', () => {
  expect(errorIn('esm', () => {})).toBe(remedy);
});

it('a bundle of CommonJS, where import.meta is empty, too', () => {
  const withoutUrl = (place: string) => {
    const file = join(place, 'dist', 'adjoint.js');
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('import.meta.url');
    writeFileSync(file, text.replaceAll('import.meta.url', 'undefined'));
  };
  expect(errorIn('cjs', withoutUrl)).toBe(remedy);
});

it('a bundle beside a node-gyp-build', () => {
  const withFinder = (place: string) =>
    cpSync(join(root, 'node_modules', 'node-gyp-build'), join(place, 'node_modules', 'node-gyp-build'), {
      recursive: true,
    });
  expect(errorIn('beside', withFinder)).toBe(remedy);
});

it('a package whose dependency is missing', () => {
  const asPackage = (place: string) => writeFileSync(join(place, 'package.json'), '{"name":"adjoint","type":"module"}');
  expect(errorIn('alone', asPackage)).toBe(
    'adjoint: its dependency node-gyp-build is not installed; run "npm install node-gyp-build"',
  );
});

describe('the one file that is imported', () => {
  const file = join(root, 'dist', 'adjoint.js');

  it('is what package.json names, imports nothing of dist, and exports what the modules export', {
    timeout: 120_000,
  }, async () => {
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(join(root, exports['.'].import.default)).toBe(file);
    const imports = [...readFileSync(file, 'utf8').matchAll(/^import .*? from "(.*)";$/gm)].map((match) => match[1]);
    expect(imports.length).toBeGreaterThan(3);
    expect(imports.filter((name) => !name?.startsWith('node:'))).toEqual([]);
    const names = async (url: string) => Object.keys(await import(url)).sort();
    expect(await names(file)).toEqual(await names(join(root, 'dist', 'index.js')));
  });

  it('has readable stack traces: functions by name, with --enable-source-maps lines of lib', () => {
    const program = `import('${pathToFileURL(file).href}').then(({ nn, ones }) => new nn.Linear(2, 3).forward(ones([1, 4])))`;
    const traceOf = (...flags: string[]) => {
      const { stderr } = spawnSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8' });
      return stderr.replaceAll('\r\n', '\n');
    };
    expect(traceOf()).toMatch(/ShapeError: Linear: .*\n *at Linear\..* \(.*adjoint\.js:\d+:\d+\)/);
    expect(traceOf('--enable-source-maps')).toMatch(/ at .*forward \(.*lib[\\/]nn[\\/]linear\.ts:\d+:\d+\)/);
  });
});

describe('CommonJS', () => {
  const place = join(folder, 'commonjs');
  const prepare = () => {
    if (existsSync(place)) return;
    mkdirSync(join(place, 'node_modules'), { recursive: true });
    symlinkSync(root, join(place, 'node_modules', 'adjoint'), 'junction');
    writeFileSync(join(place, 'package.json'), '{ "name": "program" }');
  };
  const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: place, encoding: 'utf8' }).trim();

  it('require gives what import gives', () => {
    prepare();
    writeFileSync(
      join(place, 'program.cjs'),
      `const required = require('adjoint');
import('adjoint').then((imported) => console.log(required.Tensor === imported.Tensor, required.ones([2]).sum().item()));
`,
    );
    expect(node('program.cjs')).toBe('true 2');
  });

  it('its declarations are right for module node16, and the same for import and require', () => {
    prepare();
    writeFileSync(
      join(place, 'typed.cts'),
      `import adjoint = require('adjoint');
import { nn, ones, type Tensor } from 'adjoint';
const layer: nn.Linear = new adjoint.nn.Linear(2, 1);
const y: Tensor = layer.forward(ones([3, 2])).relu();
// @ts-expect-error: an unknown option
ones([1], { dtypo: 'float32' });
export { y };
`,
    );
    writeFileSync(
      join(place, 'typed.mts'),
      `import { nn, ones, type Tensor } from 'adjoint';
import { y } from './typed.cjs';
export class Half extends nn.Module {
  readonly layer: nn.Linear = new nn.Linear(2, 1);
  forward(x: Tensor): Tensor {
    return this.layer.forward(x).div(2);
  }
}
const z: Tensor = y;
const other: typeof y = ones([1]);
// @ts-expect-error: an unknown option
ones([1], { dtypo: 'float32' });
export { other, z };
`,
    );
    const compilerOptions = {
      ...{ module: 'node16', moduleResolution: 'node16', strict: true, noEmit: true, target: 'es2022' },
      ...{ lib: ['es2023'], types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] },
    };
    writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['typed.cts', 'typed.mts'] }));
    expect(node(join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', place)).toBe('');
  });
});
