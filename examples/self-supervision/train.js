// Two ways to learn from pictures without labels, by contrast and by completion, on Fashion-MNIST. Then one image in a hundred gets
// a label: a linear layer on what was learned, beside the same network with these labels alone.
// Run it with `npm run example -- self-supervision`. It leaves output/self-supervision.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, data, manualSeed, noGrad, pcaLowrank, randperm, tensor } from 'adjoint';
import { fashionMnist, names, standardise } from '../fashion-mnist/data.js';
import { first, percentRight, planes, predictAll } from '../shared/classifier.js';
import { main, stepOf } from '../shared/main.js';
import { Classifier, learn } from './learn.js';
import { imagesOf, MaskedAutoencoder, PatchEncoder, patchesOf } from './masked.js';
import { featuresOf, linearProbe } from './probe.js';
import { Contrast, convolutions, view } from './simclr.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('../shared/classifier.js').Part} Part */
/** @typedef {import('./learn.js').Encoder} Encoder */
/** @typedef {{ contrast: number, masked: number, scratch: number }} Epochs */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 1600, tests: 400, perClass: 2, epochs: { contrast: 3, masked: 7, scratch: 60 } };

/**
 * Learns in both ways and from scratch, and returns the accuracy of each on the test images, in percent: `contrast` and `masked` by
 * a linear layer on features that were learned without labels, `…Scratch` by the same network that learned from the labels alone,
 * `…Untrained` by a linear layer on features of random weights.
 *
 * @param {{ folder?: string, images?: number, tests?: number, perClass?: number, epochs?: Epochs, seed?: number, output?: string,
 *   eager?: boolean, development?: boolean, stream?: import('adjoint').train.ProgressStream }} [options] images: without labels;
 *   perClass: those of each class that get labels; development: judges by training images, to choose settings
 */
