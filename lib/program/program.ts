import { isGradEnabled, layersNow, structureNow } from '../context.js';
import type { DType } from '../dtype.js';
import { formatShape, StateError } from '../errors.js';
import { type Fault, native, type Runner } from '../native.js';
import type { Shape } from '../shape.js';
import { sameShape } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { Journal } from './journal.js';
import { guardModules, type ModuleGuard } from './module-guard.js';
import type { Follower, Recording } from './recording.js';
import { rebuild, type Structure } from './structure.js';
import { type Trace, writeNumber } from './trace.js';

interface Slot {
  shape: Shape;
  dtype: DType;
  requiresGrad: boolean;
}

/** A step recorded for one signature: JavaScript's part of it, and the number of its native program. */
export class Program {
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  readonly grad = isGradEnabled();
  readonly followers: readonly Follower[];
  /** Whether its native program is bound to memory. */
  bound = false;
  /** A count that tells when it was last used. */
  used = 0;
  private structure = structureNow();
  private layers = layersNow();
  /** A parameter's memory was replaced: no call fits any more. */
  isStale = false;
  private readonly changed: readonly Tensor[];
  /** Gradients that a call returns as `p.grad`. */
  private readonly returned: readonly [Tensor, number][];

  constructor(
    readonly number: number,
    inputs: readonly Tensor[],
    /** For each leaf that is a number, the tensor that carries it. */
    readonly numbers: readonly (Tensor | null)[],
    outputs: readonly Tensor[],
    readonly result: Structure,
    private readonly recording: Recording,
    returned: readonly [Tensor, number][],
    private readonly guard: ModuleGuard | null,
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
    // First whether a property has become a parametrized one, which the quick check would compute.
    if (this.layers !== layersNow() && !this.hasLayers()) return false;
    const same = this.guard === null || this.guard.quickCheck();
    if (same === false || (same === null && !this.hasLayers())) return false;
    if (this.structure === structureNow()) return true;
    for (const [module, mode] of this.recording.modes) if (module.training !== mode) return false;
    for (const [leaf, wanted] of this.recording.leaves) if (leaf._requiresGrad !== wanted) return false;
    this.structure = structureNow();
    return true;
  }

  private hasLayers(): boolean {
    if (this.guard !== null && !this.guard.holds()) {
      this.isStale = this.guard.isConverted();
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
   * Does JavaScript's part before a step is submitted. When it fails, or the step does not run, all of it is undone.
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
    // Written before each step, so that their values after a failed one do not matter.
    this.numbers.forEach((t, i) => {
      if (t !== null) writeNumber(t, leaves[i] as number);
    });
    journal.change(this.changed);
  }

  /** Tensors for the results of a step. */
  allocate(): Tensor[] {
    return this.outputs.map((slot) => empty(slot.shape, slot.dtype));
  }

  /** Builds the result of a call. */
  finish(outputs: readonly Tensor[]): unknown {
    for (const [leaf, index] of this.returned) leaf.grad = outputs[index] as Tensor;
    return rebuild(this.result, outputs);
  }

  /** The error for a fault that a kernel has found in a replay. */
  faultError(operation: number, fault: Fault): Error {
    const noted = this.recording.faults.findLast((other) => other.operation === operation);
    return noted === undefined ? new Error(`internal: a fault in operation ${operation}`) : noted.makeError(fault);
  }
}

/** Makes the newest native recording a program. */
export function makeProgram(runner: Runner, trace: Trace): Program {
  const { recording, inputs, numbers, outputs, result, returned } = trace;
  const number = native.programAdd(
    runner,
    Int32Array.from(recording.faults, (noted) => noted.operation),
  );
  const guard = guardModules(recording.called, native.programTensors(runner, number));
  return new Program(number, inputs, numbers, outputs, result, recording, returned, guard);
}
