// Padding as modules, under PyTorch's names.
import { optionsOf } from '../arguments.js';
import { ArgumentError, checkNumber, describe, formatShape, nameClass, ShapeError } from '../errors.js';
import { type PadMode, padded } from '../ops/padding.js';
import { checkPads } from '../ops/shape-slice.js';
import { copyOf } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { Module } from './module.js';

/** A number for all sides, or pairs of numbers before and after, the last dimension's pair first. */
export type Padding = number | readonly number[];

/** A layer that pads the last dimensions. */
export interface PaddingLayer extends Module {
  /** Pairs of numbers before and after, the last dimension's pair first. */
  readonly padding: readonly number[];
  forward(x: Tensor): Tensor;
}

type PaddingArguments = [padding: Padding] | [options: { padding: Padding }];
type ConstantArguments =
  | [padding: Padding, value: number]
  | [padding: Padding, options: { value: number }]
  | [options: { padding: Padding; value: number }];

abstract class Padded extends Module {
  readonly padding: readonly number[];

  constructor(
    private readonly kind: string,
    private readonly spatial: number,
    private readonly mode: PadMode,
    padding: unknown,
  ) {
    super();
    const all = typeof padding === 'number' ? new Array(2 * spatial).fill(padding) : copyOf(padding);
    if (all?.length !== 2 * spatial) {
      throw new ArgumentError(`${kind}: padding must be a number or ${2 * spatial} numbers, got ${describe(padding)}`);
    }
    this.padding = checkPads(kind, 'padding', all, spatial);
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.kind, 'x', x);
    if (x.rank < this.spatial) {
      throw new ShapeError(
        `${this.kind}: x must have ${this.spatial} or more dimensions, got x ${formatShape(x.dims)}`,
      );
    }
    return padded(this.kind, x, this.padding, this.mode, this.filling);
  }

  /** What is added, if it does not come from x. */
  protected get filling(): number | undefined {
    return undefined;
  }

  override toString(): string {
    return `${this.kind}(${formatShape(this.padding)})`;
  }
}

// The layer of a mode without further arguments.
function padding(kind: string, spatial: number, mode: PadMode): new (...args: PaddingArguments) => PaddingLayer {
  const made = class extends Padded {
    constructor(...args: PaddingArguments) {
      super(kind, spatial, mode, optionsOf<{ padding: Padding }>(kind, args, ['padding']).padding);
    }
  };
  return nameClass(kind, made);
}

abstract class ConstantPad extends Padded {
  readonly value: number;

  constructor(kind: string, spatial: number, args: ConstantArguments) {
    const options = optionsOf<{ padding: Padding; value: number }>(kind, args, ['padding', 'value']);
    super(kind, spatial, 'constant', options.padding);
    const { value } = options;
    this.value = checkNumber(kind, 'value', value);
  }

  protected override get filling(): number {
    return this.value;
  }

  override toString(): string {
    return `${super.toString().slice(0, -1)}, ${this.value})`;
  }
}

/**
 * Surrounds x […, length] by the elements before the edge, mirrored; see `pad`. It must have more of them than are added. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions or too few elements
 * @example
 * new nn.ReflectionPad1d(1).forward(ones([1, 2, 4])); // [1, 2, 6]
 */
export const ReflectionPad1d = padding('ReflectionPad1d', 1, 'reflect');
export type ReflectionPad1d = InstanceType<typeof ReflectionPad1d>;

/**
 * Surrounds x […, height, width] by the elements before the edge, mirrored; see `pad`. It must have more of them than are added. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions or too few elements
 * @example
 * new nn.ReflectionPad2d(1).forward(ones([1, 2, 4, 4])); // [1, 2, 6, 6]
 */
export const ReflectionPad2d = padding('ReflectionPad2d', 2, 'reflect');
export type ReflectionPad2d = InstanceType<typeof ReflectionPad2d>;

/**
 * Surrounds x […, depth, height, width] by the elements before the edge, mirrored; see `pad`. It must have more of them than are added. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions or too few elements
 * @example
 * new nn.ReflectionPad3d(1).forward(ones([1, 2, 4, 4, 4])); // [1, 2, 6, 6, 6]
 */
export const ReflectionPad3d = padding('ReflectionPad3d', 3, 'reflect');
export type ReflectionPad3d = InstanceType<typeof ReflectionPad3d>;

/**
 * Surrounds x […, length] by the elements at the edge; see `pad`. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions
 * @example
 * new nn.ReplicationPad1d(1).forward(ones([1, 2, 4])); // [1, 2, 6]
 */
export const ReplicationPad1d = padding('ReplicationPad1d', 1, 'replicate');
export type ReplicationPad1d = InstanceType<typeof ReplicationPad1d>;

/**
 * Surrounds x […, height, width] by the elements at the edge; see `pad`. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions
 * @example
 * new nn.ReplicationPad2d(1).forward(ones([1, 2, 4, 4])); // [1, 2, 6, 6]
 */
