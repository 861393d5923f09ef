// Foresees where cyclists at a crossing will be in 4.8 seconds: several futures, each with its probability.
// Run it with `npm run example -- trajectories`. It leaves output/trajectories.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, manualSeed, matmul, nn, noGrad, optim, stack, tensor, zeros } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { learnFrom } from '../shared/minibatches.js';
import { cyclists, futureSteps, seenSteps } from './data.js';
import { Foresight, surpriseOf } from './foresight.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ seen: Tensor, future: Tensor, ideal: Tensor }} Part */
/** @typedef {{ ade: number, fde: number, minAde: number, minFde: number, nats: number }} Score metres, and nats a track */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { tracks: 1500, tests: 300, epochs: 8, width: 32 };

/**
 * @param {{ tracks?: number, tests?: number, epochs?: number, modes?: number, width?: number, seed?: number, output?: string, eager?: boolean,
 *   stream?: import('adjoint').train.ProgressStream }} [options]
 */
export async function run(options = {}) {
  const { tracks = 5000, tests = 2000, epochs = 12, modes = 6, width = 64, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  mkdirSync(output, { recursive: true });
  const [known, asked] = [partOf(cyclists(tracks)), partOf(cyclists(tests))];

  /** @type {Record<string, Score>} */
  const reached = { constant: constantVelocity(known, asked) };
  // As many straight lines as the network has futures, in all directions in which one may go.
  const angles = Array.from({ length: modes }, (_, i) => -70 + (140 * i) / Math.max(1, modes - 1));
  const straight = errorsOf(straightOn(asked.seen, angles), asked.future);
  reached.fan = { ...reached.constant, minAde: straight.minAde, minFde: straight.minFde, nats: Number.NaN };
  const ideal = errorsOf(asked.ideal.unsqueeze(1), asked.future);
  reached.ideal = { ...ideal, nats: Number.NaN };

  const learned = async (/** @type {string} */ title, /** @type {number} */ modes) => {
    const model = new Foresight({ modes, width });
    const optimizer = new optim.Adam(model.parameters(), { lr: 3e-3 });
    const rate = new optim.lrScheduler.CosineAnnealingLR(optimizer, epochs * Math.floor(tracks / 64));
    const step = stepOf((/** @type {Tensor} */ seen, /** @type {Tensor} */ future) => {
      const loss = model.surprise(seen, future).mean();
      optimizer.zeroGrad();
      loss.backward();
      nn.utils.clipGradNorm_(model.parameters(), 1);
      optimizer.step();
      rate.step();
      return loss;
    }, eager);
    await learnFrom(step, [known.seen, known.future], { epochs, batchSize: 64, stream, title });
    return model;
  };
  const one = await learned('one future', 1);
  const several = await learned(`${modes} futures`, modes);
  reached.one = scoreOf(one, asked);
  reached.network = scoreOf(several, asked);

  writeFileSync(`${output}/trajectories.svg`, await picture(several, asked));
  stream.write(`\n${table(reached)}\nsaved ${output}/trajectories.svg\n`);
  return reached;
}

/** @param {import('./data.js').Tracks} tracks @returns {Part} */
function partOf({ count, seen, future, ideal }) {
  const shape = [count, futureSteps, 2];
  return {
    seen: tensor(seen, { shape: [count, seenSteps, 2] }),
    ...{ future: tensor(future, { shape }), ideal: tensor(ideal, { shape }) },
  };
}

/** The paces of the last four steps, and where those lead that turn by some angles and keep their speed: [n, angles, futureSteps, 2]. */
function straightOn(/** @type {Tensor} */ seen, /** @type {readonly number[]} */ degrees) {
  const last = seen.slice({ dim: 1, start: seenSteps - 1 });
  const pace = last.sub(seen.slice({ dim: 1, start: seenSteps - 5, end: seenSteps - 4 })).div(4); // [n, 1, 2]
  const times = tensor(Float32Array.from({ length: futureSteps }, (_, i) => i + 1)).reshape([1, futureSteps, 1]);
  const lines = degrees.map((angle) => {
    const [c, s] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
    const turned = matmul(
      pace,
      tensor([
        [c, -s],
        [s, c],
      ]),
    );
    return last.add(turned.mul(times));
  });
  return stack(lines, 1);
}

/** Goes on as in the last four steps; how far off that is at each step is known from the tracks that are learned from. @param {Part} known @param {Part} asked */
function constantVelocity(known, asked) {
  const means = straightOn(asked.seen, [0]);
  const spread = known.future
    .unsqueeze(1)
    .sub(straightOn(known.seen, [0]))
    .square()
    .mean({ dim: 0, keepDim: true })
    .sqrt();
  const [n] = asked.seen.shape;
  const fan = { means, deviations: spread.expand(means.shape), logits: zeros([n, 1]) };
  return { ...errorsOf(means, asked.future), nats: surpriseOf(fan, asked.future).mean().item() };
}

/** @param {Foresight} model @param {Part} asked @returns {Score} */
function scoreOf(model, { seen, future }) {
  const { means, shares } = model.predict(seen);
  const nats = noGrad(() => model.surprise(seen, future))
    .mean()
    .item();
  return { ...errorsOf(means, future, shares), nats };
}

/**
 * Mean distance over all steps (ADE) and at the last one (FDE): of the most probable future, and of the nearest one.
 *
 * @param {Tensor} means [n, modes, futureSteps, 2]
 * @param {Tensor} future [n, futureSteps, 2]
 * @param {Tensor} [shares] [n, modes]
 */
function errorsOf(means, future, shares) {
  const distances = means.sub(future.unsqueeze(1)).square().sum(3).sqrt(); // [n, modes, steps]
  const [n] = distances.shape;
  const best = shares === undefined ? zeros([n, 1], { dtype: 'int32' }) : shares.argmax({ dim: 1, keepDim: true });
  const [all, end] = [distances.mean({ dim: 2 }), distances.select(2, futureSteps - 1)];
  const of = (/** @type {Tensor} */ errors) => errors.gather(1, best).mean().item();
  const least = (/** @type {Tensor} */ errors) => errors.amin(1).mean().item();
  return { ade: of(all), fde: of(end), minAde: least(all), minFde: least(end) };
}

const names = /** @type {const} */ ({
  constant: 'constant velocity',
  fan: 'constant speed, six ways',
  one: 'network, one future',
  network: 'network, several',
  ideal: 'route known, no chance',
});

/** @param {Record<string, Score>} reached */
function table(reached) {
  const cells = (/** @type {string[]} */ list) => list.map((cell) => cell.padStart(10)).join('');
  const lines = Object.entries(names).map(([key, name]) => {
    const { ade, fde, minAde, minFde, nats } = reached[key];
    return `${name.padEnd(28)}${cells([ade, fde, minAde, minFde, nats].map((v) => v.toFixed(2)))}`;
  });
  return `${''.padEnd(28)}${cells(['ADE m', 'FDE m', 'minADE', 'minFDE', 'nats'])}\n${lines.join('\n')}\n`;
}

/** Six tracks with the futures that were foreseen, the more probable the more visible. @param {Foresight} model @param {Part} asked */
async function picture(model, { seen, future }) {
  const { means, shares } = model.predict(seen.slice({ end: 6 }));
  const xy = (/** @type {Tensor} */ points) => ({
    x: [.../** @type {Float32Array} */ (points.select(1, 0).toTypedArray())],
    y: [.../** @type {Float32Array} */ (points.select(1, 1).toTypedArray())],
  });
  const axis = (/** @type {number} */ low) => ({
    label: 'm',
    range: /** @type {[number, number]} */ ([low, low + 50]),
  });
  const charted = Array.from({ length: 6 }, (_, i) => {
    const fans = Array.from({ length: shares.shape[1] }, (_, mode) => ({
      share: shares.at(i, mode).item(),
      line: xy(means.select(0, i).select(0, mode)),
    }));
    const probable = fans.filter(({ share }) => share > 0.03).sort((a, b) => a.share - b.share);
    return charts.lines({
      ...{ title: `Cyclist ${i + 1}`, x: axis(-25), y: axis(-25) },
      lines: [
        { name: 'seen', ...xy(seen.select(0, i)), style: 'both' },
        ...probable.map(({ share, line }) => ({
          name: 'foreseen',
          ...line,
          colour: 1,
          style: /** @type {'both' | 'faint'} */ (share > 0.2 ? 'both' : 'faint'),
        })),
        { name: 'what came', ...xy(future.select(0, i)), colour: 2, style: 'dashed' },
      ],
    });
  });
  return charts.sideBySide(await Promise.all(charted), { columns: 3 });
}

await main(import.meta.url, run, small);
