// What a user gets: the packed library, installed for Windows by npm without scripts, and its numbers beside those of Linux.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChecks } from '../checks.mjs';
import { pack, readmeProgram } from '../package/folder.mjs';
import { root, run } from '../steps.mjs';
import { inside, windowsNode } from './system.mjs';

const app = 'app';

/** Installs the tarball; an error names what went wrong. */
function install(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { file, summary } = pack(folder);
  writeFileSync(join(folder, 'package.json'), '{ "name": "app", "private": true, "type": "module" }\n');
  const flags = ['--os=win32', '--cpu=x64', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status, output } = run('npm', ['install', file, ...flags], { cwd: folder });
  if (status !== 0) throw new Error(`npm install failed\n${output}`);
  return summary;
}

/** The same program on Linux and on Windows, at one level: bit-equal random numbers and products, losses nearly so. */
async function compare(version, level) {
  const file = join(root, 'scripts', 'windows', 'numbers.mjs');
  const env = { ADJOINT_NUM_THREADS: '1', ...level };
  // The prebuilt binary, whose OpenBLAS is the same: that of the system has other cores.
  const here = run(process.execPath, [file], { env: { ...env, PREBUILDS_ONLY: '1' } });
  const there = await windowsNode(version, [join('scripts', 'windows', 'numbers.mjs')], { cwd: 'project', env });
  const [linux, windows] = [here, there].map(({ output }) => {
    try {
      return JSON.parse(output);
    } catch {
      throw new Error(`the numbers could not be computed\n${output}`);
    }
  });
  const unequal = ['random', ...Object.keys(linux.products)].filter((name) =>
    name === 'random' ? linux.random !== windows.random : linux.products[name] !== windows.products[name],
  );
  const most = Math.max(...linux.losses.map((loss, i) => Math.abs(loss - windows.losses[i])));
  if (linux.isa !== windows.isa || linux.core !== windows.core) {
    throw new Error(`${windows.isa}, ${windows.core}; on Linux ${linux.isa}, ${linux.core}`);
  }
  if (unequal.length > 0 || !(most <= 1e-5)) {
    throw new Error(
      `${windows.isa}, ${windows.core}: unequal: ${unequal.join(', ') || 'none'}; losses differ by ${most}`,
    );
  }
  return `${windows.isa}, ${windows.core}: all ${Object.keys(linux.products).length} products bit-equal, losses differ by at most ${most}`;
}

/** { passed, failed }, with a line for each check. */
export async function checkInstalled(version) {
  const folder = inside(app);
  const checks = {
    'npm install of the tarball, without scripts': () => install(folder),
    'the program of the README': async () => {
      writeFileSync(join(folder, 'program.mjs'), readmeProgram(1));
      const { code, output } = await windowsNode(version, ['program.mjs'], { cwd: app });
      const loss = Number(/step 500: loss ([\d.]+)/.exec(output)?.[1] ?? Number.NaN);
      if (code !== 0 || !(loss < 0.05)) throw new Error(`ended with ${code}\n${output}`);
      return `loss ${loss}`;
    },
    'threads of a process that may use one processor': async () => {
      const program = "console.log(require('adjoint').buildInfo().threads)";
      const { code, output } = await windowsNode(version, ['-e', program], { cwd: app, cpus: '0' });
      if (code !== 0 || output !== '1\n') throw new Error(`ended with ${code}\n${output}`);
      return '1';
    },
    'numbers at the newest level': () => compare(version, {}),
    'numbers at x86-64-v3': () => compare(version, { ADJOINT_ISA: 'v3', OPENBLAS_CORETYPE: 'Haswell' }),
    'numbers at the oldest level': () => compare(version, { ADJOINT_ISA: 'baseline', OPENBLAS_CORETYPE: 'Prescott' }),
  };
  return runChecks(Object.entries(checks));
}
