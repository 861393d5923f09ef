import { optionsOf, type Positional } from '../arguments.js';
import { checkNumber } from '../errors.js';
import type { Module } from '../nn/module.js';
import { AveragedModel, getEmaMultiAvgFn } from './averaged-model.js';

/** Options of `EMA`. */
export interface EMAOptions {
  /** The part of the average that remains with each update, from 0 to 1; default 0.999. */
  decay?: number;
  /** Whether buffers are averaged, too, and not copied; default false. */
  useBuffers?: boolean;
}

/**
 * A copy of a model with an exponential moving average of its weights: `swaUtils.AveragedModel` with
 * `getEmaMultiAvgFn(decay)`.
 *
 * @example
 * const average = new optim.EMA(model, 0.999);
 * average.updateParameters(model); // after each step
 * average.eval().forward(x);
 */
export class EMA<M extends Module = Module> extends AveragedModel<M> {
  /** @param args decay: from 0 to 1, default 0.999; useBuffers: default false */
  constructor(model: M, ...args: Positional<EMAOptions, [decay: 'decay']>) {
    const { decay = 0.999, useBuffers = false } = optionsOf<EMAOptions>('EMA', args, ['decay'], ['useBuffers']);
    checkNumber('EMA', 'decay', decay, { min: 0, max: 1 });
    super(model, { multiAvgFn: getEmaMultiAvgFn(decay), useBuffers });
  }

  override toString(): string {
    return 'EMA';
  }
}
