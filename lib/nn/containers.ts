import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkInteger, describe, isClass, StateError } from '../errors.js';
import { relu, sigmoid, tanh } from '../ops/activation.js';
import type { LinearActivation } from '../ops/matmul-linear.js';
import { flatten } from '../ops/shape.js';
import type { Tensor } from '../tensor.js';
import { ReLU, Sigmoid, Tanh } from './activation.js';
import { entriesOf, isNamed, type Named } from './containers-dict.js';
import { checkModule, expose, hide, List } from './containers-list.js';
import { Linear } from './linear.js';
import { locate } from './location.js';
import { Module } from './module.js';
import { checkName } from './places.js';

/** A layer of a Sequential: a module, or a function of one tensor. */
export type Layer = Module | ((x: Tensor) => Tensor);

const fusedFunctions = new Map<unknown, LinearActivation>([
  [relu, 'relu'],
  [tanh, 'tanh'],
  [sigmoid, 'sigmoid'],
]);
const fusedModules = new Map<unknown, LinearActivation>([
  [ReLU, 'relu'],
  [Tanh, 'tanh'],
  [Sigmoid, 'sigmoid'],
]);

// The activation, if the linear layer before it may compute it. A `forward` that the user replaced must be called.
function fusable(layer: Layer | undefined): LinearActivation | undefined {
  if (!(layer instanceof Module)) return fusedFunctions.get(layer);
  return Object.hasOwn(layer, 'forward') || layer._around !== null ? undefined : fusedModules.get(layer.constructor);
}

function checkLayer(layer: unknown, index: number): Layer {
  if (layer instanceof Module || (typeof layer === 'function' && !isClass(layer))) return layer as Layer;
  const hint = isClass(layer) ? `; make one: new ${layer.name}(…)` : '';
  const rule = 'must be a module or a function of a tensor';
  throw new ArgumentError(`Sequential: layer ${index} ${rule}, got ${describe(layer)}${hint}`);
}

function readLayer(this: Sequential, name: string): unknown {
  return this._items().find(([other]) => other === name)?.[1];
}

/** What a Sequential is made of: layers one by one, in a list, or with names. */
export type Layers = Layer[] | [layers: Iterable<Layer> | Named<Layer>];

/**
 * Runs layers one after the other: modules, and functions of a tensor such as `nn.functional.relu`. A Linear and the relu, tanh
 * or sigmoid after it run in one pass.
 *
 * Layers are given one by one, in an array or with names: a plain object, a Map or pairs, as an OrderedDict in PyTorch.
 * Without names they are `0`, `1`, …; functions count, so that with one between two layers the parameters are
 * `0.weight` and `2.weight`.
 *
 * `model[0]`, `model.at(-1)`, in JavaScript `model.hidden`, `model.length`, `for (const layer of model)`, `append`, `extend`, `insert`, `pop`, `slice`.
 *
 * @throws ArgumentError when a layer is neither a module nor a function
 * @example
 * const model = new nn.Sequential(new nn.Linear(4, 3), new nn.ReLU());
 * model.forward(zeros([2, 4])); // [2, 3]
 * @example
 * const model = new nn.Sequential({ hidden: new nn.Linear(4, 3), relu: new nn.ReLU() });
 * model.getParameter('hidden.bias'); // [3]
 */
export class Sequential extends List<Layer> {
  private _names: string[] | null = null;

  constructor(...layers: Layers) {
    super();
    const [first] = layers;
    const isOne = layers.length === 1 && typeof first === 'object' && first !== null && !(first instanceof Module);
    if (isOne && isNamed(first)) {
      for (const [name, layer] of entriesOf('Sequential', first)) this._add(name, layer);
    } else {
      this.extend((isOne && Symbol.iterator in first ? first : layers) as Iterable<Layer>);
    }
  }

