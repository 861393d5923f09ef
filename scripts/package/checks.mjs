// The checks of the installed package: [name, function] in order; a function returns a note or throws.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../steps.mjs';
import { canEmulate, emulatedRanks } from './emulated.mjs';
import { readmeProgram } from './folder.mjs';
import { oldestLevel } from './oldest.mjs';

const xor = readmeProgram(1);
const maxInstallSeconds = 10;
const maxStartMilliseconds = 150;

const expect = (condition, message) => {
  if (!condition) throw new Error(message);
};

/** The README's program has learned when its last loss is small and its four answers are right. */
function checkLearned(output) {
  const loss = Number(/step 500: loss ([\d.]+)/.exec(output)?.[1] ?? Number.NaN);
  const answers = [...output.matchAll(/\[\s*([\d.e-]+)\s*\]/g)].map((match) => Math.round(Number(match[1])));
  expect(loss < 0.05 && answers.join('') === '0110', `the README's program did not learn: ${output}`);
  return `loss ${loss}`;
}

function install(folder, tarball) {
  const started = performance.now();
  folder.npm('install', tarball.file, '--ignore-scripts');
  const seconds = (performance.now() - started) / 1000;
  expect(seconds < maxInstallSeconds, `took ${seconds.toFixed(1)} s, more than ${maxInstallSeconds} s`);
  const packages = readdirSync(join(folder.path, 'node_modules')).filter((name) => !name.startsWith('.'));
  expect(packages.sort().join() === '@bufbuild,adjoint,csv-parse,node-gyp-build', `installed ${packages}`);
  const held = (name) => existsSync(join(folder.path, 'node_modules', 'adjoint', name));
  expect(!held('build'), 'the package holds a build folder');
  expect(held('prebuilds/LICENSES.md') && held('LICENSE'), 'licences are missing');
  return `${seconds.toFixed(1)} s, ${packages.join(' and ')}`;
}

/** npm's own list of packages with install scripts. */
function checkScripts(folder) {
  const found = JSON.parse(folder.npm('query', '*'))
    .filter(
      ({ scripts = {}, name }) => name !== 'app' && ['preinstall', 'install', 'postinstall'].some((s) => scripts[s]),
    )
    .map(({ name }) => name);
  expect(found.length === 0, `install scripts in ${found}`);
}

function program(folder) {
  folder.write('program.mjs', xor);
  return checkLearned(folder.node('program.mjs'));
}

const firstStep = `
const { nn, optim, tensor } = await import('adjoint');
const model = nn.sequential(new nn.Linear(2, 8), nn.functional.tanh, new nn.Linear(8, 1));
const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 });
const loss = nn.functional.binaryCrossEntropyWithLogits(model.forward(tensor([[0, 1]])), tensor([[1]]));
loss.backward();
optimizer.step();
const { user, system } = process.cpuUsage(used);
console.log(performance.now() - started, (user + system) / 1000, performance.now(), loss.item());
`;

/** From the start of import to the first trained step, the median of several processes. */
function startTime(folder) {
  folder.write('start.mjs', `const [started, used] = [performance.now(), process.cpuUsage()];\n${firstStep}`);
  const runs = Array.from({ length: 7 }, () => folder.node('start.mjs').split(' ').map(Number));
  const median = (i) => runs.map((run) => run[i]).sort((a, b) => a - b)[3];
  const [step, busy, whole] = [0, 1, 2].map(median);
  expect(
    step < maxStartMilliseconds,
    `import to first step took ${step.toFixed(0)} ms (${busy.toFixed(0)} computing), limit ${maxStartMilliseconds}`,
  );
  return `${step.toFixed(0)} ms, ${busy.toFixed(0)} ms of them computing, ${whole.toFixed(0)} ms from the start of the process`;
}

function requireIt(folder) {
  folder.write(
    'required.cjs',
    `const { tensor } = require('adjoint');\nconsole.log(tensor([1, 2]).mul(2).toArray().join());\n`,
  );
  expect(folder.node('required.cjs').includes('2,4'), 'require gave a wrong result');
}

/** With the oldest release of TypeScript that we promise and with the newest, as an ES module and from CommonJS. */
function typescript(folder) {
  for (const version of ['5.4', 'latest']) typescriptOf(folder, version);
  return 'TypeScript 5.4 and the newest; node16, its CommonJS modules, and bundler; skipLibCheck off';
}

