// Lists of modules and of parameters, and what a Sequential has in common with them.
import { ArgumentError, checkEach, checkInteger, describe, isClass, StateError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import type { Part } from './location.js';
import { Module } from './module.js';
import { forEachEntry } from './places.js';
import { checkParameter, Parameter } from './roles.js';

/** A module that is a list: `list[0]`, `list.at(-1)`, `list.length`, `for (const element of list)`. */
export abstract class List<T> extends Module implements Iterable<T> {
  [index: number]: T;

  /** @internal */
  readonly _elements: T[] = [];

  /** @internal What an element must be; throws for others. */
  protected abstract _checked(element: unknown, index: number): T;

  /** @internal What becomes of an element, once nothing can fail. */
  protected _accepted(element: T): T {
    return element;
  }

  /** The number of elements. */
  get length(): number {
    return this._elements.length;
  }

  /**
   * The element at an index; negative ones count from the end.
   *
   * @throws ArgumentError when there is none
   */
  at(index: number): T {
    return this._elements[this._indexOf('at', index)] as T;
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this._elements.values();
  }

  /** Adds an element at the end. */
  append(element: T): this {
    return this._put(this.length, 0, element);
  }

  /** Adds the elements of a list at the end. */
  extend(elements: Iterable<T>): this {
    const name = this.constructor.name;
    const list = checkEach(`${name}.extend`, 'elements', 'must be a list', elements, (e, i) =>
      this._checked(e, this.length + i),
    );
    for (const element of list) this._put(this.length, 0, element);
    return this;
  }

  /** Adds an element before the one at an index, or with the length as index at the end. */
  insert(index: number, element: T): this {
    const { length } = this;
    const at = checkInteger(`${this.constructor.name}.insert`, 'index', index, -length, length);
    return this._put(at < 0 ? at + length : at, 0, element);
  }

  /**
   * Removes an element and returns it; by default the last one.
   *
   * @throws ArgumentError when there is none
   */
  pop(index = -1): T {
    const at = this._indexOf('pop', index);
    const element = this._elements[at] as T;
    this._remove(at);
    return element;
  }

  /** @internal The arguments of `slice`, checked. */
  protected _range(start: unknown, end: unknown): [start: number, end: number] {
    const name = `${this.constructor.name}.slice`;
    const check = (key: string, value: unknown) => checkInteger(name, key, value, Number.MIN_SAFE_INTEGER);
    return [check('start', start === undefined ? 0 : start), check('end', end === undefined ? this.length : end)];
  }

  /** @internal Replaces `count` elements at an index by another one. */
  protected _put(at: number, count: 0 | 1, element: T): this {
    this._elements.splice(at, count, this._accepted(this._checked(element, at)));
    makeIndices(this.length);
    return this;
  }

  /** @internal */
  protected _remove(at: number): void {
    this._elements.splice(at, 1);
  }

  private _indexOf(operation: string, index: number): number {
    const { length } = this;
    if (Number.isInteger(index) && index >= -length && index < length) return index < 0 ? index + length : index;
    throw new ArgumentError(
      `${this.constructor.name}.${operation}: index must be an integer from ${-length} to ${length - 1}, got ${describe(index)}`,
    );
  }

  /** @internal What `list[i] = element` does. */
  _set(at: number, element: T): void {
    if (at >= this.length) {
      const rule = `index must be below the length ${this.length}, got ${at}`;
      throw new ArgumentError(`${this.constructor.name}: ${rule}; add elements by append`);
    }
    this._put(at, 1, element);
  }

  /** @internal The elements with their names. */
  _items(): [string, T][] {
    return this._elements.map((element, i) => [String(i), element]);
  }

  override _holder(): object {
    return holderOf(this, this._items());
  }

  override _functions(): Part[] {
    return this._elements as Part[];
  }

  override _parts(): [string, Part][] {
    const elements = new Set<unknown>(this._elements);
    const parts = this._items().filter(([, e]) => e instanceof Module || typeof e === 'function') as [string, Part][];
    return [...parts, ...this.namedChildren().filter(([, m]) => !elements.has(m))];
  }
}

/** @internal The elements of a container, then its other properties: those of a subclass. */
export function holderOf(container: object, items: Iterable<readonly [string, unknown]>): Map<unknown, unknown> {
  const holder = new Map<unknown, unknown>(items);
  forEachEntry(container, (key, value) => {
    if (key !== '_elements' && !holder.has(key)) holder.set(key, value);
  });
  return holder;
}

/** @internal Makes `container.name` what `read` gives for the name, unless there is something else of that name. */
export function expose<C extends object>(container: C, name: string, read: (this: C, name: string) => unknown): void {
  if (name in container) return;
  Object.defineProperty(container, name, {
    get(this: C) {
      return read.call(this, name);
    },
    configurable: true,
  });
}

/** @internal Undoes `expose`. */
export function hide(container: object, name: string): void {
  if (Object.getOwnPropertyDescriptor(container, name)?.get !== undefined) Reflect.deleteProperty(container, name);
}

let indices = 0;

// list[i] for each i up to the longest list's length. They are on the prototype, where they cost a list nothing.
function makeIndices(length: number): void {
  for (; indices <= length; indices++) {
    const i = indices;
    Object.defineProperty(List.prototype, i, {
      get(this: List<unknown>) {
        return this._elements[i];
      },
      set(this: List<unknown>, element: unknown) {
        this._set(i, element);
      },
      configurable: true,
    });
  }
}

makeIndices(0);

/** @internal */
export function checkModule(operation: string, element: unknown, index: number | string): Module {
  if (element instanceof Module) return element;
  const hint = isClass(element) ? `; make one: new ${element.name}(…)` : '';
  throw new ArgumentError(`${operation}: element ${index} must be a module, got ${describe(element)}${hint}`);
}

/**
 * A list of modules, named `0`, `1`, … Its elements are called one by one; an array of modules as a property is found, too.
 *
 * `list[0]`, `list.at(-1)`, `list.length`, `for (const layer of list)`, `append`, `extend`, `insert`, `pop`, `slice`.
 *
 * @throws ArgumentError when an element is not a module
 * @example
 * const layers = new nn.ModuleList([new nn.Linear(4, 3), new nn.Linear(3, 2)]);
 * let h = zeros([5, 4]);
 * for (const layer of layers) h = layer.forward(h);
 * h.relu(); // [5, 2]
 */
export class ModuleList<M extends Module = Module> extends List<M> {
  /** @param modules an array or another iterable; default none */
  constructor(modules: Iterable<M> = []) {
    super();
    checkAlone('ModuleList', modules);
    this.extend(modules);
  }

  /** The modules from `start` to before `end` in a list of their own; negative indices count from the end. */
  slice(start?: number, end?: number): ModuleList<M> {
    return new ModuleList(this._elements.slice(...this._range(start, end)));
  }

  /** @throws StateError always: a list does not know in which order its modules are called */
  forward(..._inputs: unknown[]): never {
    throw noForward('ModuleList', 'for (const layer of list) x = layer.forward(x)');
  }

  /** Replaces the element whose index is the name; under another name the module is a property. */
  override registerModule(name: string, module: Module | null): void {
    const at = Number(name);
    if (module === null || String(at) !== name || this._elements[at] === undefined) super.registerModule(name, module);
    else this._put(at, 1, module as M);
  }

  protected _checked(element: unknown, index: number): M {
    return checkModule('ModuleList', element, index) as M;
  }
}

/**
 * A list of parameters, named `0`, `1`, … Tensors become parameters. An array of parameters as a property is found, too.
 *
 * @throws ArgumentError when an element is not a tensor
 * @example
 * const scales = new nn.ParameterList([ones([3]), ones([3])]);
 * scales[1]; // [1, 1, 1]
 */
export class ParameterList extends List<Tensor> {
  /** @param values an array or another iterable of tensors; default none */
  constructor(values: Iterable<Tensor> = []) {
    super();
    this.extend(values);
  }

  /** @throws StateError always */
  forward(..._inputs: unknown[]): never {
    throw noForward('ParameterList', 'x.mul(list[0])');
  }

  protected _checked(element: unknown, index: number): Tensor {
    return checkParameter('ParameterList', `element ${index}`, element as Tensor);
  }

  protected override _accepted(element: Tensor): Tensor {
    return element instanceof Parameter ? element : new Parameter(element);
  }
}

/** @internal */
export function noForward(name: string, use: string): StateError {
  return new StateError(`${name}: it has no forward; use what is in it: ${use}`);
}

function checkAlone(name: string, modules: unknown): void {
  if (!(modules instanceof Module) || Symbol.iterator in modules) return;
  throw new ArgumentError(`${name}: modules must be a list, got ${describe(modules)}; put it into an array`);
}
