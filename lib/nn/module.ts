import { optionsOf } from '../arguments.js';
import type { RemovableHandle } from '../autograd/hooks.js';
import { currentRecording, layersChanged, structureChanged } from '../context.js';
import type { DType } from '../dtype.js';
import { isFloat } from '../dtype.js';
import { ArgumentError, checkFlag, checkFunction, checkText, DTypeError, describe, StateError } from '../errors.js';
import { native } from '../native.js';
import { checkOptions } from '../options.js';
import type { GuardedModule } from '../program/module-guard.js';
import type { Slot } from '../program/slot-guard.js';
import type { Shape } from '../shape.js';
import { checkDType, checkTensor, Tensor } from '../tensor.js';
import { type ZeroGradArguments, zeroGrads } from '../zero-grad.js';
import { cloneModule } from './clone.js';
import { convertAll } from './conversion.js';
import {
  type Around,
  type BackwardHook,
  type BackwardPreHook,
  type ForwardHook,
  type ForwardPreHook,
  register,
} from './hooks.js';
import { guardForward, type Part } from './location.js';
import {
  checkPart,
  findModule,
  findTensor,
  type NamedOptions,
  namedModules,
  namedTensors,
  placeModule,
  registerAt,
} from './lookup.js';
import { type Own, own, ownOf } from './places.js';
import { Buffer, isSaved, roleOf } from './roles.js';
import { slotsOf } from './slots.js';
import { loadState, type StateDict } from './state.js';
import { summarize } from './summary.js';
import { placesOf, treeOf } from './tree.js';

type RecurseArguments = [recurse: boolean] | [options?: { recurse?: boolean }];
type NamedArguments =
  | [options?: NamedOptions]
  | [prefix: string, options?: Omit<NamedOptions, 'prefix'>]
  | [prefix: string, recurse: boolean, options?: { removeDuplicate?: boolean }];

/**
 * The base of all layers and models. Properties are found by what they hold, so that no registration is needed:
 * parameters (`nn.Parameter`), buffers (`nn.Buffer`), modules, and arrays, plain objects, Maps and Sets of these, at any
 * depth. Names are PyTorch's: `fc.weight`, `layers.0.weight`, `heads.a.weight`. Not found are `#private` fields, accessors
 * and properties that are not enumerable: there a module may keep what is not its own. Layers in an object of another
 * class are an error.
 *
 * An error of the library that is thrown in a module inside another one names it: `encoder.0 (Linear): …`, and
 * `error.modulePath`. A compiled function that uses a module notices when its parameters or modules are replaced.
 *
 * @example
 * class Net extends nn.Module {
 *   hidden = new nn.Linear(784, 128);
 *   output = new nn.Linear(128, 10);
 *   forward(x: Tensor) {
 *     return this.output.forward(this.hidden.forward(x).relu());
 *   }
 * }
 */
export abstract class Module implements GuardedModule {
  private inTraining = true;
  /** @internal What calls `forward` when there are hooks; null, on the prototype, when there are none. */
  declare _around: Around | null;

  constructor() {
    guardForward(Object.getPrototypeOf(this), Module.prototype);
    native.noteModule(this);
    layersChanged(); // another module may hold it under a new name
  }

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

  /** @internal The object whose properties are searched: a container's own list, say. */
  _holder(): object {
    return this;
  }

  /** @internal */
  [own](): Own<Module> {
    return ownOf<Module>(this, this._holder());
  }

  /** @internal The parts one level below, as `summary` lists and errors name them. */
  _parts(): [string, Part][] {
    return this.namedChildren();
  }

  /** @internal Throws where the parameters do not exist yet. */
  _checkMade(_path: string): void {}

  /** @internal The list in which functions among the parts stand. */
  _functions(): Part[] {
    return [];
  }

  /** @internal */
  _slots(): Slot[] {
    return slotsOf(this);
  }

  /**
   * All parameters of this module and of the modules in it, each once.
   *
   * @param args recurse (default true): whether those of the modules in it belong to them, by position or in options
   */
  parameters(...args: RecurseArguments): Tensor[] {
    const { recurse } = optionsOf<{ recurse: boolean }>('parameters', args, ['recurse']);
    return namedTensors('parameters', this, 'parameter', [{ recurse }]).map(([, t]) => t);
  }

