// Derivatives of functions of tensors, as in torch.autograd.functional: what one would write with `grad`, ready made.
import { enableGrad } from '../autograd/tape.js';
import { ArgumentError, checkFlag, checkFunction, formatShape, ShapeError } from '../errors.js';
import { detach } from '../ops/copy.js';
import { zerosLike } from '../ops/creation.js';
import { reshape } from '../ops/shape.js';
import { stack } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import { type Shape, sameShape, sizeOf } from '../shape.js';
import { checkFloat, Tensor, view } from '../tensor.js';
import { type BackwardOptions, grad, oneOrMore } from './engine.js';

/** A function of one tensor or several. */
export type TensorFunction = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/** One tensor, or as many as the function takes. */
export type TensorOrTensors = Tensor | readonly Tensor[];

/** Options of the functions here. */
export interface FunctionalOptions {
  /** Record the derivatives, so that they can be differentiated again; default false. */
  createGraph?: boolean;
}

interface Call {
  xs: Tensor[];
  ys: Tensor[];
  /** Whether one tensor was given, or returned, and not an array. */
  oneInput: boolean;
  oneOutput: boolean;
  createGraph: boolean;
}

// Calls f at the inputs: at themselves if their graph is to go on, else at copies without one.
function call(name: string, f: TensorFunction, inputs: TensorOrTensors, options: FunctionalOptions | undefined): Call {
  checkFunction(name, 'f', f);
  checkOptions(name, options, ['createGraph']);
  const createGraph = checkFlag(name, 'createGraph', options?.createGraph, false);
  const given = oneOrMore(name, 'inputs', inputs);
  if (given.length === 0) throw new ArgumentError(`${name}: inputs must be at least one tensor, got none`);
  const xs = given.map((x, i) => {
    checkFloat(name, `input ${i}`, x);
    if (createGraph && x._requiresGrad) return enableGrad(() => reshape(x, x.dims));
    const leaf = detach(x);
    leaf.requiresGrad = true;
    return leaf;
  });
  const result = enableGrad(() => f(...xs));
  const ys = oneOrMore(name, 'the result of f', result);
  return { xs, ys, oneInput: inputs instanceof Tensor, oneOutput: result instanceof Tensor, createGraph };
}

// The gradients of one result; zeros where it does not depend on an input.
function gradients(y: Tensor, xs: readonly Tensor[], upstream: Tensor | null, options: BackwardOptions): Tensor[] {
  if (!y._requiresGrad) return xs.map((x) => zerosLike(x));
  const found = grad(y, xs, { ...options, allowUnused: true, gradOutputs: [upstream] });
  return found.map((g, i) => g ?? zerosLike(xs[i] as Tensor));
}

function vectors(name: string, given: TensorOrTensors | undefined, like: readonly Tensor[], what: string): Tensor[] {
  if (given === undefined) {
    if (like.length === 1 && like[0]?.size === 1) return [reshape(zerosLike(like[0]).add(1), like[0].dims)];
    throw new ArgumentError(`${name}: v must be given unless ${what} is one number`);
  }
  const list = oneOrMore(name, 'v', given);
  if (list.length !== like.length || list.some((v, i) => !sameShape(v.dims, (like[i] as Tensor).dims))) {
    const shapes = (ts: readonly Tensor[]): string => ts.map((t) => formatShape(t.dims)).join(' and ');
    throw new ShapeError(`${name}: v must have the shape of ${what}, ${shapes(like)}, got ${shapes(list)}`);
  }
  return list;
}

const oneOf = (list: Tensor[], one: boolean): Tensor | Tensor[] => (one ? (list[0] as Tensor) : list);

// A unit vector for each element of a tensor.
function units(like: Tensor): Tensor[] {
  return Array.from({ length: like.size }, (_, i) => {
    const unit = zerosLike(like);
    view(unit, i, []).fill_(1);
    return unit;
  });
}

function jacobianOf(y: Tensor, xs: readonly Tensor[], createGraph: boolean): Tensor[] {
  const rows = units(y).map((unit) => gradients(y, xs, unit, { createGraph, retainGraph: true }));
  return xs.map((x, k) => {
    const shape: Shape = [...y.dims, ...x.dims];
    if (sizeOf(shape) === 0) return zerosLike(x).sum().expand(shape);
    return reshape(stack(rows.map((row) => row[k] as Tensor)), shape);
  });
}

/**
 * The Jacobian: J[i, j] = ∂f(x)ᵢ / ∂xⱼ, one backward pass for each element of the result.
 *
 * @param f returns a tensor or an array of tensors
 * @param inputs a tensor, or an array of as many as `f` takes
 * @returns [...shape of the result, ...shape of x]; arrays of these for several inputs (inner) and results (outer)
 * @example
 * autograd.functional.jacobian((x) => x.square(), tensor([1, 2])); // [[2, 0], [0, 4]]
 */
export function jacobian(
  f: TensorFunction,
  inputs: TensorOrTensors,
  options?: FunctionalOptions,
): Tensor | Tensor[] | Tensor[][] {
  const { xs, ys, oneInput, oneOutput, createGraph } = call('jacobian', f, inputs, options);
  const all = ys.map((y) => oneOf(jacobianOf(y, xs, createGraph), oneInput));
  return oneOutput ? (all[0] as Tensor | Tensor[]) : (all as Tensor[] | Tensor[][]);
}

/**
 * The Hessian of a function with one number as its result: H[i, j] = ∂²f(x) / ∂xᵢ ∂xⱼ.
 *
 * @returns [...shape of x, ...shape of x]; for several inputs, an array of arrays of the blocks
 * @example
 * autograd.functional.hessian((x) => x.pow(3).sum(), tensor([1, 2])); // [[6, 0], [0, 12]]
 */