export async function run(options = {}) {
  const { folder, images = 6000, tests = 4000, perClass = 6, seed = 1, eager } = options;
  const { epochs = { contrast: 4, masked: 10, scratch: 60 }, output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const clothes = fashionMnist(folder);
  const all = first(clothes.train, images);
  const some = withLabels(all, perClass);
  const { images: x, labels: y } = options.development ? clothes.train : clothes.test;
  const held = { images: x.slice({ start: x.shape[0] - tests }), labels: y.slice({ start: x.shape[0] - tests }) };
  const [labelled, test] = [some, held].map(({ images, labels }) => ({ images: planes(standardise, images), labels }));
  const loader = (/** @type {number} */ batchSize, /** @type {(x: Tensor) => Tensor[]} */ prepare) =>
    new data.DataLoader(new data.TensorDataset(all.images), {
      ...{ batchSize, shuffle: true, dropLast: true, transform: ([x]) => prepare(x) },
    });

  stream.write(`\ncontrast: views of ${images.toLocaleString('en-US')} images are compared\n`);
  const contrast = new Contrast();
  const views = loader(128, (x) => [view(x), view(x)]);
  await learn(contrast, views, { epochs: epochs.contrast, eager, stream });
  stream.write('\nmasked: hidden parts of them are drawn\n');
  const masked = new MaskedAutoencoder();
  const mirror = data.augment({ flip: 0.5 });
  const wholes = loader(64, (x) => [planes(standardise, mirror(x))]);
  await learn(masked, wholes, { epochs: epochs.masked, eager, stream });

  /** @type {Record<string, number>} */
  const reached = {};
  const pairs = { contrast: [contrast.encoder, convolutions()], masked: [masked.encoder, new PatchEncoder()] };
  for (const [name, [encoder, untrained]] of Object.entries(pairs)) {
    reached[name] = linearProbe(encodeBy(encoder), labelled, test);
    reached[`${name}Untrained`] = linearProbe(encodeBy(untrained), labelled, test);
    stream.write(`\n${name}: the same network, from ${labelled.labels.size} labels alone\n`);
    reached[`${name}Scratch`] = await fromScratch(untrained, some, test, { epochs: epochs.scratch, eager, stream });
  }
  mkdirSync(output, { recursive: true });
  writeFileSync(`${output}/self-supervision.svg`, await picture(masked, encodeBy(contrast.encoder), test));
  stream.write(`\n${table(reached, labelled.labels.size)}\nsaved ${output}/self-supervision.svg\n`);
  return reached;
}

/** The same number of images of each class, chosen at random. @param {Part} part @param {number} perClass @returns {Part} */
function withLabels({ images, labels }, perClass) {
  const classes = labels.toTypedArray();
  const counts = names.map(() => 0);
  const order = Array.from(randperm(classes.length).toTypedArray());
  const rows = tensor(Int32Array.from(order.filter((i) => counts[classes[i]]++ < perClass)));
  return { images: images.indexSelect(0, rows), labels: labels.indexSelect(0, rows) };
}

/** The features that an encoder gives in evaluation. @param {Encoder} encoder */
function encodeBy(encoder) {
  encoder.eval();
  const step = stepOf((/** @type {Tensor} */ x) => noGrad(() => encoder.forward(x)), false);
  return (/** @type {Tensor} */ x) => step.sync(x);
}

/**
 * The accuracy of a network that has only the labels, with the usual augmentation.
 *
 * @param {Encoder} encoder
 * @param {Part} labelled
 * @param {Part} test
 * @param {{ epochs: number, eager?: boolean, stream: import('adjoint').train.ProgressStream }} options
 */
async function fromScratch(encoder, labelled, test, options) {
  const model = new Classifier(encoder.train());
  const change = data.augment({ flip: 0.5, crop: 2 });
  const loader = new data.DataLoader(new data.TensorDataset(labelled.images, labelled.labels), {
    ...{ batchSize: Math.min(25, labelled.labels.size), shuffle: true, dropLast: true },
    transform: ([x, y]) => [planes(standardise, change(x)), y],
  });
  await learn(model, loader, options);
  const step = stepOf((/** @type {Tensor} */ x) => noGrad(() => model.scores(x).argmax({ dim: 1 })), false);
  return percentRight(
    predictAll((x) => step.sync(x), test.images),
    test.labels.toTypedArray(),
  );
}

/** @param {Record<string, number>} reached @param {number} labels */
function table(reached, labels) {
  const cell = (/** @type {string} */ key) => `${reached[key].toFixed(2)} %`.padStart(16);
  const rows = ['contrast', 'masked'].map(
    (name) => `${name.padEnd(10)}${cell(name)}${cell(`${name}Scratch`)}${cell(`${name}Untrained`)}`,
  );
  const head = ['linear layer', 'from scratch', 'random features'].map((text) => text.padStart(16)).join('');
  return `test accuracy by ${labels} labels\n${''.padEnd(10)}${head}\n${rows.join('\n')}`;
}

/**
 * What the masked autoencoder makes of images, and where the classes lie among the features that contrast taught.
 *
 * @param {MaskedAutoencoder} masked
 * @param {(x: Tensor) => Tensor} encode
 * @param {Part} test
 */
async function picture(masked, encode, { images, labels }) {
  const few = images.slice({ end: 8 });
  const { drawn, isHidden } = noGrad(() => masked.draw(few));
  const whole = patchesOf(few);
  const seen = whole.mul(isHidden.neg().add(1));
  const completed = seen.add(drawn.mul(isHidden));
  const grey = whole.min().item();
  const rows = [
    { caption: 'whole', patches: whole },
    { caption: 'what it sees', patches: seen.add(isHidden.mul(grey)) },
    { caption: 'what it draws', patches: completed },
  ];
  const sheet = charts.pictures({
    ...{ title: 'Hidden parts, drawn by the masked autoencoder', columns: 8, size: 76 },
    pictures: rows.flatMap(({ caption, patches }) =>
      Array.from({ length: 8 }, (_, i) => ({ image: pictureOf(imagesOf(patches).at(i)), caption })),
    ),
  });

  const features = featuresOf(encode, images.slice({ end: 1000 }));
  const centred = features.sub(features.mean({ dim: 0 }));
  const { V } = pcaLowrank(centred, 2);
  const points = /** @type {number[][]} */ (centred.matmul(V).toArray());
  const classes = labels.toTypedArray();
  const shown = [0, 1, 2, 3, 5, 7, 8, 9]; // as many as there are colours: without coats and shirts, which lie on pullovers
  const map = await charts.lines({
    ...{ title: 'Features that contrast taught: two principal components', width: 720, height: 420 },
    lines: shown.map((label) => {
      const own = points.filter((_, i) => classes[i] === label);
      return { name: names[label], x: own.map(([x]) => x), y: own.map(([, y]) => y), style: 'dots' };
    }),
  });
  return charts.sideBySide([sheet, map], { columns: 1 });
}

/** @param {Tensor} image standardised, [28, 28] */
function pictureOf(image) {
  const data = Uint8Array.from(
    image.toTypedArray(),
    (v) => 255 - Math.min(255, Math.max(0, 255 * (0.353 * v + 0.286))),
  );
  return { width: 28, height: 28, data };
}

await main(import.meta.url, run, small);
