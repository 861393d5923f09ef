import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import { embedding } from '../../lib/ops/embedding.js';
import { type BagMode, embeddingBag } from '../../lib/ops/embedding-bag.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, type InputSpec, irregular, type OpRow, type Plain } from '../support/harness.js';

const rowsOf = (table: Plain, j: number): number[] => {
  const columns = table.shape[1] as number;
  return table.data.slice(j * columns, (j + 1) * columns);
};

const names = (list: number[], shape = [list.length]): InputSpec => ({
  shape,
  dtype: 'int32',
  values: (i) => list[i] as number,
});

const looked = (table: number[], index: InputSpec, gradient = true): OpRow => ({
  name: `embedding [${table}] of [${index.shape}]`,
  run: (weight, positions) => embedding(positions as Tensor, weight as Tensor),
  inputs: [{ shape: table }, index],
  reference: ((weight: Plain, positions: Plain): Plain => ({
    shape: [...positions.shape, table[1] as number],
    data: positions.data.flatMap((j) => rowsOf(weight, j)),
  })) as OpRow['reference'],
  gradient,
});

function bagReference(weight: Plain, index: Plain, starts: number[], mode: BagMode, factors?: Plain, padding?: number) {
  const columns = weight.shape[1] as number;
  const magnitude: number[] = [];
  const data = starts.flatMap((start, b) => {
    const end = starts[b + 1] ?? index.data.length;
    const members = index.data
      .map((j, at) => [j, at] as const)
      .slice(start, end)
      .filter(([j]) => j !== padding);
    return Array.from({ length: columns }, (_, k) => {
      const terms = members.map(([j, at]) => (factors?.data[at] ?? 1) * (rowsOf(weight, j)[k] as number));
      const share = mode === 'mean' ? 1 / Math.max(1, terms.length) : 1;
      magnitude.push(terms.reduce((a, v) => a + Math.abs(v), 0) * share);
      if (mode === 'max') return terms.length === 0 ? 0 : Math.max(...terms);
      return terms.reduce((a, v) => a + v, 0) * share;
    });
  });
  return { shape: [starts.length, columns], data, magnitude };
}

interface BagCase {
  table: number[];
  index: InputSpec;
  offsets?: number[];
  mode: BagMode;
  factors?: boolean;
  paddingIdx?: number;
  gradient?: boolean;
}

function bag({ table, index, offsets, mode, factors = false, paddingIdx, gradient }: BagCase): OpRow {
  const size = index.shape[1] ?? 0;
  const starts = offsets ?? Array.from({ length: index.shape[0] as number }, (_, b) => b * size);
  const extra = `${factors ? ' with factors' : ''}${paddingIdx === undefined ? '' : ` but ${paddingIdx}`}`;
  return {
    name: `embeddingBag ${mode} of [${index.shape}]${offsets ? ` at [${offsets}]` : ''}${extra}`,
    run: (weight, positions, perSampleWeights) =>
      embeddingBag(positions as Tensor, weight as Tensor, {
        mode,
        offsets: offsets === undefined ? null : tensor(offsets, { dtype: 'int32' }),
        perSampleWeights,
        paddingIdx,
      }),
    inputs: [{ shape: table }, index, ...(factors ? [{ shape: index.shape }] : [])],
    reference: ((weight: Plain, positions: Plain, f?: Plain): Plain =>
      bagReference(weight, positions, starts, mode, f, paddingIdx)) as OpRow['reference'],
    gradient: gradient ?? true,
  };
}

const many = Array.from({ length: 500 }, (_, i) => Math.abs(Math.floor(irregular(i) * 100)) % 90);
const square = names([3, 0, 3, 1, 2, 2], [2, 3]);
const line = names([3, 0, 3, 1, 2, 2]);
const modes: BagMode[] = ['sum', 'mean', 'max'];

