import { noGrad } from '../autograd/tape.js';
import { isGradEnabled, layersNow, setGradEnabled, structureNow, unrecorded, withRecording } from '../context.js';
import { type DType, isFloat } from '../dtype.js';
import { ArgumentError, formatShape, StateError } from '../errors.js';
import { isPromise, keep } from '../memory.js';
import { type Fault, native, type Runner } from '../native.js';
import { clone } from '../ops/copy.js';
import { zeros } from '../ops/creation.js';
import type { Shape } from '../shape.js';
import { sameShape } from '../shape.js';
import { empty, newestTensor, Tensor } from '../tensor.js';
import { sharedArgument } from './endings.js';
import { Journal } from './journal.js';
import { type Follower, Recording } from './recording.js';
import { rebuild, type Structure, structureOf } from './structure.js';
import { type Watch, watchModules } from './watch.js';

interface Slot {
  shape: Shape;
  dtype: DType;
  requiresGrad: boolean;
}

/** A step recorded for one signature: what JavaScript has to do for it, and the number of its native program. */
export class Program {
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  readonly grad = isGradEnabled();
  readonly followers: readonly Follower[];
  /** Whether its native side has memory to run in. */
  bound = false;
  /** When it was last used. */
  used = 0;
  private structure = structureNow();
  private layers = layersNow();
  /** A parameter has got other memory: no call fits any more. */
  isStale = false;
  private readonly changed: readonly Tensor[];
  /** Gradients that a call returns as `p.grad`. */
  private readonly returned: readonly [Tensor, number][];

  constructor(
    readonly number: number,
    inputs: readonly Tensor[],
    /** Where numbers given to a step stand in its leaves, and the tensors that carry them. */
    readonly numbers: readonly (Tensor | null)[],
    outputs: readonly Tensor[],
    readonly result: Structure,
    private readonly recording: Recording,
    returned: readonly [Tensor, number][],
    private readonly watch: Watch | null,
  ) {
    const slot = ({ dims: shape, dtype, requiresGrad }: Tensor): Slot => ({ shape, dtype, requiresGrad });
    this.inputs = inputs.map(slot);
    this.outputs = outputs.map(slot);
    this.followers = recording.followers;
    this.changed = [...recording.changed].filter((t) => recording.isOutside(t));
    this.returned = returned;
  }

  /** Whether a call with these leaves does what was recorded. */
  fits(leaves: readonly (Tensor | number)[]): boolean {
    if (this.grad !== isGradEnabled()) return false;
    let next = 0;
    for (let i = 0; i < leaves.length; i++) {
      const x = leaves[i] as Tensor | number;
      if (typeof x === 'number') continue;
      const slot = this.inputs[next++] as Slot;
      if (x.dtype !== slot.dtype || x._requiresGrad !== slot.requiresGrad || !sameShape(x.dims, slot.shape))
        return false;
    }
    for (const follower of this.followers) if (follower.holds !== undefined && !follower.holds()) return false;
    const same = this.watch === null || this.watch.glance();
    if (same === false) return false;
    if ((same === null || this.layers !== layersNow()) && !this.hasLayers()) return false;
    if (this.structure === structureNow()) return true;
    for (const [module, mode] of this.recording.modes) if (module.training !== mode) return false;
    for (const [leaf, wanted] of this.recording.leaves) if (leaf._requiresGrad !== wanted) return false;
    this.structure = structureNow();
    return true;
  }

  private hasLayers(): boolean {
    if (this.watch !== null && !this.watch.holds()) {
      this.isStale = this.watch.isConverted();
      return false;
    }
    this.layers = layersNow();
    return true;
  }

  /** Whether JavaScript has to act before the next step. */
  get isDue(): boolean {
    if (this.numbers.length > 0) return true;
    for (const follower of this.followers) if (follower.isDue()) return true;
    return false;
  }

  /**
   * What JavaScript does before a step is submitted. When it fails, or the step does not run, everything is put back.
   *
   * @param due whether `isDue` when the step was called
   */
  prepare(leaves: readonly (Tensor | number)[], due = true): Journal {
    let given = false;
    for (const [leaf, wasCleared] of this.recording.gradients) {
      if (leaf._grad === null) continue;
      given = true;
      if (wasCleared) continue;
      throw new StateError(
        `compile: the gradient of a parameter ${formatShape(leaf.dims)} must be null as it was when the step was recorded; call zeroGrad() first`,
      );
    }
    const journal = new Journal();
    try {
      if (given) for (const leaf of this.recording.gradients.keys()) journal.takeGradient(leaf);
      this.advance(journal, leaves, due);
    } catch (error) {
      journal.undo();
      throw error;
    }
    return journal;
  }

