// The options of trainings, and their checks.
import { ArgumentError, checkFlag, checkFunction, checkInteger, checkText, describe, isPlain } from '../errors.js';
import { type CheckpointState, isStateful, type Stateful } from '../io/checkpoint-state.js';
import { encode } from '../io/checkpoint-tree.js';
import type { DistributedDataParallelOptions } from '../nn/data-parallel.js';
import { Generator, manualSeed } from '../ops/generator.js';
import type { AveragedModel } from '../optim/averaged-model.js';
import type { LRScheduler } from '../optim/lr-scheduler.js';
import type { Optimizer } from '../optim/optimizer.js';
import type { ReduceLROnPlateau } from '../optim/plateau.js';
import type { BatchSource } from './batch.js';
import { Checkpoint } from './checkpoint.js';
import type { EngineOptions } from './engine.js';
import type { Callback } from './events.js';
import type { Loss, Losses } from './losses.js';
import type { Metric } from './metrics.js';
import type { ScheduleOptions } from './schedule.js';

/** Options of every training. */
export interface TrainOptions {
  /** Passes over the data; default 1. */
  epochs?: number;
  /** Steps after which training ends, whatever `epochs` is. */
  maxSteps?: number;
  /** Objects that listen, in this order; `Checkpoint` comes last in any case. */
  callbacks?: readonly Callback[];
  /** Finishes the step, tells the callbacks of the end, and returns what was reached. */
  signal?: AbortSignal;
  /** Whether Ctrl-C does the same, once; default false. */
  sigint?: boolean;
  /** Seeds the default generator before anything else; not when a checkpoint is resumed. */
  seed?: number;
  /**
   * A `step` event comes after each so many steps, and after the last one of an epoch; default 50. `fit` makes such events only
   * for callbacks that have `onStep`: each costs a pause between two steps.
   */
  logEvery?: number;
  /**
   * A checkpoint to go on from: a file, a folder, or `true` for that of the callback `Checkpoint`, which may be empty yet. The
   * options must be as they were.
   */
  resume?: string | true;
  /** What else is part of checkpoints, by name: generators, things with `stateDict`, values such as features. */
  state?: CheckpointState;
}

/** Options of {@link fit} and {@link run}. */
export interface FitOptions extends TrainOptions {
  /** A loader, or another iterable of batches: `[input, target]`, `[input, target, weights]` or an object of these. */
  data: BatchSource;
  /** A function of output and target, a loss module, or several by name. */
  loss: Loss | Losses;
  /** The weights of several losses, by name; default 1. */
  lossWeights?: Readonly<Record<string, number>>;
  // biome-ignore lint/suspicious/noExplicitAny: of any options and state
  optimizer: Optimizer<any, any>;
  /** A scheduler of `optim.lrScheduler`, or one with `every: 'step'` or `'epoch'`. */
  schedule?: LRScheduler | ReduceLROnPlateau | ScheduleOptions;
  /** Data on which the losses and `metrics` are computed after each epoch, or a function that gives values. */
  validate?: BatchSource | (() => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>);
  /** Metrics of the validation, by name. */
  metrics?: Readonly<Record<string, Metric>>;
  /** The largest norm of all gradients together. */
  clipGradNorm?: number;
  /** The batches of which the gradients are added up for one step; default 1. */
  accumulate?: number;
  /** An average of the weights, or its decay; it is what is validated. */
  ema?: AveragedModel | number;
  /** Whether steps are compiled. By default they are if the first three come out as eager ones do. */
  compile?: boolean;
  /**
   * Whether all processes of a run train together, as `adjoint run` starts them; default false. The run is entered and left, unless the
   * program has entered it; gradients are averaged as by a `nn.DistributedDataParallel` with these options; each process has its part of
   * a `data.DataLoader` that has no sampler of its own, in batches of the size given. All processes end with the same weights. One
   * process alone trains as without.
   */
  distributed?: boolean | DistributedDataParallelOptions;
}

/** Options of {@link run} for a step function. */
export interface RunOptions extends TrainOptions {
  /** A loader, or another iterable; without it, `maxSteps` steps are made. */
  data?: BatchSource;
  /** Gives values after each epoch. */
  validate?: () => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>;
}

/** @internal The names in checkpoints that are not for `state`: of all trainings, and of those of a model. */
export const reserved = ['data', 'generator', 'training', 'callbacks'];
/** @internal */
export const reservedByFit = [...reserved, 'model', 'optimizer', 'schedule', 'ema', 'errorFeedback'];

