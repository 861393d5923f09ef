import { setDifferentiate } from '../autograd/fused.js';
import { type Edge, type Node, newestNode, record } from '../autograd/tape.js';
import { isGradEnabled, withGradEnabled } from '../context.js';
import { ArgumentError, AutogradError, checkFlag, DTypeError, describe, formatShape, ShapeError } from '../errors.js';
import { ones } from '../ops/creation.js';
import { checkOptions } from '../options.js';
import { sameShape } from '../shape.js';
import { checkTensor, Tensor, tensorsOf, view } from '../tensor.js';
import { Pass } from './pass.js';

export interface BackwardOptions {
  /** Keep the graph for another backward pass; default: `createGraph`. */
  retainGraph?: boolean;
  /** Record the backward pass itself, so that gradients can be differentiated again; default false. */
  createGraph?: boolean;
}

/** Gradients to start from: given, or 1 for a scalar. */
function seeds(operation: string, outputs: readonly Tensor[], given: readonly (Tensor | null | undefined)[]): Tensor[] {
  return outputs.map((y, i) => {
    const seed = given[i];
    if (!y._requiresGrad) {
      throw new AutogradError(
        `${operation}: the tensor ${formatShape(y.dims)} does not depend on any tensor with requiresGrad; set requiresGrad, and leave noGrad, before computing it`,
      );
    }
    if (seed === undefined || seed === null) {
      if (y.size !== 1) {
        throw new AutogradError(
          `${operation}: needs a scalar or an upstream gradient, got a tensor ${formatShape(y.dims)}; pass a gradient of that shape or take the mean() first`,
        );
      }
      return ones(y.dims.slice(), { dtype: y.dtype });
    }
    checkTensor(operation, 'the gradient', seed);
    if (!sameShape(seed.dims, y.dims)) {
      throw new ShapeError(
        `${operation}: the gradient must have the tensor's shape ${formatShape(y.dims)}, got ${formatShape(seed.dims)}`,
      );
    }
    if (seed.dtype !== y.dtype)
      throw new DTypeError(`${operation}: the gradient must be ${y.dtype} as the tensor is, got ${seed.dtype}`);
    return seed;
  });
}

const nothing = (): void => {};
let running: Pass | null = null; // the innermost pass that is running

function checkFlags(operation: string, options: BackwardOptions): void {
  checkFlag(operation, 'retainGraph', options.retainGraph, false);
  checkFlag(operation, 'createGraph', options.createGraph, false);
}

/** @internal One tensor or an array of them, as an array. */
export function oneOrMore(operation: string, name: string, value: unknown): Tensor[] {
  return value instanceof Tensor ? [checkTensor(operation, name, value)] : tensorsOf(operation, name, value);
}

/** Walks the graph from `roots` and returns the leaves' gradients. With `targets`, computes only what these need. */
function run(
  roots: readonly Tensor[],
  gradients: readonly Tensor[],
  options: BackwardOptions,
  targets?: ReadonlyMap<Edge, number>,
  floor = 0,
): { pass: Pass; found: (Tensor | null)[] } {
  const createGraph = options.createGraph ?? false;
  const pass = new Pass(createGraph, options.retainGraph ?? createGraph, running);
  const found: (Tensor | null)[] = new Array(targets?.size ?? 0).fill(null);
  try {
    pass.collect(roots, floor);
    if (targets === undefined) pass.watch();
    running = pass;
    withGradEnabled(createGraph, () => walk(pass, roots, gradients, targets, found));
  } catch (error) {
    pass.clear();
    throw error;
  } finally {
    running = pass.outer;
    pass.putBack();
  }
  return { pass, found };
}

function walk(
  pass: Pass,
  roots: readonly Tensor[],
  gradients: readonly Tensor[],
  targets: ReadonlyMap<Edge, number> | undefined,
  found: (Tensor | null)[],
): void {
  const { nodes } = pass;
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
  roots.forEach((root, i) => {
    const seed = gradients[i] as Tensor;
    seed._uses++; // the caller's
    if (wanted === null || root._node === null || wanted(root._node)) pass.deliver(root._node ?? root, seed);
  });
  for (const node of nodes) {
    if (wanted !== null && !wanted(node)) continue;
    pass.step(node, wanted, visit);
    pass.passed(node);
  }
}

