import { withScope } from '../context.js';
import { ArgumentError, checkFlag, checkFunction, describe, formatShape, StateError } from '../errors.js';
import { isPromise } from '../memory.js';
import { native } from '../native.js';
import { checkOptions } from '../options.js';
import { type Pulled, pull } from '../pulled.js';
import { Tensor } from '../tensor.js';
import type { CompiledFunction, Leaves } from './compiled-function.js';
import { disposedStep, ofBatch } from './errors.js';
import type { Program } from './program.js';
import type { Submission } from './queue.js';

export interface RunOptions<Result> {
  /** Stops the run between two steps; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each step with its result and its number, from 0. */
  onStep?: (result: Result, step: number) => void;
  /**
   * Whether a batch's tensors are disposed of when its step has been replayed, default false: batches that nothing else uses then
   * take turns in the same memory, which the garbage collector would find late.
   */
  dispose?: boolean;
}

/** What `step.run` resolves with. */
export interface RunResult<Result> {
  /** The number of steps run. */
  steps: number;
  /** The last step's result; undefined when there was no batch. */
  result: Result | undefined;
}

// The amount of work kept queued: enough that the program's thread does not wait while the event loop is busy.
const aheadMilliseconds = 20;
const maxAhead = 32_768;
const maxTogether = 2048;

/** In place of a batch that has not come when the run failed. */
const woken: IteratorResult<unknown> = { done: false, value: undefined };

async function close(iterator: Pulled<unknown>, isAwaited: boolean): Promise<void> {
  const end = iterator.return?.();
  if (isAwaited) await end;
  else if (isPromise(end)) end.then(undefined, () => {});
}

function disposeOf(leaves: Leaves): void {
  for (const x of leaves) if (typeof x !== 'number') x.dispose();
}

// Feeds one run: gathers steps into submissions, keeps the native thread fed, and hands on results.
class Feeder {
  private steps: Leaves[] = []; // gathered, not yet submitted
  private versions: number[] = []; // those of their tensors
  private submitted = 0;
  private finished = 0;
  private result: unknown;
  private failed = false;
  private error: unknown;
  private measured = performance.now();
  private measuredSteps = 0;
  private wake: () => void = () => {};

  constructor(
    private readonly compiled: CompiledFunction,
    private readonly options: RunOptions<unknown>,
  ) {}

  async over(batches: Iterable<unknown> | AsyncIterable<unknown>): Promise<RunResult<unknown>> {
    const { signal } = this.options;
    const stop = (): void => this.fail(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await this.compiled.queue.drained();
      await this.takeAll(pull(batches));
      if (!this.failed) this.flush();
    } catch (error) {
      this.fail(error);
    } finally {
      await this.compiled.queue.drained();
      signal?.removeEventListener('abort', stop);
    }
    if (this.failed) throw this.error;
    return { steps: this.finished, result: this.result };
  }

  private async takeAll(iterator: Pulled<unknown>): Promise<void> {
    for (;;) {
      let next = woken;
      try {
        const given = iterator.next();
        const waits = isPromise(given);
        if (waits) this.flush();
        next = waits ? await this.awaited(given) : given;
        if (next.done) return;
        const more = this.failed || this.take(next.value);
        if (more !== true) await more;
        if (waits) this.flush();
      } catch (error) {
        this.fail(error);
      }
      if (this.failed) return close(iterator, next !== woken);
    }
  }

  // A batch that does not come holds up neither an abort nor the steps before it.
  private awaited(given: Promise<IteratorResult<unknown>>): Promise<IteratorResult<unknown>> {
    return new Promise((resolve, reject) => {
      this.wake = () => resolve(woken);
      if (this.failed) resolve(woken);
      else given.then(resolve, reject);
    });
  }

  // The first reason counts; what is queued is dropped.
  private fail(error: unknown): void {
    if (this.failed) return;
    this.failed = true;
    this.error = error;
    this.steps = [];
    this.compiled.gathered = null;
    this.wake();
    this.compiled.queue.reason = error;
    if (!this.compiled.queue.isEmpty) native.abort(this.compiled.runner);
  }

  // True when the next batch may follow at once; else it may when the promise is kept.
  private take(batch: unknown): true | Promise<void> {
    const { compiled } = this;
    const number = this.submitted + this.steps.length;
    let leaves: Leaves;
    let program: Program | null;
    let due = false; // what has changed since concerns this step, not the ones before it
    try {
      leaves = compiled.leavesOf(Array.isArray(batch) ? batch : [batch]);
      program = compiled.verify ? null : compiled.find(leaves);
      if (program !== null) due = compiled.isDue(program, leaves);
    } catch (error) {
      throw ofBatch(error, number);
    }
    if (program === null) return this.takeHere(leaves, number);
    if (this.steps.length > 0 && (program !== compiled.gathered || due)) this.flush();
    compiled.gathered = program;
    this.steps.push(leaves);
    for (const x of leaves) if (typeof x !== 'number') this.versions.push(x._base === null ? 0 : x._base.version);
    const single = this.options.onStep !== undefined || due;
    const queued = this.submitted - this.finished;
    // No more at a time than the program's thread has to do meanwhile.
    if (single || this.steps.length >= Math.min(maxTogether, compiled.ahead / 4, queued)) this.flush(due);
    return this.submitted - this.finished < compiled.ahead ? true : this.waitForSpace();
  }

