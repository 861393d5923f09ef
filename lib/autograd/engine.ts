import {
  ArgumentError,
  AutogradError,
  checkOptions,
  DTypeError,
  describe,
  formatShape,
  ShapeError,
} from '../errors.js';
import { moveTo } from '../memory.js';
import { kernel } from '../native.js';
import { clone } from '../ops/copy.js';
import { ones } from '../ops/creation.js';
import { add } from '../ops/elementwise.js';
import { sameShape } from '../shape.js';
import { newestTensor, Tensor } from '../tensor.js';
import { type Edge, Node, noGrad, setGradEnabled, versionOf } from './tape.js';

const addScaled = kernel('addScaled');
let walks = 0;

export interface BackwardOptions {
  /** Keep the graph for another backward pass; default: `createGraph`. */
  retainGraph?: boolean;
  /** Record the backward pass itself, so that gradients can be differentiated again; default false. */
  createGraph?: boolean;
}

/** One backward pass: gradients on their way, and who holds them. */
class Pass {
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
    let dy = node.gradient;
    node.gradient = null;
    if (dy === null) return;
    if (node.hooks !== null) dy = applyHooks(node, dy);
    if (node.retained !== null) {
      dy._uses++;
      this.deliver(node.retained, dy);
    }
    visit(node, dy);
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
    if (node.foreign) dy._uses++;
    if (!this.retainGraph) free(node);
    this.release(dy);
  }
}

// A copy that others may keep, off the tape.
function copyOf(gradient: Tensor): Tensor {
  return noGrad(() => clone(gradient));
}

const usedUp: readonly Tensor[] = [];

function free(node: Node): void {
  node.backward = null;
  node.saved = usedUp;
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
  if (!sameShape(gradient.shape, edge.shape)) {
    throw new AutogradError(
      `${where} must have its shape ${formatShape(edge.shape)}, got ${formatShape(gradient.shape)}`,
    );
  }
  if (gradient.dtype !== edge.dtype) throw new AutogradError(`${where} must be ${edge.dtype}, got ${gradient.dtype}`);
}

/** All nodes behind the roots, newest first: a topological order. Checks, before anything runs, that all can run. */
function collect(roots: readonly Tensor[]): Node[] {
  const walk = ++walks;
  const nodes: Node[] = [];
  const visit = (node: Node): void => {
    if (node.walk === walk) return;
    node.walk = walk;
    if (node.backward === null) {
      throw new AutogradError(
        `backward: the graph behind ${node.name} ${formatShape(node.shape)} was used already and its saved tensors are freed; pass { retainGraph: true } to the first backward`,
      );
    }
    if (node.saved.length > 0 && versionOf(node.saved) !== node.version) {
      const list = node.saved.map((t) => formatShape(t.shape)).join(', ');
      throw new AutogradError(
        `backward of ${node.name}: a tensor that it needs (one of ${list}) was changed in place after the forward pass; change a clone() instead`,
      );
    }
    nodes.push(node);
  };
  for (const root of roots) if (root._node !== null) visit(root._node);
  for (let i = 0; i < nodes.length; i++) {
    for (const edge of (nodes[i] as Node).edges) if (edge instanceof Node) visit(edge);
  }
  return nodes.sort((a, b) => b.id - a.id);
}

/** Gradients to start from: given, or 1 for a scalar. */
function seeds(operation: string, outputs: readonly Tensor[], given: readonly (Tensor | null | undefined)[]): Tensor[] {
  return outputs.map((y, i) => {
    const seed = given[i];
    if (!y._requiresGrad) {
      throw new AutogradError(
        `${operation}: the tensor ${formatShape(y.shape)} does not depend on any tensor with requiresGrad; set requiresGrad, and leave noGrad, before computing it`,
      );
    }
    if (seed === undefined || seed === null) {
      if (y.size !== 1) {
        throw new AutogradError(
          `${operation}: needs a scalar or an upstream gradient, got a tensor ${formatShape(y.shape)}; pass a gradient of that shape or take the mean() first`,
        );
      }
      return ones(y.shape.slice(), { dtype: y.dtype });
    }
    if (!(seed instanceof Tensor))
      throw new ArgumentError(`${operation}: the gradient must be a tensor, got ${describe(seed)}`);
    if (!sameShape(seed.shape, y.shape)) {
      throw new ShapeError(
        `${operation}: the gradient must have the tensor's shape ${formatShape(y.shape)}, got ${formatShape(seed.shape)}`,
      );
    }
    if (seed.dtype !== y.dtype)
      throw new DTypeError(`${operation}: the gradient must be ${y.dtype} as the tensor is, got ${seed.dtype}`);
    return seed;
  });
}

const nothing = (): void => {};

