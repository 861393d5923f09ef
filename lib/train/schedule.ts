// The learning-rate schedule of `fit`: when it steps, and whether it lasts.
import { ArgumentError, checkChoice, checkText, describe, isPlain } from '../errors.js';
import { CyclicLR, LRScheduler, OneCycleLR, ReduceLROnPlateau } from '../optim/lr-scheduler.js';
import { checkOptions } from '../options.js';

/** A schedule, and when it steps. */
export interface ScheduleOptions {
  scheduler: LRScheduler | ReduceLROnPlateau;
  /** Whether it counts steps or epochs; default `step` for `OneCycleLR` and `CyclicLR`, `epoch` for the others. */
  every?: 'step' | 'epoch';
  /** For `ReduceLROnPlateau`: the value that it watches; default `validation.loss`, or `loss` without validation. */
  monitor?: string;
}

/** @internal */
export interface Schedule {
  scheduler: LRScheduler | ReduceLROnPlateau;
  every: 'step' | 'epoch';
  monitor: string | null;
}

/** @internal */
export function scheduleOf(operation: string, given: unknown, names: readonly string[]): Schedule | null {
  if (given === undefined) return null;
  const o = (isPlain(given) ? given : { scheduler: given }) as ScheduleOptions;
  checkOptions(operation, o, ['scheduler', 'every', 'monitor']);
  const { scheduler } = o;
  if (!(scheduler instanceof LRScheduler) && !(scheduler instanceof ReduceLROnPlateau)) {
    throw new ArgumentError(
      `${operation}: schedule must be a scheduler of optim.lrScheduler, got ${describe(scheduler)}`,
    );
  }
  const counts = scheduler instanceof OneCycleLR || scheduler instanceof CyclicLR ? 'step' : 'epoch';
  const every = checkChoice(operation, 'schedule.every', o.every, ['step', 'epoch'], counts);
  if (!(scheduler instanceof ReduceLROnPlateau)) {
    if (o.monitor === undefined) return { scheduler, every, monitor: null };
    throw new ArgumentError(
      `${operation}: schedule.monitor is for ReduceLROnPlateau, got ${describe(scheduler)}; leave it out`,
    );
  }
  if (every === 'step') {
    throw new ArgumentError(`${operation}: schedule.every must be epoch for ReduceLROnPlateau, got step`);
  }
  const monitor = o.monitor ?? (names.includes('validation.loss') ? 'validation.loss' : 'loss');
  checkMonitor(operation, 'schedule.monitor', monitor, names);
  return { scheduler, every, monitor };
}

/** @internal Throws when a schedule ends before the training. */
export function checkLength(
  operation: string,
  schedule: Schedule | null,
  epochs: number,
  steps: number | undefined,
): void {
  if (!(schedule?.scheduler instanceof OneCycleLR)) return;
  const { totalSteps, lastEpoch } = schedule.scheduler;
  const needed = schedule.every === 'epoch' ? epochs : steps;
  if (needed === undefined || lastEpoch + needed <= totalSteps) return;
  const done = lastEpoch === 0 ? '' : `, ${lastEpoch} of them made,`;
  throw new ArgumentError(
    `${operation}: schedule must last as long as the training, got OneCycleLR of ${totalSteps} steps${done} and ${needed} ${schedule.every}s to train; give it totalSteps: ${lastEpoch + needed}`,
  );
}

/** @internal Throws for the name of a value that there will not be. */
export function checkMonitor(operation: string, name: string, monitor: unknown, names: readonly string[]): void {
  const text = checkText(operation, name, monitor);
  if (names.includes(text)) return;
  const hint =
    text.startsWith('validation.') && !names.some((n) => n.startsWith('validation.')) ? '; give validate' : '';
  throw new ArgumentError(`${operation}: ${name} must be one of ${names.join(', ')}, got ${describe(monitor)}${hint}`);
}
