import { ArgumentError, checkFlag, checkFunction, checkInteger, StateError } from '../errors.js';
import { Turns } from '../event-loop.js';
import { isPromise } from '../memory.js';
import { defaultGenerator, type Generator } from '../ops/generator.js';
import { checkOptions } from '../options.js';
import { type Pulled, pull } from '../pulled.js';
import { type Collated, defaultCollate } from './collate.js';
import { checkDataset, type Dataset } from './dataset.js';
import { IterableDataset } from './iterable.js';
import { checkTogether, type DataLoaderOptions, knownOptions } from './loader-options.js';
import { ahead, batchesOfStream, type Reader, readerOf } from './loader-read.js';
import { checkState, type DataLoaderState, withState } from './loader-state.js';
import { checkSampler, chooseGenerator, RandomSampler, type Sampler, SequentialSampler } from './sampler.js';
import { BatchSampler, batchesOf } from './sampler-batch.js';
import { DistributedSampler } from './sampler-distributed.js';

/** One pass over the data. */
interface Epoch<Items> {
  /** The lists of numbers or the samples that are left. */
  items: Items;
  /** The generator's state before the order was drawn. */
  begin: Int32Array | null;
  /** Batches given. */
  batch: number;
  isOver: boolean;
}

/**
 * Reads a dataset in batches, one epoch per iteration, in `for (const batch of loader)` or `for await (…)`. The latter lets
 * the event loop turn every 8 ms, so that a server goes on answering. An {@link IterableDataset} needs it.
 *
 * Each iteration of a shuffled loader takes its order when it begins: the same seed gives the same orders, one after the
 * other. A {@link TensorDataset} is read by one native call for each tensor; without `shuffle` its batches are views of
 * the dataset, so `clone()` one before changing it in place.
 *
 * `stateDict` and `loadStateDict` save and restore the position, also inside of an epoch: the next iteration gives the batches
 * that were left.
 *
 * @throws ArgumentError for wrong or unknown options, or a dataset without samples
 * @example
 * const loader = new data.DataLoader(new data.TensorDataset(x, y), { batchSize: 64, shuffle: true, seed: 1 });
 * for await (const [images, labels] of loader) step(images, labels);
 */
export class DataLoader<Sample, Batch = Collated<Awaited<Sample>>, Out = Batch> {
  readonly dataset: Dataset<Sample> | IterableDataset<Sample>;
  /** null where batches are not made here. */
  readonly batchSize: number | null;
  readonly #options: DataLoaderOptions<Sample, Batch, Out>;
  readonly #generator: Generator | undefined;
  #epoch: Pick<Epoch<unknown>, 'begin' | 'batch' | 'isOver'> = { begin: null, batch: 0, isOver: true };
  /** Whether the next iteration goes on with that epoch. */
  #isRestored = false;

  constructor(dataset: Dataset<Sample> | IterableDataset<Sample>, options: DataLoaderOptions<Sample, Batch, Out> = {}) {
    if (!(dataset instanceof IterableDataset)) checkDataset('DataLoader', dataset);
    checkOptions('DataLoader', options, knownOptions, ['batchSize']);
    this.dataset = dataset;
    this.#options = { ...options };
    checkTogether(options, dataset instanceof IterableDataset);
    const { batchSize = options.batchSampler === undefined ? 1 : null } = options;
    this.batchSize = batchSize === null ? null : checkInteger('DataLoader', 'batchSize', batchSize, 1);
    for (const name of ['shuffle', 'dropLast'] as const) checkFlag('DataLoader', name, options[name], false);
    for (const name of ['collateFn', 'transform'] as const) {
      if (options[name] !== undefined) checkFunction('DataLoader', name, options[name]);
    }
    for (const name of ['sampler', 'batchSampler'] as const) {
      if (options[name] !== undefined) checkSampler('DataLoader', name, options[name]);
    }
    checkInteger('DataLoader', 'prefetchFactor', options.prefetchFactor ?? 0);
    this.#generator = chooseGenerator('DataLoader', options) ?? (options.shuffle ? defaultGenerator() : undefined);
    if (!(dataset instanceof IterableDataset)) this.#batches(dataset); // that there are some
  }

  /**
   * Batches in an epoch.
   *
   * @throws StateError where nobody knows, for an {@link IterableDataset}
   */
  get length(): number {
    if (!(this.dataset instanceof IterableDataset)) return this.#batches(this.dataset).length;
    throw new StateError('DataLoader: length must be known, got an IterableDataset; count the batches as they come');
  }

  /** The batches of one epoch. */
  [Symbol.iterator](): IterableIterator<Out> {
    const { dataset } = this;
    if (dataset instanceof IterableDataset) {
      throw new StateError('DataLoader: an IterableDataset needs for await (… of loader), got for (… of loader)');
    }
    return this.#run(this.#begin(dataset), this.#reader(dataset));
  }