/** Walks the graph from `roots` and returns the leaves' gradients. `targets`: only what these need is computed. */
function run(
  roots: readonly Tensor[],
  gradients: readonly Tensor[],
  options: BackwardOptions,
  targets?: ReadonlyMap<Edge, number>,
): { pass: Pass; found: (Tensor | null)[] } {
  const createGraph = options.createGraph ?? false;
  const pass = new Pass(createGraph, options.retainGraph ?? createGraph);
  const nodes = collect(roots);
  const found: (Tensor | null)[] = new Array(targets?.size ?? 0).fill(null);
  let wanted: ((edge: Edge) => boolean) | null = null;
  let visit: (node: Node, gradient: Tensor) => void = nothing;
  if (targets !== undefined) {
    const leading = new Set<Edge>(targets.keys());
    for (let i = nodes.length - 1; i >= 0; i--) {
      const node = nodes[i] as Node;
      if (node.edges.some((edge) => leading.has(edge))) leading.add(node);
    }
    wanted = (edge) => leading.has(edge);
    visit = (node, gradient) => {
      const index = targets.get(node);
      if (index === undefined) return;
      gradient._uses++;
      found[index] = gradient;
    };
  }
  const before = setGradEnabled(createGraph);
  try {
    roots.forEach((root, i) => {
      const seed = gradients[i] as Tensor;
      seed._uses++; // the caller's
      pass.deliver(root._node ?? root, seed);
    });
    for (const node of nodes) {
      if (wanted !== null && !wanted(node)) continue;
      pass.step(node, wanted, visit);
    }
  } finally {
    setGradEnabled(before);
    for (const node of nodes) node.gradient = null;
  }
  return { pass, found };
}

/** Leaves a gradient in `leaf.grad`, added to what is there. */
function accumulate(pass: Pass, leaf: Tensor, gradient: Tensor): void {
  if (leaf._grad !== null && !leaf._grad.disposed) {
    if (pass.createGraph) leaf._grad = add(leaf._grad, gradient);
    else {
      addScaled(leaf._grad.handle, gradient.handle, 1);
      pass.release(gradient);
    }
    return;
  }
  // A gradient that others may hold is copied: clipping one leaf's gradient must not change another's.
  leaf._grad = pass.createGraph || pass.owns(gradient) ? gradient : copyOf(gradient);
  leaf._gradSeen = pass.createGraph;
  if (leaf._grad !== gradient) pass.release(gradient);
  else gradient._uses = 0;
  if (leaf._scope !== leaf._grad._scope) moveTo(leaf._grad, leaf._scope);
}

/**
 * Computes the gradient of this tensor with respect to every leaf with `requiresGrad` that it depends on and adds it to
 * the leaf's `grad`. The graph is freed afterwards unless `retainGraph`.
 *
 * @param y a scalar, or any tensor when `gradient` is given
 * @param gradient the upstream gradient ∂L/∂y, of y's shape and dtype; default 1
 * @throws AutogradError when y is not on the tape, the graph was used already, or a saved tensor was changed in place;
 *   nothing is changed then
 * @example
 * loss.backward();
 */
export function backward(y: Tensor, gradient?: Tensor | BackwardOptions | null, options?: BackwardOptions): void {
  const plain = gradient !== undefined && gradient !== null && !(gradient instanceof Tensor) && options === undefined;
  const settings = (plain ? gradient : options) as BackwardOptions | undefined;
  checkOptions('backward', settings, ['retainGraph', 'createGraph']);
  const start = seeds('backward', [y], [plain ? undefined : (gradient as Tensor | undefined)]);
  const { pass } = run([y], start, settings ?? {});
  for (const [leaf, value] of pass.leaves) accumulate(pass, leaf, value);
}

/**
 * The gradients ∂(Σ outputs)/∂inputs, returned and not added to any `grad`.
 *
 * @param gradOutputs upstream gradients, one per output; default 1 for scalars
 * @param options also `allowUnused`: null instead of an error for an input that the outputs do not depend on
 * @example
 * const [dx] = grad([y], [x], { createGraph: true });
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: BackwardOptions & { gradOutputs?: readonly (Tensor | null)[]; allowUnused?: boolean } = {},
): Tensor[] {
  checkOptions('grad', options, ['retainGraph', 'createGraph', 'gradOutputs', 'allowUnused']);
  const ys = outputs instanceof Tensor ? [outputs] : outputs;
  const xs = inputs instanceof Tensor ? [inputs] : inputs;
  const targets = new Map<Edge, number>();
  xs.forEach((x, i) => {
    if (!(x instanceof Tensor)) throw new ArgumentError(`grad: input ${i} must be a tensor, got ${describe(x)}`);
    if (!x._requiresGrad)
      throw new AutogradError(
        `grad: input ${i} ${formatShape(x.shape)} has no requiresGrad; set it before computing the outputs`,
      );
    if (targets.has(x._node ?? x)) throw new ArgumentError(`grad: input ${i} is given twice`);
    targets.set(x._node ?? x, i);
  });
  const { pass, found } = run(ys, seeds('grad', ys, options.gradOutputs ?? []), options, targets);
  for (const [leaf, value] of pass.leaves) {
    const index = targets.get(leaf);
    if (index === undefined) continue;
    found[index] = pass.createGraph || pass.owns(value) ? value : copyOf(value);
    if (found[index] === value) value._uses = 0;
    else pass.release(value);
  }
  found.forEach((value, i) => {
    if (value === null && !options.allowUnused) {
      throw new AutogradError(
        `grad: the outputs do not depend on input ${i} ${formatShape((xs[i] as Tensor).shape)}; pass { allowUnused: true } to get null`,
      );
    }
  });
  return found as Tensor[];
}
