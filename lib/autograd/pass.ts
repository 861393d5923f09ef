import { AutogradError, describe, formatShape } from '../errors.js';
import { moveTo } from '../memory.js';
import { kernel } from '../native.js';
import { clone } from '../ops/copy.js';
import { add } from '../ops/elementwise.js';
import { currentRecording } from '../program/recording.js';
import { sameShape } from '../shape.js';
import { changed, newestTensor, Tensor } from '../tensor.js';
import { type Edge, Node, noGrad } from './tape.js';

const addScaled = kernel('addScaled');

/** One backward pass: gradients on their way, and who holds them. */
export class Pass {
  /** Gradients of leaves, given to them when the whole pass has succeeded. */
  readonly leaves = new Map<Tensor, Tensor>();
  readonly first = newestTensor();
  constructor(
    readonly createGraph: boolean,
    readonly retainGraph: boolean,
  ) {}

  /** Whether this pass alone holds the gradient, so that it may be overwritten or freed. */
  owns(gradient: Tensor): boolean {
    return gradient._uses === 1 && gradient._id > this.first && gradient._base === null && !this.createGraph;
  }

  /** Lets go of a gradient and frees it when nobody can see it. */
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
    if (node.hooks !== null) dy = applyHooks(node, dy);
    if (node.retained !== null) {
      dy._uses++;
      this.deliver(node.retained, dy);
    }
    visit(node, dy);
    if (node.part >= 0) {
      const operation = node.edges[0] as Node;
      if (wanted === null || wanted(operation)) (operation.arrived as (Tensor | null)[])[node.part] = dy;
      else this.release(dy);
      if (!this.retainGraph) free(node);
      return;
    }
    this.propagate(node, dy, wanted);
    if (node.foreign) dy._uses++;
    if (!this.retainGraph) free(node);
    this.release(dy);
  }

  /** The same for an operation with several results. */
  private stepMany(node: Node, arrived: (Tensor | null)[], wanted: ((edge: Edge) => boolean) | null): void {
    const some = arrived.find((dy) => dy !== null);
    if (some === undefined || some === null) return;
    this.propagate(node, some, wanted);
    if (!this.retainGraph) free(node);
    for (const dy of arrived) if (dy !== null) this.release(dy);
    arrived.fill(null);
  }

  // Runs the backward function and delivers what it returns.
  private propagate(node: Node, dy: Tensor, wanted: ((edge: Edge) => boolean) | null): void {
    const needs = node.edges.map((edge) => edge !== null && (wanted === null || wanted(edge)));
    const gradients = (node.backward as NonNullable<Node['backward']>)(dy, needs);
    if (gradients.length !== node.edges.length) {
      throw new AutogradError(
        `backward of ${node.name}: one gradient per input was expected (${node.edges.length}), got ${gradients.length}`,
      );
    }
    for (let i = 0; i < gradients.length; i++) {
      const edge = node.edges[i] as Edge;
      const gradient = gradients[i] as Tensor | null;
      if (gradient === null || edge === null || !needs[i]) continue;
      checkGradient(node, i, edge, gradient);
      if (node.foreign) gradient._uses++;
      this.deliver(edge, gradient);
    }
  }

  /** A gradient for somebody to keep: itself, or a copy when others may hold it. */
  give(gradient: Tensor): Tensor {
    if (this.createGraph || this.owns(gradient)) {
      gradient._uses = 0;
      return gradient;
    }
    const copy = noGrad(() => clone(gradient));
    this.release(gradient);
    return copy;
  }

  /** Leaves a gradient in `leaf.grad`, added to what is there. */
  accumulate(leaf: Tensor, gradient: Tensor): void {
    currentRecording()?.accumulates(leaf);
    const before = leaf._grad;
    if (before === null || before.disposed) {
      leaf._grad = this.give(gradient);
      leaf._gradSeen = this.createGraph;
    } else if (this.createGraph) {
      leaf._grad = add(before, gradient);
    } else {
      addScaled(before.handle, gradient.handle, 1);
      changed(before);
      this.release(gradient);
      return;
    }
    if (leaf._scope !== leaf._grad._scope) moveTo(leaf._grad, leaf._scope);
  }
}

const usedUp: readonly Tensor[] = [];

function free(node: Node): void {
  node.backward = null;
  for (const t of node.owned) t.dispose();
  node.saved = node.owned = usedUp;
  node.edges = node.edges.map(() => null);
}

function applyHooks(node: Node, dy: Tensor): Tensor {
  let gradient = dy;
  for (const hook of node.hooks as NonNullable<Node['hooks']>) {
    gradient._uses++; // the hook may hold on to it
    const replaced = hook(gradient);
    if (replaced === undefined) continue;
    checkGradient(node, 0, node, replaced);
    replaced._uses += 2;
    gradient = replaced;
  }
  return gradient;
}

function checkGradient(node: Node, index: number, edge: Node | Tensor, gradient: unknown): void {
  const where = `backward of ${node.name}: the gradient of input ${index}`;
  if (!(gradient instanceof Tensor))
    throw new AutogradError(`${where} must be a tensor or null, got ${describe(gradient)}`);
  if (!sameShape(gradient.dims, edge.dims)) {
    throw new AutogradError(
      `${where} must have its shape ${formatShape(edge.dims)}, got ${formatShape(gradient.dims)}`,
    );
  }
  if (gradient.dtype !== edge.dtype) throw new AutogradError(`${where} must be ${edge.dtype}, got ${gradient.dtype}`);
}
