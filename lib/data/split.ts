// Data split in two or more parts.
import { allOrNothing } from '../all-or-nothing.js';
import { ArgumentError, checkEach, checkFlag, checkInteger, checkNumber, describe, isPlain } from '../errors.js';
import type { Generator } from '../ops/generator.js';
import { randperm } from '../ops/random.js';
import { checkOptions } from '../options.js';
import { Subset } from './combined.js';
import { checkDataset, type Dataset } from './dataset.js';
import { chooseGenerator, type GeneratorOptions, numbersOf } from './sampler.js';
import { type Part, partOf, type RowValues, rowsByValue, rowsOf, rowValues, type Splittable } from './split-values.js';

/** Options of {@link trainTestSplit}. */
export interface TrainTestSplitOptions extends GeneratorOptions {
  /** Rows to test on, or below 1 their part of all; default 0.25, or what `trainSize` leaves. */
  testSize?: number;
  /** Rows to train on, or below 1 their part of all; default what `testSize` leaves. */
  trainSize?: number;
  /** Whether rows are mixed before; default true. */
  shuffle?: boolean;
  /** Classes, of which both parts shall have the same shares. */
  stratify?: RowValues;
  /** Groups, of which each is in one part only: the rows of one person, say. `testSize` is a number or part of groups then. */
  groups?: RowValues;
  /** Times: the test has the latest rows. */
  time?: RowValues;
}

const splitOptions = [...['testSize', 'trainSize', 'shuffle', 'stratify', 'groups', 'time', 'seed', 'generator']];
const name = 'trainTestSplit';

/** Two parts of each of what is split; the options at the end are none. */
export type TrainTestParts<T extends readonly unknown[]> = T extends readonly [infer First, ...infer Rest]
  ? First extends Splittable
    ? [train: Part<First>, test: Part<First>, ...TrainTestParts<Rest>]
    : []
  : [];

/**
 * Splits tables, datasets, tensors or arrays of equally many rows in two: scikit-learn's `train_test_split`.
 *
 * @param args what is split, then options: `testSize` (0.25), `trainSize`, `shuffle` (true), `stratify`, `groups`, `time`, `seed`, `generator`
 * @returns the part to train on and the part to test on of each
 * @throws ArgumentError when a part would be empty, when there are fewer rows of a class than two, or for wrong options
 * @example
 * const [train, test] = data.trainTestSplit(data.Table.fromRows([{ x: 1 }, { x: 2 }, { x: 3 }, { x: 4 }]), { seed: 1 });
 * const [xTrain, xTest, yTrain, yTest] = data.trainTestSplit(randn(50, 3), randint(0, 2, [50]), { testSize: 10 });
 */
export function trainTestSplit<T extends readonly (Splittable | TrainTestSplitOptions)[]>(
  ...args: T
): TrainTestParts<T> {
  const { data, options } = splitArguments(args);
  const [first] = data;
  if (first === undefined) throw new ArgumentError(`${name}: data must be given, got none`);
  const rows = rowsOf(name, first);
  for (const other of data) {
    if (rowsOf(name, other) === rows) continue;
    throw new ArgumentError(`${name}: data must have equally many rows, got ${rows} and ${rowsOf(name, other)}`);
  }
  return allOrNothing(() => {
    const [train, test] = rowsOfParts(first, rows, options);
    return data.flatMap((each) => [partOf(each, train), partOf(each, test)]) as unknown as TrainTestParts<T>;
  });
}

function splitArguments(args: readonly unknown[]): { data: readonly unknown[]; options: TrainTestSplitOptions } {
  const last = args.at(-1);
  const hasOptions = last === undefined ? args.length > 0 : isPlain(last) && !('get' in last);
  const options = (hasOptions ? last : {}) as TrainTestSplitOptions;
  checkOptions(name, options, splitOptions);
  return { data: hasOptions ? args.slice(0, -1) : args, options: options ?? {} };
}

