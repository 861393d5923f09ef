// Datasets made of others.
import { ArgumentError, checkInteger, describe, isPlain } from '../errors.js';
import { checkDataset, type Dataset } from './dataset.js';

/**
 * The samples of a dataset that `indices` names, in their order.
 *
 * @throws ArgumentError when an index is not that of a sample, or there is none
 * @example
 * const dataset = new data.TensorDataset(arange(10));
 * new data.Subset(dataset, [7, 2]).get(0)[0]; // 7
 */
export class Subset<Sample> implements Dataset<Sample> {
  readonly dataset: Dataset<Sample>;
  readonly indices: readonly number[];

  constructor(dataset: Dataset<Sample>, indices: readonly number[]) {
    checkDataset('Subset', dataset);
    if (!Array.isArray(indices) || indices.length === 0) {
      throw new ArgumentError(`Subset: indices must be an array of at least one number, got ${describe(indices)}`);
    }
    this.dataset = dataset;
    this.indices = Array.from(indices, (index) => checkInteger('Subset', 'each index', index, 0, dataset.length - 1));
  }

  get length(): number {
    return this.indices.length;
  }

  /** The sample of this number in the subset. */
  get(index: number): Sample {
    checkInteger('Subset', 'index', index, 0, this.length - 1);
    return this.dataset.get(this.indices[index] as number);
  }
}

/**
 * Datasets one after the other.
 *
 * @throws ArgumentError when there is no dataset, or one has no samples
 * @example
 * const [first, second] = [new data.TensorDataset(arange(3)), new data.TensorDataset(arange(5))];
 * new data.ConcatDataset([first, second]).get(4)[0]; // 1
 */
export class ConcatDataset<Sample> implements Dataset<Sample> {
  readonly datasets: readonly Dataset<Sample>[];

  constructor(datasets: readonly Dataset<Sample>[]) {
    if (!Array.isArray(datasets) || datasets.length === 0) {
      throw new ArgumentError(
        `ConcatDataset: datasets must be an array of at least one dataset, got ${describe(datasets)}`,
      );
    }
    for (const dataset of datasets) checkDataset('ConcatDataset', dataset);
    this.datasets = [...datasets];
  }

  get length(): number {
    return this.datasets.reduce((sum, dataset) => sum + dataset.length, 0);
  }

  /** The sample of this number, counted through all datasets. */
  get(index: number): Sample {
    let rest = checkInteger('ConcatDataset', 'index', index, 0, this.length - 1);
    const found = this.datasets.find((dataset) => {
      if (rest < dataset.length) return true;
      rest -= dataset.length;
      return false;
    });
    return (found as Dataset<Sample>).get(rest);
  }
}

/** Samples of several datasets, as a tuple or under their names. */
export type Stacked<Datasets> = {
  -readonly [K in keyof Datasets]: Datasets[K] extends Dataset<infer Sample> ? Sample : never;
};

/**
 * Datasets side by side: sample i has sample i of each, in an array or, where they are given in an object, under their names.
 *
 * @throws ArgumentError when there is no dataset, or they have different lengths
 * @example
 * const [images, words] = [new data.TensorDataset(rand(5, 8)), { length: 5, get: (i: number) => `word ${i}` }];
 * new data.StackDataset({ images, words }).get(3).words; // 'word 3'
 */
export class StackDataset<
  const Datasets extends readonly Dataset<unknown>[] | Readonly<Record<string, Dataset<unknown>>>,
> implements Dataset<Stacked<Datasets>>
{
  readonly datasets: Datasets;
  readonly length: number;

  constructor(datasets: Datasets) {
    if (!Array.isArray(datasets) && !isPlain(datasets)) {
      throw new ArgumentError(`StackDataset: datasets must be an array or an object, got ${describe(datasets)}`);
    }
    const list = Object.values(datasets);
    const [first] = list;
    if (first === undefined) throw new ArgumentError('StackDataset: datasets must have a dataset, got none');
    for (const dataset of list) {
      checkDataset('StackDataset', dataset);
      if (dataset.length === first.length) continue;
      throw new ArgumentError(`StackDataset: lengths must be equal, got ${first.length} and ${dataset.length}`);
    }
    this.datasets = (Array.isArray(datasets) ? [...datasets] : { ...datasets }) as Datasets;
    this.length = first.length;
  }

  /** The sample of this number of each. */
  get(index: number): Stacked<Datasets> {
    checkInteger('StackDataset', 'index', index, 0, this.length - 1);
    const entries = Object.entries(this.datasets as Record<string, Dataset<unknown>>);
    const samples = entries.map(([name, dataset]) => [name, dataset.get(index)] as const);
    return (
      Array.isArray(this.datasets) ? samples.map(([, sample]) => sample) : Object.fromEntries(samples)
    ) as Stacked<Datasets>;
  }
}
