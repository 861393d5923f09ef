// `npm run test:asan`, `test:tsan` and `test:valgrind`: builds the addon for that check in a folder of its own, checks that
// planted faults are reported, and runs tests on it. `npm run test:asan -- softmax`: those test files alone.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { glooOptions } from './prebuild/gloo.mjs';
import { onPath, root, run, SetupError, step } from './steps.mjs';

const suppressions = (name) => join(root, 'scripts', 'sanitize', `${name}.supp`);

/**
 * build: ADJOINT_CHECK of CMakeLists.txt. library: GCC's runtime, which must be there before Node.js. planted: the
 * functions of native/binding/planted.cc that must be reported. environment and command: given the path at which the
 * reports' names begin. report: how one begins.
 */
const checks = {
  asan: {
    build: 'address',
    library: 'libasan.so',
    planted: ['readBeyond', 'readFreed', 'overflow'],
    report: /ERROR: AddressSanitizer|runtime error:/g,
    // No leak check: it does not see pointers in V8's heap. Valgrind finds leaks.
    environment: (path) => ({
      ASAN_OPTIONS: `detect_leaks=0:log_path=${path}`,
      UBSAN_OPTIONS: 'print_stacktrace=1',
    }),
    tests: [],
  },
  tsan: {
    build: 'thread',
    library: 'libtsan.so',
    planted: ['race'],
    // Node.js is not instrumented: the order that V8's own atomic counters keep is not seen, and what its threads then free
    // looks like a race. Those reports name nothing of ours. What ends the process begins with its number instead.
    report: /WARNING: ThreadSanitizer(?:(?!={18}).)*adjoint\.node|(?:==\d+==|FATAL: )ThreadSanitizer/gs,
    environment: (path) => ({
      TSAN_OPTIONS: `log_path=${path}:exitcode=0:suppressions=${suppressions('tsan')}`,
      ADJOINT_NUM_THREADS: '3',
    }),
    job: ['50'],
    tests: [
      'program',
      'ops/activation',
      'ops/compare',
      'ops/elementwise',
      'ops/loss',
      'gemm',
      'levels',
      'memory',
      'process',
    ],
  },
  valgrind: {
    build: 'memory',
    planted: ['readBeyond', 'readFreed', 'branchOnUndefined', 'leak'],
    report:
      /^==\d+== (Invalid|Conditional jump|Use of uninit|Syscall param|Mismatched|Process terminating|.* are definitely lost)/gm,
    environment: () => ({ ADJOINT_NUM_THREADS: '2' }),
    command: (path) => [
      'valgrind',
      '-q',
      '--smc-check=all-non-file', // V8 writes machine code
      '--leak-check=full',
      '--show-leak-kinds=definite',
      '--num-callers=30',
      `--suppressions=${suppressions('valgrind')}`,
      `--log-file=${path}.%p`,
    ],
    job: [],
  },
};

const [name, ...filters] = process.argv.slice(2);
const check = checks[name];
const folder = join(root, 'build', name ?? '');
const planted = `require(${JSON.stringify(join(root, 'dist', 'native.js'))}).native.planted`;

/** GCC's runtime library of the sanitizer. */
function findLibrary() {
  const compiler = process.env.CXX || 'g++';
  const path = run(compiler, [`-print-file-name=${check.library}`]).output.trim();
  if (existsSync(path)) return realpathSync(path);
  throw new SetupError(`${check.library} of GCC was expected, ${compiler} has none; install g++ and set CXX to it`);
}

function build() {
  if (check.command && !onPath('valgrind')) throw new SetupError('valgrind is missing; apt-get install valgrind');
  mkdirSync(folder, { recursive: true });
  const jobs = process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(availableParallelism());
  // node-gyp-build looks for build/Release in the folder that ADJOINT_PREBUILD names.
  const args = ['cmake-js', 'build', '--log-level', 'warn', '--out', join(folder, 'build')];
  step(`building native code for ${name}`, 'npx', [...args, ...glooOptions(), `--CDADJOINT_CHECK=${check.build}`], {
    env: { CMAKE_BUILD_PARALLEL_LEVEL: jobs },
  });
}

/** Runs Node.js on the build for the check; returns its exit code and what was reported. */
function examine(args, { preload = 'LD_PRELOAD', quiet = false } = {}) {
  const reports = mkdtempSync(join(tmpdir(), `adjoint-${name}-`));
  const path = join(reports, 'report');
  const [command, ...lead] = [...(check.command?.(path) ?? []), process.execPath];
  const env = { ...process.env, ...check.environment(path), ADJOINT_PREBUILD: folder, ADJOINT_CHECK: name };
  if (check.library) env[preload] = findLibrary();
  try {
    // Undefined behaviour is reported on standard error, whatever log_path says.
    const stdio = ['ignore', quiet ? 'ignore' : 'inherit', 'pipe'];
    const options = { cwd: root, env, stdio, encoding: 'utf8', maxBuffer: 1 << 28 };
    const { status, signal, stderr } = spawnSync(command, [...lead, ...args], options);
    const texts = [stderr, ...readdirSync(reports).map((file) => readFileSync(join(reports, file), 'utf8'))];
    const count = texts.reduce((sum, text) => sum + (text.match(check.report)?.length ?? 0), 0);
    return { ending: signal ?? status, count, text: texts.join('') };
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
}

let failures = 0;
function report(what, { ending, count, text }) {
  const good = ending === 0 && count === 0;
  if (!good) failures += 1;
  if (!good) console.log(text);
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name}: ${what}: ${count} reports, ended with ${ending}`);
}

function main() {
  if (check === undefined) throw new SetupError(`one of ${Object.keys(checks).join(', ')} was expected, got ${name}`);
  build();
  for (const fault of check.planted) {
    const { count } = examine(['-e', `${planted}.${fault}()`], { quiet: true });
    if (count === 0) failures += 1;
    console.log(
      `${count > 0 ? 'ok  ' : 'FAIL'} ${name}: the planted fault ${fault} is ${count > 0 ? '' : 'not '}found`,
    );
  }
  if (check.job && filters.length === 0) report('a job', examine([join('test', 'fixtures', 'job.mjs'), ...check.job]));
  const tests = filters.length > 0 ? filters : check.tests;
  // Everything is several times slower than in vitest.config.ts.
  if (tests) {
    const args = [join('scripts', 'test.mjs'), '--testTimeout=600000', ...tests];
    report('tests', examine(args, { preload: 'ADJOINT_PRELOAD' }));
  }
  process.exitCode = failures === 0 ? 0 : 1;
}

try {
  main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`${name}: ${error.message}`);
  process.exitCode = 1;
}
