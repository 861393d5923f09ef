// Characters of scripts that it never saw, told apart by one or five drawings of each: a prototypical network, MAML and Reptile
// beside the nearest neighbour.
// Run it with `npm run example -- few-shot/characters`. It leaves output/few-shot-characters.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, manualSeed, nn, stack } from 'adjoint';
import { percentRight } from '../shared/classifier.js';
import { main, stepOf } from '../shared/main.js';
import { glyphs, side } from './glyphs.js';
import { afterLearning, mamlLoss, metaTrain, reptileLoss } from './meta.js';
import { logProbabilities } from './prototypes.js';
import { characterTasks } from './tasks.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('./meta.js').Network} Network */
/** @typedef {import('./meta.js').Tasks} Tasks */
/** @typedef {(tasks: Tasks) => Tensor} Judge says which class each of the new drawings is, int32 [tasks, drawings] */
/** @typedef {{ name: string, network: Network, lossOf: (tasks: Tasks) => Tensor, judge: Judge, steps: number }} Method */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { most: 30, tests: 20, steps: { prototypes: 80, maml: 100, reptile: 60 } };

/** Characters of a task, drawings of each that are to be recognised, and tasks at a time. */
const [ways, queries, tasksAtOnce] = [5, 5, 4];
const loss = nn.functional.crossEntropy;

/**
 * Meta-trains in each way on the characters of some scripts, and returns the accuracy on those of others, in percent: `maml1` by
 * one drawing of each of five characters, `maml5` by five.
 *
 * @param {{ most?: number, tests?: number, steps?: { prototypes: number, maml: number, reptile: number }, seed?: number,
 *   output?: string, eager?: boolean, part?: 'development' | 'test', stream?: import('adjoint').train.ProgressStream }} [options]
 *   most: characters of each part, default all; tests: tasks to test with; part: whose characters are the test's
 */
export async function run(options = {}) {
  const { most, tests = 200, seed = 1, eager, part = 'test' } = options;
  const { steps = { prototypes: 600, maml: 400, reptile: 200 } } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const pictures = glyphs({ most });
  const [seen, unseen] = [pictures.train, pictures[part]];
  stream.write(`${seen.characters.length} characters to learn from, ${unseen.characters.length} to test with\n`);
  const methods = methodsOf(steps);
  // One and five known drawings in turn, so that one network serves for both.
  const draw = (/** @type {number} */ i) =>
    characterTasks(seen.images, tasksAtOnce, { ways, shots: i % 2 === 0 ? 1 : 5, queries });
  for (const { name, network, lossOf, steps } of methods) {
    await metaTrain(name, network, lossOf, draw, { steps, eager, stream });
  }

  /** @type {Record<string, number>} */
  const reached = {};
  for (const shots of [1, 5]) {
    const tasks = characterTasks(unseen.images, tests, { ways, shots, queries });
    const labels = tasks.newY.toTypedArray();
    for (const { name, judge } of [...methods, { name: 'nearest', judge: nearest }]) {
      reached[`${name}${shots}`] = percentRight(judgeAll(judge, tasks), labels);
    }
  }
  mkdirSync(output, { recursive: true });
  writeFileSync(`${output}/few-shot-characters.svg`, await picture(reached, methods, unseen.images));
  stream.write(`\n${table(reached, tests)}\nsaved ${output}/few-shot-characters.svg\n`);
  return reached;
}

/** @param {{ prototypes: number, maml: number, reptile: number }} steps @returns {Method[]} */
function methodsOf(steps) {
  const convolution = (/** @type {number} */ from) => [
    new nn.Conv2d(from, 32, 3, { stride: 2, padding: 1 }),
    new nn.ReLU(),
  ];
  const network = (/** @type {number} */ outputs) =>
    nn.sequential(
      ...convolution(1), // 10 × 10
      ...convolution(32), // 5 × 5
      ...convolution(32), // 3 × 3
      new nn.Flatten(),
      new nn.Linear(288, outputs),
    );
  const [embedding, first, middle] = [network(64), network(ways), network(ways)];
  const byPrototypes = (/** @type {Tasks} */ { x, newX }) =>
    stack(
      Array.from({ length: x.shape[0] }, (_, i) =>
        logProbabilities(embedding.forward(x.at(i)), embedding.forward(newX.at(i)), ways),
      ),
    );
  const afterSteps =
    (/** @type {Network} */ network, /** @type {import('./meta.js').Inner} */ inner) => (/** @type {Tasks} */ tasks) =>
      afterLearning(network, tasks, inner).argmax({ dim: 2 });
  return [
    {
      ...{ name: 'prototypes', network: embedding, steps: steps.prototypes },
      lossOf: (tasks) => nn.functional.nllLoss(byPrototypes(tasks).reshape([-1, ways]), tasks.newY.reshape([-1])),
      judge: (tasks) => byPrototypes(tasks).argmax({ dim: 2 }),
    },
    {
      ...{ name: 'maml', network: first, steps: steps.maml },
      lossOf: (tasks) => mamlLoss(first, tasks, { loss, lr: 0.2, steps: 1 }),
      judge: afterSteps(first, { loss, lr: 0.2, steps: 10 }),
    },
    {
      ...{ name: 'reptile', network: middle, steps: steps.reptile },
      lossOf: (tasks) => reptileLoss(middle, tasks, { loss, lr: 0.2, steps: 5 }),
      judge: afterSteps(middle, { loss, lr: 0.2, steps: 10 }),
    },
  ];
}

