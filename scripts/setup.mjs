// Makes a clone ready to run: packages, compiler and OpenBLAS, native code, TypeScript. `npm start` and `npm test` call it
// each time; when everything is up to date, it starts no process and takes well under a second. With --no-native it leaves out
// the compiler and all that it builds: the linters and the reference read sources and declarations alone.
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { takeLock } from './lock.mjs';
import { glooOptions } from './prebuild/gloo.mjs';
import { root, SetupError, step } from './steps.mjs';
import { ensureTools } from './tools.mjs';

const at = (...parts) => join(root, ...parts);
const stampFile = at('build', '.setup.json');
const platform = `${process.platform}-${process.arch}`;
// Windows has no compiler of its own for the kernels: there the binary for users serves a clone, too.
const isWindows = process.platform === 'win32';
const withNative = !isWindows && !process.argv.includes('--no-native');

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) return;
  throw new SetupError(
    `Node.js 20.19, 22.12 or newer is needed, this is ${process.versions.node} (https://nodejs.org)`,
  );
}

/** All files below a folder that end in one of the endings, sorted. */
function filesBelow(folder, ...endings) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((e) => e.isFile() && endings.some((ending) => e.name.endsWith(ending)));
  return files.map((e) => join(e.parentPath ?? e.path, e.name)).sort();
}

/** A hash of names and contents (times would not survive a clone, a checkout or a cache). */
function fingerprint(files) {
  const hash = createHash('sha1').update(`${platform} ${root}\n`);
  for (const file of files) {
    hash.update(`${relative(root, file)}\0`);
    if (existsSync(file)) hash.update(readFileSync(file));
  }
  return hash.digest('hex');
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}

/** Whether node_modules holds what package-lock.json asks for: npm keeps its own lock file of what it installed. */
function packagesMatch() {
  const installed = readJson(at('node_modules', '.package-lock.json')).packages;
  if (!installed) return false;
  return Object.entries(readJson(at('package-lock.json')).packages ?? {}).every(([name, wanted]) => {
    const found = installed[name];
    // Optional packages for other platforms are never installed.
    return found
      ? found.version === wanted.version && found.integrity === wanted.integrity
      : name === '' || wanted.optional;
  });
}

/** What must be done: { install, native, library } are booleans, `inputs` the fingerprints to store afterwards. */
function plan() {
  const stamp = readJson(stampFile);
  const packages = [at('package-lock.json'), at('package.json')];
  const inputs = {
    platform,
    native: fingerprint([
      ...[at('CMakeLists.txt'), at('scripts', 'prebuild', 'gloo.mjs'), ...packages],
      ...filesBelow(at('native'), ''),
    ]),
    library: fingerprint([
      ...[at('tsconfig.json'), at('scripts', 'bundle.mjs'), at('scripts', 'document-methods.mjs'), ...packages],
      ...filesBelow(at('scripts', 'bundle'), '.mjs'),
      ...filesBelow(at('lib'), '.ts'),
    ]),
  };
  const addon = filesBelow(at('build', 'Release'), '.node').length > 0;
  const install = !packagesMatch() || (stamp.platform !== undefined && stamp.platform !== platform);
  const native = withNative && (!addon || stamp.native !== inputs.native);
  const library = !existsSync(at('dist', 'adjoint.js')) || stamp.library !== inputs.library;
  return { inputs, stamp, install, native, library };
}

/** Stores what has been done, so that after a later failure only its own part is repeated. */
function store(stamp, changes) {
  Object.assign(stamp, changes);
  writeFileSync(stampFile, `${JSON.stringify(stamp, null, 2)}\n`);
}

function installPackages() {
  if (existsSync(at('node_modules')) && lstatSync(at('node_modules')).isSymbolicLink()) {
    console.log('setup: node_modules is a link and does not match package-lock.json; left as it is');
    return;
  }
  // No script is needed, and newer versions of npm block them anyway. NODE_ENV=production must not drop the compiler.
  step('installing packages (npm ci)', 'npm', ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund']);
}

function buildNative() {
  ensureTools();
  const options = glooOptions();
  // CMake rejects a cache from another folder, and cmake-js never configures again after a failed start, or when options
  // have changed.
  const cache = at('build', 'CMakeCache.txt');
  const configured = existsSync(at('build', 'Makefile')) || existsSync(at('build', 'build.ninja'));
  const text = existsSync(cache) ? readFileSync(cache, 'utf8') : '';
  const gloo = options[0]?.slice('--CD'.length).replace('=', ':PATH=') ?? 'ADJOINT_GLOO_DIR:PATH=';
  const fits = [`CMAKE_HOME_DIRECTORY:INTERNAL=${root}`, gloo].every((line) => text.includes(`${line}\n`));
  if (text !== '' && !(configured && fits)) {
    rmSync(cache);
    rmSync(at('build', 'CMakeFiles'), { recursive: true, force: true });
  }
  const jobs = process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(availableParallelism());
  const build = ['run', 'build:native', '--', ...options];
  step('building native code (cmake)', 'npm', build, { env: { CMAKE_BUILD_PARALLEL_LEVEL: jobs } });
}

/** Removes the outputs of deleted sources from dist. */
function removeOrphans() {
  for (const file of filesBelow(at('dist'), '.js', '.js.map', '.d.ts', '.d.cts')) {
    const source = relative(at('dist'), file).replace(/(\.d\.c?ts|\.js(\.map)?)$/, '.ts');
    if (!existsSync(at('lib', source))) rmSync(file);
  }
}

function checkBinary() {
  const file = join('prebuilds', platform, 'adjoint.node');
  if (existsSync(at(file))) return;
  throw new SetupError(
    `${file} is missing; take it from the package (npm pack adjoint), or build it on Linux, that of WSL too, by ` +
      `npm run prebuild -- --platform ${platform}`,
  );
}

function main() {
  checkNode();
  if (isWindows && !process.argv.includes('--no-native')) checkBinary();
  const idle = ({ install, native, library }) => !install && !native && !library;
  if (idle(plan())) return;
  mkdirSync(at('build'), { recursive: true });
  const release = takeLock(at('build', '.setup.lock'));
  try {
    const { inputs, stamp, install, native, library } = plan(); // again: another set-up may have done it meanwhile
    if (install) {
      installPackages();
      store(stamp, { platform });
    }
    if (native) {
      store(stamp, { native: undefined });
      buildNative();
      store(stamp, { platform, native: inputs.native });
    }
    if (library) {
      store(stamp, { library: undefined });
      removeOrphans();
      step('building the library (tsc)', 'npm', ['run', 'build:lib']);
      store(stamp, { platform, library: inputs.library });
    }
  } finally {
    release();
  }
}

try {
  main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}
