// Which digits are on a picture of up to three, some of which are rare: several labels for each, with a threshold of its own for each label.
// Run it with `npm run example -- many-outputs/multi-label`. It leaves output/multi-label.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, manualSeed, metrics, nn, optim, tensor } from 'adjoint';
import { outputsOf } from '../shared/classifier.js';
import { main, stepOf } from '../shared/main.js';
import { learnFrom } from '../shared/minibatches.js';
import { chances, digits, draw, stacked, trunk } from './pictures.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ x: Tensor, y: Tensor, truth: number[][] }} Part */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 900, tests: 300, epochs: 4 };

const size = 48;

/**
 * @param {{ images?: number, tests?: number, epochs?: number, seed?: number, output?: string, eager?: boolean,
 *   stream?: import('adjoint').train.ProgressStream }} [options] tests: pictures to test on, and as many to choose thresholds
 */
export async function run(options = {}) {
  const { images = 8000, tests = 2000, epochs = 6, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  mkdirSync(output, { recursive: true });
  const { train, test } = digits();
  const [seen, held, unseen] = [crowds(train, images), crowds(train, tests), crowds(test, tests)];
  const model = nn.sequential(trunk(size), new nn.Linear(128, 10));
  const optimizer = new optim.Adam(model.parameters(), { lr: 2e-3 });
  const rate = new optim.lrScheduler.CosineAnnealingLR(optimizer, epochs * Math.floor(images / 32));
  const step = stepOf((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const loss = nn.functional.binaryCrossEntropyWithLogits(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    rate.step();
    return loss;
  }, eager);
  await learnFrom(step, [seen.x, seen.y], { epochs, batchSize: 32, stream, title: 'which digits are there' });

  const probabilities = (/** @type {Part} */ { x }) => outputsOf((some) => model.forward(some).sigmoid(), x);
  const thresholds = metrics.f1Thresholds(probabilities(held), held.truth);
  const p = /** @type {number[][]} */ (probabilities(unseen).toArray());
  const reached = {
    half: f1Of(p, unseen.truth, new Array(10).fill(0.5)),
    own: f1Of(p, unseen.truth, thresholds),
    // What one gets without looking: all labels for all.
    always: f1Of(p, unseen.truth, new Array(10).fill(-1)),
  };
  const names = Array.from({ length: 10 }, (_, digit) => `${digit}`);
  const bars = [reached.half, reached.own].map(({ each }, i) =>
    charts.bars({ title: ['Threshold 0.5', 'A threshold for each'][i], names, values: each, axis: { label: 'F1, %' } }),
  );
  writeFileSync(`${output}/multi-label.svg`, charts.sideBySide(await Promise.all(bars), { columns: 2 }));
  const line = (/** @type {string} */ name, /** @type {{ micro: number, macro: number }} */ { micro, macro }) =>
    `${name.padEnd(24)}${micro.toFixed(2).padStart(10)}${macro.toFixed(2).padStart(10)}\n`;
  stream.write(`\n${''.padEnd(24)}${'micro F1'.padStart(10)}${'macro F1'.padStart(10)}
${line('all labels for all', reached.always)}${line('threshold 0.5', reached.half)}${line('a threshold for each', reached.own)}
saved ${output}/multi-label.svg\n`);
  return { ...reached, thresholds };
}

/**
 * F1 over all labels of all pictures (micro), of each label, and their mean (macro), in percent.
 *
 * @param {number[][]} p
 * @param {number[][]} truth
 * @param {number[]} thresholds
 */
function f1Of(p, truth, thresholds) {
  const given = p.map((row) => row.map((v, label) => Number(v > thresholds[label])));
  const column = (/** @type {number[][]} */ rows, /** @type {number} */ label) => rows.map((row) => row[label]);
  const each = thresholds.map((_, label) => 100 * metrics.f1Score(column(given, label), column(truth, label)));
  const micro = 100 * metrics.f1Score(given.flat(), truth.flat());
  return { micro, macro: each.reduce((sum, f1) => sum + f1, 0) / each.length, each };
}

/** Pictures with one to three digits; a 0 is ten times as likely as a 9. @param {import('./pictures.js').Digits} source @param {number} count @returns {Part} */
function crowds(source, count) {
  const chance = chances(count * 14);
  const below = (/** @type {number} */ n) => Math.floor(chance() * n);
  const shares = Array.from({ length: 10 }, (_, digit) => 1 / (digit + 1));
  const upTo = shares.map((_, digit) => shares.slice(0, digit + 1).reduce((sum, share) => sum + share));
  const total = upTo[9];
  const byDigit = shares.map((_, digit) => [...source.labels.keys()].filter((i) => source.labels[i] === digit));
  const pictures = [];
  const truth = [];
  for (let i = 0; i < count; i++) {
    const picture = new Float32Array(size * size);
    const row = new Array(10).fill(0);
    const many = 1 + below(3);
    for (let k = 0; k < many; k++) {
      const drawn = chance() * total;
      const digit = Math.min(9, upTo.filter((sum) => sum <= drawn).length);
      const place = { left: (k % 2) * 20 + below(6) - 3, top: k < 2 ? below(6) - 3 : 20 + below(4) };
      draw(picture, size, source, byDigit[digit][below(byDigit[digit].length)], place);
      row[digit] = 1;
    }
    pictures.push(picture);
    truth.push(row);
  }
  return { x: stacked(pictures, size), y: tensor(truth), truth };
}

await main(import.meta.url, run, small);