function rowsOfParts(data: unknown, rows: number, options: TrainTestSplitOptions): [Int32Array, Int32Array] {
  const given = (['stratify', 'groups', 'time'] as const).filter((key) => options[key] !== undefined);
  if (given.length > 1) throw new ArgumentError(`${name}: ${given.join(' and ')} exclude each other, got both`);
  const isShuffled = checkFlag(name, 'shuffle', options.shuffle, true);
  if (!isShuffled && given[0] === 'stratify') {
    throw new ArgumentError(`${name}: stratify needs shuffle, got shuffle false`);
  }
  const generator = chooseGenerator(name, options);
  const values = given[0] === undefined ? [] : rowValues(name, given[0], options[given[0]], data, rows);
  if (given[0] === 'groups') return splitGroups(values, options, isShuffled, generator);
  const sizes = sizesOf(rows, options, 'rows');
  if (given[0] === 'stratify') return splitClasses(values, sizes, generator);
  const isInOrder = given[0] === 'time' || !isShuffled;
  const order = given[0] === 'time' ? ordered(values) : isShuffled ? mixed(rows, generator) : counted(rows);
  const from = isInOrder ? rows - sizes.test : sizes.train; // the latest rows, whatever lies between
  return [order.slice(0, sizes.train), order.slice(from, from + sizes.test)];
}

const counted = (rows: number): Int32Array => Int32Array.from({ length: rows }, (_, i) => i);
const mixed = (count: number, generator: Generator | undefined): Int32Array =>
  numbersOf(randperm(count, { generator }));

function sizesOf(rows: number, options: TrainTestSplitOptions, what: string): { train: number; test: number } {
  const size = (key: 'testSize' | 'trainSize', round: (x: number) => number) => {
    const value = options[key];
    if (value === undefined) return undefined;
    if (typeof value === 'number' && value >= 1) return checkInteger(name, key, value, 1, rows);
    return round(checkNumber(name, key, value, { min: 0, max: 1, open: true }) * rows);
  };
  const [testSize, trainSize] = [size('testSize', Math.ceil), size('trainSize', Math.floor)];
  const test = testSize ?? (trainSize === undefined ? Math.ceil(0.25 * rows) : rows - trainSize);
  const train = trainSize ?? rows - test;
  if (train < 1 || test < 1 || train + test > rows) {
    const got = `${train} and ${test} of ${rows} ${what}`;
    throw new ArgumentError(`${name}: both parts must have ${what}, and no more than there are, got ${got}`);
  }
  return { train, test };
}

/** Row numbers in the order of their times; equal times stay in the order of the rows. */
function ordered(times: readonly unknown[]): Int32Array {
  times.forEach((time, row) => {
    if (typeof time === 'number' && !Number.isNaN(time)) return;
    if (typeof time === 'string' || typeof time === 'bigint' || time instanceof Date) return;
    throw new ArgumentError(`${name}: time must be known, got ${describe(time)} in row ${row}`);
  });
  const order = Int32Array.from(times, (_, row) => row);
  return order.sort((a, b) => {
    const [x, y] = [times[a] as number, times[b] as number];
    return x < y ? -1 : x > y ? 1 : a - b;
  });
}

function splitGroups(
  values: readonly unknown[],
  options: TrainTestSplitOptions,
  isShuffled: boolean,
  generator: Generator | undefined,
): [Int32Array, Int32Array] {
  const groups = rowsByValue(values);
  const { train, test } = sizesOf(groups.length, options, 'groups');
  const order = isShuffled ? mixed(groups.length, generator) : counted(groups.length);
  const rows = (places: Int32Array) =>
    Int32Array.from(Array.from(places, (place) => [...(groups[place] as Int32Array)]).flat());
  return [rows(order.slice(0, train)).sort(), rows(order.slice(train, train + test)).sort()];
}