  // A step that must be recorded, or verified.
  private async takeHere(leaves: Leaves, number: number): Promise<void> {
    this.flush();
    await this.compiled.queue.drained();
    if (this.failed) return;
    let result: unknown;
    try {
      result = this.compiled.sync(leaves);
    } catch (error) {
      throw ofBatch(error, number);
    }
    this.submitted++;
    this.done(1, result);
  }

  private async waitForSpace(): Promise<void> {
    this.flush();
    while (!this.failed && this.submitted - this.finished >= this.compiled.ahead) await this.compiled.queue.progress();
  }

  private flush(due = false): void {
    const { steps, compiled } = this;
    const program = compiled.gathered;
    if (steps.length === 0 || program === null) return;
    this.checkUnchanged();
    this.steps = [];
    this.versions = [];
    compiled.gathered = null;
    const first = this.submitted;
    // Only the last step's results are wanted, unless somebody looks at each.
    const outputs = withScope(null, () => program.allocate());
    const submission: Submission = {
      program,
      count: steps.length,
      outputs,
      done: (submission) => {
        if (this.options.dispose) for (const leaves of steps) disposeOf(leaves);
        this.done(submission.count, program.finish(outputs));
      },
      failed: (error, at) => this.fail(at === undefined ? error : ofBatch(error, first + at)),
    };
    try {
      compiled.submit(program, steps, submission, due);
    } catch (error) {
      throw ofBatch(error, first, steps.length);
    }
    this.submitted += steps.length;
  }

  // Until it is submitted, a batch is not locked.
  private checkUnchanged(): void {
    let next = 0;
    this.steps.forEach((leaves, i) => {
      for (const x of leaves) {
        if (typeof x === 'number') continue;
        const version = x._base === null ? 0 : x._base.version;
        if (version === this.versions[next++] && !x.disposed) continue;
        const text = `a tensor ${formatShape(x.dims)} was changed or disposed before its step ran; give each step tensors of its own`;
        throw ofBatch(new StateError(text), this.submitted + i);
      }
    });
  }

  private done(count: number, result: unknown): void {
    if (this.result instanceof Tensor && this.options.onStep === undefined) this.result.dispose();
    this.finished += count;
    this.result = result;
    this.measuredSteps += count;
    const now = performance.now();
    if (now - this.measured > 2) {
      const perStep = (now - this.measured) / this.measuredSteps;
      this.compiled.ahead = Math.max(4, Math.min(maxAhead, Math.ceil(aheadMilliseconds / perStep)));
      this.measured = now;
      this.measuredSteps = 0;
    }
    if (this.options.onStep === undefined || this.failed) return;
    try {
      this.options.onStep(result, this.finished - 1);
    } catch (error) {
      this.fail(error);
    }
  }
}

function checkBatches(batches: unknown): void {
  const iterable = batches as { [Symbol.iterator]?: unknown; [Symbol.asyncIterator]?: unknown } | null;
  const isIterable = (key: typeof Symbol.iterator | typeof Symbol.asyncIterator) =>
    typeof iterable?.[key] === 'function';
  if (typeof iterable === 'object' && (isIterable(Symbol.iterator) || isIterable(Symbol.asyncIterator))) return;
  throw new ArgumentError('step.run: batches must be an array, a loader or another iterable of argument lists');
}

/** `step.run`: see there. */
export async function run(
  compiled: CompiledFunction,
  batches: Iterable<unknown> | AsyncIterable<unknown>,
  options: RunOptions<unknown> = {},
): Promise<RunResult<unknown>> {
  checkOptions('step.run', options, ['signal', 'onStep', 'dispose']);
  checkBatches(batches);
  const { signal, onStep } = options;
  checkFlag('step.run', 'dispose', options.dispose, false);
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') {
    throw new ArgumentError(`step.run: signal must be an AbortSignal, got ${describe(signal)}`);
  }
  if (onStep !== undefined) checkFunction('step.run', 'onStep', onStep);
  if (compiled.isDisposed) throw disposedStep();
  if (compiled.running) throw new StateError('step.run: another run of this step is going on; await it first');
  signal?.throwIfAborted();
  compiled.running = true;
  try {
    return await new Feeder(compiled, options).over(batches);
  } finally {
    compiled.running = false;
    compiled.gathered = null;
  }
}
