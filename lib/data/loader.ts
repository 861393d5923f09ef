import { setImmediate } from 'node:timers/promises';
import { ArgumentError, checkFlag, checkFunction, checkInteger, describe, StateError } from '../errors.js';
import { isPromise, keep } from '../memory.js';
import { Generator } from '../ops/generator.js';
import { randperm } from '../ops/random.js';
import { checkOptions } from '../options.js';
import { view } from '../tensor.js';
import { type Collated, collate } from './collate.js';
import { checkDataset, type Dataset, TensorDataset } from './dataset.js';

/** Options of a {@link DataLoader}. */
export interface DataLoaderOptions<Sample, Batch, Out> {
  /** Samples in a batch, default 1; the last batch may be smaller. */
  batchSize?: number;
  /** A new random order in each epoch, default false. */
  shuffle?: boolean;
  /** Seeds a generator of the loader's own, so that the orders do not depend on other random numbers. */
  seed?: number;
  /** Where the orders come from; default the generator that `manualSeed` seeds. */
  generator?: Generator;
  /** Whether to leave out a last batch that is not full; default false. */
  dropLast?: boolean;
  /** Makes a batch of samples; default {@link collate}. */
  collate?: (samples: Awaited<Sample>[]) => Batch;
  /** Changes each batch, say `([x, y]) => [x.to('float32').div(255), y]`. */
  transform?: (batch: Batch) => Out;
}

const knownOptions = ['batchSize', 'shuffle', 'seed', 'generator', 'dropLast', 'collate', 'transform'];

/** How long an asynchronous loop may keep the event loop waiting, in milliseconds. */
const breath = 8;

/**
 * Reads a dataset in batches, one epoch per iteration, in `for (const batch of loader)` or `for await (…)`. The latter lets
 * the event loop turn every 8 ms, so that a server goes on answering.
 *
 * Each iteration of a shuffled loader takes its order when it begins: the same seed gives the same orders, one after the
 * other. A {@link TensorDataset} is read by one native call for each tensor; without `shuffle` its batches are views of
 * the dataset, so `clone()` one before changing it in place.
 *
 * @throws ArgumentError for wrong or unknown options, or a dataset without samples
 * @example
 * const loader = new data.DataLoader(new data.TensorDataset(x, y), { batchSize: 64, shuffle: true, seed: 1 });
 * for await (const [images, labels] of loader) step(images, labels);
 */
export class DataLoader<Sample, Batch = Collated<Awaited<Sample>>, Out = Batch> {
  readonly dataset: Dataset<Sample>;
  readonly batchSize: number;
  readonly #shuffle: boolean;
  readonly #dropLast: boolean;
  readonly #generator: Generator | undefined;
  readonly #collate: ((samples: Awaited<Sample>[]) => Batch) | undefined;
  readonly #transform: ((batch: Batch) => Out) | undefined;

  constructor(dataset: Dataset<Sample>, options: DataLoaderOptions<Sample, Batch, Out> = {}) {
    checkDataset('DataLoader', dataset);
    checkOptions('DataLoader', options, knownOptions);
    this.dataset = dataset;
    this.batchSize = checkInteger('DataLoader', 'batchSize', options.batchSize ?? 1, 1);
    this.#shuffle = checkFlag('DataLoader', 'shuffle', options.shuffle, false);
    this.#dropLast = checkFlag('DataLoader', 'dropLast', options.dropLast, false);
    this.#generator = chooseGenerator('DataLoader', options);
    for (const name of ['collate', 'transform'] as const) {
      if (options[name] !== undefined) checkFunction('DataLoader', name, options[name]);
    }
    this.#collate = options.collate;
    this.#transform = options.transform;
    if (this.length === 0) {
      const got = `${dataset.length} samples and batchSize ${this.batchSize}`;
      throw new ArgumentError(`DataLoader: dropLast must leave a batch, got ${got}`);
    }
  }

  /** Batches in an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.#dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** The batches of one epoch. */
  [Symbol.iterator](): IterableIterator<Out> {
    return this.#run(this.#epoch());
  }

  /** The batches of one epoch; awaits samples that are promises, and lets the event loop turn. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Awaited<Out>> {
    return this.#runAsync(this.#epoch());
  }

  *#run(epoch: Epoch<Sample, Batch>): IterableIterator<Out> {
    for (let from = 0; from < epoch.end; from += this.batchSize) {
      const { batch, samples } = epoch.read(from, Math.min(from + this.batchSize, epoch.end));
      if (samples?.some(isPromise)) {
        throw new StateError(
          'DataLoader: samples that are promises need for await (… of loader), got for (… of loader)',
        );
      }
      yield this.#finish(samples === undefined ? batch : this.#join(samples as Awaited<Sample>[]));
    }
  }

  async *#runAsync(epoch: Epoch<Sample, Batch>): AsyncIterableIterator<Awaited<Out>> {
    let breathed = performance.now();
    for (let from = 0; from < epoch.end; from += this.batchSize) {
      if (performance.now() - breathed > breath) {
        await setImmediate();
        breathed = performance.now();
      }
      const { batch, samples } = epoch.read(from, Math.min(from + this.batchSize, epoch.end));
      yield await this.#finish(samples === undefined ? batch : this.#join(await Promise.all(samples)));
    }
  }

  /** Takes the order of an epoch; kept, because a scope may end while the epoch goes on. */
  #epoch(): Epoch<Sample, Batch> {
    const { dataset } = this;
    checkDataset('DataLoader', dataset);
    const order = this.#shuffle ? keep(randperm(dataset.length, { generator: this.#generator })) : undefined;
    const end = this.#dropLast ? this.length * this.batchSize : dataset.length;
    if (this.#collate === undefined && isPlainTensorDataset(dataset)) {
      const read = (from: number, to: number) =>
        order === undefined ? dataset.slice(from, to) : dataset.select(view(order, from, [to - from]));
      return { end, read: (from, to) => ({ batch: read(from, to) as Batch }) };
    }
    const numbers = order?.toTypedArray();
    const get = (index: number) => dataset.get(numbers === undefined ? index : (numbers[index] as number));
    return { end, read: (from, to) => ({ samples: Array.from({ length: to - from }, (_, i) => get(from + i)) }) };
  }

  #join(samples: Awaited<Sample>[]): Batch {
    return this.#collate === undefined ? (collate(samples) as Batch) : this.#collate(samples);
  }

  #finish(batch: Batch): Out {
    return this.#transform === undefined ? (batch as unknown as Out) : this.#transform(batch);
  }
}

/** One pass over a dataset: whole batches where one native call makes them, samples otherwise. */
interface Epoch<Sample, Batch> {
  /** Samples to read. */
  end: number;
  read(from: number, to: number): { batch: Batch; samples?: undefined } | { batch?: undefined; samples: Sample[] };
}

/** A subclass with a `get` of its own is read sample by sample. */
function isPlainTensorDataset(dataset: unknown): dataset is TensorDataset {
  return dataset instanceof TensorDataset && dataset.get === TensorDataset.prototype.get;
}

/** @internal The generator that a caller chose by `seed` or `generator`. */
export function chooseGenerator(
  operation: string,
  options: { seed?: number; generator?: Generator },
): Generator | undefined {
  const { seed, generator } = options;
  if (generator !== undefined && !(generator instanceof Generator)) {
    throw new ArgumentError(`${operation}: generator must be a Generator, got ${describe(generator)}`);
  }
  if (seed === undefined) return generator;
  if (generator !== undefined) throw new ArgumentError(`${operation}: seed and generator exclude each other, got both`);
  return new Generator(checkInteger(operation, 'seed', seed));
}
