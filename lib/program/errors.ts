// The errors of compiled steps: how one was refused, or ended, and which batch of a run that was.
import { AdjointError, AllocationError, reword, StateError } from '../errors.js';
import type { Program } from './program.js';

const noMemory = (): Error => new AllocationError('compile: out of memory for a step; free tensors first');

/** The codes of native/program/runner.h and native/binding/steps.cc. */
export const kPending = 4;
export const kNoMemory = 5;

const refusals: Record<number, (index: number) => Error> = {
  1: () =>
    new StateError(
      'compile: another compiled step that is running or queued works with the same tensors; await it first',
    ),
  2: (i) => new StateError(`compile: tensor ${i} of the arguments is being written by a step; await it first`),
  3: (i) => sharedArgument(i),
  [kPending]: () => new StateError('compile: step.sync cannot run while steps are queued; await them first'),
  [kNoMemory]: noMemory,
  6: () => new StateError('compile: the system grants no thread for the step; use step.sync'),
  7: () => disposedStep(),
  100: () =>
    new StateError('compile: a tensor that the step uses was disposed; compile the function again with a live one'),
  101: (i) => new StateError(`compile: tensor ${i} of the arguments was disposed while the step began`),
};

/** Why the native side refused a step: its code, and 256 times what that tells. */
export function refusal(code: number): Error {
  return (refusals[code % 256] as (index: number) => Error)(Math.floor(code / 256));
}

export function disposedStep(): StateError {
  return new StateError('compile: the step was disposed; compile the function again');
}

/** An argument lies in memory that the step changes. */
export function sharedArgument(index: number): StateError {
  return new StateError(`compile: tensor ${index} of the arguments is one that the step changes; pass its clone()`);
}

/** How a step ended, Ending::Code of native/program/program.h, and where. */
export type Ended = readonly [ending: number, operation: number, position: number, value: number];

export const kStopped = 1;
const kFault = 2;
const kOutOfMemory = 4;

/** How a step ended that did not go well, as the error that eager execution would have thrown. */
export function endingError(program: Program, [ending, operation, position, value]: Ended): Error {
  if (ending === kFault) return program.faultError(operation, { position, value });
  if (ending === kStopped) return new StateError('compile: the step was stopped');
  if (ending === kOutOfMemory) return noMemory();
  return new Error(`internal: operation ${operation} does not fit its recording`);
}

/** The error of a step of a run: it says which batches it concerns, and has the number of the first. */
export function ofBatch(error: unknown, first: number, count = 1): unknown {
  if (!(error instanceof Error) || 'batch' in error || !Object.isExtensible(error)) return error;
  Object.assign(error, { batch: first });
  const which = count === 1 ? `batch ${first}` : `batches ${first} to ${first + count - 1}`;
  if (error instanceof AdjointError) reword(error, `step.run: ${which}: ${error.message}`);
  return error;
}
