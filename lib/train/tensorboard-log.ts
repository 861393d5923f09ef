// A training in TensorBoard.
import { ArgumentError, checkChoice, checkFlag } from '../errors.js';
import { checkPath } from '../io/files.js';
import { checkOptions } from '../options.js';
import type { Callback, EpochEvent, StartEvent, StepEvent, Training, ValidateEvent, Values } from './events.js';
import { TensorBoard } from './tensorboard.js';

/** Options of {@link TensorBoardLog}. */
export interface TensorBoardLogOptions {
  /** Whether the values of training are written for each `step` event, the default, or for each epoch. */
  every?: 'step' | 'epoch';
  /** Whether histograms of the parameters are written after each epoch; default false. */
  histograms?: boolean;
}

const validation = 'validation.';

/**
 * A callback that writes the values of a training for TensorBoard: `loss` as `train/loss`, `validation.loss` as `validation/loss`, at
 * their steps. What an earlier training has left in the folder for later steps is no longer shown, so that a resumed training goes
 * on where its checkpoint was. While it trains, `board` is there for entries of your own.
 *
 * @throws FileError when the files cannot be written
 * @example
 * const log = new train.TensorBoardLog('runs/first', { histograms: true });
 */
export class TensorBoardLog implements Callback {
  readonly rankZeroOnly = true;
  readonly dir: string;
  readonly #every: 'step' | 'epoch';
  readonly #histograms: boolean;
  #board: TensorBoard | null = null;

  /** @param dir the folder of the run, which is made if there is none */
  constructor(dir: string, options?: TensorBoardLogOptions) {
    this.dir = checkPath('TensorBoardLog', dir, 'dir');
    checkOptions('TensorBoardLog', options, ['every', 'histograms']);
    this.#every = checkChoice('TensorBoardLog', 'every', options?.every, ['step', 'epoch'], 'step');
    this.#histograms = checkFlag('TensorBoardLog', 'histograms', options?.histograms, false);
  }

  /** The writer; null before a training starts and after it has ended. */
  get board(): TensorBoard | null {
    return this.#board;
  }

  onStart({ step }: StartEvent): void {
    this.#board?.close(); // of a training that failed
    this.#board = new TensorBoard(this.dir, { purgeStep: step + 1 });
  }

  onStep({ step, values }: StepEvent): void {
    if (this.#every === 'step') this.#add(step, values);
  }

  onValidate({ step, values }: ValidateEvent): void {
    this.#add(step, values);
  }

  onEpoch({ step, values }: EpochEvent, training: Training): void {
    const own = Object.entries(values).filter(([name]) => !name.startsWith(validation)); // the others are there
    if (this.#every === 'epoch') this.#add(step, Object.fromEntries(own));
    if (!this.#histograms) return;
    for (const [name, parameter] of training.model?.namedParameters() ?? []) {
      try {
        this.#board?.addHistogram(name.replaceAll('.', '/'), parameter, step);
      } catch (error) {
        if (!(error instanceof ArgumentError)) throw error; // NaN has no bin
        training.warn('nan', `TensorBoardLog: no histogram of ${name} (${error.message})`, error);
      }
    }
  }

  onEnd(): void {
    this.#board?.close();
    this.#board = null;
  }

  #add(step: number, values: Values): void {
    for (const [name, value] of Object.entries(values)) {
      const isOfValidation = name.startsWith(validation);
      const tag = isOfValidation ? `validation/${name.slice(validation.length)}` : `train/${name}`;
      this.#board?.addScalar(tag, value, step);
    }
  }
}
