// What a training tells while it goes on, and what listens to it.
import type { CheckpointState } from '../io/checkpoint-state.js';
import type { Module } from '../nn/module.js';

/** Numbers by name, such as `loss`, `lr` and `validation.accuracy`. */
export type Values = Readonly<Record<string, number>>;

/** The first event. */
export interface StartEvent {
  type: 'start';
  /** The epochs and steps that were made before, when the training was resumed. */
  epoch: number;
  step: number;
  epochs: number;
  /** Steps in an epoch; undefined for data without a length. */
  stepsPerEpoch: number | undefined;
  /** The checkpoint that it goes on from. */
  resumed: string | null;
}

/** After every `logEvery` steps, and after the last one of an epoch. */
export interface StepEvent {
  type: 'step';
  /** The number of the epoch, from 1. */
  epoch: number;
  /** Steps so far. */
  step: number;
  /** Means over the steps since the last event, and the learning rate. */
  values: Values;
  /** Samples since the last event. */
  samples: number;
  /** The time since the last event. */
  seconds: number;
  /** The part of that time in which batches were made; a compiled step goes on meanwhile. */
  dataSeconds: number;
}

/** After validation. */
export interface ValidateEvent {
  type: 'validate';
  epoch: number;
  step: number;
  /** `validation.loss`, and the metrics under their names. */
  values: Values;
  seconds: number;
}

/** After each epoch and its validation. */
export interface EpochEvent {
  type: 'epoch';
  epoch: number;
  step: number;
  /** Means over the epoch, the learning rate, and what validation gave. */
  values: Values;
  samples: number;
  seconds: number;
  dataSeconds: number;
}

/** A checkpoint was written. */
export interface CheckpointEvent {
  type: 'checkpoint';
  path: string;
  epoch: number;
  step: number;
}

/** Something to know of; training goes on. */
export interface WarningEvent {
  type: 'warning';
  code: 'eager' | 'nan' | 'checkpoint' | 'damaged';
  message: string;
  error?: Error;
}

/** The last event. */
export interface EndEvent {
  type: 'end';
  result: TrainResult;
}

/** What `train.run` gives, one after the other. */
export type TrainEvent =
  | StartEvent
  | StepEvent
  | ValidateEvent
  | EpochEvent
  | CheckpointEvent
  | WarningEvent
  | EndEvent;

/** One epoch of the history. */
export interface EpochRecord {
  epoch: number;
  step: number;
  seconds: number;
  values: Values;
}

/** What a training reached. */
export interface TrainResult {
  history: EpochRecord[];
  /** Whole epochs, and steps. */
  epochs: number;
  steps: number;
  /** Why it ended: all epochs were made, a callback stopped it, or the signal did. */
  stopped: 'completed' | 'callback' | 'signal';
  /** In words, for the last two. */
  reason: string;
  /** The newest checkpoint. */
  checkpoint: string | null;
}

/** What callbacks are given of the training. */
export interface Training {
  /** The model; null for a step function of yours. */
  readonly model: Module | null;
  /** Whole epochs, and steps. */
  readonly epoch: number;
  readonly step: number;
  readonly history: readonly EpochRecord[];
  /** The names that values will have, where they are known: null for a step function of yours. */
  readonly names: readonly string[] | null;
  /** What the training would go on from if it were saved now: by name, for `io.saveCheckpoint`. */
  state(): CheckpointState;
  /** Ends the training after this event. */
  stop(reason: string): void;
  /** Saves a checkpoint, a file or, with `keep`, into a folder; undefined, with a warning, when it cannot be written. */
  save(path: string, options?: { keep?: number }): string | undefined;
  /** Tells of something; training goes on. */
  warn(code: WarningEvent['code'], message: string, error?: Error): void;
  /**
   * Makes the steps since the last event again, from the state before them, without compilation and under `detectAnomaly`, up to
   * the first NaN: its step, and its error, which names operation and layer. The state is then that before this step. Null when
   * there is none.
   */
  findNaN(): { step: number; error: Error } | null;
}

/**
 * What listens to a training: an object with some of these methods, which may be asynchronous. With `stateDict` and
 * `loadStateDict` its state is part of checkpoints, under its `name`.
 */
export interface Callback {
  /** The name of its state in checkpoints; needed with `stateDict`. */
  readonly name?: string;
  /** It has to be called after each so many steps, whatever `logEvery` is. */
  readonly everySteps?: number;
  /**
   * Where several processes train one model, it is called in rank 0 alone: it prints, say, or writes files. Other callbacks are
   * called in all, with the same values.
   */
  readonly rankZeroOnly?: boolean;
  /** It calls `findNaN`, for which a copy of the state is kept at each event. */
  readonly findsNaN?: boolean;
  onStart?(event: StartEvent, training: Training): unknown;
  onStep?(event: StepEvent, training: Training): unknown;
  onValidate?(event: ValidateEvent, training: Training): unknown;
  onEpoch?(event: EpochEvent, training: Training): unknown;
  onCheckpoint?(event: CheckpointEvent, training: Training): unknown;
  onWarning?(event: WarningEvent, training: Training): unknown;
  onEnd?(event: EndEvent, training: Training): unknown;
  stateDict?(): unknown;
  loadStateDict?(state: never): unknown;
}
