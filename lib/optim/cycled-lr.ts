// What `CyclicLR` and `OneCycleLR` share: momentum goes against the learning rate.
import { ArgumentError, checkFlag, checkNumber } from '../errors.js';
import { LRScheduler, perGroup, type ScheduledGroup, type SchedulerState } from './lr-scheduler-base.js';

/** Between which numbers the momentum of a group goes. */
export interface MomentumLimits {
  base: number;
  max: number;
}

interface MomentumOptions {
  cycleMomentum?: boolean;
  baseMomentum?: number | readonly number[];
  maxMomentum?: number | readonly number[];
}

/** The base of schedulers whose learning rate goes up and down. */
export abstract class CycledLR extends LRScheduler {
  private momenta: readonly MomentumLimits[] | null = null;

  /** To be called before `begin`. */
  protected cycleMomentum(o: MomentumOptions, defaults: MomentumLimits): void {
    if (!checkFlag(this.name, 'cycleMomentum', o.cycleMomentum, true)) return;
    if (!this._groups.every((group) => 'betas' in group || 'momentum' in group)) {
      throw new ArgumentError(`${this.name}: cycleMomentum needs an optimizer with momentum or betas; pass false`);
    }
    const base = perGroup(this.name, 'baseMomentum', o.baseMomentum ?? defaults.base, this._groups);
    const max = perGroup(this.name, 'maxMomentum', o.maxMomentum ?? defaults.max, this._groups);
    for (const m of [...base, ...max]) checkNumber(this.name, 'baseMomentum and maxMomentum', m, { min: 0, max: 1 });
    this.momenta = base.map((value, i) => ({ base: value, max: max[i] as number }));
  }

  /** How momentum follows from its limits at step `lastEpoch`. */
  protected abstract momentumNow(): (limits: MomentumLimits) => number;

  /** Of the groups; `getLr` calls it. */
  protected setMomenta(now = this.momentumNow()): void {
    this.momenta?.forEach((limits, i) => {
      setMomentum(this._groups[i] as ScheduledGroup, now(limits));
    });
  }

  protected override firstRates(): number[] {
    return this.getLr();
  }

  protected override chainedFirstRates(): number[] {
    return this.getLr();
  }

  override loadStateDict(state: SchedulerState): void {
    super.loadStateDict(state);
    this.setMomenta();
  }
}

// Sets a group's momentum or, of Adam, the first of `betas`.
function setMomentum(group: ScheduledGroup, momentum: number): void {
  if (group.betas !== undefined) group.betas = [momentum, ...group.betas.slice(1)];
  else group.momentum = momentum;
}
