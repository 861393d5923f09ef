// Pruning a little more from time to time.
import { ArgumentError, checkInteger } from '../errors.js';
import type { Module } from '../nn/module.js';
import { checkOptions } from '../options.js';
import type { Callback } from '../train/events.js';
import { checkAmount, type PruneOptions, prune } from './prune.js';

/** Options of {@link PruningSchedule}: those of {@link prune}, whose `amount` is reached at the end, and when. */
export interface PruningScheduleOptions extends PruneOptions {
  /** The last epoch (or call of `step`) after which nothing is pruned; default 0: the first one prunes. */
  from?: number;
  /** The epoch (or call of `step`) after which `amount` is reached. */
  to: number;
}

/**
 * A callback that prunes a model gradually while it is trained, so that the other weights can take over: after epoch t the share
 * of zeros is amount · (1 − (1 − (t − from) / (to − from))³), most of it early. Without `train.fit` call `step()` yourself, once
 * an epoch or every hundred steps. It prepares the model at once: make it before the optimizer.
 *
 * Zhu and Gupta, "To prune, or not to prune", 2017, https://arxiv.org/abs/1710.01878
 *
 * @throws ArgumentError for the options of {@link prune}, and for `to` not after `from`
 * @example
 * const model = nn.sequential(new nn.Linear(8, 16), new nn.ReLU(), new nn.Linear(16, 2));
 * const schedule = new compress.PruningSchedule(model, { amount: 0.5, to: 4 });
 * schedule.step(); // after epoch 1: 0.5 · (1 − 0.75³)
 * compress.sparsity(model).zeros; // 46
 */
export class PruningSchedule implements Callback {
  readonly name = 'PruningSchedule';
  readonly #model: Module;
  readonly #from: number;
  readonly #to: number;
  readonly #options: PruneOptions;
  #steps = 0;

  constructor(model: Module, options: PruningScheduleOptions) {
    const operation = 'PruningSchedule';
    checkOptions(operation, options, ['amount', 'method', 'scope', 'dim', 'names', 'from', 'to']);
    const { from = 0, to, ...pruning } = options ?? {};
    this.#from = checkInteger(operation, 'from', from);
    this.#to = checkInteger(operation, 'to', to, 1);
    if (this.#to <= this.#from) {
      throw new ArgumentError(`${operation}: to must be after from ${this.#from}, got ${this.#to}`);
    }
    checkAmount(operation, pruning.amount);
    this.#model = prune(model, { ...pruning, amount: 0 });
    this.#options = pruning;
  }

  /** The share of weights that is to be zero now. */
  get amount(): number {
    const progress = Math.min(1, Math.max(0, (this.#steps - this.#from) / (this.#to - this.#from)));
    return this.#options.amount * (1 - (1 - progress) ** 3);
  }

  /** Prunes what is due. */
  step(): void {
    this.#steps++;
    if (this.#steps > this.#from && this.#steps <= this.#to)
      prune(this.#model, { ...this.#options, amount: this.amount });
  }

  onEpoch(): void {
    this.step();
  }

  stateDict(): { steps: number } {
    return { steps: this.#steps };
  }

  loadStateDict(state: { steps: number }): void {
    this.#steps = checkInteger('PruningSchedule', 'steps', state?.steps);
  }
}
