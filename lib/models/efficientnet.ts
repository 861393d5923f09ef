import { allOrNothing } from '../all-or-nothing.js';
import { Dropout, init, type Layer, Linear, type Module, Sequential, SiLU } from '../nn/index.js';
import { checkOptions } from '../options.js';
import { ImageClassifier } from './image-classifier.js';
import {
  checkChance,
  checkClasses,
  convNormActivation,
  type ImageNorm,
  InvertedResidual,
  initialise,
  normOf,
  SqueezeExcitation,
} from './image-layers.js';

/** Options of `efficientnetB0`. */
export interface EfficientNetOptions {
  /** Default 1000. */
  numClasses?: number;
  /** The probability in the dropout before the last layer; default 0.2. */
  dropout?: number;
  /** The probability that the last block is dropped for a sample; that of the blocks before it grows to it. Default 0.2. */
  stochasticDepthProb?: number;
  /** Default `nn.BatchNorm2d`. */
  normLayer?: ImageNorm;
}

// Expansion, kernel size, stride, channels and blocks of each stage: table 1 of the paper.
const stages: readonly (readonly [number, number, number, number, number])[] = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
];
const blocksInAll = stages.reduce((sum, [, , , , blocks]) => sum + blocks, 0);

const activation = (): Module => new SiLU();

interface Place {
  inChannels: number;
  outChannels: number;
  expansion: number;
  kernelSize: number;
  stride: number;
  chance: number;
}

function makeBlock(place: Place, norm: (channels: number) => Module): InvertedResidual {
  const { inChannels, outChannels, expansion, kernelSize, stride, chance } = place;
  const expanded = inChannels * expansion;
  const layers: Layer[] = [];
  if (expansion !== 1) layers.push(convNormActivation(inChannels, expanded, { kernelSize: 1, norm, activation }));
  layers.push(
    convNormActivation(expanded, expanded, { kernelSize, stride, groups: expanded, norm, activation }),
    new SqueezeExcitation(expanded, Math.max(1, Math.floor(inChannels / 4)), new SiLU()),
    convNormActivation(expanded, outChannels, { kernelSize: 1, norm }),
  );
  return new InvertedResidual(new Sequential(layers), stride === 1 && inChannels === outChannels, chance);
}

/**
 * EfficientNet-B0, 5.3 million parameters, with torchvision's keys: inverted residual blocks with squeeze and excitation, found
 * by a search.
 * Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019, https://arxiv.org/abs/1905.11946
 *
 * Images [batch, 3, height, width] give scores [batch, numClasses].
 *
 * @throws ArgumentError for a wrong option
 * @example
 * const model = models.efficientnetB0({ numClasses: 10 });
 * model.eval().forward(zeros([1, 3, 32, 32])); // [1, 10]
 */
export function efficientnetB0(options: EfficientNetOptions = {}): ImageClassifier {
  const name = 'efficientnetB0';
  checkOptions(name, options, ['numClasses', 'dropout', 'stochasticDepthProb', 'normLayer']);
  const numClasses = checkClasses(name, options.numClasses);
  const p = checkChance(name, 'dropout', options.dropout, 0.2);
  const chance = checkChance(name, 'stochasticDepthProb', options.stochasticDepthProb, 0.2);
  const norm = normOf(name, options.normLayer);
  return allOrNothing(() => {
    const layers: Module[] = [convNormActivation(3, 32, { kernelSize: 3, stride: 2, norm, activation })];
    let inChannels = 32;
    let made = 0;
    for (const [expansion, kernelSize, stride, outChannels, count] of stages) {
      const blocks = Array.from({ length: count }, (_, i) => {
        const place = { inChannels, outChannels, expansion, kernelSize, stride: i === 0 ? stride : 1 };
        inChannels = outChannels;
        return makeBlock({ ...place, chance: (chance * made++) / blocksInAll }, norm);
      });
      layers.push(new Sequential(blocks));
    }
    layers.push(convNormActivation(inChannels, 4 * inChannels, { kernelSize: 1, norm, activation }));
    const head = new Sequential(new Dropout(p), new Linear(4 * inChannels, numClasses));
    const bound = 1 / Math.sqrt(numClasses);
    return initialise(new ImageClassifier(new Sequential(layers), head), ({ weight }) =>
      init.uniform_(weight, -bound, bound),
    );
  });
}
