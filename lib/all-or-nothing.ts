// Calls of many parts, such as a model's forward pass: when one part fails, the state that others have moved is put back.

import { isRecording, withScope } from './context.js';
import { keep } from './memory.js';
import { kernel, native } from './native.js';
import { baseOf, empty, type Tensor } from './tensor.js';

const castKernel = kernel('cast');

/** What a tensor held before it was changed. */
interface Saved {
  tensor: Tensor;
  content: Tensor;
  version: number;
}

type Undo = Saved | (() => void);

/** How to undo what the parts that have run so far moved, the last one last. */
const undos: Undo[] = [];
let depth = 0; // of such calls, one inside of another

/** Memory for what tensors held, from earlier calls: random positions and running statistics are saved at each step. */
const spare = new WeakMap<Tensor, Tensor[]>();

/** @internal A call of many parts begins; what it gives is for `putBack`, and `leave` must follow. */
export function enter(): number {
  depth++;
  return undos.length;
}

/** @internal The call has failed: what its parts have moved is put back. */
export function putBack(mark: number): void {
  while (undos.length > mark) undo(undos.pop() as Undo);
}

/** @internal The call has ended, in whatever way. */
export function leave(): void {
  if (--depth > 0 || undos.length === 0) return;
  for (const entry of undos.splice(0)) if (typeof entry !== 'function') giveBack(entry);
}

/**
 * @internal Runs `fn`. When it throws, random positions, running statistics and caches are as they were before. While a
 * step is recorded, the recording sees to that.
 */
export function allOrNothing<T>(fn: () => T): T {
  if (isRecording()) return fn();
  const mark = enter();
  try {
    return fn();
  } catch (error) {
    putBack(mark);
    throw error;
  } finally {
    leave();
  }
}

/** @internal Notes how to undo what is being done; false outside of such calls, where nobody will. */
export function onUndo(undo: () => void): boolean {
  if (depth === 0) return false;
  undos.push(undo);
  return true;
}

/** @internal Notes what a tensor holds that is about to be changed in place and outlives the call. */
export function aboutToChange(operation: string, tensor: Tensor): void {
  if (depth === 0) return;
  const content = spare.get(tensor)?.pop() ?? withScope(null, () => keep(empty(tensor.dims, tensor.dtype)));
  try {
    castKernel(content.handle, tensor.handle);
  } catch (error) {
    native.checkFree(tensor.handle, true, operation); // words it better, if a compiled step is changing the tensor
    throw error;
  }
  undos.push({ tensor, content, version: baseOf(tensor).version });
}

function undo(entry: Undo): void {
  if (typeof entry === 'function') {
    entry();
    return;
  }
  const { tensor, content, version } = entry;
  try {
    castKernel(tensor.handle, content.handle);
    baseOf(tensor).version = version;
  } catch {
    // A compiled step reads it, or it is disposed: it has not been changed.
  }
  giveBack(entry);
}

function giveBack({ tensor, content }: Saved): void {
  const list = spare.get(tensor);
  if (list === undefined) spare.set(tensor, [content]);
  else list.push(content);
}
