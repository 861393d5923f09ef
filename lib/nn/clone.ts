// Deep copies of modules.
import { types } from 'node:util';
import { noGrad } from '../autograd/tape.js';
import { layersChanged } from '../context.js';
import { StateError } from '../errors.js';
import { native } from '../native.js';
import { clone } from '../ops/copy.js';
import { Tensor } from '../tensor.js';
import { copyHooks } from './hooks.js';
import type { Module } from './module.js';
import { isContainer, isModule, own } from './places.js';
import { Buffer, isSaved, Parameter, roleOf } from './roles.js';

/**
 * A copy of a module, of the modules and containers in it and of their tensors: what stands in several places does so in the
 * copy. All of it is made, or nothing.
 *
 * @throws StateError when a class has `#private` fields, which cannot be copied
 */
export function cloneModule<M extends Module>(root: M): M {
  const copies = new Map<object, object>();
  const toFill: [from: object, to: object][] = [];
  const tensors: Tensor[] = [];

  const copyOf = (value: unknown): unknown => {
    if (value === null || typeof value !== 'object') return value;
    let copy = copies.get(value);
    if (copy === undefined) {
      if (value instanceof Tensor) {
        if (value.disposed) return value;
        copy = clone(value);
        tensors.push(copy as Tensor);
        giveRole(value, copy as Tensor);
      } else if (isModule(value) || isContainer(value)) {
        copy = emptyLike(value);
        toFill.push([value, copy]);
      } else {
        return value;
      }
      copies.set(value, copy);
    }
    return copy;
  };

  try {
    return noGrad(() => {
      const copy = copyOf(root) as M;
      for (let i = 0; i < toFill.length; i++) fill(...(toFill[i] as [object, object]), copyOf); // toFill grows meanwhile
      for (const [from, to] of toFill) if (isModule(to)) finish(from as Module, to as unknown as Module);
      layersChanged();
      return copy;
    });
  } catch (error) {
    for (const t of tensors) t.dispose();
    throw error;
  }
}

function giveRole(from: Tensor, to: Tensor): void {
  const role = roleOf(from);
  if (role === 'parameter') new Parameter(to, from.requiresGrad);
  else if (role === 'buffer') new Buffer(to, { persistent: isSaved(from) });
  else if (from.isLeaf) to.requiresGrad = from.requiresGrad;
}

function emptyLike(value: object): object {
  if (isModule(value)) checkCopyable(value);
  const empty = Array.isArray(value) ? [] : types.isMap(value) ? new Map() : types.isSet(value) ? new Set() : {};
  return Object.setPrototypeOf(empty, Object.getPrototypeOf(value));
}

function fill(from: object, to: object, copyOf: (value: unknown) => unknown): void {
  if (types.isMap(from)) {
    for (const [key, value] of from) Map.prototype.set.call(to, key, copyOf(value));
  } else if (types.isSet(from)) {
    for (const value of from) Set.prototype.add.call(to, copyOf(value));
  }
  for (const key of Reflect.ownKeys(from)) {
    if (key === '_around' && isModule(from)) continue; // calls the hooks of that module
    const property = Object.getOwnPropertyDescriptor(from, key) as PropertyDescriptor;
    if ('value' in property) property.value = copyOf(property.value);
    Object.defineProperty(to, key, property);
  }
}

function finish(from: Module, to: Module): void {
  copyHooks(from, to);
  native.noteModule(to);
}

// Private fields exist only on what their class has constructed, and functions go on using the module they were made in.
function checkCopyable(module: object): void {
  const { name } = module.constructor;
  if (Object.hasOwn(module, 'forward')) {
    throw new StateError(
      `clone: forward is a property of ${name}, and would go on using the original; make it a method: forward(x) { … }`,
    );
  }
  for (let p = module; !Object.hasOwn(p, own); p = Object.getPrototypeOf(p)) {
    const Class = Object.hasOwn(p, 'constructor') ? p.constructor : null;
    if (Class === null || !/\.\s*#[\p{ID_Start}$_]/u.test(Function.prototype.toString.call(Class))) continue;
    throw new StateError(
      `clone: ${Class.name} has #private fields, which cannot be copied; let it have a clone() of its own, or fields without #`,
    );
  }
}