export const ReplicationPad2d = padding('ReplicationPad2d', 2, 'replicate');
export type ReplicationPad2d = InstanceType<typeof ReplicationPad2d>;

/**
 * Surrounds x […, depth, height, width] by the elements at the edge; see `pad`. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions
 * @example
 * new nn.ReplicationPad3d(1).forward(ones([1, 2, 4, 4, 4])); // [1, 2, 6, 6, 6]
 */
export const ReplicationPad3d = padding('ReplicationPad3d', 3, 'replicate');
export type ReplicationPad3d = InstanceType<typeof ReplicationPad3d>;

/**
 * Surrounds x […, length] by the elements at the opposite edge; see `pad`. It must have as many of them as are added. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions or too few elements
 * @example
 * new nn.CircularPad1d(1).forward(ones([1, 2, 4])); // [1, 2, 6]
 */
export const CircularPad1d = padding('CircularPad1d', 1, 'circular');
export type CircularPad1d = InstanceType<typeof CircularPad1d>;

/**
 * Surrounds x […, height, width] by the elements at the opposite edge; see `pad`. It must have as many of them as are added. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions or too few elements
 * @example
 * new nn.CircularPad2d(1).forward(ones([1, 2, 4, 4])); // [1, 2, 6, 6]
 */
export const CircularPad2d = padding('CircularPad2d', 2, 'circular');
export type CircularPad2d = InstanceType<typeof CircularPad2d>;

/**
 * Surrounds x […, depth, height, width] by the elements at the opposite edge; see `pad`. It must have as many of them as are added. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions or too few elements
 * @example
 * new nn.CircularPad3d(1).forward(ones([1, 2, 4, 4, 4])); // [1, 2, 6, 6, 6]
 */
export const CircularPad3d = padding('CircularPad3d', 3, 'circular');
export type CircularPad3d = InstanceType<typeof CircularPad3d>;

/**
 * Surrounds x […, length] by zeros; see `pad`. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions
 * @example
 * new nn.ZeroPad1d(1).forward(ones([1, 2, 4])); // [1, 2, 6]
 */
export const ZeroPad1d = padding('ZeroPad1d', 1, 'constant');
export type ZeroPad1d = InstanceType<typeof ZeroPad1d>;

/**
 * Surrounds x […, height, width] by zeros; see `pad`. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions
 * @example
 * new nn.ZeroPad2d(1).forward(ones([1, 2, 4, 4])); // [1, 2, 6, 6]
 */
export const ZeroPad2d = padding('ZeroPad2d', 2, 'constant');
export type ZeroPad2d = InstanceType<typeof ZeroPad2d>;

/**
 * Surrounds x […, depth, height, width] by zeros; see `pad`. Arguments: padding.
 *
 * @throws ShapeError when x has fewer dimensions
 * @example
 * new nn.ZeroPad3d(1).forward(ones([1, 2, 4, 4, 4])); // [1, 2, 6, 6, 6]
 */
export const ZeroPad3d = padding('ZeroPad3d', 3, 'constant');
export type ZeroPad3d = InstanceType<typeof ZeroPad3d>;

/**
 * Surrounds x […, length] by a value; see `pad`. Arguments: padding, value.
 *
 * @throws ShapeError when x has fewer dimensions
 * @example
 * new nn.ConstantPad1d(1, 0.5).forward(ones([1, 2, 4])); // [1, 2, 6]
 */
export class ConstantPad1d extends ConstantPad {
  /** @param args padding: a number, or pairs of numbers before and after, the last dimension's first; value */
  constructor(...args: ConstantArguments) {
    super('ConstantPad1d', 1, args);
  }
}

/**
 * Surrounds x […, height, width] by a value; see `pad`. Arguments: padding, value.
 *
 * @throws ShapeError when x has fewer dimensions
 * @example
 * new nn.ConstantPad2d(1, 0.5).forward(ones([1, 2, 4, 4])); // [1, 2, 6, 6]
 */
export class ConstantPad2d extends ConstantPad {
  /** @param args padding: a number, or pairs of numbers before and after, the last dimension's first; value */
  constructor(...args: ConstantArguments) {
    super('ConstantPad2d', 2, args);
  }
}

/**
 * Surrounds x […, depth, height, width] by a value; see `pad`. Arguments: padding, value.
 *
 * @throws ShapeError when x has fewer dimensions
 * @example
 * new nn.ConstantPad3d(1, 0.5).forward(ones([1, 2, 4, 4, 4])); // [1, 2, 6, 6, 6]
 */
export class ConstantPad3d extends ConstantPad {
  /** @param args padding: a number, or pairs of numbers before and after, the last dimension's first; value */
  constructor(...args: ConstantArguments) {
    super('ConstantPad3d', 3, args);
  }
}
