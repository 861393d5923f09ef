import { currentWatch, watched } from '../autograd/anomaly.js';
import { type Edge, type GradientHook, leafHooks, Node, noGrad } from '../autograd/tape.js';
import { currentRecording, withGradEnabled } from '../context.js';
import { AutogradError, describe, formatShape } from '../errors.js';
import { moveTo } from '../memory.js';
import { kernel, native } from '../native.js';
import { clone } from '../ops/copy.js';
import { add } from '../ops/elementwise.js';
import { changed, newestTensor, type Tensor } from '../tensor.js';
import { checkGradient, checkUsable } from './checks.js';
import { WatchedLeaves } from './watch.js';

const addScaled = kernel('addScaled', 'y x scale');

let walks = 0;

/**
 * One backward pass: the gradients in flight, and who holds them.
 *
 * Nodes hold the gradients that a pass gathers, which is faster than a map. Hooks and backward functions may run passes
 * inside another one, through its nodes: an inner pass sets aside what the outer one has gathered, and puts it back at
 * its end.
 */
export class Pass {
  readonly walk = ++walks;
  /** The nodes that the pass visits, newest first: a topological order. */
  readonly nodes: Node[] = [];
  /** Gradients of leaves, handed over when the whole pass has succeeded. */
  readonly leaves = new Map<Tensor, Tensor>();
  private readonly first = newestTensor();
  private readonly used: Node[] = [];
  private readonly aside: { node: Node; walk: number; gradient: Node['gradient']; arrived: Node['arrived'] }[] = [];
  private disturbed = false;
  private watched: WatchedLeaves | null = null;
  /** What `grad` of watched leaves becomes. */
  private totals: ReadonlyMap<Tensor, Tensor> | null = null;
  constructor(
    readonly createGraph: boolean,
    readonly retainGraph: boolean,
    readonly outer: Pass | null,
  ) {}

  /** Collects the nodes behind the roots that are newer than `floor` and checks, before anything runs, that all can run. */
  collect(roots: readonly Tensor[], floor: number): void {
    const { nodes, walk } = this;
    const visit = (node: Node): void => {
      if (node.walk === walk || node.id <= floor) return;
      checkUsable(node);
      if (this.outer !== null) this.setAside(node);
      node.walk = walk;
      node.gradient = null;
      nodes.push(node);
    };
    for (const root of roots) if (root._node !== null) visit(root._node);
    for (let i = 0; i < nodes.length; i++) {
      for (const edge of (nodes[i] as Node).edges) if (edge instanceof Node) visit(edge);
    }
    nodes.sort((a, b) => b.id - a.id);
  }

  /** From now on tells the watchers of leaves. */
  watch(): void {
    this.watched = WatchedLeaves.behind(this.nodes);
  }

  /** Tells watchers of the leaves for which this node was the last one. */
  passed(node: Node): void {
    this.watched?.passed(node, (leaf) => {
      const gradient = this.leaves.get(leaf);
      return gradient === undefined ? undefined : this.hooked(leaf, gradient);
    });
  }

  /** Runs the hooks of leaves, and asks watchers for what becomes of theirs. */
  finishLeaves(): void {
    try {
      withGradEnabled(this.createGraph, () => this.applyLeafHooks());
      this.totals = this.watched?.finish(this.createGraph) ?? null;
    } catch (error) {
      this.clear();
      throw error;
    }
  }

  // What an enclosing pass has gathered in a node.
  private setAside(node: Node): void {
    const { walk, gradient, arrived } = node;
    for (let outer = this.outer; outer !== null; outer = outer.outer) {
      if (outer.walk !== walk) continue;
      if (!this.retainGraph) {
        throw new AutogradError(
          `backward: a backward pass that is running needs the graph behind ${node.name} ${formatShape(node.dims)}; pass { retainGraph: true } to the one inside it`,
        );
      }
      this.aside.push({ node, walk, gradient, arrived });
      node.gradient = null;
      if (arrived !== null) node.arrived = arrived.map(() => null);
      return;
    }
  }

  /** Forgets what the nodes hold after a failed walk; after a successful one they hold nothing. */
  clear(): void {
    this.watched?.cancel();
    for (const node of this.nodes) {
      node.gradient = null;
      node.arrived?.fill(null);
    }
  }

  /** Puts back what an enclosing pass has gathered. */
  putBack(): void {
    for (const { node, ...before } of this.aside) Object.assign(node, before);
  }

  /** Ends a pass once nothing in it can fail: without `retainGraph` its graph is used up. */
  end(): void {
    for (const node of this.used) free(node);
  }

  /** Whether this pass alone holds the gradient, so that it may be overwritten or freed. */
  owns(gradient: Tensor): boolean {
    return gradient._uses === 1 && gradient._id > this.first && gradient._base === null && !this.createGraph;
  }

  /** Releases a gradient and frees it when nobody else can see it. */
  release(gradient: Tensor): void {
    if (--gradient._uses === 0 && gradient._id > this.first && !this.createGraph) gradient.dispose();
  }

  sum(a: Tensor, b: Tensor): Tensor {
    if (this.owns(a)) {
      addScaled(a.handle, b.handle, 1);
      this.release(b);
      return a;
    }
    const sum = add(a, b);
    sum._uses = 1;
    this.release(a);
    this.release(b);
    return sum;
  }

  deliver(edge: Node | Tensor, gradient: Tensor): void {
    gradient._uses++;
    if (edge instanceof Node) {
      edge.gradient = edge.gradient === null ? gradient : this.sum(edge.gradient, gradient);
    } else {
      const before = this.leaves.get(edge);
      this.leaves.set(edge, before === undefined ? gradient : this.sum(before, gradient));
    }
  }

