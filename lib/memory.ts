import { types } from 'node:util';
import { currentRecording, currentScope, type Scope, withScope } from './context.js';
import { dtypeTraits } from './dtype.js';
import { AllocationError, checkFunction, checkInteger, formatShape, StateError } from './errors.js';
import { type MemoryStats, native } from './native.js';
import type { Tensor } from './tensor.js';

/**
 * @internal What the native side holds weakly instead of a tensor. V8's young generation keeps everything that is held weakly
 * alive until the next full collection: with a separate token, a lost tensor and its graph go at once and only this stays.
 */
export class Token {}

/**
 * Runs `fn` and frees at once every tensor made inside it, except what it returns (tensors in plain objects, arrays, maps),
 * what the graphs of returned tensors need, gradients of tensors from outside, parameters, buffers and optimizer state.
 * It is never necessary, because tensors are garbage-collected: a scope frees them sooner.
 *
 * @throws StateError when `fn` is async or returns a promise: a scope is synchronous
 * @example
 * const loss = scope(() => step(x, y).item());
 */
export function scope<T>(fn: () => T): T {
  checkSynchronous('scope', fn);
  const mine: Scope = { tensors: [], parent: currentScope(), ended: false };
  let kept = nothing;
  try {
    const result = withScope(mine, fn);
    if (isPromise(result))
      throw new StateError('scope: fn must be synchronous, got one that returns a promise; await outside of it');
    kept = reachable(result); // may throw: it runs getters of the result
    return result;
  } finally {
    open = { scope: mine, next: open }; // no call: the stack may be full, and then a scope that ends later frees the rest
    endScopes(kept);
  }
}

const nothing: ReadonlySet<Tensor> = new Set();
let open: { scope: Scope; next: typeof open } | null = null;

function endScopes(ofNewest: ReadonlySet<Tensor>): void {
  let kept = ofNewest;
  while (open !== null) {
    const { tensors, parent } = open.scope;
    for (const t of tensors as Tensor[]) {
      if (t._scope !== open.scope) continue;
      if (kept.has(t)) moveTo(t, parent);
      else t.dispose();
    }
    kept = nothing;
    open = open.next;
  }
}

/** @internal Throws for async functions before they are called. */
export function checkSynchronous(operation: string, fn: unknown): void {
  checkFunction(operation, 'fn', fn);
  const kind = (fn as () => unknown).constructor;
  if (kind !== Function && /^Async/.test(kind.name)) {
    throw new StateError(`${operation}: fn must be synchronous, got an async function; await outside of it`);
  }
}

/** @internal */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

// From now on, the tensor lives as long as JavaScript refers to it.
function watch(t: Tensor): void {
  t._token ??= new Token();
  native.watch(t._handle, t._token);
}

/** @internal Moves a tensor to another scope, or to the garbage collector. */
export function moveTo(t: Tensor, scope: Scope | null): void {
  const target = scope ?? currentRecording()?.scope ?? null; // a recording's tensors end with it
  if (t._scope === target || t.disposed) return;
  t._scope = target;
  if (target === null || target.tensors === null) watch(t);
  else target.tensors.push(t);
}

/** @internal Parameters, buffers, optimizer and generator state outlive every scope. */
export function keep(t: Tensor): Tensor {
  if (currentRecording() !== null) {
    throw new StateError(
      'compile: parameters, buffers, optimizers, generators and shuffled loaders must be made outside of the compiled function; make them once before',
    );
  }
  moveTo(t, null);
  return t;
}

// Everything that the returned value needs: its tensors, their gradients, and what their graphs saved.
function reachable(result: unknown): Set<Tensor> {
  const kept = new Set<Tensor>();
  const seen = new Set<object>();
  const stack: unknown[] = [result];
  while (stack.length > 0) {
    const value = stack.pop();
    if (value === null || typeof value !== 'object' || seen.has(value) || ArrayBuffer.isView(value)) continue;
    seen.add(value);
    if (isTensor(value)) {
      kept.add(value);
      stack.push(value._grad, value._node);
    } else if (isNode(value)) {
      for (const edge of value.edges) stack.push(edge);
      for (const t of value.saved) stack.push(t);
      stack.push(value.retained);
    } else if (types.isMap(value) || types.isSet(value)) {
      for (const entry of value.values()) stack.push(entry);
    } else {
      for (const key of Object.keys(value)) stack.push((value as Record<string, unknown>)[key]);
    }
  }
  return kept;
}

function isTensor(value: object): value is Tensor {
  return '_handle' in value && '_node' in value;
}

function isNode(value: object): value is NonNullable<Tensor['_node']> {
  return 'edges' in value && 'saved' in value;
}

/** @internal The capacity of the native table of handles. */
export const maxTensors = native.limits.tensors;

/** @internal Why a tensor could not be made: too many live ones, or too much memory. */
export function allocationError(t: Tensor, tooMany: boolean): AllocationError {
  const { tensors, liveBytes, limitBytes } = native.memoryStats();
  if (tooMany) {
    return new AllocationError(
      `too many live tensors: ${tensors} of at most ${maxTensors}; free some by scope() or dispose()`,
    );
  }
  const bytes = t.size * dtypeTraits[t.dtype].array.BYTES_PER_ELEMENT;
  const why =
    liveBytes + bytes > limitBytes
      ? `${liveBytes} of at most ${limitBytes} are in use; free tensors or raise setMemoryLimit`
      : `which the system refuses, ${liveBytes} are in use; free tensors or raise the limit (ulimit -v, ulimit -d)`;
  return new AllocationError(`out of memory: ${t.dtype} ${formatShape(t.dims)} needs ${bytes} bytes, ${why}`);
}

/** Native memory in use: bytes live, cached, at peak and allowed, and the number of live tensors. */
export function memoryStats(): MemoryStats {
  return native.memoryStats();
}

/**
 * Limits the native memory, in bytes, that tensors of this process may use. The default, and the maximum, is the memory of
 * the container or machine. An allocation beyond the limit throws an AllocationError; on Linux also one that would leave too
 * little for JavaScript's heap and the rest of the process within that memory, or within `ulimit -v` and `-d`.
 */
export function setMemoryLimit(bytes: number): void {
  native.limitMemory(checkInteger('setMemoryLimit', 'bytes', bytes, 1));
}

/** Collects all garbage now and returns free memory to the system. Rarely useful, and slow (milliseconds). */
export function freeMemory(): void {
  native.sweep(true);
  native.trim();
}

/** Sets the number of threads (1 … 64) that operations of this process use, this one included. */
export function setNumThreads(count: number): void {
  native.setThreads(checkInteger('setNumThreads', 'count', count, 1, native.limits.threads));
}

/** The number of threads that operations use. */
export function getNumThreads(): number {
  return native.getThreads();
}
