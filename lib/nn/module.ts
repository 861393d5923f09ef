import { noGrad } from '../autograd/tape.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkOptions, describe, formatShape, StateError } from '../errors.js';
import { keep } from '../memory.js';
import { to } from '../ops/copy.js';
import { sameShape } from '../shape.js';
import { checkTensor, Tensor } from '../tensor.js';

const parameters = new WeakSet<Tensor>();
const buffers = new WeakSet<Tensor>();

/** Marks a tensor as a parameter: a module that holds it in a property trains and saves it. */
export function parameter(t: Tensor): Tensor {
  checkTensor('parameter', 't', t);
  if (!t.isLeaf) throw new ArgumentError('parameter: must be a tensor that no operation made; use detach()');
  t.requiresGrad = true;
  parameters.add(t);
  return keep(t);
}

/** Marks a tensor as a buffer: state that a module saves but does not train, such as running means. */
export function buffer(t: Tensor): Tensor {
  checkTensor('buffer', 't', t);
  buffers.add(t);
  return keep(t);
}

/**
 * The base of layers and models, as PyTorch's `nn.Module`. A subclass assigns parameters (`nn.parameter(…)`), buffers
 * (`nn.buffer(…)`), modules and arrays of modules to properties, and their names are the keys of its state:
 * `this.head = new nn.Linear(…)` gives `head.weight`, `this.blocks = [a, b]` gives `blocks.0.…` and `blocks.1.…`.
 *
 * @example
 * class Regressor extends nn.Module {
 *   hidden = new nn.Linear(4, 8);
 *   out = new nn.Linear(8, 1);
 *   forward(x) { return this.out.forward(this.hidden.forward(x).relu()); }
 * }
 */
export abstract class Module {
  /** Whether layers that differ between training and use (dropout, normalisation) are in training; default true. */
  training = true;

  /** Computes the module's output. */
  abstract forward(...inputs: Tensor[]): Tensor;

  /** The modules in this one's properties, by name. */
  *namedChildren(): Iterable<[string, Module]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Module) yield [name, value];
      else if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) if (value[i] instanceof Module) yield [`${name}.${i}`, value[i]];
      }
    }
  }

  /** This module and all inside it, by path; its own is ''. */
  *namedModules(prefix = ''): Iterable<[string, Module]> {
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) yield* child.namedModules(prefix ? `${prefix}.${name}` : name);
  }

  /** This module and all inside it. */
  modules(): Module[] {
    return [...this.namedModules()].map(([, module]) => module);
  }

  private namedTensors(marked: WeakSet<Tensor>): [string, Tensor][] {
    const found: [string, Tensor][] = [];
    const seen = new Set<Tensor>(); // one tensor in two places is one parameter, by its first name
    for (const [path, module] of this.namedModules()) {
      for (const [name, value] of Object.entries(module)) {
        if (!(value instanceof Tensor) || !marked.has(value) || seen.has(value)) continue;
        seen.add(value);
        found.push([path ? `${path}.${name}` : name, value]);
      }
    }
    return found;
  }

  /** All parameters by name, `0.weight` say. */
  namedParameters(): [string, Tensor][] {
    return this.namedTensors(parameters);
  }

  /** All parameters, what an optimizer takes. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, t]) => t);
  }

  /** All buffers by name. */
  namedBuffers(): [string, Tensor][] {
    return this.namedTensors(buffers);
  }

  /** All buffers. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, t]) => t);
  }

  /** Puts this module and all inside it in training (or, with false, in use). */
  train(training = true): this {
    if (typeof training !== 'boolean')
      throw new ArgumentError(`train: training must be a boolean, got ${describe(training)}`);
    for (const module of this.modules()) module.training = training;
    return this;
  }

  /** Puts this module and all inside it in use: no dropout, running statistics. */
  eval(): this {
    return this.train(false);
  }

  /** Calls `fn` with every module inside this one, then with this one. */
  apply(fn: (module: Module) => void): this {
    for (const [, child] of this.namedChildren()) child.apply(fn);
    fn(this);
    return this;
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const p of this.parameters()) clearGrad(p);
  }

  /** Sets whether the parameters are trained. */
  requiresGrad_(value = true): this {
    for (const p of this.parameters()) p.requiresGrad = value;
    return this;
  }

  /**
   * Converts parameters and buffers to another float dtype. They become new tensors: make the optimizer afterwards.
   */
  to(dtype: DType): this {
    for (const [, module] of this.namedModules()) {
      for (const [name, value] of Object.entries(module)) {
        if (!(value instanceof Tensor) || value.dtype === dtype) continue;
        const marked = parameters.has(value) ? parameter : buffers.has(value) ? buffer : null;
        if (marked === null || (marked === buffer && !value.dtype.startsWith('float'))) continue;
        const trained = value.requiresGrad;
        const converted = marked(noGrad(() => to(value, dtype)));
        converted.requiresGrad = trained;
        (module as unknown as Record<string, Tensor>)[name] = converted;
      }
    }
    return this;
  }

  /** Parameters and buffers by name, the tensors themselves: what is saved and loaded. */
  stateDict(): Map<string, Tensor> {
    return new Map([...this.namedParameters(), ...this.namedBuffers()]);
  }

  /**
   * Copies the values of `state` into the parameters and buffers.
   *
   * @param options `strict` (default true): missing or extra keys are errors; otherwise they are returned
   * @throws StateError that lists all missing, extra and mis-shaped keys; nothing is changed then
   */
  loadStateDict(
    state: Map<string, Tensor> | Record<string, Tensor>,
    options: { strict?: boolean } = {},
  ): { missing: string[]; unexpected: string[] } {
    checkOptions('loadStateDict', options, ['strict']);
    const given = state instanceof Map ? state : new Map(Object.entries(state));
    const own = this.stateDict();
    const missing = [...own.keys()].filter((key) => !given.has(key));
    const unexpected = [...given.keys()].filter((key) => !own.has(key));
    const wrong: string[] = [];
    for (const [key, target] of own) {
      const source = given.get(key);
      if (source === undefined) continue;
      checkTensor('loadStateDict', key, source);
      if (!sameShape(source.shape, target.shape)) {
        wrong.push(`${key} must be ${formatShape(target.shape)}, got ${formatShape(source.shape)}`);
      }
    }
    const problems = [...wrong];
    if (options.strict ?? true) {
      if (missing.length > 0) problems.push(`missing ${missing.join(', ')}`);
      if (unexpected.length > 0) problems.push(`unexpected ${unexpected.join(', ')}`);
    }
    if (problems.length > 0) {
      throw new StateError(`loadStateDict: the state must fit the module: ${problems.join('; ')}`);
    }
    noGrad(() => {
      for (const [key, target] of own) {
        const source = given.get(key);
        if (source !== undefined) target.copy_(source);
      }
    });
    return { missing, unexpected };
  }

  /** What a layer shows of itself in `summary`: `Linear(784, 128)`. */
  toString(): string {
    return `${this.constructor.name}()`;
  }
}

/** @internal Forgets a gradient, and frees it when nobody has seen it. */
export function clearGrad(p: Tensor): void {
  if (p._grad !== null && !p._gradSeen) p._grad.dispose();
  p._grad = null;
  p._gradSeen = false;
}
