// A network that knows eight kinds of clothes learns two others, sandals and sneakers, from ten pictures of each: by a new head alone, all
// of it at one rate, and unfrozen from the head down with smaller rates below. Beside it the same network without that knowledge.
// Run it with `npm run example -- transfer`. It leaves output/transfer.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, data, manualSeed, nn, optim, randperm, tensor, train } from 'adjoint';
import { fashionMnist, names, standardise } from '../fashion-mnist/data.js';
import { smallResNet } from '../fashion-mnist/model.js';
import { planes } from '../shared/classifier.js';
import { addStepSeconds, main } from '../shared/main.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('../shared/classifier.js').Part} Part */
/** @typedef {import('adjoint').nn.Sequential} Network */
/**
 * @typedef {object} Way to learn
 * @property {number} lr
 * @property {RegExp} [frozen] parameters that stay as they are
 * @property {number} [layerDecay] each layer's rate is that of the one above times this
 * @property {number} [every] epochs from one group of layers to the next
 */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 6400, tests: 300, repeats: 2, perClass: 5, epochs: { before: 3, after: 40 } };

/** The kinds that come later. */
const later = ['sandal', 'sneaker'];
const classes = names.filter((name) => !later.includes(name));

/**
 * Learns eight classes, then two others in four ways, and returns the accuracy of each way on test images of the two, in percent.
 *
 * @param {{ folder?: string, images?: number, tests?: number, perClass?: number, channels?: number, repeats?: number,
 *   epochs?: { before: number, after: number }, seed?: number, output?: string, eager?: boolean, development?: boolean,
 *   stream?: import('adjoint').train.ProgressStream }} [options] images: of the eight; tests: of each of the two; perClass: to learn
 *   the two from; repeats: with other such images, whose mean counts; development: judges by training images, to choose settings
 */
