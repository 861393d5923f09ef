import { getRank, getWorldSize } from '../distributed/init.js';
import { ArgumentError, checkEach, checkFunction, checkInteger, describe } from '../errors.js';
import { defaultGenerator, Generator } from '../ops/generator.js';
import { randint } from '../ops/random.js';
import { checkOptions } from '../options.js';
import { chooseGenerator, type GeneratorOptions, numbersOf } from './sampler.js';

/**
 * Samples that come one after the other, from a file, a database or a network: there may be more of them than fit into memory,
 * and nobody has to know how many. Each iteration begins anew.
 *
 * @throws ArgumentError when `open` is no function; when it does not give an iterable, at the iteration
 * @example
 * const dataset = new data.IterableDataset(async function* () {
 *   for (let i = 0; i < 1000; i++) yield tensor([i, i + 1]);
 * });
 * const loader = new data.DataLoader(dataset.shuffle(100, { seed: 1 }), { batchSize: 10 });
 */
export class IterableDataset<Sample> implements AsyncIterable<Sample> {
  /** Where the random numbers of `shuffle` come from; left out if there are none. */
  readonly generator: Generator | undefined = undefined;
  readonly #open: () => AsyncIterable<Sample> | Iterable<Sample>;

  /** @param open begins an iteration over all samples */
  constructor(open: () => AsyncIterable<Sample> | Iterable<Sample>) {
    checkFunction('IterableDataset', 'open', open);
    this.#open = open;
  }

  [Symbol.asyncIterator](): AsyncIterator<Sample> {
    const samples = this.#open();
    if (typeof samples !== 'object' || samples === null) throw notIterable(samples);
    if (Symbol.asyncIterator in samples) return samples[Symbol.asyncIterator]();
    if (Symbol.iterator in samples) return each(samples);
    throw notIterable(samples);
  }

  /** The samples changed by a function, which may be asynchronous. */
  map<Out>(fn: (sample: Sample) => Out | Promise<Out>): IterableDataset<Out> {
    checkFunction('IterableDataset', 'fn', fn);
    return new Derived(this.generator, () => mapped(this[Symbol.asyncIterator](), fn));
  }

  /**
   * The samples of one process, of as many as all others have: sample i belongs to process i mod n, and a last round that is not
   * complete is left out. Each process reads all samples and passes over those of others. Shuffle before, with one seed for all, or
   * after.
   *
   * @param options numReplicas: how many parts there are, default one for each process of the run; rank: which part it is, default
   *   that of this process
   * @throws ArgumentError for a rank outside of the run
   * @example
   * const dataset = new data.IterableDataset(() => [0, 1, 2, 3, 4]).shard({ numReplicas: 2, rank: 1 }); // 1, 3
   */
  shard(options: ShardOptions = {}): IterableDataset<Sample> {
    checkOptions('IterableDataset', options, ['numReplicas', 'rank']);
    const parts = checkInteger('IterableDataset', 'numReplicas', options.numReplicas ?? getWorldSize(), 1, 2 ** 20);
    const rank = checkInteger('IterableDataset', 'rank', options.rank ?? getRank(), 0, parts - 1);
    return new Derived(this.generator, () => part(this[Symbol.asyncIterator](), parts, rank));
  }

  /**
   * The samples in a random order: of the next `bufferSize` ones, one is taken at random. The whole is only as well mixed as
   * the buffer is large.
   */
  shuffle(bufferSize: number, options: GeneratorOptions = {}): IterableDataset<Sample> {
    checkInteger('IterableDataset', 'bufferSize', bufferSize, 1, 2 ** 31 - 1);
    checkOptions('IterableDataset', options, ['seed', 'generator']);
    if (this.generator !== undefined) {
      throw new ArgumentError('IterableDataset: shuffle must be called once, got a dataset that is shuffled already');
    }
    const generator = chooseGenerator('IterableDataset', options);
    return randomised(generator, (own) => shuffled(this[Symbol.asyncIterator](), bufferSize, own));
  }
}

