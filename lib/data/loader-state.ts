// Where in the data a loader is.
import { aboutToChange, allOrNothing } from '../all-or-nothing.js';
import { isArrayOf } from '../arrays.js';
import { checkInteger, describe, isPlain, StateError } from '../errors.js';
import type { Generator } from '../ops/generator.js';

/** Where a {@link DataLoader} is in its data, as `stateDict` gives it. */
export interface DataLoaderState {
  /** Batches of the epoch that have been given. */
  batch: number;
  /** The generator's state from which the order of the epoch was drawn; null between epochs, and without random numbers. */
  begin: Int32Array | null;
  /** The generator's state now; null without random numbers. */
  generator: Int32Array | null;
  /** Samples in an epoch, to recognise the data; null if nobody knows. */
  samples: number | null;
  /** The loader's, to recognise it. */
  batchSize: number | null;
}

/** The part of the state that tells one loader from another. */
export type Likeness = Pick<DataLoaderState, 'samples' | 'batchSize'>;

/** @internal Checks a state for a loader like this. */
export function checkState(given: unknown, like: Likeness, hasGenerator: boolean): DataLoaderState {
  const fail = (rule: string, got: unknown) =>
    new StateError(`DataLoader.loadStateDict: ${rule}, got ${describe(got)}`);
  if (!isPlain(given)) throw fail('state must be an object, as stateDict gives it', given);
  const { batch, begin, generator, samples, batchSize } = given as Record<keyof DataLoaderState, unknown>;
  checkInteger('DataLoader.loadStateDict', 'state.batch', batch);
  const isState = (value: unknown) => isArrayOf('int32', value) && value.length === 4;
  if (begin !== null && !isState(begin)) throw fail('state.begin must be an Int32Array of 4 or null', begin);
  if (hasGenerator ? !isState(generator) : generator !== null) {
    const rule = `state.generator must be ${hasGenerator ? 'an Int32Array of 4' : 'null, as this loader draws no numbers'}`;
    throw fail(`${rule}; make the loader as it was`, generator);
  }
  for (const [name, is, was] of [
    ['samples', like.samples, samples],
    ['batchSize', like.batchSize, batchSize],
  ] as const) {
    if (is === was) continue;
    throw fail(`state.${name} must be that of this loader, ${is}; make the loader and its data as they were`, was);
  }
  return given as DataLoaderState;
}

/** @internal Runs `fn` with the generator in a state of the past. */
export function withState<T>(generator: Generator, state: Int32Array, fn: () => T): T {
  return allOrNothing(() => {
    const now = generator.getState();
    aboutToChange('DataLoader', generator.state); // so that a failure puts it back
    generator.setState(state);
    const result = fn();
    generator.setState(now);
    return result;
  });
}
