import { expect, it } from 'vitest';
import { ConcatDataset, Subset } from '../../lib/data/combined.js';
import type { Dataset } from '../../lib/data/dataset.js';
import { DataLoader } from '../../lib/data/loader.js';
import type { Tensor } from '../../lib/tensor.js';

const list = (...values: number[]): Dataset<number> => ({ length: values.length, get: (i) => values[i] as number });
const read = (dataset: Dataset<number>): unknown =>
  [...new DataLoader(dataset, { batchSize: 2 })].map((batch) => (batch as unknown as Tensor).toArray());

it('a subset has the samples of its indices, in their order', () => {
  expect(read(new Subset(list(5, 6, 7, 8), [3, 0, 3]))).toEqual([[8, 5], [8]]);
});

it('concatenated datasets are read one after the other', () => {
  const dataset = new ConcatDataset([list(1), list(2, 3), new Subset(list(4, 5), [1])]);
  expect(dataset.length).toBe(4);
  expect(read(dataset)).toEqual([
    [1, 2],
    [3, 5],
  ]);
});

it('wrong indices and datasets are refused', () => {
  expect(() => new Subset(list(1, 2), [2])).toThrow(
    'Subset: each index must be an integer of at least 0 and at most 1',
  );
  expect(() => new Subset(list(1), [])).toThrow('Subset: indices must be an array of at least one number, got []');
  expect(() => new Subset(list(1, 2), [0]).get(1)).toThrow('Subset: index must be an integer');
  expect(() => new ConcatDataset([])).toThrow(
    'ConcatDataset: datasets must be an array of at least one dataset, got []',
  );
  expect(() => new ConcatDataset([list(1)]).get(1)).toThrow('ConcatDataset: index must be an integer');
});
