// A progress display that follows a training.
import { checkOptions } from '../options.js';
import type { Callback, EpochEvent, StartEvent, StepEvent, WarningEvent } from './events.js';
import { Progress, type ProgressStream } from './progress.js';

/** Options of {@link ShowProgress}. */
export interface ShowProgressOptions {
  /** Default `process.stdout`. */
  stream?: ProgressStream;
  /** A clock in milliseconds, default `performance.now`. */
  now?: () => number;
}

/**
 * A callback that shows a {@link Progress}: a bar on a terminal, plain lines elsewhere, and a line for each epoch with its values.
 *
 * @example
 * const progress = new train.ShowProgress();
 */
export class ShowProgress implements Callback {
  readonly rankZeroOnly = true;
  readonly #options: ShowProgressOptions;
  #progress: Progress | null = null;
  #step = 0;

  constructor(options?: ShowProgressOptions) {
    checkOptions('ShowProgress', options, ['stream', 'now']);
    new Progress({ steps: 1, ...options }); // checks the options
    this.#options = { ...options };
  }

  onStart({ step, epochs, stepsPerEpoch }: StartEvent): void {
    this.#step = step;
    const isCounted = stepsPerEpoch !== undefined && Number.isFinite(stepsPerEpoch);
    this.#progress = new Progress({ steps: isCounted ? stepsPerEpoch : 1, epochs, ...this.#options });
  }

  onStep({ step, samples, values }: StepEvent): void {
    const steps = step - this.#step;
    this.#step = step;
    for (let i = 0; i < steps; i++) this.#progress?.step(samples / steps, values.loss);
  }

  onWarning({ message }: WarningEvent): void {
    this.#progress?.log(`warning: ${message}`);
  }

  onEpoch({ values }: EpochEvent): void {
    const rest = Object.entries(values).filter(([key]) => key !== 'loss');
    this.#progress?.endEpoch(rest.map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`).join('  '));
  }
}
