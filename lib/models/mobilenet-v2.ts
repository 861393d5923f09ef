import { allOrNothing } from '../all-or-nothing.js';
import { checkInteger, checkNumber } from '../errors.js';
import { Conv2d, Dropout, init, type Layer, Linear, Module, ReLU6, Sequential } from '../nn/index.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { ImageClassifier } from './image-classifier.js';
import {
  checkChance,
  checkClasses,
  convNormActivation,
  type ImageNorm,
  initialise,
  makeDivisible,
  normOf,
} from './image-layers.js';

/** Options of `mobilenetV2`. */
export interface MobileNetV2Options {
  /** Default 1000. */
  numClasses?: number;
  /** Multiplies the number of channels of each layer; default 1. */
  widthMult?: number;
  /** Numbers of channels are multiples of it; default 8. */
  roundNearest?: number;
  /** Default `nn.BatchNorm2d`. */
  normLayer?: ImageNorm;
  /** The probability in the dropout before the last layer; default 0.2. */
  dropout?: number;
}

// Expansion, channels, blocks and stride of each stage: table 2 of the paper.
const stages: readonly (readonly [number, number, number, number])[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

type Norm = (channels: number) => Module;
const activation = (): Module => new ReLU6();

class Block extends Module {
  readonly conv: Sequential;
  readonly useResConnect: boolean;

  constructor(inChannels: number, outChannels: number, stride: number, expansion: number, norm: Norm) {
    super();
    const hidden = inChannels * expansion;
    const layers: Layer[] = [
      convNormActivation(hidden, hidden, { kernelSize: 3, stride, groups: hidden, norm, activation }),
      new Conv2d(hidden, outChannels, { kernelSize: 1, bias: false }),
      norm(outChannels),
    ];
    if (expansion !== 1) layers.unshift(convNormActivation(inChannels, hidden, { kernelSize: 1, norm, activation }));
    this.conv = new Sequential(layers);
    this.useResConnect = stride === 1 && inChannels === outChannels;
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.useResConnect ? x.add(y) : y;
  }
}

function makeFeatures(wide: (channels: number) => number, last: number, norm: Norm): Sequential {
  let channels = wide(32);
  const layers: Module[] = [convNormActivation(3, channels, { kernelSize: 3, stride: 2, norm, activation })];
  for (const [expansion, stageChannels, blocks, stride] of stages) {
    const out = wide(stageChannels);
    for (let i = 0; i < blocks; i++) {
      layers.push(new Block(channels, out, i === 0 ? stride : 1, expansion, norm));
      channels = out;
    }
  }
  layers.push(convNormActivation(channels, last, { kernelSize: 1, norm, activation }));
  return new Sequential(layers);
}

/**
 * MobileNet V2, 3.5 million parameters, with torchvision's keys: blocks that widen by 1 × 1 convolutions, convolve each channel
 * alone and narrow again, with a shortcut between the narrow ends.
 * Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018, https://arxiv.org/abs/1801.04381
 *
 * Images [batch, 3, height, width] give scores [batch, numClasses].
 *
 * @throws ArgumentError for a wrong option
 * @example
 * const model = models.mobilenetV2({ numClasses: 10, widthMult: 0.25 });
 * model.forward(zeros([2, 3, 32, 32])); // [2, 10]
 */
export function mobilenetV2(options: MobileNetV2Options = {}): ImageClassifier {
  const name = 'mobilenetV2';
  checkOptions(name, options, ['numClasses', 'widthMult', 'roundNearest', 'normLayer', 'dropout']);
  const numClasses = checkClasses(name, options.numClasses);
  const width = checkNumber(name, 'widthMult', options.widthMult ?? 1, { min: 0, open: true });
  const divisor = checkInteger(name, 'roundNearest', options.roundNearest ?? 8, 1);
  const norm = normOf(name, options.normLayer);
  const p = checkChance(name, 'dropout', options.dropout, 0.2);
  const last = makeDivisible(1280 * Math.max(1, width), divisor);
  return allOrNothing(() => {
    const features = makeFeatures((channels) => makeDivisible(channels * width, divisor), last, norm);
    const model = new ImageClassifier(features, new Sequential(new Dropout(p), new Linear(last, numClasses)));
    return initialise(model, ({ weight }) => init.normal_(weight, 0, 0.01));
  });
}
