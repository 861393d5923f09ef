// The package as CommonJS sees it: dist/index.cjs, which requires the ES module, and its declarations. TypeScript lets no
// CommonJS module of `module: node16` require an ES module, so that beside each dist/x.d.ts stands a dist/x.d.cts that says the
// same, with imports of the others of its kind.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './steps.mjs';

const dist = join(root, 'dist');
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.d.ts')) continue;
  const text = readFileSync(join(dist, name), 'utf8').replace(/(['"])(\.{1,2}\/[^'"]*)\.js\1/g, '$1$2.cjs$1');
  writeFileSync(join(dist, name.replace(/\.d\.ts$/, '.d.cts')), text);
}
writeFileSync(join(dist, 'index.cjs'), `module.exports = require('./index.js');\n`);
