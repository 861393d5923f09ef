// Which samples an epoch reads, and in which order.
import { allOrNothing } from '../all-or-nothing.js';
import { isArrayOf } from '../arrays.js';
import { ArgumentError, checkEach, checkFlag, checkInteger, checkNumber, describe, hasIterator } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { defaultGenerator, Generator } from '../ops/generator.js';
import { randint, randperm } from '../ops/random.js';
import { multinomial } from '../ops/random-multinomial.js';
import { checkOptions } from '../options.js';
import { Tensor } from '../tensor.js';

/**
 * Numbers of samples in the order of an epoch, for a {@link DataLoader}: an array, one of the samplers here, or an object of
 * yours, whose class may extend this one. A sampler that draws random numbers does so when its iterator is made, from
 * `generator`: so a loader's position can be saved and restored.
 */
export abstract class Sampler<Item = number> implements Iterable<Item> {
  /** How many there are in an epoch. */
  abstract readonly length: number;
  /** Where the random numbers come from; left out if there are none. */
  declare readonly generator?: Generator | undefined;
  abstract [Symbol.iterator](): Iterator<Item>;
}

/** Where a sampler's random numbers come from. */
export interface GeneratorOptions {
  /** Seeds a generator of its own. */
  seed?: number;
  /** Where the random numbers come from; default the generator that `manualSeed` seeds. */
  generator?: Generator;
}

/** @internal The generator that a caller chose by `seed` or `generator`. */
export function chooseGenerator(operation: string, options: GeneratorOptions): Generator | undefined {
  const { seed, generator } = options;
  if (generator !== undefined && !(generator instanceof Generator)) {
    throw new ArgumentError(`${operation}: generator must be a Generator, got ${describe(generator)}`);
  }
  if (seed === undefined) return generator;
  if (generator !== undefined) throw new ArgumentError(`${operation}: seed and generator exclude each other, got both`);
  return new Generator(checkInteger(operation, 'seed', seed));
}

/** @internal The numbers of an int32 tensor, which is disposed of. */
export function numbersOf(t: Tensor): Int32Array {
  const numbers = t.toTypedArray() as Int32Array;
  t.dispose();
  return numbers;
}

/** @internal A list has its length; a dataset, too. */
export function lengthOf(operation: string, source: unknown): number {
  const { length } = (typeof source === 'object' && source !== null ? source : {}) as { length?: unknown };
  if (typeof length === 'number') return checkInteger(operation, 'dataset.length', length, 1, 2 ** 31 - 1);
  throw new ArgumentError(`${operation}: dataset must have a length, got ${describe(source)}`);
}

/**
 * All samples in their order.
 *
 * @throws ArgumentError when `dataset` has no length or no samples
 * @example
 * [...new data.SequentialSampler({ length: 3 })]; // 0, 1, 2
 */
export class SequentialSampler implements Sampler {
  readonly length: number;

  /** @param dataset a dataset, or another object with a length */
  constructor(dataset: { readonly length: number }) {
    this.length = lengthOf('SequentialSampler', dataset);
  }

  *[Symbol.iterator](): Iterator<number> {
    for (let i = 0; i < this.length; i++) yield i;
  }
}

/** Options of {@link RandomSampler}. */
export interface RandomSamplerOptions extends GeneratorOptions {
  /** Whether a sample may come more than once; default false. */
  replacement?: boolean;
  /** How many are drawn, default all; more than all without replacement are drawn as one order after the other. */
  numSamples?: number;
}

/**
 * Samples in random order, another one in each epoch.
 *
 * @throws ArgumentError for wrong options or a dataset without samples
 * @example
 * const sampler = new data.RandomSampler({ length: 10 }, { numSamples: 4, seed: 1 });
 * new data.DataLoader(new data.TensorDataset(arange(10)), { batchSize: 2, sampler });
 */
export class RandomSampler implements Sampler {
  readonly length: number;
  readonly generator: Generator;
  readonly #count: number;
  readonly #replacement: boolean;

