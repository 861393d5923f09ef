// Calls of many parts, such as a model's forward pass: when one part fails, the state that others have moved is put back.
import { isRecording, withScope } from './context.js';
import { StateError } from './errors.js';
import { kernel, native } from './native.js';
import { baseOf, empty, type Tensor } from './tensor.js';

const castKernel = kernel('cast', 'y x');

/** What a tensor held before it was changed. */
interface Saved {
  readonly tensor: Tensor;
  readonly content: Tensor;
  readonly version: number;
  /** How many calls deep: what the innermost one saved, it need not save again. */
  depth: number;
  /** What an outer call saved of the same tensor. */
  readonly outer: Saved | null;
}

type Undo = Saved | (() => void);

/** How to undo what the parts that have run so far moved, the last one last. */
const undos: Undo[] = [];
/** Where in `undos` each call that is going on begins, the innermost one last. */
const marks: number[] = [];
/** The newest content saved of a tensor, while calls that may put it back are going on. */
const newest = new WeakMap<Tensor, Saved>();
/** Memory for contents, from earlier calls: random positions and running statistics are saved at each step. */
const spare = new WeakMap<Tensor, Tensor[]>();

/** @internal A call of many parts begins; `leave` must follow. */
export function enter(): void {
  marks.push(undos.length);
}

/** @internal The innermost call has failed: what its parts have moved is put back. */
export function putBack(): void {
  const mark = marks[marks.length - 1] as number;
  while (undos.length > mark) undo(undos.pop() as Undo);
}

/** @internal The innermost call has ended, in whatever way: what it saved is for the one around it now. */
export function leave(): void {
  const mark = marks.pop() as number;
  if (undos.length === mark) return;
  const depth = marks.length;
  for (const entry of undos.splice(mark)) {
    if (typeof entry === 'function') {
      if (depth > 0) undos.push(entry);
    } else if (depth === 0 || entry.outer?.depth === depth) {
      giveBack(entry); // that one has saved the tensor before
    } else {
      entry.depth = depth;
      undos.push(entry);
    }
  }
}

/**
 * @internal Runs `fn`. When it throws, random positions, running statistics and caches are as they were before. While a
 * step is recorded, the recording sees to that.
 */
export function allOrNothing<T>(fn: () => T): T {
  if (isRecording()) return fn();
  enter();
  try {
    return fn();
  } catch (error) {
    putBack();
    throw error;
  } finally {
    leave();
  }
}

/** @internal Notes how to undo what is being done; false outside of such calls, where nobody will. */
export function onUndo(undo: () => void): boolean {
  if (marks.length === 0) return false;
  undos.push(undo);
  return true;
}

/** @internal Notes what a tensor holds that is about to be changed in place and outlives the call. */
export function aboutToChange(operation: string, tensor: Tensor): void {
  const depth = marks.length;
  if (depth === 0 || isRecording()) return;
  const outer = newest.get(tensor) ?? null;
  if (outer !== null && outer.depth === depth) return;
  native.checkFree(tensor.handle, true, operation);
  const saved: Saved = { tensor, content: contentOf(tensor), version: baseOf(tensor).version, depth, outer };
  undos.push(saved);
  newest.set(tensor, saved);
}

function contentOf(tensor: Tensor): Tensor {
  const copies = spare.get(tensor);
  let content = copies?.pop();
  if (content?.dtype !== tensor.dtype) {
    content?.dispose(); // of before a conversion
    content = withScope(null, () => empty(tensor.dims, tensor.dtype));
  }
  castKernel(content.handle, tensor.handle);
  return content;
}

function undo(entry: Undo): void {
  if (typeof entry === 'function') {
    entry();
    return;
  }
  try {
    castKernel(entry.tensor.handle, entry.content.handle);
    baseOf(entry.tensor).version = entry.version;
  } catch (error) {
    if (!(error instanceof StateError)) throw error; // it has been disposed of, or given to a compiled step
  }
  giveBack(entry);
}

function giveBack({ tensor, content, outer }: Saved): void {
  if (outer === null) newest.delete(tensor);
  else newest.set(tensor, outer);
  const copies = spare.get(tensor);
  if (copies === undefined) spare.set(tensor, [content]);
  else copies.push(content);
}
