// Tells in which module of a model an error was thrown.
import { enter, leave, putBack } from '../all-or-nothing.js';
import { currentWatch, running } from '../autograd/anomaly.js';
import { currentRecording, isRecording } from '../context.js';
import { AdjointError, reword } from '../errors.js';
import type { Around } from './hooks.js';
import type { Module } from './module.js';

/** What can fail: a module, or a function in a Sequential. */
export type Part = Module | ((...inputs: never[]) => unknown);

interface Location {
  /** Where it was thrown, and the outermost module that it has passed through. */
  inner: Part;
  outer: Part;
  /** From outer to inner. */
  path: string;
  /** As it was thrown. */
  message: string;
}

const locations = new WeakMap<Error, Location>();

/**
 * Notes that an error left a part of a model, and returns it. Once the enclosing module is known, the error gets its path
 * as `modulePath`, and an error of the library also before its message: `encoder.layers.2.linear1 (Linear): …`.
 */
export function locate(error: unknown, part: Part): unknown {
  if (!(error instanceof Error)) return error;
  const location = locations.get(error);
  if (location === undefined) {
    locations.set(error, { inner: part, outer: part, path: '', message: error.message });
  } else if (location.outer !== part) {
    const name = typeof part === 'function' ? null : nameOf(location.outer, part);
    if (name === null) location.inner = part; // a module that this one made for its own use
    location.path = name === null ? '' : location.path === '' ? name : `${name}.${location.path}`;
    location.outer = part;
    show(error, location);
  }
  return error;
}

/** Calls a part of a model that has no `forward` to locate its errors, or whose `forward` is not what is called. */
export function within<T>(part: Part, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw locate(error, part);
  }
}

function nameOf(part: Part, module: Module): string | null {
  try {
    const direct = module._parts().find(([, other]) => other === part);
    if (direct !== undefined) return direct[0];
    return module.namedModules().find(([, other]) => other === part)?.[0] ?? null;
  } catch {
    return null; // its layers cannot be listed, for a reason unrelated to the error
  }
}

function show(error: Error, { inner, path, message }: Location): void {
  try {
    Object.assign(error, { modulePath: path });
    if (!(error instanceof AdjointError)) return;
    const name = typeof inner === 'function' ? inner.name : inner.constructor.name;
    const rest = message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
    reword(error, path === '' ? message : `${path}${name === '' ? '' : ` (${name})`}: ${rest}`);
  } catch {
    // It is frozen, or has accessors that throw.
  }
}

// Faults that a replay will find are located as if they were thrown here. The recording undoes what the parts change.
function forwardRecorded(module: Module, forward: Forward, inputs: unknown[], isHooked: boolean): unknown {
  const recording = currentRecording();
  const before = recording?.faults.length ?? 0;
  recording?.called.add(module);
  let result: unknown;
  try {
    result = isHooked ? (module._around as Around)(forward, inputs) : forward.apply(module, inputs);
  } catch (error) {
    throw locate(error, module);
  }
  if (recording === null) return result;
  for (let i = before; i < recording.faults.length; i++) {
    const noted = recording.faults[i] as (typeof recording.faults)[number];
    const { makeError } = noted;
    noted.makeError = (fault) => locate(makeError(fault), module) as Error;
  }
  return result;
}

const guarded = new WeakSet<object>();
const guardedFunctions = new WeakSet<object>();

/** Makes the `forward` of a class, and of those it extends, locate its errors and undo what it changed before them. */
export function guardForward(prototype: object, base: object): void {
  for (let p: object | null = prototype; p !== null && p !== base && !guarded.has(p); p = Object.getPrototypeOf(p)) {
    guarded.add(p);
    const property = Object.getOwnPropertyDescriptor(p, 'forward');
    if (typeof property?.value !== 'function' || !property.configurable) continue;
    Object.defineProperty(p, 'forward', { ...property, value: guard(property.value) });
  }
}

/** Does the same for a `forward` that is a property of one module. */
export function guardOwnForward(module: Module): void {
  if (!Object.hasOwn(module, 'forward') || guardedFunctions.has(module.forward)) return;
  module.forward = guard(module.forward as Forward);
}

type Forward = (this: Module, ...inputs: unknown[]) => unknown;

function guard(forward: Forward): Forward {
  // No closures and, with one input or two, no array of them: small modules take less than a microsecond.
  const located = function (this: Module, a: unknown, b: unknown): unknown {
    // biome-ignore lint/complexity/noArguments: rest parameters would make an array at each call
    const inputs = arguments as unknown as unknown[];
    // Not where a subclass calls super.forward: it is one call of the module.
    const isHooked = this._around !== null && this.forward === located;
    if (isRecording()) return forwardRecorded(this, forward, inputs, isHooked);
    const isWatched = currentWatch() !== null;
    if (isWatched) running.push(this);
    enter();
    try {
      if (isHooked) return (this._around as Around)(forward, inputs);
      if (inputs.length === 1) return forward.call(this, a);
      return inputs.length === 2 ? forward.call(this, a, b) : forward.apply(this, inputs);
    } catch (error) {
      putBack();
      throw locate(error, this);
    } finally {
      leave();
      if (isWatched) running.pop();
    }
  };
  for (const key of ['name', 'length'] as const) {
    Object.defineProperty(located, key, { value: forward[key], configurable: true });
  }
  guardedFunctions.add(located);
  return located as Forward;
}
