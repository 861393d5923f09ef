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
  async *next(limit: number): AsyncGenerator<Item[]> {
    for (let i = 0; i < limit && !this.#ended && !this.stopped; i++) {
      const group: Item[] = [];
      const begin = performance.now();
      try {
        await this.#fill(group);
      } catch (error) {
        this.#failure = { error };
        this.#ended = true;
      }
      this.milliseconds += performance.now() - begin;
      if (group.length === 0 || this.#failure !== null) return;
      this.groups++;
      yield group;
    }
  }

  async #fill(group: Item[]): Promise<void> {
    while (group.length < this.accumulate && !this.#ended) {
      const next = this.#iterator === null ? { value: undefined, done: false } : await this.#iterator.next();
      if (next.done) {
        this.#ended = true;
        return;
      }
      const { item, samples } = this.itemOf(next.value);
      this.samples += samples;
      group.push(item);
    }
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
