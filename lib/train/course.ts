// How far a training goes before it is looked at again, and when it ends: alone at once, in a team as all agree.
import { DistributedError } from '../errors.js';
import type { BatchSource } from './batch.js';
import type { Callback } from './events.js';
import { Feed } from './feed.js';
import type { Place } from './place.js';
import type { Team } from './team.js';

/** Why a training ends before its time. */
export interface Stop {
  kind: 'callback' | 'signal';
  reason: string;
}

interface CourseOptions {
  data: BatchSource | null;
  epochs: number;
  maxSteps: number;
  accumulate: number;
  /** Infinity where nobody hears of steps. */
  logEvery: number;
  callbacks: readonly Callback[];
  resume: unknown;
}

/** A team agrees once in so many milliseconds: on how long it takes to notice a signal, which costs less than a hundredth. */
const between = 200;

/** @internal */
export class Course {
  /** What has ended the training. */
  stopped: Stop | null = null;
  /** Where it is known. Without data, all steps are one epoch. */
  stepsPerEpoch: number | undefined;
  /** What this process wants. */
  #wanted: Stop | null = null;
  #every: readonly number[];
  /** Those of callbacks. */
  #asked: readonly number[];
  readonly #maxSteps: number;
  /** Steps until a team agrees again, and the milliseconds that one took here. */
  #most = 1;
  #milliseconds = 0;

  constructor(
    private readonly team: Team | null,
    private readonly operation: string,
    private readonly o: CourseOptions,
  ) {
    const { data, maxSteps, accumulate, logEvery, callbacks } = o;
    this.#maxSteps = maxSteps;
    this.stepsPerEpoch = data === null ? maxSteps : Feed.length(data, accumulate);
    this.#asked = callbacks.flatMap((c) => c.everySteps ?? []);
    this.#every = [logEvery, ...this.#asked].filter(Number.isFinite);
  }

  /** Whether there is no reason to end after this step. */
  goesOn(step: number): boolean {
    return this.stopped === null && step < this.#maxSteps;
  }

  stop(kind: Stop['kind'], reason: string): void {
    this.#wanted ??= { kind, reason };
    if (this.team === null) this.stopped = this.#wanted;
  }

  /** Makes one plan of those of all processes: each event comes in all, and an epoch ends where the first has no more data. */
  async plan(): Promise<void> {
    if (this.team === null) return;
    const { epochs, resume } = this.o;
    const settings = { epochs, maxSteps: this.#maxSteps, resume: resume !== null };
    const own = { settings, steps: this.stepsPerEpoch ?? null, every: this.#every, asked: this.#asked };
    const all = await this.team.gather(own);
    for (const key of ['epochs', 'maxSteps', 'resume'] as const) {
      const other = all.findIndex((one) => one.settings[key] !== settings[key]);
      if (other < 0) continue;
      const got = `${settings[key]} here and ${all[other]?.settings[key]} in ${this.team.nameOf(other)}`;
      throw new DistributedError(`${this.operation}: ${key} must be the same in all processes, got ${got}`);
    }
    const known = all.every(({ steps }) => steps !== null);
    const least = all.reduce((a, { steps }) => Math.min(a, steps ?? 0), Number.POSITIVE_INFINITY);
    this.stepsPerEpoch = known ? least : undefined;
    this.#every = all.flatMap(({ every }) => every);
    this.#asked = all.flatMap(({ asked }) => asked);
  }

  /** Whether there is an event after this step, if nothing else has ended the epoch. */
  isDue(step: number): boolean {
    return step >= this.#maxSteps || this.#every.some((n) => step % n === 0);
  }

  /** Whether a callback of some process has asked for an event after this step. */
  isAsked(step: number): boolean {
    return this.#asked.some((n) => step % n === 0);
  }

  /**
   * How many steps come next: none when training or, in a team whose epochs have no known length, the epoch has ended.
   *
   * @param feed null between two epochs
   */
  async next({ step, inEpoch }: Place, feed: Feed<unknown> | null): Promise<number> {
    const limit = this.#every.reduce((least, n) => Math.min(least, n - (step % n)), this.#maxSteps - step);
    if (this.team === null) return this.stopped === null ? limit : 0;
    const isKnown = this.stepsPerEpoch !== undefined || feed === null;
    const left = feed === null ? limit : (this.stepsPerEpoch ?? limit) - inEpoch;
    const most = Math.min(limit, isKnown ? left : limit, this.#most);
    const ready = isKnown ? most : await (feed as Feed<unknown>).prepare(most);
    const wants = this.#wanted;
    const [goesOn, steps, pace] = await this.team.least(Number(wants === null), ready, -this.#milliseconds);
    if (goesOn === 0) {
      this.stopped = await this.#reasonOf(this.team, wants);
      return 0;
    }
    const enough = between / Math.max(-(pace as number), 1e-3);
    this.#most = this.#milliseconds === 0 ? 1 : Math.max(1, Math.floor(Math.min(enough, 4 * this.#most)));
    return steps as number;
  }

  async #reasonOf(team: Team, wants: Stop | null): Promise<Stop> {
    const all = await team.gather(wants);
    const rank = all.findIndex((one) => one !== null);
    const first = all[rank] as Stop;
    const isCommon = all.every((one) => one?.reason === first.reason);
    return isCommon ? first : { ...first, reason: `${team.nameOf(rank)}: ${first.reason}` };
  }

  /** Notes how long steps took. */
  took(steps: number, milliseconds: number): void {
    if (steps > 0) this.#milliseconds = milliseconds / steps;
  }
}
