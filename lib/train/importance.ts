import { checkNames } from '../charts/frame.js';
import { ArgumentError, checkFunction, checkInteger, describe, ShapeError } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { Generator } from '../ops/generator.js';
import { randperm } from '../ops/random.js';
import { checkOptions } from '../options.js';
import { checkTensor, type Tensor } from '../tensor.js';

/** Options of {@link permutationImportance}. */
export interface ImportanceOptions {
  /** How often each feature is shuffled, default 5. */
  nRepeats?: number;
  /** Of the shuffling, default 0. */
  seed?: number;
}

/** What `permutationImportance` measured. */
export interface Importance {
  names: string[];
  /** How much the metric fell, on average. */
  importancesMean: number[];
  /** The standard deviation over the repeats. */
  importancesStd: number[];
  /** For each feature, one for each repeat. */
  importances: number[][];
}

/**
 * How much a metric falls when one column of the input is shuffled, which cuts its tie with the target (Breiman, "Random
 * forests", 2001): metric(predict(x), y) - metric(predict(x with column j shuffled), y). A metric for which less is better has
 * to be negated. Names are scikit-learn's.
 *
 * @param predict what the model gives for x [n, features]; its tensors may be made anew
 * @param data x [n, features], y for the metric, and names of the features (default their numbers)
 * @param metric a number for predictions and y, more of which is better
 * @throws ShapeError for an x that is not [n, features], ArgumentError for a metric that gives no number
 * @example
 * const data = { x: tensor([[1, 5], [2, 3], [3, 4]]), y: tensor([1, 2, 3]) };
 * const negativeError = (p: Tensor, y: Tensor) => -nn.functional.mseLoss(p, y).item();
 * const { importancesMean } = await train.permutationImportance((x) => x.select(1, 0), data, negativeError);
 */
export async function permutationImportance(
  predict: (x: Tensor) => Tensor | Promise<Tensor>,
  data: { x: Tensor; y: Tensor; names?: readonly string[] },
  metric: (prediction: Tensor, y: Tensor) => number | Promise<number>,
  options?: ImportanceOptions,
): Promise<Importance> {
  const operation = 'permutationImportance';
  checkFunction(operation, 'predict', predict);
  checkFunction(operation, 'metric', metric);
  checkOptions(operation, data ?? null, ['x', 'y', 'names']);
  checkOptions(operation, options, ['nRepeats', 'seed']);
  const x = checkTensor(operation, 'x', data.x);
  const y = checkTensor(operation, 'y', data.y);
  const [rows, columns] = x.shape as [number, number];
  if (x.shape.length !== 2)
    throw new ShapeError(`${operation}: x must be [n, features], got x [${x.shape.join(', ')}]`);
  const names = namesOf(operation, data.names, columns);
  const repeats = checkInteger(operation, 'nRepeats', options?.nRepeats ?? 5, 1, 10_000);
  const generator = new Generator(checkInteger(operation, 'seed', options?.seed ?? 0));
  const score = async (input: Tensor) => {
    const value = await metric(await predict(input), y);
    if (typeof value === 'number') return value;
    throw new ArgumentError(`${operation}: metric must give a number, got ${describe(value)}`);
  };
  const baseline = await score(x);
  const values = x.toTypedArray();
  const importances: number[][] = [];
  for (let column = 0; column < columns; column++) {
    const falls: number[] = [];
    for (let repeat = 0; repeat < repeats; repeat++) {
      const shuffled = values.slice();
      randperm(rows, { generator })
        .toTypedArray()
        .forEach((from, row) => {
          shuffled[row * columns + column] = values[from * columns + column] as number;
        });
      falls.push(baseline - (await score(tensor(shuffled, { shape: [rows, columns], dtype: x.dtype }))));
    }
    importances.push(falls);
  }
  const importancesMean = importances.map(mean);
  const importancesStd = importances.map((falls, i) =>
    Math.sqrt(mean(falls.map((fall) => (fall - (importancesMean[i] as number)) ** 2))),
  );
  return { names, importancesMean, importancesStd, importances };
}

function namesOf(operation: string, given: unknown, columns: number): string[] {
  if (given === undefined) return Array.from({ length: columns }, (_, i) => String(i));
  const names = checkNames(operation, 'names', given);
  if (names.length === columns) return names;
  throw new ArgumentError(
    `${operation}: names must be one for each column, got ${names.length} for ${columns} columns`,
  );
}

const mean = (list: readonly number[]): number => list.reduce((sum, v) => sum + v, 0) / list.length;
