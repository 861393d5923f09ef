// The platforms that `npm run prebuild` can make binaries for, and what each needs.

/** OpenBLAS's oldest core (PRESCOTT, ARMV8) is always in; Zen runs Haswell's kernels, later AVX-512 cores Skylake's. */
const x64Cores = ['HASWELL', 'SKYLAKEX'];
const arm64Cores = ['NEOVERSEN1', 'NEOVERSEV1'];

/** The oldest glibc that the binaries load with: that of Debian 10, RHEL 8 and Amazon Linux 2023's predecessors. */
export const glibcFloor = '2.28';
/** The oldest macOS that the binaries load on: the first for Apple's processors, and older than Node.js 20 asks for. */
export const macosFloor = '11.0';
export const maxBytes = 10 * 2 ** 20;

/**
 * arch, libc: Node's names. triplet: of GCC and its tools. zig: the target whose stubs (glibc) or compiler (others) are
 * used. blas: which build of OpenBLAS is linked in. cores: those that it has kernels for.
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
  'darwin-arm64': {
    platform: 'darwin',
    arch: 'arm64',
    processor: 'arm64',
    zig: `aarch64-macos.${macosFloor}`,
    blas: 'darwin-arm64',
    cores: ['VORTEX'],
  },
  'darwin-x64': {
    platform: 'darwin',
    arch: 'x64',
    processor: 'x86_64',
    zig: `x86_64-macos.${macosFloor}`,
    blas: 'darwin-x64',
    cores: x64Cores,
  },
  'win32-x64': {
    platform: 'win32',
    arch: 'x64',
    processor: 'x86_64',
    zig: 'x86_64-windows-gnu',
    blas: 'win32-x64',
    cores: x64Cores,
  },
};

/** The name of the target that this machine is. */
export function ownTarget() {
  return `${process.platform}-${process.arch}${isMusl() ? '-musl' : ''}`;
}

function isMusl() {
  return process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
}
