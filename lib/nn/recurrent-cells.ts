import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { checkFlag, checkInteger, formatShape, ShapeError } from '../errors.js';
import { type Cell, cells, recurrentLayer } from '../ops/recurrent.js';
import { reshape } from '../ops/shape.js';
import { checkDType, checkTensor, type Tensor } from '../tensor.js';
import { Module } from './module.js';
import { cellOf, checkInput, checkPair, checkState, type LSTMState, makeWeight } from './recurrent-common.js';

/** Arguments of `LSTMCell` and `GRUCell`, by name. */
export interface CellOptions {
  /** Features of x. */
  inputSize: number;
  /** Features of the states. */
  hiddenSize: number;
  /** Whether the cell has biases; default true. */
  bias?: boolean;
  /** Of the weights; default float32. */
  dtype?: DType;
}

/** Arguments of `RNNCell`, by name. */
export interface RNNCellOptions extends CellOptions {
  /** `tanh` (default) or `relu`. */
  nonlinearity?: 'tanh' | 'relu';
}

type CellArguments = Positional<CellOptions, [inputSize: 'inputSize', hiddenSize: 'hiddenSize', bias: 'bias']>;
type RNNCellArguments = Positional<
  RNNCellOptions,
  [inputSize: 'inputSize', hiddenSize: 'hiddenSize', bias: 'bias', nonlinearity: 'nonlinearity']
>;

const positions = ['inputSize', 'hiddenSize', 'bias'];

/** What `LSTMCell`, `GRUCell` and `RNNCell` share: one step. */
export abstract class RecurrentCell extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  weight_ih: Tensor;
  weight_hh: Tensor;
  bias_ih: Tensor | null;
  bias_hh: Tensor | null;
  private readonly _name: string;
  private readonly _cell: Cell;

  /** @internal */
  constructor(name: string, cell: Cell, options: Partial<CellOptions>) {
    super();
    this._name = name;
    this._cell = cell;
    const inputSize = checkInteger(name, 'inputSize', options.inputSize, 1);
    const hiddenSize = checkInteger(name, 'hiddenSize', options.hiddenSize, 1);
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    const rows = cell.gates * hiddenSize;
    const dtype = checkDType(name, options.dtype, 'float32');
    const hasBias = checkFlag(name, 'bias', options.bias, true);
    const make = (...shape: number[]): Tensor => makeWeight(shape, hiddenSize, dtype);
    [this.weight_ih, this.weight_hh, this.bias_ih, this.bias_hh] = allOrNothing(() => [
      make(rows, inputSize),
      make(rows, hiddenSize),
      hasBias ? make(rows) : null,
      hasBias ? make(rows) : null,
    ]);
  }

  /** @internal The states after one step. */
  protected run(x: Tensor, given: readonly (Tensor | null)[]): Tensor[] {
    const name = this._name;
    checkTensor(name, 'x', x);
    if (x.rank !== 1 && x.rank !== 2) {
      throw new ShapeError(`${name}: x must be [batch, inputSize] or [inputSize], got x ${formatShape(x.dims)}`);
    }
    const weights = [this.weight_ih, this.weight_hh, this.bias_ih, this.bias_hh].filter((t) => t !== null);
    checkInput(name, x, this.inputSize, weights[0] as Tensor);
    const batch = x.rank === 1 ? 1 : (x.dims[0] as number);
    const shape = x.rank === 1 ? [this.hiddenSize] : [batch, this.hiddenSize];
    const meaning = x.rank === 1 ? '[hiddenSize]' : '[batch, hiddenSize]';
    const states = given.map((t, k) => {
      if (t === null) return null;
      return reshape(checkState(name, k === 0 ? 'h0' : 'c0', t, shape, meaning, x), [1, batch, this.hiddenSize]);
    });
    const o = { name, batchFirst: false, lengths: null };
    const after = recurrentLayer(this._cell, reshape(x, [1, batch, this.inputSize]), states, weights, 1, o);
    return after.slice(1).map((t) => reshape(t, shape));
  }

  override toString(): string {
    return `${this._name}(${this.inputSize}, ${this.hiddenSize}${this.bias_ih === null ? ', no bias' : ''})`;
  }
}

