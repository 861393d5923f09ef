import type { DType } from '../dtype.js';
import { checkFlag, checkInteger, checkOptions, formatShape, ShapeError } from '../errors.js';
import { type LinearActivation, linearWith } from '../ops/matmul.js';
import { sizeOf } from '../shape.js';
import { checkDType, checkTensor, type Tensor } from '../tensor.js';
import { Module } from './module.js';
import { drawWeightAndBias } from './weights.js';

/**
 * A fully connected layer: y = x · Wᵀ + b.
 *
 * x [..., inFeatures], weight [outFeatures, inFeatures], bias [outFeatures], y [..., outFeatures]. Both are drawn from
 * U(-1/√inFeatures, 1/√inFeatures), as in PyTorch.
 * Rosenblatt, "The perceptron", 1958, https://doi.org/10.1037/h0042519
 *
 * @throws ShapeError when the last dimension of x is not inFeatures
 * @example
 * const layer = new nn.Linear(784, 128);
 * layer.forward(zeros([64, 784])); // [64, 128]
 */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Tensor;
  bias: Tensor | null;

  /** @param options bias (default true), dtype (default float32) */
  constructor(inFeatures: number, outFeatures: number, options?: { bias?: boolean; dtype?: DType }) {
    super();
    checkOptions('Linear', options, ['bias', 'dtype']);
    this.inFeatures = checkInteger('Linear', 'inFeatures', inFeatures, 1);
    this.outFeatures = checkInteger('Linear', 'outFeatures', outFeatures, 1);
    const dtype = checkDType('Linear', options?.dtype, 'float32');
    const hasBias = checkFlag('Linear', 'bias', options?.bias, true);
    [this.weight, this.bias] = drawWeightAndBias([outFeatures, inFeatures], outFeatures, hasBias, dtype);
  }

  forward(x: Tensor): Tensor {
    return this.run(x, 'none');
  }

  /** @internal The layer and the activation after it in one pass. */
  run(x: Tensor, activation: LinearActivation): Tensor {
    checkTensor('Linear', 'x', x);
    if (x.dims[x.rank - 1] !== this.inFeatures) {
      const rows = x.dims[0] ?? 1;
      const flat = x.rank > 2 && sizeOf(x.dims.slice(1)) === this.inFeatures;
      const hint = flat ? `; flatten it first: x.reshape([${rows}, ${this.inFeatures}])` : '';
      throw new ShapeError(
        `Linear: last dimension of x must be inFeatures ${this.inFeatures}, got x ${formatShape(x.dims)}${hint}`,
      );
    }
    return linearWith(x, this.weight, this.bias, activation);
  }

  override toString(): string {
    return `Linear(${this.inFeatures}, ${this.outFeatures}${this.bias === null ? ', no bias' : ''})`;
  }
}
