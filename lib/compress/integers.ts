// Weights of eight bits.
import { aboutToChange, onUndo } from '../all-or-nothing.js';
import { isRecorded } from '../autograd/tape.js';
import { Embedding } from '../nn/embedding.js';
import { type CallHook, register } from '../nn/hooks.js';
import type { Module } from '../nn/module.js';
import { listAt, type Parametrization } from '../nn/parametrize-list.js';
import { Buffer } from '../nn/roles.js';
import { copy_, detach, to } from '../ops/copy.js';
import { onesLike, zeros } from '../ops/creation.js';
import { abs, add, div, mul, sub } from '../ops/elementwise.js';
import { clamp, eq, where } from '../ops/elementwise-compare.js';
import { round } from '../ops/elementwise-rounding.js';
import { rowsOf as embeddingRows } from '../ops/embedding.js';
import { indexSelect } from '../ops/indexing.js';
import { amax } from '../ops/reduce-composed.js';
import { reshape } from '../ops/shape.js';
import type { Tensor } from '../tensor.js';
import { checkFinite, Inserted } from './weights.js';

/** @internal One scale for each slice of the first dimension: its largest absolute value is 127. */
export function scaleOf(weight: Tensor): Tensor {
  const others = weight.dims.slice(1).map((_, i) => i + 1);
  const scale = div(amax(abs(weight), { dim: others, keepDim: true }), 127);
  return where(eq(scale, 0), onesLike(scale), scale);
}

/** @internal A parametrization: integers of eight bits and a scale for each slice of the first dimension, weight = integers · scale. */
export class Integers extends Inserted implements Parametrization {
  /** uint8, 128 more than the integer. */
  readonly integers: Tensor;

  constructor(weight: Tensor) {
    super();
    this.integers = new Buffer(zeros([...weight.dims], { dtype: 'uint8' }));
  }

  get stage(): 'quantised' {
    return 'quantised';
  }

  forward(scale: Tensor): Tensor {
    return mul(sub(to(this.integers, scale.dtype), 128), scale);
  }

  rightInverse(weight: Tensor): Tensor {
    checkFinite('Integers', 'the weight', detach(weight));
    const scale = scaleOf(weight);
    const rounded = clamp(round(div(weight, scale)), { min: -127, max: 127 });
    aboutToChange('Integers', this.integers);
    copy_(this.integers, to(add(rounded, 128), 'uint8'));
    return scale;
  }

  override toString(): string {
    return 'Integers()';
  }
}

/** @internal The integers of a layer's weight, and their scales; null where the weight is anything else. */
export function integersOf(layer: Module): { integers: Tensor; scale: Tensor } | null {
  const list = listAt(layer, 'weight');
  const [only, ...others] = list ?? [];
  if (list === null || !(only instanceof Integers) || others.length > 0) return null;
  return { integers: only.integers, scale: list.original };
}

/** @internal Lets a table look up integers, and make numbers of these alone, where no gradient is wanted. */
export function lookUpIntegers(table: Module): void {
  const call: CallHook = (layer, given, forward) => rowsOfIntegers(layer, given) ?? forward(given);
  const handle = register('lookUpIntegers', table, 'call', call, undefined);
  onUndo(() => handle.remove());
}

function rowsOfIntegers(layer: Module, [index]: unknown[]): Tensor | null {
  const table = layer instanceof Embedding && layer.forward === Embedding.prototype.forward ? integersOf(layer) : null;
  const { maxNorm, paddingIdx } = layer as Embedding;
  if (table === null || maxNorm !== null || isRecorded([table.scale])) return null;
  const scale = embeddingRows('Embedding', index as Tensor, table.scale, { paddingIdx }); // which checks the index
  const places = reshape(index as Tensor, [(index as Tensor).size]);
  const integers = to(indexSelect(table.integers, 0, places), scale.dtype);
  return mul(sub(reshape(integers, [...(index as Tensor).dims, table.integers.dims[1] as number]), 128), scale);
}
