import { ArgumentError, AutogradError, checkFunction, describe } from '../errors.js';
import { checkTensor, Tensor } from '../tensor.js';
import { type Backward, type GradientHook, leafHooks, noGrad, record } from './tape.js';

/** What registering a hook returns. */
export interface RemovableHandle {
  /** Removes the hook; calling it again does nothing. */
  remove(): void;
}

/** Keeps the gradient of an operation's result: `backward` then leaves it in `grad`, as for leaves. */
export function retainGrad(x: Tensor): Tensor {
  checkTensor('retainGrad', 'x', x);
  if (!x._requiresGrad)
    throw new AutogradError('retainGrad: the tensor has no gradient; set requiresGrad on what it is computed from');
  if (x._node !== null) x._node.retained = x;
  return x;
}

/**
 * Calls `hook` with the gradient of a tensor, once `backward` has it complete: of an operation's result, or of a leaf before
 * it is added to `grad`. A tensor that the hook returns replaces it. The handle's `remove()` ends it. A hook may itself
 * differentiate, on the same graph with `retainGraph`.
 *
 * @throws AutogradError when the tensor has no gradient
 * @example
 * const w = tensor([1, 2], { requiresGrad: true });
 * w.registerHook((gradient) => gradient.mul(0.5));
 */
export function registerHook(x: Tensor, hook: GradientHook): RemovableHandle {
  checkTensor('registerHook', 'x', x);
  checkFunction('registerHook', 'hook', hook);
  if (!x._requiresGrad)
    throw new AutogradError('registerHook: the tensor has no gradient; set requiresGrad on what it is computed from');
  const node = x._node;
  const entry: GradientHook = (gradient) => hook(gradient); // the same function may be registered twice
  const put = (hooks: GradientHook[]): void => {
    if (node !== null) node.hooks = hooks.length === 0 ? null : hooks;
    else if (hooks.length === 0) leafHooks.delete(x);
    else leafHooks.set(x, hooks);
  };
  const hooks = (): GradientHook[] => (node === null ? leafHooks.get(x) : node.hooks) ?? [];
  put([...hooks(), entry]);
  return { remove: () => put(hooks().filter((other) => other !== entry)) };
}

/**
 * An operation with a backward function of your own.
 *
 * `forward` runs without recording and returns the result and the tensors that `backward` needs; `backward` gets the
 * upstream gradient, those tensors and which inputs want a gradient, and returns one gradient per input, or null. Written
 * with operations, it can be differentiated again.
 *
 * @example
 * const cube = customFunction('cube', (x) => ({ result: x.pow(3), saved: [x] }), (dy, [x]) => [dy.mul(x.square()).mul(3)]);
 */
export function customFunction<const Saved extends readonly Tensor[] = readonly Tensor[]>(
  name: string,
  forward: (...inputs: Tensor[]) => { result: Tensor; saved?: Saved },
  backward: (dy: Tensor, saved: Saved, needs: readonly boolean[]) => readonly (Tensor | null)[],
): (...inputs: Tensor[]) => Tensor {
  if (typeof name !== 'string' || name === '') {
    throw new ArgumentError(`customFunction: name must be a text, got ${describe(name)}`);
  }
  checkFunction('customFunction', 'forward', forward);
  checkFunction('customFunction', 'backward', backward);
  return (...inputs) => {
    inputs.forEach((x, i) => {
      checkTensor(name, `input ${i}`, x);
    });
    const returned = noGrad(() => forward(...inputs)) as Partial<ReturnType<typeof forward>> | undefined | null;
    const { result, saved = [] } = returned ?? {};
    if (!(result instanceof Tensor) || !Array.isArray(saved)) {
      const got = describe(returned instanceof Tensor || !returned ? returned : (result ?? saved));
      throw new ArgumentError(`${name}: forward must return { result, saved }, got ${got}`);
    }
    for (const t of saved) checkTensor(name, 'each saved value', t);
    if (inputs.includes(result))
      throw new ArgumentError(`${name}: forward must return a new tensor, got one of its inputs; return a clone()`);
    const run: Backward = (dy, needs) => backward(dy, saved as unknown as Saved, needs);
    const y = record(name, result, inputs, run, saved);
    if (y._node !== null) y._node.userDefined = true;
    return y;
  };
}
