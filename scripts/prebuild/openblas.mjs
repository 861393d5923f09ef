// The OpenBLAS that prebuilt binaries hold: Debian's newest source, only what adjoint calls (float and double, no
// LAPACK), without threads of its own but with locks, its kernels chosen at run time.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { takeLock } from '../lock.mjs';
import { root, step } from '../steps.mjs';
import { debianSource, repair } from './debian.mjs';
import { buildMembers } from './openblas-members.mjs';
import { zigTools } from './zig.mjs';

const folder = join(root, 'build', 'openblas');
const source = {
  name: 'openblas',
  version: '0.3.34+ds-2',
  sha256: '031220660e58d0afd3344a379e47ba68c6e082cb9c8a104755e8cf0af7d0da7d',
  variable: 'ADJOINT_OPENBLAS_SOURCE',
  folder,
};

// NUM_THREADS sets the number of work buffers (twice as many): more than the callers that native/gemm/blas.cc lets in.
// BUFFERSIZE sets the address space of each: 32 << 20 bytes in place of 128 MB, of which a limit (`ulimit -d`, or -v) has
// room for few. Products of up to some 10,000 columns are packed as before.
const options = ['DYNAMIC_ARCH=1', 'USE_THREAD=0', 'USE_LOCKING=1', 'NUM_THREADS=64', 'BUFFERSIZE=20', 'NO_SHARED=1'];
/** Of a work buffer, in MB. */
export const bufferSize = 32;

options.push('NO_LAPACK=1', 'NOFORTRAN=1', 'BUILD_SINGLE=1', 'BUILD_DOUBLE=1');

// On Zen 4 and 5 OpenBLAS 0.3.34 gives every core's kernels blocks of 512, the oldest's too, which keep a block of 128 on
// the stack and then overwrite it (seen with OPENBLAS_CORETYPE=Prescott).
const blocks = {
  file: 'kernel/setparam-ref.c',
  from: '(l2_kb == 1024))',
  to: '(l2_kb == 1024) && SGEMM_DEFAULT_Q > 128)',
};

// Windows ends all other threads before a DLL's destructors run: a lock that one of them held would never be free.
const quit = {
  file: 'driver/others/memory.c',
  from: 'void DESTRUCTOR gotoblas_quit(void) {',
  to: 'void gotoblas_quit(void) {',
  times: 2,
};

// On AVX2 OpenBLAS adds 128 products of float64 at a time for Windows and 256 elsewhere, so that longer sums would differ
// from those of other systems: the kernel keeps a block on the stack, which grows there by the page that is touched. With
// all of its pages touched in order, from the one below the caller's down, it may be as large as elsewhere.
const kernel = 'kernel/x86_64/dgemm_kernel_4x8_haswell.S';
const touch = (page) => `        movl    $ 0,  4096 * ${page}(%rsp);\\\n`;
const sums = [
  {
    file: 'param.h',
    from: '#ifdef WINDOWS_ABI\n#define SGEMM_DEFAULT_Q 320\n#define DGEMM_DEFAULT_Q 128',
    to: '#ifdef WINDOWS_ABI\n#define SGEMM_DEFAULT_Q 320\n#define DGEMM_DEFAULT_Q 256',
    times: 2,
  },
  { file: kernel, from: '#define L_BUFFER_SIZE 128*8*12+512', to: '#define L_BUFFER_SIZE 256*8*12+4096' },
  { file: kernel, from: touch(4), to: [7, 6, 5, 4].map(touch).join('') },
];

// Blocks of just so many pages leave out the first: where the caller's lies right above it, the stack does not grow.
const firstPages = [
  ['common_x86_64.h', 'LOCAL_BUFFER_SIZE'],
  ...['dgemm_kernel_16x2', 'sgemm_kernel_16x4'].map((name) => [`kernel/x86_64/${name}_skylakex.S`, ' L_BUFFER_SIZE']),
].flatMap(([file, size]) =>
  [1, 2, 3, 4].map((pages) => ({ file, from: `${size} > ${pages * 4096}`, to: `${size} >= ${pages * 4096}` })),
);

/** OpenBLAS for a target: { folder } with libopenblas.a and its headers, { license } its text. Built once. */
export function openBlas(target) {
  const { blas, cores, arch, platform } = target;
  // The oldest core, always in; without it, that of the building machine.
  const oldest = arch === 'arm64' ? 'ARMV8' : 'PRESCOTT';
  const flags = [...options, `DYNAMIC_LIST=${cores.join(' ')}`, `TARGET=${oldest}`, ...tools(target)];
  const repairs = platform === 'win32' ? [blocks, quit, ...sums, ...firstPages] : [blocks];
  const members = platform !== 'linux' && [oldest, ...cores];
  const recipe = [source.sha256, ...repairs.map(({ to }) => to), ...flags.map((flag) => flag.replace(root, ''))];
  if (members) recipe.push(readFileSync(new URL('openblas-members.mjs', import.meta.url), 'utf8'));
  const name = createHash('sha256').update(recipe.join('\0')).digest('hex').slice(0, 8);
  const result = join(folder, `${blas}-${name}`);
  mkdirSync(folder, { recursive: true });
  const release = takeLock(`${result}.lock`);
  try {
    if (!existsSync(result)) build(result, { blas, flags, repairs, members });
  } finally {
    release();
  }
  return { folder: result, license: readFileSync(join(result, 'LICENSE'), 'utf8') };
}

function tools({ platform, triplet, zig }) {
  const host = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  if (platform === 'linux') return triplet === host ? [] : [`CC=${triplet}-gcc`, 'HOSTCC=cc'];
  const { cc, ar, ranlib } = zigTools(zig);
  return [`CC=${cc}`, `AR=${ar}`, `RANLIB=${ranlib}`, 'HOSTCC=cc', 'CROSS=1', 'BINARY=64'];
}

function build(result, { blas, flags, repairs, members }) {
  const archive = debianSource(source);
  const tree = `${result}.build`;
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree);
  step('unpacking OpenBLAS', 'tar', ['-xf', archive, '-C', tree, '--strip-components=1']);
  for (const one of repairs) repair(tree, one);
  const jobs = process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? '2';
  const make = ['-C', tree, '-s', ...flags];
  if (members) {
    buildMembers(tree, [...flags, `MAKE_NB_JOBS=${jobs}`], members);
  } else {
    step(`building OpenBLAS ${source.version} for ${blas}`, 'make', [...make, `-j${jobs}`, 'libs']);
  }
  const installed = join(tree, 'installed');
  step('installing OpenBLAS beside it', 'make', [...make, 'install', `PREFIX=${installed}`]);
  const headers = join(installed, 'include');
  const library = join(installed, 'lib', 'libopenblas.a');
  const ready = join(tree, 'ready');
  mkdirSync(ready);
  for (const header of readdirSync(headers)) copyFileSync(join(headers, header), join(ready, header));
  copyFileSync(library, join(ready, 'libopenblas.a'));
  copyFileSync(join(tree, 'LICENSE'), join(ready, 'LICENSE'));
  renameSync(ready, result);
  rmSync(tree, { recursive: true });
}
