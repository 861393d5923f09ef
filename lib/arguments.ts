// How operations take arguments: tensors first, then what PyTorch's users pass without a keyword, then one object with the
// rest. The object may hold the former, too: `sum(x, 1, { keepDim: true })` and `sum(x, { dim: 1, keepDim: true })` are the same.

import type { DType } from './dtype.js';
import { ArgumentError, describe, isPlain } from './errors.js';
import { checkOptions } from './options.js';
import { checkDim, checkShape, type Shape } from './shape.js';

/**
 * The rest parameter of a function with the options O, of which those named P may be given by position, in this order. Editors
 * show the labels of P: `Positional<O, [stride: 'stride', padding: 'padding']>`. The options may be left out where all that
 * remain may.
 */
export type Positional<O, P extends readonly (keyof O)[]> =
  | ([keyof O] extends [never] ? [] : object extends O ? [options?: O] : [options: O])
  | (P extends readonly [infer First extends keyof O, ...infer Rest extends readonly (keyof O)[]]
      ? [...Labelled<P, O[First]>, ...Positional<Omit<O, First>, Extract<Rest, readonly (keyof Omit<O, First>)[]>>]
      : never);

// A tuple of one value with the label that the first of P has.
type Labelled<P extends readonly unknown[], V> = P extends readonly [unknown, ...infer Rest]
  ? P extends readonly [...infer First, ...Rest]
    ? Filled<First, V>
    : never
  : never;
type Filled<T extends readonly unknown[], V> = { [K in keyof T]: V };

/**
 * The options of a call, checked: positional arguments get their names, and an object after them adds the rest.
 *
 * @param positions the names of the positional arguments, in order
 * @param named the names that only the options object can hold
 * @param nullable the names that may be null
 * @throws ArgumentError for an unknown name, one that is given twice, and anything that follows the options
 */
export function optionsOf<O extends object>(
  operation: string,
  args: readonly unknown[],
  positions: readonly string[],
  named: readonly string[] = [],
  nullable: readonly string[] = [],
): Partial<O> {
  const known = named.length === 0 ? positions : [...positions, ...named];
  const [first] = args;
  if (args.length <= 1 && (first === undefined || isPlain(first))) {
    checkOptions(operation, first, known, nullable);
    return (first ?? {}) as Partial<O>;
  }
  const given: Record<string, unknown> = {};
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    if (value === undefined) continue;
    if (i < positions.length && !isPlain(value)) {
      given[positions[i] as string] = value;
      continue;
    }
    checkOptions(operation, value, i < positions.length ? known : [...named, ...positions], nullable);
    if (args.length > i + 1) {
      throw new ArgumentError(`${operation}: nothing may follow the options, got ${describe(args[i + 1])}`);
    }
    addOptions(operation, given, value as Record<string, unknown>);
  }
  checkOptions(operation, given, known, nullable);
  return given as Partial<O>;
}

function addOptions(operation: string, given: Record<string, unknown>, options: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(options)) {
    if (given[name] !== undefined) {
      const both = `got ${describe(given[name])} by position and ${describe(value)} in the options`;
      throw new ArgumentError(`${operation}: ${name} must be given once, ${both}`);
    }
    given[name] = value;
  }
}

/** One dimension that must be given, by position or in options; negative ones count from the end. */
export type DimArguments = [dim: number] | [options: { dim: number }];

/** One dimension that must be given, and the dtype that x is converted to first. */
export type ConvertedDimArguments =
  | [dim: number, options?: { dtype?: DType }]
  | [options: { dim: number; dtype?: DType }];

/** One dimension that may be given. */
export type OptionalDimArguments = [options?: { dim?: number }] | [dim: number];

/** That dimension, counted from 0. */
export function requiredDim(operation: string, args: readonly unknown[], rank: number): number {
  return checkDim(operation, optionsOf<{ dim: number }>(operation, args, ['dim']).dim, rank);
}

/** The rest parameter of a function that takes sizes or dimensions: `x.reshape(2, 3)`, `x.reshape([2, 3])`. */
export type List = [list: Shape] | [first: number, ...rest: number[]];

/** The same for a list that has a name, too: `x.flip([0])`, `x.flip({ dims: [0] })`. */
export type NamedList<Name extends string> = List | [options: Record<Name, Shape>];

/** The same with options: `zeros(2, 3)`, `zeros([2, 3], { dtype: 'float64' })`. */
export type Sizes<O> =
  | [shape: Shape, options?: O]
  | [first: number, ...rest: number[]]
  | [first: number, ...rest: number[], options: O];

/**
 * Sizes, or dimensions, given one by one or as an array, and the arguments after them. They are not checked: the array is
 * the caller's.
 */
export function splitList(args: readonly unknown[]): { list: unknown; rest: readonly unknown[] } {
  const [first] = args;
  if (isPlain(first)) return { list: undefined, rest: args };
  if (typeof first !== 'number') return { list: first, rest: args.slice(1) };
  const count = countBeforeOptions(args);
  return { list: args.slice(0, count), rest: args.slice(count) };
}

/** The same for a function that has no other options: there must be nothing after the list, which may have a name. */
export function onlyList(operation: string, args: readonly unknown[], name?: string): unknown {
  const { list, rest } = splitList(args);
  if (name === undefined || list !== undefined) optionsOf(operation, rest, []);
  else return optionsOf<Record<string, unknown>>(operation, rest, [], [name])[name];
  return list;
}

/** The number of arguments before the options object. */
export function countBeforeOptions(args: readonly unknown[]): number {
  const place = args.findIndex(isPlain);
  return place < 0 ? args.length : place;
}

/** A checked shape and the options after it. */
export function shapeAndOptions<O extends object>(
  operation: string,
  args: readonly unknown[],
  known: readonly string[],
): { shape: number[]; options: Partial<O> } {
  const { list, rest } = splitList(args);
  return { shape: checkShape(operation, list), options: optionsOf<O>(operation, rest, [], known) };
}
