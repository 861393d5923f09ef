// Takes a model out of TensorFlow.js: it predicts the same here, is trained further on MNIST, and is saved for others to read.
// Run it with `npm run example -- leave-tfjs`. It leaves output/leave-tfjs.safetensors and output/leave-tfjs.onnx.
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { argmax, data, io, manualSeed, models, nn, noGrad, optim, zeros } from 'adjoint';
import { first, learn, percentRight, predictAll } from '../shared/classifier.js';
import { main } from '../shared/main.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** What TensorFlow.js left: model.json, its weights, and its predictions of the first test digits. */
export const folder = fileURLToPath(new URL('digits/', import.meta.url));

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 3000, tests: 1000, epochs: 2 };

/**
 * Trains what TensorFlow.js has begun, and returns the accuracy on the test images before and after, in percent, and how far the
 * predictions are from TensorFlow.js's own at most.
 *
 * @param {{ images?: number, tests?: number, epochs?: number, batchSize?: number, maxLr?: number, seed?: number, output?: string,
 *   stream?: import('adjoint').train.ProgressStream }} [options]
 *   images and tests: how many to learn from, and to test with
 */
export async function run(options = {}) {
  const { images = 60_000, tests = 10_000, epochs = 5, batchSize = 64, maxLr = 5e-3 } = options;
  const { seed = 1, output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const digits = data.mnist();
  const [seen, unseen] = [first(digits.train, images), first(digits.test, tests)];
  const test = { images: channelsLast(unseen.images), labels: unseen.labels };

  const model = models.fromTfjs(`${folder}model.json`);
  const difference = farthest(model, test.images);
  const predictions = predictAll((x) => noGrad(() => argmax(model.forward(x), { dim: 1 })), test.images);
  const before = percentRight(predictions, unseen.labels.toTypedArray());
  stream.write(`from TensorFlow.js: at most ${difference.toExponential(0)} from its own predictions
${tests} test digits: accuracy ${before.toFixed(2)} %\n\n`);

  const loader = new data.DataLoader(new data.TensorDataset(channelsLast(seen.images), seen.labels), {
    ...{ batchSize, shuffle: true, dropLast: true },
  });
  const optimizer = new optim.Adam(model.parameters(), { lr: maxLr });
  const result = await learn(new Scores(model), { loader, test, optimizer, maxLr, epochs, stream });

  mkdirSync(output, { recursive: true });
  const [weights, graph] = [`${output}/leave-tfjs.safetensors`, `${output}/leave-tfjs.onnx`];
  io.save(weights, model.stateDict());
  io.onnx.export(model, zeros([1, 28, 28, 1]), { path: graph, dynamicBatch: true });
  stream.write(`
${tests} test digits: accuracy ${result.accuracy.toFixed(2)} %, after ${result.seconds.toFixed(0)} s
saved ${weights} (the weights) and ${graph} (the network, for ONNX Runtime)
`);
  return { difference, before, ...result };
}

/**
 * The model ends in a softmax, which crossEntropy does itself: of logarithms of probabilities it gives the same probabilities.
 * They are clipped as in TensorFlow.js's categoricalCrossentropy.
 */
class Scores extends nn.Module {
  /** @param {models.TfjsModel} model */
  constructor(model) {
    super();
    this.model = model;
  }

  /** @param {Tensor} x */
  forward(x) {
    return this.model.forward(x).clamp(1e-7, 1).log();
  }
}

/**
 * Images as TensorFlow.js takes them: float32 [n, 28, 28, 1], from 0 to 1.
 *
 * @param {Tensor} images uint8 [n, 28, 28]
 */
export function channelsLast(images) {
  return images.to('float32').div(255).reshape([-1, 28, 28, 1]);
}

/**
 * The largest difference of a probability from the one that TensorFlow.js computed.
 *
 * @param {models.TfjsModel} model
 * @param {Tensor} images whose first ones TensorFlow.js has predicted
 */
function farthest(model, images) {
  /** @type {number[][]} */
  const wanted = JSON.parse(readFileSync(`${folder}predictions.json`, 'utf8'));
  const got = noGrad(() => model.forward(images.slice({ end: wanted.length }))).toTypedArray();
  return Math.max(...wanted.flat().map((probability, i) => Math.abs(probability - (got[i] ?? Number.NaN))));
}

await main(import.meta.url, run, small);
