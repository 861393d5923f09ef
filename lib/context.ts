// What surrounds a call, one for each thread of JavaScript: the scope that owns new tensors, whether gradients are wanted,
// and the recording of a compiled step. The rest of the library asks here, so this file imports almost nothing.
import { StateError } from './errors.js';
import { type Fault, native } from './native.js';
import type { Recording } from './program/recording.js';
import type { Tensor } from './tensor.js';

/** The tensors made since a `scope` began, or (null) those that a recording makes, which the garbage collector may take. */
export interface Scope {
  readonly tensors: Tensor[] | null;
  readonly parent: Scope | null;
  /** Its tensors are gone. */
  ended: boolean;
}

let scope: Scope | null = null;
let gradEnabled = true;
let recording: Recording | null = null;
let suspended = 0; // how many calls of `unrecorded` are going on, one inside of another
let structure = 0;
let layers = 0;

/** The scope that owns new tensors; null: the garbage collector does. */
export function currentScope(): Scope | null {
  return scope;
}

/** Runs `fn` with another current scope. */
export function withScope<T>(inner: Scope | null, fn: () => T): T {
  const before = scope;
  scope = inner;
  try {
    return fn();
  } finally {
    scope = before;
  }
}

/** Whether operations are recorded right now. Inside a backward function: whether `createGraph` was asked for. */
export function isGradEnabled(): boolean {
  return gradEnabled;
}

/** @internal */
export function setGradEnabled(value: boolean): void {
  gradEnabled = value;
}

/** @internal */
export function withGradEnabled<T>(value: boolean, fn: () => T): T {
  const before = gradEnabled;
  gradEnabled = value;
  try {
    return fn();
  } finally {
    gradEnabled = before;
  }
}

/** The recording that is going on, or null. */
export function currentRecording(): Recording | null {
  return suspended === 0 ? recording : null;
}

/** Whether a recording is going on, even if something runs outside of it right now. */
export function isRecording(): boolean {
  return recording !== null;
}

/** Runs `fn` under a recording. */
export function withRecording<T>(current: Recording, fn: () => T): T {
  recording = current;
  try {
    return withScope(current.scope, fn);
  } finally {
    recording = null;
    current.scope.ended = true;
  }
}

/** Runs `fn` outside of a recording that is going on: what it makes counts as from outside, what it does is not replayed. */
export function unrecorded<T>(fn: () => T): T {
  if (recording === null) return fn();
  suspended++;
  native.recordPause(true);
  try {
    return withScope(null, fn);
  } finally {
    if (--suspended === 0) native.recordPause(false);
  }
}

/** Notes how to undo something that outlives the recording that is going on, also outside of it, should that fail. */
export function onFailure(undo: () => void): void {
  recording?.journal.add(undo);
}

/** Notes that a module's mode or a tensor's `requiresGrad` is changed; `undo` is for a recording that fails. */
export function structureChanged(undo: () => void): void {
  structure++;
  onFailure(() => {
    structure++;
    undo();
  });
}

/** Changes whenever `structureChanged` is called. */
export function structureNow(): number {
  return structure;
}

/** Notes that a module, parameter or buffer has been made, or converted, somewhere. */
export function layersChanged(): void {
  layers++;
}

/** Changes whenever `layersChanged` is called. */
export function layersNow(): number {
  return layers;
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

/** Throws what a kernel found in a tensor, and notes how to make the error when a replay finds it. */
export function checkFault(fault: Fault | undefined, makeError: (fault: Fault) => Error): void {
  if (fault !== undefined) throw makeError(fault);
  currentRecording()?.onFault(makeError);
}

/** A parameter's gradient; refused when it comes from outside of the recording. */
export function recordedGradient(operation: string, p: Tensor): Tensor | null {
  const current = currentRecording();
  if (current !== null && p._grad !== null && current.isOutside(p._grad)) throw staleGradient(operation, p);
  return p._grad;
}

/** The error for a gradient that a compiled function would add to, or read, and that was there before it. */
export function staleGradient(operation: string, p: Tensor): StateError {
  return new StateError(
    `${operation}: the gradient of a parameter [${p.dims.join(', ')}] comes from outside of the compiled function; call zeroGrad() in it before backward()`,
  );
}
