// The store of a run: where it is, and who holds it.
import { randomBytes } from 'node:crypto';
import { ArgumentError, DistributedError } from '../errors.js';
import { errorOf } from './failures.js';
import type { Plan } from './plan.js';
import { anyAddress } from './reachable.js';
import type { Store } from './store.js';
import { StoreHost } from './store-host.js';
import { TCPStore } from './tcp-store.js';

/** @internal A store, and its server if this process holds it. */
export interface HeldStore<S extends Store = Store> {
  readonly store: S;
  readonly server: StoreHost | null;
}

/** @internal That at MASTER_ADDR, which rank 0 or the launcher holds. */
export async function storeOf(plan: Plan, run: string): Promise<HeldStore<TCPStore>> {
  const { masterAddr: host, masterPort: port = 29_500 } = plan.place;
  if (host === undefined) {
    const hint = 'the address of the machine of rank 0';
    throw new ArgumentError(`distributed.init: MASTER_ADDR must be set, got none; ${hint}`);
  }
  const hosted = /^(1|true)$/i.test(process.env.TORCHELASTIC_USE_AGENT_STORE ?? '');
  const { place, token } = plan;
  const server = place.rank === 0 && !hosted ? await listen(plan, [port, port], token, run) : null;
  return connect(plan, { host, port, token, run, holder: hosted ? 'the launcher' : 'rank 0' }, server);
}

/**
 * @internal One that rank 0 holds beside a store of the user's, which only says where: threads of their own keep in touch with it, and
 * learn at once of a process that is lost, whatever the main thread does.
 */
export async function storeBeside(given: Store, plan: Plan, run: string): Promise<HeldStore<TCPStore>> {
  const { place, timeout, ports } = plan;
  await claim(given, place.rank, ', and give each run a store (a FileStore: a folder) of its own');
  let server: StoreHost | null = null;
  if (place.rank === 0) {
    const secret = plan.token === '' ? { token: randomBytes(16).toString('hex') } : {};
    server = await listen(plan, ports, secret.token ?? plan.token, run);
    const { port } = server;
    await given.set('server', JSON.stringify({ host: plan.address ?? anyAddress(), port, ...secret }));
  } else {
    await given.wait(['server'], timeout).catch(async (cause: Error) => {
      if ((await given.get('server')) !== undefined) return;
      const error = errorOf(`distributed.init: rank 0 must come within ${timeout} ms`, 0);
      error.cause = cause;
      throw error;
    });
  }
  const { host, port, token = plan.token } = JSON.parse((await given.get('server')) as string) as Published;
  return connect(plan, { host, port, token, run, holder: 'rank 0' }, server);
}

/** What rank 0 says in a store of the user's. */
interface Published {
  readonly host: string;
  readonly port: number;
  /** A secret of this run, where the user has none: who may read the store may take part. */
  readonly token?: string;
}

/** @internal Sees to it that no other process has this rank. */
export async function claim(store: Store, rank: number, hint = ''): Promise<void> {
  if ((await store.add(`rank/${rank}`, 1)) === 1) return;
  throw new DistributedError(
    `distributed.init: rank ${rank} must be one process's alone, but another one has it; look at RANK of both${hint}`,
  );
}

function listen(plan: Plan, ports: readonly [number, number], token: string, run: string): Promise<StoreHost> {
  const tls = plan.pem && { ...plan.pem, requestCert: true, rejectUnauthorized: true };
  return StoreHost.listen({ ports, token, tls, heartbeat: plan.heartbeat, run });
}

async function connect(
  { pem, timeout }: Plan,
  address: Omit<Parameters<typeof TCPStore.connect>[0], 'tls'>,
  server: StoreHost | null,
): Promise<HeldStore<TCPStore>> {
  try {
    return { store: await TCPStore.connect({ ...address, tls: pem }, timeout), server };
  } catch (error) {
    await server?.close(0);
    throw error;
  }
}
