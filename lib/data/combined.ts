// Datasets made of others.
import { ArgumentError, checkInteger, describe } from '../errors.js';
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
