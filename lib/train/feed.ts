// The batches of an epoch in groups, each for one step, handed out up to a limit.
import { type BatchSource, iterate, lengthOf } from './batch.js';

/** @internal */
export class Feed<Item> {
  /** Groups handed out in this epoch. */
  groups = 0;
  /** Samples and time for making batches since these were last set to 0. */
  samples = 0;
  milliseconds = 0;
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | null;
  #ended = false;
  #failure: { error: unknown } | null = null;
  /** Whether no more is to be handed out. */
  stopped = false;

  constructor(
    data: BatchSource | null,
    private readonly accumulate: number,
    private readonly itemOf: (batch: unknown) => { item: Item; samples: number },
  ) {
    this.#iterator = data === null ? null : iterate(data);
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

  /** At most so many groups. An error of the data ends them, so that those before it are used; `check` throws it. */
  next(limit: number): AsyncIterableIterator<Item[]> {
    let given = 0;
    const iterator: AsyncIterableIterator<Item[]> = {
      next: async () => {
        if (given++ >= limit || this.#ended || this.stopped) return { done: true, value: undefined };
        const group: Item[] = [];
        const begin = performance.now();
        try {
          // One batch needs no further promise.
          for (let more = true; more && group.length < this.accumulate; ) {
            const next = this.#pull();
            more = this.#take(next instanceof Promise ? await next : next, group);
          }
        } catch (error) {
          this.#failure = { error };
          this.#ended = true;
        }
        this.milliseconds += performance.now() - begin;
        if (group.length === 0 || this.#failure !== null) return { done: true, value: undefined };
        this.groups++;
        return { done: false, value: group };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
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
