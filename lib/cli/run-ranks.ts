// The processes of one node, from their start to their end.
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { within } from '../distributed/within.js';
import type { Settings } from './run-options.js';
import { Lines, logFile } from './run-output.js';

/** The place of a node's ranks in a generation. */
export interface Place {
  readonly generation: number;
  /** The rank of the first process. */
  readonly first: number;
  /** What all of them find in their environment, beside their ranks. */
  readonly env: Readonly<Record<string, string>>;
}

/** The first rank of a node that failed. */
export interface Failure {
  /** For example: rank 1 was killed by SIGKILL. */
  readonly why: string;
  readonly code: number;
  /** The newest lines of its standard error. */
  readonly lines: readonly string[];
}

interface Rank {
  rank: number;
  readonly child: ChildProcess;
  readonly output: Lines;
  readonly errors: Lines;
  isAlive: boolean;
  /** Resolves when the process has ended. */
  ended: Promise<void>;
  /** Resolves when all that it has written has come. */
  readonly closed: Promise<void>;
}

/** How long output is waited for that a process has left behind, in milliseconds. */
const afterwards = 300;

export class Ranks {
  /** By their number on this node. */
  readonly #all: Rank[] = [];
  #watchdog: ChildProcess | null = null;
  #isStopping = false;
  /** The first one of the present generation. */
  failure: Failure | null = null;

  /** @param onEnd called once a generation: with the first failure, or without one when all have ended with 0 */
  constructor(
    private readonly settings: Settings,
    private readonly onEnd: (failure: Failure | null) => void,
  ) {}

  /** Starts all processes but those that were kept; returns which these are. */
  start(place: Place): readonly number[] {
    this.failure = null;
    this.#isStopping = false;
    const kept: number[] = [];
    for (let local = 0; local < this.settings.nproc; local++) {
      const old = this.#all[local];
      if (old?.isAlive) {
        kept.push(local);
        old.rank = place.first + local;
        for (const lines of [old.output, old.errors]) lines.prefix = prefixOf(old.rank);
      } else {
        this.#all[local] = this.#spawn(local, place);
      }
    }
    const former = this.#watchdog;
    const { nodes, heartbeat } = this.settings;
    const pids = this.#all.flatMap(({ child }) => child.pid ?? []);
    this.#watchdog = watch(pids, nodes.most > 1 ? heartbeat / 1000 : 0);
    former?.kill('SIGKILL');
    return kept;
  }

  #spawn(local: number, { first, generation, env }: Place): Rank {
    const { program, args, logDir } = this.settings;
    const rank = first + local;
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, ...env, RANK: `${rank}`, LOCAL_RANK: `${local}` },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // so that a signal of the terminal comes once, by way of the agent
    });
    const linesOf = (name: 'stdout' | 'stderr'): Lines =>
      new Lines(child[name], prefixOf(rank), process[name], logFile(logDir, generation, rank, name));
    const [output, errors] = [linesOf('stdout'), linesOf('stderr')];
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const started: Rank = { rank, child, output, errors, isAlive: true, ended: closed, closed };
    started.ended = new Promise<void>((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null, problem?: string): void => {
        this.#ended(started, code, signal, problem);
        resolve();
      };
      child.once('exit', (code, signal) => end(code, signal));
      child.once('error', (error) => child.pid === undefined && end(1, null, `cannot be started: ${error.message}`));
    });
    return started;
  }

  #ended(ended: Rank, code: number | null, signal: NodeJS.Signals | null, problem?: string): void {
    ended.isAlive = false;
    const left = this.#alive.length;
    if (code !== 0 && this.failure === null) {
      const why = problem ?? (signal === null ? `has ended with code ${code}` : `was killed by ${signal}`);
      const number = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
      this.failure = { why: `rank ${ended.rank} ${why}`, code: number, lines: ended.errors.last };
      if (!this.#isStopping) this.onEnd(this.failure);
    } else if (left === 0 && this.failure === null && !this.#isStopping) {
      this.onEnd(null);
    }
    if (left === 0) this.#watchdog?.kill('SIGKILL');
  }

  get #alive(): Rank[] {
    return this.#all.filter(({ isAlive }) => isAlive);
  }

  /** Asks all to end, and ends those that have not done so when the grace is over. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#isStopping = true;
    await this.#end(this.#all, signal);
  }

  async #end(some: readonly Rank[], signal: NodeJS.Signals): Promise<void> {
    for (const { child } of some) child.kill(signal);
    const timer = setTimeout(() => killAll(some), this.settings.grace);
    await Promise.all(some.map(({ ended }) => ended));
    clearTimeout(timer);
    killAll(some); // what ranks have started may live on
    await within(afterwards, Promise.all(some.map(({ closed }) => closed)));
    for (const { output, errors } of some) {
      output.end();
      errors.end();
    }
  }

  /**
   * Stops those that do not wait for a new group when the grace is over.
   *
   * @param waits resolves when the rank of this number on the node waits
   */
  async keep(waits: (local: number) => Promise<void>): Promise<void> {
    this.#isStopping = true;
    const kept = new Set<Rank>();
    const settled = this.#all.map(async (rank, local) => {
      if (!rank.isAlive) return;
      const isWaiting = waits(local).then(() => kept.add(rank));
      await Promise.race([isWaiting, rank.ended]);
    });
    await within(this.settings.grace, Promise.all(settled));
    await this.#end(
      this.#all.filter((rank) => !kept.has(rank)),
      'SIGTERM',
    );
  }

  kill(): void {
    killAll(this.#all);
  }
}

const prefixOf = (rank: number): string => `[rank ${rank}] `;

/** Whole groups: a rank may have started processes of its own. */
function killAll(ranks: readonly Rank[]): void {
  for (const { child } of ranks) {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // There is nobody left.
    }
  }
}

/**
 * A process that ends the ranks when this one is gone, which its standard input tells it: by its end, or, where others give
 * this node up after that many seconds, by silence.
 */
function watch(pids: readonly number[], silence: number): ChildProcess {
  const hear = `if [ "$0" -gt 0 ] && command -v timeout; then while timeout "$0" sh -c 'read -r _'; do :; done; else read -r _; fi`;
  const program = `${hear}; for pid do kill -KILL "-$pid"; done`;
  const watchdog = spawn('/bin/sh', ['-c', program, `${silence}`, ...pids.map(String)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.on('error', () => {}); // without a shell: ranks see that the store is gone
  watchdog.stdin?.on('error', () => {});
  watchdog.unref();
  if (silence > 0) {
    const timer = setInterval(() => watchdog.stdin?.write('\n'), silence * 250).unref();
    watchdog.once('exit', () => clearInterval(timer));
  }
  return watchdog;
}
