import { optionsOf, type Positional } from '../arguments.js';
import { cells } from '../ops/recurrent.js';
import type { Tensor } from '../tensor.js';
import type { PackedSequence } from './packed.js';
import { cellOf, checkPair, type LSTMState } from './recurrent-common.js';
import { type LSTMOptions, RecurrentModule, type RecurrentOptions } from './recurrent-module.js';

/** Arguments of `RNN`, by name. */
export interface RNNOptions extends RecurrentOptions {
  /** `tanh` (default) or `relu`. */
  nonlinearity?: 'tanh' | 'relu';
}

type Sizes = [inputSize: 'inputSize', hiddenSize: 'hiddenSize', numLayers: 'numLayers'];
type Flags = [bias: 'bias', batchFirst: 'batchFirst', dropout: 'dropout', bidirectional: 'bidirectional'];
type RecurrentArguments = Positional<RecurrentOptions, [...Sizes, ...Flags]>;
type LSTMArguments = Positional<LSTMOptions, [...Sizes, ...Flags, projSize: 'projSize']>;
type RNNArguments = Positional<RNNOptions, [...Sizes, nonlinearity: 'nonlinearity', ...Flags]>;

const sizes = ['inputSize', 'hiddenSize', 'numLayers'];
const flags = ['bias', 'batchFirst', 'dropout', 'bidirectional'];
const positions = [...sizes, ...flags];

