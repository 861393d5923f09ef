// The agent of one node: it starts ranks, stops them and says how they ended, as the host of the run asks for it.
import { constants, hostname } from 'node:os';
import type { TCPStore } from '../distributed/tcp-store.js';
import { Inbox, keysOf, Letters, listen, type Order, type Report } from './run-inbox.js';
import type { Settings } from './run-options.js';
import { type Failure, Ranks } from './run-ranks.js';

type Event =
  | Order
  | { readonly type: 'ended'; readonly ranks: Ranks; readonly failure: Failure | null }
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly type: 'alone' };

/** Where ranks find the store, and what they show it. */
export interface Meeting {
  readonly host: string;
  readonly port: number;
  readonly token: string;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export class Agent {
  readonly #inbox = new Inbox<Event>();
  readonly #reports: Letters<Report>;
  #ranks: Ranks | null = null;
  #isSignalled = false;
  /** The failure of its own that it has told of. */
  #told = '';

  private constructor(
    private readonly settings: Settings,
    private readonly meeting: Meeting,
    store: TCPStore,
    id: string,
    private readonly tell: (text: string) => void,
  ) {
    const { reports, orders } = keysOf(id);
    this.#reports = new Letters(reports, (key, value) => void store.set(key, value).catch(() => {}));
    void listen<Order>(store, orders, (order) => this.#inbox.push(order));
    store.onGone = () => this.#inbox.push({ type: 'alone' });
  }

  /** Runs the ranks of this node until the run is over. @returns the exit code */
  static async run(
    settings: Settings,
    meeting: Meeting,
    store: TCPStore,
    id: string,
    tell: (text: string) => void,
  ): Promise<number> {
    const agent = new Agent(settings, meeting, store, id, tell);
    const onSignal = (signal: NodeJS.Signals): void => agent.#signalled(signal);
    for (const signal of signals) process.on(signal, onSignal);
    const alive = setInterval(() => {}, 2 ** 30); // waiting for the host keeps no process alive
    try {
      await store.join(`${keysOf(id).life}:0`, settings.heartbeat);
      const { nproc, nodeRank } = settings;
      agent.#reports.send({ type: 'hello', name: hostname(), nproc, ...(nodeRank !== undefined && { nodeRank }) });
      return await agent.#run();
    } finally {
      clearInterval(alive);
      for (const signal of signals) process.off(signal, onSignal);
    }
  }

  /** The second signal is not for the ranks to think about. */
  #signalled(signal: NodeJS.Signals): void {
    if (this.#isSignalled) this.#ranks?.kill();
    else this.#inbox.push({ type: 'signal', signal });
    this.#isSignalled = true;
  }

  async #run(): Promise<number> {
    for (;;) {
      const event = await this.#inbox.next();
      if (event.type === 'start') this.#start(event);
      else if (event.type === 'stop') await this.#stop();
      else if (event.type === 'ended') await this.#ended(event.ranks, event.failure);
      else if (event.type === 'signal') return this.#leave(event.signal);
      else {
        if (event.type === 'alone') this.tell('the node that holds the run together is gone');
        else if (event.why !== this.#told) this.tell(event.why);
        await this.#ranks?.stop('SIGTERM');
        return event.type === 'end' ? event.code : 1;
      }
    }
  }

  #start({ first, worldSize, generation, node }: Extract<Order, { type: 'start' }>): void {
    const { settings, meeting } = this;
    const { program, args, nproc: count, logDir, grace } = settings;
    const env = {
      WORLD_SIZE: `${worldSize}`,
      LOCAL_WORLD_SIZE: `${count}`,
      GROUP_RANK: `${node}`,
      MASTER_ADDR: meeting.host,
      MASTER_PORT: `${meeting.port}`,
      TORCHELASTIC_USE_AGENT_STORE: 'True',
      ADJOINT_TOKEN: meeting.token,
      ADJOINT_GENERATION: `${generation}`,
      ADJOINT_NUM_THREADS: settings.threads,
    };
    const ranks: Ranks = new Ranks({ program, args, first, count, generation, env, logDir, grace }, (failure) =>
      this.#inbox.push({ type: 'ended', ranks, failure }),
    );
    this.#ranks = ranks;
  }

  async #ended(ranks: Ranks, failure: Failure | null): Promise<void> {
    if (ranks !== this.#ranks) return; // they were stopped
    if (failure === null) {
      this.#reports.send({ type: 'done' });
      this.#ranks = null;
      return;
    }
    this.#told = `${failure.why} (${hostname()})`;
    this.#reports.send({ type: 'failed', why: this.#told, code: failure.code });
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const ranks = this.#ranks;
    if (ranks === null) return;
    this.#ranks = null;
    await ranks.stop('SIGTERM');
    if (ranks.failure !== null) this.#report(ranks, ranks.failure);
    this.#reports.send({ type: 'ready' });
  }

  #report(ranks: Ranks, { rank, why }: Failure): void {
    const lines = ranks.lastLines(rank);
    this.tell(`${why}${lines.length === 0 ? '' : '; its last lines:'}`);
    for (const line of lines) process.stderr.write(`  ${line}\n`);
  }

  async #leave(signal: NodeJS.Signals): Promise<number> {
    const ranks = this.#ranks;
    await ranks?.stop(signal);
    const code = ranks === null ? 128 + constants.signals[signal] : (ranks.failure?.code ?? 0);
    this.#reports.send({ type: 'leaving', why: `was ended by ${signal}`, code });
    return code;
  }
}
