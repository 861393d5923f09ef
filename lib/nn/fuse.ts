// Batch norm in evaluation is a product and a sum for each channel: the layer before it can do both.
import { optionsOf } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkFlag, checkNumber, describe, formatShape, ShapeError, StateError } from '../errors.js';
import { ones, zeros } from '../ops/creation.js';
import { add, mul, rsqrt, sub } from '../ops/elementwise.js';
import { reshape } from '../ops/shape.js';
import { type Shape, sameShape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from './conv.js';
import { Linear } from './linear.js';
import { BatchNorm } from './norm-batch.js';
import { Parameter } from './roles.js';

/** A convolution of any number of dimensions. */
export type Convolution = Conv1d | Conv2d | Conv3d | ConvTranspose1d | ConvTranspose2d | ConvTranspose3d;

/** Whether the convolution is a transposed one, by position or in options; default false. */
export type TransposeArguments = [transpose: boolean] | [options?: { transpose?: boolean }];

interface Statistics {
  mean: Tensor;
  variance: Tensor;
  eps: number;
  weight: Tensor | null;
  bias: Tensor | null;
}

/**
 * The weight and bias of a convolution that does the work of the batch norm behind it, too: weight · s and
 * (bias - mean) · s + bnB with s = bnW / √(variance + bnEps) for each output channel.
 *
 * @param convW [outChannels, inChannels, …], of a transposed convolution [inChannels, outChannels, …]
 * @param convB [outChannels], or null
 * @param bnRm the running mean [outChannels]
 * @param bnRv the running variance [outChannels]
 * @param bnEps added to the variance
 * @param bnW the batch norm's weight [outChannels], or null for 1
 * @param bnB the batch norm's bias [outChannels], or null for 0
 * @param args transpose (default false): whether the convolution is a transposed one, by position or in options
 * @returns two parameters, which need gradients where convW and convB do
 * @throws ShapeError, DTypeError when the tensors do not fit
 * @example
 * const [weight, bias] = nn.utils.fuseConvBnWeights(rand([4, 3, 3, 3]), null, zeros([4]), ones([4]), 1e-5, null, null);
 */
export function fuseConvBnWeights(
  convW: Tensor,
  convB: Tensor | null,
  bnRm: Tensor,
  bnRv: Tensor,
  bnEps: number,
  bnW: Tensor | null,
  bnB: Tensor | null,
  ...args: TransposeArguments
): [weight: Parameter, bias: Parameter] {
  const name = 'fuseConvBnWeights';
  const dim = isTransposed(name, args) ? 1 : 0;
  checkTensor(name, 'convW', convW);
  if (convW.rank < 2) throw new ShapeError(`${name}: convW must have channels, got convW ${formatShape(convW.dims)}`);
  const n = convW.dims[dim] as number;
  const shape = convW.dims.map((_, d) => (d === dim ? n : 1));
  const statistics = { mean: bnRm, variance: bnRv, eps: bnEps, weight: bnW, bias: bnB };
  check(name, ['convW', 'convB'], convW, convB, n, n, statistics);
  return fused(convW, convB, n, shape, statistics);
}

/**
 * A copy of a convolution that does the work of the batch norm behind it, too. Both must be in evaluation mode.
 * Jacob et al. 2018, https://arxiv.org/abs/1712.05877
 *
 * @param conv a convolution
 * @param bn a batch norm of its output, with running statistics
 * @param args transpose (default false): whether the convolution is a transposed one, by position or in options
 * @throws StateError in training mode or without running statistics; ShapeError when the channels differ
 * @example
 * const [conv, bn] = [new nn.Conv2d(3, 8, 3).eval(), new nn.BatchNorm2d(8).eval()];
 * nn.utils.fuseConvBnEval(conv, bn).forward(rand([1, 3, 8, 8])); // as bn.forward(conv.forward(x))
 */
export function fuseConvBnEval<C extends Convolution>(conv: C, bn: BatchNorm, ...args: TransposeArguments): C {
  const name = 'fuseConvBnEval';
  const transposed = [ConvTranspose1d, ConvTranspose2d, ConvTranspose3d].some((Class) => conv instanceof Class);
  if (!transposed && ![Conv1d, Conv2d, Conv3d].some((Class) => conv instanceof Class)) {
    throw new ArgumentError(`${name}: conv must be a convolution, got ${describe(conv)}`);
  }
  if (isTransposed(name, args) !== transposed) {
    throw new ArgumentError(`${name}: transpose must be ${transposed} for ${conv}, got ${!transposed}`);
  }
  if (transposed && conv.groups > 1) {
    throw new ArgumentError(`${name}: a transposed convolution must have one group, got groups ${conv.groups}`);
  }
  const statistics = statisticsOf(name, conv, bn);
  const shape = conv.weight.dims.map((_, d) => (d === (transposed ? 1 : 0) ? conv.outChannels : 1));
  return copyWith(name, conv, conv.outChannels, shape, statistics);
}

/**
 * The weight and bias of a linear layer that does the work of the batch norm behind it, too. See {@link fuseConvBnWeights}.
 *
 * @param linearW [outFeatures, inFeatures]
 * @param linearB [outFeatures], or null
 * @param bnRm the running mean [outFeatures] or [1]
 * @param bnRv the running variance, as bnRm
 * @param bnEps added to the variance
 * @param bnW the batch norm's weight, as bnRm, or null for 1
 * @param bnB the batch norm's bias, as bnRm, or null for 0
 * @returns two parameters, which need gradients where linearW and linearB do
 * @throws ShapeError, DTypeError when the tensors do not fit
 * @example
 * const [weight, bias] = nn.utils.fuseLinearBnWeights(rand([4, 3]), null, zeros([4]), ones([4]), 1e-5, ones([4]), zeros([4]));
 */
export function fuseLinearBnWeights(
  linearW: Tensor,
  linearB: Tensor | null,
  bnRm: Tensor,
  bnRv: Tensor,
  bnEps: number,
  bnW: Tensor | null,
  bnB: Tensor | null,
): [weight: Parameter, bias: Parameter] {
  const name = 'fuseLinearBnWeights';
  checkTensor(name, 'linearW', linearW);
  if (linearW.rank !== 2) {
    throw new ShapeError(
      `${name}: linearW must be [outFeatures, inFeatures], got linearW ${formatShape(linearW.dims)}`,
    );
  }
  checkTensor(name, 'bnRm', bnRm);
  const out = linearW.dims[0] as number;
  const statistics = { mean: bnRm, variance: bnRv, eps: bnEps, weight: bnW, bias: bnB };
  check(name, ['linearW', 'linearB'], linearW, linearB, out, bnRm.size === 1 ? 1 : out, statistics);
  return fused(linearW, linearB, out, [bnRm.size, 1], statistics);
}

/**
 * A copy of a linear layer that does the work of the batch norm behind it, too. Both must be in evaluation mode.
 *
 * @param linear a linear layer
 * @param bn a batch norm of its output, with running statistics, and with outFeatures channels or one
 * @throws StateError in training mode or without running statistics; ShapeError when the channels differ
 * @example
 * const [linear, bn] = [new nn.Linear(3, 8).eval(), new nn.BatchNorm1d(8).eval()];
 * nn.utils.fuseLinearBnEval(linear, bn).forward(rand([4, 3])); // as bn.forward(linear.forward(x))
 */
export function fuseLinearBnEval(linear: Linear, bn: BatchNorm): Linear {
  const name = 'fuseLinearBnEval';
  if (!(linear instanceof Linear)) {
    throw new ArgumentError(`${name}: linear must be a Linear, got ${describe(linear)}`);
  }
  const statistics = statisticsOf(name, linear, bn);
  return copyWith(name, linear, linear.outFeatures, [bn.numFeatures, 1], statistics);
}

function isTransposed(name: string, args: TransposeArguments): boolean {
  const { transpose } = optionsOf<{ transpose: boolean }>(name, args, ['transpose']);
  return checkFlag(name, 'transpose', transpose, false);
}

function statisticsOf(name: string, layer: Convolution | Linear, bn: BatchNorm): Statistics {
  if (!(bn instanceof BatchNorm)) throw new ArgumentError(`${name}: bn must be a batch norm, got ${describe(bn)}`);
  if (layer.training || bn.training) {
    throw new StateError(`${name}: layers must be in evaluation mode, got ${layer.training ? layer : bn} in training`);
  }
  const { running_mean: mean, running_var: variance, eps, weight, bias } = bn;
  if (mean !== null && variance !== null) return { mean, variance, eps, weight, bias };
  throw new StateError(`${name}: bn must have running statistics, got ${bn} without; set trackRunningStats`);
}

// Everything is checked and computed before the layer is copied.
function copyWith<L extends Convolution | Linear>(name: string, layer: L, n: number, shape: Shape, s: Statistics): L {
  const { weight, bias } = layer;
  const channels = layer instanceof Linear && s.mean.size === 1 ? 1 : n;
  check(name, ['weight', 'bias'], weight, bias, n, channels, s);
  const copy: Convolution | Linear = layer.clone();
  [copy.weight, copy.bias] = fused(weight, bias, n, shape, s);
  return copy as L;
}

function check(
  name: string,
  [first, second]: readonly [string, string],
  weight: Tensor,
  bias: Tensor | null,
  n: number,
  channels: number,
  s: Statistics,
): void {
  checkTensor(name, first, weight);
  checkFloat(name, first, weight);
  checkNumber(name, 'bnEps', s.eps, { min: 0 });
  const rows: [string, Tensor | null, number][] = [
    [second, bias, n],
    ['bnRm', s.mean, channels],
    ['bnRv', s.variance, channels],
    ['bnW', s.weight, channels],
    ['bnB', s.bias, channels],
  ];
  for (const [label, t, size] of rows) {
    if (t === null && label !== 'bnRm' && label !== 'bnRv') continue;
    const given = checkTensor(name, label, t);
    checkSameDType(name, [label, first], [given, weight]);
    if (sameShape(given.dims, [size])) continue;
    throw new ShapeError(`${name}: ${label} must be [${size}], got ${label} ${formatShape(given.dims)}`);
  }
}

function fused(
  weight: Tensor,
  bias: Tensor | null,
  n: number,
  shape: Shape,
  s: Statistics,
): [weight: Parameter, bias: Parameter] {
  const [w, b] = noGrad(() => {
    const { dtype } = weight;
    const size = s.mean.dims;
    const scale = mul(s.weight ?? ones([...size], { dtype }), rsqrt(add(s.variance, s.eps)));
    const shifted = mul(sub(bias ?? zeros([n], { dtype }), s.mean), scale);
    const sum = add(shifted, s.bias ?? zeros([...size], { dtype }));
    return [mul(weight, reshape(scale, shape)), sum];
  });
  return [new Parameter(w, weight.requiresGrad), new Parameter(b, bias?.requiresGrad ?? false)];
}
