// Normalisations. The kernels see x as [samples, groups, channels of a group, inner]; batch norm (norm-batch.ts) takes its
// statistics over samples and inner, the others over channels and inner.

import { optionsOf, type Positional } from '../arguments.js';
import { recordFused } from '../autograd/fused.js';
import { ArgumentError, checkInteger, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { handleOf, present } from '../lists.js';
import { kernel } from '../native.js';
import { copyOf, type Shape, sameShape, sizeOf } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { zerosLike } from './creation.js';
import { add, mul, rsqrt, square, sub } from './elementwise.js';
import { mean } from './reduce.js';
import { reshape } from './shape.js';

const groupNormKernel = kernel('groupNorm', 'y mean rstd x weight bias samples groups channels inner eps');
const groupNormBackwardKernel = kernel(
  'groupNormBackward',
  'dx dWeight dBias dy x mean rstd weight samples groups channels inner',
);

/** [samples, groups, channels of a group, inner]: how the kernels and the composed gradient see x. */
type Sizes = readonly [number, number, number, number];

/** @internal Checks x, and that weight and bias have `shape` or are absent. `name` is the operation. */
export function checkOperands(name: string, x: Tensor, weight: Tensor | null, bias: Tensor | null, shape: Shape): void {
  for (const [label, t] of [['weight', weight] as const, ['bias', bias] as const]) {
    if (t === null) continue;
    checkTensor(name, label, t);
    checkSameDType(name, ['x', label], [x, t]);
    if (!sameShape(t.dims, shape)) {
      throw new ShapeError(
        `${name}: ${label} must be ${formatShape(shape)}, got ${label} ${formatShape(t.dims)} and x ${formatShape(x.dims)}`,
      );
    }
  }
}

function checkX(name: string, x: Tensor): void {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
}

/** @internal */
export const checkEps = (name: string, eps: number): number => checkNumber(name, 'eps', eps, { min: 0 });

/** @internal What a normalisation composed of simple operations needs besides its tensors. */
export interface Composition {
  sizes: Sizes;
  /** The dimensions of `sizes` over which the statistics run. */
  dims: readonly number[];
  /** Whether the mean is subtracted. */
  centred: boolean;
  eps: number;
  /** Mean and 1 / deviation of each channel if they do not depend on x. */
  fixed?: readonly [Tensor, Tensor];
}

/** @internal A normalisation composed of simple operations, as a function of x and, if present, weight and bias. */
export function composer(weight: Tensor | null, bias: Tensor | null, c: Composition) {
  const { sizes, dims, centred, eps } = c;
  const perChannel = (t: Tensor): Tensor => reshape(t, [1, sizes[1], sizes[2], 1]);
  const average = (t: Tensor): Tensor => mean(t, { dim: dims, keepDim: true });
  return (x: Tensor, ...affine: Tensor[]) => {
    const [fixedMean, fixedScale] = c.fixed?.map(perChannel) ?? [];
    const wide = reshape(x, sizes);
    const center = centred ? sub(wide, fixedMean ?? average(wide)) : wide;
    let y = mul(center, fixedScale ?? rsqrt(add(average(square(center)), eps)));
    if (weight !== null) y = mul(y, perChannel(affine[0] as Tensor));
    if (bias !== null) y = add(y, perChannel(affine.at(-1) as Tensor));
    return [reshape(y, x.dims)];
  };
}

/** @internal Gradients in the order of the inputs [x, weight, bias]; weight and bias may be absent. */
export function pick(
  dx: Tensor | null,
  dWeight: Tensor | null,
  dBias: Tensor | null,
  isWeighted: boolean,
  isShifted: boolean,
) {
  return [dx, ...(isWeighted ? [dWeight] : []), ...(isShifted ? [dBias] : [])];
}

/** @internal Layer, group, instance and RMS norm. */
export function normaliseGroups(
  name: string,
  x: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  sizes: Sizes,
  centred: boolean,
  eps: number,
): Tensor {
  const [samples, groups, perGroup, inner] = sizes;
  const channels = groups * perGroup;
  const y = empty(x.dims, x.dtype);
  const means = centred ? empty([samples, groups], x.dtype) : null;
  const scales = empty([samples, groups], x.dtype);
  const affine = [handleOf(weight), handleOf(bias)];
  const numbers = [samples, groups, channels, inner];
  groupNormKernel(y.handle, handleOf(means), scales.handle, x.handle, ...affine, ...numbers, eps);
  const backward = ([dy]: readonly (Tensor | null)[], needs: readonly boolean[]): (Tensor | null)[] => {
    if (x.size === 0) return [x, ...present(weight, bias)].map((t) => zerosLike(t));
    const dx = needs[0] ? empty(x.dims, x.dtype) : null;
    const wanted = needs[1] || needs[2];
    const dWeight = wanted ? empty((weight ?? bias)?.dims as Shape, x.dtype) : null;
    const dBias = wanted ? empty((weight ?? bias)?.dims as Shape, x.dtype) : null;
    const outs = [handleOf(dx), handleOf(dWeight), handleOf(dBias)];
    const ins = [(dy as Tensor).handle, x.handle, handleOf(means), scales.handle, handleOf(weight)];
    groupNormBackwardKernel(...outs, ...ins, ...numbers);
    return pick(dx, dWeight, dBias, weight !== null, bias !== null);
  };
  const reference = composer(weight, bias, { sizes, dims: [2, 3], centred, eps });
  const inputs = [x, ...present(weight, bias)];
  recordFused(name, [y], inputs, backward, reference, [x, scales, ...present(means, weight)]);
  return y;
}

/** Options of `layerNorm`. */
export interface LayerNormOptions {
  /** The sizes of the last dimensions, over which it runs. */
  normalizedShape: number | Shape;
  /** Of normalizedShape; default none. */
  weight?: Tensor | null;
  /** Of normalizedShape; default none. */
  bias?: Tensor | null;
  /** Added to the variance; default 1e-5. */
  eps?: number;
}

/** Options of `rmsNorm`. */
export interface RMSNormOptions {
  /** The sizes of the last dimensions, over which it runs. */
  normalizedShape: number | Shape;
  /** Of normalizedShape; default none. */
  weight?: Tensor | null;
  /** Added to the mean square; default the distance from 1 to the next number of x's dtype. */
  eps?: number | null;
}

/** @internal The sizes of the dimensions that are normalised. */
export function checkNormalizedShape(name: string, given: unknown): number[] {
  const shape = typeof given === 'number' ? [given] : copyOf(given);
  if (shape === null || shape.length === 0 || !shape.every((n) => Number.isSafeInteger(n) && (n as number) > 0)) {
    throw new ArgumentError(
      `${name}: normalizedShape must be an integer of at least 1 or an array of such, got ${describe(given)}`,
    );
  }
  return shape as number[];
}

function lastDimensions(name: string, x: Tensor, given: unknown, weight: Tensor | null, bias: Tensor | null): Sizes {
  checkX(name, x);
  const shape = checkNormalizedShape(name, given);
  const lead = x.rank - shape.length;
  if (lead < 0 || !sameShape(x.dims.slice(lead), shape)) {
    throw new ShapeError(
      `${name}: last dimensions of x must be normalizedShape ${formatShape(shape)}, got x ${formatShape(x.dims)}`,
    );
  }
  checkOperands(name, x, weight, bias, shape);
  return [sizeOf(x.dims.slice(0, lead)), 1, sizeOf(shape), 1];
}

type LayerNormArguments = Positional<
  LayerNormOptions,
  [normalizedShape: 'normalizedShape', weight: 'weight', bias: 'bias', eps: 'eps']
>;
type RMSNormArguments = Positional<RMSNormOptions, [normalizedShape: 'normalizedShape', weight: 'weight', eps: 'eps']>;

/**
 * Layer norm (Ba, Kiros, Hinton, "Layer normalization", 2016, https://arxiv.org/abs/1607.06450):
 * y = (x - mean) / √(var + eps) · weight + bias, with mean and (biased) variance over the last dimensions.
 *
 * @param x […, ...normalizedShape]
 * @param args normalizedShape: a number or an array; weight, bias: of normalizedShape (none); eps (1e-5)
 * @returns like x
 * @throws ShapeError when the last dimensions of x, weight or bias are not normalizedShape
 * @example
 * const y = layerNorm(tensor([[1, 2, 3]]), [3], ones([3]), ones([3])); // [[-0.22474, 1, 2.22474]]
 */
export function layerNorm(x: Tensor, ...args: LayerNormArguments): Tensor {
  const positions = ['normalizedShape', 'weight', 'bias', 'eps'];
  const options = optionsOf<LayerNormOptions>('layerNorm', args, positions, [], ['weight', 'bias']);
  const { normalizedShape, weight = null, bias = null, eps = 1e-5 } = options;
  const sizes = lastDimensions('layerNorm', x, normalizedShape, weight, bias);
  return normaliseGroups('layerNorm', x, weight, bias, sizes, true, checkEps('layerNorm', eps));
}

/**
 * RMS norm (Zhang and Sennrich, "Root mean square layer normalization", 2019, https://arxiv.org/abs/1910.07467):
 * y = x / √(mean(x²) + eps) · weight, with the mean over the last dimensions.
 *
 * @param x […, ...normalizedShape]
 * @param args normalizedShape: a number or an array; weight: of normalizedShape (none); eps (the distance from 1 to the next
 *   number of x's dtype)
 * @returns like x
 * @throws ShapeError when the last dimensions of x or weight are not normalizedShape
 * @example
 * const y = rmsNorm(tensor([3, 4]), [2], { eps: 0 }); // [0.84853, 1.13137]
 */
export function rmsNorm(x: Tensor, ...args: RMSNormArguments): Tensor {
  const positions = ['normalizedShape', 'weight', 'eps'];
  const options = optionsOf<RMSNormOptions>('rmsNorm', args, positions, [], ['weight', 'eps']);
  const { normalizedShape, weight = null } = options;
  const sizes = lastDimensions('rmsNorm', x, normalizedShape, weight, null);
  const eps = checkEps('rmsNorm', options.eps ?? (x.dtype === 'float32' ? 2 ** -23 : Number.EPSILON));
  return normaliseGroups('rmsNorm', x, weight, null, sizes, false, eps);
}

/** @internal [batch, channels, …] */
export function checkChannels(name: string, x: Tensor): { samples: number; channels: number; inner: number } {
  checkX(name, x);
  if (x.rank < 2) throw new ShapeError(`${name}: x must be [batch, channels, …], got ${formatShape(x.dims)}`);
  return { samples: x.dims[0] as number, channels: x.dims[1] as number, inner: sizeOf(x.dims.slice(2)) };
}

/** Options of `groupNorm`. */
export interface GroupNormOptions {
  /** Into how many groups the channels are divided. */
  numGroups: number;
  /** [channels]; default none. */
  weight?: Tensor | null;
  /** [channels]; default none. */
  bias?: Tensor | null;
  /** Added to the variance; default 1e-5. */
  eps?: number;
}

type GroupNormArguments = Positional<
  GroupNormOptions,
  [numGroups: 'numGroups', weight: 'weight', bias: 'bias', eps: 'eps']
>;

/**
 * Group norm (Wu and He, 2018, https://arxiv.org/abs/1803.08494): y = (x - mean) / √(var + eps) · weight + bias, with mean and
 * (biased) variance over a group of channels of a sample, weight and bias of each channel.
 *
 * @param x [batch, channels, …]
 * @param args numGroups: divides the channels; weight, bias: [channels] (none); eps (1e-5)
 * @returns like x
 * @throws ShapeError when the groups do not divide the channels, or weight or bias is not [channels]
 * @example
 * const y = groupNorm(randn([8, 6, 4, 4]), 3);
 */
export function groupNorm(x: Tensor, ...args: GroupNormArguments): Tensor {
  const { samples, channels, inner } = checkChannels('groupNorm', x);
  const positions = ['numGroups', 'weight', 'bias', 'eps'];
  const options = optionsOf<GroupNormOptions>('groupNorm', args, positions, [], ['weight', 'bias']);
  const { weight = null, bias = null } = options;
  const groups = checkInteger('groupNorm', 'numGroups', options.numGroups, 1);
  if (channels % groups !== 0) {
    throw new ShapeError(`groupNorm: numGroups ${groups} must divide the channels, got x ${formatShape(x.dims)}`);
  }
  checkOperands('groupNorm', x, weight, bias, [channels]);
  const eps = checkEps('groupNorm', options.eps ?? 1e-5);
  return normaliseGroups('groupNorm', x, weight, bias, [samples, groups, channels / groups, inner], true, eps);
}