const rows: OpRow[] = [
  looked([4, 3], names([2, 0, 2, 3])),
  looked([4, 3], names([2, 0, 2, 3], [2, 2])),
  looked([4, 1], names([1], [])),
  looked([4, 3], names([])),
  looked([3, 0], names([1, 2])),
  looked([90, 70], names(many), false),
  ...modes.flatMap((mode) => [
    bag({ table: [4, 3], index: square, mode }),
    bag({ table: [4, 3], index: line, offsets: [0, 2, 2, 5], mode }),
    bag({ table: [4, 3], index: square, mode, paddingIdx: 2 }),
    bag({ table: [4, 3], index: names([], [2, 0]), mode }),
    bag({ table: [90, 70], index: names(many), offsets: [0, 3, 3, 400], mode, gradient: false }),
  ]),
  bag({ table: [4, 3], index: square, mode: 'sum', factors: true }),
  bag({ table: [4, 3], index: line, offsets: [0, 2, 2, 5], mode: 'sum', factors: true, paddingIdx: 3 }),
];

const index = (list: number[], shape = [list.length]): Tensor => tensor(list, { dtype: 'int32' }).reshape(shape);

const errors: ErrorRow[] = [
  {
    name: 'embedding index type',
    call: () => embedding(ones([2]), ones([3, 2])),
    error: DTypeError,
    message: "embedding: index must be int32, got float32; convert it by index.to('int32')",
  },
  {
    name: 'embedding index range',
    call: () => embedding(index([0, 3]), ones([3, 2])),
    error: ArgumentError,
    message: 'embedding: indices must be at least 0 and below 3, got 3 (element 1)',
  },
  {
    name: 'embedding table',
    call: () => embedding(index([0]), ones([3])),
    error: ShapeError,
    message: 'embedding: weight must be [numEmbeddings, embeddingDim], got weight [3]',
  },
  {
    name: 'embedding padding',
    call: () => embedding(index([0]), ones([3, 2]), { paddingIdx: 3 }),
    error: ArgumentError,
    message: 'embedding: paddingIdx must be an integer of at least -3 and at most 2, got 3',
  },
  {
    name: 'embeddingBag rank',
    call: () => embeddingBag(index([0]), ones([3, 2])),
    error: ShapeError,
    message: 'embeddingBag: without offsets, index must be [bags, size], got index [1]',
  },
  {
    name: 'embeddingBag offsets',
    call: () => embeddingBag(index([0, 1]), ones([3, 2]), { offsets: index([0, 3]) }),
    error: ArgumentError,
    message: 'embeddingBag: offsets must ascend from 0 to at most 2, got 3 (element 1)',
  },
  {
    name: 'embeddingBag first offset',
    call: () => embeddingBag(index([0, 1]), ones([3, 2]), { offsets: index([1]), mode: 'max' }),
    error: ArgumentError,
    message: 'embeddingBag: offsets must ascend from 0 to at most 2, got 1 (element 0)',
  },
  {
    name: 'embeddingBag index range',
    call: () => embeddingBag(index([0, -1], [1, 2]), ones([3, 2])),
    error: ArgumentError,
    message: 'embeddingBag: indices must be at least 0 and below 3, got -1 (element 1)',
  },
  {
    name: 'embeddingBag no bag',
    call: () => embeddingBag(index([0]), ones([3, 2]), { offsets: index([]) }),
    error: ShapeError,
    message: 'embeddingBag: offsets must name at least one bag, got offsets [0] and index [1]',
  },
  {
    name: 'embeddingBag factors',
    call: () => embeddingBag(index([0, 1], [1, 2]), ones([3, 2]), { perSampleWeights: ones([1, 2]) }),
    error: ArgumentError,
    message: 'embeddingBag: perSampleWeights need mode sum, got mean',
  },
  {
    name: 'embeddingBag factors shape',
    call: () => embeddingBag(index([0, 1], [1, 2]), ones([3, 2]), { perSampleWeights: ones([2]), mode: 'sum' }),
    error: ShapeError,
    message: "embeddingBag: perSampleWeights must have index's shape, got perSampleWeights [2] and index [1, 2]",
  },
  {
    name: 'embeddingBag mode',
    call: () => embeddingBag(index([0, 1], [1, 2]), ones([3, 2]), { mode: 'min' as never }),
    error: ArgumentError,
    message: 'embeddingBag: mode must be sum, mean or max, got "min"',
  },
];

testFamily('embedding', { rows, errors });
