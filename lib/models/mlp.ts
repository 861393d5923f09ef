import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkEach, checkFlag, checkInteger, checkNumber, describe } from '../errors.js';
import { Dropout, type Layer, Linear, ReLU, Sequential } from '../nn/index.js';
import { type LayerMaker, layersOf } from './layer-maker.js';

/** Arguments of `MLP`, by name. */
export interface MLPOptions {
  /** The width of the input. */
  inChannels: number;
  /** The widths of the linear layers, the last one that of the output. */
  hiddenChannels: readonly number[];
  /** The norm after each linear layer but the last, made with its width: `nn.LayerNorm`; default none. */
  normLayer?: LayerMaker<[width: number]>;
  /** The activation after each norm; default `nn.ReLU`. */
  activationLayer?: LayerMaker;
  /** Whether the linear layers have a bias; default true. */
  bias?: boolean;
  /** The probability in the dropout after each activation and at the end; default 0. */
  dropout?: number;
}

type MLPArguments = Positional<MLPOptions, [inChannels: 'inChannels', hiddenChannels: 'hiddenChannels']>;

/**
 * Multilayer perceptron, as `torchvision.ops.MLP`: for each width but the last Linear, norm (if there is one), activation,
 * Dropout; then Linear and Dropout.
 *
 * x […, inChannels], y […, hiddenChannels.at(-1)]. Keys are the positions of the layers, dropouts included: `0.weight`,
 * `3.weight`, with norms `0.weight`, `1.weight`, `4.weight`.
 * Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986,
 * https://doi.org/10.1038/323533a0
 *
 * @throws ArgumentError for widths that are no positive integers, ShapeError when the last dimension of x is not inChannels
 * @example
 * const model = new models.MLP(8, [32, 32, 3], { dropout: 0.1 });
 * model.forward(zeros([5, 8])); // [5, 3]
 */
export class MLP extends Sequential {
  /** @param args inChannels, hiddenChannels; options: normLayer, activationLayer (nn.ReLU), bias (true), dropout (0) */
  constructor(...args: MLPArguments) {
    super(allOrNothing(() => mlpLayers(args)));
  }
}

function mlpLayers(args: MLPArguments): Layer[] {
  const named = ['normLayer', 'activationLayer', 'bias', 'dropout'];
  const options = optionsOf<MLPOptions>('MLP', args, ['inChannels', 'hiddenChannels'], named);
  let width = checkInteger('MLP', 'inChannels', options.inChannels, 1);
  const widths = checkEach('MLP', 'hiddenChannels', 'must be an array of widths', options.hiddenChannels, (w, i) =>
    checkInteger('MLP', `hiddenChannels[${i}]`, w, 1),
  );
  const last = widths.pop();
  if (last === undefined) {
    throw new ArgumentError(
      `MLP: hiddenChannels must have at least the width of the output, got ${describe(options.hiddenChannels)}`,
    );
  }
  const norm = options.normLayer === undefined ? undefined : layersOf('MLP', 'normLayer', options.normLayer);
  const activation = layersOf('MLP', 'activationLayer', options.activationLayer ?? ReLU);
  const bias = checkFlag('MLP', 'bias', options.bias, true);
  const p = checkNumber('MLP', 'dropout', options.dropout ?? 0, { min: 0, max: 1 });
  const layers: Layer[] = [];
  for (const hidden of widths) {
    layers.push(new Linear(width, hidden, { bias }));
    if (norm !== undefined) layers.push(norm(hidden));
    layers.push(activation(), new Dropout(p));
    width = hidden;
  }
  return [...layers, new Linear(width, last, { bias }), new Dropout(p)];
}
