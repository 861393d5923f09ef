// What the package holds beside the declarations. dist/adjoint.js is the whole library in one file, which loads in a third
// of the time that its 140 modules take; it is not minified, so that stack traces name functions, and with
// --enable-source-maps lines of lib. dist/index.cjs gives it to CommonJS. TypeScript lets no CommonJS module of
// `module: node16` require an ES module, so that beside each dist/x.d.ts stands a dist/x.d.cts that says the same.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'rolldown';
import { documentMethods } from './document-methods.mjs';
import { root } from './steps.mjs';

const dist = join(root, 'dist');
await build({
  input: join(root, 'lib', 'index.ts'),
  platform: 'node',
  external: ['csv-parse', 'node-gyp-build'],
  tsconfig: join(root, 'tsconfig.json'),
  logLevel: 'warn',
  // Without comments, which the declarations have, and in ASCII: V8 reads such a file in half the time.
  // The source map names files and lines of lib, which traces show; their text would be half of the package.
  output: {
    ...{ file: join(dist, 'adjoint.js'), format: 'esm', comments: false },
    ...{ sourcemap: true, sourcemapExcludeSources: true },
  },
});
const bundle = readFileSync(join(dist, 'adjoint.js'), 'utf8');
const escaped = (/** @type {string} */ unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
writeFileSync(join(dist, 'adjoint.js'), bundle.replace(/[^\0-\x7f]/g, escaped));
writeFileSync(join(dist, 'index.cjs'), `module.exports = require('./adjoint.js');\n`);
documentMethods(dist);
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.d.ts')) continue;
  const text = readFileSync(join(dist, name), 'utf8').replace(/(['"])(\.{1,2}\/[^'"]*)\.js\1/g, '$1$2.cjs$1');
  writeFileSync(join(dist, name.replace(/\.d\.ts$/, '.d.cts')), text);
}
