// Learns digits from labels of which four in ten are wrong: MNIST, with what helps against that beside each other.
// Run it with `npm run example -- noisy-labels`. It leaves output/noisy-labels.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, data, manualSeed, metrics, nn, optim, rand, randint, robust, train } from 'adjoint';
import { leNet } from '../lenet/model.js';
import { first, outputsOf, percentRight, planes } from '../shared/classifier.js';
import { main, stepOf } from '../shared/main.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ smoothing?: number, mix?: typeof robust.mixUp, averaged?: boolean }} Way */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 1500, tests: 600, epochs: 12, only: ['plain', 'together'] };

/** @type {Record<string, Way>} */
const ways = {
  plain: {},
  smoothed: { smoothing: 0.2 },
  mixed: { mix: robust.mixUp },
  cut: { mix: robust.cutMix },
  averaged: { averaged: true },
  together: { mix: robust.mixUp, averaged: true },
};

/**
 * Trains in each way, and returns the accuracy on test images with right labels, in percent, and the error of calibration before and after
 * temperature scaling.
 *
 * @param {{ images?: number, tests?: number, epochs?: number, wrong?: number, only?: string[], seed?: number, output?: string,
 *   eager?: boolean, stream?: import('adjoint').train.ProgressStream }} [options]
 *   wrong: the share of labels that are drawn anew; only: the ways that are tried
 */
export async function run(options = {}) {
  const { images = 20_000, tests = 10_000, epochs = 10, wrong = 0.4, only = Object.keys(ways) } = options;
  const { seed = 1, output = 'output', stream = process.stdout, eager } = options;
  manualSeed(seed);
  const digits = data.mnist();
  const [seen, unseen] = [first(digits.train, images), first(digits.test, tests)];
  const [x, test] = [planes(data.standardise, seen.images), planes(data.standardise, unseen.images)];
  const truth = unseen.labels.toTypedArray();
  const isWrong = rand([images]).lt(wrong).to('int32');
  const drawn = randint(1, 10, [images], { dtype: 'int32' });
  const labels = seen.labels.add(drawn.mul(isWrong)).remainder(10); // another class for the wrong ones
  // Temperatures are fitted to images that no way learns from; their labels are right.
  const held = { start: images, end: images + 1000 };
  const [heldX, heldLabels] = [
    planes(data.standardise, digits.train.images.slice(held)),
    digits.train.labels.slice(held),
  ];

  /** @type {Record<string, { accuracy: number, error: number, scaled: number, temperature: number }>} */
  const reached = {};
  /** @type {{ name: string, x: number[], y: number[] }[]} */
  const curves = [];
  for (const name of only) {
    const { smoothing = 0, mix, averaged } = ways[name] ?? {};
    manualSeed(seed);
    stream.write(`\n${name}\n`);
    const model = leNet();
    const mean = averaged
      ? new optim.swaUtils.AveragedModel(model, { multiAvgFn: optim.swaUtils.getEmaMultiAvgFn(0.995) })
      : null;
    const optimizer = new optim.Adam(model.parameters(), { lr: 2e-3 });
    const dataset = new data.TensorDataset(x, labels);
    const loader = new data.DataLoader(dataset, { batchSize: 64, shuffle: true, dropLast: true });
    const step = stepOf((/** @type {Tensor} */ image, /** @type {Tensor} */ target) => {
      const loss = nn.functional.crossEntropy(model.forward(image), target, { labelSmoothing: smoothing });
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    }, eager);
    const progress = new train.Progress({ steps: loader.length, epochs, stream });
    const curve = { name, x: /** @type {number[]} */ ([]), y: /** @type {number[]} */ ([]) };
    curves.push(curve);
    for (let epoch = 1; epoch <= epochs; epoch++) {
      for await (const [image, label] of loader) {
        const batch = mix === undefined ? { x: image, targets: label } : mix(image, label, { numClasses: 10 });
        progress.step(64, (await step(batch.x, batch.targets)).item());
        mean?.updateParameters(model);
      }
      const scores = scoresOf(mean ?? model, test);
      const accuracy = percentRight(scores.argmax(1).toTypedArray(), truth);
      curve.x.push(epoch);
      curve.y.push(accuracy);
      progress.endEpoch(`test accuracy ${accuracy.toFixed(2)} %`);
      if (epoch < epochs) continue;
      const temperature = robust.fitTemperature(scoresOf(mean ?? model, heldX), heldLabels);
      const errorAt = (/** @type {number} */ t) =>
        100 * metrics.expectedCalibrationError(scores.div(t).softmax(1), unseen.labels);
      reached[name] = { accuracy, error: errorAt(1), scaled: errorAt(temperature), temperature };
    }
  }
  mkdirSync(output, { recursive: true });
  const chart = {
    title: `${100 * wrong} % of the labels are wrong`,
    x: { label: 'epoch' },
    y: { label: 'test accuracy, %' },
  };
  writeFileSync(`${output}/noisy-labels.svg`, await charts.lines({ ...chart, lines: curves }));
  const rows = Object.entries(reached).map(
    ([name, one]) =>
      `${name.padEnd(10)}${one.accuracy.toFixed(2).padStart(8)}${one.error.toFixed(2).padStart(18)}${one.scaled.toFixed(2).padStart(12)}${one.temperature.toFixed(2).padStart(14)}`,
  );
  stream.write(
    `\n            right, %   calibration error, %   scaled   temperature\n${rows.join('\n')}\nsaved ${output}/noisy-labels.svg\n`,
  );
  return reached;
}

/** @param {{ forward(x: Tensor): Tensor, eval(): unknown, train(): unknown }} model @param {Tensor} x */
function scoresOf(model, x) {
  model.eval();
  const scores = outputsOf((given) => model.forward(given), x);
  model.train();
  return scores;
}

await main(import.meta.url, run, small);
