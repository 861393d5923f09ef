// What several of the lessons need: handwritten digits, a short training that notes its losses, and a place for the picture.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { data, nn, randint } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('adjoint').nn.Module & { forward(x: Tensor): Tensor }} Classifier */
/** @typedef {{ zeroGrad(): void, step(): unknown }} Optimizer */

/** The first digits of MNIST, each a row of 784 numbers about zero, and which digits they are. @param {number} count */
export function digits(count) {
  const { images, labels } = data.mnist().train;
  return {
    x: data.standardise(images.slice({ end: count }).reshape([count, 784])),
    labels: labels.slice({ end: count }),
  };
}

/**
 * Steps on batches of 64 images drawn at random; returns the loss of each.
 * @param {Classifier} model
 * @param {Optimizer} optimizer
 * @param {{ x: Tensor, labels: Tensor }} images
 * @param {number} steps
 */
export function learn(model, optimizer, { x, labels }, steps) {
  const losses = [];
  for (let step = 0; step < steps; step++) {
    const rows = randint(0, labels.size, [64]);
    const loss = nn.functional.crossEntropy(model.forward(x.indexSelect(0, rows)), labels.indexSelect(0, rows));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(loss.item());
  }
  return losses;
}

/** Each loss averaged with those before it: single batches differ too much for a picture. @param {number[]} losses */
export function smooth(losses) {
  let [sum, weight] = [0, 0];
  return losses.map((loss) => {
    [sum, weight] = [0.9 * sum + 0.1 * loss, 0.9 * weight + 0.1];
    return sum / weight;
  });
}

/** The root mean square of all numbers in a tensor. @param {Tensor | null} t */
export const size = (t) => t?.square().mean().sqrt().item() ?? Number.NaN;

/** The mean of the last ten losses. @param {number[]} losses */
export const end = (losses) => losses.slice(-10).reduce((sum, loss) => sum + loss, 0) / Math.min(10, losses.length);

/** Where pictures go unless a folder is named. */
export const outputFolder = join(import.meta.dirname, 'output');

/** Writes a picture and returns its path. @param {string} folder @param {string} name @param {string} svg */
export function savePicture(folder, name, svg) {
  const file = join(folder, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, svg);
  return file;
}
