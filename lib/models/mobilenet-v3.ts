import { allOrNothing } from '../all-or-nothing.js';
import { checkFlag, checkNumber } from '../errors.js';
import {
  BatchNorm2d,
  Dropout,
  Hardsigmoid,
  Hardswish,
  init,
  type Layer,
  Linear,
  type Module,
  ReLU,
  Sequential,
} from '../nn/index.js';
import { checkOptions } from '../options.js';
import { ImageClassifier } from './image-classifier.js';
import {
  checkChance,
  checkClasses,
  convNormActivation,
  type ImageNorm,
  InvertedResidual,
  initialise,
  makeDivisible,
  normOf,
  SqueezeExcitation,
} from './image-layers.js';

/** Options of `mobilenetV3Small` and `mobilenetV3Large`. */
export interface MobileNetV3Options {
  /** Default 1000. */
  numClasses?: number;
  /** Multiplies the number of channels of each layer; default 1. */
  widthMult?: number;
  /** Whether the last layers have half as many channels; default false. */
  reducedTail?: boolean;
  /** Whether the last stage is dilated instead of strided; default false. */
  dilated?: boolean;
  /** Default `nn.BatchNorm2d` with eps 0.001 and momentum 0.01. */
  normLayer?: ImageNorm;
  /** The probability in the dropout before the last layer; default 0.2. */
  dropout?: number;
}

type Row = readonly [
  kernelSize: number,
  expanded: number,
  out: number,
  squeezes: boolean,
  activation: 'relu' | 'hardswish',
  stride: number,
];

// Tables 1 and 2 of the paper. The last three rows are the stage that `reducedTail` and `dilated` change.
const large: readonly Row[] = [
  [3, 16, 16, false, 'relu', 1],
  [3, 64, 24, false, 'relu', 2],
  [3, 72, 24, false, 'relu', 1],
  [5, 72, 40, true, 'relu', 2],
  [5, 120, 40, true, 'relu', 1],
  [5, 120, 40, true, 'relu', 1],
  [3, 240, 80, false, 'hardswish', 2],
  [3, 200, 80, false, 'hardswish', 1],
  [3, 184, 80, false, 'hardswish', 1],
  [3, 184, 80, false, 'hardswish', 1],
  [3, 480, 112, true, 'hardswish', 1],
  [3, 672, 112, true, 'hardswish', 1],
  [5, 672, 160, true, 'hardswish', 2],
  [5, 960, 160, true, 'hardswish', 1],
  [5, 960, 160, true, 'hardswish', 1],
];
const small: readonly Row[] = [
  [3, 16, 16, true, 'relu', 2],
  [3, 72, 24, false, 'relu', 2],
  [3, 88, 24, false, 'relu', 1],
  [5, 96, 40, true, 'hardswish', 2],
  [5, 240, 40, true, 'hardswish', 1],
  [5, 240, 40, true, 'hardswish', 1],
  [5, 120, 48, true, 'hardswish', 1],
  [5, 144, 48, true, 'hardswish', 1],
  [5, 288, 96, true, 'hardswish', 2],
  [5, 576, 96, true, 'hardswish', 1],
  [5, 576, 96, true, 'hardswish', 1],
];

const activations = { relu: () => new ReLU(), hardswish: () => new Hardswish() };

/** What all blocks share. */
interface Plan {
  wide: (channels: number) => number;
  norm: (channels: number) => Module;
}

