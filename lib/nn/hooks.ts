// Functions of the user's that run before, after and behind the `forward` of a module.
import type { RemovableHandle } from '../autograd/hooks.js';
import { isRecorded, noGrad, recordMany } from '../autograd/tape.js';
import { layersChanged } from '../context.js';
import { AutogradError, checkFlag, checkFunction, describe } from '../errors.js';
import { reshape } from '../ops/shape.js';
import { checkOptions } from '../options.js';
import { Tensor } from '../tensor.js';
import { guardOwnForward } from './location.js';
import type { Module } from './module.js';

// biome-ignore-start lint/suspicious/noExplicitAny: a module takes and returns what it likes
/** Called before `forward`. What it returns replaces the inputs: an array of all of them, or one that is not an array. */
export type ForwardPreHook = (module: any, inputs: any[]) => any;
/** Called after `forward`. What it returns replaces the output. */
export type ForwardHook = (module: any, inputs: any[], output: any) => any;
/** A gradient, or one for each input or output; null where there is none. */
export type Gradients = readonly (Tensor | null)[];
/** Called with the gradients of the inputs and outputs. What it returns replaces those of the inputs. */
export type BackwardHook = (module: any, gradInput: Gradients, gradOutput: Gradients) => any;
/** Called with the gradients of the outputs. What it returns replaces them. */
export type BackwardPreHook = (module: any, gradOutput: Gradients) => any;
// biome-ignore-end lint/suspicious/noExplicitAny: see above

/** @internal Called in place of `forward`, which it may call. */
export type CallHook = (module: Module, inputs: unknown[], forward: (inputs: unknown[]) => unknown) => unknown;

interface Hooks {
  forwardPre: readonly ForwardPreHook[];
  call: readonly CallHook[];
  forward: readonly ForwardHook[];
  backwardPre: readonly BackwardPreHook[];
  backward: readonly BackwardHook[];
}

/** @internal Calls a `forward` with the hooks of its module. */
export type Around = (forward: (...inputs: unknown[]) => unknown, inputs: ArrayLike<unknown>) => unknown;

const none: Hooks = { forwardPre: [], call: [], forward: [], backwardPre: [], backward: [] };
const registered = new WeakMap<Module, Hooks>();

/** @internal Adds a hook to the others of its kind: after them, or with `prepend` before. */
export function register<K extends keyof Hooks>(
  operation: string,
  module: Module,
  kind: K,
  hook: Hooks[K][number],
  options: { prepend?: boolean } | undefined,
): RemovableHandle {
  checkFunction(operation, 'hook', hook);
  guardOwnForward(module);
  checkOptions(operation, options, ['prepend']);
  const isFirst = checkFlag(operation, 'prepend', options?.prepend, false);
  const own = { hook }; // the same function may be registered twice
  const entry = ((...args: unknown[]) => (own.hook as (...args: unknown[]) => unknown)(...args)) as Hooks[K][number];
  const change = (edit: (list: Hooks[K]) => unknown[]): void => {
    const hooks = registered.get(module) ?? none;
    install(module, { ...hooks, [kind]: edit(hooks[kind]) });
  };
  change((list) => (isFirst ? [entry, ...list] : [...list, entry]));
  return { remove: () => change((list) => list.filter((other) => other !== entry)) };
}

/** @internal Gives a copy of a module its hooks. */
export function copyHooks(from: Module, to: Module): void {
  const hooks = registered.get(from);
  if (hooks !== undefined) install(to, hooks);
}

// The function that calls them is a property of the module, so that compiled steps notice another one.
function install(module: Module, hooks: Hooks): void {
  registered.set(module, hooks);
  if (Object.values(hooks).every((list) => list.length === 0)) delete (module as Partial<Module>)._around;
  else module._around = around(module, hooks);
  layersChanged();
}