function typescriptOf(folder, version) {
  const user = folder.inside(`typescript-${version}`);
  user.npm('install', `typescript@${version}`, '@types/node@20', '--ignore-scripts', '--prefix', user.path);
  for (const file of ['program.ts', 'program.cts', 'program.mts'])
    user.write(
      file,
      `import { type Tensor, nn, optim, tensor } from 'adjoint';
const model = nn.sequential(new nn.Linear(2, 8), nn.functional.tanh, new nn.Linear(8, 1));
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
const loss: Tensor = nn.functional.mseLoss(model.forward(tensor([[0, 1]])), tensor([[1]]));
loss.backward();
optimizer.step();
// @ts-expect-error: an unknown option
tensor([1], { dtypo: 'float32' });
`,
    );
  const tsc = join(user.path, 'node_modules', 'typescript', 'bin', 'tsc');
  for (const [module, resolution, ...files] of [
    ['node16', 'node16', 'program.ts', 'program.cts', 'program.mts'],
    ['esnext', 'bundler', 'program.ts'],
  ]) {
    const compilerOptions = { noEmit: true, strict: true, target: 'es2022', module, moduleResolution: resolution };
    // The declarations of the library itself are checked too; they need those of Node.js.
    Object.assign(compilerOptions, { types: ['node'], lib: ['es2023'], skipLibCheck: false });
    user.write('tsconfig.json', JSON.stringify({ compilerOptions, files }));
    user.node(tsc, '-p', 'tsconfig.json');
  }
}

function worker(folder) {
  folder.write('trains.mjs', xor);
  folder.write(
    'workers.mjs',
    `import { Worker } from 'node:worker_threads';
await Promise.all([1, 2, 3].map(() => new Promise((resolve, reject) =>
  new Worker(new URL('trains.mjs', import.meta.url)).on('error', reject).on('exit', resolve))));
`,
  );
  const output = folder.node('workers.mjs');
  expect(output.match(/step 500/g)?.length === 3, `not all of three workers trained: ${output}`);
}

/** The first program of docs/distributed.md, as two processes, and what becomes of a run that loses one. */
function ranks(folder) {
  const [, text] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs', 'distributed.md'), 'utf8'));
  folder.write('ranks.mjs', text);
  const command = [join('node_modules', 'adjoint', 'dist', 'cli.js'), 'run', '--nproc', '2'];
  const output = folder.node(...command, 'ranks.mjs');
  const lines = [...output.matchAll(/^\[rank (\d)\] rank \1, epoch 1: \d\.\d+$/gm)].map((match) => match[1]);
  expect(lines.sort().join() === '0,1', `two ranks did not train: ${output}`);
  folder.write(
    'lost.mjs',
    `import { distributed, ones } from 'adjoint';
await distributed.init();
if (distributed.getRank() === 1) setTimeout(() => process.kill(process.pid, 'SIGKILL'), 300);
for (;;) await distributed.allReduce_(ones([1000]));
`,
  );
  let lost = 'nothing was wrong';
  try {
    folder.node(...command, 'lost.mjs');
  } catch (error) {
    lost = error.message;
  }
  expect(lost.includes('ended with 137') && lost.includes('rank 1 was killed by SIGKILL'), lost);
  return 'two train; a lost one is named';
}

const realmTest = `
test('arrays of this realm and of the outer one', async () => {
  const { nn, optim, tensor } = await import('adjoint');
  for (const data of [Float32Array.of(1, 2, 3, 4), Buffer.from([1, 2, 3, 4]), [1, 2, 3, 4], Int32Array.of(1, 2, 3, 4)]) {
    const x = tensor(data);
    expect(x.dtype).toBe(Array.isArray(data) ? 'float32' : { Float32Array: 'float32', Int32Array: 'int32' }[data.constructor.name] ?? 'uint8');
    expect(Array.from(x.data)).toEqual([1, 2, 3, 4]);
    expect(Array.from(x.toTypedArray())).toEqual([1, 2, 3, 4]);
    expect(x.reshape([2, 2]).toArray()).toEqual([[1, 2], [3, 4]]);
    expect(x).toEqual(tensor([1, 2, 3, 4], { dtype: x.dtype }));
    expect(x).not.toEqual(tensor([1, 2, 3, 5], { dtype: x.dtype }));
    const y = tensor(data);
    y.copy_(data);
    y.copyTo(data instanceof Array ? new Float32Array(4) : data);
  }
  const layer = new nn.Linear(2, 1);
  const optimizer = new optim.SGD(layer.parameters(), { lr: 0.1 });
  nn.functional.mseLoss(layer.forward(tensor([[1, 2]])), tensor([[1]])).backward();
  const before = layer.weight.toArray();
  optimizer.step();
  expect(layer.weight.toArray()).not.toEqual(before);
  expect(() => tensor([1]).add(tensor([1, 2, 3]).reshape([3, 1, 1]).to('int32'))).toThrow(/add: /);
  layer.loadStateDict(new Map(Object.entries({ weight: tensor([[3, 4]]), bias: tensor([5]) })));
  expect(layer.weight.toArray()).toEqual([[3, 4]]);
});
`;

/** An idle compiled function is no open handle. */
const openHandlesTest = `
test('a compiled step', async () => {
  const { compile, ones } = await import('adjoint');
  const step = compile((x) => x.mul(2));
  step.sync(ones([2]));
  expect((await step(ones([2]))).toArray()).toEqual([2, 2]);
});
`;

