import { ArgumentError, checkInteger, describe, formatShape, ShapeError } from '../errors.js';
import { native } from '../native.js';
import { indexSelect } from '../ops/indexing.js';
import { slice } from '../ops/shape-slice.js';
import { checkTensor, type Tensor, view } from '../tensor.js';

/**
 * Samples by number, for a {@link DataLoader}. A class may extend it; any object with `length` and `get` is one. `get` may be
 * asynchronous if the loader runs in `for await`.
 *
 * @example
 * class Squares extends data.Dataset<number> {
 *   readonly length = 100;
 *   get(index: number) {
 *     return index * index;
 *   }
 * }
 * const loader = new data.DataLoader(new Squares(), { batchSize: 10 });
 */
export abstract class Dataset<Sample> {
  /** How many samples there are. */
  abstract readonly length: number;
  /** The sample of this number, 0 … length - 1. */
  abstract get(index: number): Sample;
}

/**
 * Tensors whose first dimension counts the samples: sample i is row i of each.
 *
 * @throws ArgumentError without tensors, ShapeError for a scalar or for different numbers of rows
 * @example
 * const dataset = new data.TensorDataset(images, labels); // [60000, 784] and [60000]
 */
export class TensorDataset<Tensors extends readonly Tensor[] = readonly Tensor[]> implements Dataset<Tensors> {
  readonly tensors: Tensors;
  readonly length: number;

  constructor(...tensors: Tensors) {
    if (tensors.length === 0) throw new ArgumentError('TensorDataset: needs at least one tensor, got none');
    tensors.forEach((t, i) => {
      checkTensor('TensorDataset', `tensor ${i}`, t);
      if (t.rank === 0)
        throw new ShapeError(`TensorDataset: tensor ${i} must have a dimension of samples, got a scalar`);
    });
    if (tensors.some((t) => t.shape[0] !== tensors[0]?.shape[0])) {
      const list = tensors.map((t) => formatShape(t.shape)).join(' and ');
      throw new ShapeError(`TensorDataset: tensors must have equally many rows, got ${list}`);
    }
    this.tensors = tensors;
    this.length = tensors[0]?.shape[0] ?? 0;
  }

  /** Row `index` of each tensor, as a view. */
  get(index: number): Tensors {
    checkInteger('TensorDataset', 'index', index, 0, this.length - 1);
    return this.#each((t) => view(t, (index * t.size) / this.length, t.shape.slice(1)));
  }

  /** Rows start … end - 1 of each tensor, as views: changing them in place changes the data. */
  slice(start: number, end: number): Tensors {
    checkInteger('TensorDataset', 'start', start, -this.length, this.length);
    checkInteger('TensorDataset', 'end', end, -this.length, this.length);
    return this.#each((t) => slice(t, { start, end }));
  }

  /** Copies of the rows that an int32 tensor names: one native call for each tensor. */
  select(index: Tensor): Tensors {
    return this.#each((t) => indexSelect(t, 0, index));
  }

  #each(fn: (t: Tensor) => Tensor): Tensors {
    return this.tensors.map(fn) as readonly Tensor[] as Tensors;
  }
}

/** @internal Checks that it is a dataset with samples. */
export function checkDataset(operation: string, dataset: unknown): void {
  const { length, get } = (dataset ?? {}) as Partial<Dataset<unknown>>;
  if (typeof get !== 'function' || typeof length !== 'number') {
    const hint = 'wrap tensors as new TensorDataset(x, y)';
    throw new ArgumentError(`${operation}: dataset must have length and get(index), got ${describe(dataset)}; ${hint}`);
  }
  checkInteger(operation, 'dataset.length', length, 1, native.limits.positions - 1);
}
