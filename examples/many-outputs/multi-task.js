// One network for three tasks on a picture of two digits that overlap: the left one, the right one, and how far apart they are. The losses
// have different sizes; they are added as they are, weighted by learned uncertainty, or their gradients are kept from working against each other.
// Run it with `npm run example -- many-outputs/multi-task`. It leaves output/multi-task.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cat, charts, manualSeed, nn, optim, tensor } from 'adjoint';
import { outputsOf } from '../shared/classifier.js';
import { main, stepOf } from '../shared/main.js';
import { learnFrom } from '../shared/minibatches.js';
import { chances, digits, draw, stacked, trunk } from './pictures.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ digits: number, distance: number }} Score the mean accuracy of both digits in percent; the error of the distance (RMSE), in pixels */
/** @typedef {{ x: Tensor, left: Tensor, right: Tensor, distance: Tensor }} Part */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 1000, tests: 300, epochs: 4, batchSize: 16, lr: 3e-3 };

const size = 36;
/** Distances are counted from here, in pixels. */
const usual = 17;

/** Several heads on one trunk: scores of the left digit, of the right one, and the distance. */
class Tasks extends nn.Module {
  trunk = trunk(size);
  left = new nn.Linear(128, 10);
  right = new nn.Linear(128, 10);
  distance = new nn.Linear(128, 1);

  /** @param {Tensor} x @returns {Tensor} [n, 21] */
  forward(x) {
    const shared = this.trunk.forward(x);
    return cat([this.left.forward(shared), this.right.forward(shared), this.distance.forward(shared)], 1);
  }
}

/** @type {import('adjoint').nn.TaskKind[]} */
const kinds = ['classification', 'classification', 'regression'];

/**
 * @param {{ images?: number, tests?: number, epochs?: number, batchSize?: number, lr?: number, seed?: number, output?: string, eager?: boolean,
 *   stream?: import('adjoint').train.ProgressStream }} [options]
 */
