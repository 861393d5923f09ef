import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkEach, checkInteger, formatShape, ShapeError } from '../errors.js';
import { Conv1d, Dropout, init, Linear, Module, Sequential, utils } from '../nn/index.js';
import { relu } from '../ops/activation.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { checkChance } from './image-layers.js';

/** Arguments of `TCN`, by name. */
export interface TCNOptions {
  /** Channels of the sequences. */
  inChannels: number;
  /** The width of the result: 1 for regression, the number of classes for classification. */
  outFeatures: number;
  /** Channels of each level; level i looks 2^i steps apart. */
  numChannels: readonly number[];
  /** Default 2. */
  kernelSize?: number;
  /** The probability in the dropout after each convolution; default 0.2. */
  dropout?: number;
}

/** A convolution that sees only the past, normed by the lengths of its weights. */
function causal(inChannels: number, outChannels: number, kernelSize: number, dilation: number): Module {
  const padding = (kernelSize - 1) * dilation;
  const conv = new Conv1d(inChannels, outChannels, { kernelSize, padding, dilation });
  init.normal_(conv.weight, 0, 0.01);
  return utils.parametrizations.weightNorm(conv);
}

class TemporalBlock extends Module {
  readonly conv1: Module;
  readonly conv2: Module;
  readonly dropout: Dropout;
  readonly downsample: Conv1d | null;

  constructor(inChannels: number, outChannels: number, kernelSize: number, dilation: number, p: number) {
    super();
    this.conv1 = causal(inChannels, outChannels, kernelSize, dilation);
    this.conv2 = causal(outChannels, outChannels, kernelSize, dilation);
    this.dropout = new Dropout(p);
    this.downsample = inChannels === outChannels ? null : new Conv1d(inChannels, outChannels, 1);
    if (this.downsample !== null) init.normal_(this.downsample.weight, 0, 0.01);
  }

  forward(x: Tensor): Tensor {
    const steps = x.dims.at(-1) as number;
    let y = x;
    for (const conv of [this.conv1, this.conv2]) {
      const past: Tensor = conv.forward(y).narrow(-1, 0, steps); // padding at the end would show the future
      y = this.dropout.forward(relu(past));
    }
    return relu(y.add(this.downsample?.forward(x) ?? x));
  }
}

/**
 * A temporal convolutional network for sequences: causal convolutions whose steps are 1, 2, 4, … apart, two in each level with a
 * shortcut around them, and a linear layer on the last step.
 * Bai, Kolter and Koltun, "An empirical evaluation of generic convolutional and recurrent networks for sequence modeling", 2018,
 * https://arxiv.org/abs/1803.01271
 *
 * x [batch, inChannels, steps], y [batch, outFeatures]; the last step sees 1 + 2 · (kernelSize - 1) · (2^levels - 1) steps.
 * `features(x)` gives all steps, [batch, numChannels.at(-1), steps]. Convolutions have weight norm; keys are
 * `network.0.conv1.parametrizations.weight.original0`, …, `linear.weight`.
 *
 * @throws ArgumentError for numbers of channels that are no positive integers, ShapeError for sequences of other channels
 * @example
 * const model = new models.TCN(2, 1, [16, 16, 16], { kernelSize: 3 });
 * model.forward(zeros([4, 2, 30])); // [4, 1]
 */
export class TCN extends Module {
  readonly inChannels: number;
  readonly network: Sequential;
  /** The head; assign another for other classes. */
  linear: Module;

  /** @param args inChannels, outFeatures, numChannels; options: kernelSize (2), dropout (0.2) */
  constructor(
    ...args: Positional<TCNOptions, [inChannels: 'inChannels', outFeatures: 'outFeatures', numChannels: 'numChannels']>
  ) {
    super();
    const positions = ['inChannels', 'outFeatures', 'numChannels'];
    const options = optionsOf<TCNOptions>('TCN', args, positions, ['kernelSize', 'dropout']);
    const inChannels = checkInteger('TCN', 'inChannels', options.inChannels, 1);
    this.inChannels = inChannels;
    const outFeatures = checkInteger('TCN', 'outFeatures', options.outFeatures, 1);
    const channels = checkEach('TCN', 'numChannels', 'must be an array of numbers', options.numChannels, (n, i) =>
      checkInteger('TCN', `numChannels[${i}]`, n, 1),
    );
    if (channels.length === 0 || channels.length > 30) {
      throw new ArgumentError(`TCN: numChannels must have 1 to 30 levels, got ${channels.length}`);
    }
    const kernelSize = checkInteger('TCN', 'kernelSize', options.kernelSize ?? 2, 1);
    const p = checkChance('TCN', 'dropout', options.dropout, 0.2);
    [this.network, this.linear] = allOrNothing(() => {
      const inputs = [inChannels, ...channels];
      const blocks = channels.map((n, i) => new TemporalBlock(inputs[i] as number, n, kernelSize, 2 ** i, p));
      return [new Sequential(blocks), new Linear(inputs.at(-1) as number, outFeatures)] as const;
    });
  }

  /** What the levels make of each step. */
  features(x: Tensor): Tensor {
    checkTensor('TCN', 'x', x);
    if (x.rank !== 3 || x.dims[1] !== this.inChannels || x.dims[2] === 0) {
      const rule = `x must be [batch, ${this.inChannels}, steps] with at least one step`;
      throw new ShapeError(`TCN: ${rule}, got x ${formatShape(x.dims)}`);
    }
    return this.network.forward(x);
  }

  forward(x: Tensor): Tensor {
    return this.linear.forward(this.features(x).select(-1, -1));
  }
}
