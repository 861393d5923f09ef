// Functions that make a function's derivative, as in torch.func.
import { optionsOf, type Positional } from '../arguments.js';
import { enableGrad } from '../autograd/tape.js';
import { grad as gradientsOf } from '../backward/engine.js';
import { jacobian, jvp as productOf } from '../backward/functional.js';
import { isGradEnabled } from '../context.js';
import { ArgumentError, checkFlag, checkFunction, checkInteger, describe, formatShape, ShapeError } from '../errors.js';
import { detach } from '../ops/copy.js';
import { zerosLike } from '../ops/creation.js';
import { reshape } from '../ops/shape.js';
import { sameShape } from '../shape.js';
import { checkFloat, Tensor } from '../tensor.js';
import { checkTree, mapTree, type Tree, tensorsIn } from './trees.js';

// biome-ignore-start lint/suspicious/noExplicitAny: a function takes and returns what it likes
/** A function of tensors, trees of tensors and other values. */
export type AnyFunction = (...args: any[]) => any;
/** What a transformed function returns: a tree like its argument, or with `hasAux` a pair. */
export type Derivative = (...args: any[]) => any;
// biome-ignore-end lint/suspicious/noExplicitAny: see above

/** Options of `grad`, `gradAndValue` and `jacrev`. */
export interface GradOptions {
  /** The argument, or the list of arguments, by which is differentiated; default 0. */
  argnums?: number | readonly number[];
  /** Whether the function returns a pair, of which only the first is differentiated; default false. */
  hasAux?: boolean;
}

type GradArguments = Positional<GradOptions, [argnums: 'argnums', hasAux: 'hasAux']>;

let depth = 0;

// Runs f, in which other transformations know that their results are differentiated again.
function nested<T>(f: () => T): T {
  depth++;
  try {
    return enableGrad(f);
  } finally {
    depth--;
  }
}

// Whether results are to be differentiable: inside of another transformation, or where an argument needs a gradient.
const isWanted = (args: unknown): boolean =>
  isGradEnabled() && (depth > 0 || tensorsIn(args).some((t) => t._requiresGrad));

function leafOf(operation: string, x: Tensor, createGraph: boolean): Tensor {
  checkFloat(operation, 'an argument', x);
  if (createGraph && x._requiresGrad) return enableGrad(() => reshape(x, x.dims));
  const leaf = detach(x);
  leaf.requiresGrad = true;
  return leaf;
}

interface Plan {
  argnums: number | readonly number[];
  hasAux: boolean;
}

function planOf(operation: string, f: unknown, args: readonly unknown[]): Plan {
  checkFunction(operation, 'f', f);
  const o = optionsOf<GradOptions>(operation, args, ['argnums', 'hasAux']);
  const given = o.argnums ?? 0;
  const check = (n: unknown): number => checkInteger(operation, 'argnums', n, Number.MIN_SAFE_INTEGER);
  const argnums = Array.isArray(given) ? given.map(check) : check(given);
  if (Array.isArray(argnums) && argnums.length === 0) {
    throw new ArgumentError(`${operation}: argnums must be at least one, got none`);
  }
  return { argnums, hasAux: checkFlag(operation, 'hasAux', o.hasAux, false) };
}

// The arguments by which is differentiated, as one tree: one argument, or the list of them.
function chosen(operation: string, args: readonly unknown[], { argnums }: Plan): { tree: Tree; places: number[] } {
  const list = typeof argnums === 'number' ? [argnums] : argnums;
  const places = list.map((n) => (n < 0 ? n + args.length : n));
  const wrong = list.find((_, i) => !((places[i] as number) >= 0 && (places[i] as number) < args.length));
  if (wrong !== undefined) {
    throw new ArgumentError(`${operation}: argnums must name one of ${args.length} arguments, got ${wrong}`);
  }
  if (places.flatMap((place) => checkTree(operation, `argument ${place}`, args[place])).length === 0) {
    throw new ArgumentError(`${operation}: argument ${places[0]} must have at least one tensor, got none`);
  }
  return {
    tree: (typeof argnums === 'number' ? args[places[0] as number] : places.map((i) => args[i])) as Tree,
    places,
  };
}

// The arguments with a tree in the places of those that it stands for.
function withTree(args: readonly unknown[], tree: Tree, places: readonly number[], { argnums }: Plan): unknown[] {
  const all = [...args];
  const parts = (typeof argnums === 'number' ? [tree] : tree) as readonly Tree[];
  for (const [i, place] of places.entries()) all[place] = parts[i];
  return all;
}