  private advance(journal: Journal, leaves: readonly (Tensor | number)[], due: boolean): void {
    for (const follower of this.followers) {
      if (!due || !follower.isDue()) continue;
      journal.add(follower.advance());
    }
    // Written before each step, so that nobody minds what they are after one that failed.
    this.numbers.forEach((t, i) => {
      if (t !== null) writeNumber(t, leaves[i] as number);
    });
    journal.change(this.changed);
  }

  /** Tensors for the results of a step. */
  allocate(): Tensor[] {
    return this.outputs.map((slot) => empty(slot.shape, slot.dtype));
  }

  /** What a call returns. */
  finish(outputs: readonly Tensor[]): unknown {
    for (const [leaf, index] of this.returned) leaf.grad = outputs[index] as Tensor;
    return rebuild(this.result, outputs);
  }

  wordFault(operation: number, fault: Fault): Error {
    const noted = this.recording.faults.findLast((other) => other.operation === operation);
    return noted === undefined ? new Error(`internal: a fault in operation ${operation}`) : noted.word(fault);
  }
}

function writeNumber(t: Tensor, value: number): void {
  native.write(t.handle, t.dtype === 'float64' ? Float64Array.of(value) : Float32Array.of(value));
}

/** The arguments of `fn`: copies of the tensors, so that each is known by its memory, in `inputs`; tensors for numbers. */
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

/** What one eager run under the recorder gave. The caller settles its journal, or undoes it by `undoRecording`. */
export interface Recorded {
  recording: Recording;
  inputs: readonly Tensor[];
  numbers: readonly (Tensor | null)[];
  /** Fresh tensors. */
  outputs: readonly Tensor[];
  result: Structure;
  returned: readonly [Tensor, number][];
}

/** Runs `fn` eagerly under the recorder. The native recording is the newest one then. */
export function record(
  fn: (...args: unknown[]) => unknown,
  structure: Structure,
  leaves: readonly (Tensor | number)[],
  numbers: readonly (Tensor | null)[],
): Recorded {
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
      listTensors(result, value, made);
      const returned = settleGradients(recording, made);
      const outputs = unrecorded(() => noGrad(() => made.map((t) => clone(t))));
      const problem = native.recordEnd(Int32Array.from(made, (t) => t.handle));
      if (problem !== undefined) throw new StateError(`compile: ${problem}`);
      return { recording, inputs, numbers: staged.numbers, outputs, result, returned };
    });
  } catch (error) {
    undoRecording(recording);
    throw error;
  } finally {
    setGradEnabled(before);
    for (const t of inputs) t.dispose();
  }
}

/** Puts back everything that a step moved while it was recorded. Queued steps rest. */
export function undoRecording(recording: Recording): void {
  native.recordUndo();
  recording.undo();
}

// Replays refuse it natively; the first call worked on a copy of the argument and would have hidden it.
function checkArguments(recording: Recording, leaves: readonly (Tensor | number)[]): void {
  leaves.forEach((x, i) => {
    if (typeof x !== 'number' && recording.hasChanged(x)) throw sharedArgument(i);
  });
}

function listTensors(structure: Structure, value: unknown, tensors: Tensor[]): void {
  if (structure.kind === 'tensor') tensors.push(value as Tensor);
  else if (structure.kind === 'array') {
    structure.items.forEach((item, i) => {
      listTensors(item, (value as unknown[])[i], tensors);
    });
  } else if (structure.kind === 'object') {
    structure.items.forEach((item, i) => {
      listTensors(item, (value as Record<string, unknown>)[structure.keys[i] as string], tensors);
    });
  }
}

// Gradients made in the step end with it, but for those that are returned; what would add to the next step's is refused.
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

/** Makes the newest native recording a program. */
export function makeProgram(runner: Runner, recorded: Recorded): Program {
  const { recording, inputs, numbers, outputs, result, returned } = recorded;
  const number = native.programAdd(
    runner,
    Int32Array.from(recording.faults, (noted) => noted.operation),
  );
  const watch = watchModules(recording.called, native.programTensors(runner, number));
  return new Program(number, inputs, numbers, outputs, result, recording, returned, watch);
}