/**
 * One step of `LSTM`, with the same formulas and order of gates.
 *
 * x [batch, inputSize], h and c [batch, hiddenSize], or all without batch; `weight_ih` [4 · hiddenSize, inputSize],
 * `weight_hh` [4 · hiddenSize, hiddenSize], `bias_ih` and `bias_hh` [4 · hiddenSize], uniform in ±1/√hiddenSize.
 *
 * @throws ShapeError, DTypeError when x or the state do not fit
 * @example
 * const cell = new nn.LSTMCell(10, 20);
 * let [h, c] = cell.forward(randn([3, 10]));
 * [h, c] = cell.forward(randn([3, 10]), [h, c]); // h and c [3, 20]
 */
export class LSTMCell extends RecurrentCell {
  /** @param args inputSize, hiddenSize, bias (true); option: dtype ('float32') */
  constructor(...args: CellArguments) {
    super('LSTMCell', cells.lstm, optionsOf<CellOptions>('LSTMCell', args, positions, ['dtype']));
  }

  /**
   * @param state [h, c]; default zeros
   * @returns [h, c] after the step
   */
  forward(x: Tensor, state: LSTMState | null = null): [Tensor, Tensor] {
    return this.run(x, checkPair('LSTMCell', state)) as [Tensor, Tensor];
  }
}

/**
 * One step of `GRU`, with the same formulas and order of gates.
 *
 * x [batch, inputSize], h [batch, hiddenSize], or both without batch; `weight_ih` [3 · hiddenSize, inputSize], `weight_hh`
 * [3 · hiddenSize, hiddenSize], `bias_ih` and `bias_hh` [3 · hiddenSize], uniform in ±1/√hiddenSize.
 *
 * @throws ShapeError, DTypeError when x or the state do not fit
 * @example
 * const cell = new nn.GRUCell(10, 20);
 * const h = cell.forward(randn([3, 10]), zeros([3, 20])); // [3, 20]
 */
export class GRUCell extends RecurrentCell {
  /** @param args inputSize, hiddenSize, bias (true); option: dtype ('float32') */
  constructor(...args: CellArguments) {
    super('GRUCell', cells.gru, optionsOf<CellOptions>('GRUCell', args, positions, ['dtype']));
  }

  /** @param state h; default zeros. Returns h after the step. */
  forward(x: Tensor, state: Tensor | null = null): Tensor {
    return this.run(x, [state])[0] as Tensor;
  }
}

/**
 * One step of `RNN`: h = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu instead of tanh.
 *
 * x [batch, inputSize], h [batch, hiddenSize], or both without batch; `weight_ih` [hiddenSize, inputSize], `weight_hh`
 * [hiddenSize, hiddenSize], `bias_ih` and `bias_hh` [hiddenSize], uniform in ±1/√hiddenSize.
 *
 * @throws ShapeError, DTypeError when x or the state do not fit
 * @example
 * const cell = new nn.RNNCell(10, 20, { nonlinearity: 'relu' });
 * const h = cell.forward(randn([3, 10])); // [3, 20]
 */
export class RNNCell extends RecurrentCell {
  readonly nonlinearity: 'tanh' | 'relu';

  /** @param args inputSize, hiddenSize, bias (true), nonlinearity ('tanh', or 'relu'); option: dtype ('float32') */
  constructor(...args: RNNCellArguments) {
    const options = optionsOf<RNNCellOptions>('RNNCell', args, [...positions, 'nonlinearity'], ['dtype']);
    super('RNNCell', cellOf('RNNCell', options), options);
    this.nonlinearity = options.nonlinearity ?? 'tanh';
  }

  /** @param state h; default zeros. Returns h after the step. */
  forward(x: Tensor, state: Tensor | null = null): Tensor {
    return this.run(x, [state])[0] as Tensor;
  }
}
