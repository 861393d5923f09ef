// What a module finds and sets by name.
import { types } from 'node:util';
import { optionsOf } from '../arguments.js';
import { layersChanged } from '../context.js';
import { ArgumentError, checkFlag, checkText, describe, isClass } from '../errors.js';
import { Tensor } from '../tensor.js';
import type { Module } from './module.js';
import { checkName, isContainer, isModule, own, type Place } from './places.js';
import { type Role, roleOf } from './roles.js';
import { placesOf, treeOf } from './tree.js';

/** Options of `namedParameters` and `namedBuffers`. */
export interface NamedOptions {
  /** Stands before each name, with a dot; default ''. */
  prefix?: string;
  /** Whether modules below this one are searched; default true. */
  recurse?: boolean;
  /** Whether a tensor with several names is listed only under the first; default true. */
  removeDuplicate?: boolean;
}

/** @internal Tensors of a role with their names, from the arguments of `namedParameters`. */
export function namedTensors(
  operation: string,
  module: Module,
  role: Role,
  args: readonly unknown[],
): [string, Tensor][] {
  const o = optionsOf<NamedOptions>(operation, args, ['prefix', 'recurse', 'removeDuplicate']);
  const prefix = checkText(operation, 'prefix', o.prefix ?? '');
  const isOnce = checkFlag(operation, 'removeDuplicate', o.removeDuplicate, true);
  const mine = checkFlag(operation, 'recurse', o.recurse, true) ? null : module[own]();
  const places = mine === null ? placesOf(module) : [...mine.parameters, ...mine.buffers];
  const chosen = places.filter(({ value }) => roleOf(value) === role);
  return named(isOnce ? firsts(chosen) : chosen, prefix);
}

/** @internal */
export function namedModules(module: Module, prefix: string, removeDuplicate: boolean): [string, Module][] {
  const { occurrences } = treeOf(module);
  return named(removeDuplicate ? firsts(occurrences) : occurrences, prefix);
}

function firsts<T>(places: readonly Place<T>[]): Place<T>[] {
  const seen = new Set<T>();
  return places.filter(({ value }) => !seen.has(value) && seen.add(value));
}

function named<T>(places: readonly Place<T>[], prefix: string): [string, T][] {
  const before = prefix === '' ? '' : `${prefix}.`;
  return places.map(({ name, value }) => [name === '' ? prefix : before + name, value]);
}

/** @internal Sets a property to what is registered under its name; `prepare` runs once nothing can fail. */
export function registerAt(
  operation: string,
  module: Module,
  name: string,
  value: Module | Tensor | null,
  prepare?: () => void,
): void {
  checkName(operation, name);
  const properties = module as unknown as Record<string, unknown>;
  const isOwn = Object.hasOwn(module, name);
  const before = isOwn ? properties[name] : undefined;
  const isPart =
    typeof before === 'object' &&
    before !== null &&
    (isModule(before) || (before instanceof Tensor && roleOf(before) !== undefined));
  if (name in module && !(isOwn && (before === null || before === undefined || isPart))) {
    throw new ArgumentError(
      `${operation}: ${module.constructor.name} has something else named ${name}; choose another name`,
    );
  }
  prepare?.();
  properties[name] = value;
  layersChanged();
}

/** @internal */
export function checkPart(operation: string, module: unknown): void {
  if (typeof module === 'object' && module !== null && isModule(module)) return;
  const hint = isClass(module) ? `; make one: new ${module.name}(…)` : '';
  throw new ArgumentError(`${operation}: module must be a module, got ${describe(module)}${hint}`);
}

const mostNames = 10;

function unknown(operation: string, kind: string, target: unknown, names: readonly string[]): ArgumentError {
  const list = names.slice(0, mostNames).join(', ');
  const known = names.length === 0 ? '' : `; known are ${list}${names.length > mostNames ? ', …' : ''}`;
  return new ArgumentError(`${operation}: there is no ${kind} ${describe(target)}${known}`);
}

/** @internal */
export function findTensor(operation: string, root: Module, role: Role, target: string): Tensor {
  const places = placesOf(root).filter(({ value }) => roleOf(value) === role);
  const found = places.find(({ name }) => name === target);
  if (found !== undefined) return found.value;
  throw unknown(operation, role, target, places.map(({ name }) => name)); // biome-ignore format: one line
}

/** @internal */
export function findModule(operation: string, root: Module, target: string): Module {
  const { occurrences } = treeOf(root);
  const found = occurrences.find(({ name }) => name === target);
  if (found !== undefined) return found.value;
  throw unknown(operation, 'module', target, occurrences.map(({ name }) => name).slice(1)); // biome-ignore format: one line
}

/** @internal Puts a module in a place below `root`: in another module, or in an array, a plain object or a Map in one. */
export function placeModule(operation: string, root: Module, target: string, module: Module): void {
  const path = typeof target === 'string' ? target.split('.') : [target];
  for (const key of path) checkName(operation, key);
  const last = path.pop() as string;
  let holder: unknown = root;
  for (const key of path) holder = entry(holder, key);
  if (typeof holder === 'object' && holder !== null) {
    if (isModule(holder)) {
      (holder as unknown as Module).registerModule(last, module);
      return;
    }
    if (types.isMap(holder)) {
      holder.set(keyOf(holder, last), module);
      return;
    }
    const fits = !Array.isArray(holder) || (/^\d+$/.test(last) && Number(last) <= holder.length);
    if (isContainer(holder) && !types.isSet(holder) && fits) {
      // Not by assignment, which would take __proto__ for the prototype.
      Object.defineProperty(holder, last, { value: module, writable: true, enumerable: true, configurable: true });
      return;
    }
  }
  throw unknown(operation, 'place for a module', target, treeOf(root).occurrences.map(({ name }) => name).slice(1)); // biome-ignore format: one line
}

// The keys of a Map may be numbers.
const keyOf = (map: Map<unknown, unknown>, key: string): unknown =>
  !map.has(key) && map.has(Number(key)) ? Number(key) : key;

function entry(holder: unknown, key: string): unknown {
  if (typeof holder !== 'object' || holder === null) return undefined;
  const searched = isModule(holder) ? (holder as unknown as Module)._holder() : holder;
  if (types.isMap(searched)) return searched.get(keyOf(searched, key));
  if (types.isSet(searched)) return [...searched][Number(key)];
  return Object.hasOwn(searched, key) ? (searched as Record<string, unknown>)[key] : undefined;
}
