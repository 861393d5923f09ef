// Tensors of modules that are computed from others, which are trained in their place: `nn.utils.parametrize`.
import { aboutToChange, allOrNothing, onUndo } from '../all-or-nothing.js';
import { optionsOf } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { layersChanged } from '../context.js';
import { ArgumentError, checkFlag, checkText, describe } from '../errors.js';
import { clone, copy_ } from '../ops/copy.js';
import { checkOptions } from '../options.js';
import { sameShape } from '../shape.js';
import { checkSameDType, type Tensor } from '../tensor.js';
import { ModuleDict } from './containers-dict.js';
import { checkPart } from './lookup.js';
import type { Module } from './module.js';
import {
  checkLike,
  listAt,
  type Parametrization,
  ParametrizationList,
  type Parametrized,
  type Properties,
  tensorAt,
  tensorsOf,
} from './parametrize-list.js';
import { Buffer, Parameter, roleOf } from './roles.js';

export { type Parametrization, ParametrizationList, type Parametrized } from './parametrize-list.js';

/**
 * Lets a module compute one of its tensors: from now on `module.weight` is `parametrization.forward(original)` each time that
 * it is read, and gradients go to `original`, which is the parameter as before. Assigning to `module.weight` sets `original`
 * by `rightInverse`. A tensor may have several parametrizations, one applied to the result of the other.
 *
 * In state dicts the tensors are `parametrizations.weight.original` (or `original0`, `original1`, …, if `rightInverse` returns
 * an array of tensors, all of which `forward` then takes), and those of the parametrization
 * `parametrizations.weight.0.…`.
 *
 * @param tensorName the name of a parameter or a buffer of the module itself
 * @param parametrization a module with `forward(original)` and perhaps `rightInverse(value)`; it gets the module's mode
 * @param options unsafe (default false): whether it may change shape or dtype, and is not tried at once
 * @returns the module
 * @throws ArgumentError when there is no such tensor; ShapeError, DTypeError when the result is not like the tensor
 * @example
 * class Symmetric extends nn.Module {
 *   forward(x: Tensor) {
 *     return x.triu().add(x.triu(1).T);
 *   }
 * }
 * const layer = nn.utils.parametrize.registerParametrization(new nn.Linear(3, 3), 'weight', new Symmetric());
 * layer.weight.sub(layer.weight.T).abs().max(); // 0
 */
export function registerParametrization<M extends Module>(
  module: M,
  tensorName: string,
  parametrization: Parametrization,
  options?: { unsafe?: boolean },
): Parametrized<M> {
  const operation = 'registerParametrization';
  checkPart(operation, module);
  checkText(operation, 'tensorName', tensorName);
  checkPart(operation, parametrization);
  checkOptions(operation, options, ['unsafe']);
  const isUnsafe = checkFlag(operation, 'unsafe', options?.unsafe, false);
  return allOrNothing(() => {
    setMode(parametrization, module.training);
    const list = listAt(module, tensorName);
    if (list === null) begin(operation, module, tensorName, parametrization, isUnsafe);
    else {
      if (!isUnsafe) checkNext(operation, tensorAt(operation, module, tensorName), parametrization);
      list.append(parametrization);
      onUndo(() => list.pop(-1));
    }
    layersChanged();
    return module as Parametrized<M>;
  });
}

function setMode(parametrization: Module, training: boolean): void {
  for (const part of parametrization.modules()) {
    const { training: before } = part;
    onUndo(() => {
      part.training = before;
    });
    part.training = training;
  }
}

// The first parametrization of a tensor. Nothing of the module has changed when this fails.
function begin(operation: string, module: Module, name: string, first: Parametrization, isUnsafe: boolean): void {
  const tensor = tensorAt(operation, module, name);
  const found = noGrad(() => first.rightInverse?.(tensor)) ?? tensor;
  const isOne = !Array.isArray(found);
  const values = tensorsOf(operation, found);
  if (isOne) checkSameDType(operation, ['rightInverse(value)', 'the tensor'], [values[0] as Tensor, tensor]);
  const keep = (value: Tensor): Tensor => {
    if (value === tensor) return tensor;
    if (isOne && sameShape(value.dims, tensor.dims)) {
      aboutToChange(operation, tensor);
      return noGrad(() => copy_(tensor, value));
    }
    const copy = noGrad(() => clone(value));
    return roleOf(tensor) === 'buffer' ? new Buffer(copy) : new Parameter(copy, tensor.requiresGrad);
  };
  const originals = new Map(values.map((t, i) => [isOne ? 'original' : `original${i}`, keep(t)]));
  const list = new ParametrizationList(first, originals);
  list.training = module.training;
  if (!isUnsafe) checkLike(operation, 'its result', list.forward(), 'the tensor', tensor);
  place(module, name, list);
  onUndo(() => displace(module, name, tensor));
}

