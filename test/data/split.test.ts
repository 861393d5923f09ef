import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StackDataset } from '../../lib/data/combined.js';
import { TensorDataset } from '../../lib/data/dataset.js';
import { GroupKFold, KFold, StratifiedKFold } from '../../lib/data/folds.js';
import { ChainDataset, IterableDataset } from '../../lib/data/iterable.js';
import { randomSplit, trainTestSplit } from '../../lib/data/split.js';
import { Table } from '../../lib/data/table.js';
import { arange } from '../../lib/ops/creation.js';

const golden = JSON.parse(readFileSync(new URL('../golden/preprocessing.json', import.meta.url), 'utf8'));
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const sorted = (list: Iterable<number>) => [...list].sort((a, b) => a - b);
const lists = (folds: [Int32Array, Int32Array][]) => folds.map(([train, test]) => [[...train], [...test]]);

describe('trainTestSplit', () => {
  it.each<[string, { rows: number; testSize: number | null; trainSize: number | null; sizes: number[] | null }]>(
    golden.sizes.map((row: object) => [JSON.stringify(row), row]),
  )('has sizes as scikit-learn has them: %s', (_, row) => {
    const options = {
      ...(row.testSize === null ? {} : { testSize: row.testSize }),
      ...(row.trainSize === null ? {} : { trainSize: row.trainSize }),
    };
    const split = () => trainTestSplit(range(row.rows), options).map((part) => part.length);
    if (row.sizes === null) expect(split).toThrow('trainTestSplit: ');
    else expect(split()).toEqual(row.sizes);
  });

  it('splits tables, tensors, arrays and datasets alike, each row into one part', () => {
    const n = 30;
    const table = Table.fromRows(range(n).map((x) => ({ x })));
    const parts = trainTestSplit(
      table,
      arange(n),
      Float64Array.from(range(n)),
      range(n),
      new TensorDataset(arange(n)),
      { seed: 1, testSize: 0.3 },
    );
    const [a, b, c, d, e, f, g, h, i, j] = parts;
    expect([a.length, b.length]).toEqual([21, 9]);
    expect(sorted([...g, ...h])).toEqual(range(n));
    expect(g).not.toEqual(sorted(g));
    for (const [table, tensor, array, list, set] of [
      [a, c, e, g, i],
      [b, d, f, h, j],
    ] as const) {
      expect(Array.from(table.rows(), ({ x }) => x)).toEqual(list);
      expect(tensor.toArray()).toEqual(list);
      expect(array).toEqual(Float64Array.from(list));
      expect(range(set.length).map((k) => set.get(k)[0]!.item())).toEqual(list);
    }
    expect(trainTestSplit(range(n), { seed: 1, testSize: 0.3 })).toEqual([g, h]);
    expect(trainTestSplit(range(n), { seed: 2, testSize: 0.3 })).not.toEqual([g, h]);
    expect(trainTestSplit(range(5), { shuffle: false })).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
  });

  it('keeps the shares of classes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 40 }), { minLength: 2, maxLength: 4 }),
        fc.double({ min: 0.2, max: 0.7, noNaN: true }),
        fc.nat(1000),
        (counts, testSize, seed) => {
          const y = counts.flatMap((count, i) => new Array<string>(count).fill(`class ${i}`));
          const n = y.length;
          fc.pre(Math.ceil(testSize * n) >= counts.length && n - Math.ceil(testSize * n) >= counts.length);
          const [train, test] = trainTestSplit(range(n), { stratify: y, testSize, seed });
          expect(sorted([...train, ...test])).toEqual(range(n));
          expect(test.length).toBe(Math.ceil(testSize * n));
          counts.forEach((count, i) => {
            const share = test.filter((row) => y[row] === `class ${i}`).length;
            expect(Math.abs(share - (count * test.length) / n)).toBeLessThanOrEqual(1);
          });
        },
      ),
    );
  });

  it('leaves groups whole, and tests on the latest', () => {
    const groups = range(40).map((i) => `g${i % 7}`);
    const [train, test] = trainTestSplit(range(40), { groups, testSize: 0.3, seed: 1 });
    expect(sorted([...train, ...test])).toEqual(range(40));
    const of = (rows: number[]) => new Set(rows.map((row) => groups[row]));
    expect([of(train).size, of(test).size]).toEqual([4, 3]);
    const table = Table.fromRows([5, 1, 3, 2, 4].map((day) => ({ day: new Date(Date.UTC(2024, 0, day)) })));
    const days = trainTestSplit(table, { time: 'day', testSize: 2 }).map((part) =>
      Array.from(part.rows(), ({ day }) => (day as Date).getUTCDate()),
    );
    expect(days).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it.each<[string, () => unknown, string]>([
    ['nothing', () => trainTestSplit(), 'trainTestSplit: data must be given, got none'],
    [
      'different lengths',
      () => trainTestSplit([1, 2], [1]),
      'trainTestSplit: data must have equally many rows, got 2 and 1',
    ],
    [
      'one row',
      () => trainTestSplit([1]),
      'trainTestSplit: both parts must have rows, and no more than there are, got 0 and 1 of 1 rows',
    ],
    [
      'a class of one',
      () => trainTestSplit(['a', 'b', 'a', 'a'], { stratify: ['a', 'b', 'a', 'a'] }),
      'trainTestSplit: stratify needs two rows of each class, got one of "b"; leave it out',
    ],
    [
      'more classes than rows',
      () => trainTestSplit(range(6), { stratify: [1, 1, 2, 2, 3, 3] }),
      'trainTestSplit: both parts must have as many rows as there are classes, got 4 and 2 rows for 3 classes',
    ],
    [
      'one group',
      () => trainTestSplit(range(3), { groups: [1, 1, 1] }),
      'trainTestSplit: both parts must have groups, and no more than there are, got 0 and 1 of 1 groups',
    ],
    [
      'two ways',
      () => trainTestSplit(range(3), { groups: [1, 1, 1], time: [1, 2, 3] }),
      'trainTestSplit: groups and time exclude each other, got both',
    ],
    [
      'a short list',
      () => trainTestSplit(range(3), { stratify: [1] }),
      'trainTestSplit: stratify must have a value for each of 3 rows, got 1',
    ],
    [
      'a missing time',
      () => trainTestSplit(range(2), { time: [1, null] }),
      'trainTestSplit: time must be known, got null in row 1',
    ],
    [
      'an unknown column',
      () => trainTestSplit(Table.fromRows([{ a: 1 }, { a: 2 }]), { stratify: 'b' }),
      'trainTestSplit: stratify: no column has the name "b"; there are "a"',
    ],
    [
      'a name without a table',
      () => trainTestSplit([1, 2], { stratify: 'b' }),
      'trainTestSplit: stratify must be an array, as there is no table, got "b"',
    ],
    [
      'an unknown option',
      () => trainTestSplit([1, 2], { test_size: 0.5 } as object),
      'trainTestSplit: unknown option "test_size"; use testSize',
    ],
    [
      'classes without mixing',
      () => trainTestSplit([1, 2], { stratify: [1, 2], shuffle: false }),
      'trainTestSplit: stratify needs shuffle, got shuffle false',
    ],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe('folds', () => {
  it('are those of scikit-learn', () => {
    for (const { rows, k, folds } of golden.kfold) expect(lists(new KFold(k).split(range(rows)))).toEqual(folds);
    for (const { y, k, folds } of golden.stratified) expect(lists(new StratifiedKFold(k).split(y, y))).toEqual(folds);
    for (const { groups, k, folds } of golden.grouped)
      expect(lists(new GroupKFold(k).split(groups, groups))).toEqual(folds);
  });

  it('mixed, have each row once, and classes in their shares', () => {
    const y = range(53).map((i) => i % 3);
    const folds = new StratifiedKFold({ nSplits: 4, shuffle: true, seed: 1 }).split(y, y);
    expect(sorted(folds.flatMap(([, test]) => [...test]))).toEqual(range(53));
    for (const [train, test] of folds) {
      expect(sorted([...train, ...test])).toEqual(range(53));
      for (const c of [0, 1, 2])
        expect(Math.abs(test.filter((row) => y[row] === c).length - 53 / 12)).toBeLessThan(1.5);
    }
    const mixed = new KFold(4, { shuffle: true, seed: 1 }).split(range(53));
    expect(sorted(mixed.flatMap(([, test]) => [...test]))).toEqual(range(53));
    expect(lists(mixed)).not.toEqual(lists(new KFold(4).split(range(53))));
    expect(lists(new KFold(4, { shuffle: true, seed: 1 }).split(range(53)))).toEqual(lists(mixed));
  });

  it.each<[string, () => unknown, string]>([
    ['too few rows', () => new KFold(5).split([1, 2]), 'KFold: nSplits must be at most the number of rows 2, got 5'],
    ['one fold', () => new KFold(1), 'KFold: nSplits must be an integer of at least 2, got 1'],
    [
      'too few of each class',
      () => new StratifiedKFold(3).split(range(4), [1, 1, 2, 2]),
      'nSplits must be at most the number of rows of the largest class 2, got 3',
    ],
    [
      'too few groups',
      () => new GroupKFold(3).split(range(4), [1, 1, 2, 2]),
      'GroupKFold: nSplits must be at most the number of groups 2, got 3',
    ],
  ])('refuse %s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe('randomSplit, StackDataset and ChainDataset', () => {
  it('randomSplit gives parts that are mixed', () => {
    const whole = new TensorDataset(arange(11));
    for (const [lengths, sizes] of [
      [
        [8, 3],
        [8, 3],
      ],
      [
        [0.5, 0.5],
        [6, 5],
      ],
      [
        [0.3, 0.3, 0.4],
        [4, 3, 4],
      ],
    ] as const) {
      const parts = randomSplit(whole, lengths, { seed: 1 });
      expect(parts.map(({ length }) => length)).toEqual(sizes);
      const all = parts.flatMap(({ indices }) => indices);
      expect(sorted(all)).toEqual(range(11));
      expect(all).not.toEqual(range(11));
    }
    expect(() => randomSplit(whole, [5, 5])).toThrow(
      'randomSplit: lengths must be above 0 and sum to 11 samples or to 1, got [5, 5]',
    );
  });

  it('StackDataset has samples side by side', () => {
    const [a, b] = [new TensorDataset(arange(3)), { length: 3, get: (i: number) => `word ${i}` }];
    const tuple = new StackDataset([a, b] as const).get(2);
    expect([tuple[0][0]!.item(), tuple[1]]).toEqual([2, 'word 2']);
    expect(new StackDataset({ a, b }).get(1).b).toBe('word 1');
    expect(() => new StackDataset([a, { length: 2, get: () => 1 }])).toThrow(
      'StackDataset: lengths must be equal, got 3 and 2',
    );
    expect(() => new StackDataset([])).toThrow('StackDataset: datasets must have a dataset, got none');
  });

  it('ChainDataset has samples one after the other', async () => {
    const chain = new ChainDataset([new IterableDataset(() => [1, 2]), new IterableDataset(() => [3])]);
    const got = [];
    for await (const x of chain) got.push(x);
    expect(got).toEqual([1, 2, 3]);
    expect(() => new ChainDataset([[1] as never])).toThrow(
      'ChainDataset: each dataset must be an IterableDataset, got [1]',
    );
  });
});
