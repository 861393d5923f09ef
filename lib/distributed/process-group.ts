// A group of processes as this one sees it: what it asks the native side for, and what becomes of it when something fails.
import { setTimeout as delay } from 'node:timers/promises';
import { type DistributedError, StateError } from '../errors.js';
import { type NativeGroup, native } from '../native.js';
import type { Tensor } from '../tensor.js';
import { Council } from './council.js';
import { errorOf, isLoss } from './failures.js';
import { prefixed, type Store } from './store.js';

/** How a reduction puts the values of all processes together. */
export type ReduceOp = 'sum' | 'mean' | 'min' | 'max';

/** @internal */
export type Collective = 'allReduce' | 'broadcast' | 'allGather' | 'reduceScatter' | 'barrier' | 'send' | 'receive';

/** @internal What a collective is about. */
interface Call {
  readonly subject?: Tensor;
  readonly result?: Tensor;
  /** A rank. */
  readonly number?: number;
  readonly tag?: number;
  /** Of a reduction, in place of `number`. */
  readonly op?: Exclude<ReduceOp, 'mean'>;
}

/** @internal What connecting needs. */
export interface Seat {
  readonly address: string;
  readonly ports: readonly [number, number];
  /** Milliseconds. */
  readonly timeout: number;
  /** Paths of PEM files. */
  readonly tls: { readonly key: string; readonly cert: string; readonly ca: string } | undefined;
}

interface Pending {
  readonly what: string;
  /** Of all members; a message is of two. */
  readonly isCollective: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** After how many milliseconds a process that waits compares notes with the others, or after half of the timeout. */
const doubt = 5000;
/** How long others may take to say why a connection was closed, in milliseconds. */
const patience = 300;

/** Processes that work together, as `init` and `newGroup` make them. */
export class ProcessGroup {
  /** The place of this process among {@link ranks}. */
  readonly rank: number;
  /** The ranks of all members in the whole run. */
  readonly ranks: readonly number[];
  readonly #store: Store;
  readonly #seat: Seat;
  readonly #council: Council;
  readonly #pending = new Map<number, Pending>();
  #native: NativeGroup | null = null;
  #tickets = 0;
  #calls = 0;
  #failure: DistributedError | null = null;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @internal What is done when another member says that something has failed. */
  _onFailure = (reason: string): void => this._abort(reason);

  /** @internal */
  constructor(ranks: readonly number[], me: number, store: Store, seat: Seat) {
    this.ranks = Object.freeze([...ranks]);
    this.rank = ranks.indexOf(me);
    this.#store = store;
    this.#seat = seat;
    this.#council = new Council(store, ranks, this.rank, seat.timeout);
  }

  /** How many processes there are. */
  get size(): number {
    return this.ranks.length;
  }

  /** @internal The number by which kernels name it; 0 for a group of one process. */
  get _number(): number {
    return this.#native === null ? 0 : groups().numberOf(this.#native);
  }

  /** @internal */
  async _connect(operation: string): Promise<void> {
    if (this.size === 1) return;
    const { address, ports, timeout, tls } = this.#seat;
    const places = prefixed(this.#store, 'places');
    const onStore = (key: string, value: Uint8Array | undefined): void => {
      const done =
        value === undefined
          ? places
              .wait([key], timeout)
              .then(() => places.get(key))
              .then(
                (text) => this.#native && groups().provide(this.#native, key, Buffer.from(text as string, 'base64')),
              )
          : places.set(key, Buffer.from(value).toString('base64'));
      done.catch((error: Error) => this._abort(error.message));
    };
    const onDone = (ticket: number, problem: string | undefined, lost: number): void =>
      this.#ended(ticket, problem, lost);
    this.#native = groups().create(
      ...([this.rank, this.size, address, ports[0], ports[1], timeout] as const),
      ...([tls?.key ?? '', tls?.cert ?? '', tls?.ca ?? '', onStore, onDone] as const),
    );
    this.#store._abortOn?.('failure', this._number); // another member's failure ends the waiting of this one
    await this.#submit(operation, (ticket) => groups().connect(this.#native as NativeGroup, ticket));
    // Whoever goes on may compute without a pause, and hold the store that others still need.
    await this._meet(operation, timeout);
  }

  /** @internal Does a collective; all members do the same ones in the same order. */
  async _run(
    operation: string,
    collective: Collective,
    { subject, result, number = 0, tag = 0, op }: Call,
  ): Promise<void> {
    this._checkOpen(operation);
    if (this.size === 1) return;
    const isMessage = collective === 'send' || collective === 'receive';
    const shape = subject === undefined ? '' : ` ${subject.dtype} [${subject.shape.join(', ')}]`;
    const what = `${operation}${shape}`;
    const name = operation.split(' ', 1)[0] as string;
    const native = this.#native as NativeGroup;
    const code = codes().collective[collective] as number;
    const chosen = op === undefined ? number : codes().reduce[op];
    await this.#submit(
      what,
      (ticket) => {
        groups().run(native, ticket, code, subject?.handle ?? 0, result?.handle ?? 0, chosen, tag, name);
        if (!isMessage) this.#calls++;
      },
      !isMessage,
    );
  }

