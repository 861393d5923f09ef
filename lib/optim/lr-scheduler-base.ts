import { currentRecording } from '../context.js';
import { ArgumentError, checkInteger, checkNumber, describe, StateError } from '../errors.js';
import { Optimizer } from './optimizer.js';

/** The part of an optimizer's group that schedulers change. */
export interface ScheduledGroup {
  lr: number;
  initialLr?: number;
  momentum?: number;
  betas?: readonly number[];
}

/** An optimizer as schedulers see it. */
export interface ScheduledOptimizer {
  readonly paramGroups: readonly ScheduledGroup[];
}

/** The saved form of a scheduler: numbers and lists of them, under PyTorch's keys. */
export type SchedulerState = Record<string, unknown>;

/** @internal One value for each group: a number stands for all. */
export function perGroup<T>(name: string, key: string, value: T | readonly T[], groups: readonly unknown[]): T[] {
  if (!Array.isArray(value)) return groups.map(() => value as T);
  if (value.length === groups.length) return value.slice();
  throw new ArgumentError(`${name}: ${key} must have one entry a group (${groups.length}), got ${value.length}`);
}

/** @internal */
export function checkState(name: string, state: unknown): void {
  if (typeof state === 'object' && state !== null) return;
  throw new StateError(`${name}: the saved state must be an object, as stateDict gives it, got ${describe(state)}`);
}

function checkRates(name: string, key: string, rates: unknown, groups: readonly unknown[]): number[] {
  if (!Array.isArray(rates) || rates.length !== groups.length) {
    throw new StateError(
      `${name}: the saved state must have ${key} of ${groups.length} groups, got ${describe(rates)}`,
    );
  }
  return Array.from(rates, (rate) => checkNumber(name, key, rate, { min: 0 }));
}

/** @internal The learning rates in a saved state; the present ones if it has none, like states of older PyTorch. */
export function checkLastRates(name: string, state: SchedulerState, groups: readonly ScheduledGroup[]): number[] {
  if (state._last_lr === undefined) return groups.map((group) => group.lr);
  return checkRates(name, '_last_lr', state._last_lr, groups);
}

/** @internal */
export function checkOptimizer(name: string, optimizer: unknown): void {
  if (!(optimizer instanceof Optimizer)) {
    throw new ArgumentError(`${name}: optimizer must be an optimizer, got ${describe(optimizer)}`);
  }
}

// What schedulers change of groups.
const numbersOf = (groups: readonly ScheduledGroup[]): ScheduledGroup[] =>
  groups.map(({ lr, momentum, betas }) => ({ lr, momentum, betas }) as ScheduledGroup);

/** @internal Saves the numbers of a group that schedulers change; returns a function that restores them. */
export function remember(groups: readonly ScheduledGroup[]): () => void {
  const kept = numbersOf(groups);
  return () => {
    groups.forEach((group, i) => {
      const { lr, momentum, betas } = kept[i] as ScheduledGroup;
      group.lr = lr;
      if (momentum !== undefined) group.momentum = momentum;
      if (betas !== undefined) group.betas = betas;
    });
  };
}

/**
 * The base of learning-rate schedulers: a subclass gives the rates of a step, `getLr`. `step` advances the groups' `lr`; call it after `optimizer.step()`, once a step or
 * once an epoch, whichever the schedule counts. Inside a compiled function it advances at each submission.
 *
 * @example
 * class InverseSqrt extends optim.lrScheduler.LRScheduler {
 *   constructor(optimizer: optim.lrScheduler.ScheduledOptimizer) {
 *     super('InverseSqrt', optimizer); // the name is for errors
 *     this.begin();
 *   }
 *
 *   getLr() {
 *     return this.baseLrs.map((lr) => lr / Math.sqrt(this.lastEpoch + 1));
 *   }
 * }
 * const scheduler = new InverseSqrt(optimizer);
 */
export abstract class LRScheduler {
  /** @internal */
  readonly _groups: readonly ScheduledGroup[];
  /** The groups' learning rates before any scheduler changed them. */
  baseLrs: number[];
  /** The number of steps so far. */
  lastEpoch = 0;

