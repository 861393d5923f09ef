// Runs steps compiled or, where that is not possible, eagerly.
import { setImmediate } from 'node:timers/promises';
import { AdjointError } from '../errors.js';
import { type CompiledStep, compile } from '../program/compile.js';
import type { Parts } from './batch.js';

/** @internal `auto`: compiled where the function allows. */
export type CompileMode = 'auto' | boolean;

type Group = Parts[];

/** How long steps on this thread may keep the event loop waiting, in milliseconds. */
const breath = 8;

/** How many steps after the first are compared with eager ones before replays are trusted. */
const compared = 2;

/** @internal */
export class Runner<Result> {
  readonly #compiled = new Map<number, CompiledStep<[Group], Result>>();
  #tried: { step: CompiledStep<[Group], Result>; length: number; count: number } | null = null;
  #trusted: boolean;
  #eager: boolean;
  #breathed = performance.now();

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
    this.#trusted = mode === true;
  }

  /** Makes a step of each group; groups of one length are replayed without JavaScript between them. */
  async run(groups: AsyncIterator<Group>): Promise<void> {
    let next = await this.#first(groups);
    while (!next.done) {
      if (this.#eager) {
        await this.#runEagerly(next.value);
        next = await groups.next();
      } else {
        const { length } = next.value;
        const run = new Run(groups, next, length);
        const { onResult } = this;
        // With onStep, each step draws its random numbers before the next batch is made, as eagerly.
        await this.#compiledFor(length).run(run.arguments(), { onStep: (result) => onResult?.(result) });
        next = run.after ?? { done: true, value: undefined };
      }
    }
  }

  /** The first group that need not be tried out: the steps before it have been made beside eager ones. */
  async #first(groups: AsyncIterator<Group>): Promise<IteratorResult<Group>> {
    let next = await groups.next();
    while (!this.#trusted && !this.#eager && !next.done) {
      this.#tried ??= {
        step: compile<[Group], Result>(this.step as never, { verify: true }),
        length: next.value.length,
        count: 0,
      };
      if (next.value.length !== this.#tried.length) break; // the last, shorter group of an epoch
      this.#try(this.#tried.step, next.value);
      this.#trusted = this.#tried.count++ === compared;
      if (this.#trusted || this.#eager) this.#endTrial();
      next = await groups.next();
    }
    return next;
  }

  #endTrial(): void {
    this.#tried?.step.dispose();
    this.#tried = null;
  }

  /** Makes a step: compiled or, when that is not possible, as it is. */
  #try(tried: CompiledStep<[Group], Result>, group: Group): void {
    let result: Result;
    try {
      result = tried.sync(group);
    } catch (error) {
      if (!(error instanceof AdjointError)) throw error;
      result = this.step(group); // if it is wrong by itself, this error is the one to tell
      this.#eager = true;
      this.onEager(error);
    }
    this.onResult?.(result);
  }

  async #runEagerly(group: Group): Promise<void> {
    const result = this.step(group);
    this.onResult?.(result);
    if (performance.now() - this.#breathed < breath) return;
    await setImmediate();
    this.#breathed = performance.now();
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
    private readonly groups: AsyncIterator<Group>,
    private readonly first: IteratorResult<Group>,
    private readonly length: number,
  ) {}

  async *arguments(): AsyncGenerator<[Group]> {
    let next = this.first;
    while (!next.done && next.value.length === this.length) {
      yield [next.value];
      next = await this.groups.next();
    }
    this.after = next;
  }
}
