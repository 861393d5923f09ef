// Which columns a risk comes from: Shapley values of a table of numbers and categories.
import { cat, explain, Generator, noGrad, randperm, tensor } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ forward(numbers: Tensor, categories: Tensor): Tensor }} Network */
/** @typedef {{ numbers: Tensor, categories: Tensor }} Rows */

// Codes of categories are whole numbers, which float32 holds exactly.
const joined = (/** @type {Rows} */ { numbers, categories }) => cat([numbers, categories.to('float32')], 1);

/** @param {Tensor} x what `joined` made @param {number} width how many numbers there are @returns {Rows} */
const split = (x, width) => ({
  numbers: x.slice({ dim: 1, end: width }),
  categories: x.slice({ dim: 1, start: width }).to('int32'),
});

/**
 * The shares of each column in the logits of some rows, against a row that stands for what is usual.
 *
 * @param {Network} network
 * @param {Rows} rows
 * @param {Rows} usual one row
 * @param {{ permutations: number, seed: number }} options
 * @returns {Tensor} [n, columns], the numbers first
 */
export function sharesOf(network, rows, usual, { permutations, seed }) {
  const logits = (/** @type {Tensor} */ x) => {
    const { numbers, categories } = split(x, rows.numbers.shape[1] ?? 0);
    return network.forward(numbers, categories);
  };
  const options = { baseline: joined(usual), permutations, generator: new Generator(seed) };
  return noGrad(() => explain.shapleyValues(logits, joined(rows), options));
}

/**
 * The same rows, in which some columns say nothing: their values are those of other rows.
 *
 * @param {Rows} rows
 * @param {readonly number[]} which
 * @returns {Rows}
 */
export function withoutColumns(rows, which) {
  const x = joined(rows);
  const [n = 0, count = 0] = x.shape;
  const columns = Array.from({ length: count }, (_, i) => {
    const column = x.slice({ dim: 1, start: i, end: i + 1 });
    return which.includes(i) ? column.indexSelect(0, randperm(n)) : column;
  });
  return split(cat(columns, 1), rows.numbers.shape[1] ?? 0);
}

/**
 * The means of the numbers and the most frequent codes.
 *
 * @param {Rows} rows
 * @returns {Rows}
 */
export function usualRow({ numbers, categories }) {
  const codes = Array.from({ length: categories.shape[1] ?? 0 }, (_, i) => {
    /** @type {Map<number, number>} */
    const counts = new Map();
    for (const code of categories.select(1, i).toTypedArray()) counts.set(code, (counts.get(code) ?? 0) + 1);
    return [...counts].reduce((most, next) => (next[1] > most[1] ? next : most), [0, 0])[0];
  });
  return {
    numbers: numbers.mean({ dim: 0, keepDim: true }),
    categories: tensor(Int32Array.from(codes), { shape: [1, codes.length] }),
  };
}
