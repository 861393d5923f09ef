// Modules and parameters under names.
import { types } from 'node:util';
import { ArgumentError, checkText, describe, hasIterator, isPlain } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { checkModule, expose, hide, holderOf, noForward } from './containers-list.js';
import { Module } from './module.js';
import { checkName } from './places.js';
import { checkParameter, Parameter } from './roles.js';

/** Names and what they name: a plain object, a Map or pairs. */
export type Named<T> = Readonly<Record<string, T>> | ReadonlyMap<string, T> | Iterable<readonly [string, T]>;

/** @internal The entries of a plain object, a Map or an iterable of pairs, with checked names. */
export function entriesOf(operation: string, given: unknown): [string, unknown][] {
  const isList = typeof given === 'object' && given !== null && hasIterator(given);
  if (!isList && !isPlain(given)) {
    throw new ArgumentError(
      `${operation}: elements must be an object, a Map or pairs of name and element, got ${describe(given)}`,
    );
  }
  const entries: [string, unknown][] = [];
  const pairs: Iterable<unknown> = isList ? (given as Iterable<unknown>) : Object.entries(given as object);
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new ArgumentError(`${operation}: each element must be a pair of name and element, got ${describe(pair)}`);
    }
    entries.push([checkName(operation, pair[0]), pair[1]]);
  }
  return entries;
}

function readElement(this: Dict<unknown>, name: string): unknown {
  return this._elements.get(name);
}

/** A module that holds things under names, in the order in which they came: `get`, `set`, `for (const [name, element] of dict)`. */
export abstract class Dict<T> extends Module implements Iterable<[string, T]> {
  /** @internal */
  readonly _elements = new Map<string, T>();

  /** @internal What an element must be; throws for others. */
  protected abstract _checked(element: unknown, name: string): T;

  /** @internal What becomes of an element, once nothing can fail. */
  protected _accepted(element: T): T {
    return element;
  }

  /** The number of elements. */
  get length(): number {
    return this._elements.size;
  }

  /**
   * The element of a name; in JavaScript also `dict.name`, unless a method has that name.
   *
   * @throws ArgumentError when there is none
   */
  get(name: string): T {
    const element = this._elements.get(name);
    if (element !== undefined) return element;
    const known = [...this._elements.keys()].join(', ');
    throw new ArgumentError(
      `${this.constructor.name}: there is no element ${describe(name)}${known === '' ? '' : `; known are ${known}`}`,
    );
  }

  /** Whether there is an element of this name. */
  has(name: string): boolean {
    return this._elements.has(checkText(`${this.constructor.name}.has`, 'name', name));
  }

  /** Adds an element, or replaces the one of that name. */
  set(name: string, element: T): this {
    checkName(this.constructor.name, name);
    this._elements.set(name, this._accepted(this._checked(element, name)));
    expose(this, name, readElement);
    return this;
  }

  /** Adds several elements, or replaces those of the same names. */
  update(elements: Named<T>): this {
    const checked = entriesOf(this.constructor.name, elements).map(
      ([name, e]) => [name, this._checked(e, name)] as const,
    );
    for (const [name, element] of checked) this.set(name, element);
    return this;
  }

  /**
   * Removes an element and returns it.
   *
   * @throws ArgumentError when there is none
   */
  pop(name: string): T {
    const element = this.get(name);
    this._elements.delete(name);
    hide(this, name);
    return element;
  }

  /** Removes all elements. */
  clear(): void {
    for (const name of [...this._elements.keys()]) this.pop(name);
  }

  keys(): IterableIterator<string> {
    return this._elements.keys();
  }

  values(): IterableIterator<T> {
    return this._elements.values();
  }

  entries(): IterableIterator<[string, T]> {
    return this._elements.entries();
  }

  [Symbol.iterator](): IterableIterator<[string, T]> {
    return this.entries();
  }

  override _holder(): object {
    return holderOf(this, this._elements);
  }
}

/**
 * Modules under names, in the order in which they came. A plain object or a Map of modules as a property is found, too.
 *
 * `dict.get('a')`, `has`, `set`, `update`, `pop`, `clear`, `keys`, `values`, `entries`, `length`,
 * `for (const [name, module] of dict)`. Names have no dots.
 *
 * @throws ArgumentError when an element is not a module, or for a name that cannot be part of a key
 * @example
 * const heads = new nn.ModuleDict({ price: new nn.Linear(4, 1), kind: new nn.Linear(4, 3) });
 * heads.get('kind').forward(zeros([2, 4])); // [2, 3]
 */
export class ModuleDict<M extends Module = Module> extends Dict<M> {
  /** @param modules a plain object, a Map or pairs; default none */
  constructor(modules: Named<M> = {}) {
    super();
    this.update(modules);
  }

  /** @throws StateError always: a dictionary does not know which of its modules is called */
  forward(..._inputs: unknown[]): never {
    throw noForward('ModuleDict', "dict.get('a').forward(x)");
  }

  /** The same as `set`. */
  override registerModule(name: string, module: Module | null): void {
    this.set(name, module as M);
  }

  protected _checked(element: unknown, name: string): M {
    return checkModule('ModuleDict', element, name) as M;
  }
}

/**
 * Parameters under names. Tensors become parameters. A plain object or a Map of parameters as a property is found, too.
 *
 * @throws ArgumentError when an element is not a tensor, or for a name that cannot be part of a key
 * @example
 * const scales = new nn.ParameterDict({ left: ones([2]), right: zeros([2]) });
 * scales.get('left'); // [1, 1]
 */
export class ParameterDict extends Dict<Tensor> {
  /** @param values a plain object, a Map or pairs of names and tensors; default none */
  constructor(values: Named<Tensor> = {}) {
    super();
    this.update(values);
  }

  /** @throws StateError always */
  forward(..._inputs: unknown[]): never {
    throw noForward('ParameterDict', "x.mul(dict.get('a'))");
  }

  protected _checked(element: unknown, name: string): Tensor {
    return checkParameter('ParameterDict', `element ${name}`, element as Tensor);
  }

  protected override _accepted(element: Tensor): Tensor {
    return element instanceof Parameter ? element : new Parameter(element);
  }
}

/** @internal Whether a list is one of pairs of name and element. */
export function arePairs(list: readonly unknown[]): list is readonly [string, unknown][] {
  return list.length > 0 && list.every((e) => Array.isArray(e) && e.length === 2 && typeof e[0] === 'string');
}

/** @internal Whether something names its elements. */
export const isNamed = (given: unknown): boolean =>
  types.isMap(given) || isPlain(given) || (Array.isArray(given) && arePairs(given));