export function hessian(f: TensorFunction, inputs: TensorOrTensors, options?: FunctionalOptions): Tensor | Tensor[][] {
  const { xs, ys, oneInput, createGraph } = call('hessian', f, inputs, options);
  const first = gradients(numberOf('hessian', ys), xs, null, { createGraph: true });
  const blocks = first.map((g) => jacobianOf(g, xs, createGraph));
  return oneInput ? ((blocks[0] as Tensor[])[0] as Tensor) : blocks;
}

function numberOf(name: string, ys: readonly Tensor[]): Tensor {
  const [y] = ys;
  if (ys.length !== 1 || y === undefined || y.size !== 1) {
    const shapes = ys.map((t) => formatShape(t.dims)).join(' and ');
    throw new ShapeError(`${name}: f must return one number, got ${shapes}; sum() or mean() it`);
  }
  return y;
}

/** What f returned, and a product with a derivative. */
type ValueAndProduct = [value: TensorOrTensors, product: TensorOrTensors];

/**
 * The product vᵀJ of a vector and the Jacobian, by one backward pass.
 *
 * @param v of the shape of the result; default 1, if that is one number
 * @returns what `f` returns, and the product, in the shape of the inputs
 * @example
 * autograd.functional.vjp((x) => x.square(), tensor([1, 2]), tensor([1, 1]))[1]; // [2, 4]
 */
export function vjp(
  f: TensorFunction,
  inputs: TensorOrTensors,
  v?: TensorOrTensors,
  options?: FunctionalOptions,
): ValueAndProduct {
  const { xs, ys, oneInput, oneOutput, createGraph } = call('vjp', f, inputs, options);
  const vs = vectors('vjp', v, ys, 'the result');
  const product = sums(xs, ys, vs, createGraph);
  return [oneOf(valuesOf(ys, createGraph), oneOutput), oneOf(product, oneInput)];
}

const valuesOf = (ys: Tensor[], createGraph: boolean): Tensor[] => (createGraph ? ys : ys.map((y) => detach(y)));

// Σ over the results of vᵀJ.
function sums(xs: readonly Tensor[], ys: readonly Tensor[], vs: readonly Tensor[], createGraph: boolean): Tensor[] {
  const used = ys.map((_, i) => i).filter((i) => (ys[i] as Tensor)._requiresGrad);
  if (used.length === 0) return xs.map((x) => zerosLike(x));
  const outputs = used.map((i) => ys[i] as Tensor);
  const found = grad(outputs, xs, { createGraph, allowUnused: true, gradOutputs: used.map((i) => vs[i] as Tensor) });
  return found.map((g, i) => g ?? zerosLike(xs[i] as Tensor));
}

/**
 * The product Jv of the Jacobian and a vector, by two backward passes: the product uᵀJ is linear in u, and its derivative
 * along v is Jv.
 *
 * @param v of the shape of the inputs; default 1, if that is one number
 * @returns what `f` returns, and the product, in the shape of the result
 * @example
 * autograd.functional.jvp((x) => x.square(), tensor([1, 2]), tensor([1, 1]))[1]; // [2, 4]
 */
export function jvp(
  f: TensorFunction,
  inputs: TensorOrTensors,
  v?: TensorOrTensors,
  options?: FunctionalOptions,
): ValueAndProduct {
  const { xs, ys, oneOutput, createGraph } = call('jvp', f, inputs, options);
  const vs = vectors('jvp', v, xs, 'the inputs');
  const us = ys.map((y) => {
    const u = zerosLike(y);
    u.requiresGrad = true;
    return u;
  });
  const product = sums(us, sums(xs, ys, us, true), vs, createGraph);
  return [oneOf(valuesOf(ys, createGraph), oneOutput), oneOf(product, oneOutput)];
}

/**
 * The product vᵀH of a vector and the Hessian of a function with one number as its result, by two backward passes.
 *
 * @param v of the shape of the inputs; default 1, if that is one number
 * @returns what `f` returns, and the product, in the shape of the inputs
 * @example
 * autograd.functional.vhp((x) => x.pow(3).sum(), tensor([1, 2]), tensor([1, 1]))[1]; // [6, 12]
 */
export function vhp(
  f: TensorFunction,
  inputs: TensorOrTensors,
  v?: TensorOrTensors,
  options?: FunctionalOptions,
): ValueAndProduct {
  return hessianProduct('vhp', f, inputs, v, options);
}

/**
 * The product Hv of the Hessian of a function with one number as its result and a vector: the same as `vhp`, because the
 * Hessian is symmetric.
 *
 * @param v of the shape of the inputs; default 1, if that is one number
 * @returns what `f` returns, and the product, in the shape of the inputs
 * @example
 * autograd.functional.hvp((x) => x.pow(3).sum(), tensor([1, 2]), tensor([1, 1]))[1]; // [6, 12]
 */
export function hvp(
  f: TensorFunction,
  inputs: TensorOrTensors,
  v?: TensorOrTensors,
  options?: FunctionalOptions,
): ValueAndProduct {
  return hessianProduct('hvp', f, inputs, v, options);
}

function hessianProduct(
  name: string,
  f: TensorFunction,
  inputs: TensorOrTensors,
  v: TensorOrTensors | undefined,
  options: FunctionalOptions | undefined,
): ValueAndProduct {
  const { xs, ys, oneInput, createGraph } = call(name, f, inputs, options);
  const vs = vectors(name, v, xs, 'the inputs');
  const y = numberOf(name, ys);
  const first = gradients(y, xs, null, { createGraph: true });
  return [createGraph ? y : detach(y), oneOf(sums(xs, first, vs, createGraph), oneInput)];
}