export async function run(options = {}) {
  const { images = 8000, tests = 2000, epochs = 4, batchSize = 64, lr = 2e-3, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  mkdirSync(output, { recursive: true });
  const { train, test } = digits();
  const [seen, unseen] = [pairs(train, images), pairs(test, tests)];

  /**
   * @param {string} title
   * @param {(losses: Tensor[], model: Tasks) => Tensor} combine
   * @param {Tensor[]} [more] parameters beside the model's
   */
  const learned = async (title, combine, more = []) => {
    const model = new Tasks();
    const groups = [{ params: model.parameters() }, ...(more.length > 0 ? [{ params: more, lr: 0.02 }] : [])];
    const optimizer = new optim.Adam(groups, { lr });
    const rate = new optim.lrScheduler.CosineAnnealingLR(optimizer, epochs * Math.floor(images / batchSize));
    const step = stepOf((/** @type {Tensor[]} */ ...[x, left, right, distance]) => {
      const out = model.forward(x);
      const losses = [
        nn.functional.crossEntropy(out.slice({ dim: 1, end: 10 }), left),
        nn.functional.crossEntropy(out.slice({ dim: 1, start: 10, end: 20 }), right),
        nn.functional.mseLoss(out.select(1, 20), distance),
      ];
      optimizer.zeroGrad();
      const loss = combine(losses, model);
      loss.backward();
      optimizer.step();
      rate.step();
      return losses.reduce((sum, part) => sum.add(part));
    }, eager);
    await learnFrom(step, [seen.x, seen.left, seen.right, seen.distance], { epochs, batchSize, stream, title });
    return scoreOf(model, unseen);
  };

  const alone = [];
  for (const task of [0, 1, 2]) alone.push(await learned(`task ${task + 1} alone`, (losses) => losses[task]));
  const weighting = new nn.UncertaintyWeighting(kinds);
  const sum = (/** @type {Tensor[]} */ losses) => losses.reduce((total, part) => total.add(part));
  const reached = {
    alone: { digits: (alone[0].left + alone[1].right) / 2, distance: alone[2].distance },
    equal: await learned('all losses added', sum),
    uncertainty: await learned('weighted by uncertainty', (losses) => weighting.forward(losses), [
      ...weighting.parameters(),
    ]),
    surgery: await learned('gradient surgery', (losses, model) => optim.pcGrad(losses, model.parameters())),
  };
  writeFileSync(`${output}/multi-task.svg`, await picture(reached));
  stream.write(`\n${table(reached)}\nsaved ${output}/multi-task.svg\n`);
  return { ...reached, variances: [...weighting.log_variances.exp().toTypedArray()] };
}

/** Pictures of two digits: one from the upper left, one from the lower right. @param {import('./pictures.js').Digits} source @param {number} count @returns {Part} */
function pairs(source, count) {
  const chance = chances(count * 6);
  const below = (/** @type {number} */ n) => Math.floor(chance() * n);
  /** @type {[Float32Array[], number[], number[], number[]]} */
  const [pictures, left, right, distance] = [[], [], [], []];
  for (let i = 0; i < count; i++) {
    const [a, b] = [below(source.labels.length), below(source.labels.length)];
    const [first, second] = [
      { left: -4 + below(6), top: -4 + below(4) },
      { left: 8 + below(6), top: 8 + below(4) },
    ];
    const picture = new Float32Array(size * size);
    draw(picture, size, source, a, first);
    draw(picture, size, source, b, second);
    pictures.push(picture);
    left.push(source.labels[a]);
    right.push(source.labels[b]);
    distance.push(Math.hypot(second.left - first.left, second.top - first.top) - usual);
  }
  return {
    ...{ x: stacked(pictures, size), left: tensor(Int32Array.from(left)), right: tensor(Int32Array.from(right)) },
    distance: tensor(Float32Array.from(distance)),
  };
}

/** @param {Tasks} model @param {Part} part */
function scoreOf(model, { x, left, right, distance }) {
  const [count] = x.shape;
  const table = outputsOf((some) => model.forward(some), x);
  const share = (/** @type {Tensor} */ scores, /** @type {Tensor} */ truth) =>
    (100 * scores.argmax({ dim: 1 }).eq(truth).sum().item()) / count;
  const [l, r] = [
    share(table.slice({ dim: 1, end: 10 }), left),
    share(table.slice({ dim: 1, start: 10, end: 20 }), right),
  ];
  const error = Math.sqrt(table.select(1, 20).sub(distance).square().mean().item());
  return { left: l, right: r, digits: (l + r) / 2, distance: error };
}

const names = {
  alone: 'a network for each task',
  equal: 'losses added',
  uncertainty: 'weighted by uncertainty',
  surgery: 'gradient surgery',
};

/** @param {Record<string, Score>} reached */
function table(reached) {
  const lines = Object.entries(names).map(([key, name]) => {
    const { digits, distance } = reached[key];
    return `${name.padEnd(26)}${digits.toFixed(2).padStart(10)}${distance.toFixed(3).padStart(12)}`;
  });
  return `${''.padEnd(26)}${'digits %'.padStart(10)}${'distance px'.padStart(12)}\n${lines.join('\n')}\n`;
}

/** @param {Record<string, Score>} reached */
async function picture(reached) {
  const bars = (/** @type {keyof Score} */ key, /** @type {string} */ title, /** @type {string} */ label) => {
    const values = Object.keys(names).map((name) =>
      key === 'digits' ? 100 - reached[name].digits : reached[name].distance,
    );
    return charts.bars({ title, names: Object.values(names), horizontal: true, values, axis: { label } });
  };
  const both = [
    bars('digits', 'Digits that it gets wrong', 'percent'),
    bars('distance', 'Error of the distance', 'pixels'),
  ];
  return charts.sideBySide(await Promise.all(both), { columns: 2 });
}

await main(import.meta.url, run, small);
