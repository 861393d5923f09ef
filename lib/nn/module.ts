import { types } from 'node:util';
import { noGrad } from '../autograd/tape.js';
import type { DType } from '../dtype.js';
import { isFloat } from '../dtype.js';
import {
  ArgumentError,
  checkFlag,
  checkFunction,
  checkOptions,
  DTypeError,
  describe,
  formatShape,
  StateError,
} from '../errors.js';
import { keep } from '../memory.js';
import { native } from '../native.js';
import { clone, copy_, to } from '../ops/copy.js';
import { currentRecording, structureChanged } from '../program/recording.js';
import { type Shape, sameShape } from '../shape.js';
import { checkDType, checkTensor, clearGrad, Tensor } from '../tensor.js';
import { summarize } from './summary.js';

const roles = new WeakMap<Tensor, 'parameter' | 'buffer'>();

/**
 * Makes a tensor a parameter: as a property of a module it is trained, saved and counted. It outlives every scope.
 *
 * @param t float32 or float64, not the result of a recorded operation; becomes `requiresGrad`
 * @throws ArgumentError when t is the result of a recorded operation, DTypeError when it is not of floats
 * @example
 * this.scale = nn.parameter(ones([features]));
 */
export function parameter(t: Tensor): Tensor {
  checkTensor('parameter', 'tensor', t);
  if (!t.isLeaf)
    throw new ArgumentError('parameter: tensor must be a leaf, got the result of a recorded operation; use detach()');
  t.requiresGrad = true;
  roles.set(t, 'parameter');
  return keep(t);
}

/**
 * Makes a tensor a buffer: as a property of a module it is saved, but not trained. It outlives every scope.
 *
 * @throws ArgumentError when t is not a tensor
 * @example
 * this.count = nn.buffer(zeros([1]));
 */
export function buffer(t: Tensor): Tensor {
  checkTensor('buffer', 'tensor', t);
  roles.set(t, 'buffer');
  return keep(t);
}

/** What `loadStateDict` accepts: names and tensors. */
export type StateDict = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/** A place that holds a tensor or a module: a property, or an element of an array that is a property. */
interface Place<T> {
  name: string;
  value: T;
  holder: Record<string, unknown>;
  key: string;
}

/**
 * The base of all layers and models. Properties are found by what they hold, so that no registration is needed:
 * tensors made by `nn.parameter` and `nn.buffer`, modules, and arrays of these. Names are PyTorch's: `fc.weight`, and
 * `layers.0.weight` for arrays.
 *
 * @example
 * class Net extends nn.Module {
 *   hidden = new nn.Linear(784, 128);
 *   output = new nn.Linear(128, 10);
 *   forward(x) {
 *     return this.output.forward(this.hidden.forward(x).relu());
 *   }
 * }
 */
export abstract class Module {
  private inTraining = true;

  /** Whether layers such as Dropout behave as in training. Set by `train` and `eval`. */
  get training(): boolean {
    currentRecording()?.modes.set(this, this.inTraining);
    return this.inTraining;
  }

  set training(value: boolean) {
    checkFlag('training', 'value', value);
    if (value !== this.inTraining) {
      structureChanged(() => {
        this.inTraining = !value;
      });
    }
    this.inTraining = value;
  }

  /** Computes the output. */
  // biome-ignore lint/suspicious/noExplicitAny: a module takes and returns what it likes
  abstract forward(...inputs: any[]): any;

  /** @internal The object whose properties are looked through: a container's own list, say. */
  _holder(): object {
    return this;
  }

  // The parameters, buffers and modules that are properties of this module, in this order.
  private *places(): Generator<Place<Tensor | Module>> {
    const modules: Place<Module>[] = [];
    const buffers: Place<Tensor>[] = [];
    for (const found of placesIn(this._holder() as Record<string, unknown>)) {
      if (found.value instanceof Module) modules.push(found as Place<Module>);
      else if (roles.get(found.value) === 'buffer') buffers.push(found as Place<Tensor>);
      else if (roles.has(found.value)) yield found;
    }
    yield* buffers;
    yield* modules;
  }

