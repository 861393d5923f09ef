// The options of a loader, and which of them exclude each other.
import { ArgumentError } from '../errors.js';
import type { Generator } from '../ops/generator.js';
import type { defaultCollate } from './collate.js';
import type { Sampler } from './sampler.js';

/** Options of a {@link DataLoader}. */
export interface DataLoaderOptions<Sample, Batch, Out> {
  /** Samples in a batch, default 1; the last batch may be smaller. null: each sample is a batch already, and none is collated. */
  batchSize?: number | null;
  /** A new random order in each epoch, default false. */
  shuffle?: boolean;
  /** Which samples an epoch reads, in place of `shuffle`: an array of their numbers, or a sampler. */
  sampler?: Sampler;
  /** The batches of an epoch, each a list of numbers of samples, in place of `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  batchSampler?: Sampler<readonly number[]>;
  /** Seeds a generator of the loader's own, so that the orders do not depend on other random numbers. */
  seed?: number;
  /** Where the orders come from; default the generator that `manualSeed` seeds. */
  generator?: Generator;
  /** Whether to leave out a last batch that is not full; default false. */
  dropLast?: boolean;
  /** Makes a batch of samples; default {@link defaultCollate}. */
  collateFn?: (samples: Awaited<Sample>[]) => Batch;
  /** Changes each batch, say `([x, y]) => [x.to('float32').div(255), y]`. */
  transform?: (batch: Batch) => Out;
  /**
   * How many batches `for await` reads while the last one is used, default 0: for samples that are promises. Transforms run
   * when their batch is due, so that random changes in them do not depend on it.
   */
  prefetchFactor?: number;
}

/** Their names. */
export const knownOptions = [
  ...['batchSize', 'shuffle', 'sampler', 'batchSampler', 'seed', 'generator', 'dropLast', 'collateFn', 'transform'],
  'prefetchFactor',
];

/** Checks that no option says what another one says already. */
export function checkTogether(options: object, isStream: boolean): void {
  const given = (name: string) => ![undefined, false].includes((options as Record<string, undefined | false>)[name]);
  const refuse = (name: string, others: readonly string[], hint = '') => {
    const other = given(name) ? others.find(given) : undefined;
    if (other === undefined) return;
    throw new ArgumentError(`DataLoader: ${name} and ${other} exclude each other, got both${hint}`);
  };
  refuse('sampler', ['shuffle', 'seed', 'generator'], '; give them to the sampler');
  refuse('batchSampler', ['batchSize', 'shuffle', 'sampler', 'dropLast', 'seed', 'generator']);
  if ((options as { batchSize?: unknown }).batchSize === null) {
    const other = ['collateFn', 'dropLast'].find(given);
    if (other !== undefined) throw new ArgumentError(`DataLoader: ${other} needs batches, got batchSize null`);
  }
  const order = ['shuffle', 'sampler', 'batchSampler', 'seed', 'generator'].find(given);
  if (isStream && order !== undefined) {
    const hint = order === 'shuffle' ? '; shuffle the dataset, dataset.shuffle(1000)' : '';
    throw new ArgumentError(`DataLoader: ${order} needs samples with numbers, got an IterableDataset${hint}`);
  }
}