  /**
   * All parameters with their names, such as `0.weight`.
   *
   * @param args prefix (default ''), recurse (default true), removeDuplicate (default true), by position or in options
   */
  namedParameters(...args: NamedArguments): [string, Tensor][] {
    return namedTensors('namedParameters', this, 'parameter', args);
  }

  /** All buffers: tensors that are not trained, but saved (unless they are not persistent). See {@link parameters}. */
  buffers(...args: RecurseArguments): Tensor[] {
    const { recurse } = optionsOf<{ recurse: boolean }>('buffers', args, ['recurse']);
    return namedTensors('buffers', this, 'buffer', [{ recurse }]).map(([, t]) => t);
  }

  /** All buffers with their names. See {@link namedParameters}. */
  namedBuffers(...args: NamedArguments): [string, Tensor][] {
    return namedTensors('namedBuffers', this, 'buffer', args);
  }

  /** The modules that are properties of this one, or elements of its arrays, objects, Maps and Sets. */
  children(): Module[] {
    return this.namedChildren().map(([, m]) => m);
  }

  /** The children with their names. */
  namedChildren(): [string, Module][] {
    return this[own]().modules.map(({ name, value }) => [name, value]);
  }

  /** This module and all below it, each once. */
  modules(): Module[] {
    return [...treeOf(this).modules.keys()];
  }

  /**
   * This module (named '') and all below it with their names.
   *
   * @param options prefix (default ''); removeDuplicate (default true): each only under its first name
   */
  namedModules(options?: { prefix?: string; removeDuplicate?: boolean }): [string, Module][] {
    checkOptions('namedModules', options, ['prefix', 'removeDuplicate']);
    const prefix = checkText('namedModules', 'prefix', options?.prefix ?? '');
    return namedModules(this, prefix, checkFlag('namedModules', 'removeDuplicate', options?.removeDuplicate, true));
  }

  /**
   * The module of a name, such as `encoder.0`; this one for ''.
   *
   * @throws ArgumentError when there is none
   * @example
   * model.getSubmodule('0').parameters();
   */
  getSubmodule(target: string): Module {
    return findModule('getSubmodule', this, target);
  }

  /**
   * The parameter of a name, such as `encoder.0.weight`.
   *
   * @throws ArgumentError when there is none
   */
  getParameter(target: string): Tensor {
    return findTensor('getParameter', this, 'parameter', target);
  }

  /**
   * The buffer of a name.
   *
   * @throws ArgumentError when there is none
   */
  getBuffer(target: string): Tensor {
    return findTensor('getBuffer', this, 'buffer', target);
  }

  /**
   * Puts a module in the place of a name, such as `encoder.0`: replaces what is there, or adds it.
   *
   * @throws ArgumentError when the module or container that it would belong to does not exist
   * @example
   * model.setSubmodule('2', new nn.Linear(128, 5)); // a new head
   */
  setSubmodule(target: string, module: Module): void {
    checkPart('setSubmodule', module);
    placeModule('setSubmodule', this, target, module);
  }

  /**
   * Sets a property to a module, for names that are not known before: `this[name] = module`.
   *
   * @throws ArgumentError when the name has dots or is one of something else, such as a method
   */
  registerModule(name: string, module: Module | null): void {
    if (module !== null) checkPart('registerModule', module);
    registerAt('registerModule', this, name, module);
  }

  /** The same as {@link registerModule}. */
  addModule(name: string, module: Module | null): void {
    this.registerModule(name, module);
  }

  /**
   * Sets a property to a parameter, for names that are not known before.
   *
   * @throws ArgumentError when the tensor is not a parameter, or as {@link registerModule}
   * @example
   * model.registerParameter('scale', new nn.Parameter(ones([3])));
   */
  registerParameter(name: string, parameter: Tensor | null): void {
    if (parameter !== null && roleOf(parameter) !== 'parameter') {
      const hint = parameter instanceof Tensor ? '; make it one: new nn.Parameter(tensor)' : '';
      throw new ArgumentError(`registerParameter: value must be a parameter, got ${describe(parameter)}${hint}`);
    }
    registerAt('registerParameter', this, name, parameter);
  }

