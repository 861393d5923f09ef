// The agent of one node: it starts ranks, stops them and says how they ended, as the host of the run asks for it.
import { constants, hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { seatOf } from '../distributed/seats.js';
import type { TCPStore } from '../distributed/tcp-store.js';
import { awaited, Inbox, keysOf, Letters, listen, type Order, type Report } from './run-inbox.js';
import type { Settings } from './run-options.js';
import { type Failure, Ranks } from './run-ranks.js';

type Event =
  | Order
  | { readonly type: 'ended'; readonly generation: number; readonly failure: Failure | null }
  /** A rank wants a new group. */
  | { readonly type: 'wanted'; readonly generation: number; readonly rank: number }
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly type: 'alone'; readonly why: string };

/** Where agents and ranks find the store, and what they show it. */
export interface Meeting {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly tls: Settings['tls'];
}

/** How long a rank that has lost its group waits for somebody to say who was lost, in milliseconds. */
const patience = 500;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export class Agent {
  readonly #inbox = new Inbox<Event>();
  readonly #reports: Letters<Report>;
  readonly #ranks: Ranks;
  /** Whether ranks run that have not been stopped. */
  #isRunning = false;
  #generation = -1;
  #isSignalled = false;
  /** The failure of its own that it has told of. */
  #told = '';

  private constructor(
    private readonly settings: Settings,
    private readonly meeting: Meeting,
    private readonly store: TCPStore,
    private readonly id: string,
    private readonly tell: (text: string) => void,
  ) {
    const { reports, orders } = keysOf(id);
    this.#ranks = new Ranks(settings, (failure) =>
      this.#inbox.push({ type: 'ended', generation: this.#generation, failure }),
    );
    this.#reports = new Letters(reports, (key, value) => this.#set(key, value));
    void listen<Order>(store, orders, (order) => this.#inbox.push(order));
    store.onGone = (why) => this.#inbox.push({ type: 'alone', why });
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
    try {
      await store.join(`${keysOf(id).life}:0`, settings.heartbeat);
      const { nproc, nodeRank } = settings;
      agent.#reports.send({ type: 'hello', name: hostname(), nproc, ...(nodeRank !== undefined && { nodeRank }) });
      return await agent.#run();
    } finally {
      for (const signal of signals) process.off(signal, onSignal);
    }
  }

  #set(key: string, value: string): void {
    this.store.set(key, value).catch(() => {}); // onGone tells
  }

  /** The second signal is not for the ranks to think about. */
  #signalled(signal: NodeJS.Signals): void {
    if (this.#isSignalled) this.#ranks.kill();
    else this.#inbox.push({ type: 'signal', signal });
    this.#isSignalled = true;
  }

  async #run(): Promise<number> {
    for (;;) {
      const event = await this.#inbox.next();
      if (event.type === 'start') this.#start(event);
      else if (event.type === 'stop') await this.#stop();
      else if (event.type === 'ended') await this.#ended(event.generation, event.failure);
      else if (event.type === 'wanted') await this.#wanted(event.generation, event.rank);
      else if (event.type === 'signal') return this.#leave(event.signal);
      else {
        if (event.type === 'alone')
          this.tell(event.why.replace('the launcher', 'the node that holds the run together'));
        else if (event.why !== this.#told) this.tell(event.why);
        await this.#ranks.stop('SIGTERM');
        return event.type === 'end' ? event.code : 1;
      }
    }
  }

  #start({ first, worldSize, generation, node }: Extract<Order, { type: 'start' }>): void {
    const { settings, meeting, id } = this;
    const env = {
      WORLD_SIZE: `${worldSize}`,
      LOCAL_WORLD_SIZE: `${settings.nproc}`,
      GROUP_RANK: `${node}`,
      MASTER_ADDR: meeting.host,
      MASTER_PORT: `${meeting.port}`,
      TORCHELASTIC_USE_AGENT_STORE: 'True',
      ADJOINT_TOKEN: meeting.token,
      ADJOINT_GENERATION: `${generation}`,
      ADJOINT_NUM_THREADS: settings.threads,
      ...(settings.isKeeping && { ADJOINT_AGENT: keysOf(id).life }),
    };
    for (const local of this.#ranks.start({ generation, first, env })) {
      const seat = JSON.stringify({ ...env, RANK: `${first + local}` });
      this.#set(seatOf(keysOf(id).life, local, this.#generation).given, seat);
    }
    this.#generation = generation;
    this.#isRunning = true;
    if (!settings.isKeeping) return;
    for (let local = 0; local < settings.nproc; local++) {
      void this.#waits(local)
        .then(() => delay(patience))
        .then(() => this.#inbox.push({ type: 'wanted', generation, rank: first + local }))
        .catch(() => {}); // the run is over
    }
  }

  async #wanted(generation: number, rank: number): Promise<void> {
    if (generation !== this.#generation || !this.#isRunning) return;
    this.#reports.send({ type: 'failed', why: `rank ${rank} has left its group (${hostname()})`, code: 1 });
    await this.#stop();
  }

  async #ended(generation: number, failure: Failure | null): Promise<void> {
    if (generation !== this.#generation || !this.#isRunning) return; // they were stopped
    if (failure === null) {
      this.#isRunning = false;
      this.#reports.send({ type: 'done' });
      return;
    }
    this.#told = `${failure.why} (${hostname()})`;
    this.#reports.send({ type: 'failed', why: this.#told, code: failure.code });
    await this.#stop();
  }

  async #stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    if (this.settings.isKeeping) await this.#ranks.keep((local) => this.#waits(local));
    else await this.#ranks.stop('SIGTERM');
    const { failure } = this.#ranks;
    if (failure !== null) this.#report(failure);
    this.#reports.send({ type: 'ready' });
  }

  async #waits(local: number): Promise<void> {
    const { wanted } = seatOf(keysOf(this.id).life, local, this.#generation);
    await awaited(this.store, wanted);
  }

  #report({ why, lines }: Failure): void {
    this.tell(`${why}${lines.length === 0 ? '' : '; its last lines:'}`);
    for (const line of lines) process.stderr.write(`  ${line}\n`);
  }

  async #leave(signal: NodeJS.Signals): Promise<number> {
    const usual = this.#isRunning ? 0 : 128 + constants.signals[signal];
    await this.#ranks.stop(signal);
    const code = this.#ranks.failure?.code ?? usual;
    this.#reports.send({ type: 'leaving', why: `was ended by ${signal}`, code });
    return code;
  }
}