function splitClasses(
  values: readonly unknown[],
  sizes: { train: number; test: number },
  generator: Generator | undefined,
): [Int32Array, Int32Array] {
  const classes = rowsByValue(values);
  const least = classes.reduce((a, b) => (a.length <= b.length ? a : b));
  if (least.length < 2) {
    const got = `one of ${describe(values[least[0] as number])}`;
    throw new ArgumentError(`${name}: stratify needs two rows of each class, got ${got}; leave it out`);
  }
  if (Math.min(sizes.train, sizes.test) < classes.length) {
    const got = `${sizes.train} and ${sizes.test} rows for ${classes.length} classes`;
    throw new ArgumentError(`${name}: both parts must have as many rows as there are classes, got ${got}`);
  }
  const counts = classes.map((rows) => rows.length);
  const trains = shares(counts, sizes.train);
  const tests = shares(
    counts.map((count, i) => count - (trains[i] as number)),
    sizes.test,
  );
  const [train, test]: [number[], number[]] = [[], []];
  classes.forEach((rows, i) => {
    const [count, more] = [trains[i] as number, tests[i] as number];
    const order = Array.from(mixed(rows.length, generator), (place) => rows[place] as number);
    for (const row of order.slice(0, count)) train.push(row);
    for (const row of order.slice(count, count + more)) test.push(row);
  });
  const shuffle = (rows: readonly number[]) => mixed(rows.length, generator).map((place) => rows[place] as number);
  return [shuffle(train), shuffle(test)];
}

/** A total in proportion to counts, in whole numbers: the largest remainders get what rounding down leaves. */
function shares(counts: readonly number[], total: number): number[] {
  const sum = sumOf(counts);
  const exact = counts.map((count) => (count * total) / sum);
  const whole = exact.map(Math.floor);
  const rest = total - sumOf(whole);
  const byRemainder = counts.map((_, i) => i).sort((a, b) => remainder(b) - remainder(a) || a - b);
  function remainder(i: number): number {
    return (exact[i] as number) - (whole[i] as number);
  }
  for (const i of byRemainder.slice(0, rest)) whole[i] = (whole[i] as number) + 1;
  return whole;
}

/**
 * Splits a dataset at random into parts of the given lengths: PyTorch's `random_split`.
 *
 * @param lengths numbers of samples that sum to all, or parts of all that sum to 1; what rounding leaves goes to the first parts
 * @throws ArgumentError for lengths that do not sum up, or a part without samples
 * @example
 * const [train, valid] = data.randomSplit(new data.TensorDataset(arange(10)), [0.8, 0.2], { seed: 1 });
 */
export function randomSplit<Sample>(
  dataset: Dataset<Sample>,
  lengths: readonly number[],
  options: GeneratorOptions = {},
): Subset<Sample>[] {
  checkDataset('randomSplit', dataset);
  checkOptions('randomSplit', options, ['seed', 'generator']);
  const given = checkEach('randomSplit', 'lengths', 'must be numbers', lengths, (length) =>
    checkNumber('randomSplit', 'each length', length, { min: 0, open: true }),
  );
  const counts = countsOf(given, dataset.length);
  if (sumOf(counts) !== dataset.length || !counts.every((count) => Number.isInteger(count) && count > 0)) {
    const rule = `lengths must be above 0 and sum to ${dataset.length} samples or to 1`;
    throw new ArgumentError(`randomSplit: ${rule}, got ${describe(given)}`);
  }
  const order = mixed(dataset.length, chooseGenerator('randomSplit', options));
  let from = 0;
  return counts.map((count) => {
    from += count;
    return new Subset(dataset, [...order.subarray(from - count, from)]);
  });
}

const sumOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Parts of all as numbers of samples. */
function countsOf(lengths: readonly number[], samples: number): number[] {
  if (Math.abs(sumOf(lengths) - 1) > 1e-6 || samples === 1) return [...lengths];
  const counts = lengths.map((part) => Math.floor(part * samples));
  const rest = samples - sumOf(counts);
  return counts.map((count, i) => count + Math.floor(rest / counts.length) + Number(i < rest % counts.length));
}
