// Starts the engines that the benchmark talks to; the protocol is described in peer.js.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const folder = import.meta.dirname;
const kAnswerMilliseconds = 180_000;

/** A child process that answers one line of JSON with another. */
export class Peer {
  /** What it calls itself, once started. */
  engine = '';
  #child;
  #lines;
  #complaint = '';
  /** @type {NodeJS.ErrnoException | undefined} */
  #failure;

  /** @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} env */
  constructor(command, args, env) {
    this.#child = spawn(command, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.on('error', (error) => {
      this.#failure = error;
    });
    this.#child.stdin.on('error', () => {}); // it has died: the answer says so
    this.#child.stderr.on('data', (text) => {
      this.#complaint = (this.#complaint + text).slice(-2000);
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /**
   * The next line of JSON; libraries that print greetings are not listened to.
   * @returns {Promise<any>}
   */
  async #answer() {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), kAnswerMilliseconds);
    try {
      for (;;) {
        const { value, done } = await this.#lines.next();
        if (done) return { unavailable: this.#failure?.message ?? this.#lastWords() };
        if (value.startsWith('{')) return JSON.parse(value);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** The error among the last lines that it wrote, or the last line. */
  #lastWords() {
    const lines = this.#complaint.trim().split('\n');
    return lines.findLast((line) => /^\w*Error\b/.test(line)) ?? (lines.at(-1) || 'it died');
  }

  /** Waits for its first line. @returns {Promise<string | undefined>} why it is not there */
  async ready() {
    const { engine, unavailable } = await this.#answer();
    this.engine = engine ?? '';
    return unavailable;
  }

  /** @param {object} request */
  ask(request) {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.#answer();
  }

  close() {
    this.#child.stdin.end();
    this.#child.kill();
  }
}

/** Compiles a C file of this folder unless that is done. @param {string} name */
export function compile(name) {
  const source = join(folder, `${name}.c`);
  const program = join(folder, 'build', name);
  if (!existsSync(program) || statSync(program).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(dirname(program), { recursive: true });
    const flags = name === 'lean_mlp' ? ['-O3', '-march=native', '-ffast-math'] : ['-O3', '-march=native'];
    execFileSync('cc', [...flags, source, '-o', program, '-lopenblas', '-lm'], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
  return program;
}

/** Installs the npm packages of the peers, once. */
export function installPackages() {
  if (existsSync(join(folder, 'node_modules'))) return;
  console.error('installing the npm packages to compare with, into bench/peers (once; about 300 MB) …');
  try {
    const args = ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'];
    execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    console.error(`that failed, so they are left out: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * Where OpenBLAS's OpenMP variant is, if it is installed: with the usual one PyTorch's own threads and OpenBLAS's fight,
 * and it would be measured at a small part of its speed.
 */
function openMpBlas() {
  if (process.env.ADJOINT_BENCH_TORCH_BLAS) return process.env.ADJOINT_BENCH_TORCH_BLAS;
  try {
    const architectures = readdirSync('/usr/lib').filter((name) => name.endsWith('-linux-gnu'));
    return architectures.map((name) => `/usr/lib/${name}/openblas-openmp`).find(existsSync);
  } catch {
    return undefined;
  }
}

/**
 * @typedef {object} Engine
 * @property {string} name
 * @property {boolean} [own] this library: always measured
 * @property {string[]} [only] the workloads that it takes part in, default all
 * @property {boolean} [npm]
 * @property {boolean} [oneThread]
 * @property {(threads: number) => Peer} start
 */

/** @param {string} file @param {string[]} args @returns {(threads: number) => Peer} */
export const node =
  (file, ...args) =>
  (threads) =>
    new Peer(process.execPath, ['--expose-gc', join(folder, file), ...args], { ADJOINT_NUM_THREADS: String(threads) });

/**
 * A script of this folder that uses PyTorch.
 * @param {number} threads
 * @param {string[]} args the script's name first
 */
export function startPython(threads, ...args) {
  // Debian's PyTorch belongs to Debian's own Python, which need not be the first one in the path.
  const python = process.env.PYTHON ?? (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3');
  const count = String(threads);
  const blas = threads > 1 ? openMpBlas() : undefined;
  return new Peer(python, args, {
    OMP_NUM_THREADS: count,
    OPENBLAS_NUM_THREADS: threads > 1 && !blas ? '1' : count,
    ...(blas ? { LD_LIBRARY_PATH: blas } : {}),
  });
}

/** @param {number} threads */
const startLean = (threads) => new Peer(compile('lean_mlp'), [], { OPENBLAS_NUM_THREADS: String(threads) });

/** The workloads of fully connected networks, all that the smaller engines are asked for. */
const connected = ['W1', 'W2', 'W3', 'W8', 'epoch'];

/** Everything that can be compared. @type {Engine[]} */
export const engines = [
  { name: 'adjoint', own: true, start: node('../adjoint_peer.js', 'eager') },
  { name: 'compiled', own: true, start: node('../adjoint_peer.js', 'run') },
  { name: 'await', own: true, only: ['W1'], start: node('../adjoint_peer.js', 'await') },
  { name: 'sync', own: true, only: ['W1'], start: node('../adjoint_peer.js', 'sync') },
  { name: 'torch', start: (threads) => startPython(threads, 'torch_peer.py') },
  { name: 'lean-c', oneThread: true, only: connected, start: startLean },
  { name: 'tfjs-wasm', npm: true, oneThread: true, only: connected, start: node('tfjs_peer.js', 'wasm') },
  { name: 'tfjs-cpu', npm: true, oneThread: true, only: connected, start: node('tfjs_peer.js', 'cpu') },
  { name: 'brain', npm: true, oneThread: true, only: connected, start: node('brain_peer.js') },
];
