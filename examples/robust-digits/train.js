// Trains a network so that changes which nobody minds do not turn its answers round: MNIST, adversarial training by PGD.
// Run it with `npm run example -- robust-digits`. It leaves output/robust-digits.svg: digits as they are, and as the attack changes them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { argmax, cat, charts, compile, data, manualSeed, nn, noGrad, optim, robust } from 'adjoint';
import { first, percentRight, predictAll } from '../shared/classifier.js';
import { main, stepOf } from '../shared/main.js';
import { learnFrom } from '../shared/minibatches.js';
import { network } from './model.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('../shared/classifier.js').Classifier} Classifier */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 2000, tests: 200, epochs: 2, steps: 2, epsilon: 0.1 };

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
    const model = network();
    const optimizer = new optim.Adam(model.parameters(), { lr: 2e-3 });
    const step = stepOf((/** @type {Tensor} */ image, /** @type {Tensor} */ label) => {
      const given = isAttacked ? robust.pgd(model, image, label, { epsilon, steps, range }) : image;
      const loss = nn.functional.crossEntropy(model.forward(given), label);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    }, eager);
    await learnFrom(step, [x, seen.labels], { epochs, batchSize: 100, stream, title: name });
    model.eval();
    const attack = compile((/** @type {Tensor} */ image, /** @type {Tensor} */ label) =>
      robust.pgd(model, image, label, { epsilon, steps: 20, stepSize: epsilon / 8, range }),
    );
    const hit = await attacked(test, unseen.labels, attack);
    const nudged = await attacked(test, unseen.labels, (image, label) =>
      robust.fgsm(model, image, label, { epsilon, range }),
    );
    const right = (/** @type {Tensor} */ given) =>
      percentRight(
        predictAll((part) => noGrad(() => argmax(model.forward(part), { dim: 1 })), given),
        labels,
      );
    const reached = { plain: right(test), fgsm: right(nudged), pgd: right(hit) };
    stream.write(
      `as they are ${reached.plain.toFixed(1)} %, FGSM ${reached.fgsm.toFixed(1)} %, PGD ${reached.pgd.toFixed(1)} %\n`,
    );
    return { model, reached, hit };
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
 * All pictures, as an attack changes them.
 *
 * @param {Tensor} x
 * @param {Tensor} y
 * @param {(x: Tensor, y: Tensor) => Promise<Tensor> | Tensor} change
 */
async function attacked(x, y, change) {
  const parts = [];
  for (let start = 0; start < (x.shape[0] ?? 0); start += 100) {
    const part = { start, end: start + 100 };
    parts.push(await change(x.slice(part), y.slice(part)));
  }
  return cat(parts);
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
