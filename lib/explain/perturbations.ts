// Explanations by changes of the input.
import { allOrNothing } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkEach, checkInteger, formatShape, ShapeError } from '../errors.js';
import { tensor, zerosLike } from '../ops/creation.js';
import { add } from '../ops/elementwise.js';
import type { Generator } from '../ops/generator.js';
import { checkGenerator, randperm } from '../ops/random.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { baselineOf, type Explained, question, scoresOf, type TargetOptions } from './model.js';

/** Options of {@link occlusion}. */
export interface OcclusionOptions extends TargetOptions {
  /** The size of the box that is covered, one number for each dimension but the first: `[1, 4, 4]` for pictures. */
  window: readonly number[];
  /** By how much it moves, one number for each of these dimensions; default 1 each. */
  stride?: readonly number[];
  /** What covers it: a number (default 0), or a tensor like x or like one sample. */
  baseline?: number | Tensor;
}

/**
 * By how much the score falls when a part of the input is covered: a box moves over it, and each number of the input gets the mean over
 * the boxes that covered it. Needs no gradients, but a call of the model for each place of the box.
 *
 * Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2013, https://arxiv.org/abs/1311.2901
 *
 * @param model in eval mode, from x [n, …] to [n, classes]
 * @param x float32 or float64
 * @returns like x
 * @throws ArgumentError for a target that there is not, and a window or stride that does not fit; StateError in training mode
 * @example
 * explain.occlusion(model.eval(), x, { target: 3, window: [98], stride: [98] }); // [64, 784]
 */
export function occlusion(model: Explained, x: Tensor, options: OcclusionOptions): Tensor {
  const operation = 'occlusion';
  checkOptions(operation, options, ['target', 'window', 'stride', 'baseline']);
  const asked = question(operation, model, x, options?.target);
  const [n, ...sizes] = asked.x.dims as [number, ...number[]];
  const numbers = (name: string, given: unknown, most: (i: number) => number): number[] => {
    const list = checkEach(operation, name, 'must be a list of integers', given, (value, i) =>
      checkInteger(operation, `${name}[${i}]`, value, 1, most(i)),
    );
    if (list.length === sizes.length) return list;
    throw new ArgumentError(`${operation}: ${name} must have ${sizes.length} numbers, got ${list.length}`);
  };
  const window = numbers('window', options?.window, (i) => sizes[i] ?? 1);
  const stride = numbers('stride', options.stride ?? sizes.map(() => 1), () => Number.MAX_SAFE_INTEGER);
  const baseline = baselineOf(operation, options.baseline, asked.x);
  return noGrad(() => {
    const covered = add(zerosLike(asked.x), baseline).toTypedArray();
    const given = asked.x.toTypedArray();
    const before = scoresOf(asked, asked.x);
    const size = given.length / n;
    const [totals, counts] = [new Float64Array(given.length), new Float64Array(size)];
    for (const box of boxes(sizes, window, stride)) {
      const changed = given.slice();
      for (let i = 0; i < n; i++) for (const at of box) changed[i * size + at] = covered[i * size + at] as number;
      const after = scoresOf(asked, tensor(changed, { shape: [...asked.x.dims], dtype: x.dtype }));
      for (const at of box) counts[at] = (counts[at] as number) + 1;
      for (let i = 0; i < n; i++) {
        const fall = (before[i] as number) - (after[i] as number);
        for (const at of box) totals[i * size + at] = (totals[i * size + at] as number) + fall;
      }
    }
    const means = totals.map((total, i) => (total === 0 ? 0 : total / (counts[i % size] as number)));
    return tensor(means, { shape: [...asked.x.dims], dtype: x.dtype });
  });
}

// The positions in a sample that each place of the box covers; the last places are cut off at the ends.
function* boxes(sizes: readonly number[], window: readonly number[], stride: readonly number[]): Iterable<number[]> {
  const places = sizes.map((size, i) => Math.ceil((size - (window[i] as number)) / (stride[i] as number)) + 1);
  const total = places.reduce((product, count) => product * count, 1);
  for (let place = 0; place < total; place++) {
    let [rest, box] = [place, [0]];
    const starts = places.map(() => 0);
    for (let d = places.length - 1; d >= 0; d--) {
      starts[d] = (rest % (places[d] as number)) * (stride[d] as number);
      rest = Math.floor(rest / (places[d] as number));
    }
    for (const [d, size] of sizes.entries()) {
      const start = starts[d] as number;
      const end = Math.min(size, start + (window[d] as number));
      box = box.flatMap((at) => Array.from({ length: Math.max(0, end - start) }, (_, i) => at * size + start + i));
    }
    yield box;
  }
}

/** Options of {@link shapleyValues}. */
export interface ShapleyOptions extends TargetOptions {
  /** What stands for a feature that is unknown: a number (default 0), or a tensor like x or like one sample, such as means. */
  baseline?: number | Tensor;
  /** How many orders of the features are drawn; default 25. */
  permutations?: number;
  generator?: Generator;
}

/**
 * Shares the difference between the scores of x and of a baseline among the features of a table: the mean of what a feature adds when
 * features become known one after the other, over random orders. The shares sum to that difference exactly; the error of each falls with the
 * root of `permutations`. Calls the model permutations · features times.
 *
 * Castro, Gómez and Tejada, "Polynomial calculation of the Shapley value based on sampling", 2009,
 * https://doi.org/10.1016/j.cor.2008.04.004; Štrumbelj and Kononenko, 2010
 *
 * @param model in eval mode, from x [n, features] to [n, classes]
 * @param x float32 or float64
 * @returns [n, features]
 * @throws ArgumentError for a target that there is not; ShapeError for an x that is no table; StateError in training mode
 * @example
 * const risk = nn.sequential(new nn.Linear(4, 8), new nn.Tanh(), new nn.Linear(8, 1)).eval();
 * explain.shapleyValues(risk, randn([3, 4])); // [3, 4]
 */
export function shapleyValues(model: Explained, x: Tensor, options: ShapleyOptions = {}): Tensor {
  const operation = 'shapleyValues';
  checkOptions(operation, options, ['target', 'baseline', 'permutations', 'generator']);
  const permutations = checkInteger(operation, 'permutations', options.permutations ?? 25, 1, 1e7);
  const generator = options.generator === undefined ? undefined : checkGenerator(operation, options.generator);
  const asked = question(operation, model, x, options.target);
  if (asked.x.ndim !== 2) {
    throw new ShapeError(`${operation}: x must be [n, features], got ${formatShape(asked.x.dims)}`);
  }
  const [n, features] = asked.x.dims as [number, number];
  const baseline = baselineOf(operation, options.baseline, asked.x);
  return allOrNothing(() =>
    noGrad(() => {
      const [start, end] = [add(zerosLike(asked.x), baseline).toTypedArray(), asked.x.toTypedArray()];
      const totals = new Float64Array(n * features);
      for (let round = 0; round < permutations; round++) {
        const known = start.slice();
        let before = scoresOf(asked, tensor(known, { shape: [n, features], dtype: x.dtype }));
        for (const feature of randperm(features, generator && { generator }).toTypedArray()) {
          for (let i = 0; i < n; i++) known[i * features + feature] = end[i * features + feature] as number;
          const after = scoresOf(asked, tensor(known, { shape: [n, features], dtype: x.dtype }));
          for (let i = 0; i < n; i++) {
            const at = i * features + feature;
            totals[at] = (totals[at] as number) + (after[i] as number) - (before[i] as number);
          }
          before = after;
        }
      }
      return tensor(
        totals.map((total) => total / permutations),
        { shape: [n, features], dtype: x.dtype },
      );
    }),
  );
}
