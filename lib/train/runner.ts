// Runs steps compiled or, where that is not possible, eagerly.
import { AdjointError } from '../errors.js';
import { isPromise } from '../memory.js';
import { defaultGenerator } from '../ops/generator.js';
import { type CompiledStep, compile } from '../program/compile.js';
import type { Pulled } from '../pulled.js';
import type { Parts } from './batch.js';

/** @internal `auto`: compiled where the function allows. */
export type CompileMode = 'auto' | boolean;

type Group = Parts[];

/** How many steps after the first are compared with eager ones before replays are trusted. */
const compared = 2;

/** @internal */
export class Runner<Result> {
  readonly #compiled = new Map<number, CompiledStep<[Group], Result>>();
  #tried: { step: CompiledStep<[Group], Result>; length: number; count: number } | null = null;
  #trusted = false;
  #draws = false; // whether steps draw from the default generator
  #eager: boolean;
  private readonly strict: boolean;

  /**
   * @param onEager called with the reason when a function turns out not to allow compilation
   * @param onResult called with the result of each step
   */
  constructor(
    private readonly step: (group: Group) => Result,
    mode: CompileMode,
    private readonly onEager: (error: AdjointError) => void,
    private readonly onResult?: (result: Result) => void,
  ) {
    this.#eager = mode === false;
    this.strict = mode === true;
  }

  /**
   * Makes a step of each group; groups of one length are replayed without JavaScript between them. Where nobody else has the
   * groups' tensors, these are disposed of, unless `onResult` may want them.
   */
  async run(groups: Pulled<Group> & { readonly areFresh?: boolean }): Promise<void> {
    let next = await this.#first(groups);
    while (!next.done) {
      if (this.#eager) {
        const result = this.step(next.value);
        this.onResult?.(result);
        next = await groups.next();
      } else {
        const { length } = next.value;
        const run = new Run(groups, next, length);
        await this.#compiledFor(length).run(run.arguments(), {
          ...this.#options(),
          dispose: this.onResult === undefined && groups.areFresh === true,
        });
        next = run.after ?? { done: true, value: undefined };
      }
    }
  }

  // With onStep, each step draws its random numbers before the next batch is made, as it does eagerly.
  #options(): { onStep?: (result: Result) => void } {
    const { onResult } = this;
    if (onResult !== undefined) return { onStep: onResult };
    return this.#draws ? { onStep: () => {} } : {};
  }

  /** The first group that need not be tried out: the steps before it have been made one by one, and beside eager ones. */
  async #first(groups: Pulled<Group>): Promise<IteratorResult<Group>> {
    let next = await groups.next();
    while (!this.#trusted && !this.#eager && !next.done) {
      const { length } = next.value;
      this.#tried ??= {
        step: this.strict ? this.#compiledFor(length) : compile<[Group], Result>(this.step as never, { verify: true }),
        length,
        count: 0,
      };
      if (length !== this.#tried.length) break; // the last, shorter group of an epoch
      const before = defaultGenerator().getState().join();
      this.#try(this.#tried.step, next.value);
      this.#draws ||= defaultGenerator().getState().join() !== before;
      this.#trusted = this.strict || this.#tried.count++ === compared;
      if (this.#trusted || this.#eager) this.#endTrial();
      next = await groups.next();
    }
    return next;
  }

  #endTrial(): void {
    if (!this.strict) this.#tried?.step.dispose();
    this.#tried = null;
  }

  /** Makes a step: compiled or, when that is not possible, as it is. */
  #try(tried: CompiledStep<[Group], Result>, group: Group): void {
    let result: Result;
    try {
      result = tried.sync(group);
    } catch (error) {
      if (this.strict || !(error instanceof AdjointError)) throw error;
      result = this.step(group); // if it is wrong by itself, this error is the one to tell
      this.#eager = true;
      this.onEager(error);
    }
    this.onResult?.(result);
  }

  #compiledFor(length: number): CompiledStep<[Group], Result> {
    const known = this.#compiled.get(length);
    if (known !== undefined) return known;
    const made = compile<[Group], Result>(this.step as never);
    this.#compiled.set(length, made);
    return made;
  }

  dispose(): void {
    this.#endTrial();
    for (const step of this.#compiled.values()) step.dispose();
    this.#compiled.clear();
  }
}

/** Groups of one length, as arguments of a compiled step; `after` is the one that follows them. */
class Run {
  after: IteratorResult<Group> | null = null;

  constructor(
    private readonly groups: Pulled<Group>,
    private readonly first: IteratorResult<Group>,
    private readonly length: number,
  ) {}

  arguments(): AsyncIterable<[Group]> {
    let isFirst = true;
    const give = (next: IteratorResult<Group>): IteratorResult<[Group]> => {
      if (!next.done && next.value.length === this.length) return { done: false, value: [next.value] };
      this.after = next;
      return { done: true, value: undefined };
    };
    const next = () => {
      const pulled = isFirst ? this.first : this.groups.next();
      isFirst = false;
      return isPromise(pulled) ? pulled.then(give) : give(pulled);
    };
    return { [Symbol.asyncIterator]: () => ({ next }) as AsyncIterator<[Group]> }; // step.run takes what is no promise, too
  }
}
