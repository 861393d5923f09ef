import { isArrayOf } from '../arrays.js';
import { unrecorded } from '../context.js';
import { ArgumentError, checkInteger, describe } from '../errors.js';
import { keep } from '../memory.js';
import { native } from '../native.js';
import type { Tensor } from '../tensor.js';
import { copy_ } from './copy.js';
import { tensor } from './creation.js';

/**
 * A stream of random numbers: the counter-based Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2,
 * 3", 2011). Its numbers depend only on the seed and on how many were drawn before, not on threads or the CPU.
 */
export class Generator {
  /** int32 [4]: seed (low, high word) and position (low, high), which kernels read and advance. */
  readonly state: Tensor;

  /** @param seed integer in [0, 2^53); default: random */
  constructor(seed: number = Math.floor(Math.random() * 2 ** 53)) {
    this.state = keep(tensor(stateOf(seed)));
    native.markHost(this.state.handle, true);
  }

  /** Restarts the stream with another seed. */
  seed(seed: number): this {
    copy_(this.state, stateOf(seed));
    return this;
  }

  /** The stream's state, to be saved. */
  getState(): Int32Array {
    return this.state.toTypedArray() as Int32Array;
  }

  /** Goes on where `getState` was called. */
  setState(state: Int32Array): this {
    if (!isArrayOf('int32', state) || state.length !== 4) {
      throw new ArgumentError(
        `setState: state must be an Int32Array of 4, as getState gives it, got ${describe(state)}`,
      );
    }
    copy_(this.state, state);
    return this;
  }
}

function stateOf(seed: number): Int32Array {
  const value = checkInteger('seed', 'seed', seed);
  return Int32Array.of(value | 0, Math.floor(value / 2 ** 32), 0, 0);
}

let shared: Generator | null = null;

/** The generator that random functions use when none is given; one per thread. */
export function defaultGenerator(): Generator {
  shared ??= unrecorded(() => new Generator());
  return shared;
}

/** Seeds the default generator, so that the same program draws the same numbers. */
export function manualSeed(seed: number): Generator {
  return defaultGenerator().seed(seed);
}
