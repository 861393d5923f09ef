// Learns handwritten digits: 784 pixels → 128 hidden units → 10 digits, 60,000 training images, 5 epochs.
// Run it with `npm start`. It leaves output/mnist.safetensors (the weights) and output/mnist.svg (digits it has never
// seen, with what it takes them for).
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { argmax, data, io, manualSeed, nn, noGrad, optim, tensor, train } from 'adjoint';
import { digitGrid } from '../shared/digits.js';

/**
 * Trains and returns the accuracy on the test images, in percent.
 *
 * @param {{ epochs?: number, images?: number, output?: string, stream?: { write(text: string): unknown } }} [options]
 *   images: how many of the training images to use; output: the folder for weights and picture
 */
export async function run({ epochs = 5, images = 60_000, output = 'output', stream = process.stdout } = {}) {
  manualSeed(1);
  const digits = data.mnist();
  const few = (/** @type {import('adjoint').Tensor} */ x) => x.slice({ end: images });
  const trainImages = data.standardise(few(digits.train.images).reshape([-1, 784]));
  const testImages = data.standardise(digits.test.images.reshape([-1, 784]));
  const dataset = new data.TensorDataset(trainImages, few(digits.train.labels));
  const loader = new data.DataLoader(dataset, { batchSize: 64, shuffle: true });

  const model = nn.sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  stream.write(`${model.summary([64, 784])}\n\n`);

  const predict = () => noGrad(() => argmax(model.forward(testImages), { dim: 1 }));
  const accuracy = () => 100 * predict().eq(digits.test.labels).to('float32').mean().item();

  const progress = new train.Progress({ steps: loader.length, epochs, stream });
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const [x, y] of loader) {
      const loss = nn.functional.crossEntropy(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      progress.step(64, () => loss.item());
    }
    progress.endEpoch(`test accuracy ${accuracy().toFixed(2)} %`);
  }

  mkdirSync(output, { recursive: true });
  io.save(`${output}/mnist.safetensors`, model.stateDict());
  picture(`${output}/mnist.svg`, digits.test, predict().toTypedArray());
  stream.write(`
saved ${output}/mnist.safetensors (the weights) and ${output}/mnist.svg (test digits and what the network takes them for)
go on: change the network in examples/mnist/train.js, read examples/textbook/, or load the weights elsewhere by
  model.loadStateDict(io.load('${output}/mnist.safetensors'))
`);
  return accuracy();
}

/**
 * Thirty test digits that it got right and ten that it got wrong.
 *
 * @param {string} path
 * @param {{ images: import('adjoint').Tensor, labels: import('adjoint').Tensor }} test
 * @param {ArrayLike<number>} predictions
 */
function picture(path, test, predictions) {
  const labels = test.labels.toTypedArray();
  const all = Array.from(labels, (_, i) => i);
  const wrong = all.filter((i) => predictions[i] !== labels[i]).slice(0, 10);
  const right = all.filter((i) => predictions[i] === labels[i]).slice(0, 40 - wrong.length);
  const chosen = [...right, ...wrong];
  const images = test.images.reshape([-1, 784]).indexSelect(0, tensor(Int32Array.from(chosen)));
  const grid = digitGrid({
    title: 'Digits that it has never seen, and what it takes them for',
    images: images.toTypedArray(),
    labels: chosen.map((i) => labels[i] ?? 0),
    predictions: chosen.map((i) => predictions[i] ?? 0),
  });
  writeFileSync(path, grid);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await run();