  /** A subclass sets its fields and calls `begin`. */
  constructor(
    protected readonly name: string,
    readonly optimizer: ScheduledOptimizer,
  ) {
    checkOptimizer(name, optimizer);
    this._groups = [...optimizer.paramGroups];
    this.baseLrs = this._groups.map((group) => group.initialLr ?? group.lr);
  }

  /** The rates at step `lastEpoch` > 0, from the present ones. */
  abstract getLr(): number[];

  /** The rates at step 0, from the initial ones. */
  protected firstRates(): number[] {
    return this.baseLrs;
  }

  /** The rates at step 0, from the present ones: another scheduler may have set them. */
  protected chainedFirstRates(): number[] {
    return this._groups.map((group) => group.lr);
  }

  protected begin(): void {
    this.apply(this.chainedFirstRates());
    this._groups.forEach((group, i) => {
      group.initialLr ??= this.baseLrs[i] as number;
    });
  }

  protected apply(rates: readonly number[]): void {
    this._groups.forEach((group, i) => {
      group.lr = rates[i] as number;
    });
  }

  /** The groups' learning rates. */
  getLastLr(): number[] {
    return this._groups.map((group) => group.lr);
  }

  /** Advances the schedule by one step. A step that fails, because a function of yours does, changes nothing. */
  step(): void {
    const recording = currentRecording();
    recording?.follow({ isDue: () => true, advance: () => this._follow() });
    const undo = this._tryAdvance();
    recording?.journal.add(undo);
  }

  /** @internal */
  _advance(): void {
    this.lastEpoch++;
    this.apply(this.getLr());
  }

  // Advances by one step or, if that fails, not at all. Returns how to undo it.
  private _tryAdvance(): () => void {
    const undo = this._save();
    try {
      this._advance();
    } catch (error) {
      undo();
      throw error;
    }
    return undo;
  }

  // The same, but numbers that have been set since are kept.
  private _follow(): () => void {
    const undo = this._tryAdvance();
    const left = numbersOf(this._groups);
    return () => {
      const now = numbersOf(this._groups);
      undo();
      this._groups.forEach((group, i) => {
        const [is, was] = [now[i] as ScheduledGroup, left[i] as ScheduledGroup];
        if (is.lr !== was.lr) group.lr = is.lr;
        if (is.momentum !== was.momentum && is.momentum !== undefined) group.momentum = is.momentum;
        if (is.betas !== was.betas && is.betas !== undefined) group.betas = is.betas;
      });
    };
  }

  /** @internal Restarts from the initial learning rates. */
  _restart(): void {
    this.lastEpoch = 0;
    this.apply(this.firstRates());
  }

  /** @internal Restarts as if just made, from the groups' present rates. */
  _begin(): void {
    this.lastEpoch = 0;
    this.begin();
  }

  /** @internal */
  _save(): () => void {
    const state = this.stateDict();
    const putBack = remember(this._groups);
    return () => {
      this.loadStateDict(state);
      putBack();
    };
  }

  /** The state to save, as plain numbers. */
  stateDict(): SchedulerState {
    return { base_lrs: this.baseLrs.slice(), last_epoch: this.lastEpoch, _last_lr: this.getLastLr() };
  }

  /**
   * Continues from a saved state, with the learning rates of that moment. Load the optimizer's state as well, before or
   * afterwards. Schedulers that share an optimizer are loaded in the order in which they step.
   */
  loadStateDict(state: SchedulerState): void {
    checkState(this.name, state);
    const baseLrs = checkRates(this.name, 'base_lrs', state.base_lrs, this._groups);
    const lastEpoch = checkInteger(this.name, 'last_epoch', state.last_epoch);
    const lastRates = checkLastRates(this.name, state, this._groups);
    this._groups.forEach((group, i) => {
      // Unless they are rates of its own: those of a cycle that follows another schedule.
      if (group.initialLr === this.baseLrs[i]) group.initialLr = baseLrs[i] as number;
    });
    this.baseLrs = baseLrs;
    this.lastEpoch = lastEpoch;
    this.apply(lastRates);
  }
}