  // All places below, names in full: own parameters, own buffers, then the modules'.
  // A module that points back to one it is in is not looked through again.
  private *allPlaces(prefix = '', above: readonly Module[] = []): Generator<Place<Tensor>> {
    if (above.includes(this)) return;
    for (const place of this.places()) {
      const name = prefix + place.name;
      if (place.value instanceof Module) yield* place.value.allPlaces(`${name}.`, [...above, this]);
      else yield { ...place, name, value: place.value };
    }
  }

  private *named(role: 'parameter' | 'buffer'): Generator<[string, Tensor]> {
    const seen = new Set<Tensor>();
    for (const { name, value } of this.allPlaces()) {
      if (roles.get(value) !== role || seen.has(value)) continue;
      seen.add(value);
      yield [name, value];
    }
  }

  /** All parameters, this module's and those of the modules in it; each once. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, t]) => t);
  }

  /** All parameters with their names, such as `0.weight`. */
  namedParameters(): [string, Tensor][] {
    return [...this.named('parameter')];
  }

  /** All buffers: what is saved, but not trained. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, t]) => t);
  }

  /** All buffers with their names. */
  namedBuffers(): [string, Tensor][] {
    return [...this.named('buffer')];
  }

  /** The modules that are properties of this one. */
  children(): Module[] {
    return this.namedChildren().map(([, m]) => m);
  }

  /** The modules that are properties of this one, with their names. */
  namedChildren(): [string, Module][] {
    return [...this.places()]
      .filter((p): p is Place<Module> => p.value instanceof Module)
      .map((p) => [p.name, p.value]);
  }

  /** This module and all below it, each once. */
  modules(): Module[] {
    return this.namedModules().map(([, m]) => m);
  }

  /** This module (named '') and all below it with their names, each once. */
  namedModules(): [string, Module][] {
    const found = new Map<Module, string>();
    const visit = (module: Module, name: string): void => {
      if (found.has(module)) return;
      found.set(module, name);
      for (const [child, m] of module.namedChildren()) visit(m, name === '' ? child : `${name}.${child}`);
    };
    visit(this, '');
    return [...found].map(([m, name]) => [name, m]);
  }

  /** Sets this module and all below it to training mode, or with `false` to evaluation. */
  train(mode = true): this {
    checkFlag('train', 'mode', mode);
    for (const m of this.modules()) m.training = mode;
    return this;
  }

  /** Sets this module and all below it to evaluation mode: Dropout passes everything through, for example. */
  eval(): this {
    return this.train(false);
  }

