import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkChoice, checkFlag, checkInteger, formatShape, ShapeError } from '../errors.js';
import { type ConvOptions, type ConvTransposeOptions, convolution, transposedConvolution } from '../ops/conv.js';
import { checkDivisible } from '../ops/conv-checks.js';
import { checkPaddingMode, type PaddingMode } from '../ops/padding.js';
import { type PerDimension, perDimension } from '../ops/windows.js';
import { checkDType, checkTensor, type Tensor } from '../tensor.js';
import { Module } from './module.js';
import { drawWeightAndBias } from './weights.js';

/** Arguments of `Conv1d`, `Conv2d` and `Conv3d`, by name. */
export interface ConvLayerOptions extends Omit<ConvOptions, 'bias'> {
  inChannels: number;
  outChannels: number;
  /** A number or one for each dimension. */
  kernelSize: PerDimension;
  /** Whether a bias is added; default true. */
  bias?: boolean;
  /** Default float32. */
  dtype?: DType;
}

/** Arguments of `ConvTranspose1d`, `ConvTranspose2d` and `ConvTranspose3d`, by name. */
export interface ConvTransposeLayerOptions extends Omit<ConvTransposeOptions, 'bias'> {
  inChannels: number;
  outChannels: number;
  /** A number or one for each dimension. */
  kernelSize: PerDimension;
  /** Only 'zeros', the default, as in PyTorch. */
  paddingMode?: 'zeros';
  /** Whether a bias is added; default true. */
  bias?: boolean;
  /** Default float32. */
  dtype?: DType;
}

type ConvArguments = Positional<
  ConvLayerOptions,
  [
    inChannels: 'inChannels',
    outChannels: 'outChannels',
    kernelSize: 'kernelSize',
    stride: 'stride',
    padding: 'padding',
    dilation: 'dilation',
    groups: 'groups',
    bias: 'bias',
    paddingMode: 'paddingMode',
  ]
>;
type ConvTransposeArguments = Positional<
  ConvTransposeLayerOptions,
  [
    inChannels: 'inChannels',
    outChannels: 'outChannels',
    kernelSize: 'kernelSize',
    stride: 'stride',
    padding: 'padding',
    outputPadding: 'outputPadding',
    groups: 'groups',
    bias: 'bias',
    dilation: 'dilation',
    paddingMode: 'paddingMode',
  ]
>;

const channels = ['inChannels', 'outChannels', 'kernelSize', 'stride', 'padding'];
const convPositions = [...channels, 'dilation', 'groups', 'bias', 'paddingMode'];
const transposePositions = [...channels, 'outputPadding', 'groups', 'bias', 'dilation', 'paddingMode'];

// What the layers share: the parameters, and the checks of the constructor.
abstract class Convolution extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  weight: Tensor;
  bias: Tensor | null;

  constructor(
    protected readonly kind: string,
    protected readonly spatial: number,
    options: Partial<ConvTransposeLayerOptions | ConvLayerOptions>,
    transposed: boolean,
  ) {
    super();
    const { inChannels, outChannels } = options as ConvLayerOptions;
    this.inChannels = checkInteger(kind, 'inChannels', inChannels, 1);
    this.outChannels = checkInteger(kind, 'outChannels', outChannels, 1);
    this.kernelSize = perDimension(kind, 'kernelSize', options.kernelSize, spatial, 1);
    this.stride = perDimension(kind, 'stride', options.stride ?? 1, spatial, 1);
    this.dilation = perDimension(kind, 'dilation', options.dilation ?? 1, spatial, 1);
    this.groups = checkInteger(kind, 'groups', options.groups ?? 1, 1);
    checkDivisible(kind, 'inChannels', inChannels, this.groups);
    checkDivisible(kind, 'outChannels', outChannels, this.groups);
    const dtype = checkDType(kind, options.dtype, 'float32');
    const hasBias = checkFlag(kind, 'bias', options.bias, true);
    const [first, second] = transposed ? [inChannels, outChannels] : [outChannels, inChannels];
    const shape = [first, second / this.groups, ...this.kernelSize];
    [this.weight, this.bias] = drawWeightAndBias(shape, outChannels, hasBias, dtype);
  }

  protected checkInput(x: Tensor): void {
    checkTensor(this.kind, 'x', x);
    const channels = x.dims[x.rank - this.spatial - 1];
    if ((x.rank !== this.spatial + 2 && x.rank !== this.spatial + 1) || channels === this.inChannels) return;
    throw new ShapeError(
      `${this.kind}: x must have inChannels ${this.inChannels}, got x ${formatShape(x.dims)} (${channels} ≠ ${this.inChannels})`,
    );
  }

  // `extra`: further options that are not at their defaults.
  protected describeOptions(padding: string | readonly number[], extra: readonly string[]): string {
    const parts = [`${this.inChannels}, ${this.outChannels}, kernelSize ${formatShape(this.kernelSize)}`];
    if (this.stride.some((s) => s !== 1)) parts.push(`stride ${formatShape(this.stride)}`);
    if (typeof padding === 'string') parts.push(`padding ${padding}`);
    else if (padding.some((p) => p !== 0)) parts.push(`padding ${formatShape(padding)}`);
    parts.push(...extra);
    if (this.dilation.some((d) => d !== 1)) parts.push(`dilation ${formatShape(this.dilation)}`);
    if (this.groups !== 1) parts.push(`groups ${this.groups}`);
    if (this.bias === null) parts.push('no bias');
    return `${this.kind}(${parts.join(', ')})`;
  }
}

