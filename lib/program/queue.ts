import { AllocationError, StateError } from '../errors.js';
import { native, type Runner } from '../native.js';
import type { Tensor } from '../tensor.js';
import type { Program } from './program.js';

/** Steps that were submitted together. */
export interface Lot {
  program: Program;
  count: number;
  /** Results of each step that wants them, by its number in the lot. */
  outputs: (readonly Tensor[] | null)[];
  undo: (() => void) | null;
  done: (lot: Lot) => void;
  failed: (error: unknown) => void;
}

const kStopped = 1;
const kFault = 2;
const kNoMemory = 4;

/** How a step ended that did not go well, as the error that eager execution would have thrown. */
export function endingError(
  program: Program,
  ending: number,
  operation: number,
  position: number,
  value: number,
): Error {
  if (ending === kFault) return program.wordFault(operation, { position, value });
  if (ending === kStopped) return new StateError('compile: the step was stopped');
  if (ending === kNoMemory) return new AllocationError('compile: out of memory for a step; free tensors first');
  return new Error(`internal: operation ${operation} does not fit its recording`);
}

/**
 * The steps that one compiled function has submitted and not yet seen finished. The native side calls back into it alone,
 * so that the compiled function itself can be collected.
 */
export class Queue {
  private lots: Lot[] = [];
  private head = 0;
  private completed = 0;
  private finished = 0; // steps of lots that are done
  private runner: Runner | null = null; // held while something is queued
  /** Why the steps were aborted. */
  reason: unknown;
  private waiting: (() => void)[] = [];

  readonly callback = (completed: number, ending: number, operation: number, position: number, value: number): void => {
    this.completed = completed;
    while (this.head < this.lots.length) {
      const lot = this.lots[this.head] as Lot;
      if (this.finished + lot.count > completed) break;
      this.finished += lot.count;
      this.shift();
      lot.done(lot);
    }
    if (ending !== 0 && this.head < this.lots.length) this.fail(ending, operation, position, value);
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  };

  get isEmpty(): boolean {
    return this.head === this.lots.length;
  }

  /** Steps that are submitted and not known to be done. */
  get length(): number {
    let steps = this.finished - this.completed;
    for (let i = this.head; i < this.lots.length; i++) steps += (this.lots[i] as Lot).count;
    return Math.max(0, steps);
  }

  push(runner: Runner, lot: Lot): void {
    this.runner = runner;
    this.lots.push(lot);
  }

  /** Resolves when something has been finished, or failed. */
  progress(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Resolves when nothing is queued. */
  async drained(): Promise<void> {
    while (!this.isEmpty) await this.progress();
  }

  private shift(): void {
    this.head++;
    if (this.head < this.lots.length) return;
    this.lots = [];
    this.head = 0;
    this.runner = null;
  }

  // The first lot's step failed, or was stopped: none behind it runs.
  private fail(ending: number, operation: number, position: number, value: number): void {
    const lots = this.lots.slice(this.head);
    native.recover(this.runner as Runner);
    this.finished = this.completed;
    this.lots = [];
    this.head = 0;
    this.runner = null;
    for (const lot of lots.slice().reverse()) lot.undo?.();
    const stopped = ending === kStopped;
    const first = stopped
      ? (this.reason ?? new StateError('compile: the step was stopped'))
      : endingError((lots[0] as Lot).program, ending, operation, position, value);
    lots.forEach((lot, i) => {
      lot.failed(
        stopped || i === 0
          ? first
          : new StateError('compile: an earlier step failed, this one did not run; submit it again', { cause: first }),
      );
    });
  }
}
