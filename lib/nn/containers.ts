import { ArgumentError, checkInteger, checkOptions, describe, isClass } from '../errors.js';
import { relu, sigmoid, tanh } from '../ops/activation.js';
import type { LinearActivation } from '../ops/matmul.js';
import { flatten } from '../ops/shape.js';
import type { Tensor } from '../tensor.js';
import { ReLU, Sigmoid, Tanh } from './activation.js';
import { Linear } from './linear.js';
import { locate, type Part } from './location.js';
import { Module } from './module.js';

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

function checkLayer(layer: unknown, i: number): void {
  if (layer instanceof Module || (typeof layer === 'function' && !isClass(layer))) return;
  const hint = isClass(layer)
    ? `; make one: new ${layer.name}(…)`
    : Array.isArray(layer)
      ? '; spread it: ...layers'
      : '';
  const rule = 'must be a module or a function of a tensor';
  throw new ArgumentError(`Sequential: layer ${i} ${rule}, got ${describe(layer)}${hint}`);
}

/**
 * Runs layers one after the other. A Linear and the relu, tanh or sigmoid after it run in one pass.
 *
 * Modules and functions both count in the names of the parameters: with a function between two layers they are
 * `0.weight` and `2.weight`.
 *
 * @throws ArgumentError when a layer is neither a module nor a function
 * @example
 * const model = new nn.Sequential(new nn.Linear(4, 3), nn.functional.relu);
 * model.forward(zeros([2, 4])); // [2, 3]
 */
export class Sequential extends Module {
  readonly layers: readonly Layer[];

  constructor(...layers: Layer[]) {
    super();
    layers.forEach(checkLayer);
    this.layers = layers;
  }

  override _holder(): object {
    return this.layers;
  }

  override _parts(): [string, Part][] {
    return this.layers.map((layer, i) => [String(i), layer]);
  }

  forward(x: Tensor): Tensor {
    const { layers } = this;
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
 * Runs layers one after the other: modules, and functions of a tensor such as `nn.functional.relu`.
 *
 * @throws ArgumentError when a layer is neither a module nor a function
 * @example
 * const model = nn.sequential(new nn.Linear(784, 128), nn.functional.relu, new nn.Linear(128, 10));
 */
export function sequential(...layers: Layer[]): Sequential {
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

  /** @param options startDim (default 1) and endDim (default -1), both included */
  constructor(options?: { startDim?: number; endDim?: number }) {
    super();
    checkOptions('Flatten', options, ['startDim', 'endDim']);
    this.startDim = checkInteger('Flatten', 'startDim', options?.startDim ?? 1, Number.MIN_SAFE_INTEGER);
    this.endDim = checkInteger('Flatten', 'endDim', options?.endDim ?? -1, Number.MIN_SAFE_INTEGER);
  }

  forward(x: Tensor): Tensor {
    return flatten(x, { startDim: this.startDim, endDim: this.endDim });
  }
}
