// Trains a network so that changes which nobody minds do not turn its answers round: MNIST, adversarial training by PGD.
// Run it with `npm run example -- robust-digits`. It leaves output/robust-digits.svg: digits as they are, and as the attack changes them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { argmax, charts, compile, data, manualSeed, nn, noGrad, optim, robust, train } from 'adjoint';
import { first, percentRight, predictAll } from '../shared/classifier.js';
import { main, stepOf } from '../shared/main.js';
import { network } from './model.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('../shared/classifier.js').Classifier} Classifier */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 3000, tests: 300, epochs: 2, steps: 2, epsilon: 0.1 };

/**
 * Trains twice, without and with attacks, and returns the accuracy on test images as they are, after one step of an attack (FGSM) and after 20 (PGD), in
 * percent.
 *
 * @param {{ images?: number, tests?: number, epochs?: number, steps?: number, epsilon?: number, seed?: number, output?: string,
 *   eager?: boolean, stream?: import('adjoint').train.ProgressStream }} [options]
 *   steps: of the attack in training; epsilon: by how much a pixel may change, of 0 to 1
 */
export async function run(options = {}) {
  const { images = 20_000, tests = 1000, epochs = 4, steps = 5, epsilon = 0.2, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  const digits = data.mnist();
  const [seen, unseen] = [first(digits.train, images), first(digits.test, tests)];
  const [x, test] = [planesOf(seen.images), planesOf(unseen.images)];
  const labels = unseen.labels.toTypedArray();
  const range = /** @type {const} */ ([0, 1]);

  /** @param {string} name @param {boolean} isAttacked */
  const learn = async (name, isAttacked) => {
    manualSeed(seed);
    stream.write(`\n${name}\n`);
    const model = network();
    const optimizer = new optim.Adam(model.parameters(), { lr: 2e-3 });
    const loader = new data.DataLoader(new data.TensorDataset(x, seen.labels), {
      batchSize: 100,
      shuffle: true,
      dropLast: true,
    });
    const step = stepOf((/** @type {Tensor} */ image, /** @type {Tensor} */ label) => {
      const given = isAttacked ? robust.pgd(model, image, label, { epsilon, steps, range }) : image;
      const loss = nn.functional.crossEntropy(model.forward(given), label);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    }, eager);
    const progress = new train.Progress({ steps: loader.length, epochs, stream });
    for (let epoch = 0; epoch < epochs; epoch++) {
      for await (const [image, label] of loader) progress.step(100, (await step(image, label)).item());
      progress.endEpoch();
    }
    model.eval();
    const attack = compile((/** @type {Tensor} */ image, /** @type {Tensor} */ label) =>
      robust.pgd(model, image, label, { epsilon, steps: 20, stepSize: epsilon / 8, range }),
    );
    const hit = await batches(test, unseen.labels, (image, label) => attack(image, label));
    const nudged = await batches(test, unseen.labels, async (image, label) =>
      robust.fgsm(model, image, label, { epsilon, range }),
    );
    const right = (/** @type {readonly Tensor[]} */ parts) => accuracy(model, parts, labels);
    const reached = { plain: right([test]), fgsm: right(nudged), pgd: right(hit) };
    stream.write(`as they are ${reached.plain} %, FGSM ${reached.fgsm} %, PGD ${reached.pgd} %\n`);
    return { model, reached, hit: /** @type {Tensor} */ (hit[0]) };
  };

  const usual = await learn('as usual', false);
  const hardened = await learn('with attacks', true);
  mkdirSync(output, { recursive: true });
  writeFileSync(`${output}/robust-digits.svg`, picture(test, labels, usual, hardened));
  stream.write(`saved ${output}/robust-digits.svg\n`);
  return { usual: usual.reached, hardened: hardened.reached };
}

/** Pixels from 0 to 1, which an attack must not leave. @param {Tensor} images */
const planesOf = (images) => images.to('float32').div(255).reshape([-1, 1, 28, 28]);

/**
 * @param {Tensor} x
 * @param {Tensor} y
 * @param {(x: Tensor, y: Tensor) => Promise<Tensor>} change
 */
async function batches(x, y, change) {
  const parts = [];
  for (let start = 0; start < (x.shape[0] ?? 0); start += 100) {
    const part = { start, end: start + 100 };
    parts.push(await change(x.slice(part), y.slice(part)));
  }
  return parts;
}

/**
 * @param {Classifier} model
 * @param {readonly Tensor[]} parts
 * @param {ArrayLike<number>} labels
 */
function accuracy(model, parts, labels) {
  const predictions = parts.flatMap((part) => [
    ...predictAll((x) => noGrad(() => argmax(model.forward(x), { dim: 1 })), part),
  ]);
  return Number(percentRight(predictions, labels).toFixed(2));
}

/**
 * @param {Tensor} test
 * @param {ArrayLike<number>} labels
 * @param {{ model: Classifier, hit: Tensor }} usual
 * @param {{ model: Classifier, hit: Tensor }} hardened
 */
function picture(test, labels, usual, hardened) {
  const row = (/** @type {Tensor} */ x, /** @type {Classifier} */ model) => {
    const some = x.slice({ end: 10 });
    const answers = noGrad(() => argmax(model.forward(some), { dim: 1 })).toTypedArray();
    const pixels = some.toTypedArray();
    return Array.from(answers, (answer, i) => ({
      image: {
        width: 28,
        height: 28,
        data: Uint8Array.from({ length: 784 }, (_, k) => 255 - 255 * (pixels[784 * i + k] ?? 0)),
      },
      caption: String(answer),
      marked: answer !== labels[i],
    }));
  };
  const pictures = [...row(test, usual.model), ...row(usual.hit, usual.model), ...row(hardened.hit, hardened.model)];
  return charts.pictures({
    title: 'As they are; attacked; attacked, for the hardened network',
    pictures,
    columns: 10,
  });
}

await main(import.meta.url, run, small);
