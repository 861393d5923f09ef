// What the image models are made of.
import { checkInteger, checkNumber } from '../errors.js';
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  init,
  type Layer,
  Linear,
  Module,
  ReLU,
  Sequential,
  Sigmoid,
  StochasticDepth,
} from '../nn/index.js';
import type { Tensor } from '../tensor.js';
import { type LayerMaker, layersOf } from './layer-maker.js';

/** The norm after a convolution, made with its number of channels. */
export type ImageNorm = LayerMaker<[channels: number]>;

/** @internal The next multiple of `divisor` to a number of channels, at most a tenth below it. */
export function makeDivisible(channels: number, divisor = 8): number {
  const nearest = Math.max(divisor, Math.floor((channels + divisor / 2) / divisor) * divisor);
  return nearest < 0.9 * channels ? nearest + divisor : nearest;
}

/** @internal An option that is a number of classes. */
export function checkClasses(operation: string, numClasses: number | undefined): number {
  return checkInteger(operation, 'numClasses', numClasses ?? 1000, 1);
}

/** @internal An option that is a probability. */
export function checkChance(operation: string, name: string, p: number | undefined, fallback: number): number {
  return checkNumber(operation, name, p ?? fallback, { min: 0, max: 1 });
}

/** @internal The option `normLayer` of an image model. */
export function normOf(
  operation: string,
  normLayer: ImageNorm | undefined,
  fallback: ImageNorm = BatchNorm2d,
): (channels: number) => Module {
  return layersOf(operation, 'normLayer', normLayer ?? fallback);
}

interface ConvNormOptions {
  kernelSize: number;
  stride?: number;
  groups?: number;
  dilation?: number;
  norm: (channels: number) => Module;
  activation?: () => Module;
}

/** @internal A convolution that keeps the size at stride 1, a norm, an activation. */
export function convNormActivation(inChannels: number, outChannels: number, options: ConvNormOptions): Sequential {
  const { kernelSize, stride = 1, groups = 1, dilation = 1, norm, activation } = options;
  const padding = Math.floor((kernelSize - 1) / 2) * dilation;
  const conv = new Conv2d(inChannels, outChannels, { kernelSize, stride, padding, dilation, groups, bias: false });
  const layers: Layer[] = [conv, norm(outChannels)];
  if (activation !== undefined) layers.push(activation());
  return new Sequential(layers);
}

/**
 * @internal Scales each channel by what all channels' means say: x · σ(fc2(δ(fc1(mean(x))))).
 * Hu, Shen and Sun, 2018, https://arxiv.org/abs/1709.01507
 */
export class SqueezeExcitation extends Module {
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly fc1: Conv2d;
  readonly fc2: Conv2d;

  constructor(
    channels: number,
    squeezed: number,
    readonly activation: Module = new ReLU(),
    readonly scaleActivation: Module = new Sigmoid(),
  ) {
    super();
    this.fc1 = new Conv2d(channels, squeezed, 1);
    this.fc2 = new Conv2d(squeezed, channels, 1);
  }

  forward(x: Tensor): Tensor {
    const squeezed = this.activation.forward(this.fc1.forward(this.avgpool.forward(x)));
    return x.mul(this.scaleActivation.forward(this.fc2.forward(squeezed)));
  }
}

/** @internal x + block(x), dropped for whole samples with a probability, or block(x) alone where shapes differ. */
export class InvertedResidual extends Module {
  readonly stochasticDepth: StochasticDepth | null;

  constructor(
    readonly block: Sequential,
    readonly useResConnect: boolean,
    chance = 0,
  ) {
    super();
    this.stochasticDepth = chance === 0 ? null : new StochasticDepth(chance, 'row');
  }

  forward(x: Tensor): Tensor {
    const y = this.block.forward(x);
    if (!this.useResConnect) return y;
    return (this.stochasticDepth?.forward(y) ?? y).add(x);
  }
}

/** @internal Convolutions from He's normal distribution by their outputs, linear layers as given, biases 0: torchvision's. */
export function initialise<M extends Module>(model: M, fillLinear: (layer: Linear) => void): M {
  for (const layer of model.modules()) {
    if (layer instanceof Conv2d) init.kaimingNormal_(layer.weight, { mode: 'fanOut' });
    else if (layer instanceof Linear) fillLinear(layer);
    else continue;
    if (layer.bias !== null) init.zeros_(layer.bias);
  }
  return model;
}
