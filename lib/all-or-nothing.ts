// Calls of many parts, such as a model's forward pass: when one part fails, the state that others have moved is put back.
import { arrayTypes } from './dtype.js';
import { native } from './native.js';
import { isRecording } from './program/recording.js';
import { baseOf, type Tensor } from './tensor.js';

/** How to undo what the parts that have run so far moved, the last one last; null outside of such calls. */
let undos: (() => void)[] | null = null;

/**
 * @internal Runs `fn`. When it throws, random positions, running statistics and caches are as they were before. While a
 * step is recorded, the recording sees to that.
 */
export function allOrNothing<T>(fn: () => T): T {
  if (isRecording()) return fn();
  const outer = undos;
  const list = outer ?? [];
  const mark = list.length;
  undos = list;
  try {
    return fn();
  } catch (error) {
    while (list.length > mark) list.pop()?.();
    throw error;
  } finally {
    undos = outer;
  }
}

/** @internal Notes how to undo what is being done; false outside of such calls, where nobody will. */
export function onUndo(undo: () => void): boolean {
  if (undos === null) return false;
  undos.push(undo);
  return true;
}

/** @internal Notes what a tensor holds that is about to be changed in place and outlives the call. */
export function aboutToChange(operation: string, t: Tensor): void {
  if (undos === null) return;
  native.checkFree(t.handle, true, operation);
  const content = new arrayTypes[t.dtype](t.size);
  native.read(t.handle, content);
  const base = baseOf(t);
  const { version } = base;
  undos.push(() => {
    native.write(t.handle, content);
    base.version = version;
  });
}
