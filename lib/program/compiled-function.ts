import { currentScope, isRecording, withScope } from '../context.js';
import { StateError } from '../errors.js';
import { moveTo } from '../memory.js';
import { native, type Runner } from '../native.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { disposedStep, type Ended, endingError, refusal, refusals } from './errors.js';
import type { Journal } from './journal.js';
import { whilePaused } from './pause.js';
import { makeProgram, type Program } from './program.js';
import { Queue, type Submission } from './queue.js';
import { collect, type Structure, structureOf } from './structure.js';
import { type Trace, trace, undoTrace } from './trace.js';
import { checkAgainstEager, checkConditions, keepOriginal } from './verify.js';

/** The tensors and numbers of a step's arguments or result, without their structure. */
export type Leaves = readonly (Tensor | number)[];

/** One compiled function: its programs, one for each signature, and its queue. */
export class CompiledFunction {
  readonly queue = new Queue();
  readonly runner: Runner;
  readonly programs: Program[] = [];
  private structure: Structure | null = null;
  private numbers: (Tensor | null)[] = [];
  private handles = new Int32Array(16);
  private used = 0;
  private disposed = false;
  /** Whether `step.run` is going on. */
  running = false;
  /** The program for which it has gathered steps. */
  gathered: Program | null = null;
  /** How many steps `run` keeps queued; a further run begins at the pace of the last. */
  ahead = 4;
  private started = false; // the runner may call back
  // The arguments of the step for which options and schedules are being read or advanced, which may run the user's code.
  // They are held here, so that its allocations do not free them.
  private following: unknown = null;
  // Calls that wait for a recording, one after the other.
  private turn: Promise<unknown> | null = null;

  constructor(
    readonly fn: (...args: unknown[]) => unknown,
    readonly verify: boolean,
    private readonly maxPrograms: number,
    priority: number,
  ) {
    this.runner = native.runnerCreate(priority);
  }

  /** The tensors and numbers of a call, after all checks that need no program. */
  leavesOf(args: readonly unknown[]): Leaves {
    if (this.disposed) throw disposedStep();
    if (isRecording()) {
      throw new StateError('compile: a step must not be called while another one is being recorded; call its function');
    }
    if (this.following !== null) {
      throw new StateError('compile: a step must not be called by the options and schedules that it follows');
    }
    const isNew = this.programs.length === 0 && this.turn === null; // a call that failed does not count
    if (this.structure === null || isNew) this.structure = structureOf('arguments', args, true);
    const leaves: (Tensor | number)[] = [];
    collect(this.structure, args, leaves);
    for (const x of leaves) if (typeof x !== 'number') checkTensor('compile', 'an argument', x);
    return leaves;
  }

  /** The program for a call, or null when it must be recorded. */
  find(leaves: Leaves): Program | null {
    this.following = leaves;
    try {
      for (const program of this.programs) {
        if (!program.fits(leaves)) continue;
        program.used = ++this.used;
        return program;
      }
    } finally {
      this.following = null;
    }
    const stale = this.programs.filter((program) => program.isStale && program !== this.gathered);
    for (const program of stale) this.drop(program);
    return null;
  }

  /** Whether JavaScript has to act before a step with these arguments. */
  isDue(program: Program, leaves: Leaves): boolean {
    this.following = leaves;
    try {
      return program.isDue;
    } finally {
      this.following = null;
    }
  }

  private prepare(program: Program, leaves: Leaves, due: boolean, steps: unknown = leaves): Journal {
    this.following = steps;
    let journal: Journal;
    try {
      journal = program.prepare(leaves, due);
    } finally {
      this.following = null;
    }
    if (!this.disposed) return journal;
    journal.undo();
    throw disposedStep();
  }

  /** Runs a call eagerly and makes that a program for its signature. Nothing may be queued. `adopt` is called with each result. */
  specialise(leaves: Leaves, adopt?: (t: Tensor) => void): unknown {
    const { program, outputs } = whilePaused(() => {
      const traced = this.trace(leaves);
      const { recording, outputs } = traced;
      try {
        const program = this.add(traced);
        recording.journal.settle();
        return { program, outputs };
      } catch (error) {
        undoTrace(recording);
        for (const t of outputs) t.dispose();
        throw error;
      }
    });
    if (adopt !== undefined) outputs.forEach(adopt);
    return program.finish(outputs);
  }

  private add(traced: Trace): Program {
    if (this.disposed) throw disposedStep();
    const description = this.verify ? native.describeRecording() : null;
    if (description !== null) checkConditions(description);
    const program = makeProgram(this.runner, traced);
    if (description !== null) keepOriginal(program, description);
    program.used = ++this.used;
    this.makeRoom();
    this.programs.push(program);
    return program;
  }

  /** Runs a call eagerly under the recorder. */
  trace(leaves: Leaves): Trace {
    const traced = trace(this.fn, this.structure as Structure, leaves, this.numbers);
    this.numbers = [...traced.numbers];
    return traced;
  }

  // Drops the least recently used programs, but not one that is about to run.
  private makeRoom(): void {
    while (this.programs.length >= this.maxPrograms) {
      const others = this.programs.filter((program) => program !== this.gathered);
      if (others.length === 0) return;
      const oldest = others.reduce((a, b) => (a.used <= b.used ? a : b));
      this.drop(oldest);
    }
  }

