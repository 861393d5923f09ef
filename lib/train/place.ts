// Where a training is: what of its loop is part of checkpoints.
import { isArrayOf } from '../arrays.js';
import { checkInteger, describe, isPlain, StateError } from '../errors.js';
import { isStateful, type Stateful } from '../io/checkpoint-state.js';
import { defaultGenerator, Generator } from '../ops/generator.js';
import type { EpochRecord } from './events.js';
import { addSums, type SumsByName } from './totals.js';

/** What each of several processes that train together has for itself. */
export interface OwnPlace {
  samples: number;
  randomAtStart: Int32Array;
  sums: unknown;
  /** States of random generators, the default one first. */
  generators: Int32Array[];
  /** That of the data, if it has one. */
  data: unknown;
}

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
  /** Of each process, where several train together. */
  ranks: readonly OwnPlace[] | null = null;
  /** Whether it was loaded and has not gone on since. */
  isRestored = false;

  /**
   * @param sums those of the steps that have not been reported
   * @param things what is part of checkpoints, by name
   */
  constructor(
    private readonly sums: { get(): unknown; set(state: unknown): void },
    private readonly things: Readonly<Record<string, Stateful | Generator>>,
  ) {}

  get #generators(): Generator[] {
    return [defaultGenerator(), ...Object.values(this.things).filter((thing) => thing instanceof Generator)];
  }

  /** What this process has for itself. */
  own(): OwnPlace {
    const { samples, randomAtStart } = this;
    const { data } = this.things;
    const generators = this.#generators.map((generator) => generator.getState());
    const state = isStateful(data) ? data.stateDict() : null;
    return { samples, randomAtStart, sums: this.sums.get(), generators, data: state };
  }

  /** Goes on with what this process had for itself; with another number of processes, the epoch begins anew. */
  takeOwn(rank: number, size: number): void {
    const saved = this.ranks?.length ?? 1;
    if (saved !== size && this.inEpoch > 0) this.startEpoch();
    const own = this.ranks?.[rank % saved];
    if (own === undefined) return;
    this.#generators.forEach((generator, i) => {
      const state = own.generators[i];
      if (state !== undefined) generator.setState(state);
    });
    if (saved !== size) return;
    const { samples, randomAtStart, sums, data } = own;
    Object.assign(this, { samples, randomAtStart });
    this.sums.set(sums);
    if (isStateful(this.things.data)) (this.things.data as Stateful).loadStateDict(data as never);
  }

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
    const ranks = this.ranks === null ? {} : { ranks: this.ranks };
    return {
      epoch,
      step,
      inEpoch,
      samples,
      totals,
      randomAtStart,
      history: [...history],
      sums: this.sums.get(),
      ...ranks,
    };
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
    if (given.ranks !== undefined && !isRanks(given.ranks)) {
      throw new StateError(`${name}: training.ranks must be as fit saves them, got ${describe(given.ranks)}`);
    }
    const ranks = given.ranks ?? null;
    Object.assign(this, { epoch, step, inEpoch, samples, totals, history: [...history], randomAtStart, ranks });
    this.isRestored = true;
  }
}

const isNumber = (value: unknown): boolean => typeof value === 'number';
const hasNumbers = (value: unknown): value is object => isPlain(value) && Object.values(value).every(isNumber);

function isRanks(value: unknown): value is OwnPlace[] {
  const isState = (state: unknown) => isArrayOf('int32', state);
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((own) => {
      const { samples, randomAtStart, generators } = Object(own) as OwnPlace;
      return isNumber(samples) && isState(randomAtStart) && Array.isArray(generators) && generators.every(isState);
    })
  );
}

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
