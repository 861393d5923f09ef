// What the package holds beside the declarations. dist/adjoint.js is the core of the library in one file, which loads in a
// third of the time that its modules take; dist/parts holds what is loaded when it is first used. They are not minified, so
// that stack traces name functions, and with --enable-source-maps lines of lib. dist/index.cjs gives the library to CommonJS.
// TypeScript lets no CommonJS module of `module: node16` require an ES module, so that the package has each dist/x.d.ts as
// dist/x.d.cts, which says the same; dist/index.d.mts gives these declarations to ES modules, whose types are the same ones then. dist/parts/echarts.js is what charts use of Apache ECharts, which would be 67 MB in a user's
// node_modules; echarts.NOTICE.txt beside it has its licences.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { rolldown } from 'rolldown';
import { core, Owners } from './bundle/owners.mjs';
import { statementsOf } from './bundle/statements.mjs';
import { corePieces, partPieces, withModuleUrl } from './bundle/texts.mjs';
import { writePieces } from './bundle/write.mjs';
import { documentMethods } from './document-methods.mjs';
import { root } from './steps.mjs';

/** What is loaded when it is first used: files of lib by how their names begin. docs/architecture.md, "Loading". */
const parts = {
  charts: ['lib/charts/'],
  compress: ['lib/compress/'],
  data: ['lib/data/'],
  derivatives: ['lib/backward/functional', 'lib/backward/gradcheck'],
  distributed: ['lib/distributed/', 'lib/nn/data-parallel'],
  distributions: ['lib/distributions/'],
  explain: ['lib/explain/'],
  func: ['lib/func/'],
  images: [
    'lib/ops/grid-sample',
    'lib/ops/upsample',
    'lib/nn/upsample',
    'lib/ops/pool-unpool',
    'lib/ops/pool-fractional',
  ],
  io: ['lib/io/'],
  linalg: ['lib/ops/linalg'],
  lora: ['lib/nn/lora', 'lib/nn/freeze'],
  metrics: ['lib/metrics/'],
  models: ['lib/models/'],
  onnx: ['lib/io/onnx/'],
  optim: ['lib/optim/'],
  parametrizations: ['lib/nn/parametriz'],
  privacy: ['lib/privacy/'],
  recurrent: ['lib/nn/recurrent', 'lib/nn/packed', 'lib/ops/recurrent'],
  rl: ['lib/rl/'],
  robust: ['lib/robust/'],
  train: ['lib/train/'],
  transformer: ['lib/nn/transformer', 'lib/nn/attention', 'lib/nn/key-value', 'lib/nn/positions', 'lib/ops/attention'],
};

const dist = join(root, 'dist');
const cli = join(root, 'lib', 'cli', 'main.ts');

