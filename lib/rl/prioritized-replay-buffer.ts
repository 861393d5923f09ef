// Steps from which there is most to learn come more often.
import { allOrNothing } from '../all-or-nothing.js';
import { isArrayOf } from '../arrays.js';
import { ArgumentError, checkInteger, checkNumber, describe } from '../errors.js';
import { tensor } from '../ops/creation.js';
import type { Generator } from '../ops/generator.js';
import { checkOptions } from '../options.js';
import { Tensor } from '../tensor.js';
import { type Experience, type ReplayBatch, ReplayBuffer, type Spaces } from './replay-buffer.js';
import { SumTree } from './sum-tree.js';

/** A batch with what corrects that its steps were not drawn uniformly. */
export interface PrioritizedBatch extends ReplayBatch {
  /** float32 [batch], at most 1: a factor for the loss of each step. */
  weights: Tensor;
  /** Where the steps are, for `updatePriorities`. */
  indices: Int32Array;
}

/**
 * A {@link ReplayBuffer} that draws step i with probability P(i) = pᵢ^α / Σ pₖ^α. Its priority pᵢ is that of the most important step
 * when it is added; then what `updatePriorities` says, usually the absolute error of the last prediction. The loss of each step is
 * to be multiplied by its weight (N · P(i))^(−β), over the largest one of the batch. Draws are stratified: one from each of
 * `batchSize` parts of the total.
 *
 * Schaul et al., "Prioritized experience replay", 2016, https://arxiv.org/abs/1511.05952
 *
 * @example
 * const pole = new rl.CartPole();
 * const buffer = new rl.PrioritizedReplayBuffer(1000, pole, { alpha: 0.6 });
 * const { observation } = pole.reset({ seed: 1 });
 * const { observation: nextObservation, reward, terminated } = pole.step(1);
 * buffer.add({ observation, action: 1, reward, nextObservation, terminated });
 * const { indices, weights } = buffer.sample(2, { beta: 0.4 }); // weights are 1: there is only one step
 * buffer.updatePriorities(indices, [0.5, 0.5]);
 */
export class PrioritizedReplayBuffer extends ReplayBuffer {
  readonly #alpha: number;
  readonly #eps: number;
  readonly #tree: SumTree;
  #largest = 1;

  /** @param options alpha: 0 draws uniformly, 1 in proportion; default 0.6. eps: is added to priorities; default 1e-6 */
  constructor(capacity: number, spaces: Spaces, options: { alpha?: number; eps?: number } = {}) {
    super(capacity, spaces);
    const operation = 'PrioritizedReplayBuffer';
    checkOptions(operation, options, ['alpha', 'eps']);
    const { alpha = 0.6, eps = 1e-6 } = options;
    this.#alpha = checkNumber(operation, 'alpha', alpha, { min: 0, max: 10 });
    this.#eps = checkNumber(operation, 'eps', eps, { min: 0, open: true });
    this.#tree = new SumTree(capacity);
  }

  override add(experience: Experience): number {
    const at = super.add(experience);
    this.#tree.set(at, this.#largest);
    return at;
  }

  /**
   * Draws a batch.
   *
   * @param options beta: 0 corrects nothing, 1 all of the bias; default 0.4, to be raised to 1 during training. generator: of the
   *   random numbers
   * @throws StateError when it is empty
   */
  override sample(batchSize: number, options: { beta?: number; generator?: Generator } = {}): PrioritizedBatch {
    const operation = 'PrioritizedReplayBuffer.sample';
    checkOptions(operation, options, ['beta', 'generator']);
    const beta = checkNumber(operation, 'beta', options.beta ?? 0.4, { min: 0, max: 1 });
    return allOrNothing(() => {
      const draws = this.draws(operation, batchSize, options.generator);
      const { total } = this.#tree;
      const indices = Int32Array.from(draws, (draw, i) => this.#tree.find(((i + draw) / draws.length) * total));
      const weights = Float64Array.from(indices, (at) => ((this.length * this.#tree.at(at)) / total) ** -beta);
      const largest = weights.reduce((most, weight) => Math.max(most, weight), 0);
      return {
        ...this.batch(indices),
        weights: tensor(Float32Array.from(weights, (weight) => weight / largest)),
        indices,
      };
    });
  }

  /**
   * Says how important steps are from now on.
   *
   * @param indices of a batch; one that is there twice gets its last priority
   * @param priorities at least 0, such as absolute errors: a tensor or numbers
   * @throws ArgumentError for priorities that are not, or for places that hold no step; then none is changed
   */
  updatePriorities(indices: Int32Array, priorities: Tensor | ArrayLike<number>): void {
    const operation = 'PrioritizedReplayBuffer.updatePriorities';
    if (!isArrayOf('int32', indices)) {
      throw new ArgumentError(`${operation}: indices must be the Int32Array of a batch, got ${describe(indices)}`);
    }
    const given = priorities instanceof Tensor ? priorities.toTypedArray() : priorities;
    const list = ArrayBuffer.isView(given) || Array.isArray(given) ? Array.from(given as ArrayLike<number>) : null;
    if (list?.length !== indices.length) {
      const rule = `priorities must be ${indices.length} numbers, one for each index`;
      throw new ArgumentError(`${operation}: ${rule}, got ${list === null ? describe(given) : list.length}`);
    }
    for (const index of indices) checkInteger(operation, 'index', index, 0, this.length - 1);
    const raised = list.map((priority) => checkNumber(operation, 'priority', priority, { min: 0 }) + this.#eps);
    for (const [i, priority] of raised.entries()) {
      const mass = Math.min(Math.max(priority ** this.#alpha, 1e-300), 1e300 / this.capacity);
      this.#tree.set(indices[i] as number, mass);
      this.#largest = Math.max(this.#largest, mass);
    }
  }
}