  /**
   * Makes a tensor a buffer and sets a property to it, for names that are not known before.
   *
   * @param args persistent (default true): whether it is saved, by position or in options
   * @throws ArgumentError when the value is not a tensor, or as {@link registerModule}
   * @example
   * model.registerBuffer('count', zeros([1]), { persistent: false });
   */
  registerBuffer(
    name: string,
    tensor: Tensor | null,
    ...args: [persistent: boolean] | [options?: { persistent?: boolean }]
  ): void {
    const { persistent } = optionsOf<{ persistent: boolean }>('registerBuffer', args, ['persistent']);
    const saved = checkFlag('registerBuffer', 'persistent', persistent, true);
    if (tensor !== null) checkTensor('registerBuffer', 'tensor', tensor);
    registerAt('registerBuffer', this, name, tensor, () => {
      if (tensor !== null) new Buffer(tensor, { persistent: saved });
    });
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

  /** Calls `fn` with each module below this one and then with this one, each once, to initialise weights, say. */
  apply(fn: (module: Module) => void): this {
    checkFunction('apply', 'fn', fn);
    const seen = new Set<Module>();
    const visit = (module: Module): void => {
      if (seen.has(module)) return;
      seen.add(module);
      for (const child of module.children()) visit(child);
      fn(module);
    };
    visit(this);
    return this;
  }

  /**
   * Forgets all gradients.
   *
   * @param args setToNone: whether they become null, default true, or zeros
   */
  zeroGrad(...args: ZeroGradArguments): void {
    zeroGrads('Module.zeroGrad', this.parameters(), args);
  }

  /** Sets whether the parameters are trained. */
  requiresGrad_(value = true): this {
    for (const p of this.parameters()) p.requiresGrad = value;
    return this;
  }

  /**
   * Converts float parameters, buffers and existing gradients in place: the same tensors get new memory. Existing
   * optimizers go on (they convert their state in the next step), and compiled functions are recorded anew. Existing
   * views keep the old memory.
   *
   * @param dtype float32 or float64
   * @throws StateError when a queued compiled step uses one of them; nothing is changed then
   */
  to(dtype: DType): this {
    return convert('Module.to', this, dtype);
  }

  /** `to('float32')`. */
  float(): this {
    return convert('Module.float', this, 'float32');
  }

  /** `to('float64')`. */
  double(): this {
    return convert('Module.double', this, 'float64');
  }

  /** The same as {@link to}. */
  type(dtype: DType): this {
    return convert('Module.type', this, dtype);
  }

  /**
   * A copy with parameters, buffers and modules of its own. Weights that stand in several places are tied in the copy, too;
   * the copy has the same modes and hooks, but no gradients. Functions and objects of other classes are shared.
   *
   * @throws StateError for a module with `#private` fields, or whose `forward` is a property
   * @example
   * const teacher = model.clone().eval();
   */
  clone(): this {
    treeOf(this); // throws for layers that are not found
    return cloneModule(this);
  }

  /** The parameters and buffers themselves, under PyTorch's names: what is saved and loaded. */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const { name, value } of placesOf(this)) {
      if (!isSaved(value)) continue;
      if ((state.get(name) ?? value) !== value) {
        throw new StateError(`${this.constructor.name}: two tensors have the name ${name}; rename a property or a key`);
      }
      state.set(name, value);
    }
    return state;
  }

  /**
   * Copies tensors into the parameters and buffers of the same names, converted to their dtypes.
   *
   * @param args strict (default true), by position or in options: every name must be there, and no other; one is enough for a tensor with
   *   several names. Shapes must always be the same.
   * @returns the names that were missing and those that the module does not have
   * @throws StateError that lists all keys and shapes that do not fit, or when a compiled step is using a tensor; nothing is
   *   changed then
   */
  loadStateDict(
    state: StateDict,
    ...args: [strict: boolean] | [options?: { strict?: boolean }]
  ): { missingKeys: string[]; unexpectedKeys: string[] } {
    const { strict } = optionsOf<{ strict: boolean }>('loadStateDict', args, ['strict']);
    return loadState(state, this.stateDict(), checkFlag('loadStateDict', 'strict', strict, true));
  }

  /**
   * Calls `hook(module, inputs)` before each `forward`. An array that it returns replaces the inputs, any other value but
   * undefined and null the only input. In a compiled function hooks run while the step is recorded, and what they compute
   * with tensors is part of it; registering or removing one records it anew.
   *
   * @param options prepend (default false): before the hooks that are there
   * @returns a handle, whose `remove()` ends it
   * @example
   * const handle = model.registerForwardPreHook((_, [x]) => x.mul(2));
   * handle.remove();
   */
  registerForwardPreHook(hook: ForwardPreHook, options?: { prepend?: boolean }): RemovableHandle {
    return register('registerForwardPreHook', this, 'forwardPre', hook, options);
  }

  /**
   * Calls `hook(module, inputs, output)` after each `forward`. What it returns, other than undefined and null, replaces
   * the output. See {@link registerForwardPreHook}.
   *
   * @example
   * model.registerForwardHook((module, _, output) => console.log(`${module}: ${output.shape}`));
   */
  registerForwardHook(hook: ForwardHook, options?: { prepend?: boolean }): RemovableHandle {
    return register('registerForwardHook', this, 'forward', hook, options);
  }

  /**
   * Calls `hook(module, gradInput, gradOutput)` in each backward pass, once the gradients of all inputs are complete: arrays
   * with one for each input of `forward` and each output, null where there is none. Inputs and outputs are the tensors
   * that stand in the arguments, and in the result or the array that is the result. What the hook returns replaces
   * gradInput. See {@link registerForwardPreHook}.
   *
   * @example
   * model.registerFullBackwardHook((_, gradInput, gradOutput) => console.log(gradOutput[0]?.shape));
   */
  registerFullBackwardHook(hook: BackwardHook, options?: { prepend?: boolean }): RemovableHandle {
    return register('registerFullBackwardHook', this, 'backward', hook, options);
  }

  /**
   * Calls `hook(module, gradOutput)` in each backward pass, before the gradients go through the module. What it returns
   * replaces gradOutput. See {@link registerFullBackwardHook}.
   *
   * @example
   * model.registerFullBackwardPreHook((_, [dy]) => [dy?.mul(0.5) ?? null]);
   */
  registerFullBackwardPreHook(hook: BackwardPreHook, options?: { prepend?: boolean }): RemovableHandle {
    return register('registerFullBackwardPreHook', this, 'backwardPre', hook, options);
  }

  /** How `summary` shows the layer: `Linear(784, 128)`. */
  toString(): string {
    return `${this.constructor.name}()`;
  }

  /**
   * A table of the layers, including functions in a Sequential, with their output shapes and numbers of parameters, as text.
   * When `forward` fails, the table goes as far as it got, followed by the error's text.
   *
   * @param inputs shapes (or tensors) of what `forward` takes; without them the table has no output shapes
   * @example
   * console.log(model.summary([1, 784]));
   */
  summary(...inputs: (Shape | Tensor)[]): string {
    return summarize(this, inputs);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    try {
      return this.summary();
    } catch (error) {
      return `${this.constructor.name} (${error instanceof Error ? error.message : error})`;
    }
  }
}

Module.prototype._around = null;

// For classes written in JavaScript; TypeScript asks for the method.
Module.prototype.forward = function (this: Module): never {
  throw new StateError(`${this.constructor.name}: a module is called by its method forward, which it does not have`);
};

function convert<M extends Module>(operation: string, module: M, dtype: DType): M {
  if (!isFloat(checkDType(operation, dtype ?? null, 'float32'))) {
    throw new DTypeError(`${operation}: dtype must be float32 or float64, got ${dtype}`);
  }
  const tensors = placesOf(module).map(({ value }) => value);
  convertAll(operation, tensors, dtype);
  return module;
}
