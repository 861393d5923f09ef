// Checkpoints while training goes on.
import { join } from 'node:path';
import { ArgumentError, checkInteger, describe } from '../errors.js';
import { checkPath } from '../io/files.js';
import { makeFolder } from '../io/make-folder.js';
import { checkOptions } from '../options.js';
import type { Callback, EndEvent, EpochEvent, StartEvent, StepEvent, Training } from './events.js';
import { Best } from './monitor.js';

/** Options of {@link Checkpoint}. */
export interface CheckpointOptions {
  /** `epoch`, or a number of steps; default epoch. */
  every?: 'epoch' | number;
  /** How many files are kept; default 3. */
  keep?: number;
  /** The value by which the best epoch is kept too, in `best.safetensors`; default none. */
  monitor?: string;
  /** Whether it is to fall or to rise; default min for losses; otherwise it must be given. */
  mode?: 'min' | 'max';
}

/**
 * A callback that saves checkpoints in a folder: after each epoch or each so many steps, the newest few of which are kept,
 * and at the end; with `monitor` also the best epoch, as `best.safetensors`. One that cannot be written, because the disk is
 * full, is a warning.
 *
 * @throws ArgumentError, when training starts, for a value that there will not be
 * @example
 * const checkpoint = new train.Checkpoint('runs/digits', { every: 200, keep: 2 });
 */
export class Checkpoint implements Callback {
  readonly name = 'Checkpoint';
  readonly rankZeroOnly = true;
  readonly folder: string;
  readonly everySteps?: number;
  readonly #keep: number;
  readonly #best: Best | null;
  #saved = -1; // the step of the newest

  constructor(folder: string, options?: CheckpointOptions) {
    const name = 'Checkpoint';
    this.folder = checkPath(name, folder, 'folder');
    checkOptions(name, options, ['every', 'keep', 'monitor', 'mode']);
    const { every = 'epoch', keep = 3, monitor, mode } = options ?? {};
    if (every !== 'epoch') {
      if (typeof every !== 'number')
        throw new ArgumentError(`${name}: every must be epoch or a number of steps, got ${describe(every)}`);
      this.everySteps = checkInteger(name, 'every', every, 1);
    }
    this.#keep = checkInteger(name, 'keep', keep, 1);
    if (monitor === undefined && mode !== undefined) {
      throw new ArgumentError(`${name}: mode is that of monitor, got no monitor; leave it out`);
    }
    this.#best = monitor === undefined ? null : new Best(name, { monitor, ...(mode !== undefined && { mode }) });
  }

  /** The best epoch's file; there is one after the first epoch, with `monitor`. */
  get bestPath(): string {
    return join(this.folder, 'best.safetensors');
  }

  onStart(event: StartEvent, training: Training): void {
    this.#best?.check(training);
    this.#saved = event.resumed === null ? -1 : event.step;
  }

  onStep({ step }: StepEvent, training: Training): void {
    if (this.everySteps !== undefined && step % this.everySteps === 0) this.#save(training);
  }

  onEpoch({ values }: EpochEvent, training: Training): void {
    if (this.#best?.isBetter(values)) {
      this.#makeFolder(training);
      training.save(this.bestPath);
    }
    if (this.everySteps === undefined) this.#save(training);
  }

  onEnd(_: EndEvent, training: Training): void {
    if (this.#saved !== training.step) this.#save(training);
  }

  #makeFolder(training: Training): void {
    try {
      makeFolder(this.folder);
    } catch (error) {
      training.warn('checkpoint', `there is no folder for the best epoch: ${(error as Error).message}`, error as Error);
    }
  }

  #save(training: Training): void {
    if (training.save(this.folder, { keep: this.#keep }) !== undefined) this.#saved = training.step;
  }

  stateDict(): unknown {
    return { best: this.#best?.value ?? null };
  }

  loadStateDict(state: { best: number | null }): void {
    if (this.#best !== null) this.#best.value = state.best;
  }
}
