import { baseOf, type Tensor } from '../tensor.js';
import { pauseCount } from './pause.js';

/** How to undo what a call has changed in JavaScript, in case it fails. */
export class Journal {
  // Most calls change nothing but versions, and need no lists.
  private undos: (() => void)[] | null = null;
  private replaced: Tensor[] | null = null;
  private changed: readonly Tensor[] | null = null;
  private pauses = 0;

  /** Notes how to undo a change that is about to be made. */
  add(undo: () => void): void {
    this.undos ??= [];
    this.undos.push(undo);
  }

  /** Takes a leaf's gradient away; it is freed if the call succeeds and nobody has seen it. */
  takeGradient(leaf: Tensor): void {
    const { _grad: gradient, _gradSeen: seen } = leaf;
    if (gradient !== null && !seen) {
      this.replaced ??= [];
      this.replaced.push(gradient);
    }
    leaf._grad = null;
    leaf._gradSeen = false;
    this.add(() => {
      if (leaf._grad !== null) return; // it has been given another one since
      leaf._grad = gradient;
      leaf._gradSeen = seen;
    });
  }

  /** Counts tensors as changed in place by a step that will run. */
  change(tensors: readonly Tensor[]): void {
    for (const t of tensors) baseOf(t).version++;
    this.changed = tensors;
    this.pauses = pauseCount();
  }

  /** The call has failed: undoes all changes, the last one first. */
  undo(): void {
    // Who took note of a version while the steps were paused would be told that nothing changed, once it comes again.
    if (this.changed !== null && this.pauses === pauseCount()) for (const t of this.changed) baseOf(t).version--;
    if (this.undos !== null) for (const undo of this.undos.reverse()) undo();
    this.undos = this.replaced = this.changed = null;
  }

  /** The call has succeeded. */
  settle(): void {
    if (this.replaced !== null) for (const t of this.replaced) t.dispose();
    this.undos = this.replaced = this.changed = null;
  }
}
