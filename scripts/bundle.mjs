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
  external: ['node-gyp-build'],
  tsconfig: join(root, 'tsconfig.json'),
  logLevel: 'warn',
  output: { file: join(dist, 'adjoint.js'), format: 'esm', sourcemap: true },
});
writeFileSync(join(dist, 'index.cjs'), `module.exports = require('./adjoint.js');\n`);
documentMethods(dist);
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.d.ts')) continue;
  const text = readFileSync(join(dist, name), 'utf8').replace(/(['"])(\.{1,2}\/[^'"]*)\.js\1/g, '$1$2.cjs$1');
  writeFileSync(join(dist, name.replace(/\.d\.ts$/, '.d.cts')), text);
}
