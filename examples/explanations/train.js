// Asks a network why it takes a digit for what it does, in six ways, and which of its training images it was misled by: MNIST.
// Run it with `npm run example -- explanations`. It leaves output/explanations.svg and the same in output/explanations/report.html.
import { mkdirSync, writeFileSync } from 'node:fs';
import { arange, argmax, charts, data, explain, manualSeed, nn, noGrad, optim, rand, randint, train } from 'adjoint';
import { network } from '../robust-digits/model.js';
import { first, percentRight, planes, predictAll } from '../shared/classifier.js';
import { main, stepOf } from '../shared/main.js';
import { learnFrom } from '../shared/minibatches.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {ReturnType<typeof network>} Network */
/** @typedef {import('adjoint').nn.Conv2d} Conv2d */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 3000, asked: 60, epochs: 2, suspects: 300 };

/**
 * Trains, explains test images, and returns what is left of the network's certainty when the pixels that each way finds most important are
 * erased, in percent; and how many of the training images with the most influence on themselves have wrong labels, in percent.
 *
 * @param {{ images?: number, asked?: number, epochs?: number, erased?: number, suspects?: number, seed?: number, output?: string,
 *   eager?: boolean, stream?: import('adjoint').train.ProgressStream }} [options]
 *   asked: how many test images are explained; erased: the share of their pixels that is; suspects: the training images of which one in
 *   ten gets a wrong label
 */
export async function run(options = {}) {
  const { images = 20_000, asked = 500, epochs = 3, erased = 0.05, suspects = 1500, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const digits = data.mnist();
  const [seen, unseen] = [first(digits.train, images), first(digits.test, asked)];
  const x = planes(data.standardise, seen.images);
  const isWrong = rand([images]).lt(0.1).to('int32').mul(arange(images).lt(suspects).to('int32'));
  const labels = seen.labels.add(randint(1, 10, [images], { dtype: 'int32' }).mul(isWrong)).remainder(10);

  const model = network();
  const optimizer = new optim.Adam(model.parameters(), { lr: 2e-3 });
  const step = stepOf((/** @type {Tensor} */ image, /** @type {Tensor} */ label) => {
    const loss = nn.functional.crossEntropy(model.forward(image), label);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  }, eager);
  await learnFrom(step, [x, labels], { epochs, batchSize: 100, stream, title: 'the network' });
  model.eval();

  const test = planes(data.standardise, unseen.images);
  const classes = predictAll((given) => noGrad(() => argmax(model.forward(given), { dim: 1 })), test);
  const shown = test.slice({ end: asked });
  const target = Array.from(classes.subarray(0, asked));
  const baseline = x.min().item(); // paper
  /** @type {Record<string, Tensor>} how important each pixel is: [n, 1, 28, 28] */
  const maps = {
    saliency: explain.saliency(model, shown, { target }),
    smoothGrad: explain.smoothGrad(model, shown, { target }),
    integratedGradients: explain.integratedGradients(model, shown, { target, baseline }).attributions,
    deepLift: explain.deepLift(model, shown, { target, baseline }),
    // Behind the ReLU: before it, a channel that is far below zero on paper, and whose gradient is below zero, too, would speak for paper.
    gradCam: explain
      .gradCam(model, /** @type {import('adjoint').nn.ReLU} */ (model.at(3)), shown, { target })
      .reshape([asked, 1, 28, 28]),
    occlusion: explain.occlusion(model, shown, { target, window: [1, 4, 4], stride: [1, 2, 2], baseline }),
    random: rand([asked, 1, 28, 28]),
  };
  const certainty = (/** @type {Tensor} */ given) => {
    const probabilities = noGrad(() => model.forward(given).softmax(1)).toTypedArray();
    return (100 / asked) * target.reduce((sum, label, i) => sum + (probabilities[10 * i + label] ?? 0), 0);
  };
  const left = Object.fromEntries(
    Object.entries(maps).map(([name, map]) => [name, certainty(erase(shown, map, Math.round(784 * erased), baseline))]),
  );

  // What a training image says of itself is large where the others do not say it, too: where its label is wrong. The last layer
  // is enough for that.
  const accuracy = percentRight(classes, unseen.labels.toTypedArray());
  for (const [name, p] of model.namedParameters()) p.requiresGrad = name.startsWith('7.');
  const loss = (/** @type {Tensor} */ given, /** @type {Tensor} */ label) =>
    nn.functional.crossEntropy(model.forward(given), label, { reduction: 'none' });
  const some = [x.slice({ end: suspects }), labels.slice({ end: suspects })];
  const order = explain.influence(model, loss, some, some).diagonal().argsort({ descending: true }).toTypedArray();
  const wrong = Array.from(isWrong.slice({ end: suspects }).toTypedArray());
  const count = wrong.filter((one) => one === 1).length;
  const found = (100 * Array.from(order.slice(0, count)).filter((i) => wrong[i] === 1).length) / count;

  mkdirSync(output, { recursive: true });
  const drawn = picturesOf(model, shown, maps);
  writeFileSync(`${output}/explanations.svg`, charts.pictures(drawn));
  const log = new train.RunLog(`${output}/explanations`, { configuration: { images, epochs, seed } });
  log.recordPictures(drawn);
  const page = await train.report(`${output}/explanations`);
  const rows = Object.entries(left).map(([name, value]) => `${name.padEnd(20)} ${value.toFixed(1).padStart(5)} %`);
  stream.write(`
${accuracy.toFixed(2)} % of the test images right; certainty ${certainty(shown).toFixed(1)} %, and when ${100 * erased} % of the pixels are erased by
${rows.join('\n')}
${count} labels of ${suspects} were wrong; of the ${count} with the most influence on themselves, ${found.toFixed(1)} % are (by chance: ${((100 * count) / suspects).toFixed(1)} %)
saved ${output}/explanations.svg and ${page}\n`);
  return { accuracy, left, before: certainty(shown), found, chance: (100 * count) / suspects };
}

/**
 * Images whose most important pixels are paper.
 *
 * @param {Tensor} images [n, 1, 28, 28]
 * @param {Tensor} importance of the same shape
 * @param {number} count of pixels
 * @param {number} paper
 */
function erase(images, importance, count, paper) {
  const [n = 0] = images.shape;
  const places = importance.reshape([n, 784]).topk(count).indices;
  return images.reshape([n, 784]).scatter(1, places, paper).reshape(images.shape);
}

/**
 * Eight digits and what each way finds in them; below, the filters of the first layer and what they make of the first digit.
 *
 * @param {Network} model
 * @param {Tensor} images
 * @param {Record<string, Tensor>} maps
 */
function picturesOf(model, images, maps) {
  /** The first eight of a row, the first with a caption. @param {string} name @param {import('adjoint').charts.Picture[]} all */
  const row = (name, all) => all.slice(0, 8).map(({ image }, i) => ({ image, caption: i === 0 ? name : '' }));
  const { integratedGradients: integrated, ...others } = maps;
  const layer = /** @type {Conv2d} */ (model.at(0));
  const found = Object.entries({ integrated, ...others }).map(([name, map]) =>
    row(name, explain.mapPictures(map, { magnitudes: true })),
  );
  const pictures = [
    ...row('digit', explain.mapPictures(images)),
    ...found.flat(),
    ...row('filters', explain.filterPictures(layer)),
    ...row('what they see', explain.activationPictures(model, layer, images.slice({ end: 1 }))),
  ];
  return { title: 'Why it says so', pictures, columns: 8 };
}

await main(import.meta.url, run, small);
