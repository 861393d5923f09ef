// One eager run of a function under the recorder: its arguments and results, and undoing it when it fails.
import { noGrad } from '../autograd/tape.js';
import { isGradEnabled, setGradEnabled, unrecorded, withRecording } from '../context.js';
import { dtypeTraits, isFloat } from '../dtype.js';
import { ArgumentError, formatShape, StateError } from '../errors.js';
import { isPromise, keep } from '../memory.js';
import { native } from '../native.js';
import { clone } from '../ops/copy.js';
import { zeros } from '../ops/creation.js';
import { newestTensor, Tensor } from '../tensor.js';
import { sharedArgument } from './errors.js';
import { Recording } from './recording.js';
import { collect, rebuild, type Structure, structureOf } from './structure.js';

/** Writes a number that a step was given into the tensor that carries it. */
export function writeNumber(t: Tensor, value: number): void {
  native.write(t.handle, dtypeTraits[t.dtype].array.of(value));
}

/** The arguments of `fn`: copies of tensors (also in `inputs`), so that each is known by its memory; tensors for numbers. */
function stage(leaves: readonly (Tensor | number)[], given: readonly (Tensor | null)[], inputs: Tensor[]) {
  const numbers: (Tensor | null)[] = [];
  const float = leaves.find((x): x is Tensor => x instanceof Tensor && isFloat(x.dtype))?.dtype ?? 'float32';
  const values = leaves.map((x, i) => {
    if (typeof x !== 'number') {
      if (x._node !== null) {
        throw new ArgumentError(
          `compile: arguments must not be on a graph, got ${formatShape(x.dims)} from ${x._node.name}; pass its detach()`,
        );
      }
      const copy = noGrad(() => clone(x));
      copy._requiresGrad = x._requiresGrad;
      inputs.push(copy);
      return copy;
    }
    const t = given[i] ?? keep(zeros([], { dtype: float }));
    native.markHost(t.handle, false);
    writeNumber(t, x);
    numbers[i] = t;
    return t;
  });
  return { numbers, values };
}

/** The outcome of an eager run under the recorder. The caller settles its journal, or undoes it by `undoTrace`. */
export interface Trace {
  recording: Recording;
  inputs: readonly Tensor[];
  numbers: readonly (Tensor | null)[];
  /** Fresh tensors. */
  outputs: readonly Tensor[];
  result: Structure;
  returned: readonly [Tensor, number][];
}

/** Runs `fn` eagerly under the recorder; afterwards the newest native recording is that of this run. */
export function trace(
  fn: (...args: unknown[]) => unknown,
  structure: Structure,
  leaves: readonly (Tensor | number)[],
  numbers: readonly (Tensor | null)[],
): Trace {
  const recording = new Recording(newestTensor());
  const inputs: Tensor[] = [];
  const before = isGradEnabled();
  try {
    const staged = stage(leaves, numbers, inputs);
    native.recordBegin(Int32Array.from(inputs, (t) => t.handle));
    return withRecording(recording, () => {
      const value = fn(...(rebuild(structure, staged.values) as unknown[]));
      if (isPromise(value)) {
        throw new StateError('compile: fn must be synchronous, got one that returns a promise; await outside of it');
      }
      const result = structureOf('the result', value, false);
      checkArguments(recording, leaves);
      const made: Tensor[] = [];
      collect(result, value, made);
      const returned = settleGradients(recording, made);
      const outputs = unrecorded(() => noGrad(() => made.map((t) => clone(t))));
      const problem = native.recordEnd(Int32Array.from(made, (t) => t.handle));
      if (problem !== undefined) throw new StateError(`compile: ${problem}`);
      return { recording, inputs, numbers: staged.numbers, outputs, result, returned };
    });
  } catch (error) {
    undoTrace(recording);
    throw error;
  } finally {
    setGradEnabled(before);
    for (const t of inputs) t.dispose();
  }
}

/** Undoes everything that a step changed while it was recorded. Queued steps must be paused. */
export function undoTrace(recording: Recording): void {
  native.recordUndo();
  recording.undo();
}

// Replays refuse changed arguments natively; the first call works on copies, which would hide the mistake.
function checkArguments(recording: Recording, leaves: readonly (Tensor | number)[]): void {
  leaves.forEach((x, i) => {
    if (typeof x !== 'number' && recording.hasChanged(x)) throw sharedArgument(i);
  });
}

// Gradients made in the step end with it, unless they are returned; any that the next step would add to are an error.
function settleGradients(recording: Recording, outputs: readonly Tensor[]): [Tensor, number][] {
  const returned: [Tensor, number][] = [];
  const places = new Map(outputs.map((t, i) => [t, i] as const).reverse()); // the first of each
  let left: Tensor | null = null;
  for (const leaf of recording.gradients.keys()) {
    const gradient = leaf._grad;
    leaf._grad = null;
    leaf._gradSeen = false;
    if (gradient === null || recording.isOutside(gradient)) continue;
    const index = places.get(gradient);
    if (index !== undefined) returned.push([leaf, index]);
    if (!recording.cleared.has(leaf)) left = leaf;
  }
  if (left !== null) {
    throw new StateError(
      `compile: fn leaves the gradient of a parameter ${formatShape(left.dims)}, to which the next step would add; call zeroGrad() in it before backward()`,
    );
  }
  return returned;
}
