import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { checkFlag, checkInteger } from '../errors.js';
import { Dropout, Embedding, Linear, LSTM, Module } from '../nn/index.js';
import { cat } from '../ops/shape-slice.js';
import type { Tensor } from '../tensor.js';
import { checkChance } from './image-layers.js';

/** Arguments of `LSTMClassifier`, by name. */
export interface LSTMClassifierOptions {
  /** The width of each step, or of the embedding of each token. */
  inputSize: number;
  /** The width of the state. */
  hiddenSize: number;
  numClasses: number;
  /** The number of tokens, for x of positions in a vocabulary; default none: x has the features themselves. */
  numEmbeddings?: number;
  /** The token that fills sequences up, whose embedding is 0; default none. */
  paddingIdx?: number;
  /** Default 1. */
  numLayers?: number;
  /** Whether another LSTM reads from the end; default false. */
  bidirectional?: boolean;
  /** The probability in the dropouts between layers and before the head; default 0. */
  dropout?: number;
}

/**
 * Classifies sequences by the last states of an LSTM: y = fc(dropout(h)), h the state of the last layer after its last step, with
 * `bidirectional` beside that of the other direction.
 * Hochreiter and Schmidhuber, "Long short-term memory", 1997, https://doi.org/10.1162/neco.1997.9.8.1735
 *
 * | x | lengths | y |
 * |---|---|---|
 * | [batch, steps, inputSize], with `numEmbeddings` int32 [batch, steps] | int32 [batch]: steps of each sequence, default all | [batch, numClasses] |
 *
 * Keys: `embedding.weight`, `lstm.weight_ih_l0`, …, `fc.weight`.
 *
 * @throws ArgumentError for a wrong option or length, ShapeError when x does not fit
 * @example
 * const model = new models.LSTMClassifier(16, 32, 2, { numEmbeddings: 100, bidirectional: true });
 * model.forward(randint(0, 100, [4, 10]), tensor([10, 7, 3, 1], { dtype: 'int32' })); // [4, 2]
 */
export class LSTMClassifier extends Module {
  readonly embedding: Embedding | null;
  readonly lstm: LSTM;
  readonly dropout: Dropout;
  /** The head; assign another for other classes. */
  fc: Module;

  /**
   * @param args inputSize, hiddenSize, numClasses; options: numEmbeddings, paddingIdx, numLayers (1), bidirectional (false),
   *   dropout (0)
   */
  constructor(
    ...args: Positional<
      LSTMClassifierOptions,
      [inputSize: 'inputSize', hiddenSize: 'hiddenSize', numClasses: 'numClasses']
    >
  ) {
    super();
    const name = 'LSTMClassifier';
    const named = ['numEmbeddings', 'paddingIdx', 'numLayers', 'bidirectional', 'dropout'];
    const o = optionsOf<LSTMClassifierOptions>(name, args, ['inputSize', 'hiddenSize', 'numClasses'], named);
    const inputSize = checkInteger(name, 'inputSize', o.inputSize, 1);
    const hiddenSize = checkInteger(name, 'hiddenSize', o.hiddenSize, 1);
    const numClasses = checkInteger(name, 'numClasses', o.numClasses, 1);
    const tokens = checkInteger(name, 'numEmbeddings', o.numEmbeddings ?? 0);
    const padding = o.paddingIdx === undefined ? {} : { paddingIdx: checkInteger(name, 'paddingIdx', o.paddingIdx) };
    const numLayers = checkInteger(name, 'numLayers', o.numLayers ?? 1, 1);
    const bidirectional = checkFlag(name, 'bidirectional', o.bidirectional, false);
    const p = checkChance(name, 'dropout', o.dropout, 0);
    const between = { numLayers, bidirectional, dropout: numLayers > 1 ? p : 0 };
    this.dropout = new Dropout(p);
    [this.embedding, this.lstm, this.fc] = allOrNothing(() => [
      tokens === 0 ? null : new Embedding(tokens, inputSize, padding),
      new LSTM(inputSize, hiddenSize, { ...between, batchFirst: true }),
      new Linear(hiddenSize * (bidirectional ? 2 : 1), numClasses),
    ]);
  }

  forward(x: Tensor, lengths?: Tensor | null): Tensor {
    const steps = this.embedding?.forward(x) ?? x;
    const [, [states]] = this.lstm.forward(steps, null, lengths);
    const last = this.lstm.bidirectional ? [states.select(0, -2), states.select(0, -1)] : [states.select(0, -1)];
    return this.fc.forward(this.dropout.forward(cat(last, -1)));
  }
}
