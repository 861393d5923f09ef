import { optionsOf } from '../arguments.js';
import { layersChanged } from '../context.js';
import { ArgumentError, checkFlag, withoutNew } from '../errors.js';
import { keep } from '../memory.js';
import { checkFloat, checkTensor, Tensor } from '../tensor.js';

export type Role = 'parameter' | 'buffer';

const roles = new WeakMap<Tensor, Role>();
const unsaved = new WeakSet<Tensor>();

/** @internal */
export function roleOf(t: Tensor): Role | undefined {
  return roles.get(t);
}

/** @internal Whether a parameter or buffer is part of `stateDict`. */
export function isSaved(t: Tensor): boolean {
  return !unsaved.has(t);
}

/** Makes a tensor that a module owns: called with `new`. */
export interface RoleConstructor<Rest extends unknown[]> {
  new (data: Tensor, ...rest: Rest): Tensor;
  /** Whether a value is one. */
  [Symbol.hasInstance](value: unknown): boolean;
  readonly prototype: Tensor;
}

// Constructors that give a tensor a role and return it: a tensor is known by its identity, so that there is no wrapper.
function roleConstructor<Rest extends unknown[]>(
  name: string,
  role: Role,
  prepare: (data: Tensor, rest: Rest) => void,
): RoleConstructor<Rest> {
  const make = function (data: Tensor, ...rest: Rest): Tensor {
    if (new.target === undefined) throw withoutNew(name);
    checkTensor(name, 'data', data);
    prepare(data, rest);
    keep(data);
    roles.set(data, role);
    layersChanged(); // a module may have got it under a new name
    return data;
  };
  Object.defineProperty(make, 'name', { value: name });
  Object.defineProperty(make, 'prototype', { value: Tensor.prototype, writable: false });
  Object.defineProperty(make, Symbol.hasInstance, {
    value: (value: unknown) => value instanceof Tensor && roles.get(value) === role,
  });
  return make as unknown as RoleConstructor<Rest>;
}

/** @internal Throws for what cannot become a parameter. */
export function checkParameter(operation: string, name: string, data: Tensor): Tensor {
  checkTensor(operation, name, data);
  checkFloat(operation, name, data);
  if (data.isLeaf) return data;
  throw new ArgumentError(`${operation}: ${name} must be a leaf, got the result of a recorded operation; use detach()`);
}

/** A tensor that a module trains. */
export type Parameter = Tensor;

/**
 * Makes a tensor a parameter and returns it: as a property of a module it is trained, saved and counted. It outlives every
 * scope. `x instanceof nn.Parameter` tells whether a tensor is one.
 *
 * - data: float32 or float64, not the result of a recorded operation
 * - requiresGrad: whether it is trained; default true
 *
 * @throws ArgumentError when data is the result of a recorded operation, DTypeError when it is not a float tensor
 * @example
 * const scale = new nn.Parameter(ones([features]));
 */
export const Parameter = roleConstructor<[requiresGrad: boolean] | [options?: { requiresGrad?: boolean }]>(
  'Parameter',
  'parameter',
  (data, rest) => {
    const { requiresGrad } = optionsOf<{ requiresGrad: boolean }>('Parameter', rest, ['requiresGrad']);
    const isTrained = checkFlag('Parameter', 'requiresGrad', requiresGrad, true);
    checkParameter('Parameter', 'data', data).requiresGrad = isTrained;
  },
);

/** A tensor that a module saves, but does not train. */
export type Buffer = Tensor;

/**
 * Makes a tensor a buffer and returns it: as a property of a module it is saved, but not trained. It outlives every scope.
 * `x instanceof nn.Buffer` tells whether a tensor is one.
 *
 * - data: of any dtype
 * - persistent: whether it is part of `stateDict`; default true
 *
 * @throws ArgumentError when data is not a tensor
 * @example
 * const count = new nn.Buffer(zeros([1]), { persistent: false });
 */
export const Buffer = roleConstructor<[options?: { persistent?: boolean }]>('Buffer', 'buffer', (data, rest) => {
  const { persistent } = optionsOf<{ persistent: boolean }>('Buffer', rest, [], ['persistent']);
  if (checkFlag('Buffer', 'persistent', persistent, true)) unsaved.delete(data);
  else unsaved.add(data);
});
