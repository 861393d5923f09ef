// Callbacks that watch a value.
import { ArgumentError, checkChoice, checkNumber, checkText } from '../errors.js';
import type { Training, Values } from './events.js';
import { checkMonitor } from './schedule.js';

/** Which value is watched, and what is better. */
export interface MonitorOptions {
  /** The name of a value of the epochs; default `validation.loss`. */
  monitor?: string;
  /** Whether it is to fall or to rise; default min for losses; otherwise it must be given. */
  mode?: 'min' | 'max';
  /** The least improvement that counts; default 0. */
  minDelta?: number;
}

/** @internal The best of the values so far. */
export class Best {
  readonly monitor: string;
  readonly mode: 'min' | 'max';
  readonly minDelta: number;
  value: number | null = null;

  constructor(
    private readonly operation: string,
    o: MonitorOptions,
  ) {
    this.monitor = checkText(operation, 'monitor', o.monitor ?? 'validation.loss');
    const fallback = /(^|\.)loss(\.|$)/.test(this.monitor) ? 'min' : undefined;
    if (o.mode === undefined && fallback === undefined) {
      throw new ArgumentError(`${operation}: mode must be min or max for ${this.monitor}, got none`);
    }
    this.mode = checkChoice(operation, 'mode', o.mode, ['min', 'max'], fallback);
    this.minDelta = checkNumber(operation, 'minDelta', o.minDelta ?? 0, { min: 0 });
  }

  /** Throws for a value that there will not be. */
  check(training: Training): void {
    if (training.names !== null) checkMonitor(this.operation, 'monitor', this.monitor, training.names);
  }

  /** Whether the epoch is better than all before; NaN is not. */
  isBetter(values: Values): boolean {
    const value = values[this.monitor];
    if (value === undefined) checkMonitor(this.operation, 'monitor', this.monitor, Object.keys(values));
    const now = value as number;
    if (Number.isNaN(now)) return false;
    const sign = this.mode === 'min' ? 1 : -1;
    if (this.value !== null && sign * now >= sign * this.value - this.minDelta) return false;
    this.value = now;
    return true;
  }
}