// What f returned, and what came beside it.
function split(operation: string, result: unknown, hasAux: boolean): [result: unknown, aux: unknown] {
  if (!hasAux) return [result, undefined];
  if (Array.isArray(result) && result.length === 2) return [result[0], result[1]];
  throw new ArgumentError(`${operation}: f must return a pair with hasAux, got ${describe(result)}`);
}

const released = (value: unknown, createGraph: boolean): unknown =>
  createGraph || tensorsIn(value).length === 0 ? value : mapTree(value as Tree, (t) => detach(t));

function differentiate(
  operation: string,
  f: AnyFunction,
  args: unknown[],
  plan: Plan,
): [gradients: Tree, value: unknown] {
  const createGraph = isWanted(args);
  const { tree, places } = chosen(operation, args, plan);
  const xs: Tensor[] = [];
  const inputs = mapTree(tree, (t) => {
    xs.push(leafOf(operation, t, createGraph));
    return xs.at(-1) as Tensor;
  });
  const result: unknown = nested(() => f(...withTree(args, inputs, places, plan)));
  const [y, aux] = split(operation, result, plan.hasAux);
  if (!(y instanceof Tensor) || y.size !== 1) {
    const got = y instanceof Tensor ? formatShape(y.dims) : describe(y);
    throw new ShapeError(`${operation}: f must return one number, got ${got}; sum() or mean() it`);
  }
  const found = y._requiresGrad ? gradientsOf(y, xs, { createGraph, allowUnused: true }) : xs.map(() => null);
  let next = 0;
  const gradients = mapTree(inputs, (x) => found[next++] ?? zerosLike(x));
  const value = released(y, createGraph);
  return [gradients, plan.hasAux ? [value, released(aux, createGraph)] : value];
}

/**
 * The gradient of a function with one number as its result, as a function of the same arguments.
 *
 * Arguments are tensors, or tensors in arrays, plain objects and Maps, such as parameters by name; the gradient has the form of the
 * argument. It can be differentiated again: `func.grad(func.grad(f))`, or by `backward` where an argument needs a gradient.
 *
 * @param args argnums (default 0): the argument by which is differentiated, or a list; hasAux (default false): whether `f`
 *   returns [result, other], and the gradient comes as [gradient, other]
 * @throws ShapeError when the result is not one number
 * @example
 * const cube = (x: Tensor) => x.pow(3).sum();
 * func.grad(cube)(tensor([1, 2])); // [3, 12]
 */
export function grad(f: AnyFunction, ...args: GradArguments): Derivative {
  const plan = planOf('grad', f, args);
  return (...given) => {
    const [gradients, value] = differentiate('grad', f, given, plan);
    return plan.hasAux ? [gradients, (value as [unknown, unknown])[1]] : gradients;
  };
}

/**
 * The same as `grad`, with the function's value: [gradient, value], or with `hasAux` [gradient, [value, other]].
 *
 * @example
 * func.gradAndValue((x) => x.square().sum())(tensor([1, 2]))[1]; // 5
 */
export function gradAndValue(f: AnyFunction, ...args: GradArguments): Derivative {
  const plan = planOf('gradAndValue', f, args);
  return (...given) => differentiate('gradAndValue', f, given, plan);
}

/**
 * What a function returns, and a function that gives the products of vectors and its Jacobian.
 *
 * @param f returns a tensor or a tree of tensors
 * @returns [result, product]: `product(v)` takes a v like the result and returns a list with one product for each argument
 * @example
 * const [y, product] = func.vjp((x) => x.square(), tensor([1, 2]));
 * product(ones(2))[0]; // [2, 4]
 */
export function vjp(f: AnyFunction, ...primals: Tree[]): [result: Tree, product: (v: Tree) => Tree[]] {
  checkFunction('vjp', 'f', f);
  if (checkTree('vjp', 'primals', primals).length === 0) {
    throw new ArgumentError('vjp: primals must have at least one tensor, got none');
  }
  const createGraph = isWanted(primals);
  const xs: Tensor[] = [];
  const inputs = primals.map((primal) =>
    mapTree(primal, (t) => {
      xs.push(leafOf('vjp', t, createGraph));
      return xs.at(-1) as Tensor;
    }),
  );
  const result = nested(() => f(...inputs)) as Tree;
  const ys = checkTree('vjp', 'the result of f', result);
  const product = (v: Tree): Tree[] => {
    const vs = checkTree('vjp', 'v', v);
    checkAlike('vjp', 'v', vs, 'the result of f', ys);
    const used = ys.map((_, i) => i).filter((i) => (ys[i] as Tensor)._requiresGrad);
    const options = { createGraph: createGraph || isWanted(vs), retainGraph: true, allowUnused: true };
    const gradOutputs = used.map((i) => vs[i] as Tensor);
    const outputs = used.map((i) => ys[i] as Tensor);
    const found = used.length === 0 ? [] : gradientsOf(outputs, xs, { ...options, gradOutputs });
    let next = 0;
    return inputs.map((input) => mapTree(input, (x) => found[next++] ?? zerosLike(x)));
  };
  return [released(result, createGraph) as Tree, product];
}

