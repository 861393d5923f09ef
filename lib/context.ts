// The context of a call, one for each JavaScript thread: the scope that owns new tensors, whether gradients are wanted, and
// the recording of a compiled step. The whole library reads it, so this file imports almost nothing.
import { StateError } from './errors.js';
import { type Fault, native } from './native.js';
import type { Recording } from './program/recording.js';
import type { Tensor } from './tensor.js';
import { tracing, untraced } from './tracing.js';

/** The tensors made since a `scope` began, or null for a recording, whose tensors the garbage collector may take. */
export interface Scope {
  readonly tensors: Tensor[] | null;
  readonly parent: Scope | null;
  /** Whether its tensors have been freed. */
  ended: boolean;
}

let scope: Scope | null = null;
let gradEnabled = true;
let recording: Recording | null = null;
let suspended = 0; // the number of nested calls of `unrecorded`
let structure = 0;
let layers = 0;

/** The scope that owns new tensors; null if the garbage collector does. */
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

/** The current recording, or null. */
export function currentRecording(): Recording | null {
  return suspended === 0 ? recording : null;
}

/** Whether there is a recording, even if something runs outside of it right now. */
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

/** Runs `fn` outside of the recording or the export: its tensors count as from outside, and its operations are not repeated. */
export function unrecorded<T>(fn: () => T): T {
  if (tracing.current !== null) return untraced(() => unrecorded(fn));
  if (recording === null) return fn();
  suspended++;
  native.recordPause(true);
  try {
    return withScope(null, fn);
  } finally {
    if (--suspended === 0) native.recordPause(false);
  }
}

/** Notes how to undo a change that outlives the recording, inside or outside of it, in case the recording fails. */
export function onFailure(undo: () => void): void {
  recording?.journal.add(undo);
}

/** Notes a change of a module's mode or a tensor's `requiresGrad`; `undo` is called if the recording fails. */
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

/** Notes that a module, parameter or buffer has been created or converted somewhere. */
export function layersChanged(): void {
  layers++;
}

/** Changes whenever `layersChanged` is called. */
export function layersNow(): number {
  return layers;
}

/** Throws if a value is read while recording. */
export function refuseReading(
  operation: string,
  remedy = 'return the tensor from the function and read the result',
): void {
  tracing.current?.touches(operation, remedy);
  if (currentRecording() === null) return;
  throw new StateError(
    `${operation}: reads a value while a step is being recorded, and a replayed step runs without JavaScript; ${remedy}`,
  );
}

/** Throws the error for a fault that a kernel found, and notes how to make it when a replay finds one. */
export function checkFault(fault: Fault | undefined, makeError: (fault: Fault) => Error): void {
  if (fault !== undefined) throw makeError(fault);
  currentRecording()?.onFault(makeError);
}

/** A parameter's gradient; an error if it comes from outside of the recording. */
export function recordedGradient(operation: string, p: Tensor): Tensor | null {
  const current = currentRecording();
  if (current !== null && p._grad !== null && current.isOutside(p._grad)) throw staleGradient(operation, p);
  return p._grad;
}

/** The error for a gradient from outside that a compiled function would add to, or read. */
export function staleGradient(operation: string, p: Tensor): StateError {
  return new StateError(
    `${operation}: the gradient of a parameter [${p.dims.join(', ')}] comes from outside of the compiled function; call zeroGrad() in it before backward()`,
  );
}
