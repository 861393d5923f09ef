import { checkOptions } from '../errors.js';
import { formatOptions } from '../format.js';
import { columns, type UnfoldOptions, unfoldOptions } from '../ops/unfold.js';
import { checkWindowOptions, type PerDimension, perDimension } from '../ops/windows.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/**
 * The windows of images as columns; see `unfold`.
 *
 * @throws ShapeError when the kernel is larger than the padded input
 * @example
 * new nn.Unfold(3, { padding: 1 }).forward(zeros([1, 2, 4, 4])); // [1, 18, 16]
 */
export class Unfold extends Module {
  readonly kernelSize: readonly number[];
  readonly options: Readonly<UnfoldOptions>;

  /** @param options dilation (1), padding (0), stride (1) */
  constructor(kernelSize: PerDimension, options?: UnfoldOptions) {
    super();
    checkOptions('Unfold', options, unfoldOptions);
    checkWindowOptions('Unfold', options, 2);
    this.kernelSize = perDimension('Unfold', 'kernelSize', kernelSize, 2, 1);
    this.options = { ...options };
  }

  forward(x: Tensor): Tensor {
    return columns('Unfold', x, this.kernelSize, this.options);
  }

  override toString(): string {
    const options = formatOptions(this.options);
    return `Unfold([${this.kernelSize.join(', ')}]${options === '' ? '' : `, ${options}`})`;
  }
}
