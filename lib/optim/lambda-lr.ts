// Schedules by functions of the caller.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, describe } from '../errors.js';
import { LRScheduler, perGroup, type ScheduledOptimizer } from './lr-scheduler-base.js';

/** A factor of the learning rate, by the step counted from 0. */
export type LRLambda = (step: number) => number;

type LambdaArguments = Positional<{ lrLambda: LRLambda | readonly LRLambda[] }, [lrLambda: 'lrLambda']>;

function lambdasOf(name: string, args: readonly unknown[], groups: readonly unknown[]): LRLambda[] {
  const { lrLambda } = optionsOf<{ lrLambda: LRLambda }>(name, args, ['lrLambda']);
  const lambdas = perGroup<unknown>(name, 'lrLambda', lrLambda, groups);
  for (const lambda of lambdas) {
    if (typeof lambda !== 'function') {
      throw new ArgumentError(`${name}: lrLambda must be a function of the step, got ${describe(lambda)}`);
    }
  }
  return lambdas as LRLambda[];
}

/**
 * The initial learning rate times a function of the step.
 *
 * @example
 * const scheduler = new optim.lrScheduler.LambdaLR(optimizer, (step) => Math.min(1, (step + 1) / 100));
 */
export class LambdaLR extends LRScheduler {
  private readonly lrLambdas: readonly LRLambda[];

  /** @param args lrLambda: one function, or one for each group */
  constructor(optimizer: ScheduledOptimizer, ...args: LambdaArguments) {
    super('LambdaLR', optimizer);
    this.lrLambdas = lambdasOf('LambdaLR', args, this._groups);
    this.begin();
  }

  getLr(): number[] {
    return this.baseLrs.map((rate, i) => rate * (this.lrLambdas[i] as LRLambda)(this.lastEpoch));
  }

  protected override firstRates(): number[] {
    return this.getLr();
  }

  protected override chainedFirstRates(): number[] {
    return this.getLr();
  }
}

/**
 * Multiplies the learning rate at each step, the first one after 0, by a function of the step.
 *
 * @example
 * const scheduler = new optim.lrScheduler.MultiplicativeLR(optimizer, () => 0.95);
 */
export class MultiplicativeLR extends LRScheduler {
  private readonly lrLambdas: readonly LRLambda[];

  /** @param args lrLambda: one function, or one for each group */
  constructor(optimizer: ScheduledOptimizer, ...args: LambdaArguments) {
    super('MultiplicativeLR', optimizer);
    this.lrLambdas = lambdasOf('MultiplicativeLR', args, this._groups);
    this.begin();
  }

  getLr(): number[] {
    return this._groups.map((group, i) => group.lr * (this.lrLambdas[i] as LRLambda)(this.lastEpoch));
  }

  // It has no other form than from the present rates.
  protected override firstRates(): number[] {
    return this.getLr();
  }
}
