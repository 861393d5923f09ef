// Calls of many parts, such as a model's forward pass: when one part fails, the state that others have moved is put back.
import { keep, withScope } from './memory.js';
import { kernel, native } from './native.js';
import { isRecording } from './program/recording.js';
import { baseOf, empty, type Tensor } from './tensor.js';

const castKernel = kernel('cast');

/** What a tensor held before it was changed. */
interface Saved {
  tensor: Tensor;
  content: Tensor;
  version: number;
}

/** How to undo what the parts that have run so far moved, the last one last; null outside of such calls. */
let undos: (Saved | (() => void))[] | null = null;

/** Memory for what tensors held, from earlier calls: random positions and running statistics are saved at each step. */
const spare = new WeakMap<Tensor, Tensor[]>();

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
    while (list.length > mark) undo(list.pop() as Saved | (() => void));
    throw error;
  } finally {
    undos = outer;
    if (outer === null) for (const entry of list) if (typeof entry !== 'function') giveBack(entry);
  }
}

/** @internal Notes how to undo what is being done; false outside of such calls, where nobody will. */
export function onUndo(undo: () => void): boolean {
  if (undos === null) return false;
  undos.push(undo);
  return true;
}

/** @internal Notes what a tensor holds that is about to be changed in place and outlives the call. */
export function aboutToChange(operation: string, tensor: Tensor): void {
  if (undos === null) return;
  const content = spare.get(tensor)?.pop() ?? withScope(null, () => keep(empty(tensor.dims, tensor.dtype)));
  try {
    castKernel(content.handle, tensor.handle);
  } catch (error) {
    native.checkFree(tensor.handle, true, operation); // words it better, if a compiled step is changing the tensor
    throw error;
  }
  undos.push({ tensor, content, version: baseOf(tensor).version });
}

function undo(entry: Saved | (() => void)): void {
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
