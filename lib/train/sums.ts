// Means of losses over samples, summed inside of steps.
import { noGrad } from '../autograd/tape.js';
import { describe, StateError } from '../errors.js';
import { add_, copy_, zero_ } from '../ops/copy.js';
import { ones, zeros } from '../ops/creation.js';
import { narrow } from '../ops/shape-parts.js';
import type { Tensor } from '../tensor.js';
import { sumOf } from './losses.js';

/** @internal Sums of losses over samples, and the count of samples (or the sum of their weights), in one tensor of float64. */
export class LossSums {
  readonly sums: Tensor;
  // The losses of a batch and a 1, so that a step adds all in two kernels.
  readonly #latest: Tensor;
  readonly #losses: Tensor;

  constructor(readonly names: readonly string[]) {
    const { length } = names;
    this.sums = zeros([length + 1], { dtype: 'float64' });
    this.#latest = ones([length + 1], { dtype: 'float64' });
    this.#losses = narrow(this.#latest, 0, 0, length);
  }

  /** Part of compiled steps. */
  add(losses: Tensor, samples: number, weights: Tensor | undefined): void {
    noGrad(() => {
      copy_(this.#losses, losses);
      if (weights === undefined) add_(this.sums, this.#latest, { alpha: samples });
      else add_(this.sums, this.#latest.mul(sumOf(weights.to('float64'))));
    });
  }

  /** The sums so far, and starts anew. */
  take(): number[] {
    const values = Array.from(this.sums.toTypedArray());
    noGrad(() => zero_(this.sums));
    return values;
  }

  /** The sums so far. */
  get(): Float64Array {
    return this.sums.toTypedArray() as Float64Array;
  }

  /** Goes on from sums of `get`. */
  set(state: unknown): void {
    if (!(state instanceof Float64Array) || state.length !== this.sums.size) {
      throw new StateError(
        `resume: sums must be of ${this.names.join(', ')}, got ${describe(state)}; use the same losses`,
      );
    }
    noGrad(() => copy_(this.sums, state));
  }

  /** Means of sums. */
  means(sums: readonly number[]): Record<string, number> {
    const count = sums.at(-1) as number;
    return Object.fromEntries(this.names.map((name, i) => [name, (sums[i] as number) / count]));
  }
}
