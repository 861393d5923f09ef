// Gives a pretrained ONNX model, the text recogniser of PP-OCRv4, a new head, and fine-tunes it on 200 handwritten digits.
// Run it with `npm run example -- onnx-finetune`. It leaves output/onnx-finetune.onnx and output/onnx-finetune.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cat, charts, data, io, manualSeed, nn, noGrad, optim, randperm, train } from 'adjoint';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { leNet } from '../lenet/model.js';
import { first, percentRight, planes, predictAll } from '../shared/classifier.js';
import { main, stepOf } from '../shared/main.js';
import { findModel } from './folder.js';
import { beforeLast, linesOf, Recogniser } from './model.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('../shared/classifier.js').Classifier} Classifier */
/** @typedef {{ images: Tensor, labels: Tensor }} Part */
/**
 * @typedef {object} How
 * @property {Tensor} [known] what the model takes, if it is not the images
 * @property {(images: Tensor) => Tensor} [ready] makes what the model takes of a batch
 * @property {number} lr
 * @property {number} [epochs]
 */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { labelled: 40, tests: 100, epochs: 2 };

const cache = join('output', 'onnx-finetune');

/**
 * Trains the head alone, then everything, then the same network without what it had learned, and LeNet; returns the accuracy of
 * each in percent, and how many test images ONNX Runtime puts into other classes.
 *
 * @param {{ labelled?: number, tests?: number, epochs?: number, lr?: number, model?: string, features?: string, width?: number,
 *   seed?: number, output?: string, eager?: boolean, stream?: import('adjoint').train.ProgressStream }} [options]
 *   labelled: digits to learn from; tests: others; epochs, lr: of everything; model: the path of another ONNX model; features,
 *   width: the value in it that the head reads, [batch, places, width]
 */
export async function run(options = {}) {
  const { labelled = 200, tests = 1000, epochs = 6, seed = 1, output = 'output', stream = process.stdout } = options;
  const { model: path = findModel(cache, stream), features = beforeLast, width = 120, lr = 1e-4, eager } = options;
  manualSeed(seed);
  mkdirSync(output, { recursive: true });
  const digits = data.mnist();
  const chosen = randperm(60_000).slice({ end: labelled });
  const [seen, held] = [drawn(digits.train, chosen), first(digits.test, tests)];
  const [x, test] = [linesOf(seen.images), linesOf(held.images)];
  const labels = held.labels.toTypedArray();
  // Turned and shifted a little, others in each epoch: 200 digits are soon known by heart.
  const change = data.augment({ rotate: 12, shift: 1.5 });
  const lines = (/** @type {Tensor} */ images) => linesOf(change(images));
  const learn = (/** @type {string} */ name, /** @type {Classifier} */ model, /** @type {How} */ how) => {
    stream.write(`\n${name}\n`);
    return teach(model, { images: how.known ?? seen.images, labels: seen.labels }, { epochs, eager, stream, ...how });
  };
  const right = (/** @type {Classifier} */ model, /** @type {Tensor} */ x) =>
    percentRight(classesOf(model.eval(), x), labels);

  const model = new Recogniser(path, features, width);
  // What is frozen gives the same features in each epoch: once is enough.
  nn.utils.freeze(model.features);
  const [known, unknown] = [featuresIn(model, x), featuresIn(model, test)];
  await learn('the new head alone', model.head.train(), { known, epochs: 5 * epochs, lr: 5e-3 });
  const head = right(model.head, unknown);

  nn.utils.unfreeze(model.features);
  await learn('everything', model.eval(), { ready: lines, lr });
  const everything = right(model, test);
  const file = join(output, 'onnx-finetune.onnx');
  io.onnx.export(model, x.slice({ end: 1 }), { path: file, dynamicBatch: true });
  const predictions = classesOf(model, test);
  const others = await otherClasses(file, test, predictions);

  const forgetful = new Recogniser(path, features, width).train();
  forgetful.forget();
  await learn('the same network from random weights', forgetful, { ready: lines, lr: 1e-3 });
  const scratch = right(forgetful, test);

  const simple = leNet();
  const planesOf = (/** @type {Tensor} */ images) => planes(data.standardise, images);
  await learn('LeNet', simple, { ready: (images) => planesOf(change(images)), epochs: 10 * epochs, lr: 2e-3 });
  const lenet = right(simple, planesOf(held.images));

  const reached = { head, everything, scratch, lenet };
  writeFileSync(join(output, 'onnx-finetune.svg'), await picture(reached, labelled));
  const rows = Object.entries(reached).map(
    ([name, percent]) => `${name.padEnd(12)}${percent.toFixed(2).padStart(7)} %\n`,
  );
  stream.write(`\n${rows.join('')}ONNX Runtime gives ${others} of ${tests} digits another class\nsaved ${file}\n`);
  return { ...reached, others };
}

/**
 * @param {Part} part
 * @param {Tensor} chosen
 */
function drawn({ images, labels }, chosen) {
  return { images: images.indexSelect(0, chosen), labels: labels.indexSelect(0, chosen) };
}

/**
 * Trains what is not frozen, in the mode that the model is in.
 *
 * @param {Classifier} model
 * @param {Part} part
 * @param {How & { epochs: number, eager?: boolean, stream: import('adjoint').train.ProgressStream }} how
 */
async function teach(model, { images, labels }, { ready = (x) => x, lr, epochs, eager, stream }) {
  const loader = new data.DataLoader(new data.TensorDataset(images, labels), {
    ...{ batchSize: 10, shuffle: true, dropLast: true },
    transform: ([x, y]) => [ready(x), y],
  });
  const optimizer = new optim.AdamW(model.parameters(), { lr });
  const rate = new optim.lrScheduler.OneCycleLR(optimizer, lr, { epochs, stepsPerEpoch: loader.length });
  const step = stepOf((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const loss = nn.functional.crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    rate.step();
    return loss;
  }, eager);
  const progress = new train.Progress({ steps: loader.length, epochs, stream });
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const [x, y] of loader) progress.step(10, (await step(x, y)).item());
    progress.endEpoch('');
  }
}

/**
 * @param {Recogniser} model
 * @param {Tensor} x
 */
function featuresIn(model, x) {
  return noGrad(() => cat(x.split(100).map((part) => model.featuresOf(part))));
}

/**
 * @param {Classifier} model
 * @param {Tensor} x
 */
function classesOf(model, x) {
  return predictAll((part) => noGrad(() => model.forward(part).argmax({ dim: 1 })), x);
}

/**
 * How many images ONNX Runtime puts into other classes than we do.
 *
 * @param {string} file
 * @param {Tensor} x
 * @param {ArrayLike<number>} classes
 */
async function otherClasses(file, x, classes) {
  const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
  let others = 0;
  for (const [i, image] of x.split(1).entries()) {
    const input = new OrtTensor('float32', /** @type {Float32Array} */ (image.toTypedArray()), image.shape);
    const { output } = await session.run({ input });
    const scores = /** @type {Float32Array} */ (output?.data);
    others += Number(scores.indexOf(Math.max(...scores)) !== classes[i]);
  }
  await session.release();
  return others;
}

/**
 * @param {{ head: number, everything: number, scratch: number, lenet: number }} reached
 * @param {number} labelled
 */
async function picture({ head, everything, scratch, lenet }, labelled) {
  return charts.bars({
    ...{ title: `${labelled} labelled digits`, names: ['new head', 'everything', 'from random weights', 'LeNet'] },
    ...{ values: [head, everything, scratch, lenet], horizontal: true, axis: { label: 'test accuracy, %' } },
  });
}

await main(import.meta.url, run, small);