/**
 * Computes the gradient of this tensor with respect to every leaf with `requiresGrad` that it depends on and adds it to
 * the leaf's `grad`. The graph is freed afterwards unless `retainGraph`. A pass that fails, because memory is short or a
 * hook throws, changes no `grad` and leaves the graph as it was.
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
  checkTensor('backward', 'y', y);
  checkOptions('backward', settings, ['retainGraph', 'createGraph']);
  checkFlags('backward', settings ?? {});
  const start = seeds('backward', [y], [plain ? undefined : (gradient as Tensor | undefined)]);
  const { pass } = run([y], start, settings ?? {});
  pass.finishLeaves();
  pass.accumulate();
  pass.end();
}

/**
 * The gradients ∂(Σ outputs)/∂inputs, returned and not added to any `grad`.
 *
 * @param options those of `backward`; also `gradOutputs`: upstream gradients, one or one per output, default 1 for scalars; and
 *   `allowUnused`: null instead of an error for an input that the outputs do not depend on.
 * @example
 * const [dx] = grad([y], [x], { createGraph: true });
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: BackwardOptions & { gradOutputs?: Tensor | readonly (Tensor | null)[]; allowUnused?: boolean } = {},
): Tensor[] {
  checkOptions('grad', options, ['retainGraph', 'createGraph', 'gradOutputs', 'allowUnused']);
  checkFlags('grad', options);
  const allowUnused = checkFlag('grad', 'allowUnused', options.allowUnused, false);
  const ys = oneOrMore('grad', 'outputs', outputs);
  const xs = oneOrMore('grad', 'inputs', inputs);
  const { gradOutputs } = options;
  const given = gradOutputs instanceof Tensor ? [gradOutputs] : (gradOutputs ?? []);
  if (!Array.isArray(given) || given.length > ys.length) {
    throw new ArgumentError(
      `grad: gradOutputs must be an array of one gradient for each output, got ${describe(given)}`,
    );
  }
  const targets = new Map<Edge, number>();
  xs.forEach((x, i) => {
    if (!x._requiresGrad)
      throw new AutogradError(
        `grad: input ${i} ${formatShape(x.dims)} has no requiresGrad; set it before computing the outputs`,
      );
    if (targets.has(x._node ?? x)) throw new ArgumentError(`grad: input ${i} is given twice`);
    targets.set(x._node ?? x, i);
  });
  const { pass, found } = run(ys, seeds('grad', ys, given), options, targets);
  withGradEnabled(pass.createGraph, () => pass.applyLeafHooks());
  for (const [leaf, value] of pass.leaves) {
    const index = targets.get(leaf);
    if (index === undefined) continue;
    found[index] = pass.give(value);
  }
  found.forEach((value, i) => {
    if (value === null && !allowUnused) {
      throw new AutogradError(
        `grad: the outputs do not depend on input ${i} ${formatShape((xs[i] as Tensor).dims)}; pass { allowUnused: true } to get null`,
      );
    }
  });
  pass.end();
  return found as Tensor[];
}

/**
 * The gradients of a fused operation, taken from `compute`, the same operation composed of simple ones. For use in
 * backward functions: while gradients are recorded, they can be differentiated again.
 *
 * @internal
 * @param gradients one per result of `compute`, null where there is none
 * @param leaves further tensors, which `compute` uses itself
 * @returns one gradient per input and leaf, null where it is not needed or the results do not depend on it
 */
export function differentiate(
  compute: (...inputs: Tensor[]) => readonly Tensor[],
  inputs: readonly Tensor[],
  gradients: readonly (Tensor | null)[],
  needs: readonly boolean[],
  leaves: readonly Tensor[] = [],
): (Tensor | null)[] {
  const floor = newestNode();
  // Stand-ins, at which the walk below ends; the gradients' own graphs go on behind them.
  const [stands, results] = withGradEnabled(true, () => {
    const stands = inputs.map((x) => record('composed', view(x, 0, x.dims), [x], (dy) => [dy]));
    return [stands, compute(...stands)] as const;
  });
  const used = results.map((_, i) => i).filter((i) => gradients[i] !== null && results[i]?._requiresGrad);
  const targets = new Map<Edge, number>();
  stands.forEach((stand, i) => {
    if (needs[i] && stand._node !== null) targets.set(stand._node, i);
  });
  leaves.forEach((leaf, k) => {
    if (needs[inputs.length + k]) targets.set(leaf, inputs.length + k);
  });
  const { pass, found } = run(
    used.map((i) => results[i] as Tensor),
    used.map((i) => gradients[i] as Tensor),
    { createGraph: isGradEnabled() },
    targets,
    floor,
  );
  pass.end();
  for (const leaf of leaves) found[targets.get(leaf) as number] = pass.leaves.get(leaf) ?? null;
  return [...inputs, ...leaves].map((_, i) => {
    const gradient = found[i] ?? null;
    if (gradient !== null) gradient._uses--; // the enclosing pass holds it from here on
    return gradient;
  });
}

setDifferentiate(differentiate);

/** @internal The leaves with requiresGrad that tensors depend on. */
export function leavesBehind(roots: readonly Tensor[]): Tensor[] {
  const seen = new Set<Edge>();
  const open: Edge[] = roots.map((root) => (root._requiresGrad ? (root._node ?? root) : null));
  const leaves: Tensor[] = [];
  for (let edge = open.pop(); edge !== undefined; edge = open.pop()) {
    if (edge === null || seen.has(edge)) continue;
    seen.add(edge);
    if (edge instanceof Tensor) leaves.push(edge);
    else for (const next of edge.edges) open.push(next);
  }
  return leaves;
}