  /** Calls `fn` with each module below this one and then with this one, to initialise weights, say. */
  apply(fn: (module: Module) => void): this {
    checkFunction('apply', 'fn', fn);
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const p of this.parameters()) clearGrad(p);
  }

  /** Sets whether the parameters are trained. */
  requiresGrad_(value = true): this {
    for (const p of this.parameters()) p.requiresGrad = value;
    return this;
  }

  /**
   * Converts float parameters and buffers. They become other tensors: make the optimizer afterwards.
   *
   * @param dtype float32 or float64
   */
  to(dtype: DType): this {
    if (!isFloat(checkDType('Module.to', dtype ?? null, 'float32'))) {
      throw new DTypeError(`Module.to: dtype must be float32 or float64, got ${dtype}`);
    }
    const converted = new Map<Tensor, Tensor>();
    for (const { value, holder, key } of this.allPlaces()) {
      if (value.dtype === dtype || !isFloat(value.dtype)) continue;
      let t = converted.get(value);
      if (t === undefined) {
        t = noGrad(() => to(value, dtype));
        if (roles.get(value) === 'buffer') buffer(t);
        else parameter(t).requiresGrad = value.requiresGrad;
        converted.set(value, t);
      }
      holder[key] = t;
    }
    return this;
  }

  /** Parameters and buffers under PyTorch's names, the tensors themselves: what is saved and loaded. */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const { name, value } of this.allPlaces()) state.set(name, value);
    return state;
  }

  /**
   * Copies tensors into the parameters and buffers of the same names, converted to their dtypes.
   *
   * @param options strict (default true): every name must be there, and no other; of a tensor with several names, one.
   *   Shapes must always be the same.
   * @returns the names that were missing and those that the module does not have
   * @throws StateError that lists all keys and shapes that do not fit, or when a compiled step is using a tensor; nothing is
   *   changed then
   */
  loadStateDict(state: StateDict, options?: { strict?: boolean }): { missing: string[]; unexpected: string[] } {
    checkOptions('loadStateDict', options, ['strict']);
    if (state === null || typeof state !== 'object' || state instanceof Tensor) {
      throw new ArgumentError(`loadStateDict: state must be a Map or an object of tensors, got ${describe(state)}`);
    }
    const given = new Map(types.isMap(state) ? state : Object.entries(state)) as Map<string, Tensor>;
    const own = this.stateDict();
    // Of a tensor that has several names, one is enough.
    const covered = new Set([...own].flatMap(([name, t]) => (given.has(name) ? [t] : [])));
    const missing = [...own].flatMap(([name, t]) => (covered.has(t) ? [] : [name]));
    const unexpected = [...given.keys()].filter((name) => !own.has(name));
    const problems = [...own].flatMap(([name, t]) => (given.has(name) ? mismatch(name, given.get(name), t) : []));
    if (checkFlag('loadStateDict', 'strict', options?.strict, true)) {
      if (missing.length > 0) problems.unshift(`missing ${missing.join(', ')}`);
      if (unexpected.length > 0) problems.push(`unexpected ${unexpected.join(', ')}`);
    }
    if (problems.length > 0) throw new StateError(`loadStateDict: state must fit the module: ${problems.join('; ')}`);
    const copies = [...own].flatMap(([name, t]) => (given.has(name) ? [[t, given.get(name) as Tensor] as const] : []));
    copyAll('loadStateDict', copies);
    return { missing, unexpected };
  }

  /** What a layer shows of itself in `summary`: `Linear(784, 128)`. */
  toString(): string {
    return `${this.constructor.name}()`;
  }

  /**
   * A table of the layers with their output shapes and numbers of parameters, as text.
   *
   * @param inputs shapes (or tensors) of what `forward` takes; without them the table has no output shapes
   * @example
   * console.log(model.summary([1, 784]));
   */
  summary(...inputs: (Shape | Tensor)[]): string {
    return summarize(this, inputs);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.summary();
  }
}

function* placesIn(holder: Record<string, unknown>, prefix = ''): Generator<Place<Tensor | Module>> {
  for (const [key, value] of Object.entries(holder)) {
    if (value instanceof Tensor || value instanceof Module) yield { name: prefix + key, value, holder, key };
    else if (Array.isArray(value)) yield* placesIn(value as unknown as Record<string, unknown>, `${prefix}${key}.`);
  }
}

// Copies sources into tensors of the same shapes: all or, when one of them cannot be read or written, none.
function copyAll(operation: string, pairs: readonly (readonly [to: Tensor, from: Tensor])[]): void {
  const written = new Set(pairs.flatMap(([to]) => (to._base === null ? [to] : [to, to._base])));
  for (const [to] of pairs) native.checkFree(to.handle, true, operation);
  noGrad(() => {
    const sources = pairs.map(([to, from]) => {
      native.checkFree(from.handle, false, operation);
      const isWritten = from !== to && (written.has(from) || (from._base !== null && written.has(from._base)));
      return isWritten ? clone(from) : from;
    });
    pairs.forEach(([to], i) => {
      copy_(to, sources[i] as Tensor);
    });
  });
}

function mismatch(name: string, given: unknown, own: Tensor): string[] {
  if (!(given instanceof Tensor)) return [`${name} must be a tensor, got ${describe(given)}`];
  if (given.disposed) return [`${name} must be a live tensor, got a disposed one`];
  if (!sameShape(given.dims, own.dims)) {
    return [`${name} must be ${formatShape(own.dims)}, got ${formatShape(given.dims)}`];
  }
  return isFloat(given.dtype) === isFloat(own.dtype) ? [] : [`${name} must be ${own.dtype}, got ${given.dtype}`];
}
