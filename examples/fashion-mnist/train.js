// Learns what piece of clothing is on a picture: a small residual network on Fashion-MNIST, its images moved, flipped and
// partly covered at random.
// Run it with `npm run example -- fashion-mnist`. It leaves output/fashion-mnist.safetensors (the weights) and
// output/fashion-mnist.png (what is taken for what).
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { data, io, manualSeed, optim } from 'adjoint';
import { first, learn, planes } from '../shared/classifier.js';
import { colourScale, colours, Picture } from '../shared/picture.js';
import { fashionMnist, names, standardise } from './data.js';
import { smallResNet } from './model.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 2000, tests: 500, epochs: 3, channels: 4, batchSize: 32 };

/**
 * Trains, and returns the losses and the accuracy on the test images.
 *
 * @param {{ folder?: string, images?: number, tests?: number, epochs?: number, channels?: number, batchSize?: number,
 *   maxLr?: number, output?: string, stream?: import('adjoint').train.ProgressStream }} [options]
 *   folder: holds the four files; images and tests: how many to learn from, and to test with; channels: see the model
 */
export async function run(options = {}) {
  const { folder, images = 60_000, tests = 10_000, epochs = 5, channels = 16, batchSize = 64, maxLr = 0.1 } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(1);
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
  io.writePng(`${output}/fashion-mnist.png`, picture(counts));
  stream.write(`
${tests} test images: accuracy ${result.accuracy.toFixed(2)} %, after ${result.seconds.toFixed(0)} s
saved ${output}/fashion-mnist.safetensors (the weights) and ${output}/fashion-mnist.png (what is taken for what)
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
function picture(counts) {
  const [cell, left, top] = [72, 140, 170];
  const side = cell * names.length;
  const whole = new Picture(left + side + 20, top + side + 20);
  const scale = colourScale([colours.white, colours.sky, colours.blue]);
  whole.text(left + side / 2, 20, 'what it is (left), and what it was taken for', { align: 'centre' });
  counts.forEach((row, r) => {
    const sum = row.reduce((total, count) => total + count, 0);
    const y = top + r * cell;
    whole.text(left - 10, y + cell / 2, names[r] ?? '', { align: 'right' });
    whole.text(left + (r + 0.5) * cell, top - 10, names[r] ?? '', { upwards: true });
    row.forEach((count, c) => {
      const share = count / Math.max(1, sum);
      whole.rectangle(left + c * cell, y, cell - 1, cell - 1, scale(Math.sqrt(share)));
      if (count === 0) return;
      const colour = share > 0.5 ? colours.white : r === c ? colours.ink : colours.red;
      whole.text(left + (c + 0.5) * cell, y + cell / 2, String(count), { align: 'centre', colour });
    });
  });
  whole.frame(left - 1, top - 1, side + 1, side + 1, colours.grey);
  return whole;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await run(process.argv.includes('--small') ? small : {});
