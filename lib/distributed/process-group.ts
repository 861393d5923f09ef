// A group of processes as this one sees it: what it asks the native side for, and what becomes of it when something fails.
import { setTimeout as delay } from 'node:timers/promises';
import { type DistributedError, StateError } from '../errors.js';
import { type NativeGroup, native } from '../native.js';
import type { Tensor } from '../tensor.js';
import { errorOf, isLoss, listOf, rankIn, wordingOf } from './failures.js';
import { prefixed, type Store, setOnce } from './store.js';

/** How a reduction puts the values of all processes together. */
export type ReduceOp = 'sum' | 'mean' | 'min' | 'max';

/** @internal */
export type Collective = 'allReduce' | 'broadcast' | 'allGather' | 'reduceScatter' | 'barrier' | 'send' | 'receive';

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

/** How long a process that fails waits for another one to say who was first, in milliseconds. */
const patience = 500;
/** After how many milliseconds a process that waits compares notes with the others. */
const doubt = 5000;

/** Processes that work together, as `init` and `newGroup` make them. */
export class ProcessGroup {
  /** The place of this process among {@link ranks}. */
  readonly rank: number;
  /** The ranks of all members in the whole run. */
  readonly ranks: readonly number[];
  readonly #store: Store;
  readonly #seat: Seat;
  readonly #pending = new Map<number, Pending>();
  #native: NativeGroup | null = null;
  #tickets = 0;
  #calls = 0;
  #meetings = 0;
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
    this.#listen();
    try {
      await this.#submit(operation, (ticket) => groups().connect(this.#native as NativeGroup, ticket));
    } catch (error) {
      throw (await this.#absent(operation, places)) ?? error;
    }
    // Whoever goes on may compute without a pause, and hold the store that others still need.
    await this._meet(operation, timeout);
  }

  /** The error that names the members that have not come; null if all have, or it is known what kept one. */
  async #absent(operation: string, places: Store): Promise<DistributedError | null> {
    const came = await Promise.all(this.ranks.map((_, i) => places.get(String(i)).catch(() => '')));
    const missing = this.ranks.filter((_, i) => i !== this.rank && came[i] === undefined);
    if (missing.length === 0 || this.#failure?.rank !== undefined) return null; // or somebody has said why
    return errorOf(`${operation}: ${listOf(missing)} must come within ${this.#seat.timeout} ms`, missing[0]);
  }

  /** Another member's failure ends the waiting of this one. */
  #listen(): void {
    this.#store
      .wait(['failure'], Number.POSITIVE_INFINITY)
      .then(() => this.#store.get('failure'))
      .then(
        (text) => this._onFailure(text as string),
        () => {}, // whoever holds the store tells by onGone
      );
  }

  /** @internal Does a collective; all members do the same ones in the same order. */
  async _run(
    operation: string,
    collective: Collective,
    { subject, result, number = 0, tag = 0 }: { subject?: Tensor; result?: Tensor; number?: number; tag?: number },
  ): Promise<void> {
    this._checkOpen(operation);
    if (this.size === 1) return;
    const isMessage = collective === 'send' || collective === 'receive';
    const shape = subject === undefined ? '' : ` ${subject.dtype} [${subject.shape.join(', ')}]`;
    const what = `${operation}${shape}`;
    const native = this.#native as NativeGroup;
    const code = codes().collective[collective] as number;
    await this.#submit(
      what,
      (ticket) => {
        groups().run(native, ticket, code, subject?.handle ?? 0, result?.handle ?? 0, number, tag);
        if (!isMessage) this.#calls++;
      },
      !isMessage,
    );
  }

  /** @internal */
  _checkOpen(operation: string): void {
    if (this.#closed)
      throw new StateError(`${operation}: the process group was destroyed; call distributed.init again`);
    if (this.#failure !== null) throw this.#again(operation, this.#failure);
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
  async #fail(what: string, problem: string, lost: number): Promise<DistributedError> {
    this.#failure ??= await this.#agree(problem, lost);
    clearTimeout(this.#timer);
    const error = errorOf(`${what}: ${this.#failure.message}`, this.#failure.rank);
    error.cause = problem;
    return error;
  }

  async #agree(problem: string, lost: number): Promise<DistributedError> {
    const text = this.#wordingOf(problem, lost);
    const late = delay(patience, undefined);
    const ask = async (): Promise<string | undefined> => {
      // A connection that was closed says the least: somebody else may know why.
      if (isLoss(problem))
        await Promise.race([this.#store.wait(['failure'], patience).catch(() => {}), delay(patience / 2)]);
      await setOnce(this.#store, 'failure', text);
      return this.#store.get('failure');
    };
    const first = await Promise.race([ask().catch(() => undefined), late]);
    return errorOf(first ?? text, rankIn(first ?? text));
  }

  #wordingOf(problem: string, lost: number): string {
    const rank = lost < 0 ? undefined : this.ranks[lost];
    if (isLoss(problem) && rank !== undefined) return `rank ${rank} has ended`;
    return wordingOf(problem, this.ranks[this.rank] as number);
  }

  /** @internal Waits in the store until all members are there. */
  async _meet(operation: string, timeout: number): Promise<void> {
    if (this.size === 1) return;
    const meeting = `meeting${++this.#meetings}`;
    await this.#store.set(`${meeting}/${this.rank}`, '1');
    const keys = this.ranks.map((_, i) => `${meeting}/${i}`);
    try {
      await this.#store.wait(keys, timeout);
    } catch (cause) {
      const came = await Promise.all(keys.map((key) => this.#store.get(key)));
      const missing = this.ranks.filter((_, i) => came[i] === undefined);
      if (missing.length === 0) return;
      const error = errorOf(`${operation}: ${listOf(missing)} must come within ${timeout} ms`, missing[0]);
      error.cause = cause;
      throw error;
    }
  }

  /** @internal What a kernel that found the group failed throws. */
  _failure(operation: string): DistributedError {
    if (this.#failure !== null) return this.#again(operation, this.#failure);
    const { problem, lost } = groups().problemOf(this.#native as NativeGroup);
    const text = this.#wordingOf(problem, lost);
    this.#failure = errorOf(text, rankIn(text));
    setOnce(this.#store, 'failure', text).catch(() => {});
    return errorOf(`${operation}: ${text}`, rankIn(text));
  }

  /** @internal Ends all that waits, for a reason that begins with who caused it. */
  _abort(reason: string): void {
    if (this.#native !== null && !this.#closed) groups().abort(this.#native, reason);
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
    this.#timer = setTimeout(() => void this.#compare().catch(() => {}), doubt).unref();
  }

  async #compare(): Promise<void> {
    const first = [...this.#pending.values()].find(({ isCollective }) => isCollective);
    if (first === undefined) return;
    const mine = { call: this.#calls, what: first.what };
    await this.#store.set(`notes/${this.rank}`, JSON.stringify(mine));
    for (const [i, rank] of this.ranks.entries()) {
      const text = i === this.rank ? undefined : await this.#store.get(`notes/${i}`);
      if (text === undefined) continue;
      const { call, what } = JSON.parse(text) as typeof mine;
      if (call !== mine.call || what === mine.what) continue;
      const me = this.ranks[this.rank];
      this._abort(
        `rank ${me} is in ${mine.what}, rank ${rank} in ${what}; all members must do the same in the same order`,
      );
      return;
    }
    this.#watch();
  }
}

function groups(): NonNullable<typeof native.groups> {
  return native.groups as NonNullable<typeof native.groups>;
}

function codes(): typeof native.codes {
  return native.codes;
}
