import { currentRecording, isGradEnabled, withGradEnabled } from '../context.js';
import type { DType } from '../dtype.js';
import { StateError } from '../errors.js';
import { checkSynchronous, isPromise } from '../memory.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { currentWatch } from './anomaly.js';

/**
 * One gradient per input, null where none is wanted. `dy` is the gradient of the result; `needs[i]` tells whether that of
 * input i is wanted.
 */
export type Backward = (dy: Tensor, needs: readonly boolean[]) => readonly (Tensor | null)[];

/** Like `Backward`, for an operation with several results: `dys` has one gradient for each, null where none has arrived. */
export type BackwardMany = (dys: readonly (Tensor | null)[], needs: readonly boolean[]) => readonly (Tensor | null)[];

/** Where a gradient goes: the operation that made the input, or the input itself when no operation did. */
export type Edge = Node | Tensor | null;

export type GradientHook = (gradient: Tensor) => Tensor | undefined;

/** @internal The hooks of leaves, which have no node. */
export const leafHooks = new WeakMap<Tensor, GradientHook[]>();

let created = 0;
const none: readonly Tensor[] = [];

/** An operation on the tape. Its result refers to it, and it refers to the operations that made its inputs. */
export class Node {
  /** Creation number: inputs are made before results, so descending order is topological. */
  readonly id: number = ++created;
  /** The gradient gathered so far by the innermost running backward pass that visits the node. */
  gradient: Tensor | null = null;
  /** The number of that pass, or of the last one. */
  walk = 0;
  /** The result, if its gradient is to be kept in `grad`. */
  retained: Tensor | null = null;
  hooks: GradientHook[] | null = null;
  /** Written by users, whose functions may hold on to the gradients they see. */
  userDefined = false;
  /** The gradients so far of an operation with several results. */
  arrived: (Tensor | null)[] | null = null;
  /** The number of the one of several results that it stands for; its only edge is the operation. */
  part = -1;
  /** Saved tensors that nobody else can see: freed with the graph. */
  owned: readonly Tensor[] = none;
  constructor(
    readonly name: string,
    /** The shape of the result. */
    readonly dims: Shape,
    readonly dtype: DType,
    public edges: readonly Edge[],
    /** Null once used. */
    public backward: Backward | null,
    public saved: readonly Tensor[],
    /** The sum of the saved tensors' versions when they were saved. */
    readonly version: number,
  ) {}
}

/**
 * Runs `fn` without recording operations for `backward`.
 *
 * @throws StateError when `fn` is async or returns a promise
 * @example
 * const prediction = noGrad(() => model.forward(x));
 */
export function noGrad<T>(fn: () => T): T {
  checkSynchronous('noGrad', fn);
  const result = withGradEnabled(false, fn);
  if (isPromise(result))
    throw new StateError('noGrad: fn must be synchronous, got one that returns a promise; await outside of it');
  return result;
}

/** Runs `fn` with recording on, for example inside `noGrad`. */
export function enableGrad<T>(fn: () => T): T {
  checkSynchronous('enableGrad', fn);
  return withGradEnabled(true, fn);
}

/** @internal How often the saved tensors have been changed in place, in total. */
export function versionOf(tensors: readonly Tensor[]): number {
  let sum = 0;
  for (const t of tensors) sum += t._base === null ? 0 : t._base.version;
  return sum;
}

function edgeOf(x: Tensor): Edge {
  return x._requiresGrad ? (x._node ?? x) : null;
}

/**
 * Puts an operation on the tape, when gradients are recorded and an input wants them, and returns its result.
 *
 * @param y the result, just computed
 * @param inputs what `backward` returns gradients for, in this order
 * @param saved every tensor that `backward` reads, inputs and results included, so that a change in place is noticed
 *   and scopes keep them
 */
export function record(
  name: string,
  y: Tensor,
  inputs: readonly Tensor[],
  backward: Backward,
  saved: readonly Tensor[] = none,
): Tensor {
  if (!isGradEnabled()) {
    currentWatch()?.made(name, y, inputs);
    return y;
  }
  currentRecording()?.noteInputs(inputs);
  let wanted = false;
  for (let i = 0; i < inputs.length; i++) if ((inputs[i] as Tensor)._requiresGrad) wanted = true;
  if (!wanted) {
    currentWatch()?.made(name, y, inputs);
    return y;
  }
  const edges = inputs.length === 2 ? [edgeOf(inputs[0] as Tensor), edgeOf(inputs[1] as Tensor)] : inputs.map(edgeOf);
  y._node = new Node(name, y.dims, y.dtype, edges, backward, saved, versionOf(saved));
  y._requiresGrad = true;
  currentWatch()?.made(name, y, inputs);
  return y;
}

/**
 * @internal What the gradients of a product read of its factors: of each only where the other's gradient is wanted, so that
 * nothing holds the input of a frozen weight. The gradients must be made by a function that is given these: closures hold
 * all that any function beside them names.
 */
export function factorsRead(a: Tensor, b: Tensor): [a: Tensor | null, b: Tensor | null] {
  return [b._requiresGrad ? a : null, a._requiresGrad ? b : null];
}

const onePart: Backward = () => none as [];

/**
 * Like `record`, for an operation with several float results. `backward` runs once, after the gradients of all results
 * that have one have arrived.
 *
 * @param owned further saved tensors, which nobody but `backward` can see: freed as soon as the graph has been used
 */
export function recordMany(
  name: string,
  ys: readonly Tensor[],
  inputs: readonly Tensor[],
  backward: BackwardMany,
  saved: readonly Tensor[],
  owned: readonly Tensor[] = none,
): void {
  const watch = currentWatch();
  if (ys.length === 0 || !isRecorded(inputs)) {
    if (watch !== null) for (const y of ys) watch.made(name, y, inputs);
    return;
  }
  const first = ys[0] as Tensor;
  const run: Backward = (_, needs) => backward(operation.arrived as (Tensor | null)[], needs);
  const operation = new Node(
    name,
    first.dims,
    first.dtype,
    inputs.map(edgeOf),
    run,
    [...saved, ...owned],
    versionOf(saved),
  );
  operation.owned = owned;
  operation.arrived = ys.map(() => null);
  ys.forEach((y, i) => {
    y._node = new Node(name, y.dims, y.dtype, [operation], onePart, none, 0);
    y._node.part = i;
    y._requiresGrad = true;
  });
  if (watch !== null) for (const y of ys) watch.made(name, y, inputs);
}

/** @internal The creation number of the newest node. */
export function newestNode(): number {
  return created;
}

/** @internal Whether `record` would put an operation on these inputs on the tape. */
export function isRecorded(inputs: readonly (Tensor | undefined)[]): boolean {
  if (!isGradEnabled()) return false;
  currentRecording()?.noteInputs(inputs);
  return inputs.some((x) => x?._requiresGrad);
}