  /** The batches of one epoch; awaits samples that are promises, and lets the event loop turn. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Awaited<Out>> {
    const { dataset } = this;
    if (dataset instanceof IterableDataset) {
      const epoch = this.#start(dataset.generator, () => dataset[Symbol.asyncIterator]());
      return this.#runAsync(epoch, this.#readStream(epoch));
    }
    const epoch = this.#begin(dataset);
    return this.#runAsync(epoch, this.#readAsync(epoch, this.#reader(dataset)));
  }

  /**
   * @internal The batches of one epoch for a consumer that keeps none and lets the event loop turn itself: promises only where
   * they are needed, and whether the tensors are nobody else's.
   */
  _pass(): { batches: Pulled<Out>; areFresh: boolean } {
    const { dataset } = this;
    const { transform, collateFn, batchSampler = null, prefetchFactor = 0 } = this.#options;
    const isChanged = (['iterator', 'asyncIterator'] as const).some(
      (key) => this[Symbol[key]] !== DataLoader.prototype[Symbol[key]],
    );
    if (isChanged) return { batches: pull<Out>(this), areFresh: false };
    const areMade = transform === undefined && collateFn === undefined && (this.batchSize ?? batchSampler) !== null;
    if (dataset instanceof IterableDataset) return { batches: pull<Out>(this), areFresh: areMade };
    const reader = this.#reader(dataset);
    const areFresh = areMade && reader.copies;
    if (prefetchFactor > 0) return { batches: pull<Out>(this), areFresh };
    const epoch = this.#begin(dataset);
    return { batches: { next: () => this.#next(epoch, reader) }, areFresh };
  }

  /**
   * @internal The same loader for this process's part of the data, one of as many as there are processes: with a `DistributedSampler`, or
   * `shard`. One that has a sampler of its own stays as it is.
   */
  _shared(seed: number): DataLoader<Sample, Batch, Out> {
    const { dataset } = this;
    if (dataset instanceof IterableDataset) return new DataLoader(dataset.shard(), this.#options);
    const { sampler, batchSampler, shuffle = false, seed: own = seed, generator, ...others } = this.#options;
    if (sampler !== undefined || batchSampler !== undefined) return this;
    if (generator !== undefined) {
      const hint = 'give seed in its place, or a DistributedSampler';
      throw new ArgumentError(`DataLoader: all processes must draw one order, got a generator; ${hint}`);
    }
    return new DataLoader(dataset, { ...others, sampler: new DistributedSampler(dataset, { shuffle, seed: own }) });
  }

  /** @internal Tells the sampler, if it wants to know, which epoch comes next. */
  _setEpoch(epoch: number): void {
    const { batchSampler, sampler = batchSampler } = this.#options;
    const inner = sampler instanceof BatchSampler ? sampler.sampler : sampler;
    (inner as { setEpoch?: (epoch: number) => void } | undefined)?.setEpoch?.(epoch);
  }

  /**
   * Where the loader is in its data: after the batch that was given last, or between two epochs. It holds the state of the
   * generator from which the order of the epoch was drawn.
   *
   * @example
   * const loader = new data.DataLoader(new data.TensorDataset(arange(10)), { batchSize: 2, shuffle: true, seed: 1 });
   * for (const [batch] of loader) if (batch.sum().item() > 10) break;
   * const state = loader.stateDict();
   * loader.loadStateDict(state); // the next loop gives the rest of the epoch
   */
  stateDict(): DataLoaderState {
    const generator = this.#source().generator?.getState() ?? null;
    const { begin, batch, isOver } = this.#epoch;
    const place = isOver ? { begin: null, batch: 0 } : { begin: begin?.slice() ?? null, batch };
    return { ...place, generator, samples: this.#samples(), batchSize: this.batchSize };
  }

  /**
   * Goes on where `stateDict` was called: the next iteration gives the batches that were left of the epoch, later ones are in the
   * orders in which they would have been. The loader and its data must be as they were.
   *
   * @throws StateError or ArgumentError for the state of another loader
   */
  loadStateDict(state: DataLoaderState): void {
    const generator = this.#source().generator;
    const like = { samples: this.#samples(), batchSize: this.batchSize };
    const { batch, begin, generator: now } = checkState(state, like, generator !== undefined);
    if (now !== null) generator?.setState(now);
    this.#isRestored = batch > 0 || begin !== null;
    this.#epoch = { begin: begin?.slice() ?? null, batch, isOver: !this.#isRestored };
  }

  /** What has the random numbers of an epoch. */
  #source(): { readonly generator?: Generator | undefined } {
    if (this.dataset instanceof IterableDataset) return this.dataset;
    return this.#options.batchSampler ?? this.#options.sampler ?? { generator: this.#generator };
  }

  #samples(): number | null {
    if (this.dataset instanceof IterableDataset) return null;
    return (this.#options.batchSampler ?? this.#options.sampler ?? this.dataset).length;
  }

  /** The numbers of the samples of each batch. */
  #batches(dataset: Dataset<Sample>): Sampler<readonly number[]> {
    const { shuffle, sampler, batchSampler, dropLast = false } = this.#options;
    if (batchSampler !== undefined) return batchSampler;
    const chosen =
      sampler ??
      (shuffle ? new RandomSampler(dataset, { generator: this.#generator }) : new SequentialSampler(dataset));
    batchesOf('DataLoader', chosen.length, this.batchSize ?? 1, dropLast);
    return new BatchSampler(chosen, this.batchSize ?? 1, dropLast);
  }

  #reader(dataset: Dataset<Sample>): Reader<Sample, Batch> {
    const { shuffle = false, sampler, batchSampler, collateFn } = this.#options;
    const isInOrder =
      sampler === undefined ? batchSampler === undefined && !shuffle : sampler instanceof SequentialSampler;
    return readerOf(dataset, { isInOrder, mayCollate: collateFn === undefined && this.batchSize !== null });
  }

  #begin(dataset: Dataset<Sample>): Epoch<Iterator<readonly number[]>> {
    checkDataset('DataLoader', dataset);
    const batches = this.#batches(dataset);
    const epoch = this.#start(batches.generator, () => batches[Symbol.iterator]());
    for (let i = 0; i < epoch.batch; i++) epoch.items.next();
    return epoch;
  }

  /** Begins an epoch, or goes on with one. */
  #start<Items>(generator: Generator | undefined, make: () => Items): Epoch<Items> {
    const { begin, batch } = this.#isRestored ? this.#epoch : { begin: generator?.getState() ?? null, batch: 0 };
    const isPast = this.#isRestored && generator !== undefined && begin !== null;
    const items = isPast ? withState(generator, begin, make) : make();
    const epoch: Epoch<Items> = { items, begin, batch, isOver: false };
    this.#epoch = epoch;
    this.#isRestored = false;
    return epoch;
  }

  *#run(epoch: Epoch<Iterator<readonly number[]>>, reader: Reader<Sample, Batch>): IterableIterator<Out> {
    for (let next = epoch.items.next(); !next.done; next = epoch.items.next()) {
      const batch = this.#read(reader, next.value);
      if (isPromise(batch)) {
        batch.then(undefined, () => {}); // nobody awaits it
        throw new StateError(
          'DataLoader: samples or batches that are promises need for await (… of loader), got for (… of loader)',
        );
      }
      const out = this.#finish(batch);
      epoch.batch++;
      yield out;
    }
    epoch.isOver = true;
  }

  #next(
    epoch: Epoch<Iterator<readonly number[]>>,
    reader: Reader<Sample, Batch>,
  ): IteratorResult<Out> | Promise<IteratorResult<Out>> {
    const next = epoch.items.next();
    if (next.done) {
      epoch.isOver = true;
      return { done: true, value: undefined };
    }
    const give = (value: Out): IteratorResult<Out> => {
      epoch.batch++;
      return { done: false, value };
    };
    const batch = this.#read(reader, next.value);
    const out = isPromise(batch) ? batch.then((read) => this.#finish(read)) : this.#finish(batch);
    return isPromise(out) ? (out as Promise<Out>).then(give) : give(out);
  }

  async *#runAsync(epoch: Epoch<unknown>, batches: AsyncGenerator<Batch>): AsyncIterableIterator<Awaited<Out>> {
    const turns = new Turns();
    for await (const batch of ahead(batches, this.#options.prefetchFactor ?? 0)) {
      if (turns.isDue) await turns.give();
      const out = await this.#finish(batch);
      epoch.batch++;
      yield out;
    }
    epoch.isOver = true;
  }

  async *#readAsync(
    { items }: Epoch<Iterator<readonly number[]>>,
    reader: Reader<Sample, Batch>,
  ): AsyncGenerator<Awaited<Batch>> {
    for (let next = items.next(); !next.done; next = items.next()) yield await this.#read(reader, next.value);
  }

  /** The samples of these numbers as a batch; a promise if they are promises. */
  #read({ read }: Reader<Sample, Batch>, indices: readonly number[]): Batch | Promise<Batch> {
    const { batch, samples } = read(indices);
    if (samples === undefined) return batch;
    if (samples.some(isPromise)) return Promise.all(samples).then((all) => this.#join(all));
    return this.#join(samples as Awaited<Sample>[]);
  }

  async *#readStream({ items, batch: skipped }: Epoch<AsyncIterator<Sample>>): AsyncGenerator<Awaited<Batch>> {
    let isEmpty = skipped === 0;
    const { dropLast = false } = this.#options;
    for await (const samples of batchesOfStream(items, this.batchSize ?? 1, dropLast, skipped)) {
      isEmpty = false;
      yield await this.#join(samples as Awaited<Sample>[]);
    }
    if (isEmpty) {
      throw new StateError('DataLoader: an IterableDataset must give a batch, got none; it must begin anew each time');
    }
  }

  #join(samples: Awaited<Sample>[]): Batch {
    if (this.batchSize === null && this.#options.batchSampler === undefined) return samples[0] as Batch;
    const { collateFn } = this.#options;
    return collateFn === undefined ? (defaultCollate(samples) as Batch) : collateFn(samples);
  }

  #finish(batch: Batch): Out {
    const { transform } = this.#options;
    return transform === undefined ? (batch as unknown as Out) : transform(batch);
  }
}