function makeBlock(inChannels: number, row: Row, dilation: number, { wide, norm }: Plan): InvertedResidual {
  const [kernelSize, expandedChannels, outChannels, squeezes, kind, stride] = row;
  const [expanded, out] = [wide(expandedChannels), wide(outChannels)];
  const activation = activations[kind];
  const layers: Layer[] = [];
  if (expanded !== inChannels)
    layers.push(convNormActivation(inChannels, expanded, { kernelSize: 1, norm, activation }));
  const depthwise = { kernelSize, stride: dilation > 1 ? 1 : stride, dilation, groups: expanded, norm, activation };
  layers.push(convNormActivation(expanded, expanded, depthwise));
  if (squeezes) {
    const squeezed = makeDivisible(Math.floor(expanded / 4));
    layers.push(new SqueezeExcitation(expanded, squeezed, new ReLU(), new Hardsigmoid()));
  }
  layers.push(convNormActivation(expanded, out, { kernelSize: 1, norm }));
  return new InvertedResidual(new Sequential(layers), stride === 1 && inChannels === out);
}

function mobilenetV3(name: string, rows: readonly Row[], tail: number, options: MobileNetV3Options): ImageClassifier {
  checkOptions(name, options, ['numClasses', 'widthMult', 'reducedTail', 'dilated', 'normLayer', 'dropout']);
  const numClasses = checkClasses(name, options.numClasses);
  const width = checkNumber(name, 'widthMult', options.widthMult ?? 1, { min: 0, open: true });
  const divisor = checkFlag(name, 'reducedTail', options.reducedTail, false) ? 2 : 1;
  const dilation = checkFlag(name, 'dilated', options.dilated, false) ? 2 : 1;
  const p = checkChance(name, 'dropout', options.dropout, 0.2);
  const norm = normOf(name, options.normLayer, (n) => new BatchNorm2d(n, { eps: 0.001, momentum: 0.01 }));
  const wide = (channels: number): number => makeDivisible(channels * width);
  return allOrNothing(() => {
    const activation = activations.hardswish;
    let channels = wide(16);
    const layers: Module[] = [convNormActivation(3, channels, { kernelSize: 3, stride: 2, norm, activation })];
    rows.forEach((row, i) => {
      const isTail = i >= rows.length - 3;
      const [kernelSize, expanded, out, ...rest] = row;
      const isWhole = !isTail || i === rows.length - 3; // the first block of the stage widens what came before it
      const scaled: Row = [kernelSize, isWhole ? expanded : expanded / divisor, isTail ? out / divisor : out, ...rest];
      layers.push(makeBlock(channels, scaled, isTail ? dilation : 1, { wide, norm }));
      channels = wide(scaled[2]);
    });
    layers.push(convNormActivation(channels, 6 * channels, { kernelSize: 1, norm, activation }));
    const hidden = wide(tail / divisor);
    const head = [new Linear(6 * channels, hidden), new Hardswish(), new Dropout(p), new Linear(hidden, numClasses)];
    const model = new ImageClassifier(new Sequential(layers), new Sequential(head));
    return initialise(model, ({ weight }) => init.normal_(weight, 0, 0.01));
  });
}

/**
 * MobileNet V3 small, 2.5 million parameters, with torchvision's keys: the blocks of V2 with channels weighed by squeeze and
 * excitation, and with hard swish.
 * Howard et al., "Searching for MobileNetV3", 2019, https://arxiv.org/abs/1905.02244
 *
 * Images [batch, 3, height, width] give scores [batch, numClasses].
 *
 * @throws ArgumentError for a wrong option
 * @example
 * const model = models.mobilenetV3Small({ numClasses: 10, widthMult: 0.5 });
 * model.eval().forward(zeros([2, 3, 32, 32])); // [2, 10]
 */
export function mobilenetV3Small(options: MobileNetV3Options = {}): ImageClassifier {
  return mobilenetV3('mobilenetV3Small', small, 1024, options);
}

/**
 * MobileNet V3 large, 5.5 million parameters. See {@link mobilenetV3Small}.
 *
 * @throws ArgumentError for a wrong option
 * @example
 * const model = models.mobilenetV3Large({ numClasses: 10 });
 */
export function mobilenetV3Large(options: MobileNetV3Options = {}): ImageClassifier {
  return mobilenetV3('mobilenetV3Large', large, 1280, options);
}
