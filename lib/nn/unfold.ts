import { optionsOf } from '../arguments.js';
import { formatShape } from '../errors.js';
import { formatOptions } from '../format.js';
import {
  columns,
  type FoldArguments,
  type FoldOptions,
  foldPositions,
  images,
  type UnfoldArguments,
  type UnfoldOptions,
  unfoldPositions,
} from '../ops/unfold.js';
import { checkWindowOptions, type PerDimension, perDimension } from '../ops/windows.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

// What both layers share: the windows.
abstract class Columns extends Module {
  readonly kernelSize: readonly number[];
  readonly dilation: PerDimension;
  readonly padding: PerDimension;
  readonly stride: PerDimension;
  private readonly kind: string;
  private readonly given: object;

  constructor(kind: string, options: Partial<UnfoldOptions>) {
    super();
    checkWindowOptions(kind, options, 2);
    const { kernelSize, ...given } = options;
    this.kernelSize = perDimension(kind, 'kernelSize', kernelSize, 2, 1);
    this.dilation = given.dilation ?? 1;
    this.padding = given.padding ?? 0;
    this.stride = given.stride ?? 1;
    this.kind = kind;
    this.given = given;
  }

  override toString(): string {
    const options = formatOptions(this.given);
    return `${this.kind}(${formatShape(this.kernelSize)}${options === '' ? '' : `, ${options}`})`;
  }
}

/**
 * The windows of images as columns; see `unfold`.
 *
 * @throws ShapeError when the kernel is larger than the padded input
 * @example
 * new nn.Unfold(3, { padding: 1 }).forward(zeros([1, 2, 4, 4])); // [1, 18, 16]
 */
export class Unfold extends Columns {
  /** @param args kernelSize: a number or [height, width]; dilation (1), padding (0), stride (1) */
  constructor(...args: UnfoldArguments) {
    super('Unfold', optionsOf<UnfoldOptions>('Unfold', args, unfoldPositions));
  }

  forward(x: Tensor): Tensor {
    return columns('Unfold', x, this);
  }
}

/**
 * Sums of columns where windows overlap, the reverse of `Unfold`; see `fold`.
 *
 * @throws ShapeError when x has other sizes than `Unfold` gives for images of outputSize
 * @example
 * new nn.Fold(4, 2).forward(ones([1, 4, 9])); // [1, 1, 4, 4]
 */
export class Fold extends Columns {
  readonly outputSize: readonly number[];

  /** @param args outputSize, kernelSize: a number or [height, width]; dilation (1), padding (0), stride (1) */
  constructor(...args: FoldArguments) {
    const options = optionsOf<FoldOptions>('Fold', args, foldPositions);
    super('Fold', options);
    this.outputSize = perDimension('Fold', 'outputSize', options.outputSize, 2, 1);
  }

  forward(x: Tensor): Tensor {
    return images('Fold', x, this);
  }
}