  /** @internal Whether it cannot be used any more, as far as this process knows. */
  get _hasFailed(): boolean {
    return this.#failure !== null;
  }

  /** @internal */
  _checkOpen(operation: string): void {
    if (this.#closed) throw this.#isOver(operation);
    if (this.#failure !== null) throw this.#again(operation, this.#failure);
  }

  #isOver(operation: string): StateError {
    return new StateError(
      `${operation}: the process group was destroyed; call distributed.init again, and make anew what used the group`,
    );
  }

  #again(operation: string, failure: DistributedError): DistributedError {
    const hint = 'call distributed.destroy and distributed.init again, or start anew';
    return errorOf(`${operation}: the group has failed (${failure.message}); ${hint}`, failure.rank);
  }

  #submit(what: string, start: (ticket: number) => void, isCollective = true): Promise<void> {
    return new Promise((resolve, reject) => {
      const ticket = ++this.#tickets;
      this.#pending.set(ticket, { what, isCollective, resolve, reject });
      try {
        start(ticket);
      } catch (error) {
        this.#pending.delete(ticket);
        reject(error);
      }
      this.#watch();
    });
  }

  #ended(ticket: number, problem: string | undefined, lost: number): void {
    const pending = this.#pending.get(ticket) as Pending;
    this.#pending.delete(ticket);
    this.#watch();
    if (problem === undefined) pending.resolve();
    else void this.#fail(pending.what, problem, lost).then(pending.reject);
  }

  /** Finds out together with the others what was first, and tells them. */
  async #fail(what: string, problem: string, lost: number): Promise<Error> {
    if (this.#closed) return this.#isOver(what);
    if (isLoss(problem)) ({ problem, lost } = await this.#cause());
    this.#failure ??= await this.#council.agree(problem, lost, this.#calls - this.#collectives().length - 1);
    clearTimeout(this.#timer);
    const error = errorOf(`${what}: ${this.#failure.message}`, this.#failure.rank);
    error.cause = problem;
    return error;
  }

  /** @internal Waits in the store until all members are there. */
  async _meet(operation: string, timeout: number): Promise<void> {
    if (this.size > 1) await this.#council.meet(operation, timeout);
  }

  #problem(patience: number): { problem: string; lost: number } {
    return groups().problemOf(this.#native as NativeGroup, patience);
  }

  /** Of connections that close together, whichever is seen first counts as the cause, until the store tells what it was. */
  async #cause(): Promise<{ problem: string; lost: number }> {
    const deadline = performance.now() + patience;
    while (isLoss(this.#problem(0).problem) && performance.now() < deadline) await delay(10);
    return this.#problem(0);
  }

  /** @internal What a kernel that found the group failed throws. */
  _failure(operation: string): Error {
    if (this.#closed) return this.#isOver(operation);
    if (this.#failure !== null) return this.#again(operation, this.#failure);
    let { problem, lost } = this.#problem(0);
    if (isLoss(problem)) ({ problem, lost } = this.#problem(patience));
    this.#failure = this.#council.accuse(problem, lost);
    return errorOf(`${operation}: ${this.#failure.message}`, this.#failure.rank);
  }

  /** @internal Ends all that waits, for a reason that begins with who caused it. */
  _abort(reason: string): void {
    if (this.size === 1) this.#failure ??= errorOf(reason, undefined);
    if (this.#native !== null && !this.#closed) groups().abort(this._number, reason);
  }

  /** @internal Tells members that still wait for this one why it is gone. */
  async _leave(): Promise<void> {
    if (this.#native === null || this.#failure !== null) return;
    await this.#council.leave();
  }

  /** @internal Ends the work of all members because of what has gone wrong in this one. */
  async _fail(reason: string): Promise<void> {
    if (this.#closed || this.#native === null) return;
    await this.#council.tell(reason);
    this._abort(reason);
  }

  /** @internal What some member has said of what has gone wrong, once it has had time to; null if nobody has. */
  _reason(): Promise<DistributedError | null> {
    return this.#council.told();
  }

  /** @internal */
  _close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#native !== null) groups().close(this.#native, 'the group was destroyed');
  }

  // While something has been pending for long, members say where they are: the group may do different things.
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#pending.size === 0 || this.#closed) return;
    const wait = Math.min(doubt, this.#seat.timeout / 2);
    this.#timer = setTimeout(() => void this.#compare().catch(() => {}), wait).unref();
  }

  #collectives(): Pending[] {
    return [...this.#pending.values()].filter(({ isCollective }) => isCollective);
  }

  async #compare(): Promise<void> {
    const [first] = this.#collectives();
    if (first === undefined) return;
    const difference = await this.#council.compare(this.#calls - this.#collectives().length, first.what);
    if (difference === null) this.#watch();
    else this._abort(difference);
  }
}

function groups(): NonNullable<typeof native.groups> {
  return native.groups as NonNullable<typeof native.groups>;
}

function codes(): typeof native.codes {
  return native.codes;
}
