// npm run prebuild [-- --platform linux-arm64]: builds the binary of a platform, by default this one, and puts it where
// node-gyp-build looks, prebuilds/<platform>-<arch>/adjoint.<libc>.node. Linked libraries are fetched and built first.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import prebuildify from 'prebuildify';
import { checkBinary, entries } from './prebuild/binary.mjs';
import { glooSource } from './prebuild/gloo.mjs';
import { licenses } from './prebuild/licenses.mjs';
import { keepExports } from './prebuild/mach-o-exports.mjs';
import { bufferSize, openBlas } from './prebuild/openblas.mjs';
import { ownTarget, targets } from './prebuild/targets.mjs';
import { glibcStubs, mingwLicense, zig, zigEnvironment } from './prebuild/zig.mjs';
import { root, SetupError } from './steps.mjs';

/** CMake's names of the systems that it builds for on another. */
const systemNames = { linux: 'Linux', darwin: 'Darwin', win32: 'Windows' };
/** Programs that CMake insists on for a system and does not call here. */
const unneeded = { darwin: { CMAKE_INSTALL_NAME_TOOL: 'true' }, win32: { CMAKE_RC_COMPILER: 'true' } };

/** The options of CMake, and the compiler where it is not CMake's own choice. */
function toolchain(target, blasFolder) {
  const options = { ADJOINT_BLAS_DIR: blasFolder, ADJOINT_BLAS_LOCKED: 'ON', ADJOINT_BLAS_BUFFER: `${bufferSize}` };
  if (target.platform === 'linux') options.ADJOINT_GLOO_DIR = glooSource();
  if (process.platform !== target.platform || process.arch !== target.arch) {
    options.CMAKE_SYSTEM_NAME = systemNames[target.platform];
    options.CMAKE_SYSTEM_PROCESSOR = target.processor;
  }
  if (target.libc !== 'glibc') {
    Object.assign(options, unneeded[target.platform]);
    return { options, env: { ...zigEnvironment, CXX: `${zig()} c++ -target ${target.zig}` } };
  }
  const { stubs, rest } = glibcStubs(target.zig);
  Object.assign(options, { ADJOINT_GLIBC_STUBS: stubs, ADJOINT_GLIBC_REST: rest });
  return { options, env: { CXX: `${target.triplet}-g++` } };
}

async function build(name, target) {
  const blas = openBlas(target);
  const { options, env } = toolchain(target, blas.folder);
  const folder = join(root, 'build', 'prebuild', name);
  mkdirSync(folder, { recursive: true });
  process.env.CMAKE_BUILD_PARALLEL_LEVEL ??= String(availableParallelism());
  process.env.ADJOINT_CMAKE_OPTIONS = JSON.stringify(
    Object.entries(options).map(([key, value]) => `--CD${key}=${value}`),
  );
  Object.assign(process.env, env);
  await promisify(prebuildify)({
    name: 'adjoint',
    napi: true,
    targets: [process.versions.node],
    platform: target.platform,
    arch: target.arch,
    libc: target.libc,
    tagLibc: target.platform === 'linux',
    strip: target.platform === 'linux', // elsewhere the linker does it
    stripBin: target.triplet && `${target.triplet}-strip`,
    cwd: folder,
    out: root,
    nodeGyp: `"${process.execPath}" "${join(root, 'scripts', 'prebuild', 'node-gyp-shim.mjs')}"`,
    shell: true,
  }).catch((error) => {
    throw new SetupError(`the build for ${name} failed (${error.message}), see above`);
  });
  const tags = target.libc ? `.${target.libc}` : '';
  const file = join('prebuilds', `${target.platform}-${target.arch}`, `adjoint${tags}.node`);
  if (target.platform === 'darwin') keepExports(join(root, file), entries);
  const seen = checkBinary(join(root, file), target);
  const gloo = readFileSync(join(glooSource(), 'LICENSE'), 'utf8');
  writeFileSync(join(root, 'prebuilds', 'LICENSES.md'), licenses(blas.license, gloo, mingwLicense()));
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
  const packed = gzipSync(readFileSync(join(root, file)), { level: 9 }).length;
  console.log(
    `${file}: ${megabytes(seen.bytes)} (${megabytes(packed)} gzipped), oldest system library ${seen.oldest ?? 'any'}, ` +
      `needs ${seen.needed.join(' ') || 'what was not looked at'}`,
  );
}

try {
  const { values } = parseArgs({ options: { platform: { type: 'string', default: ownTarget() } } });
  const target = targets[values.platform];
  if (!target) {
    throw new SetupError(`--platform must be one of ${Object.keys(targets).join(', ')}, got ${values.platform}`);
  }
  await build(values.platform, target);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`prebuild: ${error.message}`);
  process.exitCode = 1;
}
