// Everything below a module, with full names.
import { StateError } from '../errors.js';
import { Tensor } from '../tensor.js';
import type { Module } from './module.js';
import { forEachEntry, isModule, own, type Place } from './places.js';
import { roleOf } from './roles.js';

export interface Tree {
  /** Parameters and buffers, under each of their names: a module's own parameters, its own buffers, then those of its modules. */
  places: Place<Tensor>[];
  /** The modules, each once, including the root as ''. */
  modules: Map<Module, string>;
  /** The modules under each of their names. */
  occurrences: Place<Module>[];
}

/**
 * Searches a module and everything below it. A module that refers back to one that contains it is not searched again.
 *
 * @throws StateError when an object of another class has layers that are found nowhere else
 */
export function treeOf(root: Module): Tree {
  const tree: Tree = { places: [], modules: new Map(), occurrences: [] };
  const others: Place<object>[] = [];
  const above = new Set<Module>();
  const visit = (module: Module, name: string): void => {
    if (above.has(module)) return;
    above.add(module);
    const prefix = name === '' ? '' : `${name}.`;
    tree.occurrences.push({ name, value: module });
    const isNew = !tree.modules.has(module);
    if (isNew) tree.modules.set(module, name);
    const mine = module[own]();
    for (const list of [mine.parameters, mine.buffers]) {
      for (const place of list) tree.places.push({ name: prefix + place.name, value: place.value });
    }
    for (const place of mine.modules) visit(place.value, prefix + place.name);
    if (isNew) for (const place of mine.others) others.push({ name: prefix + place.name, value: place.value });
    above.delete(module);
  };
  visit(root, '');
  if (others.length > 0) checkOthers(root, tree, others);
  return tree;
}

/**
 * The parameters and buffers of a module and everything below it.
 *
 * @throws StateError when a lazy module has none yet
 */
export function placesOf(root: Module): Place<Tensor>[] {
  const tree = treeOf(root);
  for (const [module, name] of tree.modules) module._checkMade(name);
  return tree.places;
}

const maxVisited = 1000;

// Objects of other classes may hold forgotten layers, or only refer to the model, like an optimizer or a trainer. The latter
// refer to known parts of it and are left alone.
function checkOthers(root: Module, tree: Tree, others: readonly Place<object>[]): void {
  const known = new Set<object>(tree.modules.keys());
  for (const { value } of tree.places) known.add(value);
  for (const other of others) {
    const forgotten = forgottenIn(other, known);
    if (forgotten === null) continue;
    const name = other.value.constructor?.name ?? 'none';
    throw new StateError(
      `${root.constructor.name}: ${forgotten.name} is a layer in an object of class ${name}, where it would be neither trained nor saved; let ${name} extend nn.Module, or keep its layers in an array, a plain object, a Map or a Set`,
    );
  }
}

// The first layer in an object, breadth first; null when it has none, refers to something known, or is too large to be part
// of a model.
function forgottenIn(other: Place<object>, known: ReadonlySet<object>): Place<object> | null {
  const queue: Place<object>[] = [other];
  const seen = new Set<object>([other.value]);
  let forgotten: Place<object> | null = null;
  let isKnown = false;
  for (let i = 0; i < queue.length && !isKnown; i++) {
    const { name, value: holder } = queue[i] as Place<object>;
    forEachEntry(holder, (key, value) => {
      if (value === null || typeof value !== 'object' || seen.has(value) || ArrayBuffer.isView(value)) return;
      seen.add(value);
      if (known.has(value)) isKnown = true;
      const place = { name: `${name}.${String(key)}`, value };
      const isTensor = value instanceof Tensor;
      if (isModule(value) || (isTensor && roleOf(value) !== undefined)) forgotten ??= place;
      if (!isTensor) queue.push(place);
    });
    if (queue.length > maxVisited) return null;
  }
  return isKnown ? null : forgotten;
}
