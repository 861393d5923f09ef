// Who takes part in a run of agents, and what becomes of it: the agent that holds the store decides.
import { regroupingOf } from '../distributed/seats.js';
import type { StoreServer } from '../distributed/store-server.js';
import { Inbox, keysOf, Letters, type Order, type Report } from './run-inbox.js';
import type { Settings } from './run-options.js';

type Hello = Extract<Report, { type: 'hello' }>;

interface Node {
  readonly id: string;
  /** The host's has 0, others as they came. */
  readonly number: number;
  readonly hello: Hello;
  readonly orders: Letters<Order>;
  /** Waits for a start, runs, or has nothing left to do; whoever is gone is no longer in the list. */
  state: 'ready' | 'running' | 'done';
}

type Event =
  | { readonly type: 'report'; readonly id: string; readonly report: Report }
  | { readonly type: 'lost'; readonly id: string; readonly reason: string }
  | { readonly type: 'time' };

/** What the run is doing: it waits for nodes, its ranks run, they are being stopped, or it is over. */
type Phase = 'gathering' | 'running' | 'stopping' | 'over';

export class Host {
  readonly #inbox = new Inbox<Event>();
  readonly #nodes = new Map<string, Node>();
  #phase: Phase = 'gathering';
  #generation = 0;
  #restarts = 0;
  /** When gathering is over without enough nodes, and when it goes on with those that are there. */
  #deadline: NodeJS.Timeout | undefined;
  #lastCall: NodeJS.Timeout | undefined;
  #isCalled = false;

  #came = 0;

  /** @param own the agent of this process */
  constructor(
    private readonly settings: Settings,
    private readonly server: StoreServer,
    private readonly own: string,
    private readonly tell: (text: string) => void,
  ) {
    server.onSet = (key, value) => {
      const [, id, kind] = /^agents\/([^/]+)\/(reports|failure)(?:\/\d+)?$/.exec(key) ?? [];
      if (id === undefined) return;
      if (kind === 'reports') this.#inbox.push({ type: 'report', id, report: JSON.parse(value) as Report });
      else this.#inbox.push({ type: 'lost', id, reason: value.replace(/^rank \d+ /, '') });
    };
  }

  /** Decides until the run is over. */
  async run(): Promise<void> {
    this.#gather();
    while (this.#phase !== 'over') this.#heed(await this.#inbox.next());
  }

  #heed(event: Event): void {
    if (event.type === 'time') {
      this.#isCalled = true;
    } else if (event.type === 'lost') {
      this.#lose(event.id, event.reason);
    } else if (event.report.type === 'hello') {
      this.#admit(event.id, event.report);
    } else {
      this.#hear(event.id, event.report);
    }
    if (this.#phase === 'stopping' && ![...this.#nodes.values()].some(({ state }) => state === 'running')) {
      this.#gather();
    }
    if (this.#phase === 'gathering') this.#tryStart();
  }

  #admit(id: string, hello: Hello): void {
    const orders = new Letters<Order>(keysOf(id).orders, (key, value) => this.server.set(key, value));
    const same = [...this.#nodes.values()].find(
      (node) => hello.nodeRank !== undefined && node.hello.nodeRank === hello.nodeRank,
    );
    if (same !== undefined) {
      const why = `--node-rank ${hello.nodeRank} must be one node's alone, but ${same.hello.name} has it`;
      orders.send({ type: 'end', why, code: 2 });
      return;
    }
    const node: Node = { id, number: id === this.own ? 0 : ++this.#came, hello, orders, state: 'ready' };
    this.#nodes.set(id, node);
    const members = this.#members();
    if (this.#phase !== 'running' || members.length >= this.settings.nodes.most) return;
    if (members.every(({ state }) => state === 'running')) this.#stop(`${nameOf(node)} has come`);
  }

  #hear(id: string, report: Exclude<Report, Hello>): void {
    const node = this.#nodes.get(id);
    if (node === undefined) return;
    if (report.type === 'ready') node.state = 'ready';
    else if (report.type === 'failed') this.#fail(report.why, report.code);
    else if (report.type === 'leaving') this.#leave(node, report);
    else {
      node.state = 'done';
      if (this.#phase === 'running' && this.#members().every(({ state }) => state === 'done')) this.#end('', 0);
    }
  }

  #leave(node: Node, { why, code }: { why: string; code: number }): void {
    const isOwn = node.id === this.own;
    const isRunning = node.state === 'running';
    this.#nodes.delete(node.id);
    if (isOwn) this.#end(`${nameOf(node)}, which holds the run together, ${why}`, code);
    else if (isRunning) this.#fail(`${nameOf(node)} ${why}`, code);
  }

  #lose(id: string, reason: string): void {
    const node = this.#nodes.get(id);
    this.#nodes.delete(id);
    if (node?.state === 'running') this.#fail(`${nameOf(node)} ${reason}`, 1);
  }

