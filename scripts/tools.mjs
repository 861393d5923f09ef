// Finds the compiler, cmake, make and OpenBLAS, and installs missing ones with apt-get or brew.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath, run, SetupError, step } from './steps.mjs';

// The pthread variant of OpenBLAS, although the library uses one thread per call: it locks its buffers. Debian's
// serial variant is built without locks and returns wrong products when two threads call it at the same time.
const aptPackages = ['g++', 'make', 'cmake', 'libopenblas-pthread-dev'];
const byHand = 'a C++17 compiler, make, cmake and OpenBLAS with its headers';

const probeSource = `#include <cblas.h>
#include <string_view>
extern "C" int openblas_get_parallel();
int main() {
  float x[1] = {1};
  return cblas_sdot(1, x, 1, x, 1) != 1 ? 3 : openblas_get_parallel() == 0 ? 2 : 0;
}
`;

/** Folders beside the compiler's own in which OpenBLAS may be, in the order in which CMakeLists.txt looks. */
function blasFolders() {
  const prefixes = (process.env.CMAKE_PREFIX_PATH ?? '').split(/[:;]/).filter(Boolean);
  if (process.platform === 'darwin') prefixes.push('/opt/homebrew/opt/openblas', '/usr/local/opt/openblas');
  const triplet = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  const headers = [...prefixes.map((p) => `${p}/include`), `/usr/include/${triplet}/openblas-pthread`];
  const libraries = [...prefixes.map((p) => `${p}/lib`), `/usr/lib/${triplet}/openblas-pthread`];
  headers.push(`/usr/include/${triplet}/openblas-serial`, '/usr/include/openblas');
  return { headers, libraries };
}

/** 'found', 'serial' (a build without threads, and perhaps without locks) or 'missing': compiles a small program. */
function findOpenBlas(compiler) {
  const { headers, libraries } = blasFolders();
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-setup-'));
  try {
    const program = join(folder, 'probe');
    const flags = [...headers.map((h) => `-I${h}`), '-x', 'c++', '-', '-o', program];
    flags.push(...libraries.flatMap((l) => [`-L${l}`, `-Wl,-rpath,${l}`]), '-lopenblas');
    if (run(compiler, ['-std=c++17', ...flags], { input: probeSource }).status !== 0) return 'missing';
    return { 0: 'found', 2: 'serial' }[run(program, []).status] ?? 'missing';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The names of missing tools, and whether only OpenBLAS's serial build is there. */
function look() {
  const compiler = process.env.CXX || ['g++', 'clang++'].find(onPath);
  const missing = [];
  if (!compiler) missing.push('a C++ compiler');
  if (!onPath('cmake')) missing.push('cmake');
  if (!onPath('make') && !onPath('ninja')) missing.push('make');
  const blas = compiler ? findOpenBlas(compiler) : 'missing';
  if (blas === 'missing') missing.push('OpenBLAS');
  return { missing, serial: blas === 'serial' };
}

function aptInstall(prefix, packages) {
  const [command, ...lead] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  // Another apt-get may be at work on a machine that has just started.
  const options = ['-y', '-qq', '-o', 'DPkg::Lock::Timeout=300'];
  const install = [...lead, 'install', ...options, '--no-install-recommends', ...packages];
  // A simulation tells whether the package lists are there and know the packages.
  if (run(command, [...install, '--simulate']).status !== 0) {
    step('updating the package lists (apt-get update)', command, [...lead, 'update', ...options]);
  }
  step(`installing ${packages.join(' ')} (apt-get)`, command, install);
}

/** The prefix for `apt-get`; undefined if it is missing, or cannot be used without a password. */
function aptPrefix() {
  if (process.platform !== 'linux' || !onPath('apt-get')) return undefined;
  if (process.getuid() === 0) return [];
  return onPath('sudo') && run('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

/** How this machine installs packages: { install } or, if that is not possible, { hint }. */
function installer() {
  if (process.platform === 'darwin') {
    if (!onPath('clang++')) return { hint: 'xcode-select --install && brew install cmake openblas' };
    if (!onPath('brew')) return { hint: 'brew install cmake openblas (brew itself: https://brew.sh)' };
    return { install: () => step('installing cmake openblas (brew)', 'brew', ['install', '-q', 'cmake', 'openblas']) };
  }
  const prefix = aptPrefix();
  if (prefix) return { install: () => aptInstall(prefix, aptPackages) };
  if (onPath('apt-get')) return { hint: `sudo apt-get install ${aptPackages.join(' ')}` };
  if (onPath('dnf')) return { hint: 'sudo dnf install gcc-c++ make cmake openblas-devel' };
  if (onPath('apk')) return { hint: 'apk add g++ make cmake openblas-dev' };
  return { hint: `${byHand}, with this system's package manager` };
}

/** Ensures that everything the native build needs is there, or throws one line that says what to install. */
export function ensureTools() {
  let { missing, serial } = look();
  if (missing.length === 0 && !serial) return;
  const { install, hint } = installer();
  if (install) {
    try {
      install();
    } catch (error) {
      if (missing.length > 0) throw new SetupError(`${error.message}; needed are ${byHand}`);
    }
    ({ missing, serial } = look());
  }
  if (missing.length > 0) {
    const rest = hint ? `install first: ${hint}` : `still not found after the installation; needed are ${byHand}`;
    throw new SetupError(`${missing.join(', ')} missing; ${rest}`);
  }
  if (serial) console.log('setup: OpenBLAS is here in its serial build only; products will run one at a time');
}

/** Installs the Debian package of a dataset if its folder is missing; if it cannot, the dataset's user says what to do. */
export function tryDataset(name, folder) {
  const prefix = existsSync(folder) ? undefined : aptPrefix();
  if (prefix === undefined) return;
  try {
    aptInstall(prefix, [name]);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`setup: ${error.message}`);
  }
}
