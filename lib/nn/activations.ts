// Activation functions as modules, under PyTorch's names.
import { checkOptions } from '../errors.js';
import * as ops from '../ops/activation.js';
import { logSoftmax, softmax } from '../ops/softmax.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

type Activation<Rest extends unknown[]> = new (...rest: Rest) => Module & { forward(x: Tensor): Tensor };

// The module of an activation function, which has the options `known`.
function activation<Rest extends [options?: object]>(
  name: string,
  run: (x: Tensor, ...rest: Rest) => Tensor,
  known: readonly string[] = [],
): Activation<Rest> {
  const made = class extends Module {
    readonly #rest: Rest;

    constructor(...rest: Rest) {
      super();
      checkOptions(name, rest[0], known);
      this.#rest = rest;
    }

    forward(x: Tensor): Tensor {
      return run(x, ...this.#rest);
    }

    override toString(): string {
      const options = Object.entries(this.#rest[0] ?? {});
      return `${name}(${options.map(([key, value]) => `${key} ${value}`).join(', ')})`;
    }
  };
  Object.defineProperty(made, 'name', { value: name });
  return made;
}

/** `relu` as a module. */
export const ReLU = activation('ReLU', ops.relu);
/** `leakyRelu` as a module; options as there. */
export const LeakyReLU = activation('LeakyReLU', ops.leakyRelu, ['negativeSlope']);
/** `elu` as a module; options as there. */
export const ELU = activation('ELU', ops.elu, ['alpha']);
/** `selu` as a module. */
export const SELU = activation('SELU', ops.selu);
/** `gelu` as a module; options as there. */
export const GELU = activation('GELU', ops.gelu, ['approximate']);
/** `silu` as a module. */
export const SiLU = activation('SiLU', ops.silu);
/** `softplus` as a module; options as there. */
export const Softplus = activation('Softplus', ops.softplus, ['beta', 'threshold']);
/** `hardtanh` as a module; options as there. */
export const Hardtanh = activation('Hardtanh', ops.hardtanh, ['min', 'max']);
/** `mish` as a module. */
export const Mish = activation('Mish', ops.mish);
/** `sigmoid` as a module. */
export const Sigmoid = activation('Sigmoid', ops.sigmoid);
/** `tanh` as a module. */
export const Tanh = activation('Tanh', ops.tanh);
/** `softmax` as a module; options as there. */
export const Softmax = activation('Softmax', softmax, ['dim']);
/** `logSoftmax` as a module; options as there. */
export const LogSoftmax = activation('LogSoftmax', logSoftmax, ['dim']);
