// The zig toolchain of PyPI's package `ziglang`: it brings the symbols of every glibc as stub libraries, and musl.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { root, run, SetupError, step } from '../steps.mjs';

const requirement = 'ziglang==0.17.1 --hash=sha256:ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54\n';
const folder = join(root, 'build', 'zig');
const caches = { ZIG_GLOBAL_CACHE_DIR: join(folder, 'cache'), ZIG_LOCAL_CACHE_DIR: join(folder, 'cache') };

/** The environment in which zig is to run. */
export const zigEnvironment = caches;

/** The executable; installed at first use. */
export function zig() {
  const executable = join(folder, 'package', 'ziglang', 'zig');
  if (existsSync(executable)) return executable;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'requirements.txt');
  writeFileSync(file, requirement);
  const pip = ['-m', 'pip', 'install', '--quiet', '--require-hashes', '--no-deps', '--only-binary=:all:'];
  step('installing zig (pip)', 'python3', [...pip, '--target', join(folder, 'package'), '-r', file]);
  return executable;
}

/** The licence of what zig links into a DLL of Windows. */
export const mingwLicense = () => readFileSync(join(dirname(zig()), 'lib', 'libc', 'mingw', 'COPYING'), 'utf8');

/**
 * The folder of stub libraries of the glibc that a target names (x86_64-linux-gnu.2.28), and the archive of what that
 * glibc keeps out of its shared library. Zig makes them when it links; what it linked is thrown away.
 */
export function glibcStubs(target) {
  const executable = zig(); // makes the folder, too
  const file = join(folder, `empty-${target}.c`);
  writeFileSync(file, 'int empty(void) { return 0; }\n');
  const flags = ['cc', '-target', target, '-O2', '-shared', file, '-o', `${file}.so`, '-lm', '-lpthread', '--verbose'];
  const { status, output } = run(executable, flags, { env: caches });
  const library = /\S+\/libc\.so\.6/.exec(output)?.[0];
  const rest = /\S+\/libc_nonshared\.a/.exec(output)?.[0];
  if (status !== 0 || !library || !rest) throw new SetupError(`zig made no stub libraries for ${target}\n${output}`);
  rmSync(`${file}.so`);
  // Zig names them as seen from the folder in which it runs.
  return { stubs: resolve(root, dirname(library)), rest: resolve(root, rest) };
}

/** Programs named like those of GCC for makefiles: { cc, ar, ranlib }, files that compile for a target. */
export function zigTools(target) {
  const executable = zig();
  const tools = join(folder, target);
  mkdirSync(tools, { recursive: true });
  const write = (name, lines) => {
    const file = join(tools, name);
    writeFileSync(file, ['#!/bin/sh', ...lines, ''].join('\n'));
    chmodSync(file, 0o755);
    return file;
  };
  const cache = Object.entries(caches).map(([name, value]) => `export ${name}='${value}'`);
  // What asks for its version asks often. Zig spells the names of processors in its own way; the processor of an arm64
  // target is the oldest one already.
  const cc = [
    'case "$*" in -dumpversion) echo 15.0.0; exit;; --version) echo clang version 15.0.0; exit;; esac',
    ...cache,
    'for a in "$@"; do shift; case $a in -march=armv8*) continue;; -march=*) a=$(echo "$a" | sed s/skylake-avx512/skylake_avx512/);; esac; set -- "$@" "$a"; done',
    `exec '${executable}' cc -target ${target} -fvisibility=hidden "$@"`,
  ];
  return {
    cc: write('cc', cc),
    ar: write('ar', [...cache, `exec '${executable}' ar "$@"`]),
    ranlib: write('ranlib', [...cache, `exec '${executable}' ranlib "$@"`]),
  };
}
