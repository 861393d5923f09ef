import { AllocationError, ArgumentError, formatShape, StateError } from '../errors.js';
import { currentScope, moveTo, withScope } from '../memory.js';
import { native, type Runner } from '../native.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { makeProgram, type Program, type Recorded, record, sharedArgument } from './program.js';
import { endingError, type Lot, Queue } from './queue.js';
import { currentRecording } from './recording.js';
import { collect, type Structure, structureOf } from './structure.js';
import { checkAgainstEager, keepOriginal } from './verify.js';

/** What a step is called with, and what it returns, once their structure does not matter any more. */
export type Leaves = readonly (Tensor | number)[];

// The codes of native/runtime/runner.h.
const refusals: Record<number, (step: Machine, index: number) => Error> = {
  1: () =>
    new StateError(
      'compile: another compiled step that is running or queued works with the same tensors; await it first',
    ),
  2: (_, index) =>
    new StateError(`compile: tensor ${index} of the arguments is being written by a step; await it first`),
  3: (_, index) => sharedArgument(index),
  4: () => new StateError('compile: step.sync cannot run while steps are queued; await them first'),
  5: () => new AllocationError('compile: out of memory for a step; free tensors first'),
  6: () => new StateError('compile: the system grants no thread for the step; use step.sync'),
  7: () => disposedStep(),
  100: () =>
    new StateError('compile: a tensor that the step uses was disposed; compile the function again with a live one'),
};

export function disposedStep(): StateError {
  return new StateError('compile: the step was disposed; compile the function again');
}

/** One compiled function: its programs, one for each signature, and what is queued. */
export class Machine {
  readonly queue = new Queue();
  readonly runner: Runner;
  readonly programs: Program[] = [];
  private structure: Structure | null = null;
  private numbers: (Tensor | null)[] = [];
  private handles = new Int32Array(16);
  private used = 0;
  private disposed = false;
  /** The run that is going on. */
  running = false;
  // Calls that wait for a recording, one after the other.
  private turn: Promise<unknown> | null = null;

  constructor(
    readonly fn: (...args: unknown[]) => unknown,
    readonly verify: boolean,
    private readonly maxPrograms: number,
    niceness: number,
  ) {
    this.runner = native.runnerCreate(this.queue.callback, niceness);
  }

  /** The tensors and numbers of a call, after all checks that need no program. */
  leavesOf(args: readonly unknown[]): Leaves {
    if (this.disposed) throw disposedStep();
    if (currentRecording() !== null) {
      throw new StateError('compile: a step must not be called while another one is being recorded; call its function');
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
    for (const program of this.programs) {
      if (!program.fits(leaves)) continue;
      program.used = ++this.used;
      return program;
    }
    return null;
  }

  /** Runs a call eagerly and records it. Nothing may be queued. `adopt` is given each result. */
  record(leaves: Leaves, adopt?: (t: Tensor) => void): unknown {
    const { program, recorded } = this.atRest(() => {
      const recorded = this.recordOnly(leaves);
      const description = this.verify ? native.describeRecording() : null;
      this.makeRoom();
      const program = makeProgram(this.runner, recorded);
      if (description !== null) keepOriginal(program, description);
      program.used = ++this.used;
      this.programs.push(program);
      return { program, recorded };
    });
    if (adopt !== undefined) recorded.outputs.forEach(adopt);
    return program.finish(recorded.outputs);
  }

  recordOnly(leaves: Leaves): Recorded {
    const recorded = record(this.fn, this.structure as Structure, leaves, this.numbers);
    this.numbers = [...recorded.numbers];
    return recorded;
  }

  // The least recently used programs go.
  private makeRoom(): void {
    while (this.programs.length >= this.maxPrograms) {
      const oldest = this.programs.reduce((a, b) => (a.used <= b.used ? a : b));
      native.programDrop(this.runner, oldest.number);
      this.programs.splice(this.programs.indexOf(oldest), 1);
    }
  }

  /** Runs `fn` while all compiled steps of this thread stand between two steps. */
  atRest<T>(fn: () => T): T {
    native.pausePrograms();
    try {
      return fn();
    } finally {
      native.resumePrograms();
    }
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
      // What is queued comes first; so do calls that wait already.
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
    if (program === null) return this.record(leaves);
    return this.submitOne(program, leaves);
  }

  private submitOne(program: Program, leaves: Leaves): Promise<unknown> {
    const outputs = withScope(null, () => program.allocate());
    const undo = program.prepare(leaves);
    return new Promise((resolve, reject) => {
      this.submit(program, [leaves], {
        program,
        count: 1,
        outputs: [outputs],
        undo,
        done: () => resolve(program.finish(outputs)),
        failed: reject,
      });
    });
  }

  /** Submits the steps of a lot. */
  submit(program: Program, steps: readonly Leaves[], lot: Lot): void {
    const handles = this.handlesFor(program, steps.length);
    let next = 0;
    for (let i = 0; i < steps.length; i++) {
      next = this.write(next, program, steps[i] as Leaves, lot.outputs[i] as readonly Tensor[] | null);
    }
    const code = native.submit(this.runner, program.number, steps.length, handles);
    if (code !== 0) {
      lot.undo?.();
      throw this.refusal(code);
    }
    this.queue.push(this.runner, lot);
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

  private refusal(code: number): Error {
    return (refusals[code % 256] as (step: Machine, index: number) => Error)(this, Math.floor(code / 256));
  }

  /** Runs a call here. */
  sync(leaves: Leaves, times?: BigInt64Array): unknown {
    const program = this.find(leaves);
    if (program === null) {
      if (!this.queue.isEmpty) throw this.refusal(4);
      const scope = currentScope();
      return this.record(leaves, (t) => moveTo(t, scope));
    }
    if (this.verify && times === undefined) return checkAgainstEager(this, program, leaves);
    const undo = program.prepare(leaves);
    return this.replay(program, leaves, times, undo);
  }

  /** Replays a program here, its followers having advanced. */
  replay(program: Program, leaves: Leaves, times?: BigInt64Array, undo: (() => void) | null = null): unknown {
    const outputs = program.allocate();
    this.handlesFor(program, 1);
    this.write(0, program, leaves, outputs);
    const code = native.replay(this.runner, program.number, times, this.handles);
    if (code === 0) return program.finish(outputs);
    undo?.();
    if (typeof code === 'number') throw this.refusal(code);
    const [ending, operation, position, value] = code as [number, number, number, number];
    throw endingError(program, ending, operation, position, value);
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

/** A signature as text: `[64, 784] float32, [64] int32`. */
export function signature(program: Program): string {
  const slots = program.inputs.map((slot) => `${formatShape(slot.shape)} ${slot.dtype}`);
  return slots.length === 0 ? 'no tensors' : slots.join(', ');
}

export function checkBatches(batches: unknown): void {
  const iterable = batches as { [Symbol.iterator]?: unknown; [Symbol.asyncIterator]?: unknown } | null | undefined;
  if (typeof iterable?.[Symbol.iterator] === 'function' || typeof iterable?.[Symbol.asyncIterator] === 'function')
    return;
  throw new ArgumentError('step.run: batches must be an array, a loader or another iterable of argument lists');
}
