// The processes of one node, from their start to their end.
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Lines, logFile } from './run-output.js';

/** What the ranks of a node are started with. */
export interface RanksOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** The rank of the first process, and how many there are. */
  readonly first: number;
  readonly count: number;
  readonly generation: number;
  /** What all of them find in their environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly logDir: string | undefined;
  /** From the signal to SIGKILL, in milliseconds. */
  readonly grace: number;
}

/** The first rank of a node that failed. */
export interface Failure {
  readonly rank: number;
  /** For example: rank 1 was killed by SIGKILL. */
  readonly why: string;
  readonly code: number;
}

interface Rank {
  readonly rank: number;
  readonly child: ChildProcess;
  readonly errors: Lines;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  /** Resolves when all that it has written has come. */
  readonly closed: Promise<void>;
}

/** How long output is waited for that a process has left behind, in milliseconds. */
const afterwards = 300;

export class Ranks {
  readonly #all: Rank[] = [];
  readonly #watchdog: ChildProcess;
  #left: number;
  #stopping = false;
  /** The first one. */
  failure: Failure | null = null;

  /** @param onEnd called once: with the first failure, or without one when all have ended with 0 */
  constructor(
    private readonly options: RanksOptions,
    private readonly onEnd: (failure: Failure | null) => void,
  ) {
    this.#left = options.count;
    for (let local = 0; local < options.count; local++) this.#all.push(this.#start(local));
    this.#watchdog = watch(this.#all.flatMap(({ child }) => child.pid ?? []));
  }

  #start(local: number): Rank {
    const { program, args, first, env, generation, logDir } = this.options;
    const rank = first + local;
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, ...env, RANK: `${rank}`, LOCAL_RANK: `${local}` },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // so that a signal of the terminal comes once, by way of the agent
    });
    const linesOf = (name: 'stdout' | 'stderr'): Lines =>
      new Lines(child[name], `[rank ${rank}] `, process[name], logFile(logDir, generation, rank, name));
    const ended = new Promise<void>((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null, problem?: string): void => {
        this.#ended(rank, code, signal, problem);
        resolve();
      };
      child.once('exit', (code, signal) => end(code, signal));
      child.once('error', (error) => child.pid === undefined && end(1, null, `cannot be started: ${error.message}`));
    });
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    linesOf('stdout');
    return { rank, child, errors: linesOf('stderr'), ended, closed };
  }

  #ended(rank: number, code: number | null, signal: NodeJS.Signals | null, problem?: string): void {
    this.#left--;
    if (code !== 0 && this.failure === null) {
      const why = problem ?? (signal === null ? `has ended with code ${code}` : `was killed by ${signal}`);
      const number = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
      this.failure = { rank, why: `rank ${rank} ${why}`, code: number };
      if (!this.#stopping) this.onEnd(this.failure);
    } else if (this.#left === 0 && this.failure === null && !this.#stopping) {
      this.onEnd(null);
    }
    if (this.#left === 0) this.#watchdog.kill('SIGKILL');
  }

  /** Asks all to end, and ends those that have not done so when the grace is over. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#stopping = true;
    for (const { child } of this.#all) child.kill(signal);
    const timer = setTimeout(() => this.kill(), this.options.grace);
    await Promise.all(this.#all.map(({ ended }) => ended));
    clearTimeout(timer);
    this.kill(); // what ranks have started may live on
    await Promise.race([Promise.all(this.#all.map(({ closed }) => closed)), delay(afterwards)]);
    for (const { errors } of this.#all) errors.end();
  }

  kill(): void {
    for (const { child } of this.#all) {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // There is nobody left.
      }
    }
  }

  /** The newest lines on the standard error of a rank. */
  lastLines(rank: number): readonly string[] {
    return this.#all.find((one) => one.rank === rank)?.errors.last ?? [];
  }
}

/** A process that ends the ranks when this one is gone, which its standard input tells it. */
function watch(pids: readonly number[]): ChildProcess {
  const program = 'read -r _; for pid do kill -KILL "-$pid"; done';
  const watchdog = spawn('/bin/sh', ['-c', program, 'adjoint-run', ...pids.map(String)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.on('error', () => {}); // without a shell: ranks see that the store is gone
  watchdog.stdin?.on('error', () => {});
  watchdog.unref();
  return watchdog;
}
