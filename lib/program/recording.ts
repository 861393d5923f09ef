import { AllocationError, StateError } from '../errors.js';
import { type Scope, withScope } from '../memory.js';
import { type Fault, native } from '../native.js';
import type { Base, Tensor } from '../tensor.js';
import { Journal } from './journal.js';

/** Something in JavaScript that a recorded step depends on or moves: an optimizer's options, a schedule. */
export interface Follower {
  /** Whether the recording still fits; if not, the step is recorded anew. */
  holds?(): boolean;
  /** Whether `advance` has something to do before the next step. */
  isDue(): boolean;
  /** Called before each step that is submitted, in the order of recording. Returns what takes it back if that does not run. */
  advance(): () => void;
}

let current: Recording | null = null;
let suspended = 0;
let structure = 0;
let layers = 0;

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
  private readonly bases = new Set<Base>();
  /** How to put back what the step moves in JavaScript, should it fail; the native side has the contents of tensors. */
  readonly journal = new Journal();
  /** Modules whose `forward` ran. */
  readonly called = new Set<object>();
  /** How to word a fault of an operation, in the order of their numbers. */
  readonly faults: { readonly operation: number; word: (fault: Fault) => Error }[] = [];

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

  /** A tensor is about to count as changed in place. */
  changes(t: Tensor, base: Base): void {
    this.changed.add(t);
    if (this.bases.has(base)) return;
    this.bases.add(base);
    const { version } = base;
    this.journal.add(() => {
      base.version = version;
    });
  }

  /** Whether a tensor, or another one over the same memory, was changed in place. */
  hasChanged(t: Tensor): boolean {
    return this.changed.has(t) || (t._base !== null && this.bases.has(t._base));
  }

  /** The gradient of a leaf is about to be forgotten, or to become one that is given. */
  clears(leaf: Tensor, given: Tensor | null = null): void {
    const isFirst = !this.gradients.has(leaf);
    if (given === null || isFirst) this.cleared.add(leaf); // what replaces a gradient of the step is left as that would be
    if (!this.isOutside(leaf)) return;
    if (leaf._grad !== null && this.isOutside(leaf._grad)) this.journal.takeGradient(leaf);
    if (given !== null && isFirst) this.gradients.set(leaf, true);
  }

  /** Puts back what the step has moved in JavaScript. */
  undo(): void {
    for (const leaf of this.gradients.keys()) leaf._grad = null;
    this.journal.undo();
  }

  /** `backward` is about to add to the gradient of a leaf. */
  accumulates(leaf: Tensor): void {
    if (!this.isOutside(leaf) || this.gradients.has(leaf)) return;
    if (leaf._grad !== null && this.isOutside(leaf._grad)) throw staleGradient('backward', leaf);
    this.gradients.set(leaf, this.cleared.has(leaf));
  }

  /** Notes how to word a fault of the newest operation. */
  word(makeError: (fault: Fault) => Error): void {
    if (suspended === 0) this.faults.push({ operation: native.recordCount() - 1, word: makeError });
  }
}

/** The recording that is going on, or null. */
export function currentRecording(): Recording | null {
  return suspended === 0 ? current : null;
}

/** Whether a recording is going on, even if something runs outside of it right now. */
export function isRecording(): boolean {
  return current !== null;
}

/** Notes how to undo something that outlives the recording that is going on, also outside of it, should that fail. */
export function onFailure(undo: () => void): void {
  current?.journal.add(undo);
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

/** Notes that a module's mode or a tensor's `requiresGrad` is changed; `undo` is for a recording that fails. */
export function structureChanged(undo: () => void): void {
  structure++;
  onFailure(() => {
    structure++;
    undo();
  });
}

/** Notes that a module, parameter or buffer has been made, or converted, somewhere. */
export function layersChanged(): void {
  layers++;
}

/** Changes whenever `layersChanged` is called. */
export function layersNow(): number {
  return layers;
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
  if (what === 'memory') {
    return new AllocationError(`${name}: out of memory; free tensors or raise setMemoryLimit`);
  }
  return new Error(`internal: ${name}: ${what}`);
});
