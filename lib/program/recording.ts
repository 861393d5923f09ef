import { currentRecording, type Scope, staleGradient } from '../context.js';
import { StateError } from '../errors.js';
import { type Fault, native } from '../native.js';
import type { Base, Tensor } from '../tensor.js';
import { Journal } from './journal.js';

/** Something in JavaScript that a recorded step depends on or advances: an optimizer's options, a schedule. */
export interface Follower {
  /** Whether the recording still fits; if not, the step is recorded anew. */
  holds?(): boolean;
  /** Whether `advance` has something to do before the next step. */
  isDue(): boolean;
  /** Called before each step is submitted, in the order of recording. Returns how to undo it if the step does not run. */
  advance(): () => void;
}

/** What one eager run of a compiled function read and changed outside of it. */
export class Recording {
  /** Owns the tensors that are made while recording; they end with it. */
  readonly scope: Scope = { tensors: null, parent: null, ended: false };
  readonly followers: Follower[] = [];
  /** Leaves from outside and whether they wanted gradients; modules and whether they were training. */
  readonly leaves = new Map<Tensor, boolean>();
  readonly modes = new Map<{ training: boolean }, boolean>();
  /** Leaves from outside that got gradients, and whether these were cleared before. */
  readonly gradients = new Map<Tensor, boolean>();
  readonly cleared = new Set<Tensor>();
  /** Tensors that were changed in place. */
  readonly changed = new Set<Tensor>();
  private readonly bases = new Set<Base>();
  /** How to undo what the step changes in JavaScript; the native side keeps the contents of tensors. */
  readonly journal = new Journal();
  /** Modules whose `forward` ran. */
  readonly called = new Set<object>();
  /** Makes the error for a fault of an operation, in the order of their numbers. */
  readonly faults: { readonly operation: number; makeError: (fault: Fault) => Error }[] = [];

  /** @param newest creation number of the newest tensor from outside */
  constructor(private readonly newest: number) {}

  isOutside(t: Tensor): boolean {
    return t._id <= this.newest;
  }

  follow(follower: Follower): void {
    if (currentRecording() === this) this.followers.push(follower);
  }

  /** Notes that an operation reads whether its inputs want gradients. */
  noteInputs(inputs: readonly (Tensor | undefined)[]): void {
    for (const x of inputs) {
      if (x === undefined || !this.isOutside(x)) continue;
      if (x._node !== null) {
        throw new StateError(
          `compile: a tensor from outside, the result of ${x._node.name}, must not be on a graph; compute it inside, or use its detach()`,
        );
      }
      this.leaves.set(x, x._requiresGrad);
    }
  }

  /** Notes that a tensor is about to count as changed in place. */
  changes(t: Tensor, base: Base): void {
    this.changed.add(t);
    if (this.bases.has(base)) return;
    this.bases.add(base);
    const { version } = base;
    this.journal.add(() => {
      base.version = version;
    });
  }

  /** Whether a tensor, or another one over the same memory, was changed in place. */
  hasChanged(t: Tensor): boolean {
    return this.changed.has(t) || (t._base !== null && this.bases.has(t._base));
  }

  /** Notes that a leaf's gradient is about to be forgotten, or replaced by a given one. */
  clears(leaf: Tensor, given: Tensor | null = null): void {
    const isFirst = !this.gradients.has(leaf);
    if (given === null || isFirst) this.cleared.add(leaf); // a replacement for a gradient of the step is treated like that gradient
    if (!this.isOutside(leaf)) return;
    if (leaf._grad !== null && this.isOutside(leaf._grad)) this.journal.takeGradient(leaf);
    if (given !== null && isFirst) this.gradients.set(leaf, true);
  }

  /** Undoes what the step has changed in JavaScript. */
  undo(): void {
    for (const leaf of this.gradients.keys()) leaf._grad = null;
    this.journal.undo();
  }

  /** Notes that `backward` is about to add to a leaf's gradient. */
  accumulates(leaf: Tensor): void {
    if (!this.isOutside(leaf) || this.gradients.has(leaf)) return;
    if (leaf._grad !== null && this.isOutside(leaf._grad)) throw staleGradient('backward', leaf);
    this.gradients.set(leaf, this.cleared.has(leaf));
  }

  /** Notes how to make the error for a fault of the newest operation. */
  onFault(makeError: (fault: Fault) => Error): void {
    if (currentRecording() === this) this.faults.push({ operation: native.recordCount() - 1, makeError });
  }
}
