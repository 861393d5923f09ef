import { ArgumentError, checkEach, checkInteger, checkNumber, checkOptions, describe } from '../errors.js';
import { perGroup, type ScheduledOptimizer, Scheduler } from './scheduler.js';

/**
 * Multiplies the learning rate by `gamma` every `stepSize` steps.
 *
 * @example
 * const scheduler = new optim.StepLR(optimizer, { stepSize: 30 });
 */
export class StepLR extends Scheduler {
  readonly stepSize: number;
  readonly gamma: number;

  /** @param options stepSize, gamma (default 0.1) */
  constructor(optimizer: ScheduledOptimizer, options: { stepSize: number; gamma?: number }) {
    super('StepLR', optimizer);
    checkOptions('StepLR', options, ['stepSize', 'gamma']);
    this.stepSize = checkInteger('StepLR', 'stepSize', options?.stepSize, 1);
    this.gamma = checkNumber('StepLR', 'gamma', options.gamma ?? 0.1, { min: 0 });
    this.begin();
  }

  protected rates(): number[] {
    const factor = this.lastEpoch % this.stepSize === 0 ? this.gamma : 1;
    return this._groups.map((group) => group.lr * factor);
  }
}

/** Multiplies the learning rate by `gamma` at each milestone. */
export class MultiStepLR extends Scheduler {
  readonly milestones: readonly number[];
  readonly gamma: number;

  /** @param options milestones: numbers of steps, where duplicates count twice; gamma (default 0.1) */
  constructor(optimizer: ScheduledOptimizer, options: { milestones: readonly number[]; gamma?: number }) {
    super('MultiStepLR', optimizer);
    checkOptions('MultiStepLR', options, ['milestones', 'gamma']);
    this.milestones = checkMilestones('MultiStepLR', options?.milestones);
    this.gamma = checkNumber('MultiStepLR', 'gamma', options.gamma ?? 0.1, { min: 0 });
    this.begin();
  }

  // The factor of the milestones at this step.
  private factor(): number {
    return this.gamma ** this.milestones.filter((m) => m === this.lastEpoch).length;
  }

  protected rates(): number[] {
    return this._groups.map((group) => group.lr * this.factor());
  }

  protected override firstRates(): number[] {
    return this.baseRates.map((rate) => rate * this.factor());
  }

  protected override chainedFirstRates(): number[] {
    return this.rates();
  }
}

/** @internal */
export function checkMilestones(name: string, milestones: unknown): number[] {
  const steps = checkEach(name, 'milestones', 'must be an array of steps', milestones, (m) =>
    checkInteger(name, 'a milestone', m),
  );
  return steps.sort((a, b) => a - b);
}

/** Multiplies the learning rate by `gamma` every step. */
export class ExponentialLR extends Scheduler {
  readonly gamma: number;

  constructor(optimizer: ScheduledOptimizer, options: { gamma: number }) {
    super('ExponentialLR', optimizer);
    checkOptions('ExponentialLR', options, ['gamma']);
    this.gamma = checkNumber('ExponentialLR', 'gamma', options?.gamma, { min: 0 });
    this.begin();
  }

  protected rates(): number[] {
    return this._groups.map((group) => group.lr * this.gamma);
  }
}

/**
 * Warm-up, or cool-down: the learning rate times a factor that goes from `startFactor` to `endFactor` in `totalIters` steps
 * of equal size, and then stays.
 *
 * @example
 * const warmUp = new optim.LinearLR(optimizer, { startFactor: 0.01, totalIters: 100 });
 */
export class LinearLR extends Scheduler {
  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;

  /** @param options startFactor: above 0, default 1/3; endFactor: default 1; totalIters: default 5 */
  constructor(
    optimizer: ScheduledOptimizer,
    options: { startFactor?: number; endFactor?: number; totalIters?: number } = {},
  ) {
    super('LinearLR', optimizer);
    checkOptions('LinearLR', options, ['startFactor', 'endFactor', 'totalIters']);
    this.startFactor = checkNumber('LinearLR', 'startFactor', options.startFactor ?? 1 / 3, {
      min: 0,
      max: 1,
      open: true,
    });
    this.endFactor = checkNumber('LinearLR', 'endFactor', options.endFactor ?? 1, { min: 0, max: 1 });
    this.totalIters = checkInteger('LinearLR', 'totalIters', options.totalIters ?? 5, 1);
    this.begin();
  }

  protected rates(): number[] {
    if (this.lastEpoch > this.totalIters) return this.getLastLr();
    const distance = this.endFactor - this.startFactor;
    const before = this.totalIters * this.startFactor + (this.lastEpoch - 1) * distance;
    return this._groups.map((group) => group.lr * (1 + distance / before));
  }

  protected override firstRates(): number[] {
    return this.baseRates.map((rate) => rate * this.startFactor);
  }

  protected override chainedFirstRates(): number[] {
    return this._groups.map((group) => group.lr * this.startFactor);
  }
}

/**
 * The initial learning rate times a function of the step.
 *
 * @example
 * const scheduler = new optim.LambdaLR(optimizer, (step) => Math.min(1, (step + 1) / 100));
 */
export class LambdaLR extends Scheduler {
  private readonly lambdas: readonly ((step: number) => number)[];

  /** @param lrLambda one function, or one for each group */
  constructor(
    optimizer: ScheduledOptimizer,
    lrLambda: ((step: number) => number) | readonly ((step: number) => number)[],
  ) {
    super('LambdaLR', optimizer);
    this.lambdas = perGroup('LambdaLR', 'lrLambda', lrLambda, this._groups);
    for (const lambda of this.lambdas) {
      if (typeof lambda !== 'function') {
        throw new ArgumentError(`LambdaLR: lrLambda must be a function of the step, got ${describe(lambda)}`);
      }
    }
    this.begin();
  }

  protected rates(): number[] {
    return this.baseRates.map((rate, i) => rate * (this.lambdas[i] as (step: number) => number)(this.lastEpoch));
  }

  protected override firstRates(): number[] {
    return this.rates();
  }

  protected override chainedFirstRates(): number[] {
    return this.rates();
  }
}
