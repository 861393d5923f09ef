import { checkInteger, checkNumber, checkOptions } from '../errors.js';
import { type ScheduledOptimizer, Scheduler, type SchedulerState } from './scheduler.js';

/**
 * From the initial learning rate down to `etaMin` in `tMax` steps along half a cosine (Loshchilov and Hutter, "SGDR: stochastic
 * gradient descent with warm restarts", 2016, https://arxiv.org/abs/1608.03983), without restarts; up again beyond `tMax`:
 *
 *     lr = etaMin + (initial - etaMin) · (1 + cos(π · step / tMax)) / 2
 *
 * @example
 * const scheduler = new optim.CosineAnnealingLR(optimizer, { tMax: 1000 });
 */
export class CosineAnnealingLR extends Scheduler {
  readonly tMax: number;
  readonly etaMin: number;

  /** @param options tMax: steps; etaMin: default 0 */
  constructor(optimizer: ScheduledOptimizer, options: { tMax: number; etaMin?: number }) {
    super('CosineAnnealingLR', optimizer);
    checkOptions('CosineAnnealingLR', options, ['tMax', 'etaMin']);
    this.tMax = checkInteger('CosineAnnealingLR', 'tMax', options?.tMax, 1);
    this.etaMin = checkNumber('CosineAnnealingLR', 'etaMin', options.etaMin ?? 0, { min: 0 });
    this.begin();
  }

  // From the previous rates, as in PyTorch, so that it can be combined with other schedulers.
  protected rates(): number[] {
    const { tMax, etaMin, lastEpoch } = this;
    if ((lastEpoch - 1 - tMax) % (2 * tMax) === 0) {
      return this._groups.map(
        (group, i) => group.lr + (((this.baseRates[i] as number) - etaMin) * (1 - Math.cos(Math.PI / tMax))) / 2,
      );
    }
    const height = (step: number): number => 1 + Math.cos((Math.PI * step) / tMax);
    const share = height(lastEpoch) / height(lastEpoch - 1);
    return this._groups.map((group) => share * (group.lr - etaMin) + etaMin);
  }
}

/**
 * Half a cosine from the initial learning rate down to `etaMin`, again and again (Loshchilov and Hutter, 2016,
 * https://arxiv.org/abs/1608.03983): the first in `t0` steps, each further one `tMult` times as long.
 */
export class CosineAnnealingWarmRestarts extends Scheduler {
  readonly t0: number;
  readonly tMult: number;
  readonly etaMin: number;
  private position = 0;
  private length: number;

  /** @param options t0: steps; tMult: default 1; etaMin: default 0 */
  constructor(optimizer: ScheduledOptimizer, options: { t0: number; tMult?: number; etaMin?: number }) {
    const name = 'CosineAnnealingWarmRestarts';
    super(name, optimizer);
    checkOptions(name, options, ['t0', 'tMult', 'etaMin']);
    this.t0 = checkInteger(name, 't0', options?.t0, 1);
    this.tMult = checkInteger(name, 'tMult', options.tMult ?? 1, 1);
    this.etaMin = checkNumber(name, 'etaMin', options.etaMin ?? 0, { min: 0 });
    this.length = this.t0;
    this.begin();
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

  protected rates(): number[] {
    const height = (1 + Math.cos((Math.PI * this.position) / this.length)) / 2;
    return this.baseRates.map((rate) => this.etaMin + (rate - this.etaMin) * height);
  }

  protected override chainedFirstRates(): number[] {
    return this.rates();
  }

  override stateDict(): SchedulerState {
    return { ...super.stateDict(), T_cur: this.position, T_i: this.length };
  }

  override loadStateDict(state: SchedulerState): void {
    const position = checkInteger(this.name, 'T_cur', state?.T_cur);
    const length = checkInteger(this.name, 'T_i', state.T_i, 1);
    super.loadStateDict(state);
    this.position = position;
    this.length = length;
  }
}
