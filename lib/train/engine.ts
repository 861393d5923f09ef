// The loop of a training: epochs of steps, events, callbacks, checkpoints, and why it ends.
import { AdjointError, ArgumentError, type FileError, reword } from '../errors.js';
import { type CheckpointState, isStateful } from '../io/checkpoint-state.js';
import { defaultGenerator } from '../ops/generator.js';
import { Announcer } from './announcer.js';
import { type BatchSource, startEpoch } from './batch.js';
import { Course } from './course.js';
import type { Callback, EpochRecord, TrainEvent, Training, TrainResult, WarningEvent } from './events.js';
import { Feed } from './feed.js';
import { Place } from './place.js';
import { resume } from './resume.js';
import { Saver } from './saver.js';
import { Team } from './team.js';
import { addSums, meansOf } from './totals.js';
import type { Work } from './work.js';

/** @internal */
export interface EngineOptions {
  data: BatchSource | null;
  epochs: number;
  maxSteps: number;
  accumulate: number;
  logEvery: number;
  callbacks: readonly Callback[];
  signal: AbortSignal | undefined;
  sigint: boolean;
  /** A checkpoint or folder to go on from, if any, and whether there must be one. */
  resume: { path: string; must: boolean } | null;
  /** What else is saved. */
  values: CheckpointState;
}

/** @internal One training. */
export class Engine<Item> implements Training {
  readonly model: Training['model'];
  readonly names: Training['names'];
  readonly #place: Place;
  readonly #course: Course;
  /** The processes that make this training together; null for one alone. */
  readonly #team: Team | null;
  #feed: Feed<Item> | null = null;
  readonly #announcer: Announcer;
  readonly #saver: Saver;
  #hasWarned = false;
  #kept = 0; // the step whose state is kept to find NaN

  constructor(
    private readonly work: Work<Item>,
    private readonly o: EngineOptions,
  ) {
    this.model = work.model;
    this.names = work.names;
    this.#team = Team.of([work.model, ...Object.values(work.things)]);
    this.#course = new Course(this.#team, work.operation, o);
    this.#announcer = new Announcer(this, o.callbacks, this.#team, this.#course, Object.values(work.things));
    this.#place = new Place({ get: () => work.sums(), set: (state) => work.setSums(state) }, work.things);
    this.#saver = new Saver(this, o, this.#announcer, { ...work.things, training: this.#place });
  }

  get epoch(): number {
    return this.#place.epoch;
  }

  get step(): number {
    return this.#place.step;
  }

  get history(): readonly EpochRecord[] {
    return this.#place.history;
  }

  stop(reason: string): void {
    this.#end('callback', reason);
  }

  // The step that is going on is finished; a team goes on to where all know.
  #end(kind: 'callback' | 'signal', reason: string): void {
    this.#course.stop(kind, reason);
    if (this.#feed !== null && this.#team === null) this.#feed.stopped = true;
  }

