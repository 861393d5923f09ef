import { optionsOf, type Positional } from '../arguments.js';
import { checkChoice, checkInteger, checkNumber } from '../errors.js';
import { LRScheduler, perGroup, type ScheduledOptimizer } from './lr-scheduler-base.js';

/** Options of `SWALR`. */
export interface SWALROptions {
  /** The learning rate at the end; one for each group, or one for all. */
  swaLr: number | readonly number[];
  /** The number of steps until then; default 10. */
  annealEpochs?: number;
  /** Along half a cosine or a line; default cos. */
  annealStrategy?: 'cos' | 'linear';
}

/**
 * From the present learning rate to `swaLr` in `annealEpochs` steps, where it stays while weights are averaged (Izmailov et
 * al., 2018, https://arxiv.org/abs/1803.05407).
 *
 * @example
 * const scheduler = new optim.swaUtils.SWALR(optimizer, 0.05, { annealEpochs: 5 });
 */
export class SWALR extends LRScheduler {
  private readonly swaLrs: readonly number[];
  private readonly annealEpochs: number;
  private readonly anneal: (part: number) => number;

  /** @param args swaLr, annealEpochs, annealStrategy */
  constructor(
    optimizer: ScheduledOptimizer,
    ...args: Positional<SWALROptions, [swaLr: 'swaLr', annealEpochs: 'annealEpochs', annealStrategy: 'annealStrategy']>
  ) {
    const name = 'SWALR';
    super(name, optimizer);
    const o = optionsOf<SWALROptions>(name, args, ['swaLr', 'annealEpochs', 'annealStrategy']);
    this.swaLrs = perGroup<unknown>(name, 'swaLr', o.swaLr, this._groups).map((rate) =>
      checkNumber(name, 'swaLr', rate, { min: 0 }),
    );
    this.annealEpochs = checkInteger(name, 'annealEpochs', o.annealEpochs ?? 10);
    const strategy = checkChoice(name, 'annealStrategy', o.annealStrategy, ['cos', 'linear'], 'cos');
    this.anneal = strategy === 'linear' ? (t) => t : (t) => (1 - Math.cos(Math.PI * t)) / 2;
    this.begin();
  }

  // The part of the way that is over at a step.
  private share(step: number): number {
    return this.anneal(Math.max(0, Math.min(1, step / Math.max(1, this.annealEpochs))));
  }

  // From the previous rates, so that it can follow another scheduler.
  getLr(): number[] {
    const step = this.annealEpochs === 0 ? Math.max(1, this.lastEpoch) : this.lastEpoch;
    const [before, now] = [this.share(step - 1), this.share(step)];
    return this._groups.map((group, i) => {
      const end = this.swaLrs[i] as number;
      const first = before === 1 ? end : (group.lr - before * end) / (1 - before);
      return end * now + first * (1 - now);
    });
  }

  protected override firstRates(): number[] {
    return this.getLr();
  }

  protected override chainedFirstRates(): number[] {
    return this.getLr();
  }
}