// From now on the module's tensor is what the list computes.
function place(module: Module, name: string, list: ParametrizationList): void {
  const properties = module as unknown as Properties;
  delete properties[name];
  Object.defineProperty(module, name, {
    get(this: Module): Tensor {
      return (listAt(this, name) as ParametrizationList).forward();
    },
    set(this: Module, value: Tensor) {
      (listAt(this, name) as ParametrizationList)._assign(value);
    },
    configurable: true,
  });
  properties.parametrizations ??= new ModuleDict();
  (properties.parametrizations as ModuleDict<ParametrizationList>).set(name, list);
  layersChanged();
}

// It is a tensor of the module's own again.
function displace(module: Module, name: string, tensor: Tensor): void {
  const properties = module as unknown as Properties;
  const all = properties.parametrizations as ModuleDict;
  all.pop(name);
  delete properties[name];
  properties[name] = tensor;
  if (all.length === 0) delete properties.parametrizations;
  layersChanged();
}

// A further parametrization, tried on the result of those before it.
function checkNext(operation: string, value: Tensor, next: Parametrization): void {
  noGrad(() => {
    const result = next.forward(value);
    checkLike(operation, 'its result', result, 'the tensor', value);
    if (next.rightInverse !== undefined) {
      checkLike(operation, 'rightInverse(value)', next.rightInverse(result), 'the tensor', value);
    }
  });
}

/**
 * Whether a tensor of a module has parametrizations, or without a name, whether any has.
 *
 * @example
 * nn.utils.parametrize.isParametrized(new nn.Linear(2, 3), 'weight'); // false
 */
export function isParametrized(module: Module, tensorName?: string): boolean {
  checkPart('isParametrized', module);
  if (tensorName !== undefined) return listAt(module, checkText('isParametrized', 'tensorName', tensorName)) !== null;
  const all = (module as unknown as Properties).parametrizations;
  return all instanceof ModuleDict && all.length > 0;
}

/**
 * Removes all parametrizations of a tensor, which is a parameter or buffer of its own again.
 *
 * @param args leaveParametrized (default true): whether the tensor keeps its present value; else it gets that of `original`
 * @returns the module
 * @throws ArgumentError when the tensor has none, or with `leaveParametrized` false when there are several originals
 * @example
 * const layer = nn.utils.parametrizations.weightNorm(new nn.Linear(2, 3));
 * nn.utils.parametrize.removeParametrizations(layer, 'weight').weight instanceof nn.Parameter; // true
 */
export function removeParametrizations<M extends Module>(
  module: M,
  tensorName: string,
  ...args: [leaveParametrized: boolean] | [options?: { leaveParametrized?: boolean }]
): M {
  const operation = 'removeParametrizations';
  checkPart(operation, module);
  checkText(operation, 'tensorName', tensorName);
  const o = optionsOf<{ leaveParametrized: boolean }>(operation, args, ['leaveParametrized']);
  const leaves = checkFlag(operation, 'leaveParametrized', o.leaveParametrized, true);
  const list = listAt(module, tensorName);
  if (list === null) {
    const { name } = module.constructor;
    throw new ArgumentError(
      `${operation}: ${name} must have a parametrization of that name, got ${describe(tensorName)}`,
    );
  }
  const originals = list._originals();
  if (!leaves && originals.length > 1) {
    throw new ArgumentError(
      `${operation}: leaveParametrized must be true for a tensor of several originals, got false`,
    );
  }
  allOrNothing(() => {
    displace(module, tensorName, leaves ? left(operation, originals, list) : (originals[0] as Tensor));
    onUndo(() => place(module, tensorName, list));
  });
  return module;
}

// The value as a parameter or buffer: the original itself where it fits, so that optimizers go on with it.
function left(operation: string, originals: readonly Tensor[], list: ParametrizationList): Tensor {
  return noGrad(() => {
    const value = list.forward();
    const [first] = originals as [Tensor];
    if (originals.length === 1 && first.dtype === value.dtype && sameShape(first.dims, value.dims)) {
      aboutToChange(operation, first);
      return copy_(first, value);
    }
    const copy = clone(value);
    return roleOf(first) === 'buffer' ? new Buffer(copy) : new Parameter(copy, originals.some((t) => t.requiresGrad)); // biome-ignore format: one line
  });
}