export async function run(options = {}) {
  const { folder, images = 8000, tests = 1000, perClass = 10, channels = 4, repeats = 5, seed = 1, eager } = options;
  const { epochs = { before: 3, after: 60 }, output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const clothes = fashionMnist(folder);
  const compile = eager === true ? false : undefined;

  stream.write(`\nlearns ${classes.length} kinds of clothes\n`);
  const many = ofClasses(clothes.train, classes, images / classes.length);
  const pretrained = withHead(smallResNet(channels), classes.length);
  await learn(pretrained, many, { lr: 3e-3 }, { batchSize: 50, epochs: epochs.before, compile });

  /** @type {Record<string, number[]>} */
  const reached = { scratch: [], head: [], all: [], gradual: [] };
  const test = ofClasses(options.development ? clothes.train : clothes.test, later, tests, { last: true });
  for (let repeat = 0; repeat < repeats; repeat++) {
    stream.write(`\n${later.join(' or ')}, from ${perClass} pictures of each: ${repeat + 1} of ${repeats}\n`);
    const few = ofClasses(clothes.train, later, perClass);
    for (const [name, accuracies] of Object.entries(reached)) {
      const model = withHead(name === 'scratch' ? smallResNet(channels) : pretrained, later.length);
      const common = { batchSize: 2 * perClass, epochs: epochs.after, compile };
      await learn(model, few, waysToLearn(epochs.after)[name], common);
      accuracies.push(await accuracyOn(model, test));
      stream.write(`${name.padEnd(8)} ${accuracies.at(-1)?.toFixed(1)} %\n`);
    }
  }

  const [scratch, head, all, gradual] = Object.values(reached).map(mean);
  mkdirSync(output, { recursive: true });
  writeFileSync(`${output}/transfer.svg`, await picture(reached, perClass));
  stream.write(`\nmeans: from scratch ${scratch.toFixed(1)} %, head ${head.toFixed(1)} %, all ${all.toFixed(1)} %, `);
  stream.write(`gradual ${gradual.toFixed(1)} %\nsaved ${output}/transfer.svg\n`);
  return { scratch, head, all, gradual };
}

/** @param {number} epochs @returns {Record<string, Way>} */
function waysToLearn(epochs) {
  return {
    scratch: { lr: 3e-3 },
    head: { lr: 0.1, frozen: /^[0-7]\./ },
    all: { lr: 1e-3 },
    gradual: { lr: 0.03, layerDecay: 0.6, every: Math.ceil(epochs / 8) },
  };
}

/**
 * The layers of a network, copied, with a new head.
 *
 * @param {Network} network
 * @param {number} outputs
 * @returns {Network}
 */
function withHead(network, outputs) {
  const copy = network.clone();
  const head = /** @type {import('adjoint').nn.Linear} */ (copy.children().at(-1));
  return nn.sequential(...copy.slice(0, -1).children(), new nn.Linear(head.inFeatures, outputs));
}

/**
 * Trains with AdamW, and a rate that rises for a third of the time and then falls to nothing.
 *
 * @param {Network} model
 * @param {Part} part
 * @param {Way} way
 * @param {{ batchSize: number, epochs: number, compile?: boolean }} options
 */
async function learn(model, { images, labels }, { lr, frozen, layerDecay, every }, { batchSize, epochs, compile }) {
  if (frozen !== undefined) nn.utils.freeze(model, frozen);
  const groups = { lr, layerDecay: layerDecay ?? 1, weightDecay: 0.01, pattern: /^(\d+)\./ };
  const optimizer = new optim.AdamW(optim.paramGroupsLayerDecay(model, groups), { lr });
  const change = data.augment({ flip: 0.5, crop: 2 });
  const loader = new data.DataLoader(new data.TensorDataset(images, labels), {
    ...{ batchSize, shuffle: true, transform: ([x, y]) => [planes(standardise, change(x)), y] },
  });
  // The blocks are 3, 4 and 5, the head is 8.
  const unfreezing = new train.GradualUnfreezing({ groups: [/^8\./, /^5\./, /^4\./, /^[0-3]\./], every: every ?? 1 });
  const rates = optimizer.paramGroups.map((group) => group.lr);
  const { history } = await train.fit(model, {
    ...{ data: loader, loss: nn.functional.crossEntropy, optimizer, epochs, compile },
    schedule: new optim.lrScheduler.OneCycleLR(optimizer, rates, { epochs, stepsPerEpoch: loader.length }),
    callbacks: every === undefined ? [] : [unfreezing],
  });
  for (const { seconds } of history.slice(1)) addStepSeconds(seconds); // the first epoch compiles
}

/** In percent. @param {Network} model @param {Part} part */
async function accuracyOn(model, { images, labels }) {
  const rows = new data.TensorDataset(planes(standardise, images), labels);
  const right = (/** @type {Tensor} */ output, /** @type {Tensor} */ target) =>
    output.argmax({ dim: 1 }).eq(target).to('float32').mean();
  const { accuracy } = await train.evaluate(model, {
    ...{ data: new data.DataLoader(rows, { batchSize: 250 }), loss: nn.functional.crossEntropy },
    metrics: { accuracy: right },
  });
  return 100 * accuracy;
}

/**
 * Images of some classes, which get the numbers of their places in the list.
 *
 * @param {Part} part
 * @param {readonly string[]} classes
 * @param {number} perClass
 * @param {{ last?: boolean }} [options] last: the last ones of the part, instead of ones chosen at random among the others
 * @returns {Part}
 */
function ofClasses({ images, labels }, classes, perClass, { last = false } = {}) {
  const all = labels.toTypedArray();
  const order = last ? Array.from(all.keys()).reverse() : Array.from(randperm(50_000).toTypedArray());
  const counts = classes.map(() => 0);
  const rows = order.filter((i) => {
    const place = classes.indexOf(names[all[i]]);
    return place >= 0 && counts[place]++ < perClass;
  });
  const numbers = Int32Array.from(rows, (i) => classes.indexOf(names[all[i]]));
  return { images: images.indexSelect(0, tensor(Int32Array.from(rows))), labels: tensor(numbers) };
}

/** @param {readonly number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** @param {readonly number[]} values */
const deviation = (values) => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));

/** @param {Record<string, number[]>} reached @param {number} perClass */
function picture(reached, perClass) {
  return charts.bars({
    title: `${later.join(' or ')}, by ${perClass} pictures of each`,
    names: ['from scratch', 'a new head', 'all at one rate', 'from the head down'],
    values: Object.values(reached).map(mean),
    errors: Object.values(reached).map(deviation),
    ...{ axis: { label: 'test accuracy, percent', range: [50, 100] }, horizontal: true, height: 280 },
  });
}

await main(import.meta.url, run, small);
