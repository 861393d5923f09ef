// Builds the native addon where it is installed, for platforms without a prebuilt binary: with cmake, a C++17 compiler
// and this system's OpenBLAS. Run as `node node_modules/adjoint/scripts/build.mjs`.
//
// It is not an install script, and `npm rebuild` does not run it: npm 12 blocks install scripts, and rejects the option
// --build-from-source as unknown.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const build = join(root, 'build');
// Only headers, whose versions do not matter to the binary's users.
const headers = { 'node-addon-api': '8', 'node-api-headers': '1' };

class BuildError extends Error {}

function run(what, command, args) {
  console.log(`adjoint: ${what}`);
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
  });
  if (status === 0) return;
  const reason = error ? `${command} could not be run (${error.code})` : `${command} failed with exit code ${status}`;
  throw new BuildError(
    `${what}: ${reason}; needed are a C++17 compiler, cmake 3.19, make, and OpenBLAS with its headers ` +
      '(Debian: g++ make cmake libopenblas-pthread-dev; Alpine: g++ make cmake openblas-dev; macOS: brew install cmake openblas)',
  );
}

/** The folders of Node-API's headers; the packages are fetched when they are not installed. */
function includeFolders() {
  const find = () => {
    for (const base of [join(root, 'package.json'), join(build, 'headers', 'package.json')]) {
      try {
        const require = createRequire(base);
        return [require('node-api-headers').include_dir, dirname(require.resolve('node-addon-api/package.json'))];
      } catch {}
    }
    return undefined;
  };
  const found = find();
  if (found) return found;
  const packages = Object.entries(headers).map(([name, version]) => `${name}@${version}`);
  const folder = join(build, 'headers');
  mkdirSync(folder, { recursive: true });
  const flags = ['--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--no-save'];
  run('fetching the headers of Node-API', 'npm', ['install', ...flags, ...packages]);
  return find();
}

try {
  if (process.platform === 'win32') {
    throw new BuildError(
      "on Windows it is not built: Microsoft's compiler lacks the vector types of the kernels. The package holds a binary " +
        'for x64; in a clone on Linux, that of WSL too, `npm run prebuild -- --platform win32-x64` makes it',
    );
  }
  const options = [
    `-DCMAKE_JS_INC=${includeFolders().join(';')}`,
    '-DCMAKE_BUILD_TYPE=Release',
    '-DADJOINT_WERROR=OFF',
  ];
  const output = join(build, 'Release');
  options.push(`-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${output}`, `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY_RELEASE=${output}`);
  run('configuring', 'cmake', ['-S', root, '-B', build, ...options]);
  const jobs = process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(availableParallelism());
  run('compiling', 'cmake', ['--build', build, '--config', 'Release', '--parallel', jobs]);
  if (!existsSync(join(output, 'adjoint.node')))
    throw new BuildError(`the build left no ${join(output, 'adjoint.node')}`);
  console.log(`adjoint: built ${join(output, 'adjoint.node')}`);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`adjoint: ${error.message}`);
  process.exitCode = 1;
}
