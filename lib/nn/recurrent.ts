import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkFlag, checkInteger, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { dropout } from '../ops/random-dropout.js';
import { type Cell, cells, recurrentLayer } from '../ops/recurrent.js';
import { reshape } from '../ops/shape.js';
import { cat, slice } from '../ops/shape-slice.js';
import { type Shape, sameShape } from '../shape.js';
import { checkDType, checkInt32, checkTensor, type Tensor } from '../tensor.js';
import { Module } from './module.js';
import { PackedSequence } from './packed.js';
import { cellOf, checkInput, checkPair, checkState, type LSTMState, makeWeight } from './recurrent-common.js';

/** Arguments of `LSTM` and `GRU`, by name. */
export interface RecurrentOptions {
  /** Features of x. */
  inputSize: number;
  /** Features of the states. */
  hiddenSize: number;
  /** The number of layers, each fed with the outputs of the one before; default 1. */
  numLayers?: number;
  /** Whether the cells have biases; default true. */
  bias?: boolean;
  /** x and output are [batch, steps, …] instead of [steps, batch, …]; default false, as in PyTorch. */
  batchFirst?: boolean;
  /** In training, the probability with which outputs of all layers but the last are dropped; default 0. */
  dropout?: number;
  /** A second set of cells reads the steps from the last to the first; default false. */
  bidirectional?: boolean;
  /** Of the weights; default float32. */
  dtype?: DType;
}

/** Arguments of `RNN`, by name. */
export interface RNNOptions extends RecurrentOptions {
  /** `tanh` (default) or `relu`. */
  nonlinearity?: 'tanh' | 'relu';
}

type RecurrentArguments = Positional<
  RecurrentOptions,
  [
    inputSize: 'inputSize',
    hiddenSize: 'hiddenSize',
    numLayers: 'numLayers',
    bias: 'bias',
    batchFirst: 'batchFirst',
    dropout: 'dropout',
    bidirectional: 'bidirectional',
  ]
>;
type RNNArguments = Positional<
  RNNOptions,
  [
    inputSize: 'inputSize',
    hiddenSize: 'hiddenSize',
    numLayers: 'numLayers',
    nonlinearity: 'nonlinearity',
    bias: 'bias',
    batchFirst: 'batchFirst',
    dropout: 'dropout',
    bidirectional: 'bidirectional',
  ]
>;

const sizes = ['inputSize', 'hiddenSize', 'numLayers'];
const flags = ['bias', 'batchFirst', 'dropout', 'bidirectional'];
const positions = [...sizes, ...flags];

