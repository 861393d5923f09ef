import { randomBytes, randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { StoreServer } from '../distributed/store-server.js';
import { TCPStore } from '../distributed/tcp-store.js';
import { type Command, UsageError } from './arguments.js';
import { closeWhenEmpty, Host } from './run-host.js';
import { Agent, type Meeting } from './run-node.js';
import { type Settings, settingsOf } from './run-options.js';

export const runCommand: Command = {
  summary:
    'Starts a program as several processes that train together, on one machine or, with an agent on each, on many.',
  positionals: ['<program>', '[arguments]'],
  hasRest: true,
  options: {
    nproc: { value: '<n>', about: 'ranks of this machine; auto: one for each core; default 1' },
    'nproc-per-node': { value: '<n>', about: "the same, under torchrun's name" },
    nnodes: { value: '<n>', about: 'how many machines, or least:most, such as 1:4; default 1' },
    'node-rank': { value: '<i>', about: 'which one this is, from 0, which holds the run together' },
    rdzv: { value: '<host:port>', about: 'where machines meet: the address of the one that holds the run together' },
    'max-restarts': { value: '<n>', about: 'how often all ranks start anew when one has failed; default 0' },
    'keep-survivors': { about: 'ranks that call init again after a failure go on; only the lost ones start anew' },
    'log-dir': { value: '<folder>', about: 'what each rank writes, in files of its own, too' },
    'join-timeout': { value: '<s>', about: 'how long to wait for machines; default 600' },
    heartbeat: { value: '<s>', about: 'after how long without a sign of life a machine counts as lost; default 10' },
    grace: { value: '<s>', about: 'how long ranks that are asked to end may take; default 10' },
  },
  more: `What follows the program is for it. Ranks know their place by the variables of torchrun (docs/distributed.md).

  adjoint run --nproc 4 train.js --epochs 10
  ADJOINT_TOKEN=… adjoint run --nproc 4 --nnodes 2 --node-rank 1 --rdzv node0:29500 train.js`,
  async run(given) {
    const settings = settingsOf(given);
    const token = process.env.ADJOINT_TOKEN || randomBytes(24).toString('hex');
    const server = await serverFor(settings, token);
    const meeting = meetingOf(settings, token, server);
    const tell = (text: string): void => {
      process.stderr.write(`adjoint run: ${text}\n`);
    };
    try {
      const id = randomUUID();
      const decided = server && new Host(settings, server, id, tell).run();
      const store = await connected(meeting, settings.joinTimeout);
      const code = await Agent.run(settings, meeting, store, id, tell);
      await decided;
      await store.close();
      if (server !== null) await closeWhenEmpty(server, settings.grace);
      return code;
    } finally {
      server?.close();
    }
  },
};

/** The store of the run, if this is the node that holds it. */
async function serverFor(settings: Settings, token: string): Promise<StoreServer | null> {
  const { rdzv, nodeRank, heartbeat, nodes, tls } = settings;
  const common = { token, heartbeat, tls: tls && { ...tls, requestCert: true, rejectUnauthorized: true } };
  if (rdzv === undefined) return StoreServer.listen({ ...common, port: 0, host: '127.0.0.1' });
  if (nodeRank !== undefined && nodeRank > 0) return null;
  const mustHost = nodeRank === 0 || nodes.most === 1;
  const at = (host: string | undefined): Promise<StoreServer> =>
    StoreServer.listen({ ...common, port: rdzv.port, host });
  try {
    const { address } = await lookup(rdzv.host);
    // A machine's own name may lead to its loopback, where others would not find it.
    const isHidden = address.startsWith('127.') && !/^(127\.|localhost$)/.test(rdzv.host);
    return await at(isHidden ? undefined : address);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!mustHost) return null;
    // An address that leads here by way of a translation is none of this machine's.
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return at(undefined);
    throw new UsageError(`--rdzv must have a free port of this machine, got ${rdzv.host}:${rdzv.port} (${code})`);
  }
}

function meetingOf({ rdzv, tls }: Settings, token: string, server: StoreServer | null): Meeting {
  return { ...(rdzv ?? { host: '127.0.0.1', port: (server as StoreServer).port }), token, tls };
}

async function connected(meeting: Meeting, timeout: number): Promise<TCPStore> {
  try {
    return await TCPStore.connect({ ...meeting, holder: 'the launcher' }, timeout);
  } catch (error) {
    const text = (error as Error).message.replace('distributed.init: the store', 'run: the first node');
    throw new Error(text.replace(/; is rank 0 running.*/, '; is its agent running, and can its port be reached?'));
  }
}
