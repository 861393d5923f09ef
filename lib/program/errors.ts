// The errors of compiled steps: how one was refused, or ended, and which batch of a run that was.
import { AdjointError, AllocationError, reword, StateError } from '../errors.js';
import { native } from '../native.js';
import type { Program } from './program.js';

const noMemory = (): Error => new AllocationError('compile: out of memory for a step; free tensors first');

/** Why the native side refuses a step. */
export type Refusal =
  | 'busy'
  | 'argumentBusy'
  | 'argumentShared'
  | 'pending'
  | 'noMemory'
  | 'noThread'
  | 'gone'
  | 'disposed'
  | 'argumentDisposed';

/** @internal How such a refusal is worded; `index` is the place of an argument. */
export const refusals: Record<Refusal, (index: number) => Error> = {
  busy: () =>
    new StateError(
      'compile: another compiled step that is running or queued works with the same tensors; await it first',
    ),
  argumentBusy: (i) =>
    new StateError(`compile: tensor ${i} of the arguments is being written by a step; await it first`),
  argumentShared: (i) => sharedArgument(i),
  pending: () => new StateError('compile: step.sync cannot run while steps are queued; await them first'),
  noMemory,
  noThread: () => new StateError('compile: the system grants no thread for the step; use step.sync'),
  gone: () => disposedStep(),
  disposed: () =>
    new StateError('compile: a tensor that the step uses was disposed; compile the function again with a live one'),
  argumentDisposed: (i) => new StateError(`compile: tensor ${i} of the arguments was disposed while the step began`),
};

const refusalNames = Object.keys(native.codes.refusal);

/** The error of a step that the native side refused: `number` is the code, and 256 times the index. */
export function refusal(number: number): Error {
  return refusals[refusalNames[number % 256] as Refusal](Math.floor(number / 256));
}

export function disposedStep(): StateError {
  return new StateError('compile: the step was disposed; compile the function again');
}

/** An argument shares memory with what the step changes. */
export function sharedArgument(index: number): StateError {
  return new StateError(`compile: tensor ${index} of the arguments is one that the step changes; pass its clone()`);
}

/** How a step ended, and where. */
export type Ended = readonly [ending: number, operation: number, position: number, value: number];

/** @internal Codes of endings. */
export const endings = native.codes.ending;

/** How a step ended that did not go well, as the error that eager execution would have thrown. */
export function endingError(program: Program, [ending, operation, position, value]: Ended): Error {
  if (ending === endings.fault) return program.faultError(operation, { position, value });
  if (ending === endings.stopped) return new StateError('compile: the step was stopped');
  if (ending === endings.noMemory) return noMemory();
  return new Error(`internal: operation ${operation} does not fit its recording`);
}

/** The error of a step in a run: its text names the batches concerned, `batch` is the first. */
export function ofBatch(error: unknown, first: number, count = 1): unknown {
  if (!(error instanceof Error) || 'batch' in error || !Object.isExtensible(error)) return error;
  Object.assign(error, { batch: first });
  const which = count === 1 ? `batch ${first}` : `batches ${first} to ${first + count - 1}`;
  if (error instanceof AdjointError) reword(error, `step.run: ${which}: ${error.message}`);
  return error;
}
