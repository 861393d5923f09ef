import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { checkFlag, checkInteger, formatShape, ShapeError } from '../errors.js';
import { type LinearActivation, linearWith } from '../ops/matmul-linear.js';
import { sizeOf } from '../shape.js';
import { checkDType, checkTensor, type Tensor } from '../tensor.js';
import { Module } from './module.js';
import { drawWeightAndBias } from './weights.js';

/** Arguments of `Linear`, by name. */
export interface LinearLayerOptions {
  inFeatures: number;
  outFeatures: number;
  /** Whether a bias is added; default true. */
  bias?: boolean;
  /** Default float32. */
  dtype?: DType;
}

type LinearArguments = Positional<
  LinearLayerOptions,
  [inFeatures: 'inFeatures', outFeatures: 'outFeatures', bias: 'bias']
>;

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

  /** @param args inFeatures, outFeatures, bias (true); option: dtype ('float32') */
  constructor(...args: LinearArguments) {
    super();
    const positions = ['inFeatures', 'outFeatures', 'bias'];
    const options = optionsOf<LinearLayerOptions>('Linear', args, positions, ['dtype']);
    this.inFeatures = checkInteger('Linear', 'inFeatures', options.inFeatures, 1);
    this.outFeatures = checkInteger('Linear', 'outFeatures', options.outFeatures, 1);
    const dtype = checkDType('Linear', options.dtype, 'float32');
    const hasBias = checkFlag('Linear', 'bias', options.bias, true);
    const shape = [this.outFeatures, this.inFeatures];
    [this.weight, this.bias] = drawWeightAndBias(shape, this.outFeatures, hasBias, dtype);
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
