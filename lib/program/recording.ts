import { StateError } from '../errors.js';
import { type Scope, withScope } from '../memory.js';
import { type Fault, native } from '../native.js';
import type { Tensor } from '../tensor.js';

/** Something in JavaScript that a recorded step depends on or moves: an optimizer's options, a schedule. */
export interface Follower {
  /** Whether the recording still fits; if not, the step is recorded anew. */
  holds?(): boolean;
  /** Whether `advance` has something to do before the next step. */
  isDue(): boolean;
  /** Called before each step that is submitted, in the order of recording. */
  advance(): void;
  /** Where there is something to undo: returns what takes back an `advance` whose step did not run. */
  save?(): () => void;
}

let current: Recording | null = null;
let suspended = 0;
let structure = 0;

/** What one eager run of a compiled function showed of what lies outside of it. */
export class Recording {
  /** The tensors that are made while recording; they end with it. */
  readonly scope: Scope = { tensors: null, parent: null, ended: false };
  readonly followers: Follower[] = [];
  /** Leaves from outside and whether they wanted gradients; modules and whether they were training. */
  readonly leaves = new Map<Tensor, boolean>();
  readonly modes = new Map<{ training: boolean }, boolean>();
  /** Leaves from outside that got gradients, and whether these were cleared before. */
  readonly gradients = new Map<Tensor, boolean>();
  readonly cleared = new Set<Tensor>();
  /** What was changed in place. */
  readonly changed = new Set<Tensor>();
  /** How to word a fault of the operation with that number. */
  readonly faults = new Map<number, (fault: Fault) => Error>();

  /** @param newest creation number of the newest tensor from outside */
  constructor(private readonly newest: number) {}

  isOutside(t: Tensor): boolean {
    return t._id <= this.newest;
  }

  follow(follower: Follower): void {
    if (suspended === 0) this.followers.push(follower);
  }

  /** An operation looks at whether its inputs want gradients. */
  watch(inputs: readonly (Tensor | undefined)[]): void {
    for (const x of inputs) {
      if (x === undefined || !this.isOutside(x)) continue;
      if (x._node !== null) {
        throw new StateError(
          `compile: a tensor from outside, the result of ${x._node.name}, must not be on a graph; compute it inside, or use its detach()`,
        );
      }
      this.leaves.set(x, x._requiresGrad);
    }
  }

  /** `backward` is about to add to the gradient of a leaf. */
  accumulates(leaf: Tensor): void {
    if (!this.isOutside(leaf) || this.gradients.has(leaf)) return;
    if (leaf._grad !== null && this.isOutside(leaf._grad)) throw staleGradient('backward', leaf);
    this.gradients.set(leaf, this.cleared.has(leaf));
  }

  word(makeError: (fault: Fault) => Error): void {
    if (suspended === 0) this.faults.set(native.recordCount() - 1, makeError);
  }
}

/** The recording that is going on, or null. */
export function currentRecording(): Recording | null {
  return suspended === 0 ? current : null;
}

/** Runs `fn` under a recording. */
export function recordingWith<T>(recording: Recording, fn: () => T): T {
  current = recording;
  try {
    return withScope(recording.scope, fn);
  } finally {
    current = null;
    recording.scope.ended = true;
  }
}

/** Runs `fn` outside of a recording that is going on: what it makes counts as from outside, what it does is not replayed. */
export function unrecorded<T>(fn: () => T): T {
  if (current === null) return fn();
  suspended++;
  native.recordPause(true);
  try {
    return withScope(null, fn);
  } finally {
    if (--suspended === 0) native.recordPause(false);
  }
}

/** Notes that a module's mode or a tensor's `requiresGrad` has changed somewhere. */
export function structureChanged(): void {
  structure++;
}

/** Changes whenever `structureChanged` is called. */
export function structureNow(): number {
  return structure;
}

/** Refuses to read a value while recording. */
export function refuseReading(
  operation: string,
  remedy = 'return the tensor from the function and read the result',
): void {
  if (currentRecording() === null) return;
  throw new StateError(
    `${operation}: reads a value while a step is being recorded, and a replayed step runs without JavaScript; ${remedy}`,
  );
}

/** Throws what a kernel found in a tensor, and notes how to word it when a replay finds one. */
export function checkFault(fault: Fault | undefined, makeError: (fault: Fault) => Error): void {
  if (fault !== undefined) throw makeError(fault);
  currentRecording()?.word(makeError);
}

/** A parameter's gradient; refused when it comes from outside of the recording. */
export function recordedGradient(operation: string, p: Tensor): Tensor | null {
  const recording = currentRecording();
  if (recording !== null && p._grad !== null && recording.isOutside(p._grad)) throw staleGradient(operation, p);
  return p._grad;
}

function staleGradient(operation: string, p: Tensor): StateError {
  return new StateError(
    `${operation}: the gradient of a parameter [${p.dims.join(', ')}] comes from outside of the compiled function; call zeroGrad() in it before backward()`,
  );
}

native.setErrors((what, name) => {
  if (what === 'locked') {
    return new StateError(
      `${name}: a tensor is in use by a compiled step that is running or queued; await the step, or do it inside step.pause(() => …)`,
    );
  }
  return new Error(`internal: ${name}: ${what}`);
});
