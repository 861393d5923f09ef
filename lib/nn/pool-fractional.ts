import {
  type FractionalMaxPoolArguments,
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

  constructor(
    kind: string,
    rank: number,
    private readonly args: FractionalMaxPoolArguments,
  ) {
    super();
    const { kernel, size, ratio } = fractionalOf(kind, args, rank);
    this.kernelSize = kernel;
    this.outputSize = size;
    this.outputRatio = size === null ? ratio : null;
  }

  protected abstract run(x: Tensor, ...args: FractionalMaxPoolArguments): Tensor;

  forward(x: Tensor): Tensor {
    return this.run(x, ...this.args);
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

  protected run(x: Tensor, ...args: FractionalMaxPoolArguments): Tensor {
    return fractionalMaxPool2d(x, ...args);
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

  protected run(x: Tensor, ...args: FractionalMaxPoolArguments): Tensor {
    return fractionalMaxPool3d(x, ...args);
  }
}