/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997, https://doi.org/10.1162/neco.1997.9.8.1735), over all steps in
 * one native call a layer and pass. For each step, with σ the sigmoid:
 *
 *     i = σ(W_ii x + b_ii + W_hi h + b_hi)       f = σ(W_if x + b_if + W_hf h + b_hf)
 *     g = tanh(W_ig x + b_ig + W_hg h + b_hg)    o = σ(W_io x + b_io + W_ho h + b_ho)
 *     c = f · c + i · g                          h = o · tanh(c), with `projSize` W_hr (o · tanh(c))
 *
 * | tensor | shape |
 * |---|---|
 * | x | [steps, batch, inputSize], with `batchFirst` [batch, steps, inputSize], or [steps, inputSize] |
 * | output: h of the last layer at each step | as x, with hiddenSize · directions at the end |
 * | h0, c0, hN, cN | [numLayers · directions, batch, hiddenSize], without batch for an x without |
 * | `weight_ih_l0` (`_l1`, … `_reverse`) | [4 · hiddenSize, inputSize], above hiddenSize · directions instead of inputSize; i, f, g, o |
 * | `weight_hh_l0` | [4 · hiddenSize, hiddenSize] |
 * | `bias_ih_l0`, `bias_hh_l0` | [4 · hiddenSize] |
 * | `weight_hr_l0`, with `projSize` | [projSize, hiddenSize] |
 *
 * All start uniform in ±1/√hiddenSize. With `projSize` (Sak et al., 2014, https://arxiv.org/abs/1402.1128) the output, h0, hN
 * and the columns of `weight_hh` have projSize in place of hiddenSize, and steps are composed of operations, which is slower.
 *
 * @throws ShapeError, DTypeError when x, the states or lengths do not fit; ArgumentError for a length outside 1 … steps, or a
 *   projSize that is not below hiddenSize
 * @example
 * const lstm = new nn.LSTM(64, 128, { batchFirst: true });
 * const [output, [hN, cN]] = lstm.forward(zeros([32, 10, 64])); // output [32, 10, 128], hN and cN [1, 32, 128]
 */
export class LSTM extends RecurrentModule {
  readonly projSize: number;

  /**
   * @param args inputSize, hiddenSize, numLayers (1), bias (true), batchFirst (false), dropout (0), bidirectional (false),
   *   projSize (0); option: dtype ('float32')
   */
  constructor(...args: LSTMArguments) {
    const options = optionsOf<LSTMOptions>('LSTM', args, [...positions, 'projSize'], ['dtype']);
    super('LSTM', cells.lstm, options);
    this.projSize = options.projSize ?? 0;
  }

  /**
   * @param state [h0, c0]; default zeros
   * @param lengths int32 [batch]: how many steps each sequence has. Later steps leave its states as they are and have the
   *   output 0, and the reverse direction starts at its last one: as with a `PackedSequence`, which x may be instead
   * @returns [output, [hN, cN]], with an output in the form of x
   */
  forward<X extends Tensor | PackedSequence>(
    x: X,
    state: LSTMState | null = null,
    lengths: Tensor | null = null,
  ): [X, [Tensor, Tensor]] {
    const [output, states] = this.run(x, checkPair('LSTM', state), lengths);
    return [output, states as [Tensor, Tensor]];
  }
}

/**
 * Gated recurrent units (Cho et al., 2014, https://arxiv.org/abs/1406.1078), over all steps in one native call a layer and
 * pass. For each step, with σ the sigmoid:
 *
 *     r = σ(W_ir x + b_ir + W_hr h + b_hr)       z = σ(W_iz x + b_iz + W_hz h + b_hz)
 *     n = tanh(W_in x + b_in + r · (W_hn h + b_hn))
 *     h = (1 - z) · n + z · h
 *
 * | tensor | shape |
 * |---|---|
 * | x | [steps, batch, inputSize], with `batchFirst` [batch, steps, inputSize], or [steps, inputSize] |
 * | output: h of the last layer at each step | as x, with hiddenSize · directions at the end |
 * | h0, hN | [numLayers · directions, batch, hiddenSize], without batch for an x without |
 * | `weight_ih_l0` (`_l1`, … `_reverse`) | [3 · hiddenSize, inputSize], above hiddenSize · directions instead of inputSize; r, z, n |
 * | `weight_hh_l0` | [3 · hiddenSize, hiddenSize] |
 * | `bias_ih_l0`, `bias_hh_l0` | [3 · hiddenSize] |
 *
 * All start uniform in ±1/√hiddenSize.
 *
 * @throws ShapeError, DTypeError when x, the states or lengths do not fit; ArgumentError for a length outside 1 … steps
 * @example
 * const gru = new nn.GRU(64, 128, { bidirectional: true });
 * const [output, hN] = gru.forward(zeros([10, 32, 64])); // output [10, 32, 256], hN [2, 32, 128]
 */
export class GRU extends RecurrentModule {
  /**
   * @param args inputSize, hiddenSize, numLayers (1), bias (true), batchFirst (false), dropout (0), bidirectional (false);
   *   option: dtype ('float32')
   */
  constructor(...args: RecurrentArguments) {
    super('GRU', cells.gru, optionsOf<RecurrentOptions>('GRU', args, positions, ['dtype']));
  }

  /**
   * @param state h0; default zeros
   * @param lengths int32 [batch]: how many steps each sequence has; see `LSTM`
   * @returns [output, hN]; for a `PackedSequence` x, output is one
   */
  forward<X extends Tensor | PackedSequence>(
    x: X,
    state: Tensor | null = null,
    lengths: Tensor | null = null,
  ): [X, Tensor] {
    const [output, states] = this.run(x, [state], lengths);
    return [output, states[0] as Tensor];
  }
}

/**
 * The recurrent network of Elman (1990, https://doi.org/10.1207/s15516709cog1402_1), over all steps in one native call a
 * layer and pass. For each step h = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu instead of tanh.
 *
 * | tensor | shape |
 * |---|---|
 * | x | [steps, batch, inputSize], with `batchFirst` [batch, steps, inputSize], or [steps, inputSize] |
 * | output: h of the last layer at each step | as x, with hiddenSize · directions at the end |
 * | h0, hN | [numLayers · directions, batch, hiddenSize], without batch for an x without |
 * | `weight_ih_l0` (`_l1`, … `_reverse`) | [hiddenSize, inputSize], above hiddenSize · directions instead of inputSize |
 * | `weight_hh_l0` | [hiddenSize, hiddenSize] |
 * | `bias_ih_l0`, `bias_hh_l0` | [hiddenSize] |
 *
 * All start uniform in ±1/√hiddenSize.
 *
 * @throws ShapeError, DTypeError when x, the states or lengths do not fit; ArgumentError for a length outside 1 … steps
 * @example
 * const rnn = new nn.RNN(8, 16, { nonlinearity: 'relu' });
 * const [output, hN] = rnn.forward(zeros([10, 4, 8])); // output [10, 4, 16], hN [1, 4, 16]
 */
export class RNN extends RecurrentModule {
  readonly nonlinearity: 'tanh' | 'relu';

  /**
   * @param args inputSize, hiddenSize, numLayers (1), nonlinearity ('tanh', or 'relu'), bias (true), batchFirst (false), dropout
   *   (0), bidirectional (false); option: dtype ('float32')
   */
  constructor(...args: RNNArguments) {
    const options = optionsOf<RNNOptions>('RNN', args, [...sizes, 'nonlinearity', ...flags], ['dtype']);
    super('RNN', cellOf('RNN', options), options);
    this.nonlinearity = options.nonlinearity ?? 'tanh';
  }

  /**
   * @param state h0; default zeros
   * @param lengths int32 [batch]: how many steps each sequence has; see `LSTM`
   * @returns [output, hN]; for a `PackedSequence` x, output is one
   */
  forward<X extends Tensor | PackedSequence>(
    x: X,
    state: Tensor | null = null,
    lengths: Tensor | null = null,
  ): [X, Tensor] {
    const [output, states] = this.run(x, [state], lengths);
    return [output, states[0] as Tensor];
  }
}
