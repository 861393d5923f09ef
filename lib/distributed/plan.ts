// What a run is entered with: the options of `init`, checked, and what the environment says.
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { createSecureContext } from 'node:tls';
import { ArgumentError, checkInteger, checkText, DistributedError, describe, isPlain } from '../errors.js';
import { native } from '../native.js';
import { checkOptions } from '../options.js';
import { placeOf } from './environment.js';
import type { Store } from './store.js';

/** Certificates for connections between processes: each shows its own, and accepts those that the authority has signed. */
export interface TLSFiles {
  /** Paths of PEM files. */
  key: string;
  cert: string;
  ca: string;
}

/** Options of {@link init}; what is left out comes from the environment. */
export interface InitOptions {
  /** Default, and the only one: gloo. */
  backend?: 'gloo';
  /** The place of this process, from 0. */
  rank?: number;
  /** How many processes there are. */
  worldSize?: number;
  /** Where processes find each other; default: a server that rank 0 holds at MASTER_ADDR and MASTER_PORT. */
  store?: Store;
  /** How long to wait for others, in milliseconds; default 300,000. */
  timeout?: number;
  /** After how many milliseconds without a sign of life a process counts as dead; default 10,000. */
  heartbeat?: number;
  /** Default: the files that ADJOINT_TLS_KEY, ADJOINT_TLS_CERT and ADJOINT_TLS_CA name; without these, connections are not encrypted. */
  tls?: TLSFiles;
  /** A network interface, such as eth0, that others reach this machine by; default: the one on the way to the store. */
  interface?: string;
  /** The first and the last port on which this process may listen; default: any. */
  ports?: readonly [number, number];
  /** What all processes of the run know, and others do not; default: ADJOINT_TOKEN. */
  token?: string;
}

/** What strangers may send at most has room for it. */
const longest = 512;
const known = ['backend', 'rank', 'worldSize', 'store', 'timeout', 'heartbeat', 'tls', 'interface', 'ports', 'token'];

/** @internal Why there is no distributed training here; null where there is. */
export function unavailable(): string | null {
  if (native.groups !== null) return null;
  return process.platform === 'linux'
    ? 'this build of adjoint has no Gloo'
    : `Gloo does not run on ${process.platform}`;
}

/** @internal */
export type Plan = ReturnType<typeof planOf>;

/** @internal */
export function planOf(options: InitOptions) {
  const name = 'distributed.init';
  checkOptions(name, options, known);
  const { backend = 'gloo', interface: wanted, store, ports } = options;
  if (backend !== 'gloo') throw new ArgumentError(`${name}: backend must be 'gloo', got ${describe(backend)}`);
  const given = {
    ...(options.worldSize !== undefined && {
      worldSize: checkInteger(name, 'worldSize', options.worldSize, 1, 2 ** 20),
    }),
    ...(options.rank !== undefined && { rank: checkInteger(name, 'rank', options.rank, 0, 2 ** 20) }),
  };
  const place = placeOf(process.env, given);
  const timeout = checkInteger(name, 'timeout', options.timeout ?? 300_000, 1, 2 ** 31 - 1);
  const heartbeat = checkInteger(name, 'heartbeat', options.heartbeat ?? 10_000, 100, 2 ** 31 - 1);
  const token = checkText(name, 'token', options.token ?? process.env.ADJOINT_TOKEN ?? '');
  if (token.length > longest) {
    throw new ArgumentError(`${name}: token must have at most ${longest} characters, got ${token.length}`);
  }
  const address = wanted === undefined ? ownAddress(process.env.ADJOINT_ADDRESS) : addressOf(wanted);
  const range = ports ?? portsOf(process.env.ADJOINT_PORTS);
  if (!Array.isArray(range) || range.length !== 2) {
    throw new ArgumentError(`${name}: ports must be [first, last], got ${describe(range)}`);
  }
  const first = checkInteger(name, 'the first of ports', range[0], 0, 65_535);
  const last = checkInteger(name, 'the last of ports', range[1], first, 65_535);
  if (store !== undefined) checkStore(store);
  const tls = options.tls ?? tlsOf(process.env);
  const pem = tls && readTLS(tls);
  const why = place.worldSize > 1 ? unavailable() : null;
  if (why !== null) throw new DistributedError(`${name}: a run of ${place.worldSize} processes needs Gloo, but ${why}`);
  return { place, timeout, heartbeat, token, address, ports: [first, last] as const, store, tls, pem };
}

function portsOf(text: string | undefined): readonly [number, number] {
  if (text === undefined) return [0, 0];
  const found = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  if (found === null) {
    throw new ArgumentError(`distributed.init: ADJOINT_PORTS must be such as 29600-29700, got ${describe(text)}`);
  }
  return [Number(found[1]), Number(found[2])];
}

function checkStore(store: unknown): void {
  const missing = ['set', 'get', 'add', 'wait'].find((name) => typeof Object(store)[name] !== 'function');
  if (missing === undefined) return;
  throw new ArgumentError(`distributed.init: store must have the method ${missing}, got ${describe(store)}`);
}

function tlsOf({ ADJOINT_TLS_KEY: key, ADJOINT_TLS_CERT: cert, ADJOINT_TLS_CA: ca }: NodeJS.ProcessEnv) {
  if (key === undefined && cert === undefined && ca === undefined) return undefined;
  if (key !== undefined && cert !== undefined && ca !== undefined) return { key, cert, ca };
  const missing = Object.entries({ KEY: key, CERT: cert, CA: ca }).find(([, path]) => path === undefined)?.[0];
  throw new ArgumentError(
    `distributed.init: ADJOINT_TLS_${missing} must be set as the others of its kind are, got none`,
  );
}

/** The texts of the files. */
function readTLS(tls: unknown): TLSFiles {
  if (!isPlain(tls)) throw new ArgumentError(`distributed.init: tls must be { key, cert, ca }, got ${describe(tls)}`);
  checkOptions('distributed.init', tls as object, ['key', 'cert', 'ca']);
  const texts = { key: '', cert: '', ca: '' };
  for (const name of ['key', 'cert', 'ca'] as const) {
    const path = checkText('distributed.init', `tls.${name}`, (tls as TLSFiles)[name]);
    try {
      texts[name] = readFileSync(path, 'utf8');
    } catch (cause) {
      const got = (cause as Error).message;
      throw new ArgumentError(`distributed.init: tls.${name} must be a file that can be read, got ${got}`, { cause });
    }
  }
  try {
    createSecureContext(texts);
    return texts;
  } catch (cause) {
    const files = 'PEM files of a key, its certificate and the authority that has signed it';
    throw new ArgumentError(`distributed.init: tls must name ${files}, got ${(cause as Error).message}`, { cause });
  }
}

/** What others reach this machine by; it listens there, so that it must be one of its own. */
function ownAddress(given: string | undefined): string | undefined {
  if (given === undefined || given === '') return undefined;
  const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  if (own.includes(given) || /^127(\.\d+){3}$/.test(given)) return given;
  const name = 'distributed.init: ADJOINT_ADDRESS';
  throw new ArgumentError(`${name} must be an address of this machine (${own.join(', ')}), got ${describe(given)}`);
}

/** The address of a network interface, IPv4 first. */
function addressOf(name: string): string {
  const all = networkInterfaces();
  const addresses = all[name] ?? [];
  const address = addresses.find(({ family }) => family === 'IPv4') ?? addresses[0];
  if (address !== undefined) return address.address;
  const names = Object.keys(all).join(', ');
  throw new ArgumentError(`distributed.init: interface must be one of ${names}, got ${describe(name)}`);
}
