// What the examples have in common: the digits, the loop over batches, and pictures of many digits.
import { cat, data, io, noGrad, randn, train } from 'adjoint';
import { first } from '../shared/classifier.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('adjoint').train.ProgressStream} ProgressStream */
/** @typedef {{ x: Tensor, labels: Tensor }} Digits x [n, 784] from 0 to 1, labels int32 [n] */

/**
 * @param {number} images of the training images
 * @param {number} tests of the test images
 * @returns {{ seen: Digits, unseen: Digits }}
 */
export function digits(images, tests) {
  const mnist = data.mnist();
  const [seen, unseen] = [first(mnist.train, images), first(mnist.test, tests)].map((part) => ({
    x: part.images.to('float32').div(255).reshape([-1, 784]),
    labels: part.labels,
  }));
  return { seen: /** @type {Digits} */ (seen), unseen: /** @type {Digits} */ (unseen) };
}

/**
 * Takes `step` with each batch, for some epochs; it gives the loss.
 *
 * @param {readonly Tensor[]} parts of which batches are made
 * @param {(...batch: Tensor[]) => Promise<Tensor>} step
 * @param {{ title: string, epochs: number, batchSize?: number, stream: ProgressStream }} options
 */
export async function learn(parts, step, { title, epochs, batchSize = 64, stream }) {
  stream.write(`\n${title}\n`);
  const dataset = new data.TensorDataset(.../** @type {[Tensor, ...Tensor[]]} */ (parts));
  const loader = new data.DataLoader(dataset, { batchSize, shuffle: true, dropLast: true });
  const progress = new train.Progress({ steps: loader.length, epochs, stream });
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const batch of loader) progress.step(batchSize, (await step(...batch)).item());
    progress.endEpoch('');
  }
}

/**
 * Samples of the Gaussian that has the images' mean and covariance: what a model without any hidden layer would draw.
 *
 * @param {Tensor} x [n, …]
 * @param {number} count
 */
export function gaussianLike(x, count) {
  return noGrad(() => {
    const [n = 1] = x.shape;
    const center = x.mean(0);
    // Σ aᵢ xᵢ / √n of the centred images has their covariance, for normal aᵢ.
    const centred = x.sub(center);
    const parts = Array.from({ length: Math.ceil(count / 500) }, (_, i) => {
      return randn([Math.min(500, count - 500 * i), n])
        .matmul(centred)
        .div(Math.sqrt(n))
        .add(center);
    });
    return cat(parts);
  });
}

/**
 * Writes images from 0 (paper) to 1 (ink) into one PNG file, each row of them a line.
 *
 * @param {string} path
 * @param {readonly Tensor[]} rows each [images, side · side], or as long
 * @param {{ side?: number, scale?: number }} [options] scale: how many pixels of the file's stand for one
 */
export function writeRows(path, rows, { side = 28, scale = 2 } = {}) {
  const [cell, columns] = [side * scale + 2, Math.max(...rows.map((row) => row.size / side ** 2))];
  const [width, height] = [columns * cell, rows.length * cell];
  const pixels = new Uint8Array(width * height).fill(255);
  rows.forEach((row, r) => {
    const values = row.toTypedArray();
    for (let at = 0; at < values.length * scale ** 2; at++) {
      const [x, y, i] = [
        at % (side * scale),
        Math.floor(at / (side * scale)) % (side * scale),
        Math.floor(at / (side * scale) ** 2),
      ];
      const value = values[i * side ** 2 + Math.floor(y / scale) * side + Math.floor(x / scale)] ?? 0;
      pixels[(r * cell + y + 1) * width + i * cell + x + 1] = 255 - Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  });
  io.writePng(path, { width, height, data: pixels });
}