abstract class PlainConvolution extends Convolution {
  readonly padding: 'same' | 'valid' | readonly number[];
  readonly paddingMode: PaddingMode;

  constructor(kind: string, spatial: number, args: ConvArguments) {
    const options = optionsOf<ConvLayerOptions>(kind, args, convPositions, ['dtype']);
    // Everything is checked before weights are drawn: a failed call leaves the generator unchanged.
    const stride = perDimension(kind, 'stride', options.stride ?? 1, spatial, 1);
    const padding = options.padding ?? 0;
    if (padding === 'same' && stride.some((s) => s !== 1)) {
      throw new ArgumentError(`${kind}: padding 'same' needs stride 1, got stride ${formatShape(stride)}`);
    }
    const pads =
      padding === 'same' || padding === 'valid' ? padding : perDimension(kind, 'padding', padding, spatial, 0);
    const paddingMode = checkPaddingMode(kind, options.paddingMode);
    super(kind, spatial, options, false);
    this.padding = pads;
    this.paddingMode = paddingMode;
  }

  forward(x: Tensor): Tensor {
    this.checkInput(x);
    const { weight, bias, stride, padding, dilation, groups, paddingMode } = this;
    const options = { bias, stride, padding, dilation, groups, paddingMode };
    return convolution(this.kind, this.spatial, x, weight, options);
  }

  override toString(): string {
    return this.describeOptions(this.padding, this.paddingMode === 'zeros' ? [] : [`paddingMode ${this.paddingMode}`]);
  }
}

/**
 * A convolution over images: y[n, o, i, j] = bias[o] + Σ x[n, c, i·s + k·d - p, j·s + l·d - p] · weight[o, c, k, l]; see
 * `conv2d`. LeCun et al., 1989: https://doi.org/10.1162/neco.1989.1.4.541
 *
 * | x | weight | bias | y |
 * |---|---|---|---|
 * | [batch, inChannels, height, width] | [outChannels, inChannels / groups, ...kernelSize] | [outChannels] | [batch, outChannels, ⌊(height + 2p - d·(k - 1) - 1) / s⌋ + 1, …] |
 *
 * Weight and bias are drawn from U(-1/√fan, 1/√fan), fan = inChannels / groups · kernel size, as in PyTorch.
 *
 * @throws ShapeError when x has other channels or is smaller than the kernel, or groups do not divide the channels
 * @example
 * const layer = new nn.Conv2d(3, 8, 3, 1, 1);
 * layer.forward(zeros([4, 3, 16, 16])); // [4, 8, 16, 16]
 */
export class Conv2d extends PlainConvolution {
  /**
   * @param args inChannels, outChannels, kernelSize: a number or [height, width]; stride (1), padding (0, or 'same', 'valid'),
   *   dilation (1), groups (1), bias (true), paddingMode ('zeros'); option: dtype ('float32')
   */
  constructor(...args: ConvArguments) {
    super('Conv2d', 2, args);
  }
}

/**
 * A convolution over sequences x [batch, inChannels, length]; weight [outChannels, inChannels / groups, kernelSize].
 * Otherwise like `Conv2d`.
 *
 * @throws ShapeError like `Conv2d`
 * @example
 * const layer = new nn.Conv1d(4, 8, 3, { padding: 'same' });
 * layer.forward(zeros([2, 4, 10])); // [2, 8, 10]
 */
export class Conv1d extends PlainConvolution {
  /** @param args as for `Conv2d` */
  constructor(...args: ConvArguments) {
    super('Conv1d', 1, args);
  }
}