  /** The layers from `start` to before `end` in a Sequential of their own; negative indices count from the end. */
  slice(start?: number, end?: number): Sequential {
    const items = this._items().slice(...this._range(start, end));
    return this._names === null ? new Sequential(items.map(([, layer]) => layer)) : new Sequential(items);
  }

  /** @internal */
  override _items(): [string, Layer][] {
    return this._elements.map((layer, i) => [this._names?.[i] ?? String(i), layer]);
  }

  /** Adds a module under a name, as the last layer, or replaces the one of that name. */
  override registerModule(name: string, module: Module): void {
    checkName('Sequential.registerModule', name);
    this._add(name, checkModule('Sequential.registerModule', module, name));
  }

  private _add(name: string, layer: unknown): void {
    const names = this._names ?? this._items().map(([own]) => own);
    const at = names.indexOf(name);
    if (at >= 0) {
      super._put(at, 1, layer as Layer); // numbers stay numbers
      return;
    }
    super._put(this.length, 0, layer as Layer);
    names.push(name);
    this._names = names;
    for (const known of names) expose(this, known, readLayer);
  }

  protected override _put(at: number, count: 0 | 1, layer: Layer): this {
    if (this._names !== null && count === 0) {
      const name = String(at);
      if (at < this.length || this._names.includes(name)) {
        throw new StateError(
          `Sequential: a layer without a name cannot be put at ${at} among named ones; add it by registerModule, or make a new Sequential`,
        );
      }
      this._add(name, layer);
      return this;
    }
    return super._put(at, count, layer);
  }

  protected override _remove(at: number): void {
    const [name] = this._names?.splice(at, 1) ?? [];
    if (name !== undefined) hide(this, name);
    super._remove(at);
  }

  protected _checked(layer: unknown, index: number): Layer {
    return checkLayer(layer, index);
  }

  forward(x: Tensor): Tensor {
    const { _elements: layers } = this;
    let y = x;
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[i] as Layer;
      try {
        const activation =
          layer instanceof Linear && layer.forward === Linear.prototype.forward && layer._around === null
            ? fusable(layers[i + 1])
            : undefined;
        if (activation !== undefined) {
          y = (layer as Linear).run(y, activation);
          i++;
        } else {
          y = layer instanceof Module ? layer.forward(y) : layer(y);
        }
      } catch (error) {
        throw locate(error, layer);
      }
    }
    return y;
  }
}

/**
 * `new nn.Sequential(…)`: runs layers one after the other.
 *
 * @throws ArgumentError when a layer is neither a module nor a function
 * @example
 * const model = nn.sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
 */
export function sequential(...layers: Layers): Sequential {
  return new Sequential(...layers);
}

/**
 * Passes its input through: y = x.
 *
 * @example
 * new nn.Identity().forward(tensor([1, 2])); // [1, 2]
 */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** Arguments of `Flatten`, by name. */
export interface FlattenOptions {
  /** The first dimension that is merged; default 1. */
  startDim?: number;
  /** The last one; default -1. */
  endDim?: number;
}

type FlattenArguments = Positional<FlattenOptions, [startDim: 'startDim', endDim: 'endDim']>;

/**
 * Merges dimensions into one: x [batch, …] becomes [batch, n].
 *
 * @throws ArgumentError when x has no such dimensions
 * @example
 * new nn.Flatten().forward(zeros([2, 3, 4])); // [2, 12]
 */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  /** @param args startDim (1) and endDim (-1), both included */
  constructor(...args: FlattenArguments) {
    super();
    const options = optionsOf<FlattenOptions>('Flatten', args, ['startDim', 'endDim']);
    this.startDim = checkInteger('Flatten', 'startDim', options.startDim ?? 1, Number.MIN_SAFE_INTEGER);
    this.endDim = checkInteger('Flatten', 'endDim', options.endDim ?? -1, Number.MIN_SAFE_INTEGER);
  }

  forward(x: Tensor): Tensor {
    return flatten(x, { startDim: this.startDim, endDim: this.endDim });
  }
}
