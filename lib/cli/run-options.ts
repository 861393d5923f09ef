// What `adjoint run` is asked for, checked.
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { getNumThreads } from '../index.js';
import { type Given, UsageError } from './arguments.js';

/** A run as one node's agent is asked for it. */
export interface Settings {
  readonly program: string;
  readonly args: readonly string[];
  /** Ranks of this node. */
  readonly nproc: number;
  /** How many nodes there must be, and may be. */
  readonly nodes: { readonly least: number; readonly most: number };
  readonly nodeRank: number | undefined;
  /** Where nodes meet; undefined for one node, whose port is any. */
  readonly rdzv: { readonly host: string; readonly port: number } | undefined;
  readonly maxRestarts: number;
  /** Whether ranks that call `init` again after a failure go on. */
  readonly isKeeping: boolean;
  readonly logDir: string | undefined;
  /** Milliseconds. */
  readonly joinTimeout: number;
  readonly lastCall: number;
  readonly heartbeat: number;
  readonly grace: number;
  /** What the connections of agents are encrypted with, and those of ranks, which read the same variables. */
  readonly tls: { readonly key: string; readonly cert: string; readonly ca: string } | undefined;
  /** ADJOINT_NUM_THREADS of each rank. */
  readonly threads: string;
}

/** How long a start waits for more nodes than there must be, in milliseconds. */
const lastCall = 3000;

/** @throws UsageError that names the option */
export function settingsOf(given: Given): Settings {
  const [program, ...args] = given.positionals as [string, ...string[]];
  if (!existsSync(program) || !statSync(program).isFile()) {
    throw new UsageError(`<program> must be a file of JavaScript that exists, got ${JSON.stringify(program)}`);
  }
  const nproc = processesOf(given);
  const nodes = nodesOf(given.text('nnodes') ?? '1');
  const nodeRank = given.integer('node-rank', 0, nodes.most - 1);
  const rdzv = placeOf(given.text('rdzv'));
  if (nodes.most > 1 && rdzv === undefined) {
    throw new UsageError('several nodes need --rdzv <host:port>, the address at which they meet');
  }
  if (nodes.most > 1 && (process.env.ADJOINT_TOKEN ?? '') === '') {
    const hint = '`openssl rand -hex 16` makes one';
    throw new UsageError(`several nodes need ADJOINT_TOKEN, one secret that all of them know; ${hint}`);
  }
  const logDir = given.text('log-dir');
  if (logDir !== undefined) makeFolder(logDir);
  const seconds = (name: string, usual: number): number => 1000 * (given.integer(name, 1, 2 ** 21) ?? usual);
  return {
    ...{ program, args, nproc, nodes, nodeRank, rdzv, logDir, lastCall },
    maxRestarts: given.integer('max-restarts', 0) ?? 0,
    isKeeping: given.flag('keep-survivors'),
    joinTimeout: seconds('join-timeout', 600),
    heartbeat: seconds('heartbeat', 10),
    grace: seconds('grace', 10),
    tls: tlsOf(),
    threads: threadsOf(nproc),
  };
}

function processesOf(given: Given): number {
  const texts = ['nproc', 'nproc-per-node'].map((name) => given.text(name));
  if (!texts.includes(undefined)) throw new UsageError('--nproc and --nproc-per-node are one option; give one of them');
  const name = texts[0] === undefined ? 'nproc-per-node' : 'nproc';
  if (given.text(name) === 'auto') return coresOf();
  try {
    return given.integer(name, 1, 4096) ?? 1;
  } catch (error) {
    throw new UsageError((error as Error).message.replace('must be', 'must be auto or'));
  }
}

function nodesOf(text: string): Settings['nodes'] {
  const found = /^(\d{1,4})(?::(\d{1,4}))?$/.exec(text);
  const least = Number(found?.[1]);
  const most = Number(found?.[2] ?? found?.[1]);
  if (found !== null && least >= 1 && least <= most) return { least, most };
  throw new UsageError(`--nnodes must be a number, or least:most such as 1:4, got ${JSON.stringify(text)}`);
}

function placeOf(text: string | undefined): Settings['rdzv'] {
  if (text === undefined) return undefined;
  const [, inBrackets, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const host = inBrackets ?? plain;
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
  throw new UsageError(`--rdzv must be host:port with a port from 1 to 65535, got ${JSON.stringify(text)}`);
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new UsageError(`--log-dir must be a folder that can be written, got ${(error as Error).message}`);
  }
}

function tlsOf(): Settings['tls'] {
  const names = ['KEY', 'CERT', 'CA'].map((name) => `ADJOINT_TLS_${name}`);
  if (names.every((name) => process.env[name] === undefined)) return undefined;
  const [key, cert, ca] = names.map((name) => {
    const path = process.env[name];
    if (path === undefined)
      throw new UsageError(`${name} must be set as the others of ${names.join(', ')} are, got none`);
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw new UsageError(`${name} must be a file that can be read, got ${(error as Error).message}`);
    }
  }) as [string, string, string];
  return { key, cert, ca };
}

/** What was said of threads is for each rank. */
const threadsGiven = (): string => process.env.ADJOINT_NUM_THREADS || process.env.OMP_NUM_THREADS || '';

/** Those of a container where nothing was said. */
const coresOf = (): number => (threadsGiven() === '' ? getNumThreads() : availableParallelism());

function threadsOf(nproc: number): string {
  return threadsGiven() || String(Math.max(1, Math.floor(coresOf() / nproc)));
}
