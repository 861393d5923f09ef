import type { Generator } from '../ops/generator.js';
import {
  type FractionalMaxPoolArguments,
  type FractionalMaxPoolOptions,
  fractionalMaxPool2d,
  fractionalMaxPool3d,
  fractionalOf,
} from '../ops/pool-fractional.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

abstract class FractionalMaxPool extends Module {
  readonly kernelSize: readonly number[];
  readonly outputSize: readonly number[] | null;
  readonly outputRatio: readonly number[] | null;
  readonly randomSamples: Tensor | null;
  readonly generator: Generator | null;

  constructor(kind: string, rank: number, args: FractionalMaxPoolArguments) {
    super();
    const { kernel, size, ratio, randomSamples, generator } = fractionalOf(kind, args, rank);
    this.kernelSize = kernel;
    this.outputSize = size;
    this.outputRatio = size === null ? ratio : null;
    this.randomSamples = randomSamples ?? null;
    this.generator = generator ?? null;
  }

  protected get options(): FractionalMaxPoolOptions {
    const { kernelSize, outputSize, outputRatio, randomSamples, generator } = this;
    return {
      kernelSize,
      ...(outputSize && { outputSize }),
      ...(outputRatio && { outputRatio }),
      ...(randomSamples && { randomSamples }),
      ...(generator && { generator }),
    };
  }
}

/**
 * Max pooling over windows at random places; see `fractionalMaxPool2d`.
 *
 * @throws ShapeError when x is smaller than outputSize + kernelSize - 1
 * @example
 * new nn.FractionalMaxPool2d(2, 5).forward(ones(1, 2, 8, 8)); // [1, 2, 5, 5]
 */
export class FractionalMaxPool2d extends FractionalMaxPool {
  /** @param args kernelSize, outputSize or outputRatio; options: randomSamples, generator */
  constructor(...args: FractionalMaxPoolArguments) {
    super('FractionalMaxPool2d', 2, args);
  }

  forward(x: Tensor): Tensor {
    return fractionalMaxPool2d(x, this.options);
  }
}

/**
 * Max pooling over windows at random places of volumes; see `fractionalMaxPool3d`.
 *
 * @throws ShapeError when x is smaller than outputSize + kernelSize - 1
 * @example
 * new nn.FractionalMaxPool3d(2, { outputRatio: 0.5 }).forward(ones(1, 2, 6, 6, 6)); // [1, 2, 3, 3, 3]
 */
export class FractionalMaxPool3d extends FractionalMaxPool {
  /** @param args kernelSize, outputSize or outputRatio; options: randomSamples, generator */
  constructor(...args: FractionalMaxPoolArguments) {
    super('FractionalMaxPool3d', 3, args);
  }

  forward(x: Tensor): Tensor {
    return fractionalMaxPool3d(x, this.options);
  }
}
