// Reading batches: one native call for rows of tensors, sample by sample otherwise.
import { checkEach, checkInteger } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { type Dataset, TensorDataset } from './dataset.js';
import { resumed } from './iterable.js';

/** What was read for a batch: all of it at once, or samples that are to be joined. */
export type Read<Sample, Batch> = { batch: Batch; samples?: undefined } | { batch?: undefined; samples: Sample[] };

/** How a dataset is read. */
export interface Reader<Sample, Batch> {
  /** Reads the samples of these numbers. */
  readonly read: (indices: readonly number[]) => Read<Sample, Batch>;
  /** Whether batches that it reads at once have memory of their own. */
  readonly copies: boolean;
}

/**
 * How a dataset's batches are read. `isInOrder`: their numbers follow each other; `mayCollate`: samples may be joined as tensors.
 */
export function readerOf<Sample, Batch>(
  dataset: Dataset<Sample>,
  { isInOrder, mayCollate }: { isInOrder: boolean; mayCollate: boolean },
): Reader<Sample, Batch> {
  const check = (indices: readonly number[]) => {
    const index = (value: unknown) => checkInteger('DataLoader', 'each index', value, 0, dataset.length - 1);
    return checkEach('DataLoader', 'each batch of batchSampler', 'must be numbers of samples', indices, index);
  };
  if (!mayCollate || !isPlainTensorDataset(dataset)) {
    return { copies: true, read: (indices) => ({ samples: check(indices).map((index) => dataset.get(index)) }) };
  }
  const isOurs = dataset.select === TensorDataset.prototype.select && !dataset.tensors.some((t) => t.requiresGrad);
  const copies = !isInOrder && isOurs;
  const read = (indices: readonly number[]) => {
    const numbers = check(indices);
    const [first = 0] = numbers;
    if (isInOrder) return { batch: dataset.slice(first, first + numbers.length) as Batch };
    const index = tensor(Int32Array.from(numbers));
    const batch = dataset.select(index) as Batch;
    if (copies) index.dispose();
    return { batch };
  };
  return { copies, read };
}

/** A subclass with a `get` of its own is read sample by sample. */
function isPlainTensorDataset(dataset: unknown): dataset is TensorDataset {
  return dataset instanceof TensorDataset && dataset.get === TensorDataset.prototype.get;
}

/** The samples of a stream in lists of `batchSize`, without those of the first `skipped` batches. */
export async function* batchesOfStream<Sample>(
  samples: AsyncIterator<Sample>,
  batchSize: number,
  dropLast: boolean,
  skipped: number,
): AsyncGenerator<Sample[]> {
  let [batch, rest]: [Sample[], number] = [[], skipped * batchSize];
  for await (const sample of resumed(samples)) {
    if (rest > 0) {
      rest--;
      continue;
    }
    batch.push(sample);
    if (batch.length === batchSize) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0 && !dropLast) yield batch;
}

/** The values of an iterator, of which the next `count` are asked for while the last one is used. */
export async function* ahead<T>(source: AsyncIterator<T>, count: number): AsyncGenerator<T> {
  const pending: Promise<IteratorResult<T>>[] = [];
  const ask = () => {
    const next = source.next();
    next.catch(() => {}); // it is awaited later, or never if the loop is left
    pending.push(next);
  };
  try {
    for (let i = 0; i < count; i++) ask();
    for (;;) {
      ask();
      const next = await (pending.shift() as Promise<IteratorResult<T>>);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await source.return?.();
  }
}