function checkAlike(operation: string, name: string, given: Tensor[], what: string, like: Tensor[]): void {
  if (given.length === like.length && given.every((t, i) => sameShape(t.dims, (like[i] as Tensor).dims))) return;
  const shapes = (ts: Tensor[]): string => ts.map((t) => formatShape(t.dims)).join(' and ');
  throw new ShapeError(`${operation}: ${name} must have the shapes of ${what}, ${shapes(like)}, got ${shapes(given)}`);
}

/**
 * What a function returns, and the product of its Jacobian and a vector.
 *
 * @param primals the list of arguments
 * @param tangents a list like it
 * @returns [result, product], the product like the result
 * @example
 * func.jvp((x) => x.square(), [tensor([1, 2])], [ones(2)])[1]; // [2, 4]
 */
export function jvp(
  f: AnyFunction,
  primals: readonly Tree[],
  tangents: readonly Tree[],
): [result: Tree, product: Tree] {
  checkFunction('jvp', 'f', f);
  const xs = checkTree('jvp', 'primals', primals);
  const vs = checkTree('jvp', 'tangents', tangents);
  checkAlike('jvp', 'tangents', vs, 'primals', xs);
  const createGraph = isWanted([...xs, ...vs]);
  const form: { result?: Tree } = {};
  const flat = flattened('jvp', primals, (inputs) => {
    form.result = f(...(inputs as readonly Tree[])) as Tree;
    return form.result;
  });
  const [ys, products] = nested(() => productOf(flat, xs, vs, { createGraph })) as [Tensor[], Tensor[]];
  const shaped = (list: Tensor[]): Tree => {
    let next = 0;
    return mapTree(form.result as Tree, () => list[next++] as Tensor);
  };
  return [shaped(ys), shaped(products)];
}

// f, as a function of the tensors in a tree to those in its result.
function flattened(operation: string, tree: Tree, f: (tree: Tree) => Tree): (...xs: Tensor[]) => Tensor[] {
  return (...xs) => {
    let next = 0;
    return checkTree(operation, 'the result of f', f(mapTree(tree, () => xs[next++] as Tensor)));
  };
}

/**
 * The Jacobian of a function, as a function of the same arguments: J[i, j] = ∂f(x)ᵢ / ∂xⱼ, by one backward pass for each
 * element of the result.
 *
 * @param args as for `grad`
 * @returns a function whose result is [...shape of the result, ...shape of x]; in the form of the result of `f` and, in it, of
 *   the argument
 * @example
 * func.jacrev((x) => x.square())(tensor([1, 2])); // [[2, 0], [0, 4]]
 */
export function jacrev(f: AnyFunction, ...args: GradArguments): Derivative {
  const plan = planOf('jacrev', f, args);
  return (...given) => {
    const createGraph = isWanted(given);
    const { tree, places } = chosen('jacrev', given, plan);
    const seen: { result?: Tree; aux?: unknown } = {};
    const flat = flattened('jacrev', tree, (inputs) => {
      const result: unknown = f(...withTree(given, inputs, places, plan));
      const [y, aux] = split('jacrev', result, plan.hasAux);
      Object.assign(seen, { result: y, aux });
      return y as Tree;
    });
    const blocks = nested(() => jacobian(flat, tensorsIn(tree), { createGraph })) as Tensor[][];
    let row = 0;
    const form = mapTree(seen.result as Tree, () => {
      const own = blocks[row++] as Tensor[];
      let column = 0;
      return mapTree(tree, () => own[column++] as Tensor);
    });
    return plan.hasAux ? [form, released(seen.aux, createGraph)] : form;
  };
}

/**
 * The Hessian of a function, as a function of the same arguments: the Jacobian of its Jacobian.
 *
 * @param args argnums (default 0), as for `grad`
 * @example
 * func.hessian((x) => x.pow(3).sum())(tensor([1, 2])); // [[6, 0], [0, 12]]
 */
export function hessian(
  f: AnyFunction,
  ...args: Positional<Pick<GradOptions, 'argnums'>, [argnums: 'argnums']>
): Derivative {
  const { argnums } = planOf('hessian', f, [optionsOf<GradOptions>('hessian', args, ['argnums'])]);
  return jacrev(jacrev(f, { argnums }), { argnums });
}