  /** @param dataset a dataset, or another object with a length */
  constructor(dataset: { readonly length: number }, options: RandomSamplerOptions = {}) {
    checkOptions('RandomSampler', options, ['replacement', 'numSamples', 'seed', 'generator']);
    this.#count = lengthOf('RandomSampler', dataset);
    this.#replacement = checkFlag('RandomSampler', 'replacement', options.replacement, false);
    this.length = checkInteger('RandomSampler', 'numSamples', options.numSamples ?? this.#count, 1, 2 ** 31 - 1);
    this.generator = chooseGenerator('RandomSampler', options) ?? defaultGenerator();
  }

  [Symbol.iterator](): Iterator<number> {
    return allOrNothing(() => this.#draw()).values();
  }

  #draw(): Int32Array {
    const { generator, length } = this;
    if (this.#replacement) return numbersOf(randint(0, this.#count, [length], { generator }));
    if (length === this.#count) return numbersOf(randperm(length, { generator }));
    const all = new Int32Array(length);
    for (let from = 0; from < length; from += this.#count) {
      all.set(numbersOf(randperm(this.#count, { generator })).subarray(0, length - from), from);
    }
    return all;
  }
}

/**
 * The given samples in random order, another one in each epoch.
 *
 * @throws ArgumentError for wrong options, or indices that are no integers of at least 0
 * @example
 * const sampler = new data.SubsetRandomSampler([2, 5, 7], { seed: 1 });
 */
export class SubsetRandomSampler implements Sampler {
  readonly length: number;
  readonly generator: Generator;
  readonly #indices: Int32Array;

  constructor(indices: ArrayLike<number>, options: GeneratorOptions = {}) {
    checkOptions('SubsetRandomSampler', options, ['seed', 'generator']);
    this.#indices = checkIndices('SubsetRandomSampler', indices);
    this.length = this.#indices.length;
    this.generator = chooseGenerator('SubsetRandomSampler', options) ?? defaultGenerator();
  }

  [Symbol.iterator](): Iterator<number> {
    const order = numbersOf(randperm(this.length, { generator: this.generator }));
    return order.map((place) => this.#indices[place] as number).values();
  }
}

function checkIndices(operation: string, indices: ArrayLike<number>): Int32Array {
  if (!Array.isArray(indices) && !isArrayOf('int32', indices)) {
    throw new ArgumentError(`${operation}: indices must be an array or an Int32Array, got ${describe(indices)}`);
  }
  const numbers = Int32Array.from(indices as ArrayLike<number>, (index) =>
    checkInteger(operation, 'each index', index, 0, 2 ** 31 - 1),
  );
  if (numbers.length === 0) throw new ArgumentError(`${operation}: indices must have at least one number, got none`);
  return numbers;
}

/** Options of {@link WeightedRandomSampler}. */
export interface WeightedRandomSamplerOptions extends GeneratorOptions {
  /** Whether a sample may come more than once; default true. */
  replacement?: boolean;
}

/**
 * Samples drawn with probabilities proportional to weights, which need not sum to 1: rare classes more often, say.
 *
 * @param weights one for each sample: an array or a tensor [n]
 * @param numSamples how many are drawn for an epoch
 * @throws ArgumentError for wrong options, or weights that are not finite, negative or all 0
 * @example
 * const sampler = new data.WeightedRandomSampler([1, 1, 8], 100, { seed: 1 }); // two in ten are sample 0 or 1
 */
export class WeightedRandomSampler implements Sampler {
  readonly length: number;
  readonly generator: Generator;
  readonly #weights: Float64Array;
  readonly #replacement: boolean;

  constructor(weights: ArrayLike<number> | Tensor, numSamples: number, options: WeightedRandomSamplerOptions = {}) {
    checkOptions('WeightedRandomSampler', options, ['replacement', 'seed', 'generator']);
    const list = weights instanceof Tensor ? weights.toTypedArray() : weights;
    const weight = (value: unknown) => checkNumber('WeightedRandomSampler', 'each weight', value, { min: 0 });
    this.#weights = Float64Array.from(checkEach('WeightedRandomSampler', 'weights', 'must be numbers', list, weight));
    const positive = this.#weights.reduce((count, value) => count + Number(value > 0), 0);
    this.#replacement = checkFlag('WeightedRandomSampler', 'replacement', options.replacement, true);
    this.length = checkInteger('WeightedRandomSampler', 'numSamples', numSamples, 1, 2 ** 31 - 1);
    const least = this.#replacement ? 1 : numSamples;
    if (positive < least) {
      const rule = `weights must have at least ${least} positive ones`;
      throw new ArgumentError(`WeightedRandomSampler: ${rule}, got ${positive}; draw fewer, or with replacement`);
    }
    this.generator = chooseGenerator('WeightedRandomSampler', options) ?? defaultGenerator();
  }

  [Symbol.iterator](): Iterator<number> {
    const weights = tensor(this.#weights);
    const options = { replacement: this.#replacement, generator: this.generator };
    const drawn = multinomial(weights, this.length, options);
    weights.dispose();
    return numbersOf(drawn).values();
  }
}

/** @internal Checks that it is a sampler. */
export function checkSampler(operation: string, name: string, sampler: unknown): void {
  const { length, generator } = Object(sampler) as { length?: unknown; generator?: unknown };
  if (typeof sampler !== 'object' || sampler === null || !hasIterator(sampler) || typeof length !== 'number') {
    const rule = 'must be an array or a sampler, an iterable with a length';
    throw new ArgumentError(`${operation}: ${name} ${rule}, got ${describe(sampler)}`);
  }
  checkInteger(operation, `${name}.length`, length, 1);
  if (generator !== undefined && !(generator instanceof Generator)) {
    throw new ArgumentError(`${operation}: ${name}.generator must be a Generator, got ${describe(generator)}`);
  }
}
