import { ArgumentError, checkInteger, checkNumber, describe, StateError } from '../../errors.js';
import { currentRecording } from '../../program/recording.js';
import { Optimizer } from '../optimizer.js';

/** What schedulers change of an optimizer's group. */
export interface ScheduledGroup {
  lr: number;
  momentum?: number;
  betas?: readonly [number, number];
}

/** An optimizer as schedulers see it. */
export interface ScheduledOptimizer {
  readonly paramGroups: readonly ScheduledGroup[];
}

/** The saved form of a scheduler: numbers and lists of them, under PyTorch's keys. */
export type SchedulerState = Record<string, unknown>;

// The learning rate that a group had when its first scheduler was made, PyTorch's `initial_lr`.
const initialRates = new WeakMap<ScheduledGroup, number>();

/** @internal */
export function setInitialRate(group: ScheduledGroup, rate: number): void {
  initialRates.set(group, rate);
}

/** @internal One value for each group: a number stands for all. */
export function perGroup<T>(name: string, key: string, value: T | readonly T[], groups: readonly unknown[]): T[] {
  if (!Array.isArray(value)) return groups.map(() => value as T);
  if (value.length === groups.length) return value.slice();
  throw new ArgumentError(`${name}: ${key} must have one entry a group (${groups.length}), got ${value.length}`);
}

/** @internal */
export function checkOptimizer(name: string, optimizer: unknown): void {
  if (!(optimizer instanceof Optimizer)) {
    throw new ArgumentError(`${name}: optimizer must be an optimizer, got ${describe(optimizer)}`);
  }
}

/** @internal The numbers of a group that schedulers change, put back by the function that is returned. */
export function remember(groups: readonly ScheduledGroup[]): () => void {
  const kept = groups.map(({ lr, momentum, betas }) => ({ lr, momentum, betas }));
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
 * The base of learning-rate schedulers. `step` moves the groups' `lr` on; call it after `optimizer.step()`, once a step or
 * once an epoch, as the schedule counts. Inside a compiled function it moves at each submission.
 */
export abstract class Scheduler {
  /** @internal */
  readonly _groups: readonly ScheduledGroup[];
  protected baseRates: number[];
  protected lastEpoch = 0;

  /** A subclass sets its fields and calls `begin`. */
  constructor(
    protected readonly name: string,
    optimizer: ScheduledOptimizer,
  ) {
    checkOptimizer(name, optimizer);
    this._groups = [...optimizer.paramGroups];
    for (const group of this._groups) if (!initialRates.has(group)) initialRates.set(group, group.lr);
    this.baseRates = this._groups.map((group) => initialRates.get(group) as number);
  }

  /** The rates at step `lastEpoch` > 0, from the present ones. */
  protected abstract rates(): number[];

  /** The rates at step 0, from the initial ones. */
  protected firstRates(): number[] {
    return this.baseRates;
  }

  /** The rates at step 0, from the present ones: another scheduler may have set them. */
  protected chainedFirstRates(): number[] {
    return this._groups.map((group) => group.lr);
  }

  protected begin(): void {
    this.apply(this.chainedFirstRates());
  }

  protected apply(rates: readonly number[]): void {
    this._groups.forEach((group, i) => {
      group.lr = rates[i] as number;
    });
  }

  /** How many steps have been made. */
  get lastStep(): number {
    return this.lastEpoch;
  }

  /** The groups' learning rates. */
  getLastLr(): number[] {
    return this._groups.map((group) => group.lr);
  }

  /** Moves the schedule on by one step. */
  step(): void {
    currentRecording()?.follow({
      isDue: () => true,
      advance: () => this._advance(),
      save: () => this._save(),
    });
    this._advance();
  }

  /** @internal */
  _advance(): void {
    this.lastEpoch++;
    this.apply(this.rates());
  }

  /** @internal Begins anew, from the initial learning rates. */
  _restart(): void {
    this.lastEpoch = 0;
    this.apply(this.firstRates());
  }

  /** @internal Begins anew as if just made, from the rates that the groups have. */
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

  /** What has to be saved, as plain numbers. The learning rates themselves are in the optimizer's state. */
  stateDict(): SchedulerState {
    return { base_lrs: this.baseRates.slice(), last_epoch: this.lastEpoch, _last_lr: this.getLastLr() };
  }

  /** Goes on where `stateDict` was taken; load the optimizer's state as well. */
  loadStateDict(state: SchedulerState): void {
    const rates = state?.base_lrs;
    if (!Array.isArray(rates) || rates.length !== this._groups.length) {
      throw new StateError(
        `${this.name}: the saved state must have base_lrs of ${this._groups.length} groups, got ${describe(rates)}`,
      );
    }
    for (const rate of rates) checkNumber(this.name, 'base_lrs', rate);
    const lastEpoch = checkInteger(this.name, 'last_epoch', state.last_epoch);
    this.baseRates = rates.slice();
    this.lastEpoch = lastEpoch;
  }
}
