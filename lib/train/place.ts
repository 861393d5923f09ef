// Where a training is: what of its loop is part of checkpoints.
import { isArrayOf } from '../arrays.js';
import { checkInteger, describe, isPlain, StateError } from '../errors.js';
import { defaultGenerator } from '../ops/generator.js';
import type { EpochRecord } from './events.js';
import { addSums, type SumsByName } from './totals.js';

/** @internal */
export class Place {
  /** Whole epochs, and steps. */
  epoch = 0;
  step = 0;
  /** Steps and samples of the epoch that is going on, and the sums that have been reported of it. */
  inEpoch = 0;
  samples = 0;
  totals: SumsByName = {};
  /** The random numbers from which that epoch began. */
  randomAtStart: Int32Array = defaultGenerator().getState();
  history: EpochRecord[] = [];
  /** Whether it was loaded and has not gone on since. */
  isRestored = false;

  /** @param sums those of the steps that have not been reported */
  constructor(private readonly sums: { get(): unknown; set(state: unknown): void }) {}

  startEpoch(): void {
    this.inEpoch = 0;
    this.samples = 0;
    this.totals = {};
    this.randomAtStart = defaultGenerator().getState();
  }

  add(sums: SumsByName): void {
    this.totals = addSums(this.totals, sums);
  }

  stateDict(): Record<string, unknown> {
    const { epoch, step, inEpoch, samples, totals, randomAtStart, history } = this;
    return { epoch, step, inEpoch, samples, totals, randomAtStart, history, sums: this.sums.get() };
  }

  loadStateDict(state: unknown): void {
    const name = 'resume';
    if (!isPlain(state)) throw new StateError(`${name}: training must be an object, got ${describe(state)}`);
    const given = state as Record<string, unknown>;
    const { totals, randomAtStart, history } = given;
    const [epoch, step, inEpoch, samples] = ['epoch', 'step', 'inEpoch', 'samples'].map((key) =>
      checkInteger(name, `training.${key}`, given[key]),
    ) as [number, number, number, number];
    if (!isSums(totals) || !isHistory(history) || !isArrayOf('int32', randomAtStart)) {
      const got = Object.entries(given).map(([key, value]) => `${key}: ${describe(value)}`);
      const rule = 'must have totals, history and randomAtStart as fit saves them';
      throw new StateError(`${name}: training ${rule}, got ${got.join(', ')}`);
    }
    this.sums.set(given.sums);
    Object.assign(this, { epoch, step, inEpoch, samples, totals, history: [...history], randomAtStart });
    this.isRestored = true;
  }
}

const isNumber = (value: unknown): boolean => typeof value === 'number';
const hasNumbers = (value: unknown): value is object => isPlain(value) && Object.values(value).every(isNumber);

function isSums(value: unknown): value is SumsByName {
  return (
    isPlain(value) &&
    Object.values(value).every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isNumber))
  );
}

function isHistory(value: unknown): value is EpochRecord[] {
  return (
    Array.isArray(value) &&
    value.every((record) => {
      if (!isPlain(record)) return false;
      const { values, ...numbers } = record as { values?: unknown };
      return hasNumbers(values) && hasNumbers(numbers);
    })
  );
}
