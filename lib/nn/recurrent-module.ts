// The layers, directions and forms of input of a recurrent network, around whichever cell.
import { allOrNothing } from '../all-or-nothing.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkFlag, checkInteger, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { dropout } from '../ops/random-dropout.js';
import { type Cell, recurrentLayer } from '../ops/recurrent.js';
import { reshape } from '../ops/shape.js';
import { cat, slice } from '../ops/shape-slice.js';
import { type Shape, sameShape } from '../shape.js';
import { checkDType, checkInt32, checkTensor, type Tensor } from '../tensor.js';
import { Module } from './module.js';
import { PackedSequence } from './packed.js';
import { checkInput, checkState, makeWeight } from './recurrent-common.js';

/** Arguments of `GRU`, by name; `LSTM` and `RNN` have one more. */
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

/** Arguments of `LSTM`, by name. */
export interface LSTMOptions extends RecurrentOptions {
  /** Features of h, if h is projected: o · tanh(c) times a matrix [projSize, hiddenSize]; default 0, not projected. */
  projSize?: number;
}

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
  /** Features of h, and of the output in one direction. */
  private readonly _outSize: number;

  /** @internal */
  constructor(name: string, cell: Cell, options: Partial<LSTMOptions>) {
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
    const projSize = checkInteger(name, 'projSize', options.projSize ?? 0);
    if (projSize >= this.hiddenSize) {
      throw new ArgumentError(`${name}: projSize must be below hiddenSize ${this.hiddenSize}, got ${projSize}`);
    }
    this._outSize = projSize || this.hiddenSize;
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
    const inFeatures = layer === 0 ? this.inputSize : this._directions * this._outSize;
    return ['', '_reverse'].slice(0, this._directions).flatMap((direction): [string, Shape][] => {
      const end = `l${layer}${direction}`;
      const weights: [string, Shape][] = [
        [`weight_ih_${end}`, [rows, inFeatures]],
        [`weight_hh_${end}`, [rows, this._outSize]],
      ];
      if (this.bias) weights.push([`bias_ih_${end}`, [rows]], [`bias_hh_${end}`, [rows]]);
      if (this._outSize < this.hiddenSize) weights.push([`weight_hr_${end}`, [this._outSize, this.hiddenSize]]);
      return weights;
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

  /** @internal The last layer's outputs, in the form of x, and the final states [numLayers · directions, batch, …]. */
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
    const widths = [this._outSize, this.hiddenSize]; // of h and c
    const shapeOf = (k: number): Shape =>
      single ? [blocks, widths[k] as number] : [blocks, batch, widths[k] as number];
    const initial = given.map((t, k) => {
      if (t === null) return null;
      const width = widths[k] === this.hiddenSize ? 'hiddenSize' : 'projSize';
      const meaning = `[numLayers${this.bidirectional ? ' · 2' : ''}, ${single ? '' : 'batch, '}${width}]`;
      checkState(name, k === 0 ? 'h0' : 'c0', t, shapeOf(k), meaning, x);
      return single ? reshape(t, [blocks, batch, widths[k] as number]) : t;
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
    return [reshape(y, [steps, y.dims[2] as number]), joined.map((t, k) => reshape(t, shapeOf(k)))];
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
    const projected = this._outSize < this.hiddenSize ? `, projected to ${this._outSize}` : '';
    return `${this._name}(${this.inputSize}, ${this.hiddenSize}${layers}${rest}${dropped}${projected})`;
  }
}
