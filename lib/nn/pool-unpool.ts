import { optionsOf, type Positional } from '../arguments.js';
import { type MaxUnpoolOptions, unpool } from '../ops/pool-unpool.js';
import { type PerDimension, perDimension } from '../ops/windows.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/** The arguments of the layers, by position or in options. */
export type MaxUnpoolLayerArguments = Positional<
  Omit<MaxUnpoolOptions, 'outputSize'>,
  [kernelSize: 'kernelSize', stride: 'stride', padding: 'padding']
>;

abstract class MaxUnpool extends Module {
  readonly kernelSize: PerDimension;
  readonly stride: PerDimension;
  readonly padding: PerDimension;

  constructor(
    private readonly kind: string,
    private readonly spatial: number,
    args: MaxUnpoolLayerArguments,
  ) {
    super();
    const options = optionsOf<MaxUnpoolOptions>(kind, args, ['kernelSize', 'stride', 'padding'], [], ['stride']);
    this.kernelSize = options.kernelSize as PerDimension;
    perDimension(kind, 'kernelSize', this.kernelSize, spatial, 1);
    this.stride = options.stride ?? this.kernelSize;
    perDimension(kind, 'stride', this.stride, spatial, 1);
    this.padding = options.padding ?? 0;
    perDimension(kind, 'padding', this.padding, spatial, 0);
  }

  /** @param args outputSize: the sizes of what was pooled (the smallest possible) */
  forward(
    x: Tensor,
    indices: Tensor,
    ...args: [options?: { outputSize?: readonly number[] | null }] | [outputSize: readonly number[] | null]
  ): Tensor {
    const { kind, spatial, kernelSize, stride, padding } = this;
    const { outputSize = null } = optionsOf<MaxUnpoolOptions>(kind, args, ['outputSize'], [], ['outputSize']);
    return unpool(kind, spatial, x, indices, [{ kernelSize, stride, padding, outputSize }]);
  }
}

/**
 * The way back from max pooling of sequences; see `maxUnpool1d`.
 *
 * @throws ArgumentError when a position is outside of the result
 * @example
 * new nn.MaxUnpool1d(2).forward(ones(1, 3), zeros([1, 3], { dtype: 'int32' })); // [1, 6]
 */
export class MaxUnpool1d extends MaxUnpool {
  /** @param args kernelSize, stride (kernelSize), padding (0) */
  constructor(...args: MaxUnpoolLayerArguments) {
    super('MaxUnpool1d', 1, args);
  }
}

/**
 * The way back from max pooling of images; see `maxUnpool2d`.
 *
 * @throws ArgumentError when a position is outside of the result
 * @example
 * new nn.MaxUnpool2d(2).forward(ones(1, 3, 3), zeros([1, 3, 3], { dtype: 'int32' })); // [1, 6, 6]
 */
export class MaxUnpool2d extends MaxUnpool {
  /** @param args kernelSize, stride (kernelSize), padding (0) */
  constructor(...args: MaxUnpoolLayerArguments) {
    super('MaxUnpool2d', 2, args);
  }
}

/**
 * The way back from max pooling of volumes; see `maxUnpool3d`.
 *
 * @throws ArgumentError when a position is outside of the result
 * @example
 * new nn.MaxUnpool3d(2).forward(ones(1, 1, 1, 1), zeros([1, 1, 1, 1], { dtype: 'int32' })); // [1, 2, 2, 2]
 */
export class MaxUnpool3d extends MaxUnpool {
  /** @param args kernelSize, stride (kernelSize), padding (0) */
  constructor(...args: MaxUnpoolLayerArguments) {
    super('MaxUnpool3d', 3, args);
  }
}
