// What is said where the native addon does not load. The whole package: npm run test:package.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { root } from './pages.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

// The compiled library in a place of its own: the error of importing it.
function errorIn(name: string, prepare: (place: string) => void): string {
  const place = join(folder, name);
  mkdirSync(place);
  cpSync(join(root, 'dist'), join(place, 'dist'), { recursive: true });
  writeFileSync(join(place, 'package.json'), JSON.stringify({ name: 'program', type: 'module' }));
  prepare(place);
  const program = `import('./dist/index.js').then(() => console.log('loaded'), (error) => console.log(error.message))`;
  return execFileSync(process.execPath, ['-e', program], { cwd: place, encoding: 'utf8' }).trim();
}

const remedy =
  'adjoint: it was bundled, which a package with native code cannot be; leave it out of the bundle (--external:adjoint of esbuild, `external` of others) and install it beside it';

it('a bundle is told to leave it out', () => {
  expect(errorIn('esm', () => {})).toBe(remedy);
});

it('a bundle of CommonJS, where import.meta is empty, too', () => {
  const withoutUrl = (place: string) => {
    const file = join(place, 'dist', 'load.js');
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
