// Stopping when a value has not improved for some epochs.
import { checkFlag, checkInteger } from '../errors.js';
import { checkOptions } from '../options.js';
import type { Callback, EpochEvent, StartEvent, Training } from './events.js';
import { Best, type MonitorOptions } from './monitor.js';
import { copyOf } from './snapshot.js';

/** Options of {@link EarlyStopping}. */
export interface EarlyStoppingOptions extends MonitorOptions {
  /** How many epochs in a row may be no better than the best; default 5. */
  patience?: number;
  /** Whether the model (and its average) gets the weights of the best epoch when training ends; default true. */
  restoreBestWeights?: boolean;
}

/**
 * A callback that stops the training when a value has not been better than its best for more than `patience` epochs. When the
 * training ends, for whatever reason, the model has the weights of the best epoch.
 *
 * @throws ArgumentError, when training starts, for a value that there will not be
 * @example
 * const stopping = new train.EarlyStopping({ monitor: 'validation.accuracy', mode: 'max', patience: 3 });
 */
export class EarlyStopping implements Callback {
  readonly name = 'EarlyStopping';
  readonly #best: Best;
  readonly #patience: number;
  readonly #restores: boolean;
  #bad = 0;
  #bestEpoch: number | null = null;
  #weights: { model: unknown; ema: unknown } | null = null;

  constructor(options?: EarlyStoppingOptions) {
    const name = 'EarlyStopping';
    checkOptions(name, options, ['monitor', 'mode', 'minDelta', 'patience', 'restoreBestWeights']);
    this.#best = new Best(name, options ?? {});
    this.#patience = checkInteger(name, 'patience', options?.patience ?? 5);
    this.#restores = checkFlag(name, 'restoreBestWeights', options?.restoreBestWeights, true);
  }

  /** The best epoch, from 1, and its value; null before there is one. */
  get best(): { epoch: number; value: number } | null {
    return this.#bestEpoch === null ? null : { epoch: this.#bestEpoch, value: this.#best.value as number };
  }

  onStart(event: StartEvent, training: Training): void {
    this.#best.check(training);
    if (event.resumed === null) {
      this.#bad = 0;
      this.#best.value = null;
      this.#bestEpoch = null;
      this.#weights = null;
    }
    this.#stopIfDue(training);
  }

  onEpoch({ epoch, values }: EpochEvent, training: Training): void {
    if (this.#best.isBetter(values)) {
      this.#bad = 0;
      this.#bestEpoch = epoch;
      if (this.#restores) this.#weights = { model: stateOf(training, 'model'), ema: stateOf(training, 'ema') };
      return;
    }
    this.#bad++;
    this.#stopIfDue(training);
  }

  #stopIfDue(training: Training): void {
    if (this.#bad <= this.#patience) return;
    const { monitor, value } = this.#best;
    const best = this.#bestEpoch === null ? '' : `, best ${value} in epoch ${this.#bestEpoch}`;
    training.stop(`EarlyStopping: ${monitor} has not been better for ${this.#bad} epochs${best}`);
  }

  onEnd(_: unknown, training: Training): void {
    if (this.#weights === null) return;
    for (const key of ['model', 'ema'] as const) {
      const state = this.#weights[key];
      if (state !== undefined) targetOf(training, key)?.loadStateDict(state as never);
    }
  }

  stateDict(): unknown {
    return { bad: this.#bad, value: this.#best.value, epoch: this.#bestEpoch, weights: this.#weights };
  }

  loadStateDict(state: { bad: number; value: number | null; epoch: number | null; weights: never }): void {
    this.#bad = checkInteger('EarlyStopping', 'bad', state.bad);
    this.#best.value = state.value;
    this.#bestEpoch = state.epoch;
    this.#weights = state.weights;
  }
}

type Target = { stateDict(): unknown; loadStateDict(state: never): unknown };

const targetOf = (training: Training, key: string): Target | undefined => training.state()[key] as Target | undefined;

const stateOf = (training: Training, key: string): unknown => copyOf(targetOf(training, key)?.stateDict());
