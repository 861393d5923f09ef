// Modules as functions of their parameters and buffers.
import { types } from 'node:util';
import {
  ArgumentError,
  checkEach,
  checkFlag,
  describe,
  formatShape,
  isPlain,
  ShapeError,
  StateError,
} from '../errors.js';
import { Module } from '../nn/module.js';
import { detach } from '../ops/copy.js';
import { stack } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import type { Slot } from '../program/slot-guard.js';
import { sameShape } from '../shape.js';
import { checkTensor, Tensor } from '../tensor.js';
import { checkInputCount } from './trees.js';

/** Tensors by the names of parameters and buffers: a plain object or a Map, such as a `stateDict()`. */
export type NamedTensors = Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>;

/** Options of `functionalCall`. */
export interface FunctionalCallOptions {
  /** Whether every parameter and buffer must be given; default false. */
  strict?: boolean;
}

function checkIsModule(operation: string, name: string, value: unknown): Module {
  if (value instanceof Module) return value;
  throw new ArgumentError(`${operation}: ${name} must be a module, got ${describe(value)}`);
}

function entriesOf(operation: string, given: unknown): [string, unknown][] {
  if (types.isMap(given)) return [...given] as [string, unknown][];
  if (isPlain(given)) return Object.entries(given as object);
  const rule = 'parametersAndBuffers must be an object or a Map of tensors, or an array of these';
  throw new ArgumentError(`${operation}: ${rule}, got ${describe(given)}`);
}

function allTensors(module: Module): Map<string, Tensor> {
  const all = { removeDuplicate: false };
  return new Map([...module.namedParameters(all), ...module.namedBuffers(all)]);
}

// What is to stand in place of each tensor of the module.
function replacements(operation: string, module: Module, given: unknown, strict: boolean): Map<Tensor, Tensor> {
  const own = allTensors(module);
  const instead = new Map<Tensor, Tensor>();
  for (const [name, value] of (Array.isArray(given) ? given : [given]).flatMap((part) => entriesOf(operation, part))) {
    const tensor = own.get(name);
    if (tensor === undefined) {
      throw new ArgumentError(`${operation}: ${module.constructor.name} has no parameter or buffer ${describe(name)}`);
    }
    const replacement = checkTensor(operation, name, value);
    if (!sameShape(replacement.dims, tensor.dims)) {
      const shapes = `${formatShape(tensor.dims)}, got ${formatShape(replacement.dims)}`;
      throw new ShapeError(`${operation}: ${name} must have the shape of the module's, ${shapes}`);
    }
    if ((instead.get(tensor) ?? replacement) !== replacement) {
      throw new ArgumentError(`${operation}: tied parameters must be given once, got another tensor for ${name}`);
    }
    instead.set(tensor, replacement);
  }
  const missing = strict ? [...own].filter(([, t]) => !instead.has(t)).map(([name]) => name) : [];
  if (missing.length === 0) return instead;
  throw new StateError(`${operation}: all parameters and buffers must be given, missing ${missing.join(', ')}`);
}

function put({ holder, key, value }: Slot, tensor: unknown): void {
  if (types.isMap(holder)) holder.set(key, tensor);
  else if (types.isSet(holder)) {
    const members = [...holder].map((member) => (member === value ? tensor : member)); // in the same order
    holder.clear();
    for (const member of members) holder.add(member);
  } else (holder as Record<string, unknown>)[key as string] = tensor;
}

/**
 * Calls a module with other tensors in place of its parameters and buffers, which are themselves not changed. Gradients flow to the
 * tensors that are given; running statistics are written to those. Tied parameters are replaced together.
 *
 * @param parametersAndBuffers tensors by name, of the shapes that the module's have; or an array of such objects
 * @param args the input of `forward`, or the array of its inputs
 * @param options strict (default false): whether every parameter and buffer must be given
 * @throws ArgumentError for a name that the module does not have or more than 255 inputs, ShapeError for another shape
 * @example
 * const layer = new nn.Linear(2, 1);
 * func.functionalCall(layer, { weight: ones(1, 2), bias: zeros(1) }, tensor([[1, 2]])); // [[3]]
 */
export function functionalCall(
  module: Module,
  parametersAndBuffers: NamedTensors | readonly NamedTensors[],
  args?: unknown,
  options?: FunctionalCallOptions,
  // biome-ignore lint/suspicious/noExplicitAny: a module returns what it likes
): any {
  const operation = 'functionalCall';
  checkIsModule(operation, 'module', module);
  checkOptions(operation, options, ['strict']);
  const strict = checkFlag(operation, 'strict', options?.strict, false);
  const instead = replacements(operation, module, parametersAndBuffers, strict);
  const inputs = checkInputCount(operation, 'args', args === undefined ? [] : Array.isArray(args) ? args : [args]);
  const places = new Map<object, Map<unknown, Slot>>();
  for (const slot of module.modules().flatMap((m) => m._slots())) {
    if (!(slot.value instanceof Tensor) || !instead.has(slot.value)) continue;
    const list = places.get(slot.holder) ?? new Map<unknown, Slot>();
    places.set(slot.holder, list.set(slot.key, slot)); // several modules may hold one container
  }
  const slots = [...places.values()].flatMap((list) => [...list.values()]);
  try {
    for (const slot of slots) put(slot, instead.get(slot.value as Tensor));
    return module.forward(...inputs);
  } finally {
    for (const slot of slots) put({ ...slot, value: instead.get(slot.value as Tensor) }, slot.value);
  }
}

/**
 * The parameters and buffers of several models of one class, each stacked along a new first dimension.
 *
 * @param models of the same class and mode, with parameters of the same shapes
 * @returns [parameters, buffers] by name; the parameters are leaves, as those of the models, and can be trained
 * @throws ArgumentError, StateError when the models differ
 * @example
 * const [params] = func.stackModuleState([new nn.Linear(3, 2), new nn.Linear(3, 2)]);
 * params.weight; // [2, 2, 3]
 */
export function stackModuleState(
  models: Iterable<Module>,
): [parameters: Record<string, Tensor>, buffers: Record<string, Tensor>] {
  const operation = 'stackModuleState';
  const check = (model: unknown, i: number): Module => checkIsModule(operation, `model ${i}`, model);
  const list = checkEach(operation, 'models', 'must be a list of modules', models, check);
  const [first] = list;
  if (first === undefined) throw new ArgumentError(`${operation}: models must be at least one, got none`);
  if (list.some((model) => model.constructor !== first.constructor)) {
    throw new ArgumentError(`${operation}: models must be of one class`);
  }
  if (list.some((model) => model.training !== first.training)) {
    throw new StateError(`${operation}: models must be in one mode, training or evaluation`);
  }
  const stacked = (all: Map<string, Tensor>[]): Record<string, Tensor> =>
    Object.fromEntries([...(all[0] as Map<string, Tensor>).keys()].map((name) => [name, join(operation, name, all)]));
  return [stacked(list.map((m) => new Map(m.namedParameters()))), stacked(list.map((m) => new Map(m.namedBuffers())))];
}

function join(operation: string, name: string, all: Map<string, Tensor>[]): Tensor {
  const tensors = all.map((named) => named.get(name));
  const list = tensors.filter((t) => t !== undefined);
  const wanted = list[0]?.requiresGrad === true;
  if (list.length < all.length || list.some((t) => t.requiresGrad !== wanted)) {
    throw new StateError(`${operation}: ${name} must be in each model, and need a gradient in all or none`);
  }
  const joined = detach(stack(list));
  joined.requiresGrad = wanted;
  return joined;
}