  /** Runs one node's backward function and delivers what it returns. */
  step(node: Node, wanted: ((edge: Edge) => boolean) | null, visit: (node: Node, gradient: Tensor) => void): void {
    if (node.arrived !== null) {
      this.stepMany(node, node.arrived, wanted);
      return;
    }
    let dy = node.gradient;
    node.gradient = null;
    if (dy === null) return;
    if (node.hooks !== null) {
      this.disturbed = true;
      dy = applyHooks(`hook of ${node.name}`, node.hooks, node, dy);
    }
    if (node.retained !== null) {
      dy._uses++;
      this.deliver(node.retained, dy);
    }
    visit(node, dy);
    if (node.part >= 0) {
      const operation = node.edges[0] as Node;
      if (wanted === null || wanted(operation)) (operation.arrived as (Tensor | null)[])[node.part] = dy;
      else this.release(dy);
      if (!this.retainGraph) this.used.push(node);
      return;
    }
    this.propagate(node, dy, wanted);
    if (node.userDefined) dy._uses++;
    this.release(dy);
  }

  /** Runs the node of an operation with several results. */
  private stepMany(node: Node, arrived: (Tensor | null)[], wanted: ((edge: Edge) => boolean) | null): void {
    const some = arrived.find((dy) => dy !== null);
    if (some === undefined || some === null) return;
    this.propagate(node, some, wanted);
    for (const dy of arrived) if (dy !== null) this.release(dy);
    arrived.fill(null);
  }

  // Runs the backward function and delivers what it returns.
  private propagate(node: Node, dy: Tensor, wanted: ((edge: Edge) => boolean) | null): void {
    if (this.disturbed) checkUsable(node);
    if (node.userDefined) this.disturbed = true;
    if (!this.retainGraph) this.used.push(node);
    const needs = node.edges.map((edge) => edge !== null && (wanted === null || wanted(edge)));
    const run = node.backward as NonNullable<Node['backward']>;
    const watch = currentWatch(); // sees the gradients, not what they are composed of
    const gradients = watch === null ? run(dy, needs) : watched(null, () => run(dy, needs));
    if (!Array.isArray(gradients) || gradients.length !== node.edges.length) {
      throw new AutogradError(
        `backward of ${node.name}: must return an array with one gradient per input (${node.edges.length}), got ${describe(gradients)}`,
      );
    }
    watch?.returned(node, dy, gradients);
    for (let i = 0; i < gradients.length; i++) {
      const edge = node.edges[i] as Edge;
      const gradient = gradients[i] as Tensor | null;
      if (gradient === null || edge === null || !needs[i]) continue;
      checkGradient(`backward of ${node.name}: the gradient of input ${i}`, edge, gradient);
      if (node.userDefined) gradient._uses++;
      this.deliver(edge, gradient);
    }
  }

  /** Runs the hooks of leaves, whose gradients are complete at the end of a pass. */
  applyLeafHooks(): void {
    for (const [leaf, gradient] of this.leaves) {
      if (this.watched?.has(leaf) !== true) this.hooked(leaf, gradient);
    }
  }

  private hooked(leaf: Tensor, gradient: Tensor): Tensor {
    const hooks = leafHooks.get(leaf);
    if (hooks === undefined) return gradient;
    const replacement = applyHooks('hook of a leaf', hooks, leaf, gradient);
    this.leaves.set(leaf, replacement);
    return replacement;
  }

  /** A gradient that may be kept: itself, or a copy when others may hold it. */
  give(gradient: Tensor): Tensor {
    if (this.createGraph) return gradient;
    if (this.owns(gradient)) {
      gradient._uses = 0;
      return gradient;
    }
    const copy = noGrad(() => clone(gradient));
    this.release(gradient);
    return copy;
  }

  /** Adds the gradients to the leaves' `grad`: all of them, or none when memory is short or one is locked. */
  accumulate(): void {
    const made: [Tensor, Tensor][] = [];
    const added: [Tensor, Tensor][] = [];
    const replaced: Tensor[] = [];
    for (const [leaf, total] of this.totals ?? []) {
      currentRecording()?.accumulates(leaf);
      made.push([leaf, total]);
    }
    for (const [leaf, gradient] of this.leaves) {
      if (this.totals?.has(leaf)) {
        replaced.push(gradient);
        continue;
      }
      currentRecording()?.accumulates(leaf);
      const before = leaf._grad;
      if (before === null || before.disposed) made.push([leaf, this.give(gradient)]);
      else if (this.createGraph) made.push([leaf, add(before, gradient)]);
      else {
        native.checkFree(before.handle, true, 'backward');
        added.push([before, gradient]);
      }
    }
    // Nothing fails from here on.
    for (const gradient of replaced) this.release(gradient);
    for (const [leaf, gradient] of made) {
      leaf._grad = gradient;
      leaf._gradSeen = this.createGraph;
      if (leaf._scope !== gradient._scope) moveTo(gradient, leaf._scope);
    }
    for (const [before, gradient] of added) {
      addScaled(before.handle, gradient.handle, 1);
      changed(before);
      this.release(gradient);
    }
  }
}

const none: readonly never[] = [];

function free(node: Node): void {
  for (const t of node.owned) t.dispose();
  node.backward = null;
  node.edges = node.saved = node.owned = none;
}

function applyHooks(name: string, hooks: readonly GradientHook[], edge: Node | Tensor, dy: Tensor): Tensor {
  let gradient = dy;
  for (const hook of hooks) {
    gradient._uses++; // the hook may hold on to it
    const replaced = hook(gradient);
    if (replaced === undefined) continue;
    checkGradient(`${name}: what it returns`, edge, replaced);
    replaced._uses += 2;
    gradient = replaced;
  }
  return gradient;
}
