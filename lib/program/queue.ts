import { StateError } from '../errors.js';
import { native, type Runner } from '../native.js';
import type { Tensor } from '../tensor.js';
import { endingError, endings } from './errors.js';
import type { Journal } from './journal.js';
import type { Program } from './program.js';

/** Steps that were submitted together. */
export interface Submission {
  program: Program;
  count: number;
  /** Results of the last of them; the others' are discarded. */
  outputs: readonly Tensor[];
  done: (submission: Submission) => void;
  /** at: the number of the failed step in the submission; undefined when the steps were stopped. */
  failed: (error: unknown, at?: number) => void;
}

interface Entry {
  submission: Submission;
  /** What was changed for it. */
  journal: Journal;
}

/**
 * The steps that one compiled function has submitted and not yet seen finished. The native side refers only to this object,
 * so that the compiled function itself can be collected.
 */
export class Queue {
  private entries: Entry[] = [];
  private head = 0;
  private completed = 0;
  private finished = 0; // steps of submissions that are done
  private runner: Runner | null = null; // held while something is queued
  /** Why the steps were aborted. */
  reason: unknown;
  private waiting: (() => void)[] = [];

  readonly callback = (completed: number, ending: number, operation: number, position: number, value: number): void => {
    this.completed = completed;
    while (this.head < this.entries.length) {
      const { submission, journal } = this.entries[this.head] as Entry;
      if (this.finished + submission.count > completed) break;
      this.finished += submission.count;
      this.shift();
      journal.settle();
      submission.done(submission);
    }
    if (ending !== endings.done && this.head < this.entries.length) this.fail(ending, operation, position, value);
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  };

  get isEmpty(): boolean {
    return this.head === this.entries.length;
  }

  /** The number of steps that are submitted and not known to be done. */
  get length(): number {
    let steps = this.finished - this.completed;
    for (let i = this.head; i < this.entries.length; i++) steps += (this.entries[i] as Entry).submission.count;
    return Math.max(0, steps);
  }

  push(runner: Runner, submission: Submission, journal: Journal): void {
    this.runner = runner;
    this.entries.push({ submission, journal });
  }

  /** Resolves when a submission has finished or failed. */
  progress(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Resolves when nothing is queued. */
  async drained(): Promise<void> {
    while (!this.isEmpty) await this.progress();
  }

  private shift(): void {
    this.head++;
    if (this.head < this.entries.length) return;
    this.entries = [];
    this.head = 0;
    this.runner = null;
  }

  // A step of the first submission failed or was stopped: none after it runs.
  private fail(ending: number, operation: number, position: number, value: number): void {
    const entries = this.entries.slice(this.head);
    const ran = this.completed - this.finished; // steps of the first submission
    native.recover(this.runner as Runner);
    this.finished = this.completed;
    this.entries = [];
    this.head = 0;
    this.runner = null;
    for (let i = entries.length - 1; i >= 0; i--) {
      const { journal } = entries[i] as Entry;
      if (i === 0 && ran > 0) journal.settle();
      else journal.undo();
    }
    const stopped = ending === endings.stopped;
    const first = stopped
      ? (this.reason ?? new StateError('compile: the step was stopped'))
      : endingError((entries[0] as Entry).submission.program, [ending, operation, position, value]);
    entries.forEach(({ submission }, i) => {
      for (const t of submission.outputs) t.dispose();
      submission.failed(
        stopped || i === 0
          ? first
          : new StateError('compile: an earlier step failed, this one did not run; submit it again', { cause: first }),
        stopped || i > 0 ? undefined : ran,
      );
    });
  }
}
