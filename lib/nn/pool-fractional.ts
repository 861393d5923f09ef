import type { Generator } from '../ops/generator.js';
import {
  type FractionalMaxPoolOptions,
  fractionalMaxPool2d,
  fractionalMaxPool3d,
  fractionalOf,
} from '../ops/pool-fractional.js';
import type { PerDimension } from '../ops/windows.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';
import type { Pooled } from './pool-max.js';

type Ratio = number | readonly number[];

// Written out, so that TypeScript finds out what Indices is.
type Rest<Indices, Given extends keyof FractionalMaxPoolOptions> = Omit<
  FractionalMaxPoolOptions,
  Given | 'returnIndices'
> & { returnIndices?: Indices };

/** The arguments of the layers, by position or in options. */
export type FractionalMaxPoolLayerArguments<Indices extends boolean = boolean> =
  | [options: FractionalMaxPoolOptions & { returnIndices?: Indices }]
  | [kernelSize: PerDimension, options?: Rest<Indices, 'kernelSize'>]
  | [kernelSize: PerDimension, outputSize: PerDimension | null, options?: Rest<Indices, 'kernelSize' | 'outputSize'>]
  | [
      kernelSize: PerDimension,
      outputSize: PerDimension | null,
      outputRatio: Ratio | null,
      options?: Rest<Indices, 'kernelSize' | 'outputSize' | 'outputRatio'>,
    ]
  | [
      kernelSize: PerDimension,
      outputSize: PerDimension | null,
      outputRatio: Ratio | null,
      returnIndices: Indices,
      options?: { randomSamples?: Tensor; generator?: Generator },
    ];

abstract class FractionalMaxPool<Indices extends boolean> extends Module {
  readonly kernelSize: readonly number[];
  readonly outputSize: readonly number[] | null;
  readonly outputRatio: readonly number[] | null;
  readonly returnIndices: Indices;
  readonly randomSamples: Tensor | null;
  readonly generator: Generator | null;

  constructor(kind: string, rank: number, args: readonly unknown[]) {
    super();
    const { kernel, size, ratio, returnIndices, randomSamples, generator } = fractionalOf(kind, args, rank);
    this.kernelSize = kernel;
    this.outputSize = size;
    this.outputRatio = size === null ? ratio : null;
    this.returnIndices = returnIndices as Indices;
    this.randomSamples = randomSamples ?? null;
    this.generator = generator ?? null;
  }

  // With positions as far as types go; the flag decides.
  protected get options(): FractionalMaxPoolOptions & { returnIndices: true } {
    const { kernelSize, outputSize, outputRatio, randomSamples, generator } = this;
    return {
      ...{ kernelSize, outputSize, outputRatio, returnIndices: this.returnIndices as true },
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
export class FractionalMaxPool2d<Indices extends boolean = false> extends FractionalMaxPool<Indices> {
  /** @param args kernelSize, outputSize or outputRatio, returnIndices (false); options: randomSamples, generator */
  constructor(...args: FractionalMaxPoolLayerArguments<Indices>) {
    super('FractionalMaxPool2d', 2, args);
  }

  forward(x: Tensor): Pooled<Indices> {
    return fractionalMaxPool2d(x, this.options) as Pooled<Indices>;
  }
}

/**
 * Max pooling over windows at random places of volumes; see `fractionalMaxPool3d`.
 *
 * @throws ShapeError when x is smaller than outputSize + kernelSize - 1
 * @example
 * new nn.FractionalMaxPool3d(2, { outputRatio: 0.5 }).forward(ones(1, 2, 6, 6, 6)); // [1, 2, 3, 3, 3]
 */
export class FractionalMaxPool3d<Indices extends boolean = false> extends FractionalMaxPool<Indices> {
  /** @param args kernelSize, outputSize or outputRatio, returnIndices (false); options: randomSamples, generator */
  constructor(...args: FractionalMaxPoolLayerArguments<Indices>) {
    super('FractionalMaxPool3d', 3, args);
  }

  forward(x: Tensor): Pooled<Indices> {
    return fractionalMaxPool3d(x, this.options) as Pooled<Indices>;
  }
}
