// What layers are given, in eight bits.
import { aboutToChange, onUndo } from '../all-or-nothing.js';
import { isRecorded, noGrad } from '../autograd/tape.js';
import { MultiheadAttention } from '../nn/attention.js';
import { type CallHook, register } from '../nn/hooks.js';
import { Linear } from '../nn/linear.js';
import type { Module } from '../nn/module.js';
import { PackedSequence } from '../nn/packed.js';
import { Bilinear } from '../nn/rearrange.js';
import { Buffer } from '../nn/roles.js';
import { copy_, detach } from '../ops/copy.js';
import { full, zeros } from '../ops/creation.js';
import { add, div, maximum, minimum, mul, neg, sub } from '../ops/elementwise.js';
import { clamp, eq, where } from '../ops/elementwise-compare.js';
import { round } from '../ops/elementwise-rounding.js';
import { linearInt8 } from '../ops/quantized.js';
import { amax, amin } from '../ops/reduce-composed.js';
import { Tensor } from '../tensor.js';
import { rounding } from './fake-quantize.js';
import { integersOf } from './integers.js';
import { Inserted } from './weights.js';

type State = 'dynamic' | 'observed' | 'trained' | 'static';

/** @internal What happens to a layer's inputs: their range is measured, and they are rounded to 256 values in it. */
export class InputQuantizer extends Inserted {
  /** The ends of the range; ∞ and -∞ before it is known. */
  readonly low: Tensor | null;
  readonly high: Tensor | null;

  constructor(
    private _state: State,
    private readonly _momentum: number | null,
    { dtype }: Tensor,
  ) {
    super();
    const isMeasured = _state !== 'dynamic';
    this.low = isMeasured ? new Buffer(full([], Number.POSITIVE_INFINITY, { dtype })) : null;
    this.high = isMeasured ? new Buffer(full([], Number.NEGATIVE_INFINITY, { dtype })) : null;
  }

  get stage(): 'prepared' | 'quantised' {
    return this._state === 'observed' || this._state === 'trained' ? 'prepared' : 'quantised';
  }

  /** The ends of the range that was measured; null before that. */
  get measured(): readonly [low: number, high: number] | null {
    const [low, high] = [this.low, this.high].map((end) => (end as Tensor).item()) as [number, number];
    return low === Number.POSITIVE_INFINITY ? null : [low, high];
  }

  /** The range of all inputs; null if each batch has its own, nothing while it is measured. */
  fixedRange(): { low: Tensor; high: Tensor } | null | undefined {
    if (this._state === 'dynamic') return null;
    return this._state === 'static' ? this.stored() : undefined;
  }

  /** From now on the range stays as it is. */
  settle(): void {
    if (this._state !== 'dynamic') this._state = 'static';
  }

  forward(x: Tensor): Tensor {
    const measures = this._state === 'observed' || (this._state === 'trained' && this.training);
    const range = noGrad(() => (this._state === 'dynamic' || measures ? this.measure(detach(x)) : this.stored()));
    if (this._state === 'observed') return x;
    const [scale, zero] = noGrad(() => {
      const size = maximum(div(sub(range.high, range.low), 255), 1e-12);
      return [size, clamp(round(neg(div(range.low, size))), { min: 0, max: 255 })] as const;
    });
    const rounded = rounding(x, scale, zero, 0, 255);
    // In evaluation before the first batch of training there is no range to round in.
    return this._state === 'trained' && !measures ? where(isUnknown(range), x, rounded) : rounded;
  }

  // The range always has 0 in it, which is then exact: padding is. An empty batch has none, and changes none.
  private measure(x: Tensor): { low: Tensor; high: Tensor } {
    if (x.size === 0) {
      const none = zeros([], { dtype: x.dtype });
      return this.low === null ? { low: none, high: none } : this.stored();
    }
    const [low, high] = [minimum(amin(x), 0), maximum(amax(x), 0)];
    if (this.low === null || this.high === null) return { low, high };
    const isFirst = isUnknown(this.stored());
    const next = (before: Tensor, now: Tensor, extreme: (a: Tensor, b: Tensor) => Tensor): Tensor => {
      if (this._momentum === null) return extreme(before, now);
      const moved = add(mul(before, 1 - this._momentum), mul(now, this._momentum));
      return where(isFirst, now, moved);
    };
    const [newLow, newHigh] = [next(this.low, low, minimum), next(this.high, high, maximum)];
    for (const [end, value] of [
      [this.low, newLow],
      [this.high, newHigh],
    ] as const) {
      aboutToChange('InputQuantizer', end);
      copy_(end, value);
    }
    return { low: newLow, high: newHigh };
  }

  private stored(): { low: Tensor; high: Tensor } {
    return { low: this.low as Tensor, high: this.high as Tensor };
  }

  override toString(): string {
    return `InputQuantizer(${this._state})`;
  }
}

const isUnknown = ({ low }: { low: Tensor }): Tensor => eq(low, Number.POSITIVE_INFINITY);

interface Quantized extends Module {
  inputQuantizer?: InputQuantizer;
}

/** @internal */
export const quantizerOf = (module: Module): InputQuantizer | undefined => {
  const { inputQuantizer } = module as Quantized;
  return inputQuantizer instanceof InputQuantizer ? inputQuantizer : undefined;
};

// How many of its arguments a layer multiplies by its weights: of attention query, key and value.
const inputsOf = (layer: Module): number =>
  layer instanceof MultiheadAttention ? 3 : layer instanceof Bilinear ? 2 : 1;

/** @internal Lets a layer round what it is given. The layer that is called does, which may be a copy of this one. */
export function attach(module: Quantized, quantizer: InputQuantizer): void {
  module.inputQuantizer = quantizer;
  const call: CallHook = (layer, given, forward) =>
    productOfIntegers(layer, given) ?? forward(roundedInputs(layer, given));
  const handle = register('attach', module, 'call', call, undefined);
  onUndo(() => {
    handle.remove();
    delete module.inputQuantizer;
  });
}

// Linear layers multiply integers where no gradient is wanted; null in all other cases.
function productOfIntegers(layer: Module, [x]: unknown[]): Tensor | null {
  const weight = layer instanceof Linear && layer.forward === Linear.prototype.forward ? integersOf(layer) : null;
  if (weight === null || !(x instanceof Tensor) || x.dtype !== 'float32' || weight.scale.dtype !== 'float32')
    return null;
  const { bias, inFeatures } = layer as Linear;
  if (x.dims[x.rank - 1] !== inFeatures || isRecorded([x, weight.scale, bias ?? undefined])) return null;
  const range = (quantizerOf(layer) as InputQuantizer).fixedRange();
  return range === undefined ? null : linearInt8(x, weight.integers, weight.scale, bias, range);
}

// What is given twice stays one tensor: attention then projects it at once, and caches it.
function roundedInputs(layer: Module, given: unknown[]): unknown[] {
  const quantizer = quantizerOf(layer) as InputQuantizer;
  const rounded = new Map<unknown, unknown>();
  const count = inputsOf(layer);
  return given.map((x, i) => {
    if (i >= count) return x;
    if (!rounded.has(x)) rounded.set(x, roundedInput(quantizer, x));
    return rounded.get(x);
  });
}

function roundedInput(quantizer: InputQuantizer, x: unknown): unknown {
  if (x instanceof PackedSequence) return x._with(roundedInput(quantizer, x.data) as Tensor);
  return x instanceof Tensor && x.isFloatingPoint() ? quantizer.forward(x) : x;
}
