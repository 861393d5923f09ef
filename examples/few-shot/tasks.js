// Tasks made of characters: tell five that were never seen apart, of which one or some drawings are known.
import { rand, tensor } from 'adjoint';
import { drawings, side } from './glyphs.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('./meta.js').Tasks} Tasks */
/** @typedef {{ ways: number, shots: number, queries: number }} Size classes of a task, and drawings of each: known, and to judge with */

/** The first of a random order of n numbers. @param {number} n @param {number} count */
function some(n, count) {
  const keys = rand([n]).toTypedArray();
  return Array.from(keys.keys())
    .sort((a, b) => keys[a] - keys[b])
    .slice(0, count);
}

/**
 * Tasks of characters and drawings that are chosen at random, one class after the other within a task.
 *
 * @param {Tensor} images uint8 [characters, drawings, side, side]
 * @param {number} count
 * @param {Size} size
 * @returns {Tasks} x [count, ways · shots, 1, side, side], 0 paper to 1 ink; y int32, which of the classes
 */
export function characterTasks(images, count, { ways, shots, queries }) {
  const all = images.data;
  const pixels = side * side;
  const [x, newX] = [shots, queries].map((each) => new Float32Array(count * ways * each * pixels));
  const [y, newY] = [shots, queries].map((each) => new Int32Array(count * ways * each));
  for (let task = 0; task < count; task++) {
    some(images.shape[0], ways).forEach((character, way) => {
      some(drawings, shots + queries).forEach((drawing, i) => {
        const isKnown = i < shots;
        const [to, labels, each, at] = isKnown ? [x, y, shots, i] : [newX, newY, queries, i - shots];
        const row = (task * ways + way) * each + at;
        const from = (character * drawings + drawing) * pixels;
        for (let p = 0; p < pixels; p++) to[row * pixels + p] = all[from + p] / 255;
        labels[row] = way;
      });
    });
  }
  const pictures = (/** @type {Float32Array} */ data) =>
    tensor(data, { shape: [count, data.length / count / pixels, 1, side, side] });
  const numbers = (/** @type {Int32Array} */ data) => tensor(data, { shape: [count, data.length / count] });
  return { x: pictures(x), y: numbers(y), newX: pictures(newX), newY: numbers(newY) };
}
