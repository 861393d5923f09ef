// Learns what piece of clothing is on a picture: a small residual network on Fashion-MNIST, its images moved, flipped and
// partly covered at random.
// Run it with `npm run example -- fashion-mnist`. It leaves output/fashion-mnist.safetensors (the weights) and
// output/fashion-mnist.svg (what is taken for what).
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, data, io, manualSeed, optim } from 'adjoint';
import { first, learn, planes } from '../shared/classifier.js';
import { main } from '../shared/main.js';
import { fashionMnist, names, standardise } from './data.js';
import { smallResNet } from './model.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 2000, tests: 500, epochs: 3, channels: 4, batchSize: 32 };

/**
 * Trains, and returns the losses and the accuracy on the test images.
 *
 * @param {{ folder?: string, images?: number, tests?: number, epochs?: number, channels?: number, batchSize?: number,
 *   maxLr?: number, seed?: number, output?: string, stream?: import('adjoint').train.ProgressStream }} [options]
 *   folder: holds the four files; images and tests: how many to learn from, and to test with; channels: see the model
 */
export async function run(options = {}) {
  const { folder, images = 60_000, tests = 10_000, epochs = 5, channels = 16, batchSize = 64, maxLr = 0.1 } = options;
  const { seed = 1, output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const clothes = fashionMnist(folder);
  const [seen, unseen] = [first(clothes.train, images), first(clothes.test, tests)];
  const change = data.augment({ flip: 0.5, crop: 2, cutout: 6 });
  const loader = new data.DataLoader(new data.TensorDataset(seen.images, seen.labels), {
    batchSize,
    shuffle: true,
    dropLast: true,
    transform: ([x, y]) => [planes(standardise, change(x)), y],
  });

  const model = smallResNet(channels);
  stream.write(`${model.summary([batchSize, 1, 28, 28])}\n\n`);
  const optimizer = new optim.SGD(model.parameters(), { lr: maxLr, momentum: 0.9, nesterov: true, weightDecay: 5e-4 });
  const test = { images: planes(standardise, unseen.images), labels: unseen.labels };
  const result = await learn(model, { loader, test, optimizer, maxLr, epochs, stream });

  const counts = confusion(result.predictions, unseen.labels.toTypedArray());
  mkdirSync(output, { recursive: true });
  io.save(`${output}/fashion-mnist.safetensors`, model.stateDict());
  writeFileSync(`${output}/fashion-mnist.svg`, await chart(counts));
  stream.write(`
${tests} test images: accuracy ${result.accuracy.toFixed(2)} %, after ${result.seconds.toFixed(0)} s
saved ${output}/fashion-mnist.safetensors (the weights) and ${output}/fashion-mnist.svg (what is taken for what)
`);
  return result;
}

/**
 * How often each class (row) was taken for each (column).
 *
 * @param {Int32Array} predictions
 * @param {ArrayLike<number>} labels
 */
function confusion(predictions, labels) {
  const counts = names.map(() => new Array(names.length).fill(0));
  predictions.forEach((prediction, i) => {
    const row = counts[labels[i] ?? 0];
    if (row) row[prediction]++;
  });
  return counts;
}

/** @param {readonly (readonly number[])[]} counts */
function chart(counts) {
  return charts.heatmap({
    ...{ title: 'What it is (left), and what it was taken for', width: 760, height: 720 },
    ...{ rows: names, columns: names, values: counts, format: (count) => (count === 0 ? '' : String(count)) },
  });
}

await main(import.meta.url, run, small);
