// Who takes the gradients of leaves as they become complete, while a backward pass goes on with others.
import type { Node } from '../autograd/tape.js';
import { Tensor } from '../tensor.js';

/** @internal Takes gradients, and gives what is left in `grad` in place of their sum with what was there. */
export interface LeafWatcher {
  /** Called when a leaf's gradient is complete. The watcher may keep the tensor, but not change it. */
  ready(leaf: Tensor, gradient: Tensor): void;
  /** Called at the end of the pass; gives what `grad` becomes. */
  finish(createGraph: boolean): Map<Tensor, Tensor>;
  /** Called when the pass fails: no `grad` changes. */
  cancel(): void;
}

const watchers = new WeakMap<Tensor, LeafWatcher>();
let isWatching = false; // whether there ever was a watcher

/** @internal From now on the watcher takes the gradients of these leaves; null: nobody does. */
export function watchLeaves(leaves: readonly Tensor[], watcher: LeafWatcher | null): void {
  isWatching ||= watcher !== null;
  for (const leaf of leaves) {
    if (watcher === null) watchers.delete(leaf);
    else watchers.set(leaf, watcher);
  }
}

/** @internal The watched leaves of one pass. */
export class WatchedLeaves {
  /** With the number of operations whose gradients for them are still to come. */
  readonly #awaited: Map<Tensor, number>;
  readonly #watchers: ReadonlySet<LeafWatcher>;

  private constructor(awaited: Map<Tensor, number>) {
    this.#awaited = awaited;
    this.#watchers = new Set(Array.from(awaited.keys(), (leaf) => watchers.get(leaf) as LeafWatcher));
  }

  /** Those behind the nodes of a pass; null if there are none. */
  static behind(nodes: readonly Node[]): WatchedLeaves | null {
    if (!isWatching) return null;
    const awaited = new Map<Tensor, number>();
    for (const { edges } of nodes) {
      for (const edge of edges) {
        if (edge instanceof Tensor && watchers.has(edge)) awaited.set(edge, (awaited.get(edge) ?? 0) + 1);
      }
    }
    return awaited.size > 0 ? new WatchedLeaves(awaited) : null;
  }

  has(leaf: Tensor): boolean {
    return this.#awaited.has(leaf);
  }

  /** Tells the watchers of the leaves for which this node was the last one. */
  passed(node: Node, gradientOf: (leaf: Tensor) => Tensor | undefined): void {
    for (const edge of node.edges) {
      const left = edge instanceof Tensor ? this.#awaited.get(edge) : undefined;
      if (left === undefined) continue;
      const leaf = edge as Tensor;
      this.#awaited.set(leaf, left - 1);
      if (left > 1) continue;
      const gradient = gradientOf(leaf);
      if (gradient !== undefined) watchers.get(leaf)?.ready(leaf, gradient);
    }
  }

  /** What becomes of the leaves. */
  finish(createGraph: boolean): Map<Tensor, Tensor> {
    const totals = new Map<Tensor, Tensor>();
    for (const watcher of this.#watchers) {
      for (const [leaf, total] of watcher.finish(createGraph)) totals.set(leaf, total);
    }
    return totals;
  }

  cancel(): void {
    for (const watcher of this.#watchers) watcher.cancel();
  }
}
