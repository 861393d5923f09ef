// Learns handwritten digits with convolutions: LeNet-5 on the 60,000 training images of MNIST, 3 epochs.
// Run it with `npm run example -- lenet`. It leaves output/lenet.safetensors (the weights) and output/lenet.svg (the first
// layer's filters, and test digits that the network gets wrong).
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, data, io, manualSeed, optim } from 'adjoint';
import { first, learn, planes } from '../shared/classifier.js';
import { digitGrid } from '../shared/digits.js';
import { main } from '../shared/main.js';
import { leNet } from './model.js';

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 2000, tests: 500, epochs: 2, batchSize: 32 };

/**
 * Trains, and returns the losses and the accuracy on the test images.
 *
 * @param {{ images?: number, tests?: number, epochs?: number, batchSize?: number, maxLr?: number, seed?: number, output?: string,
 *   stream?: import('adjoint').train.ProgressStream }} [options]
 *   images and tests: how many to learn from, and to test with
 */
export async function run(options = {}) {
  const { images = 60_000, tests = 10_000, epochs = 3, batchSize = 64, maxLr = 5e-3 } = options;
  const { seed = 1, output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const digits = data.mnist();
  const [seen, unseen] = [first(digits.train, images), first(digits.test, tests)];
  const dataset = new data.TensorDataset(planes(data.standardise, seen.images), seen.labels);
  const loader = new data.DataLoader(dataset, { batchSize, shuffle: true, dropLast: true });

  const model = leNet();
  stream.write(`${model.summary([batchSize, 1, 28, 28])}\n\n`);
  const optimizer = new optim.Adam(model.parameters(), { lr: maxLr });
  const test = { images: planes(data.standardise, unseen.images), labels: unseen.labels };
  const result = await learn(model, { loader, test, optimizer, maxLr, epochs, stream });

  mkdirSync(output, { recursive: true });
  io.save(`${output}/lenet.safetensors`, model.stateDict());
  const filters = model.stateDict().get('0.weight')?.toTypedArray() ?? [];
  writeFileSync(`${output}/lenet.svg`, picture(filters, unseen, result.predictions));
  stream.write(`
${tests} test digits: accuracy ${result.accuracy.toFixed(2)} %, after ${result.seconds.toFixed(0)} s
saved ${output}/lenet.safetensors (the weights) and ${output}/lenet.svg (filters, and digits it got wrong)
`);
  return result;
}

/**
 * The filters of the first layer, red where ink counts for and blue where it counts against; below, digits that are
 * wrong.
 *
 * @param {ArrayLike<number>} filters 6 of 5 × 5
 * @param {import('../shared/classifier.js').Part} test
 * @param {Int32Array} predictions
 */
function picture(filters, test, predictions) {
  const labels = test.labels.toTypedArray();
  const wrong = [...predictions.keys()].filter((i) => predictions[i] !== labels[i]).slice(0, 40);
  const pixels = test.images.toTypedArray();
  const grid = digitGrid({
    title: 'Digits that it gets wrong',
    images: wrong.flatMap((i) => [...pixels.subarray(i * 784, (i + 1) * 784)]),
    labels: wrong.map((i) => labels[i] ?? 0),
    predictions: wrong.map((i) => predictions[i] ?? 0),
  });
  const largest = Math.max(...Array.from(filters, Math.abs));
  const pictures = Array.from({ length: filters.length / 25 }, (_, i) => {
    const values = Array.from({ length: 25 }, (_, at) => (filters[25 * i + at] ?? 0) / largest);
    return { image: { width: 5, height: 5, data: Uint8Array.from(values.flatMap(redOrBlue)) } };
  });
  return charts.sideBySide([charts.pictures({ title: 'Filters of the first layer', pictures, size: 100 }), grid]);
}

/**
 * White for 0, red for 1, blue for -1.
 *
 * @param {number} value
 */
function redOrBlue(value) {
  const rest = Math.round(255 * (1 - Math.abs(value)));
  return value > 0 ? [255, rest, rest] : [rest, rest, 255];
}

await main(import.meta.url, run, small);