  warn(code: WarningEvent['code'], message: string, error?: Error): void {
    if (!this.#announcer.isFirst) return;
    this.#announcer.add({ type: 'warning', code, message, ...(error !== undefined && { error }) });
  }

  findNaN(): { step: number; error: Error } | null {
    const found = this.work.findNaN();
    return found === null ? null : { step: this.#kept + found.before + 1, error: found.error };
  }

  state(): CheckpointState {
    return this.#saver.state();
  }

  save(path: string, options?: { keep?: number }): string | undefined {
    return this.#saver.save(path, options);
  }

  /** All events. Each comes when no step is going on: its state is that of the training. */
  async *run(): AsyncGenerator<TrainEvent, void, undefined> {
    const { signal, sigint } = this.o;
    const onAbort = () =>
      this.#end('signal', `aborted: ${signal?.reason instanceof Error ? signal.reason.message : signal?.reason}`);
    const onInterrupt = () => this.#end('signal', 'SIGINT');
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (sigint) process.once('SIGINT', onInterrupt);
    try {
      await this.#course.plan();
      const resumed = await this.#resume();
      await this.#exchange(null);
      const { epoch, step } = this;
      const { stepsPerEpoch } = this.#course;
      yield* this.#announcer.announce({ type: 'start', epoch, step, epochs: this.o.epochs, stepsPerEpoch, resumed });
      while (this.epoch < this.o.epochs && (await this.#course.next(this.#place, null)) > 0) yield* this.#oneEpoch();
      await this.#exchange(null);
      const result = this.#result();
      yield* this.#announcer.announce({ type: 'end', result });
    } catch (error) {
      throw this.#team === null ? error : await this.#team.failed(this.work.operation, error);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      if (sigint) process.removeListener('SIGINT', onInterrupt);
      await this.#feed?.close();
      this.work.dispose();
    }
  }

  async #resume(): Promise<string | null> {
    if (this.o.resume === null) return null;
    const onDamaged = (error: FileError) => this.warn('damaged', `passed over: ${error.message}`, error);
    return resume({ ...this.o.resume, onDamaged }, this.#saver.targets(), this.#place, this.#team);
  }

  /**
   * A value of each process. In a team, all learn from what the others would go on, for the checkpoints that rank 0 writes.
   */
  async #exchange<T>(value: T): Promise<T[]> {
    if (this.#team === null) return [value];
    const all = await this.#team.gather({ value, own: this.#place.own() });
    this.#place.ranks = all.map(({ own }) => own);
    return all.map((one) => one.value);
  }

  get #findsNaN(): boolean {
    return this.o.callbacks.some((c) => c.findsNaN);
  }

  /** Whether the epoch has had all its steps: in a team, where all have agreed. */
  #isOver(feed: Feed<Item>): boolean {
    return this.#team === null ? feed.ended : feed.isFinished;
  }

  #result(): TrainResult {
    const { kind, reason } = this.#course.stopped ?? { kind: 'completed' as const, reason: 'all epochs were made' };
    const { epoch, step, history } = this.#place;
    const now = () => this.#saver.path;
    const result = { history: [...history], epochs: epoch, steps: step, stopped: kind, reason };
    // Callbacks save a last one when they are told of the end.
    return Object.defineProperty(result, 'checkpoint', { get: now, enumerable: true }) as TrainResult;
  }

  async *#oneEpoch(): AsyncGenerator<TrainEvent, void, undefined> {
    const began = performance.now();
    const place = this.#place;
    const feed = await this.#begin();
    this.#feed = feed;
    let dataMilliseconds = 0;
    let reported = performance.now();
    let unreported = 0;
    while (!this.#isOver(feed)) {
      const limit = await this.#course.next(place, feed);
      if (!this.#course.goesOn(place.step)) break;
      place.isRestored = false;
      if (unreported === 0 && this.#findsNaN) {
        this.#kept = this.step;
        this.work.keep();
      }
      if (limit === 0) await feed.finish();
      else unreported += await this.#steps(feed, limit);
      if (unreported === 0 || !(this.#isOver(feed) || this.#course.isDue(place.step))) continue;
      const now = performance.now();
      dataMilliseconds += feed.milliseconds;
      yield* this.#report(feed, (now - reported) / 1000);
      reported = performance.now();
      unreported = 0;
    }
    if (!this.#isOver(feed)) return;
    this.#feed = null;
    yield* this.#endEpoch((performance.now() - began) / 1000, dataMilliseconds / 1000);
  }

  async #begin(): Promise<Feed<Item>> {
    const place = this.#place;
    const { data, accumulate } = this.o;
    const { stepsPerEpoch } = this.#course;
    startEpoch(data, place.epoch);
    const isInside = place.isRestored && place.inEpoch > 0;
    const isOver = isInside && place.inEpoch === stepsPerEpoch;
    if (!isInside) place.startEpoch();
    const make = () => new Feed<Item>(isOver ? [] : data, accumulate, (batch) => this.work.itemOf(batch));
    if (!isInside || isOver || isStateful(data)) {
      const feed = make();
      if (isOver) await feed.finish();
      return feed;
    }
    // The data begins its pass anew, with the random numbers from which it began before.
    const generator = defaultGenerator();
    const now = generator.getState();
    generator.setState(place.randomAtStart);
    const feed = make();
    await feed.skip(place.inEpoch);
    generator.setState(now);
    return feed;
  }

  /** The next steps, as many as that, or as there are. */
  async #steps(feed: Feed<Item>, limit: number): Promise<number> {
    const place = this.#place;
    const { groups, samples } = feed;
    const began = performance.now();
    try {
      await this.work.run(feed.next(limit));
    } catch (error) {
      throw this.#ofStep(error);
    }
    const made = feed.groups - groups;
    place.step += made;
    place.inEpoch += made;
    place.samples += feed.samples - samples;
    feed.check();
    this.#course.took(made, performance.now() - began);
    if (this.#team !== null && made < limit) {
      const rule = 'data must have as many batches as its length says';
      throw new ArgumentError(`${this.work.operation}: ${rule}, got ${place.inEpoch} groups of them`);
    }
    if (place.inEpoch === this.#course.stepsPerEpoch) await feed.finish();
    return made;
  }

  // Compiled steps count from the last event on.
  #ofStep(error: unknown): unknown {
    if (!(error instanceof AdjointError) || error.batch === undefined) return error;
    const step = this.step + error.batch + 1;
    reword(error, error.message.replace(/^step\.run: batch \d+/, `${this.work.operation}: step ${step}`));
    delete error.batch;
    return error;
  }

  async *#report(feed: Feed<Item>, seconds: number): AsyncGenerator<TrainEvent, void, undefined> {
    const all = await this.#exchange({ sums: this.work.take(), samples: feed.samples });
    const sums = all.map((one) => one.sums).reduce(addSums);
    this.#place.add(sums);
    const values = { ...meansOf(sums), ...this.work.rate() };
    const samples = all.reduce((sum, one) => sum + one.samples, 0);
    const { milliseconds } = feed;
    feed.samples = 0;
    feed.milliseconds = 0;
    const { step } = this;
    const bad = Object.entries(values).find(([, value]) => Number.isNaN(value));
    if (bad !== undefined && !this.#hasWarned && !this.#findsNaN) {
      this.#hasWarned = true;
      this.warn(
        'nan',
        `${bad[0]} is NaN at step ${step}; the callback train.NaNGuard names the layer and the operation`,
      );
    }
    const dataSeconds = milliseconds / 1000;
    yield* this.#announcer.announce({
      type: 'step',
      epoch: this.epoch + 1,
      step,
      values,
      samples,
      seconds,
      dataSeconds,
    });
  }

  async *#endEpoch(seconds: number, dataSeconds: number): AsyncGenerator<TrainEvent, void, undefined> {
    const place = this.#place;
    const { step, samples: own } = place;
    if (place.inEpoch === 0) {
      const hint = place.epoch === 0 ? '' : `, in epoch ${place.epoch + 1}; a generator can be read only once`;
      throw new ArgumentError(`${this.work.operation}: data must hold a batch, got none${hint}`);
    }
    const trained = { ...meansOf(place.totals), ...this.work.rate() };
    const began = performance.now();
    await this.#team?.share(this.work.buffers());
    const validated = await this.work.validate?.();
    const values = { ...trained, ...validated };
    this.work.endEpoch(values);
    const epoch = ++place.epoch;
    place.history.push({ epoch, step, seconds, values });
    place.startEpoch();
    const samples = (await this.#exchange(own)).reduce((sum, one) => sum + one);
    if (validated !== undefined) {
      const spent = (performance.now() - began) / 1000;
      yield* this.#announcer.announce({ type: 'validate', epoch, step, values: validated, seconds: spent });
    }
    yield* this.#announcer.announce({ type: 'epoch', epoch, step, values, samples, seconds, dataSeconds });
  }
}
