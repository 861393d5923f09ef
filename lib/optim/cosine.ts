import { optionsOf, type Positional } from '../arguments.js';
import { currentRecording } from '../context.js';
import { checkInteger, checkNumber, StateError } from '../errors.js';
import { LRScheduler, type ScheduledOptimizer, type SchedulerState } from './lr-scheduler-base.js';

/**
 * From the initial learning rate down to `etaMin` in `tMax` steps along half a cosine (Loshchilov and Hutter, "SGDR: stochastic
 * gradient descent with warm restarts", 2016, https://arxiv.org/abs/1608.03983), without restarts; up again beyond `tMax`:
 *
 *     lr = etaMin + (initial - etaMin) · (1 + cos(π · step / tMax)) / 2
 *
 * @example
 * const scheduler = new optim.lrScheduler.CosineAnnealingLR(optimizer, 1000);
 */
export class CosineAnnealingLR extends LRScheduler {
  readonly tMax: number;
  readonly etaMin: number;

  /** @param args tMax: steps; etaMin: default 0 */
  constructor(
    optimizer: ScheduledOptimizer,
    ...args: Positional<{ tMax: number; etaMin?: number }, [tMax: 'tMax', etaMin: 'etaMin']>
  ) {
    super('CosineAnnealingLR', optimizer);
    const o = optionsOf<{ tMax: number; etaMin: number }>('CosineAnnealingLR', args, ['tMax', 'etaMin']);
    this.tMax = checkInteger('CosineAnnealingLR', 'tMax', o.tMax, 1);
    this.etaMin = checkNumber('CosineAnnealingLR', 'etaMin', o.etaMin ?? 0, { min: 0 });
    this.begin();
  }

  // From the previous rates, as in PyTorch, so that it can be combined with other schedulers.
  getLr(): number[] {
    const { tMax, etaMin, lastEpoch } = this;
    if ((lastEpoch - 1 - tMax) % (2 * tMax) === 0) {
      return this._groups.map(
        (group, i) => group.lr + (((this.baseLrs[i] as number) - etaMin) * (1 - Math.cos(Math.PI / tMax))) / 2,
      );
    }
    const height = (step: number): number => 1 + Math.cos((Math.PI * step) / tMax);
    const share = height(lastEpoch) / height(lastEpoch - 1);
    return this._groups.map((group) => share * (group.lr - etaMin) + etaMin);
  }
}

/** Options of `CosineAnnealingWarmRestarts`. */
export interface WarmRestartsOptions {
  /** The number of steps of the first cosine. */
  t0: number;
  /** The factor of the length from each cosine to the next; default 1. */
  tMult?: number;
  /** The lowest learning rate; default 0. */
  etaMin?: number;
}

/**
 * Half a cosine from the initial learning rate down to `etaMin`, again and again (Loshchilov and Hutter, 2016,
 * https://arxiv.org/abs/1608.03983): the first in `t0` steps, each further one `tMult` times as long.
 *
 * @example
 * const scheduler = new optim.lrScheduler.CosineAnnealingWarmRestarts(optimizer, 10, 2);
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  readonly t0: number;
  readonly tMult: number;
  readonly etaMin: number;
  private position = 0;
  private length: number;

  /** @param args t0: steps; tMult: default 1; etaMin: default 0 */
  constructor(
    optimizer: ScheduledOptimizer,
    ...args: Positional<WarmRestartsOptions, [t0: 't0', tMult: 'tMult', etaMin: 'etaMin']>
  ) {
    const name = 'CosineAnnealingWarmRestarts';
    super(name, optimizer);
    const o = optionsOf<WarmRestartsOptions>(name, args, ['t0', 'tMult', 'etaMin']);
    this.t0 = checkInteger(name, 't0', o.t0, 1);
    this.tMult = checkInteger(name, 'tMult', o.tMult ?? 1, 1);
    this.etaMin = checkNumber(name, 'etaMin', o.etaMin ?? 0, { min: 0 });
    this.length = this.t0;
    this.begin();
  }

  /**
   * Advances the schedule by one step or, with `epoch`, moves it to that step, which need not be a whole number:
   * `scheduler.step(epoch + i / batches)` after batch i.
   *
   * @throws StateError for `epoch` inside a compiled function, which would keep it
   */
  override step(epoch?: number): void {
    if (epoch === undefined) {
      super.step();
      return;
    }
    checkNumber(this.name, 'epoch', epoch, { min: 0 });
    if (currentRecording() !== null) {
      throw new StateError(
        `${this.name}: step(epoch) cannot be compiled, as the replayed steps would keep the epoch; call step()`,
      );
    }
    let start = this.tMult === 1 ? Math.floor(epoch / this.t0) * this.t0 : 0;
    let length = this.t0;
    while (epoch >= start + length) {
      start += length;
      length *= this.tMult;
    }
    this.position = epoch - start;
    this.length = length;
    this.lastEpoch = Math.floor(epoch);
    this.apply(this.getLr());
  }

  override _advance(): void {
    if (++this.position >= this.length) {
      this.position -= this.length;
      this.length *= this.tMult;
    }
    super._advance();
  }

  override _restart(): void {
    this.position = 0;
    this.length = this.t0;
    super._restart();
  }

  override _begin(): void {
    this.position = 0;
    this.length = this.t0;
    super._begin();
  }

  getLr(): number[] {
    const height = (1 + Math.cos((Math.PI * this.position) / this.length)) / 2;
    return this.baseLrs.map((rate) => this.etaMin + (rate - this.etaMin) * height);
  }

  protected override chainedFirstRates(): number[] {
    return this.getLr();
  }

  override stateDict(): SchedulerState {
    return { ...super.stateDict(), T_cur: this.position, T_i: this.length };
  }

  override loadStateDict(state: SchedulerState): void {
    const position = checkNumber(this.name, 'T_cur', state?.T_cur, { min: 0 });
    const length = checkInteger(this.name, 'T_i', state.T_i, 1);
    super.loadStateDict(state);
    this.position = position;
    this.length = length;
  }
}
