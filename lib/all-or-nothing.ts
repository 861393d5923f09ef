// Calls of many parts, such as a model's forward pass: when one part fails, the state changed by the others is restored.
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
  /** The depth of the call: the innermost one need not save a tensor twice. */
  depth: number;
  /** What an outer call saved for the same tensor. */
  readonly outer: Saved | null;
}

type Undo = Saved | (() => void);

/** How to undo the changes of the parts so far, in order. */
const undos: Undo[] = [];
/** Where in `undos` each running call begins, the innermost one last. */
const marks: number[] = [];
/** The newest saved content of each tensor, while a call that may restore it is running. */
const newest = new WeakMap<Tensor, Saved>();
/** Memory for contents, from earlier calls: random positions and running statistics are saved at each step. */
const spare = new WeakMap<Tensor, Tensor[]>();

/** @internal A call of many parts begins; `leave` must follow. */
export function enter(): void {
  marks.push(undos.length);
}

/** @internal The innermost call has failed: undoes the changes of its parts. */
export function putBack(): void {
  const mark = marks[marks.length - 1] as number;
  while (undos.length > mark) undo(undos.pop() as Undo);
}

/** @internal The innermost call has ended, successfully or not: the enclosing one takes over what it saved. */
export function leave(): void {
  const mark = marks.pop() as number;
  if (undos.length === mark) return;
  const depth = marks.length;
  for (const entry of undos.splice(mark)) {
    if (typeof entry === 'function') {
      if (depth > 0) undos.push(entry);
    } else if (depth === 0 || entry.outer?.depth === depth) {
      giveBack(entry); // the enclosing call has saved the tensor before
    } else {
      entry.depth = depth;
      undos.push(entry);
    }
  }
}

/**
 * @internal Runs `fn`. If it throws, random positions, running statistics and caches are restored. While a step is
 * recorded, the recording does that.
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

/** @internal Notes how to undo a change; false outside of such calls, where nothing is undone. */
export function onUndo(undo: () => void): boolean {
  if (marks.length === 0) return false;
  undos.push(undo);
  return true;
}

/** @internal Saves the content of a tensor that is about to be changed in place and outlives the call. */
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
    content?.dispose(); // from before a conversion
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
