import { getRank, getWorldSize } from '../distributed/init.js';
import { ArgumentError, checkFlag, checkInteger } from '../errors.js';
import { Generator } from '../ops/generator.js';
import { randperm } from '../ops/random.js';
import { checkOptions } from '../options.js';
import { lengthOf, numbersOf, type Sampler } from './sampler.js';

/** Options of {@link DistributedSampler}. */
export interface DistributedSamplerOptions {
  /** How many parts there are; default: one for each process of the run. */
  numReplicas?: number;
  /** Which part it is, from 0; default: that of this process. */
  rank?: number;
  /** Whether the order is random, another one in each epoch, and the same for all parts; default true. */
  shuffle?: boolean;
  /** Of the order; the same in all processes; default 0. */
  seed?: number;
  /** Whether samples that do not fill all parts are left out; default false: the first ones are taken twice. */
  dropLast?: boolean;
}

/**
 * The samples of one process, of as many as all others have: sample i of an order that all processes share belongs to
 * process i mod n. Call {@link setEpoch} before each epoch, or the order stays the same.
 *
 * @throws ArgumentError for a rank outside of the run, or a dataset without samples
 * @example
 * const sampler = new data.DistributedSampler({ length: 10 }, { numReplicas: 2, rank: 0 });
 * sampler.setEpoch(1);
 * [...sampler].length; // 5
 */
export class DistributedSampler implements Sampler {
  readonly length: number;
  readonly #count: number;
  readonly #replicas: number;
  readonly #rank: number;
  readonly #shuffle: boolean;
  readonly #seed: number;
  #epoch = 0;

  /** @param dataset a dataset, or another object with a length */
  constructor(dataset: { readonly length: number }, options: DistributedSamplerOptions = {}) {
    const name = 'DistributedSampler';
    checkOptions(name, options, ['numReplicas', 'rank', 'shuffle', 'seed', 'dropLast']);
    this.#count = lengthOf(name, dataset);
    this.#replicas = checkInteger(name, 'numReplicas', options.numReplicas ?? getWorldSize(), 1, 2 ** 20);
    this.#rank = checkInteger(name, 'rank', options.rank ?? getRank(), 0, this.#replicas - 1);
    this.#shuffle = checkFlag(name, 'shuffle', options.shuffle, true);
    this.#seed = checkInteger(name, 'seed', options.seed ?? 0, 0, 2 ** 40);
    const dropLast = checkFlag(name, 'dropLast', options.dropLast, false);
    const whole = this.#count / this.#replicas;
    this.length = dropLast ? Math.floor(whole) : Math.ceil(whole);
    if (this.length === 0) {
      throw new ArgumentError(
        `${name}: with dropLast, dataset must have a sample for each of ${this.#replicas} parts, got ${this.#count}`,
      );
    }
  }

  /** Chooses the order of an epoch. */
  setEpoch(epoch: number): void {
    this.#epoch = checkInteger('setEpoch', 'epoch', epoch, 0, 2 ** 40);
  }

  *[Symbol.iterator](): Iterator<number> {
    const order = this.#shuffle
      ? numbersOf(randperm(this.#count, { generator: new Generator(this.#seed + this.#epoch) }))
      : null;
    for (let i = 0; i < this.length; i++) {
      const place = (i * this.#replicas + this.#rank) % this.#count;
      yield order === null ? place : (order[place] as number);
    }
  }
}