/** @internal What of `state` is restored, the data among it, and what is only saved. */
export function partsOfState(
  name: string,
  state: CheckpointState | undefined,
  data: unknown,
  taken: readonly string[],
): { things: Record<string, Stateful | Generator>; values: CheckpointState } {
  if (state !== undefined && !isPlain(state)) {
    throw new ArgumentError(`${name}: state must be an object of what is saved, by name, got ${describe(state)}`);
  }
  const things: Record<string, Stateful | Generator> = isStateful(data) ? { data } : {};
  const values: Record<string, CheckpointState[string]> = {};
  for (const [key, value] of Object.entries(state ?? {})) {
    if (taken.includes(key)) throw new ArgumentError(`${name}: state must not use the name ${key}; choose another`);
    if (value instanceof Generator || isStateful(value)) things[key] = value;
    else values[key] = value;
  }
  encode(name, values); // what cannot be saved is to be known now
  return { things, values };
}

/** @internal */
export function engineOptions(
  name: string,
  o: TrainOptions,
  data: BatchSource | null,
  accumulate: number,
  values: CheckpointState,
): EngineOptions {
  const { signal } = o;
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new ArgumentError(`${name}: signal must be an AbortSignal, got ${describe(signal)}`);
  }
  const callbacks = callbacksOf(name, o.callbacks);
  const epochs = checkInteger(name, 'epochs', o.epochs ?? 1, 1);
  const logEvery = checkInteger(name, 'logEvery', o.logEvery ?? 50, 1);
  const isHeard = name !== 'fit' || callbacks.some((callback) => callback.onStep !== undefined);
  return {
    data,
    accumulate,
    epochs: data === null ? 1 : epochs,
    maxSteps: o.maxSteps === undefined ? Number.POSITIVE_INFINITY : checkInteger(name, 'maxSteps', o.maxSteps, 1),
    logEvery: isHeard ? logEvery : Number.POSITIVE_INFINITY,
    callbacks,
    signal,
    sigint: checkFlag(name, 'sigint', o.sigint, false),
    resume: resumeOf(name, o.resume, callbacks),
    values,
  };
}

const methods = ['onStart', 'onStep', 'onValidate', 'onEpoch', 'onCheckpoint', 'onWarning', 'onEnd'] as const;

function checkCallback(name: string, callback: unknown): Callback {
  const given = Object(callback) as Record<string, unknown>;
  const isObject = given === callback && typeof callback === 'object';
  const own = isObject ? methods.filter((method) => given[method] !== undefined || method in given) : [];
  if (own.length === 0) {
    const rule = 'callbacks must be an array of objects with onStep, onEpoch, …';
    throw new ArgumentError(`${name}: ${rule}, got ${describe(callback)}`);
  }
  for (const method of own) checkFunction(name, `${method} of a callback`, given[method]);
  return callback as Callback;
}

function callbacksOf(name: string, given: unknown): Callback[] {
  if (given === undefined) return [];
  const list = Array.isArray(given) ? Array.from(given, (c) => checkCallback(name, c)) : [checkCallback(name, given)];
  const names = list.filter((c) => c.stateDict !== undefined).map((c) => c.name);
  const twice = names.find((n, i) => typeof n !== 'string' || names.indexOf(n) !== i);
  if (names.length > 0 && twice !== undefined) {
    const rule = 'callbacks with stateDict must have names of their own';
    throw new ArgumentError(`${name}: ${rule}, got ${describe(twice)}; their states are saved under these`);
  }
  // What the others note of an event is part of the checkpoint.
  return [...list.filter((c) => !(c instanceof Checkpoint)), ...list.filter((c) => c instanceof Checkpoint)];
}

function resumeOf(name: string, resume: unknown, callbacks: readonly Callback[]): EngineOptions['resume'] {
  if (resume === undefined) return null;
  if (resume !== true) return { path: checkText(name, 'resume', resume), must: true };
  const checkpoint = callbacks.find((c) => c instanceof Checkpoint);
  if (checkpoint !== undefined) return { path: checkpoint.folder, must: false };
  throw new ArgumentError(
    `${name}: resume: true needs the callback Checkpoint, whose folder it is, got none; give a path`,
  );
}

/** @internal Seeds the default generator, if that is asked for. */
export function seed(name: string, o: TrainOptions): void {
  if (o.seed !== undefined) manualSeed(checkInteger(name, 'seed', o.seed));
}
