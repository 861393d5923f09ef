import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, describe, StateError } from '../errors.js';
import { LRScheduler, type ScheduledOptimizer, type SchedulerState } from './lr-scheduler-base.js';
import { checkMilestones } from './step-lr.js';

function checkSchedulers(name: string, schedulers: unknown): readonly LRScheduler[] {
  if (!Array.isArray(schedulers) || schedulers.length === 0) {
    throw new ArgumentError(`${name}: schedulers must be an array of schedulers, got ${describe(schedulers)}`);
  }
  for (const s of schedulers as unknown[]) {
    if (!(s instanceof LRScheduler)) {
      throw new ArgumentError(`${name}: schedulers must be schedulers, got ${describe(s)}`);
    }
  }
  return [...schedulers];
}

/** The base of schedulers that are made of others. */
abstract class Composed extends LRScheduler {
  constructor(
    name: string,
    optimizer: ScheduledOptimizer,
    protected readonly schedulers: readonly LRScheduler[],
  ) {
    super(name, optimizer);
    for (const s of schedulers) {
      if (s._groups.some((group, i) => group !== this._groups[i])) {
        throw new ArgumentError(`${name}: schedulers must be those of this optimizer, got one of another`);
      }
    }
  }

  /** Runs `fn`; if it throws, schedulers and rates are as before. */
  protected orNothing(fn: () => void): void {
    const putBack = this._save();
    try {
      fn();
    } catch (error) {
      putBack();
      throw error;
    }
  }

  getLr(): number[] {
    return this.getLastLr();
  }

  /** The numbers of the schedulers in the order in which they are loaded; the values of the last one remain. */
  protected order(): number[] {
    return [...this.schedulers.keys()];
  }

  override stateDict(): SchedulerState {
    return { ...super.stateDict(), _schedulers: this.schedulers.map((s) => s.stateDict()) };
  }

  override loadStateDict(state: SchedulerState): void {
    const states = state?._schedulers;
    if (!Array.isArray(states) || states.length !== this.schedulers.length) {
      throw new StateError(
        `${this.name}: the saved state must have ${this.schedulers.length} _schedulers, got ${describe(states)}`,
      );
    }
    this.orNothing(() => {
      super.loadStateDict(state);
      for (const i of this.order()) this.schedulers[i]?.loadStateDict(states[i]);
    });
  }
}

/**
 * Runs schedulers one after the other: at each milestone the next one starts, from the initial learning rate. With a
 * milestone of 0 the second starts at once. A warm-up is a `LinearLR` in front.
 *
 * @example
 * const { LinearLR, CosineAnnealingLR, SequentialLR } = optim.lrScheduler;
 * const warmUp = new LinearLR(optimizer, { startFactor: 0.01, totalIters: 100 });
 * const decay = new CosineAnnealingLR(optimizer, 900);
 * const scheduler = new SequentialLR(optimizer, [warmUp, decay], [100]);
 */
export class SequentialLR extends Composed {
  readonly milestones: readonly number[];

  /**
   * @param schedulers new ones of this optimizer
   * @param args milestones: the steps at which the second, third, … begin
   */
  constructor(
    optimizer: ScheduledOptimizer,
    schedulers: readonly LRScheduler[],
    ...args: Positional<{ milestones: readonly number[] }, [milestones: 'milestones']>
  ) {
    super('SequentialLR', optimizer, checkSchedulers('SequentialLR', schedulers));
    const { milestones } = optionsOf<{ milestones: unknown }>('SequentialLR', args, ['milestones']);
    this.milestones = checkMilestones('SequentialLR', milestones);
    if (this.milestones.length !== schedulers.length - 1) {
      throw new ArgumentError(
        `SequentialLR: ${schedulers.length} schedulers need ${schedulers.length - 1} milestones, got ${this.milestones.length}`,
      );
    }
    this.orNothing(() => this.begin());
  }

  // The number of the scheduler for step `lastEpoch`.
  private index(): number {
    return this.milestones.filter((m) => m <= this.lastEpoch).length;
  }

  // As if there were only the first one.
  protected override begin(): void {
    this.apply(this.baseLrs);
    (this.schedulers[this.index()] as LRScheduler)._begin();
  }

  override _restart(): void {
    this.lastEpoch = 0;
    (this.schedulers[this.index()] as LRScheduler)._restart();
  }

  override _advance(): void {
    this.lastEpoch++;
    const index = this.index();
    const scheduler = this.schedulers[index] as LRScheduler;
    if (index > 0 && this.milestones[index - 1] === this.lastEpoch) scheduler._restart();
    else scheduler._advance();
  }

  // The active one comes last, so that its values of the groups remain.
  protected override order(): number[] {
    const next = this.index() + 1;
    const all = super.order();
    return [...all.slice(next), ...all.slice(0, next)];
  }

  override stateDict(): SchedulerState {
    return { ...super.stateDict(), _milestones: [...this.milestones] };
  }
}

/**
 * Steps several schedulers of one optimizer together, in order: each goes on from the rates that the one before it gave.
 *
 * @example
 * const { ConstantLR, ExponentialLR, ChainedScheduler } = optim.lrScheduler;
 * const schedulers = [new ConstantLR(optimizer, 0.1, 20), new ExponentialLR(optimizer, 0.9)];
 * const scheduler = new ChainedScheduler(schedulers);
 */
export class ChainedScheduler extends Composed {
  /** @param args optimizer: that of the schedulers, which is the default */
  constructor(
    schedulers: readonly LRScheduler[],
    ...args: Positional<{ optimizer?: ScheduledOptimizer }, [optimizer: 'optimizer']>
  ) {
    const all = checkSchedulers('ChainedScheduler', schedulers);
    const o = optionsOf<{ optimizer: ScheduledOptimizer }>('ChainedScheduler', args, ['optimizer']);
    super('ChainedScheduler', o.optimizer ?? (all[0] as LRScheduler).optimizer, all);
  }

  // From the present rates, as if they had just been made, in order.
  protected override begin(): void {
    for (const s of this.schedulers) s._begin();
  }

  override _restart(): void {
    this.lastEpoch = 0;
    this.apply(this.baseLrs);
    this.begin();
  }

  override _advance(): void {
    this.lastEpoch++;
    for (const s of this.schedulers) s._advance();
  }
}
