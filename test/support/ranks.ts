// Runs of several processes on this machine.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';

/** Where there is Gloo: on Linux, where a build without it must not pass for one that works. */
export const describeRuns = describe.skipIf(process.platform !== 'linux');

/** Whether more processes than two are wanted, too: in `npm run test:distributed`. */
export const isThorough = process.env.ADJOINT_RANKS === '4';

/** How one process ended, and what it gave: the last line of its output that begins with RESULT, as JSON. */
export interface RankEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly result: unknown;
  readonly errors: string;
}

const folder = fileURLToPath(new URL('../fixtures/distributed/', import.meta.url));

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function isStopped({ pid }: ChildProcess): boolean {
  try {
    return / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false; // it has ended
  }
}

export interface RanksOptions {
  readonly args?: readonly string[];
  /** What is set for all, or for one. */
  readonly env?: (rank: number) => Record<string, string>;
  /** What runs a process's command; default: the command itself. */
  readonly wrap?: (rank: number, command: string[]) => string[];
  /** Kills what has not ended after so many milliseconds. */
  readonly timeout?: number;
}

/** A command in a shell that has run another one before. */
export const after = (first: string, command: string[]): string[] => [
  'sh',
  '-c',
  `${first}; exec "$0" "$@"`,
  ...command,
];

/** Runs `fixtures/distributed/<program>.mjs` as `size` processes of one run. */
export async function runRanks(program: string, size: number, options: RanksOptions = {}): Promise<RankEnd[]> {
  const { args = [], env = () => ({}), wrap = (_, command) => command, timeout = 60_000 } = options;
  const port = await freePort();
  let left = size;
  const children: ChildProcess[] = [];
  const one = (rank: number): Promise<RankEnd> =>
    new Promise((resolve) => {
      const [file, ...rest] = wrap(rank, [process.execPath, join(folder, `${program}.mjs`), ...args]);
      const child = spawn(file as string, rest, {
        env: {
          ...process.env,
          ...{ RANK: `${rank}`, WORLD_SIZE: `${size}`, LOCAL_RANK: `${rank}` },
          ...{ MASTER_ADDR: '127.0.0.1', MASTER_PORT: `${port}`, ADJOINT_NUM_THREADS: '1' },
          ...env(rank),
        },
      });
      children[rank] = child;
      const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
      let [output, errors] = ['', ''];
      child.stdout.on('data', (chunk) => {
        output += chunk;
      });
      child.stderr.on('data', (chunk) => {
        errors += chunk;
      });
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        // The last one may have been stopped, or wait for those that are gone.
        if (--left === 1) {
          for (const other of children) if (isStopped(other)) other.kill('SIGKILL');
          setTimeout(() => {
            for (const other of children) other.kill('SIGKILL');
          }, 3000).unref();
        }
        const line = /^RESULT (.*)$/m.exec(output)?.[1];
        resolve({ code, signal, result: line === undefined ? undefined : JSON.parse(line), errors });
      });
    });
  return Promise.all(Array.from({ length: size }, (_, rank) => one(rank)));
}

/** The results of all processes, which must have ended well. */
export async function resultsOf(program: string, size: number, options?: RanksOptions): Promise<unknown[]> {
  const ends = await runRanks(program, size, options);
  for (const { code, errors } of ends) if (code !== 0) throw new Error(`a process ended with ${code}: ${errors}`);
  return ends.map(({ result }) => result);
}
