// Ten points of a sine wave are to give the whole wave, whose height and phase differ from task to task: MAML and Reptile beside
// a network that was trained on all waves at once.
// Run it with `npm run example -- few-shot/sinusoids`. It leaves output/few-shot-sinusoids.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, linspace, manualSeed, nn, rand, sin } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { adapt, afterLearning, mamlLoss, metaTrain, outputOf, reptileLoss, weightsOf } from './meta.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('./meta.js').Tasks} Tasks */
/** @typedef {import('./meta.js').Network} Network */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { steps: 300, tests: 50 };

/** @typedef {(network: Network, tasks: Tasks) => Tensor} LossOf */

const loss = nn.functional.mseLoss;
const tasksAtOnce = 10;

/** How often it has learned from all points of a new wave when it is judged. */
const last = 10;

/**
 * Meta-trains in each way, and returns the mean squared error on new waves after ten steps on their points.
 *
 * @param {{ steps?: number, tests?: number, points?: number, seed?: number, output?: string, eager?: boolean,
 *   stream?: import('adjoint').train.ProgressStream }} [options] steps: of meta-training; tests: waves to test with;
 *   points: that are known of a wave
 */
export async function run(options = {}) {
  const { steps = 6000, tests = 600, points = 10, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const learn = async (/** @type {string} */ name, /** @type {LossOf} */ lossOf) => {
    const network = net();
    const draw = () => waves(tasksAtOnce, points);
    await metaTrain(name, network, (tasks) => lossOf(network, tasks), draw, { steps, eager, stream });
    return network;
  };
  const networks = {
    MAML: await learn('MAML', (network, tasks) => mamlLoss(network, tasks, { loss, lr: 0.01, steps: 1 })),
    Reptile: await learn('Reptile', (network, tasks) => reptileLoss(network, tasks, { loss, lr: 0.02, steps: 5 })),
    'all waves at once': await learn('all waves at once', (network, { newX, newY }) =>
      loss(network.forward(newX), newY),
    ),
    'random weights': net(),
  };

  const unknown = waves(tests, points);
  const errors = Object.entries(networks).map(([name, network]) => ({ name, errors: errorsOf(network, unknown) }));
  const [maml, reptile, pretrained, random] = errors.map((one) => one.errors[last]);
  mkdirSync(output, { recursive: true });
  writeFileSync(`${output}/few-shot-sinusoids.svg`, await picture(networks, errors, points));
  const rows = errors.map((one) => {
    const cells = [0, 1, last].map((step) => one.errors[step].toFixed(3).padStart(10));
    return `${one.name.padEnd(20)}${cells.join('')}`;
  });
  stream.write(`
mean squared error on ${tests} new waves, after 0, 1 and ${last} steps on ${points} points of each
${rows.join('\n')}
saved ${output}/few-shot-sinusoids.svg
`);
  return { maml, reptile, pretrained, random };
}

function net() {
  return nn.sequential(new nn.Linear(1, 40), new nn.ReLU(), new nn.Linear(40, 40), new nn.ReLU(), new nn.Linear(40, 1));
}

/**
 * Waves of random height and phase, some points of each to learn from, and 20 others to judge with.
 *
 * @param {number} count
 * @param {number} points
 * @returns {Tasks}
 */
function waves(count, points) {
  const heights = rand([count, 1, 1]).mul(4.9).add(0.1);
  const phases = rand([count, 1, 1]).mul(Math.PI);
  const wave = (/** @type {Tensor} */ x) => sin(x.sub(phases)).mul(heights);
  const [x, newX] = [points, 20].map((each) => rand([count, each, 1]).mul(10).sub(5));
  return { x, y: wave(x), newX, newY: wave(newX) };
}

/**
 * The mean squared error on new points, after each number of steps from 0 to ten.
 *
 * @param {Network} network
 * @param {Tasks} tasks as many as fill the groups
 */
function errorsOf(network, tasks) {
  const count = tasks.x.shape[0];
  return Array.from({ length: last + 1 }, (_, steps) => {
    const step = stepOf((/** @type {Tensor[]} */ ...[x, y, newX, newY]) => {
      return loss(afterLearning(network, { x, y, newX, newY }, { loss, lr: 0.01, steps }), newY);
    }, false);
    let sum = 0;
    for (let start = 0; start < count; start += tasksAtOnce) {
      const group = { start, end: start + tasksAtOnce };
      const { x, y, newX, newY } = tasks;
      sum += step.sync(x.slice(group), y.slice(group), newX.slice(group), newY.slice(group)).item();
    }
    return sum / (count / tasksAtOnce);
  });
}

/**
 * The errors by steps, and three waves with what each network makes of their points.
 *
 * @param {Record<string, Network>} networks
 * @param {readonly { name: string, errors: number[] }[]} errors
 * @param {number} points
 */
async function picture(networks, errors, points) {
  const curves = await charts.lines({
    ...{ title: 'New waves: mean squared error', x: { label: 'steps on their points' }, y: { log: true } },
    lines: errors.map(({ name, errors }) => ({ name, y: errors, style: 'both' })),
  });
  const { x, y } = waves(3, points);
  const across = linspace(-5, 5, 101).reshape([101, 1]);
  const panels = [0, 1, 2].map((i) => {
    const lines = Object.entries(networks).map(([name, network]) => {
      const adapted = adapt(network, weightsOf(network), x.at(i), y.at(i), { loss, lr: 0.01, steps: last });
      return { name, x: across.toTypedArray(), y: outputOf(network, adapted, across).toTypedArray() };
    });
    const known = { name: 'the points', x: x.at(i).toTypedArray(), y: y.at(i).toTypedArray(), colour: 7 };
    return charts.lines({
      ...{ title: `A new wave, after ${last} steps`, y: { range: [-6, 6] }, x: { range: [-5, 5] } },
      lines: [...lines, { ...known, style: 'dots' }],
    });
  });
  return charts.sideBySide([curves, ...(await Promise.all(panels))], { columns: 2 });
}

await main(import.meta.url, run, small);
