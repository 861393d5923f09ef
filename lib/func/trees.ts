// Tensors in arrays, plain objects and Maps, at any depth: what functions here take and return.
import { types } from 'node:util';
import { ArgumentError, describe, isPlain } from '../errors.js';
import { Tensor } from '../tensor.js';

/** Tensors in arrays, plain objects and Maps, at any depth, such as the parameters of a model by name. */
export type Tree = Tensor | readonly Tree[] | { readonly [name: string]: Tree } | ReadonlyMap<string, Tree>;

/** The same tree with another tensor, or tree, in place of each tensor. */
export function mapTree(tree: Tree, change: (t: Tensor) => Tree): Tree {
  if (tree instanceof Tensor) return change(tree);
  if (Array.isArray(tree)) return tree.map((part) => mapTree(part, change));
  if (types.isMap(tree))
    return new Map([...tree].map(([name, part]) => [name as string, mapTree(part as Tree, change)]));
  return Object.fromEntries(Object.entries(tree).map(([name, part]) => [name, mapTree(part as Tree, change)]));
}

/** All tensors in a value, in order; what is neither a tree nor a tensor has none. */
export function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (types.isMap(value)) return [...value.values()].flatMap(tensorsIn);
  return isPlain(value) ? Object.values(value as object).flatMap(tensorsIn) : [];
}

/** The tensors of what must be a tree. */
export function checkTree(operation: string, name: string, value: unknown): Tensor[] {
  const wrong = firstOther(value);
  if (wrong !== undefined) {
    const rule = `${name} must be a tensor, or tensors in arrays, plain objects and Maps`;
    throw new ArgumentError(`${operation}: ${rule}, got ${describe(wrong[0])}`);
  }
  return tensorsIn(value);
}

// What is no tensor and no container, in brackets, as it may be undefined.
function firstOther(value: unknown): [unknown] | undefined {
  if (value instanceof Tensor) return undefined;
  const isHolder = Array.isArray(value) || types.isMap(value) || isPlain(value);
  if (!isHolder) return [value];
  const parts: unknown[] = Array.isArray(value) ? value : types.isMap(value) ? [...value.values()] : Object.values(value as object); // biome-ignore format: one line
  for (const part of parts) {
    const found = firstOther(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a call can pass on: JavaScript's stack ends at some 100,000 arguments, and no model takes as many. */
const most = 255;

/** The inputs of a model, as many as one can have. */
export function checkInputCount<T>(operation: string, name: string, inputs: readonly T[]): readonly T[] {
  if (inputs.length <= most) return inputs;
  throw new ArgumentError(
    `${operation}: ${name} must be at most ${most} inputs, got ${inputs.length}; stack numbers and samples in tensors`,
  );
}
