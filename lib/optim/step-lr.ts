// Schedules by factors that are known beforehand.
import { optionsOf, type Positional } from '../arguments.js';
import { checkEach, checkInteger, checkNumber } from '../errors.js';
import { LRScheduler, type ScheduledOptimizer } from './lr-scheduler-base.js';

/**
 * Multiplies the learning rate by `gamma` every `stepSize` steps.
 *
 * @example
 * const scheduler = new optim.lrScheduler.StepLR(optimizer, 30, 0.5);
 */
export class StepLR extends LRScheduler {
  readonly stepSize: number;
  readonly gamma: number;

  /** @param args stepSize, gamma (default 0.1) */
  constructor(
    optimizer: ScheduledOptimizer,
    ...args: Positional<{ stepSize: number; gamma?: number }, [stepSize: 'stepSize', gamma: 'gamma']>
  ) {
    super('StepLR', optimizer);
    const o = optionsOf<{ stepSize: number; gamma: number }>('StepLR', args, ['stepSize', 'gamma']);
    this.stepSize = checkInteger('StepLR', 'stepSize', o.stepSize, 1);
    this.gamma = checkNumber('StepLR', 'gamma', o.gamma ?? 0.1, { min: 0 });
    this.begin();
  }

  getLr(): number[] {
    const factor = this.lastEpoch % this.stepSize === 0 ? this.gamma : 1;
    return this._groups.map((group) => group.lr * factor);
  }
}

/**
 * Multiplies the learning rate by `gamma` at each milestone.
 *
 * @example
 * const scheduler = new optim.lrScheduler.MultiStepLR(optimizer, [30, 80], 0.1);
 */
export class MultiStepLR extends LRScheduler {
  readonly milestones: readonly number[];
  readonly gamma: number;

  /** @param args milestones: numbers of steps, where duplicates count twice; gamma (default 0.1) */
  constructor(
    optimizer: ScheduledOptimizer,
    ...args: Positional<{ milestones: readonly number[]; gamma?: number }, [milestones: 'milestones', gamma: 'gamma']>
  ) {
    super('MultiStepLR', optimizer);
    const o = optionsOf<{ milestones: unknown; gamma: number }>('MultiStepLR', args, ['milestones', 'gamma']);
    this.milestones = checkMilestones('MultiStepLR', o.milestones);
    this.gamma = checkNumber('MultiStepLR', 'gamma', o.gamma ?? 0.1, { min: 0 });
    this.begin();
  }

  // The factor of the milestones at this step.
  private factor(): number {
    return this.gamma ** this.milestones.filter((m) => m === this.lastEpoch).length;
  }

  getLr(): number[] {
    return this._groups.map((group) => group.lr * this.factor());
  }

  protected override firstRates(): number[] {
    return this.baseLrs.map((rate) => rate * this.factor());
  }

  protected override chainedFirstRates(): number[] {
    return this.getLr();
  }
}

/** @internal */
export function checkMilestones(name: string, milestones: unknown): number[] {
  const steps = checkEach(name, 'milestones', 'must be an array of steps', milestones, (m) =>
    checkInteger(name, 'a milestone', m),
  );
  return steps.sort((a, b) => a - b);
}

/**
 * Multiplies the learning rate by `gamma` every step.
 *
 * @example
 * const scheduler = new optim.lrScheduler.ExponentialLR(optimizer, 0.9);
 */
export class ExponentialLR extends LRScheduler {
  readonly gamma: number;

  constructor(optimizer: ScheduledOptimizer, ...args: Positional<{ gamma: number }, [gamma: 'gamma']>) {
    super('ExponentialLR', optimizer);
    const { gamma } = optionsOf<{ gamma: number }>('ExponentialLR', args, ['gamma']);
    this.gamma = checkNumber('ExponentialLR', 'gamma', gamma, { min: 0 });
    this.begin();
  }

  getLr(): number[] {
    return this._groups.map((group) => group.lr * this.gamma);
  }
}

/**
 * The learning rate times `factor` for `totalIters` steps, and then the learning rate as it was.
 *
 * @example
 * const scheduler = new optim.lrScheduler.ConstantLR(optimizer, 0.5, 10);
 */
export class ConstantLR extends LRScheduler {
  readonly factor: number;
  readonly totalIters: number;