/** What `LSTM`, `GRU` and `RNN` share: layers, directions and options. */
export abstract class RecurrentModule extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  private readonly _name: string;
  private readonly _cell: Cell;

  /** @internal */
  constructor(name: string, cell: Cell, options: Partial<RecurrentOptions>) {
    super();
    this._name = name;
    this._cell = cell;
    this.inputSize = checkInteger(name, 'inputSize', options.inputSize, 1);
    this.hiddenSize = checkInteger(name, 'hiddenSize', options.hiddenSize, 1);
    this.numLayers = checkInteger(name, 'numLayers', options.numLayers ?? 1, 1);
    this.bias = checkFlag(name, 'bias', options.bias, true);
    this.batchFirst = checkFlag(name, 'batchFirst', options.batchFirst, false);
    this.dropout = checkNumber(name, 'dropout', options.dropout ?? 0, { min: 0, max: 1 });
    this.bidirectional = checkFlag(name, 'bidirectional', options.bidirectional, false);
    const dtype = checkDType(name, options.dtype, 'float32');
    allOrNothing(() => {
      for (let layer = 0; layer < this.numLayers; layer++) {
        for (const [key, shape] of this._shapesOf(layer))
          this._weights[key] = makeWeight(shape, this.hiddenSize, dtype);
      }
    });
  }

  // The weights are properties under PyTorch's names.
  private get _weights(): Record<string, Tensor> {
    return this as unknown as Record<string, Tensor>;
  }

  private get _directions(): number {
    return this.bidirectional ? 2 : 1;
  }

  // Names and shapes of a layer's weights, in the order of PyTorch and of the kernel.
  private _shapesOf(layer: number): [string, Shape][] {
    const rows = this._cell.gates * this.hiddenSize;
    const inFeatures = layer === 0 ? this.inputSize : this._directions * this.hiddenSize;
    return ['', '_reverse'].slice(0, this._directions).flatMap((direction): [string, Shape][] => {
      const end = `l${layer}${direction}`;
      const weights: [string, Shape][] = [
        [`weight_ih_${end}`, [rows, inFeatures]],
        [`weight_hh_${end}`, [rows, this.hiddenSize]],
      ];
      return this.bias ? [...weights, [`bias_ih_${end}`, [rows]], [`bias_hh_${end}`, [rows]]] : weights;
    });
  }

  private _checkLengths(lengths: Tensor, batch: number): Tensor {
    checkInt32(this._name, 'lengths', lengths);
    if (!sameShape(lengths.dims, [batch])) {
      throw new ShapeError(
        `${this._name}: lengths must have one element for each sequence [${batch}], got ${formatShape(lengths.dims)}`,
      );
    }
    return lengths;
  }

  /** @internal The last layer's outputs, in the form of x, and the final states [numLayers · directions, batch, hiddenSize]. */
  protected run<X extends Tensor | PackedSequence>(
    x: X,
    given: readonly (Tensor | null)[],
    lengths: Tensor | null,
  ): [X, Tensor[]] {
    if (!(x instanceof PackedSequence)) return this._runPadded(x, given, lengths) as [X, Tensor[]];
    const { _name: name, batchFirst } = this;
    if (lengths !== null) {
      throw new ArgumentError(`${name}: lengths must be null for a PackedSequence, got ${describe(lengths)}`);
    }
    if (x.data.rank !== 2) {
      throw new ShapeError(`${name}: data of x must be [rows, inputSize], got ${formatShape(x.data.dims)}`);
    }
    const own = tensor(Int32Array.from(x._lengths()));
    const [y, states] = this._runPadded(x._padded(batchFirst, 0), given, own);
    return [x._repacked(y, batchFirst) as X, states];
  }

  private _runPadded(x: Tensor, given: readonly (Tensor | null)[], lengths: Tensor | null): [Tensor, Tensor[]] {
    const [name, cell] = [this._name, this._cell];
    checkTensor(name, 'x', x);
    if (x.rank !== 2 && x.rank !== 3) {
      const order = this.batchFirst ? '[batch, steps, inputSize]' : '[steps, batch, inputSize]';
      throw new ShapeError(`${name}: x must be ${order} or [steps, inputSize], got x ${formatShape(x.dims)}`);
    }
    // Each once: a parametrized one is computed whenever it is read.
    const weights = Array.from({ length: this.numLayers }, (_, layer) =>
      this._shapesOf(layer).map(([key]) => this._weights[key] as Tensor),
    );
    checkInput(name, x, this.inputSize, weights[0]?.[0] as Tensor);
    const single = x.rank === 2;
    const [steps, features] = x.dims as [number, number];
    let y = single ? reshape(x, this.batchFirst ? [1, steps, features] : [steps, 1, features]) : x;
    const batch = y.dims[this.batchFirst ? 0 : 1] as number;
    if (y.dims[this.batchFirst ? 1 : 0] === 0) {
      throw new ShapeError(`${name}: x must have at least one step, got x ${formatShape(x.dims)}`);
    }
    const blocks = this.numLayers * this._directions;
    const shape = single ? [blocks, this.hiddenSize] : [blocks, batch, this.hiddenSize];
    const meaning = `[numLayers${this.bidirectional ? ' · 2' : ''}, ${single ? '' : 'batch, '}hiddenSize]`;
    const whole = [blocks, batch, this.hiddenSize];
    const initial = given.map((t, k) => {
      if (t === null) return null;
      checkState(name, k === 0 ? 'h0' : 'c0', t, shape, meaning, x);
      return single ? reshape(t, whole) : t;
    });
    const o = {
      name,
      batchFirst: this.batchFirst,
      lengths: lengths === null ? null : this._checkLengths(lengths, batch),
    };
    const finals: Tensor[][] = given.map(() => []);
    for (let layer = 0; layer < this.numLayers; layer++) {
      const part = { start: layer * this._directions, end: (layer + 1) * this._directions };
      const states = initial.map((t) => (t === null || this.numLayers === 1 ? t : slice(t, part)));
      const own = weights[layer] as Tensor[];
      const [output, ...last] = recurrentLayer(cell, y, states, own, this._directions, o) as [Tensor, ...Tensor[]];
      last.forEach((t, k) => {
        finals[k]?.push(t);
      });
      const drops = this.dropout > 0 && layer < this.numLayers - 1;
      y = drops ? dropout(output, { p: this.dropout, training: this.training }) : output;
    }
    const joined = finals.map((list) => (list.length === 1 ? (list[0] as Tensor) : cat(list)));
    if (!single) return [y, joined];
    return [reshape(y, [steps, y.dims[2] as number]), joined.map((t) => reshape(t, shape))];
  }

  override toString(): string {
    const layers = this.numLayers > 1 ? `, ${this.numLayers} layers` : '';
    const flags = [
      this.bidirectional && ', bidirectional',
      this.batchFirst && ', batch first',
      !this.bias && ', no bias',
    ];
    const rest = flags.filter((f) => f !== false).join('');
    const dropped = this.dropout > 0 ? `, dropout ${this.dropout}` : '';
    return `${this._name}(${this.inputSize}, ${this.hiddenSize}${layers}${rest}${dropped})`;
  }
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997, https://doi.org/10.1162/neco.1997.9.8.1735), over all steps in
 * one native call a layer and pass. For each step, with σ the sigmoid:
 *
 *     i = σ(W_ii x + b_ii + W_hi h + b_hi)       f = σ(W_if x + b_if + W_hf h + b_hf)
 *     g = tanh(W_ig x + b_ig + W_hg h + b_hg)    o = σ(W_io x + b_io + W_ho h + b_ho)
 *     c = f · c + i · g                          h = o · tanh(c)
 *
 * | tensor | shape |
 * |---|---|
 * | x | [steps, batch, inputSize], with `batchFirst` [batch, steps, inputSize], or [steps, inputSize] |
 * | output: h of the last layer at each step | as x, with hiddenSize · directions at the end |
 * | h0, c0, hN, cN | [numLayers · directions, batch, hiddenSize], without batch for an x without |
 * | `weight_ih_l0` (`_l1`, … `_reverse`) | [4 · hiddenSize, inputSize], above hiddenSize · directions instead of inputSize; i, f, g, o |
 * | `weight_hh_l0` | [4 · hiddenSize, hiddenSize] |
 * | `bias_ih_l0`, `bias_hh_l0` | [4 · hiddenSize] |
 *
 * All start uniform in ±1/√hiddenSize.
 *
 * @throws ShapeError, DTypeError when x, the states or lengths do not fit; ArgumentError for a length outside 1 … steps
 * @example
 * const lstm = new nn.LSTM(64, 128, { batchFirst: true });
 * const [output, [hN, cN]] = lstm.forward(zeros([32, 10, 64])); // output [32, 10, 128], hN and cN [1, 32, 128]
 */
export class LSTM extends RecurrentModule {
  /**
   * @param args inputSize, hiddenSize, numLayers (1), bias (true), batchFirst (false), dropout (0), bidirectional (false);
   *   option: dtype ('float32')
   */
  constructor(...args: RecurrentArguments) {
    super('LSTM', cells.lstm, optionsOf<RecurrentOptions>('LSTM', args, positions, ['dtype']));
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
