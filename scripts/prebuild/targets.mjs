// The platforms that `npm run prebuild` can make binaries for, and what each needs.

/** OpenBLAS's oldest core (PRESCOTT, ARMV8) is always in; Zen runs Haswell's kernels, later AVX-512 cores Skylake's. */
const x64Cores = ['HASWELL', 'SKYLAKEX'];
const arm64Cores = ['NEOVERSEN1', 'NEOVERSEV1'];

/** The oldest glibc that the binaries load with: that of Debian 10, RHEL 8 and Amazon Linux 2023's predecessors. */
export const glibcFloor = '2.28';
export const maxBytes = 10 * 2 ** 20;

/**
 * arch, libc: Node's names. triplet: of GCC and its tools. zig: the target whose stubs (glibc) or compiler (musl) are
 * used. blas: which build of OpenBLAS is linked in. oldest: its core for processors that are not listed.
 */
export const targets = {
  'linux-x64': {
    platform: 'linux',
    arch: 'x64',
    libc: 'glibc',
    processor: 'x86_64',
    triplet: 'x86_64-linux-gnu',
    zig: `x86_64-linux-gnu.${glibcFloor}`,
    blas: 'linux-x64',
    cores: x64Cores,
  },
  'linux-arm64': {
    platform: 'linux',
    arch: 'arm64',
    libc: 'glibc',
    processor: 'aarch64',
    triplet: 'aarch64-linux-gnu',
    zig: `aarch64-linux-gnu.${glibcFloor}`,
    blas: 'linux-arm64',
    cores: arm64Cores,
  },
  'linux-x64-musl': {
    platform: 'linux',
    arch: 'x64',
    libc: 'musl',
    processor: 'x86_64',
    triplet: 'x86_64-linux-gnu',
    zig: 'x86_64-linux-musl',
    // C code that calls a few functions of POSIX alone: one build serves both libraries.
    blas: 'linux-x64',
    cores: x64Cores,
  },
  // Built on the platform itself, by its own compiler; by the jobs of .github/workflows/package.yml alone so far.
  'darwin-arm64': { platform: 'darwin', arch: 'arm64', blas: 'darwin-arm64', cores: ['VORTEX'], oldest: 'VORTEX' },
  'darwin-x64': { platform: 'darwin', arch: 'x64', blas: 'darwin-x64', cores: x64Cores },
  'win32-x64': { platform: 'win32', arch: 'x64', blas: 'win32-x64', cores: x64Cores },
};

/** The name of the target that this machine is. */
export function ownTarget() {
  return `${process.platform}-${process.arch}${isMusl() ? '-musl' : ''}`;
}

function isMusl() {
  return process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
}