/** The library as one module. */
async function bundle() {
  const build = await rolldown({
    input: join(root, 'lib', 'index.ts'),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !isAbsolute(id),
    plugins: [{ name: 'charts', resolveId: (id) => (id === './echarts.js' ? { id, external: 'relative' } : null) }],
    tsconfig: join(root, 'tsconfig.json'),
    logLevel: 'warn',
  });
  // Without comments, which the declarations have, and in ASCII: V8 reads such a file in half the time.
  // The source map names files and lines of lib, which traces show; their text would be half of the package.
  const { output } = await build.generate({
    ...{ file: join(dist, 'adjoint.js'), format: 'esm', comments: false },
    ...{ sourcemap: true, sourcemapExcludeSources: true },
  });
  if (output.some(({ type }, i) => type === 'chunk' && i > 0))
    throw new Error('bundle: lib must not import() its own files');
  const escaped = (/** @type {string} */ unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const code = withModuleUrl(output[0].code.replace(/[^\0-\x7f]/g, escaped));
  return { code, map: output[0].map };
}

/** ECharts and what it is made of; minified, because nobody's stack traces lead there. */
async function bundleCharts() {
  const build = await rolldown({
    input: join(root, 'lib', 'charts', 'echarts.ts'),
    platform: 'node',
    tsconfig: join(root, 'tsconfig.json'),
    logLevel: 'warn',
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
  });
  const file = join(dist, 'parts', 'echarts.js');
  await build.write({ file, format: 'esm', comments: false, minify: true });
  const works = ['echarts/NOTICE', 'echarts/LICENSE', 'echarts/licenses/LICENSE-d3', 'zrender/LICENSE'];
  const { resolve } = createRequire(import.meta.url);
  const textOf = (/** @type {string} */ name) => {
    const [work, ...path] = name.split('/');
    return readFileSync(join(dirname(resolve(`${work}/package.json`)), ...path), 'utf8').trim();
  };
  const texts = works.map((name) => `${name}\n\n${textOf(name)}\n`);
  writeFileSync(
    join(dist, 'parts', 'echarts.NOTICE.txt'),
    `echarts.js contains parts of these works.\n\n${texts.join('\n\n')}`,
  );
}

/** What threads of their own run: the server of a store, the signs of life of a process, and environments. */
async function bundleThreads() {
  for (const path of ['distributed/store-worker', 'distributed/heart', 'rl/environment-worker']) {
    const input = join(root, 'lib', `${path}.ts`);
    const name = basename(path);
    const build = await rolldown({ input, platform: 'node', tsconfig: join(root, 'tsconfig.json'), logLevel: 'warn' });
    await build.write({ file: join(dist, 'parts', `${name}.js`), format: 'esm', comments: false });
  }
}

/**
 * The command line: a program on the exports of the library and, to start processes, on the store in which they meet; on
 * nothing else of lib, which it would have twice. `adjoint-run` is `adjoint run`.
 */
async function bundleCli() {
  const build = await rolldown({
    input: cli,
    platform: 'node',
    external: (id) => !id.startsWith('.') && !isAbsolute(id),
    plugins: [{ name: 'library', resolveId: (id, from) => libraryFor(id, from ?? cli) }],
    tsconfig: join(root, 'tsconfig.json'),
    logLevel: 'warn',
  });
  await build.write({ file: join(dist, 'cli.js'), format: 'esm', comments: false });
  const run = `#!/usr/bin/env node\nprocess.argv.splice(2, 0, 'run');\nawait import('./cli.js');\n`;
  writeFileSync(join(dist, 'cli-run.js'), run);
}

/** What the command line has of its own, though it is no part of it: modules without a state. */
const shared = [
  ...['tcp-store.js', 'store-server.js', 'frames.js', 'seats.js', 'within.js'].map((name) => join('distributed', name)),
  'thread-file.js',
].map((name) => join(root, 'lib', name));

/** @param {string} id @param {string} from */
function libraryFor(id, from) {
  const path = join(dirname(from), id);
  if (!id.startsWith('.') || path.startsWith(join(dirname(cli), sep))) return null;
  if (shared.includes(path)) return null;
  const isLibrary = ['index.js', 'errors.js'].some((name) => path === join(root, 'lib', name));
  if (!isLibrary) throw new Error(`bundle: ${from} must not import ${id}, but lib/index.ts`);
  return { id: './adjoint.js', external: true };
}

const { code, map } = await bundle();
const owners = new Owners(statementsOf(code), parts);
rmSync(join(dist, 'parts'), { recursive: true, force: true });
writePieces(join(dist, `${core}.js`), corePieces(owners), { code, map, dist });
for (const part of owners.parts) {
  writePieces(join(dist, 'parts', `${part}.cjs`), partPieces(owners, part), { code, map, dist });
}
await bundleCharts();
await bundleThreads();
if (existsSync(cli)) await bundleCli();
writeFileSync(join(dist, 'index.cjs'), `module.exports = require('./adjoint.js');\n`);
documentMethods(dist);
writeFileSync(join(dist, 'index.d.mts'), `export * from './index.cjs';\n`);
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.d.ts') || name.startsWith(`cli${sep}`)) continue;
  const text = readFileSync(join(dist, name), 'utf8').replace(/(['"])(\.{1,2}\/[^'"]*)\.js\1/g, '$1$2.cjs$1');
  writeFileSync(join(dist, name.replace(/\.d\.ts$/, '.d.cts')), text);
}
