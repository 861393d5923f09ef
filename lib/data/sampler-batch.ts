// Samplers that give whole batches.
import { allOrNothing } from '../all-or-nothing.js';
import { ArgumentError, checkEach, checkFlag, checkInteger, checkNumber, describe } from '../errors.js';
import { defaultGenerator, type Generator } from '../ops/generator.js';
import { randperm } from '../ops/random.js';
import { checkOptions } from '../options.js';
import { checkSampler, chooseGenerator, type GeneratorOptions, numbersOf, type Sampler } from './sampler.js';

/**
 * Batches of another sampler's numbers.
 *
 * @param dropLast whether to leave out a last batch that is not full
 * @throws ArgumentError for a wrong sampler or size, or if no batch is left
 * @example
 * [...new data.BatchSampler([3, 1, 2], 2, false)]; // 3 and 1, then 2
 */
export class BatchSampler implements Sampler<number[]> {
  readonly length: number;
  readonly generator: Generator | undefined;

  constructor(
    readonly sampler: Sampler,
    readonly batchSize: number,
    readonly dropLast: boolean,
  ) {
    checkSampler('BatchSampler', 'sampler', sampler);
    checkInteger('BatchSampler', 'batchSize', batchSize, 1);
    checkFlag('BatchSampler', 'dropLast', dropLast);
    this.length = batchesOf('BatchSampler', sampler.length, batchSize, dropLast);
    this.generator = sampler.generator;
  }

  [Symbol.iterator](): Iterator<number[]> {
    return batched(this.sampler[Symbol.iterator](), this.batchSize, this.dropLast);
  }
}

/** @internal How many batches there are. */
export function batchesOf(operation: string, samples: number, batchSize: number, dropLast: boolean): number {
  const batches = dropLast ? Math.floor(samples / batchSize) : Math.ceil(samples / batchSize);
  if (batches > 0) return batches;
  const got = `${samples} samples and batchSize ${batchSize}`;
  throw new ArgumentError(`${operation}: dropLast must leave a batch, got ${got}`);
}

/** @internal Lists of `batchSize` values; the last one may be shorter or, with `dropLast`, is left out. */
export function* batched<T>(values: Iterator<T>, batchSize: number, dropLast: boolean): IterableIterator<T[]> {
  for (;;) {
    const batch: T[] = [];
    while (batch.length < batchSize) {
      const next = values.next();
      if (next.done) break;
      batch.push(next.value);
    }
    if (batch.length === batchSize || (batch.length > 0 && !dropLast)) yield batch;
    if (batch.length < batchSize) return;
  }
}

/** Options of {@link BucketBatchSampler}. */
export interface BucketBatchSamplerOptions extends GeneratorOptions {
  /** Samples of which the lengths are sorted together; default 100 batches. */
  bucketSize?: number;
  /** Whether to leave out batches that are not full; default false. */
  dropLast?: boolean;
}

/**
 * Batches of samples of similar length, so that little of a padded batch is padding: samples in random order are cut into
 * buckets, each is sorted by length and cut into batches, and all batches come in random order.
 *
 * @param lengths that of each sample
 * @throws ArgumentError for wrong options, or if no batch is left
 * @example
 * const sentences = [[1, 2, 3], [4], [5, 6], [7]].map((words) => tensor(words));
 * const batchSampler = new data.BucketBatchSampler(sentences.map((words) => words.length), 2, { seed: 1 });
 * const dataset = { length: 4, get: (i: number) => sentences[i]! };
 * new data.DataLoader(dataset, { batchSampler, collateFn: (batch) => data.padSequence(batch, { batchFirst: true }) });
 */
export class BucketBatchSampler implements Sampler<number[]> {
  readonly length: number;
  readonly generator: Generator;
  readonly #lengths: Float64Array;
  readonly #batchSize: number;
  readonly #bucketSize: number;
  readonly #dropLast: boolean;

  constructor(lengths: ArrayLike<number>, batchSize: number, options: BucketBatchSamplerOptions = {}) {
    const name = 'BucketBatchSampler';
    checkOptions(name, options, ['bucketSize', 'dropLast', 'seed', 'generator']);
    const length = (value: unknown) => checkNumber(name, 'each length', value);
    this.#lengths = Float64Array.from(checkEach(name, 'lengths', 'must be numbers', lengths, length));
    this.#batchSize = checkInteger(name, 'batchSize', batchSize, 1);
    this.#bucketSize = checkInteger(name, 'bucketSize', options.bucketSize ?? 100 * batchSize, 1);
    if (this.#bucketSize % batchSize !== 0) {
      const rule = `bucketSize must be a multiple of batchSize ${batchSize}`;
      throw new ArgumentError(`${name}: ${rule}, got ${describe(this.#bucketSize)}`);
    }
    this.#dropLast = checkFlag(name, 'dropLast', options.dropLast, false);
    if (this.#lengths.length === 0) throw new ArgumentError(`${name}: lengths must have a number, got none`);
    this.length = batchesOf(name, this.#lengths.length, batchSize, this.#dropLast);
    this.generator = chooseGenerator(name, options) ?? defaultGenerator();
  }

  [Symbol.iterator](): Iterator<number[]> {
    const batches = allOrNothing(() => this.#draw());
    return batches[Symbol.iterator]();
  }

  #draw(): number[][] {
    const { generator } = this;
    const order = numbersOf(randperm(this.#lengths.length, { generator }));
    for (let from = 0; from < order.length; from += this.#bucketSize) {
      const bucket = order.subarray(from, from + this.#bucketSize);
      bucket.sort((a, b) => (this.#lengths[a] as number) - (this.#lengths[b] as number));
    }
    const batches = [...batched(order.values(), this.#batchSize, this.#dropLast)];
    return Array.from(numbersOf(randperm(batches.length, { generator })), (place) => batches[place] as number[]);
  }
}