/** The class of the nearest of the known drawings, pixel by pixel. @type {Judge} */
function nearest({ x, y, newX }) {
  const flat = (/** @type {Tensor} */ t) => t.reshape([t.shape[0], t.shape[1], side * side]);
  const distances = flat(newX).unsqueeze(2).sub(flat(x).unsqueeze(1)).square().sum({ dim: 3 });
  return y.gather(1, distances.argmin({ dim: 2 }));
}

/**
 * In groups of five tasks.
 *
 * @param {Judge} judge
 * @param {Tasks} tasks
 */
function judgeAll(judge, tasks) {
  const step = stepOf((/** @type {Tensor[]} */ ...[x, y, newX, newY]) => judge({ x, y, newX, newY }), false);
  /** @type {number[]} */
  const guesses = [];
  for (let start = 0; start < tasks.x.shape[0]; start += 5) {
    const group = [tasks.x, tasks.y, tasks.newX, tasks.newY].map((t) => t.slice({ start, end: start + 5 }));
    guesses.push(...step.sync(...group).toTypedArray());
  }
  return guesses;
}

/** What is compared, from the simplest on. */
const titles = { nearest: 'nearest pixels', reptile: 'Reptile', maml: 'MAML', prototypes: 'prototypes' };

/** @param {Record<string, number>} reached @param {number} tests */
function table(reached, tests) {
  const rows = Object.entries(titles).map(([name, title]) => {
    const cells = [1, 5].map((shots) => `${reached[`${name}${shots}`].toFixed(2)} %`.padStart(12));
    return `${title.padEnd(16)}${cells.join('')}`;
  });
  return `right in ${tests} tasks of ${ways} characters, by one and by five drawings of each\n${rows.join('\n')}`;
}

/**
 * The accuracies, and a task: what is known above, what is to be recognised below with the prototypes' answers.
 *
 * @param {Record<string, number>} reached
 * @param {readonly Method[]} methods
 * @param {Tensor} images
 */
async function picture(reached, methods, images) {
  const all = [1, 5].flatMap((shots) =>
    Object.entries(titles).map(([name, title]) => ({ shots, title, value: reached[`${name}${shots}`] })),
  );
  const bars = await charts.bars({
    ...{ title: 'Characters recognised', horizontal: true, axis: { label: 'percent', range: [0, 100] } },
    names: all.map(({ title, shots }) => `${title}, ${shots === 1 ? 'one drawing' : 'five drawings'}`),
    values: all.map(({ value }) => value),
  });
  const task = characterTasks(images, 1, { ways, shots: 1, queries });
  const answers = methods[0].judge(task).toTypedArray();
  const pictureOf = (/** @type {Tensor} */ t) => ({
    ...{ width: side, height: side },
    data: Uint8Array.from(t.toTypedArray(), (ink) => Math.round(255 * (1 - ink))),
  });
  const letter = (/** @type {number} */ way) => 'ABCDE'[way];
  const known = Array.from({ length: ways }, (_, i) => ({ image: pictureOf(task.x.at(0).at(i)), caption: letter(i) }));
  const asked = Array.from({ length: ways * queries }, (_, i) => {
    const place = (i % ways) * queries + Math.floor(i / ways); // a column for each character
    const isWrong = answers[place] !== i % ways;
    return { image: pictureOf(task.newX.at(0).at(place)), caption: letter(answers[place]), marked: isWrong };
  });
  const title = 'A task: known above, answers below';
  const sheet = charts.pictures({ title, pictures: [...known, ...asked], columns: ways, size: 60 });
  return charts.sideBySide([bars, sheet], { columns: 2 });
}

await main(import.meta.url, run, small);