function around(module: Module, hooks: Hooks): Around {
  return (forward, given) => {
    let inputs = Array.from(given);
    for (const hook of hooks.forwardPre) {
      const replaced = hook(module, inputs);
      if (replaced !== undefined && replaced !== null) inputs = Array.isArray(replaced) ? replaced : [replaced];
    }
    const gradients = hooks.backward.length + hooks.backwardPre.length > 0 ? new GradientHooks(module, hooks) : null;
    if (gradients !== null) inputs = gradients.ofInputs(inputs);
    const call = hooks.call.reduce<(inputs: unknown[]) => unknown>(
      (next, hook) => (inputs) => hook(module, inputs, next),
      (inputs) => forward.apply(module, inputs),
    );
    let output = call(inputs);
    for (const hook of hooks.forward) {
      const replaced = hook(module, inputs, output);
      if (replaced !== undefined && replaced !== null) output = replaced;
    }
    return gradients === null ? output : gradients.ofOutput(output);
  };
}

/** The hooks of one call that see gradients: operations before and after it, which change nothing, receive them. */
class GradientHooks {
  /** Null until the pass has reached the outputs. */
  private gradOutput: Gradients | null = null;
  private inputs = 0;
  private hasInputGradients = false;
  private readonly name: string;

  constructor(
    private readonly module: Module,
    private readonly hooks: Hooks,
  ) {
    this.name = module.constructor.name;
  }

  ofInputs(inputs: unknown[]): unknown[] {
    this.inputs = inputs.length;
    const through = passThrough(this.name, inputs, (gradInput) => this.runBackward(gradInput));
    this.hasInputGradients = through !== inputs;
    return through;
  }

  ofOutput(output: unknown): unknown {
    const list = Array.isArray(output) ? output : [output];
    const through = passThrough(this.name, list, (dys) => this.runBackwardPre(dys));
    return Array.isArray(output) ? through : through[0];
  }

  private runBackward(gradInput: Gradients): Gradients {
    const { gradOutput } = this;
    if (gradOutput === null) return gradInput; // a second derivative, which does not come through the outputs
    this.gradOutput = null;
    let gradients = gradInput;
    for (const hook of this.hooks.backward) {
      gradients = this.replaced('registerFullBackwardHook', gradients, hook(this.module, gradients, gradOutput));
    }
    return gradients;
  }

  private runBackwardPre(dys: Gradients): Gradients {
    let gradients = dys;
    for (const hook of this.hooks.backwardPre) {
      gradients = this.replaced('registerFullBackwardPreHook', gradients, hook(this.module, gradients));
    }
    this.gradOutput = gradients;
    if (!this.hasInputGradients) {
      const nothing = new Array<null>(this.inputs).fill(null);
      if (this.runBackward(nothing).some((gradient) => gradient !== null)) {
        throw new AutogradError(
          `registerFullBackwardHook: no input of ${this.name} has a gradient, and none can be replaced; return nothing`,
        );
      }
    }
    return gradients;
  }

  private replaced(operation: string, before: Gradients, returned: unknown): Gradients {
    if (returned === undefined || returned === null) return before;
    const list: readonly unknown[] = Array.isArray(returned) ? returned : [returned];
    if (list.length === before.length && list.every((g) => g === null || g instanceof Tensor)) {
      return list as Gradients;
    }
    throw new AutogradError(
      `${operation}: the hook must return nothing, or one gradient or null for each of ${before.length}, got ${describe(returned)}`,
    );
  }
}

// The same values, with an operation behind those that have gradients. It calls `receive` with all of these at once; the
// values themselves when none has.
function passThrough(name: string, values: unknown[], receive: (gradients: Gradients) => Gradients): unknown[] {
  const at = values.flatMap((value, i) => (value instanceof Tensor && isRecorded([value]) ? [i] : []));
  if (at.length === 0) return values;
  const xs = at.map((i) => values[i] as Tensor);
  const ys = noGrad(() => xs.map((x) => reshape(x, x.dims)));
  recordMany(
    name,
    ys,
    xs,
    (dys) => {
      const gradients: (Tensor | null)[] = values.map(() => null);
      dys.forEach((dy, k) => {
        if (dy !== null) dy._uses++; // a hook may hold on to it
        gradients[at[k] as number] = dy;
      });
      const received = receive(gradients);
      return at.map((i) => received[i] ?? null);
    },
    [],
  );
  const operation = ys[0]?._node?.edges[0];
  if (operation !== null && operation !== undefined && !(operation instanceof Tensor)) operation.userDefined = true;
  const through = [...values];
  at.forEach((i, k) => {
    through[i] = ys[k];
  });
  return through;
}
