// Learns handwritten digits in such a way that nobody can tell from the network whether a given person's digit was among them: MNIST
// with differential privacy. Run it with `npm run example -- private-digits`. It leaves output/private-digits.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { argmax, charts, data, manualSeed, nn, noGrad, optim, privacy, train } from 'adjoint';
import { first, percentRight, planes, predictAll } from '../shared/classifier.js';
import { main, stepOf } from '../shared/main.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('../shared/classifier.js').Classifier} Classifier */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 9000, tests: 500, batch: 100, epochs: 1, lr: 4e-3, strict: false };

const delta = 1e-5;

/**
 * Trains with two budgets and without, and returns the accuracy on the test images, in percent.
 *
 * @param {{ images?: number, tests?: number, batch?: number, epochs?: number, lr?: number, strict?: boolean, seed?: number, output?: string,
 *   eager?: boolean, stream?: import('adjoint').train.ProgressStream }} [options]
 *   batch: the expected number of images in a step; lr: without privacy; strict: whether ε = 1 is tried, too
 */
export async function run(options = {}) {
  const {
    images = 60_000,
    tests = 10_000,
    batch = 500,
    epochs = 6,
    lr = 2e-3,
    strict = true,
    seed = 1,
    eager,
  } = options;
  const { output = 'output', stream = process.stdout } = options;
  const digits = data.mnist();
  const [seen, unseen] = [first(digits.train, images), first(digits.test, tests)];
  const [x, test] = [planes(data.standardise, seen.images), planes(data.standardise, unseen.images)];
  const labels = unseen.labels.toTypedArray();
  const sampleRate = batch / images;
  const steps = Math.round(epochs / sampleRate);

  /** @type {{ name: string, x: number[], y: number[] }[]} */
  const curves = [];
  /** @param {string} name @param {Classifier} model @param {number} epsilon infinite: without privacy */
  const learn = async (name, model, epsilon) => {
    manualSeed(seed);
    stream.write(`\n${name}\n`);
    const isOpen = epsilon === Number.POSITIVE_INFINITY;
    const budget = { targetEpsilon: epsilon, targetDelta: delta, sampleRate, steps };
    const noiseMultiplier = isOpen ? 0 : privacy.getNoiseMultiplier(budget);
    const accountant = new privacy.RDPAccountant();
    const optimizer = isOpen
      ? new optim.Adam(model.parameters(), { lr })
      : new optim.SGD(model.parameters(), { lr: 2, momentum: 0.9 });
    const losses = (/** @type {Tensor} */ image, /** @type {Tensor} */ label) =>
      nn.functional.crossEntropy(model.forward(image), label, { reduction: 'none' });
    const step = stepOf((/** @type {Tensor} */ image, /** @type {Tensor} */ label, /** @type {Tensor} */ weights) => {
      if (isOpen) {
        optimizer.zeroGrad();
        const loss = losses(image, label).mul(weights).sum().div(weights.sum());
        loss.backward();
        optimizer.step();
        return loss;
      }
      const how = { maxGradNorm: 0.1, noiseMultiplier, batchSize: batch, weights };
      const loss = privacy.privateGradients(model, losses, [image, label], how);
      optimizer.step();
      return loss;
    }, eager);
    const progress = new train.Progress({ steps: Math.round(steps / epochs), epochs, stream });
    const curve = { name, x: [0], y: [10] };
    curves.push(curve);
    for (let i = 1; i <= steps; i++) {
      const { indices, weights } = privacy.poissonSample({ size: images, sampleRate });
      const loss = await step(x.indexSelect(0, indices), seen.labels.indexSelect(0, indices), weights);
      accountant.step({ noiseMultiplier, sampleRate });
      progress.step(batch, loss.item());
      if (i % Math.round(steps / epochs) !== 0) continue;
      const predictions = predictAll((given) => noGrad(() => argmax(model.forward(given), { dim: 1 })), test);
      curve.x.push(i);
      curve.y.push(percentRight(predictions, labels));
      const spent = isOpen ? '' : `, ε = ${accountant.getEpsilon(delta).toFixed(2)}`;
      progress.endEpoch(`test accuracy ${curve.y.at(-1)?.toFixed(2)} %${spent}`);
    }
    return { accuracy: curve.y.at(-1) ?? 0, epsilon: accountant.getEpsilon(delta) };
  };

  const open = await learn('without privacy', convolutions(seed), Number.POSITIVE_INFINITY);
  const linear = await learn('without privacy, a linear model', softmaxRegression(seed), Number.POSITIVE_INFINITY);
  const three = await learn('ε = 3', convolutions(seed), 3);
  const one = strict ? await learn('ε = 1', convolutions(seed), 1) : three;
  mkdirSync(output, { recursive: true });
  writeFileSync(
    `${output}/private-digits.svg`,
    await charts.lines({
      title: 'What privacy costs',
      x: { label: 'step' },
      y: { label: 'test accuracy, %', range: [80, 100] },
      lines: curves,
    }),
  );
  stream.write(
    `\nwithout privacy ${open.accuracy.toFixed(2)} %, linear ${linear.accuracy.toFixed(2)} %; with ε = ${three.epsilon.toFixed(2)}: ${three.accuracy.toFixed(2)} %` +
      `${strict ? `, with ε = ${one.epsilon.toFixed(2)}: ${one.accuracy.toFixed(2)} %` : ''}\nsaved ${output}/private-digits.svg\n`,
  );
  return {
    open: open.accuracy,
    linear: linear.accuracy,
    private: three.accuracy,
    strict: one.accuracy,
    epsilon: three.epsilon,
  };
}

/** The network of Papernot et al., "Tempered sigmoid activations for deep learning with differential privacy", 2020. @param {number} seed */
function convolutions(seed) {
  manualSeed(seed);
  return nn.sequential(
    new nn.Conv2d(1, 16, 8, { stride: 2, padding: 3 }),
    new nn.Tanh(),
    new nn.MaxPool2d(2, { stride: 1 }), // 16 × 13 × 13
    new nn.Conv2d(16, 32, 4, { stride: 2 }),
    new nn.Tanh(),
    new nn.MaxPool2d(2, { stride: 1 }), // 32 × 4 × 4
    new nn.Flatten(),
    new nn.Linear(512, 32),
    new nn.Tanh(),
    new nn.Linear(32, 10),
  );
}

/** @param {number} seed */
function softmaxRegression(seed) {
  manualSeed(seed);
  return nn.sequential(new nn.Flatten(), new nn.Linear(784, 10));
}

await main(import.meta.url, run, small);