function jest(folder) {
  const user = folder.inside('jest');
  user.npm('install', 'jest@30', '--ignore-scripts', '--prefix', user.path);
  user.write('realm.test.js', realmTest + openHandlesTest);
  const options = { env: { NODE_OPTIONS: '--experimental-vm-modules --no-warnings', CI: 'true' } };
  const program = [join('node_modules', 'jest', 'bin', 'jest.js'), '--watchman=false', '--detectOpenHandles'];
  const output = user.run('node', program, options);
  expect(/2 passed/.test(output) && !output.includes('adjoint program'), output);
}

function vitest(folder) {
  const user = folder.inside('vitest');
  user.npm('install', 'vitest@4', '--ignore-scripts', '--prefix', user.path);
  user.write('realm.test.js', `import { expect, test } from 'vitest';\n${realmTest}`);
  for (const pool of ['forks', 'threads', 'vmThreads']) {
    const output = user.node(join('node_modules', 'vitest', 'vitest.mjs'), 'run', '--pool', pool);
    expect(/1 passed/.test(output), output);
  }
  return 'pools forks, threads, vmThreads';
}

function esbuild(folder) {
  const user = folder.inside('esbuild');
  user.npm('install', 'esbuild@0.25', '--ignore-scripts', '--prefix', user.path);
  user.write('program.mjs', xor);
  const flags = ['--bundle', '--platform=node', '--external:adjoint', '--log-level=warning'];
  for (const [format, file] of [
    ['esm', 'bundle.mjs'],
    ['cjs', 'bundle.cjs'],
  ]) {
    // A program with top-level await or none: both formats can hold the README's.
    user.run(join(user.path, 'node_modules', 'esbuild', 'bin', 'esbuild'), [
      ...flags,
      'program.mjs',
      `--format=${format}`,
      `--outfile=${file}`,
    ]);
    checkLearned(user.node(file));
  }
  for (const [format, file] of [
    ['esm', 'whole.mjs'],
    ['cjs', 'whole.cjs'],
  ]) {
    const output = [`--format=${format}`, `--outfile=${file}`];
    const whole = ['--bundle', '--platform=node', '--log-level=error', 'whole.js', ...output];
    user.write('whole.js', `import('adjoint').catch((error) => console.log(error.message));\n`);
    user.run(join(user.path, 'node_modules', 'esbuild', 'bin', 'esbuild'), whole);
    const message = user.node(file);
    expect(message.includes('leave it out of the bundle (--external:adjoint'), message);
  }
  return 'external in both formats; bundled, it says what to do';
}

function publint(folder, tarball) {
  const user = folder.inside('lint');
  user.npm('install', 'publint@0.3', '@arethetypeswrong/cli@0.18', '--ignore-scripts', '--prefix', user.path);
  user.node(join('node_modules', 'publint', 'src', 'cli.js'), tarball.file, '--strict');
  const attw = join('node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
  user.node(attw, tarball.file);
  return 'publint --strict, attw';
}

/** An import without any binary must say what to do. */
function missing(folder) {
  const user = folder.inside('missing');
  folder.write('missing.mjs', `await import('adjoint').catch((error) => console.log(error.message));\n`);
  const env = { ADJOINT_PREBUILD: user.path };
  const message = folder.run('node', ['missing.mjs'], { env });
  const built = join(folder.path, 'node_modules', 'adjoint', 'scripts', 'build.mjs');
  expect(message.includes('no native addon for') && message.includes(`build it with "node ${built}"`), message);
  expect(existsSync(built), `the error names ${built}, which the package does not hold`);
  return message.trim();
}

export function checks({ tarball, folder, nodes, emulated }) {
  return [
    ['install', () => install(folder, tarball)],
    ['scripts', () => checkScripts(folder)],
    ['program', () => program(folder)],
    ['start', () => startTime(folder)],
    ['require', () => requireIt(folder)],
    ['worker', () => worker(folder)],
    ...(process.platform === 'linux' ? [['ranks', () => ranks(folder)]] : []),
    ...(canEmulate ? [['arm64', () => emulatedRanks(folder, emulated())]] : []),
    ['oldest level', oldestLevel],
    ['missing binary', () => missing(folder)],
    [
      'node versions',
      () => {
        const list = nodes();
        for (const [, node] of list) {
          checkLearned(folder.run(node, ['program.mjs']));
          folder.run(node, ['required.cjs']);
        }
        return list.map(([version]) => version).join(', ');
      },
    ],
    ['typescript', () => typescript(folder)],
    ['jest', () => jest(folder)],
    ['vitest', () => vitest(folder)],
    ['esbuild', () => esbuild(folder)],
    ['publint', () => publint(folder, tarball)],
  ];
}