/** Options of `shard` of an {@link IterableDataset}. */
export interface ShardOptions {
  /** How many parts there are; default: one for each process of the run. */
  numReplicas?: number;
  /** Which part it is, from 0; default: that of this process. */
  rank?: number;
}

/** A dataset made of another. */
class Derived<Sample> extends IterableDataset<Sample> {
  constructor(
    override readonly generator: Generator | undefined,
    open: () => AsyncIterable<Sample>,
  ) {
    super(open);
  }
}

/**
 * @internal A dataset in a random order. `make` has a generator of its own for each epoch, whose seed is drawn at once, so that
 * what else is drawn in the course of the epoch does not matter.
 */
export function randomised<Sample>(
  given: Generator | undefined,
  make: (own: Generator) => AsyncIterable<Sample>,
): IterableDataset<Sample> {
  const generator = given ?? defaultGenerator();
  return new Derived(generator, () => {
    const [seed] = numbersOf(randint(0, 2 ** 31, [1], { generator }));
    return make(new Generator(seed));
  });
}

function notIterable(got: unknown): ArgumentError {
  return new ArgumentError(`IterableDataset: open must give an iterable, got ${describe(got)}`);
}

async function* each<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values;
}

async function* mapped<T, Out>(values: AsyncIterator<T>, fn: (value: T) => Out | Promise<Out>): AsyncGenerator<Out> {
  for await (const value of resumed(values)) yield await fn(value);
}

async function* part<T>(values: AsyncIterator<T>, parts: number, rank: number): AsyncGenerator<T> {
  let place = 0;
  let mine: T | undefined;
  for await (const value of resumed(values)) {
    if (place === rank) mine = value;
    place = (place + 1) % parts;
    if (place === 0) yield mine as T;
  }
}

/** Numbers are drawn in blocks: one call for each sample would cost more than the sample. */
const block = 1024;

async function* shuffled<T>(values: AsyncIterator<T>, size: number, generator: Generator): AsyncGenerator<T> {
  const buffer: T[] = [];
  let draws: Int32Array = new Int32Array(0);
  let used = 0;
  const draw = (below: number): number => {
    if (used === draws.length) {
      draws = numbersOf(randint(0, 2 ** 31, [block], { generator }));
      used = 0;
    }
    return Math.floor(((draws[used++] as number) / 2 ** 31) * below);
  };
  const take = (): T => {
    const place = draw(buffer.length);
    const taken = buffer[place] as T;
    const last = buffer.pop() as T;
    if (place < buffer.length) buffer[place] = last;
    return taken;
  };
  for await (const value of resumed(values)) {
    if (buffer.length === size) yield take();
    buffer.push(value);
  }
  while (buffer.length > 0) yield take();
}

/** @internal An iterator for `for await`, which ends it when the loop is left. */
export function resumed<T>(iterator: AsyncIterator<T>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => iterator };
}

/**
 * The samples of one dataset after those of another, for datasets without numbers.
 *
 * @throws ArgumentError when there is no dataset, or one is no {@link IterableDataset}
 * @example
 * const [first, second] = [new data.IterableDataset(() => [1, 2]), new data.IterableDataset(() => [3])];
 * const dataset = new data.ChainDataset([first, second]);
 */
export class ChainDataset<Sample> extends IterableDataset<Sample> {
  constructor(datasets: readonly IterableDataset<Sample>[]) {
    const list = checkEach('ChainDataset', 'datasets', 'must be datasets', datasets, (dataset) => {
      if (dataset instanceof IterableDataset && dataset.generator === undefined)
        return dataset as IterableDataset<Sample>;
      const got = dataset instanceof IterableDataset ? 'one that is shuffled; shuffle the whole' : describe(dataset);
      throw new ArgumentError(`ChainDataset: each dataset must be an IterableDataset, got ${got}`);
    });
    if (list.length === 0) throw new ArgumentError('ChainDataset: datasets must have a dataset, got none');
    super(async function* () {
      for (const dataset of list) yield* dataset;
    });
  }
}
