// Makes LeNet smaller in every way that there is: MNIST.
// Run it with `npm run example -- compress/lenet`. It leaves output/compress-lenet.svg and the weights of each model.
import { argmax, data, manualSeed, nn } from 'adjoint';
import { leNet } from '../lenet/model.js';
import { first, percentRight, planes, predictAll } from '../shared/classifier.js';
import { main } from '../shared/main.js';
import { makeSmaller } from './smaller.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 2000, tests: 500, epochs: 2, batchSize: 32, pruned: 0.8 };

/**
 * Trains a teacher, makes it smaller, and returns the accuracy of each model on the test images, in percent.
 *
 * @param {{ images?: number, tests?: number, epochs?: number, batchSize?: number, pruned?: number, seed?: number, output?: string, eager?: boolean,
 *   stream?: import('adjoint').train.ProgressStream }} [options]
 *   images and tests: how many to learn from, and to test with; epochs: of each training; pruned: the share of weights
 */
export async function run(options = {}) {
  const { images = 12_000, tests = 10_000, epochs = 4, batchSize = 64, pruned = 0.9, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const digits = data.mnist();
  const [seen, unseen] = [first(digits.train, images), first(digits.test, tests)];
  const [x, test] = [planes(data.standardise, seen.images), planes(data.standardise, unseen.images)];
  const labels = unseen.labels.toTypedArray();
  const dataset = new data.TensorDataset(x, seen.labels);
  const loader = new data.DataLoader(dataset, { batchSize, shuffle: true, dropLast: true });
  return makeSmaller(
    {
      ...{ name: 'compress-lenet', title: 'LeNet', teacher: leNet(), student: tiny, lr: 4e-3, batchSize },
      epoch: () => loader,
      loss: nn.functional.crossEntropy,
      logits: (scores) => scores,
      accuracy: (predict) =>
        percentRight(
          predictAll((given) => argmax(predict(given), { dim: 1 }), test),
          labels,
        ),
      typical: [x.slice({ end: 500 })],
      some: (count) => [test.slice({ end: count })],
      weights: 'weight',
      outputs: /^[037]\./, // two convolutions and a linear layer; the last one's outputs are classes
      epochs: { teacher: epochs, pruned: epochs, channels: Math.ceil(0.75 * epochs), student: 2 * epochs },
    },
    { pruned, output, stream, ...(eager !== undefined && { eager }) },
  );
}

/** A network for digits with fewer than a tenth of LeNet's 61,706 weights. */
function tiny() {
  return nn.sequential(
    new nn.Conv2d(1, 4, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2), // 4 × 12 × 12
    new nn.Conv2d(4, 8, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2), // 8 × 4 × 4
    new nn.Flatten(),
    new nn.Linear(128, 34),
    new nn.ReLU(),
    new nn.Linear(34, 10),
  );
}

await main(import.meta.url, run, small);
