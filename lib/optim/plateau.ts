import { optionsOf, type Positional } from '../arguments.js';
import { currentRecording } from '../context.js';
import { ArgumentError, checkChoice, checkInteger, checkNumber, describe, StateError } from '../errors.js';
import { Tensor } from '../tensor.js';
import {
  checkLastRates,
  checkOptimizer,
  checkState,
  perGroup,
  type ScheduledGroup,
  type ScheduledOptimizer,
  type SchedulerState,
} from './lr-scheduler-base.js';

/** Options of `ReduceLROnPlateau`. */
export interface PlateauOptions {
  /** Whether the metric is to fall or to rise; default min. */
  mode?: 'min' | 'max';
  /** The factor of the learning rate, below 1; default 0.1. */
  factor?: number;
  /** The number of steps without improvement that are tolerated; default 10. */
  patience?: number;
  /** The least improvement that counts; default 1e-4. */
  threshold?: number;
  /** Whether `threshold` is relative to the best so far or absolute; default rel. */
  thresholdMode?: 'rel' | 'abs';
  /** The number of steps after a reduction in which bad ones are not counted; default 0. */
  cooldown?: number;
  /** The lowest learning rate; one for each group, or one for all. Default 0. */
  minLr?: number | readonly number[];
  /** Smaller changes of the learning rate are not made; default 1e-8. */
  eps?: number;
}

const positions = ['mode', 'factor', 'patience'];
const named = ['threshold', 'thresholdMode', 'cooldown', 'minLr', 'eps'];

/**
 * Multiplies the learning rate by `factor` when a metric has not improved for more than `patience` steps.
 *
 * @example
 * const scheduler = new optim.lrScheduler.ReduceLROnPlateau(optimizer, 'min', { patience: 2 });
 * scheduler.step(0.7); // the loss on held-out data, after each epoch
 */
export class ReduceLROnPlateau {
  private readonly groups: readonly ScheduledGroup[];
  private readonly minLr: readonly number[];
  private readonly options: Required<Omit<PlateauOptions, 'minLr'>>;
  private best: number;
  private bad = 0;
  private coolingDown = 0;
  /** The number of steps so far. */
  lastEpoch = 0;

  /** @param args mode, factor, patience and options */
  constructor(
    optimizer: ScheduledOptimizer,
    ...args: Positional<PlateauOptions, [mode: 'mode', factor: 'factor', patience: 'patience']>
  ) {
    const name = 'ReduceLROnPlateau';
    checkOptimizer(name, optimizer);
    const options = optionsOf<PlateauOptions>(name, args, positions, named);
    this.groups = [...optimizer.paramGroups];
    this.minLr = perGroup(name, 'minLr', options.minLr ?? 0, this.groups);
    for (const rate of this.minLr) checkNumber(name, 'minLr', rate, { min: 0 });
    const factor = checkNumber(name, 'factor', options.factor ?? 0.1, { min: 0 });
    if (factor >= 1) throw new ArgumentError(`${name}: factor must be below 1, got ${factor}`);
    this.options = {
      mode: checkChoice(name, 'mode', options.mode, ['min', 'max'], 'min'),
      factor,
      patience: checkInteger(name, 'patience', options.patience ?? 10),
      threshold: checkNumber(name, 'threshold', options.threshold ?? 1e-4),
      thresholdMode: checkChoice(name, 'thresholdMode', options.thresholdMode, ['rel', 'abs'], 'rel'),
      cooldown: checkInteger(name, 'cooldown', options.cooldown ?? 0),
      eps: checkNumber(name, 'eps', options.eps ?? 1e-8, { min: 0 }),
    };
    this.best = this.worst;
  }

  private get worst(): number {
    return this.options.mode === 'min' ? Infinity : -Infinity;
  }

  private isBetter(value: number): boolean {
    const { mode, threshold, thresholdMode } = this.options;
    const sign = mode === 'min' ? -1 : 1;
    const limit = thresholdMode === 'rel' ? this.best * (1 + sign * threshold) : this.best + sign * threshold;
    return mode === 'min' ? value < limit : value > limit;
  }

  /**
   * Reports a metric, after each epoch, say.
   *
   * @param metric a number or a tensor with one element; NaN counts as no improvement
   * @throws StateError inside a compiled function, which has no metric when it is recorded
   */
  step(metric: number | Tensor): void {
    if (currentRecording() !== null) {
      throw new StateError(
        'ReduceLROnPlateau: step reads a metric, which a compiled function cannot; call it outside, with what the step returned',
      );
    }
    const value = metric instanceof Tensor ? metric.item() : metric;
    if (typeof value !== 'number') {
      throw new ArgumentError(`ReduceLROnPlateau: metric must be a number or a tensor, got ${describe(metric)}`);
    }
    this.lastEpoch++;
    if (this.isBetter(value)) {
      this.best = value;
      this.bad = 0;
    } else {
      this.bad++;
    }
    if (this.coolingDown > 0) {
      this.coolingDown--;
      this.bad = 0;
    }
    if (this.bad > this.options.patience) {
      this.reduce();
      this.coolingDown = this.options.cooldown;
      this.bad = 0;
    }
  }

  private reduce(): void {
    this.groups.forEach((group, i) => {
      const lr = Math.max(group.lr * this.options.factor, this.minLr[i] as number);
      if (group.lr - lr > this.options.eps) group.lr = lr;
    });
  }

  /** The groups' learning rates. */
  getLastLr(): number[] {
    return this.groups.map((group) => group.lr);
  }

  /** The state to save. */
  stateDict(): SchedulerState {
    return {
      best: this.best,
      num_bad_epochs: this.bad,
      cooldown_counter: this.coolingDown,
      last_epoch: this.lastEpoch,
      _last_lr: this.getLastLr(),
    };
  }

  /**
   * Continues from a saved state, with the learning rates of that moment. Load the optimizer's state as well, before or
   * afterwards. A `best` of null, as JSON writes infinity, is none.
   */
  loadStateDict(state: SchedulerState): void {
    const name = 'ReduceLROnPlateau';
    checkState(name, state);
    const best = state.best ?? this.worst;
    if (typeof best !== 'number' || Number.isNaN(best)) {
      throw new StateError(`${name}: best must be a number, got ${describe(best)}`);
    }
    const bad = checkInteger(name, 'num_bad_epochs', state.num_bad_epochs);
    const coolingDown = checkInteger(name, 'cooldown_counter', state.cooldown_counter);
    const lastEpoch = checkInteger(name, 'last_epoch', state.last_epoch);
    const lastRates = checkLastRates(name, state, this.groups);
    this.lastEpoch = lastEpoch;
    this.best = best;
    this.bad = bad;
    this.coolingDown = coolingDown;
    this.groups.forEach((group, i) => {
      group.lr = lastRates[i] as number;
    });
  }
}
