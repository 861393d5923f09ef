// The batches of an epoch in groups, each for one step, handed out up to a limit.
import { Turns } from '../event-loop.js';
import { isPromise } from '../memory.js';
import type { Pulled } from '../pulled.js';
import { type BatchSource, lengthOf, passOver } from './batch.js';

/** @internal Groups of batches for `for await`, or to be pulled one by one. */
export interface Groups<Item> extends Pulled<Item[]> {
  [Symbol.asyncIterator](): AsyncIterator<Item[]>;
  /** Whether nobody else has their tensors. */
  readonly areFresh?: boolean;
}

const over: IteratorResult<never> = { done: true, value: undefined };

/** @internal */
export class Feed<Item> {
  /** Groups handed out in this epoch. */
  groups = 0;
  /** Samples and time for making batches since these were last set to 0. */
  samples = 0;
  milliseconds = 0;
  /** Whether nobody else has the batches. */
  readonly areFresh: boolean;
  #iterator: Pulled<unknown> | null;
  #ended = false;
  #failure: { error: unknown } | null = null;
  readonly #turns = new Turns(); // between steps and data on this thread
  /** Groups that were made ahead, with their samples. */
  #ahead: { group: Item[]; samples: number }[] = [];
  /** Whether `finish` has ended it. */
  isFinished = false;
  /** Whether no more is to be handed out. */
  stopped = false;

  constructor(
    data: BatchSource | null,
    private readonly accumulate: number,
    private readonly itemOf: (batch: unknown) => { item: Item; samples: number },
  ) {
    const pass = data === null ? null : passOver(data);
    this.#iterator = pass?.batches ?? null;
    this.areFresh = pass?.areFresh ?? false;
  }

  /** The groups of an epoch, where that is known. */
  static length(data: BatchSource | null, accumulate: number): number | undefined {
    const batches = data === null ? undefined : lengthOf(data);
    return batches === undefined ? undefined : Math.ceil(batches / accumulate);
  }

  /** Whether the data has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * At most so many groups, without a promise where the data gives none. An error of the data ends them, so that those before it
   * are used; `check` throws it.
   */
  next(limit: number): Groups<Item> {
    let given = 0;
    const groups = {
      areFresh: this.areFresh,
      next: () => {
        if (given++ >= limit) return over;
        const made = this.#ahead.shift();
        if (made !== undefined) return this.#hand(made);
        return this.#turns.isDue ? this.#turns.give().then(() => this.#group()) : this.#group();
      },
      [Symbol.asyncIterator]: () => groups as AsyncIterator<Item[]>, // for await takes what is no promise, too
    };
    return groups;
  }

  #hand({ group, samples }: { group: Item[]; samples: number }): IteratorResult<Item[]> {
    this.groups++;
    this.samples += samples;
    return { done: false, value: group };
  }

  /**
   * Makes groups ahead, and gives how many there are then: no more than `limit`.
   *
   * @throws what the data has thrown
   */
  async prepare(limit: number): Promise<number> {
    const { groups, samples } = this;
    while (this.#ahead.length < limit) {
      if (this.#turns.isDue) await this.#turns.give();
      const before = this.samples;
      const { done, value: group } = await this.#group();
      if (done) break;
      this.#ahead.push({ group, samples: this.samples - before });
    }
    this.groups = groups;
    this.samples = samples;
    this.check();
    return Math.min(limit, this.#ahead.length);
  }

  #group(): IteratorResult<Item[]> | Promise<IteratorResult<Item[]>> {
    if (this.#ended || this.stopped) return over;
    const begin = performance.now();
    const group: Item[] = [];
    try {
      for (let more = true; more && group.length < this.accumulate; ) {
        const next = this.#pull();
        if (isPromise(next)) return this.#wait(next, group, begin);
        more = this.#take(next, group);
      }
    } catch (error) {
      this.#failure = { error };
    }
    return this.#give(group, begin);
  }

  async #wait(first: Promise<IteratorResult<unknown>>, group: Item[], begin: number): Promise<IteratorResult<Item[]>> {
    try {
      let more = this.#take(await first, group);
      while (more && group.length < this.accumulate) more = this.#take(await this.#pull(), group);
    } catch (error) {
      this.#failure = { error };
    }
    return this.#give(group, begin);
  }

  #give(group: Item[], begin: number): IteratorResult<Item[]> {
    this.milliseconds += performance.now() - begin;
    if (this.#failure !== null) this.#ended = true;
    if (group.length === 0 || this.#failure !== null) return over;
    this.groups++;
    return { done: false, value: group };
  }

  #pull(): IteratorResult<unknown> | Promise<IteratorResult<unknown>> {
    return this.#iterator === null ? { value: undefined, done: false } : this.#iterator.next();
  }

  /** Adds a batch to a group; false when there is none. */
  #take(next: IteratorResult<unknown>, group: Item[]): boolean {
    if (next.done) {
      this.#ended = true;
      return false;
    }
    const { item, samples } = this.itemOf(next.value);
    this.samples += samples;
    group.push(item);
    return true;
  }

  /** Passes over groups that were used before. */
  async skip(groups: number): Promise<void> {
    for (let i = 0; i < groups * this.accumulate && !this.#ended; i++) {
      if (this.#iterator === null) break;
      const next = await this.#iterator.next();
      if (next.done) this.#ended = true;
    }
    this.groups = groups;
  }

  /** Ends the pass over the data, which has given all its groups. */
  async finish(): Promise<void> {
    this.isFinished = true;
    this.#ahead = [];
    const next = this.#ended ? undefined : await this.#iterator?.next();
    if (next !== undefined && !next.done) await this.#iterator?.return?.();
    this.#ended = true;
  }

  /** Gives up the pass over the data. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#iterator?.return?.();
    this.#ended = true;
  }

  /** Throws the error that the data has thrown. */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }
}
