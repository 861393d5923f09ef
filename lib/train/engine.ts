// The loop of a training: epochs of steps, events, callbacks, checkpoints, and why it ends.
import { AdjointError, ArgumentError, FileError, reword } from '../errors.js';
import { latestCheckpoint, loadCheckpoint, saveCheckpoint } from '../io/checkpoint.js';
import { type CheckpointState, type CheckpointTargets, isStateful, type Stateful } from '../io/checkpoint-state.js';
import { defaultGenerator } from '../ops/generator.js';
import type { BatchSource } from './batch.js';
import type { Callback, EpochRecord, TrainEvent, Training, TrainResult, WarningEvent } from './events.js';
import { Feed } from './feed.js';
import { Place } from './place.js';
import { meansOf } from './totals.js';
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
  #stopped: { kind: 'callback' | 'signal'; reason: string } | null = null;
  #feed: Feed<Item> | null = null;
  #queue: TrainEvent[] = [];
  #checkpoint: string | null = null;
  #hasWarned = false;
  #kept = 0; // the step whose state is kept to find NaN

  constructor(
    private readonly work: Work<Item>,
    private readonly o: EngineOptions,
  ) {
    this.model = work.model;
    this.names = work.names;
    this.#place = new Place({ get: () => work.sums(), set: (state) => work.setSums(state) });
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

  // The step that is going on is finished.
  #end(kind: 'callback' | 'signal', reason: string): void {
    this.#stopped ??= { kind, reason };
    if (this.#feed !== null) this.#feed.stopped = true;
  }

  warn(code: WarningEvent['code'], message: string, error?: Error): void {
    this.#queue.push({ type: 'warning', code, message, ...(error !== undefined && { error }) });
  }

  findNaN(): { step: number; error: Error } | null {
    const found = this.work.findNaN();
    return found === null ? null : { step: this.#kept + found.before + 1, error: found.error };
  }

  state(): CheckpointState {
    return { ...this.o.values, ...this.#targets() };
  }

  #targets(): CheckpointTargets {
    const callbacks: Stateful = {
      stateDict: () => Object.fromEntries(this.#stateful().map((c) => [c.name, c.stateDict?.()])),
      loadStateDict: (states: Record<string, never>) => {
        for (const c of this.#stateful()) if (c.name in states) c.loadStateDict?.(states[c.name] as never);
      },
    };
    return { ...this.work.things, generator: defaultGenerator(), training: this.#place, callbacks };
  }

  #stateful(): (Callback & { name: string })[] {
    return this.o.callbacks.filter((c) => c.stateDict !== undefined && c.loadStateDict !== undefined) as never;
  }

  save(path: string, options?: { keep?: number }): string | undefined {
    try {
      this.#checkpoint = saveCheckpoint(path, this.state(), options);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.warn('checkpoint', `no checkpoint was written, earlier ones are whole: ${error.message}`, error);
      return undefined;
    }
    this.#queue.push({ type: 'checkpoint', path: this.#checkpoint, epoch: this.epoch, step: this.step });
    return this.#checkpoint;
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
      const resumed = this.#resume();
      // Without data, all steps are one epoch.
      const stepsPerEpoch = this.o.data === null ? this.o.maxSteps : Feed.length(this.o.data, this.o.accumulate);
      const { epoch, step } = this;
      yield* this.#emit({ type: 'start', epoch, step, epochs: this.o.epochs, stepsPerEpoch, resumed });
      while (this.#goesOn() && this.epoch < this.o.epochs) yield* this.#oneEpoch(stepsPerEpoch);
      const result = this.#result();
      yield* this.#emit({ type: 'end', result });
    } finally {
      signal?.removeEventListener('abort', onAbort);
      if (sigint) process.removeListener('SIGINT', onInterrupt);
      await this.#feed?.close();
      this.work.dispose();
    }
  }

  #resume(): string | null {
    if (this.o.resume === null) return null;
    const { path, must } = this.o.resume;
    const onDamaged = (error: FileError) => this.warn('damaged', `passed over: ${error.message}`, error);
    const file = latestCheckpoint(path, { onDamaged });
    if (file === null && !must) return null;
    loadCheckpoint(file ?? path, this.#targets());
    return file ?? path;
  }

  get #findsNaN(): boolean {
    return this.o.callbacks.some((c) => c.findsNaN);
  }

  #goesOn(): boolean {
    return this.#stopped === null && this.step < this.o.maxSteps;
  }

  #result(): TrainResult {
    const { kind, reason } = this.#stopped ?? { kind: 'completed' as const, reason: 'all epochs were made' };
    const { epoch, step, history } = this.#place;
    const now = () => this.#checkpoint;
    const result = { history: [...history], epochs: epoch, steps: step, stopped: kind, reason };
    // Callbacks save a last one when they are told of the end.
    return Object.defineProperty(result, 'checkpoint', { get: now, enumerable: true }) as TrainResult;
  }

  async *#oneEpoch(stepsPerEpoch: number | undefined): AsyncGenerator<TrainEvent, void, undefined> {
    const began = performance.now();
    const feed = await this.#begin(stepsPerEpoch);
    this.#feed = feed;
    let dataMilliseconds = 0;
    let reported = performance.now();
    while (!feed.ended && this.#goesOn()) {
      this.#place.isRestored = false;
      if (this.#findsNaN) {
        this.#kept = this.step;
        this.work.keep();
      }
      const made = await this.#steps(feed, stepsPerEpoch);
      if (made === 0 || (this.#stopped !== null && !this.#isDue(feed))) continue;
      const now = performance.now();
      dataMilliseconds += feed.milliseconds;
      yield* this.#report(feed, (now - reported) / 1000);
      reported = performance.now();
    }
    if (!feed.ended) return;
    this.#feed = null;
    yield* this.#endEpoch((performance.now() - began) / 1000, dataMilliseconds / 1000);
  }

  async #begin(stepsPerEpoch: number | undefined): Promise<Feed<Item>> {
    const place = this.#place;
    const { data, accumulate } = this.o;
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

  /** The steps up to the next event. */
  async #steps(feed: Feed<Item>, stepsPerEpoch: number | undefined): Promise<number> {
    const place = this.#place;
    const { groups, samples } = feed;
    try {
      await this.work.run(feed.next(this.#limit()));
    } catch (error) {
      throw this.#ofStep(error);
    }
    const made = feed.groups - groups;
    place.step += made;
    place.inEpoch += made;
    place.samples += feed.samples - samples;
    feed.check();
    if (place.inEpoch === stepsPerEpoch) await feed.finish();
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

  #limit(): number {
    const { step } = this;
    const every = [this.o.logEvery, ...this.o.callbacks.map((c) => c.everySteps ?? Number.POSITIVE_INFINITY)];
    const left = every.map((n) => (n === Number.POSITIVE_INFINITY ? n : n - (step % n)));
    return left.reduce((a, b) => Math.min(a, b), this.o.maxSteps - step);
  }

  /** Whether there would be an event now if nothing had stopped the training. */
  #isDue(feed: Feed<Item>): boolean {
    const { step } = this;
    const every = [this.o.logEvery, ...this.o.callbacks.map((c) => c.everySteps ?? 0)];
    return feed.ended || step >= this.o.maxSteps || every.some((n) => n > 0 && step % n === 0);
  }

  async *#report(feed: Feed<Item>, seconds: number): AsyncGenerator<TrainEvent, void, undefined> {
    const sums = this.work.take();
    this.#place.add(sums);
    const values = { ...meansOf(sums), ...this.work.rate() };
    const { samples, milliseconds } = feed;
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
    yield* this.#emit({ type: 'step', epoch: this.epoch + 1, step, values, samples, seconds, dataSeconds });
  }

  async *#endEpoch(seconds: number, dataSeconds: number): AsyncGenerator<TrainEvent, void, undefined> {
    const place = this.#place;
    const { step, samples } = place;
    if (place.inEpoch === 0) {
      const hint = place.epoch === 0 ? '' : `, in epoch ${place.epoch + 1}; a generator can be read only once`;
      throw new ArgumentError(`${this.work.operation}: data must hold a batch, got none${hint}`);
    }
    const trained = { ...meansOf(place.totals), ...this.work.rate() };
    const began = performance.now();
    const validated = await this.work.validate?.();
    const values = { ...trained, ...validated };
    this.work.endEpoch(values);
    const epoch = ++place.epoch;
    place.history = [...place.history, { epoch, step, seconds, values }];
    place.startEpoch();
    if (validated !== undefined) {
      const spent = (performance.now() - began) / 1000;
      yield* this.#emit({ type: 'validate', epoch, step, values: validated, seconds: spent });
    }
    yield* this.#emit({ type: 'epoch', epoch, step, values, samples, seconds, dataSeconds });
  }

  /** Tells callbacks, then the caller, and then of what the callbacks did. */
  async *#emit(event: TrainEvent): AsyncGenerator<TrainEvent, void, undefined> {
    const earlier = this.#queue;
    this.#queue = [];
    for (const one of [...earlier, event]) {
      await this.#tell(one);
      yield one;
    }
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      await this.#tell(next);
      yield next;
    }
  }

  async #tell(event: TrainEvent): Promise<void> {
    const method = `on${event.type[0]?.toUpperCase()}${event.type.slice(1)}` as 'onStep';
    // At the end the last comes first: a checkpoint is saved before the best weights are put back.
    const order = event.type === 'end' ? [...this.o.callbacks].reverse() : this.o.callbacks;
    for (const callback of order) await callback[method]?.(event as never, this);
  }
}
