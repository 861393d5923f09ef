// What belongs to a module: its properties, and the contents of arrays, plain objects, Maps and Sets among them.
import { types } from 'node:util';
import { ArgumentError, describe, StateError } from '../errors.js';
import { Tensor } from '../tensor.js';
import { roleOf } from './roles.js';

/** The method by which a module lists what belongs to it; an object that has it is a module. */
export const own: unique symbol = Symbol('own');

/** A parameter, a buffer or a module, with its name relative to the module that it belongs to. */
export interface Place<T> {
  name: string;
  value: T;
}

/** What belongs to one module, without the contents of the modules in it. */
export interface Own<M> {
  parameters: Place<Tensor>[];
  buffers: Place<Tensor>[];
  modules: Place<M>[];
  /** Objects of other classes, which are searched only to report forgotten layers. */
  others: Place<object>[];
}

interface ModuleLike {
  [own](): Own<ModuleLike>;
}

export function isModule(value: object): value is ModuleLike {
  return own in value;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export function isContainer(value: object): boolean {
  return Array.isArray(value) || types.isMap(value) || types.isSet(value) || isPlain(value);
}

const longest = 100_000;

/** Calls visit(key, value) for everything that a container or an object holds; accessors are not called. */
export function forEachEntry(holder: object, visit: (key: unknown, value: unknown) => void): void {
  if (types.isMap(holder)) {
    for (const [key, value] of holder) visit(key, value);
  } else if (types.isSet(holder)) {
    let i = 0;
    for (const value of holder) visit(i++, value);
  } else if (Array.isArray(holder) && holder.length <= longest) {
    for (let i = 0; i < holder.length; i++) visit(i, holder[i]);
  } else {
    for (const key of Object.keys(holder)) {
      const property = Object.getOwnPropertyDescriptor(holder, key);
      if (property !== undefined && 'value' in property) visit(key, property.value);
    }
  }
}

/** A name of a module, parameter or buffer, as part of a key: a text without dots. */
export function checkName(operation: string, name: unknown): string {
  if (typeof name === 'string' && name !== '' && !name.includes('.')) return name;
  throw new ArgumentError(`${operation}: name must be a text that is not empty and has no dots, got ${describe(name)}`);
}

interface Found {
  name: string;
  value: object;
  /** The container, if its key there cannot be part of a name. */
  nameless: string | null;
}

/** What belongs to `module`, in the order of the properties of `holder`; each container is searched once. */
export function ownOf<M extends ModuleLike>(module: M, holder: object): Own<M> {
  const own: Own<M> = { parameters: [], buffers: [], modules: [], others: [] };
  const seen = new Set<object>([holder]);
  const stack: Found[] = []; // still to be searched, the next one last
  const open = (container: object, name: string, nameless: string | null): void => {
    const start = stack.length;
    forEachEntry(container, (key, value) => {
      if (value === null || typeof value !== 'object') return;
      const isName = typeof key === 'string' || typeof key === 'number';
      const path = name === '' ? String(key) : `${name}.${isName ? key : '?'}`;
      stack.push({ name: path, value, nameless: nameless ?? (isName ? null : name) });
    });
    reverse(stack, start);
  };
  open(holder, '', null);
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { name, value, nameless } = next;
    const role = value instanceof Tensor ? roleOf(value) : undefined;
    const isLayer = isModule(value);
    if ((role !== undefined || isLayer) && nameless !== null) throw namelessError(module, nameless);
    if (role !== undefined) own[role === 'buffer' ? 'buffers' : 'parameters'].push({ name, value: value as Tensor });
    else if (isLayer) own.modules.push({ name, value: value as M });
    else if (seen.has(value) || value instanceof Tensor || ArrayBuffer.isView(value)) continue;
    else {
      seen.add(value);
      if (isContainer(value)) open(value, name, nameless);
      else own.others.push({ name, value });
    }
  }
  return own;
}

function reverse(list: unknown[], from: number): void {
  for (let i = from, j = list.length - 1; i < j; i++, j--) [list[i], list[j]] = [list[j], list[i]];
}

function namelessError(module: object, container: string): StateError {
  return new StateError(
    `${module.constructor.name}: ${container} has a layer under a key that gives no name; let the keys be texts or numbers`,
  );
}
