import { ArgumentError, checkOptions, describe, StateError } from '../errors.js';
import { type ScheduledOptimizer, Scheduler, type SchedulerState } from './scheduler.js';
import { checkMilestones } from './schedulers.js';

/**
 * Runs schedulers one after the other: at each milestone the next one starts, from the initial learning rate. With a
 * milestone of 0 the second starts at once.
 *
 * @example
 * const warmUp = new optim.LinearLR(optimizer, { startFactor: 0.01, totalIters: 100 });
 * const decay = new optim.CosineAnnealingLR(optimizer, { tMax: 900 });
 * const scheduler = new optim.SequentialLR(optimizer, [warmUp, decay], { milestones: [100] });
 */
export class SequentialLR extends Scheduler {
  readonly milestones: readonly number[];

  /**
   * @param schedulers new ones of this optimizer
   * @param options milestones: the steps at which the second, third, … begin
   */
  constructor(
    optimizer: ScheduledOptimizer,
    private readonly schedulers: readonly Scheduler[],
    options: { milestones: readonly number[] },
  ) {
    super('SequentialLR', optimizer);
    checkOptions('SequentialLR', options, ['milestones']);
    if (!Array.isArray(schedulers) || schedulers.length === 0) {
      throw new ArgumentError(`SequentialLR: schedulers must be an array of schedulers, got ${describe(schedulers)}`);
    }
    for (const s of schedulers) {
      if (!(s instanceof Scheduler)) {
        throw new ArgumentError(`SequentialLR: schedulers must be schedulers, got ${describe(s)}`);
      }
      if (s._groups.some((group, i) => group !== this._groups[i])) {
        throw new ArgumentError('SequentialLR: schedulers must be those of this optimizer, got one of another');
      }
    }
    this.milestones = checkMilestones('SequentialLR', options?.milestones);
    if (this.milestones.length !== schedulers.length - 1) {
      throw new ArgumentError(
        `SequentialLR: ${schedulers.length} schedulers need ${schedulers.length - 1} milestones, got ${this.milestones.length}`,
      );
    }
    const putBack = this._save();
    try {
      this.begin();
    } catch (error) {
      putBack();
      throw error;
    }
  }

  // The number of the scheduler for step `lastEpoch`.
  private index(): number {
    return this.milestones.filter((m) => m <= this.lastEpoch).length;
  }

  // As if there were only the first one.
  protected override begin(): void {
    this.apply(this.baseRates);
    (this.schedulers[this.index()] as Scheduler)._begin();
  }

  override _restart(): void {
    this.lastEpoch = 0;
    (this.schedulers[this.index()] as Scheduler)._restart();
  }

  override _advance(): void {
    this.lastEpoch++;
    const index = this.index();
    const scheduler = this.schedulers[index] as Scheduler;
    if (index > 0 && this.milestones[index - 1] === this.lastEpoch) scheduler._restart();
    else scheduler._advance();
  }

  protected rates(): number[] {
    return this.getLastLr();
  }

  override stateDict(): SchedulerState {
    return {
      ...super.stateDict(),
      _milestones: [...this.milestones],
      _schedulers: this.schedulers.map((s) => s.stateDict()),
    };
  }

  override loadStateDict(state: SchedulerState): void {
    const states = state?._schedulers;
    if (!Array.isArray(states) || states.length !== this.schedulers.length) {
      throw new StateError(
        `SequentialLR: the saved state must have ${this.schedulers.length} _schedulers, got ${describe(states)}`,
      );
    }
    const putBack = this._save();
    try {
      super.loadStateDict(state);
      // The active one comes last, so that its values of the groups remain.
      const next = this.index() + 1;
      const order = [...states.keys()];
      for (const i of [...order.slice(next), ...order.slice(0, next)]) this.schedulers[i]?.loadStateDict(states[i]);
    } catch (error) {
      putBack();
      throw error;
    }
  }
}