  private drop(program: Program): void {
    native.programDrop(this.runner, program.number);
    this.programs.splice(this.programs.indexOf(program), 1);
  }

  /** Queues a call and resolves with its results. */
  async call(leaves: Leaves): Promise<unknown> {
    if (this.running) throw new StateError('compile: step.run is going on; await it before further steps');
    if (this.verify) {
      await this.queue.drained();
      return this.sync(leaves);
    }
    let program = this.turn === null ? this.find(leaves) : null;
    if (program === null && (this.turn !== null || !this.queue.isEmpty)) {
      // Queued steps and earlier waiting calls come first.
      const before = this.turn;
      const mine = (async () => {
        await before?.catch(() => {});
        await this.queue.drained();
      })();
      this.turn = mine;
      await mine;
      if (this.turn === mine) this.turn = null;
      if (this.disposed) throw disposedStep();
      program = this.find(leaves);
    }
    if (program === null) return this.specialise(leaves);
    return this.submitOne(program, leaves);
  }

  // Called before any handle is read, because it may free lost tensors.
  private bind(program: Program): void {
    if (this.disposed) throw disposedStep();
    if (program.bound) return;
    if (!native.programBind(this.runner, program.number)) throw refusals.noMemory(0);
    program.bound = true;
  }

  private submitOne(program: Program, leaves: Leaves): Promise<unknown> {
    const outputs = withScope(null, () => program.allocate());
    return new Promise((resolve, reject) => {
      this.submit(program, [leaves], {
        program,
        count: 1,
        outputs,
        done: () => resolve(program.finish(outputs)),
        failed: reject,
      });
    });
  }

  /**
   * Queues steps on the program's thread.
   *
   * @param due whether the program `isDue` for the first one
   */
  submit(program: Program, steps: readonly Leaves[], submission: Submission, due = true): void {
    this.bind(program);
    if (!this.started) native.runnerStart(this.runner, this.queue.callback);
    this.started = true;
    const handles = this.handlesFor(program, steps.length);
    let next = 0;
    for (let i = 0; i < steps.length; i++) {
      next = this.write(next, program, steps[i] as Leaves, i === steps.length - 1 ? submission.outputs : null);
    }
    // From here on things change; if the native side refuses the steps, that is undone.
    const journal = this.prepare(program, steps[0] as Leaves, due, steps);
    try {
      const code = native.submit(this.runner, program.number, steps.length, handles);
      if (code !== 0) throw refusal(code);
    } catch (error) {
      journal.undo();
      throw error;
    }
    this.queue.push(this.runner, submission, journal);
  }

  private handlesFor(program: Program, steps: number): Int32Array {
    const length = steps * (program.inputs.length + program.outputs.length);
    if (this.handles.length < length) this.handles = new Int32Array(2 * length);
    return this.handles;
  }

  private write(at: number, program: Program, leaves: Leaves, outputs: readonly Tensor[] | null): number {
    let next = at;
    for (let i = 0; i < leaves.length; i++) {
      const x = leaves[i] as Tensor | number;
      if (typeof x !== 'number') this.handles[next++] = x.handle;
    }
    for (let i = 0; i < program.outputs.length; i++) {
      this.handles[next++] = outputs === null ? 0 : (outputs[i] as Tensor).handle;
    }
    return next;
  }

  /** Runs a call on this thread. */
  sync(leaves: Leaves): unknown {
    const program = this.find(leaves);
    if (program === null) {
      if (!this.queue.isEmpty) throw refusals.pending(0);
      const scope = currentScope();
      return this.specialise(leaves, (t) => moveTo(t, scope));
    }
    return this.verify ? checkAgainstEager(this, program, leaves) : this.replay(program, leaves, true);
  }

  /**
   * Replays a program on this thread.
   *
   * @param follows whether options and schedules advance before it
   * @param times the nanoseconds of each group are added to these; the results are then discarded
   */
  replay(program: Program, leaves: Leaves, follows: boolean, times?: BigInt64Array): unknown {
    this.bind(program);
    const outputs = program.allocate();
    this.handlesFor(program, 1);
    this.write(0, program, leaves, outputs);
    const journal = follows ? this.prepare(program, leaves, true) : null;
    try {
      const code = native.replay(this.runner, program.number, times, this.handles);
      if (code !== 0) throw typeof code === 'number' ? refusal(code) : endingError(program, code as unknown as Ended);
    } catch (error) {
      journal?.undo();
      for (const t of outputs) t.dispose();
      throw error;
    }
    journal?.settle();
    if (times === undefined) return program.finish(outputs);
    for (const t of outputs) t.dispose();
    return undefined;
  }

  /** The program that was used last. */
  newest(operation: string): Program {
    if (this.disposed) throw disposedStep();
    const newest = this.programs.reduce<Program | null>((a, b) => (a === null || b.used > a.used ? b : a), null);
    if (newest === null) throw new StateError(`${operation}: no step has been recorded yet; call the step first`);
    return newest;
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    if (!this.queue.isEmpty) {
      this.queue.reason = disposedStep();
      native.abort(this.runner);
      void this.queue.drained().then(() => native.runnerDispose(this.runner));
    } else {
      native.runnerDispose(this.runner);
    }
    this.programs.length = 0;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }
}
