// From which score on a label is given.
import { ArgumentError } from '../errors.js';
import { checkRows, readValues, type Values } from './values.js';

/**
 * The threshold of each label with the highest F1, for samples with several labels or none: a label is given when its score is
 * above its threshold. Choose them on samples that are neither trained nor tested on. A label that no sample has gets a threshold that no score is
 * above.
 *
 * Lipton, Elkan and Naryanaswamy, "Thresholding classifiers to maximize F1 score", 2014, https://arxiv.org/abs/1402.1892
 *
 * @param input scores [n, labels], probabilities or logits
 * @param target 0 or 1 [n, labels]
 * @returns one threshold for each label: halfway between two scores, or 1 below the least
 * @throws ArgumentError or ShapeError for other values
 * @example
 * metrics.f1Thresholds([[0.1, 0.2], [0.3, 0.4], [0.9, 0.3]], [[0, 0], [1, 1], [1, 0]]); // 0.2 and 0.35
 */
export function f1Thresholds(input: Values, target: Values): number[] {
  const name = 'f1Thresholds';
  const { data, rows, columns } = readValues(name, 'input', input);
  const truth = readValues(name, 'target', target);
  checkRows(name, 'target', truth, rows, columns);
  if (rows === 0) throw new ArgumentError(`${name}: input must have at least one sample, got none`);
  for (let i = 0; i < truth.data.length; i++) {
    if (truth.data[i] === 0 || truth.data[i] === 1) continue;
    throw new ArgumentError(
      `${name}: target must be 0 or 1, got ${truth.data[i]} in sample ${Math.floor(i / columns)}`,
    );
  }
  const order = new Uint32Array(rows);
  return Array.from({ length: columns }, (_, label) => {
    const score = (row: number): number => data[row * columns + label] as number;
    const has = (row: number): number => truth.data[row * columns + label] as number;
    for (let row = 0; row < rows; row++) order[row] = row;
    order.sort((a, b) => score(b) - score(a));
    const all = order.reduce((sum, row) => sum + has(row), 0);
    let [threshold, best, found] = [score(order[0] as number), 0, 0];
    for (let given = 1; given <= rows; given++) {
      const [row, next] = [order[given - 1] as number, order[given] as number];
      found += has(row);
      if (given < rows && score(next) === score(row)) continue;
      const f1 = (2 * found) / (given + all);
      if (f1 <= best) continue;
      best = f1;
      threshold = given === rows ? score(row) - 1 : (score(row) + score(next)) / 2;
    }
    return threshold;
  });
}