  /** @param args factor: above 0 and at most 1, default 1/3; totalIters: default 5 */
  constructor(
    optimizer: ScheduledOptimizer,
    ...args: Positional<{ factor?: number; totalIters?: number }, [factor: 'factor', totalIters: 'totalIters']>
  ) {
    super('ConstantLR', optimizer);
    const o = optionsOf<{ factor: number; totalIters: number }>('ConstantLR', args, ['factor', 'totalIters']);
    this.factor = checkNumber('ConstantLR', 'factor', o.factor ?? 1 / 3, { min: 0, max: 1, open: true });
    this.totalIters = checkInteger('ConstantLR', 'totalIters', o.totalIters ?? 5, 1);
    this.begin();
  }

  getLr(): number[] {
    return this._groups.map((group) => (this.lastEpoch === this.totalIters ? group.lr / this.factor : group.lr));
  }

  protected override firstRates(): number[] {
    return this.baseLrs.map((rate) => rate * this.factor);
  }

  protected override chainedFirstRates(): number[] {
    return this._groups.map((group) => group.lr * this.factor);
  }
}

/** Options of `LinearLR`. */
export interface LinearLROptions {
  /** The factor at the start, above 0 and at most 1; default 1/3. */
  startFactor?: number;
  /** The factor at the end, from 0 to 1; default 1. */
  endFactor?: number;
  /** The number of steps between them; default 5. */
  totalIters?: number;
}

/**
 * Warm-up, or cool-down: the learning rate times a factor that goes from `startFactor` to `endFactor` in `totalIters` steps
 * of equal size, and then stays. `SequentialLR` follows it with another schedule.
 *
 * @example
 * const warmUp = new optim.lrScheduler.LinearLR(optimizer, { startFactor: 0.01, totalIters: 100 });
 */
export class LinearLR extends LRScheduler {
  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;

  /** @param args startFactor: above 0, default 1/3; endFactor: default 1; totalIters: default 5 */
  constructor(
    optimizer: ScheduledOptimizer,
    ...args: Positional<LinearLROptions, [startFactor: 'startFactor', endFactor: 'endFactor', totalIters: 'totalIters']>
  ) {
    const name = 'LinearLR';
    super(name, optimizer);
    const o = optionsOf<LinearLROptions>(name, args, ['startFactor', 'endFactor', 'totalIters']);
    this.startFactor = checkNumber(name, 'startFactor', o.startFactor ?? 1 / 3, { min: 0, max: 1, open: true });
    this.endFactor = checkNumber(name, 'endFactor', o.endFactor ?? 1, { min: 0, max: 1 });
    this.totalIters = checkInteger(name, 'totalIters', o.totalIters ?? 5, 1);
    this.begin();
  }

  getLr(): number[] {
    if (this.lastEpoch > this.totalIters) return this.getLastLr();
    const distance = this.endFactor - this.startFactor;
    const before = this.totalIters * this.startFactor + (this.lastEpoch - 1) * distance;
    return this._groups.map((group) => group.lr * (1 + distance / before));
  }

  protected override firstRates(): number[] {
    return this.baseLrs.map((rate) => rate * this.startFactor);
  }

  protected override chainedFirstRates(): number[] {
    return this._groups.map((group) => group.lr * this.startFactor);
  }
}

/**
 * From the initial learning rate down to 0 in `totalIters` steps, by a power of the part that is left:
 *
 *     lr = initial · (1 - min(step, totalIters) / totalIters) ^ power
 *
 * @example
 * const scheduler = new optim.lrScheduler.PolynomialLR(optimizer, 100, 0.9);
 */
export class PolynomialLR extends LRScheduler {
  readonly totalIters: number;
  readonly power: number;

  /** @param args totalIters: default 5; power: default 1 */
  constructor(
    optimizer: ScheduledOptimizer,
    ...args: Positional<{ totalIters?: number; power?: number }, [totalIters: 'totalIters', power: 'power']>
  ) {
    super('PolynomialLR', optimizer);
    const o = optionsOf<{ totalIters: number; power: number }>('PolynomialLR', args, ['totalIters', 'power']);
    this.totalIters = checkInteger('PolynomialLR', 'totalIters', o.totalIters ?? 5, 1);
    this.power = checkNumber('PolynomialLR', 'power', o.power ?? 1, { min: 0 });
    this.begin();
  }

  // From the previous rates, so that it can be combined with other schedulers.
  getLr(): number[] {
    const { lastEpoch, totalIters, power } = this;
    if (lastEpoch > totalIters) return this.getLastLr();
    const left = (step: number): number => 1 - step / totalIters;
    const factor = (left(lastEpoch) / left(lastEpoch - 1)) ** power;
    return this._groups.map((group) => group.lr * factor);
  }
}