/**
 * A convolution over volumes x [batch, inChannels, depth, height, width]; weight [outChannels, inChannels / groups,
 * ...kernelSize]. Otherwise like `Conv2d`. Ji et al., 2010: https://doi.org/10.1109/TPAMI.2012.59
 *
 * @throws ShapeError like `Conv2d`
 * @example
 * const layer = new nn.Conv3d(1, 4, 3, 1, 1);
 * layer.forward(zeros([2, 1, 8, 8, 8])); // [2, 4, 8, 8, 8]
 */
export class Conv3d extends PlainConvolution {
  /** @param args as for `Conv2d`; sizes are a number or [depth, height, width] */
  constructor(...args: ConvArguments) {
    super('Conv3d', 3, args);
  }
}

abstract class TransposedConvolution extends Convolution {
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly paddingMode: 'zeros';

  constructor(kind: string, spatial: number, args: ConvTransposeArguments) {
    const options = optionsOf<ConvTransposeLayerOptions>(kind, args, transposePositions, ['dtype']);
    const padding = perDimension(kind, 'padding', options.padding ?? 0, spatial, 0);
    const outputPadding = perDimension(kind, 'outputPadding', options.outputPadding ?? 0, spatial, 0);
    const paddingMode = checkChoice(kind, 'paddingMode', options.paddingMode, ['zeros'], 'zeros');
    super(kind, spatial, options, true);
    this.paddingMode = paddingMode;
    this.padding = padding;
    this.outputPadding = outputPadding;
  }

  forward(x: Tensor): Tensor {
    this.checkInput(x);
    const { weight, bias, stride, padding, outputPadding, groups, dilation } = this;
    const options = { bias, stride, padding, outputPadding, groups, dilation };
    return transposedConvolution(this.kind, this.spatial, x, weight, options);
  }

  override toString(): string {
    const { padding, outputPadding } = this;
    const extra = outputPadding.some((p) => p !== 0) ? [`outputPadding ${formatShape(outputPadding)}`] : [];
    return this.describeOptions(padding, extra);
  }
}

/**
 * A transposed convolution over images, which makes them larger; see `convTranspose2d`. Zeiler et al., 2010:
 * https://doi.org/10.1109/CVPR.2010.5539957
 *
 * | x | weight | bias | y |
 * |---|---|---|---|
 * | [batch, inChannels, height, width] | [inChannels, outChannels / groups, ...kernelSize] | [outChannels] | [batch, outChannels, (height - 1)·s - 2p + d·(k - 1) + outputPadding + 1, …] |
 *
 * Weight and bias are drawn from U(-1/√fan, 1/√fan), fan = outChannels / groups · kernel size, as in PyTorch.
 *
 * @throws ShapeError when x has other channels or the output would be empty, or groups do not divide the channels
 * @example
 * const layer = new nn.ConvTranspose2d(8, 3, 4, 2, 1);
 * layer.forward(zeros([4, 8, 7, 7])); // [4, 3, 14, 14]
 */
export class ConvTranspose2d extends TransposedConvolution {
  /**
   * @param args inChannels, outChannels, kernelSize: a number or [height, width]; stride (1), padding (0), outputPadding (0),
   *   groups (1), bias (true), dilation (1), paddingMode ('zeros', the only one); option: dtype ('float32')
   */
  constructor(...args: ConvTransposeArguments) {
    super('ConvTranspose2d', 2, args);
  }
}

/**
 * A transposed convolution over sequences x [batch, inChannels, length]. Otherwise like `ConvTranspose2d`.
 *
 * @throws ShapeError like `ConvTranspose2d`
 * @example
 * const layer = new nn.ConvTranspose1d(8, 3, 4, { stride: 2, padding: 1 });
 * layer.forward(zeros([4, 8, 7])); // [4, 3, 14]
 */
export class ConvTranspose1d extends TransposedConvolution {
  /** @param args as for `ConvTranspose2d` */
  constructor(...args: ConvTransposeArguments) {
    super('ConvTranspose1d', 1, args);
  }
}

/**
 * A transposed convolution over volumes x [batch, inChannels, depth, height, width]. Otherwise like `ConvTranspose2d`.
 *
 * @throws ShapeError like `ConvTranspose2d`
 * @example
 * const layer = new nn.ConvTranspose3d(4, 1, 2, 2);
 * layer.forward(zeros([2, 4, 4, 4, 4])); // [2, 1, 8, 8, 8]
 */
export class ConvTranspose3d extends TransposedConvolution {
  /** @param args as for `ConvTranspose2d`; sizes are a number or [depth, height, width] */
  constructor(...args: ConvTransposeArguments) {
    super('ConvTranspose3d', 3, args);
  }
}