  /** Those of the present generation. */
  #members(): Node[] {
    return [...this.#nodes.values()].filter(({ state }) => state !== 'ready');
  }

  #fail(why: string, code: number): void {
    if (this.#phase !== 'running') return;
    const { maxRestarts } = this.settings;
    if (this.#restarts >= maxRestarts) {
      this.#end(why, code);
      return;
    }
    this.#restarts++;
    this.#stop(`${why}; restart ${this.#restarts} of ${maxRestarts}`);
  }

  #stop(why: string): void {
    this.#phase = 'stopping';
    this.tell(why);
    if (this.settings.isKeeping)
      this.server.set(regroupingOf(this.#generation - 1), `the group is formed anew: ${why}`);
    for (const node of this.#members()) {
      if (node.state === 'done') node.state = 'ready';
      else node.orders.send({ type: 'stop', why });
    }
  }

  #gather(): void {
    this.#phase = 'gathering';
    this.#isCalled = false;
    this.#lastCall = undefined;
    const { joinTimeout } = this.settings;
    this.#deadline = setTimeout(() => this.#end(this.#absent(), 1), joinTimeout).unref();
  }

  #absent(): string {
    const { nodes, joinTimeout } = this.settings;
    const here = [...this.#nodes.values()];
    const within = `must come within ${joinTimeout / 1000} s, got ${here.map(nameOf).join(', ')}`;
    if (here.some(({ hello }) => hello.nodeRank === undefined)) return `${nodes.least} nodes ${within}`;
    const missing = Array.from({ length: nodes.least }, (_, i) => i).filter(
      (i) => !here.some(({ hello }) => hello.nodeRank === i),
    );
    return `node ${missing.join(', ')} ${within}`;
  }

  #tryStart(): void {
    const { least, most } = this.settings.nodes;
    const { size } = this.#nodes;
    if (size >= most || (size >= least && this.#isCalled)) {
      this.#start();
    } else if (size >= least && this.#lastCall === undefined) {
      this.#lastCall = setTimeout(() => this.#inbox.push({ type: 'time' }), this.settings.lastCall).unref();
    }
  }

  #start(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#lastCall);
    const order = ({ number, hello }: Node): number => (hello.nodeRank ?? this.settings.nodes.most) * 2 ** 20 + number;
    const chosen = [...this.#nodes.values()].sort((a, b) => order(a) - order(b)).slice(0, this.settings.nodes.most);
    const worldSize = chosen.reduce((sum, { hello }) => sum + hello.nproc, 0);
    if (this.#generation > 0) this.tell(`starting ${worldSize} ranks on ${chosen.map(nameOf).join(', ')}`);
    let first = 0;
    for (const [place, node] of chosen.entries()) {
      node.state = 'running';
      node.orders.send({ type: 'start', generation: this.#generation, first, worldSize, node: place });
      first += node.hello.nproc;
    }
    this.#phase = 'running';
    this.#generation++;
  }

  #end(why: string, code: number): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    clearTimeout(this.#deadline);
    clearTimeout(this.#lastCall);
    for (const { orders } of this.#nodes.values()) orders.send({ type: 'end', why, code });
    this.#inbox.push({ type: 'time' });
  }
}

const nameOf = ({ number, hello }: Node): string => `node ${hello.nodeRank ?? number} (${hello.name})`;

/** How long the last nodes may take to leave, in milliseconds, beside the grace of their ranks. */
const farewell = 5000;

/** Waits until all other nodes have left. */
export async function closeWhenEmpty(server: StoreServer, grace: number): Promise<void> {
  await server.empty(grace + farewell);
  server.close();
}
