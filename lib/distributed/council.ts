// What the members of a group find out together in its store: whether they do the same, who is missing, who has failed first.
import type { DistributedError } from '../errors.js';
import { errorOf, isLoss, isTimeout, listOf, rankIn, wordingOf } from './failures.js';
import { type Store, setOnce } from './store.js';
import { within } from './within.js';

/** What a member does that has waited for long. */
interface Note {
  /** How many collectives came before. */
  readonly call: number;
  readonly what: string;
}

/** How long a process that fails waits for another one to say who was first, in milliseconds. */
const patience = 500;

/** @internal */
export class Council {
  readonly #store: Store;
  readonly #ranks: readonly number[];
  readonly #me: number;
  readonly #timeout: number;
  #meetings = 0;

  /**
   * @param ranks of all members in the whole run
   * @param me the place of this process among them
   */
  constructor(store: Store, ranks: readonly number[], me: number, timeout: number) {
    this.#store = store;
    this.#ranks = ranks;
    this.#me = me;
    this.#timeout = timeout;
  }

  /** Waits until all members are there. */
  async meet(operation: string, timeout: number): Promise<void> {
    const meeting = `meeting${++this.#meetings}`;
    await this.#store.set(`${meeting}/${this.#me}`, '1');
    const keys = this.#ranks.map((_, i) => `${meeting}/${i}`);
    try {
      await this.#store.wait(keys, timeout);
    } catch (cause) {
      const missing = await this.#missing(meeting);
      if (missing.length === 0) return;
      const error = errorOf(`${operation}: ${listOf(missing)} must come within ${timeout} ms`, missing[0]);
      error.cause = cause;
      throw error;
    }
  }

  /** Writes down what this process waits for; says who does something else in its place, or null. */
  async compare(call: number, what: string): Promise<string | null> {
    await this.#store.set(`notes/${this.#me}`, JSON.stringify({ call, what } satisfies Note));
    const notes = await this.#notes();
    const other = notes.findIndex((note) => note !== null && note.call === call && note.what !== what);
    if (other < 0) return null;
    const [me, you] = [this.#ranks[this.#me], this.#ranks[other]];
    return `rank ${me} is in ${what}, rank ${you} in ${notes[other]?.what}; all members must do the same in the same order`;
  }

  /** By the place of who has written them; null where there is none. */
  #notes(): Promise<(Note | null)[]> {
    return Promise.all(
      this.#ranks.map(async (_, i) => JSON.parse((await this.#store.get(`notes/${i}`)) ?? 'null') as Note | null),
    );
  }

  /** Tells members that still wait for this one why it is gone. */
  async leave(): Promise<void> {
    await within(patience, this.#store.set(`left/${this.#me}`, '1'));
  }

  /**
   * What the members take for the cause of a failure: what the first one says of it.
   *
   * @param lost the place of the member whose connection was lost first; -1 if none was
   * @param call how many collectives came before
   */
  async agree(problem: string, lost: number, call: number): Promise<DistributedError> {
    let text = this.wordingOf(problem, lost);
    const ask = async (): Promise<string | undefined> => {
      text = (await this.#explain(problem, lost, call)) ?? text;
      await setOnce(this.#store, 'failure', text);
      return this.#store.get('failure');
    };
    const first = await within(patience, ask());
    return errorOf(first ?? text, rankIn(first ?? text));
  }

  /** Says what this process takes for the cause, without waiting for others. */
  accuse(problem: string, lost: number): DistributedError {
    const text = this.wordingOf(problem, lost);
    setOnce(this.#store, 'failure', text).catch(() => {});
    return errorOf(text, rankIn(text));
  }

  /** Says what has gone wrong in this process, if nobody has said anything before. */
  async tell(reason: string): Promise<void> {
    await within(patience, setOnce(this.#store, 'failure', reason));
  }

  /** What somebody has said, who is given some time for it; null if nobody has. */
  async told(): Promise<DistributedError | null> {
    const said = this.#store.wait(['failure'], patience).then(() => this.#store.get('failure'));
    const text = await within(patience, said);
    return text === undefined ? null : errorOf(text, rankIn(text));
  }

  wordingOf(problem: string, lost: number): string {
    const rank = lost < 0 ? undefined : this.#ranks[lost];
    if (isLoss(problem) && rank !== undefined) return `rank ${rank} has ended`;
    return wordingOf(problem, this.#ranks[this.#me] as number);
  }

  /** More than the problem says by itself. */
  async #explain(problem: string, lost: number, call: number): Promise<string | null> {
    if (isTimeout(problem)) return call < 0 ? this.#absent() : this.#latecomers(call); // below 0 they connect
    if (!isLoss(problem) || (await this.#store.get(`left/${lost}`)) === undefined) return null;
    return `rank ${this.#ranks[lost]} has called distributed.destroy`;
  }

  /** Who has set no key of its place under this one. */
  async #missing(path: string): Promise<number[]> {
    const came = await Promise.all(this.#ranks.map((_, i) => this.#store.get(`${path}/${i}`)));
    return this.#ranks.filter((_, i) => i !== this.#me && came[i] === undefined);
  }

  /** Who has published no address to connect to; null if all have. */
  async #absent(): Promise<string | null> {
    const missing = await this.#missing('places');
    return missing.length === 0 ? null : `${listOf(missing)} must come within ${this.#timeout} ms`;
  }

  /** Who has not written that it is in this collective, too; null when nobody has written anything. */
  async #latecomers(call: number): Promise<string | null> {
    const notes = await this.#notes();
    if (notes.every((note) => note === null)) return null;
    const missing = this.#ranks.filter((_, i) => i !== this.#me && notes[i]?.call !== call);
    const hint = 'raise timeout, or look at what is done there';
    return missing.length === 0 ? null : `${listOf(missing)} must take part within ${this.#timeout} ms; ${hint}`;
  }
}
