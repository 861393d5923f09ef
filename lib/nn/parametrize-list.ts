// What stands in `module.parametrizations`: the parametrizations of a tensor, and the tensors that are trained in its place.
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkText, DTypeError, describe, formatShape, ShapeError, StateError } from '../errors.js';
import { clone, copy_ } from '../ops/copy.js';
import { sameShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { ModuleDict } from './containers-dict.js';
import { checkModule, List } from './containers-list.js';
import { checkPart } from './lookup.js';
import type { Module } from './module.js';
import { roleOf } from './roles.js';

/** A module that computes a tensor from the one that is trained, or the first of several modules from several tensors. */
export interface Parametrization extends Module {
  forward(...originals: Tensor[]): Tensor;
  /** Finds what is to be trained: `forward` of it gives `value`, or something close. By default `value` itself. */
  rightInverse?(value: Tensor): Tensor | readonly Tensor[];
}

/** A module with a parametrization: `module.parametrizations.get('weight').original` is trained in place of `weight`. */
export type Parametrized<M extends Module> = M & { readonly parametrizations: ModuleDict<ParametrizationList> };

/**
 * The parametrizations of one tensor, in the order in which they are applied, and the tensors that they start from: `original`,
 * or `original0`, `original1`, … where the first one takes several. Made by `registerParametrization`.
 *
 * @example
 * const layer = nn.utils.parametrizations.spectralNorm(new nn.Linear(2, 3));
 * layer.parametrizations.get('weight').original; // [3, 2]
 */
export class ParametrizationList extends List<Parametrization> {
  [original: `original${number}`]: Tensor;
  declare readonly original: Tensor;
  private readonly _names: readonly string[];

  /** @internal */
  constructor(first: Parametrization, originals: ReadonlyMap<string, Tensor>) {
    super();
    this.append(first);
    this._names = [...originals.keys()];
    Object.assign(this, Object.fromEntries(originals));
  }

  /** @internal */
  _originals(): Tensor[] {
    return this._names.map((name) => (this as unknown as Record<string, Tensor>)[name] as Tensor);
  }

  protected _checked(element: unknown, index: number): Parametrization {
    return checkModule('ParametrizationList', element, index) as Parametrization;
  }

  /** Computes the tensor. */
  forward(): Tensor {
    const [first, ...rest] = this._elements as [Parametrization, ...Parametrization[]];
    return rest.reduce((x, next) => next.forward(x), first.forward(...this._originals()));
  }

  /** @internal What `module.weight = value` does. */
  _assign(value: Tensor): void {
    const operation = 'ParametrizationList';
    const values = noGrad(() =>
      this._elements.reduceRight<Tensor | readonly Tensor[]>((after, next) => {
        if (next.rightInverse === undefined) {
          const { name } = next.constructor;
          throw new StateError(`${operation}: a tensor can be set only if ${name} has a rightInverse, got none`);
        }
        return next.rightInverse(after as Tensor);
      }, value),
    );
    const originals = this._originals();
    const list = tensorsOf(operation, values);
    if (list.length !== originals.length) {
      throw new ArgumentError(`${operation}: rightInverse must return ${originals.length} tensors, got ${list.length}`);
    }
    for (const [i, t] of list.entries()) {
      checkLike(operation, 'rightInverse(value)', t, 'its original', originals[i] as Tensor);
    }
    const copies = list.map((t) => clone(t)); // one may be a view of another's original
    noGrad(() => {
      for (const [i, original] of originals.entries()) copy_(original, copies[i] as Tensor);
    });
  }
}

/** @internal */
export function tensorsOf(operation: string, values: unknown): readonly Tensor[] {
  const list: readonly unknown[] = Array.isArray(values) ? values : [values];
  const wrong = list.find((t) => !(t instanceof Tensor));
  if (wrong === undefined && list.length > 0) return list as readonly Tensor[];
  const got = describe(list.length > 0 ? wrong : values);
  throw new ArgumentError(`${operation}: rightInverse must return a tensor or an array of tensors, got ${got}`);
}

/** @internal */
export function checkLike(operation: string, what: string, t: unknown, ofWhat: string, like: Tensor): void {
  if (!(t instanceof Tensor)) throw new ArgumentError(`${operation}: ${what} must be a tensor, got ${describe(t)}`);
  if (t.dtype !== like.dtype) {
    throw new DTypeError(`${operation}: ${what} must have the dtype of ${ofWhat}, ${like.dtype}, got ${t.dtype}`);
  }
  if (sameShape(t.dims, like.dims)) return;
  const shapes = `${formatShape(like.dims)}, got ${formatShape(t.dims)}`;
  throw new ShapeError(`${operation}: ${what} must have the shape of ${ofWhat}, ${shapes}`);
}

/** @internal */
export type Properties = Record<string, unknown>;

/** @internal */
export function listAt(module: Module, name: string): ParametrizationList | null {
  const all = (module as unknown as Properties).parametrizations;
  return all instanceof ModuleDict && all.has(name) ? (all.get(name) as unknown as ParametrizationList) : null;
}

/** @internal A tensor of a module or, if it is parametrized, what it is computed from, which has its dtype and is there already. */
export function storedAt(module: Module, name: string): Tensor {
  const stored = listAt(module, name)?._originals()[0];
  return stored ?? ((module as unknown as Properties)[name] as Tensor);
}

/** @internal The tensor of a module under a name: a parameter, a buffer or a parametrized tensor. */
export function tensorAt(operation: string, module: Module, name: string): Tensor {
  checkPart(operation, module);
  checkText(operation, 'tensorName', name);
  const value = Object.hasOwn(module, name) ? (module as unknown as Properties)[name] : undefined;
  if (value instanceof Tensor && (roleOf(value) !== undefined || listAt(module, name) !== null)) return value;
  const { name: className } = module.constructor;
  throw new ArgumentError(
    `${operation}: ${className} must have a parameter or buffer of that name, got ${describe(name)}`,
  );
}
