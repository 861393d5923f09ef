// What `train.fit` costs over the bare compiled loop, `step.run`, alone and with an event each 50 steps, and how long it waits for
// data: the same steps in turns, in one process; a figure is the median of the rounds' ratios, with the quartiles beside it. Times are those of a clock, or of all
// threads' processor time, which says more while other programs take the processors.
import { loadavg } from 'node:os';
import { compile, data, nn, optim, relu, setNumThreads, tensor } from 'adjoint';
import { paused } from './paused.js';
import { fillClasses, workloads } from './peers/peer.js';
import { compareStream } from './stream.js';
import { median, printTable, quartiles, short } from './table.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ wall: number, cpu: number }} Time */

const images = 60000;
const bars = { overhead: 0.03, wait: 0.05, stream: 0.25 };

/** @param {'W2' | 'W3'} workload */
function training(workload) {
  const { sizes } = workloads[workload];
  const layers = sizes.slice(1).map((outputs, l) => new nn.Linear(sizes[l], outputs));
  const model = nn.sequential(...layers.flatMap((layer, l) => (l === 0 ? [layer] : [relu, layer])));
  const optimizer =
    workload === 'W3'
      ? new optim.Adam(model.parameters(), { lr: 1e-3 })
      : new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  return { model, optimizer };
}

/** The images of an epoch. */
function dataset() {
  const values = new Float32Array(images * 784);
  const labels = fillClasses(values);
  return new data.TensorDataset(tensor(values, { shape: [images, 784] }), tensor(labels));
}

/** Seconds that it takes, by the clock and of processors. @param {() => Promise<unknown>} run @returns {Promise<Time>} */
async function timeOf(run) {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await run();
  const wall = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1e6 };
}

/** @param {'W2' | 'W3'} workload @param {any} given @param {boolean} [isHeard] */
function fitOf(workload, given, isHeard) {
  const { model, optimizer } = training(workload);
  return paused(model, { data: given, loss: nn.functional.crossEntropy, optimizer }, isHeard);
}

/** @param {'W2' | 'W3'} workload */
function bareLoop(workload) {
  const { model, optimizer } = training(workload);
  return compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const loss = nn.functional.crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
}

/** Epoch after epoch. @param {AsyncIterable<unknown>} loader */
async function* endless(loader) {
  for (;;) yield* loader;
}

/** The next so many. @param {AsyncGenerator<unknown>} from @param {number} count */
async function* take(from, count) {
  for (let i = 0; i < count; i++) yield (await from.next()).value;
}

/**
 * Epochs follow each other: the bare loop and fit, over batches at hand, with and without somebody who hears of steps, and over
 * shuffled rows.
 * @param {'W2' | 'W3'} workload @param {data.TensorDataset} set @param {{ rounds: number, stretch: number }} options
 */
async function compare(workload, set, { rounds, stretch }) {
  const { batch } = workloads[workload];
  const rowsOf = (/** @type {number} */ seed) =>
    new data.DataLoader(set, { batchSize: batch, shuffle: true, seed, dropLast: true });
  const batches = [...new data.DataLoader(set, { batchSize: batch, dropLast: true })].slice(0, 100);
  const step = bareLoop(workload);
  await step.run(batches);
  const once = (await timeOf(() => step.run(batches))).wall;
  const given = Array.from({ length: Math.max(2, Math.round(stretch / once)) }, () => batches).flat();
  const rows = rowsOf(1);
  const again = endless(rowsOf(2));
  const runs = {
    bare: { go: () => step.run(given) },
    fit: fitOf(workload, given),
    heard: fitOf(workload, given, true),
    bareRows: { go: () => step.run(take(again, rows.length)) },
    rows: fitOf(workload, rows),
  };
  /** @type {Record<keyof typeof runs, Time[]>} */
  const times = { bare: [], fit: [], heard: [], bareRows: [], rows: [] };
  for (const run of Object.values(runs)) await run.go();
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(runs)) {
      const time = await timeOf(() => run.go());
      const count = name === 'rows' || name === 'bareRows' ? rows.length : given.length;
      times[/** @type {keyof typeof runs} */ (name)].push({ wall: time.wall / count, cpu: time.cpu / count });
    }
  }
  await runs.fit.close();
  await runs.heard.close();
  await runs.rows.close();
  step.dispose();
  return times;
}

/**
 * Shares of time, as quartiles over the rounds.
 * @param {Time[]} over @param {Time[]} under @param {'wall' | 'cpu'} clock @param {(ratio: number) => number} share
 */
const shares = (over, under, clock, share) => quartiles(over.map((t, i) => share(t[clock] / under[i][clock])));
const overhead = (/** @type {number} */ ratio) => ratio - 1;
const wait = (/** @type {number} */ ratio) => 1 - 1 / ratio;

const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)}`;
const shown = (/** @type {number[]} */ [low, middle, high]) =>
  `${percent(middle)} (${percent(low)} … ${percent(high)})`;

/** @param {{ threads: number[], quick: boolean }} options */
export async function benchFit({ threads, quick }) {
  const set = dataset();
  const all = [];
  for (const count of threads) {
    setNumThreads(count);
    for (const workload of /** @type {const} */ (['W2', 'W3'])) {
      const times = await compare(workload, set, { rounds: quick ? 21 : 61, stretch: 0.1 });
      all.push({ workload, threads: count, load: loadavg()[0], ...times });
    }
  }
  console.log('percent of time: median (quartiles)');
  printTable(
    ['training', 'threads', 'steps/s', 'overhead', 'of processor time', 'events', 'over rows', 'wait for rows', 'load'],
    all.map(({ workload, threads: count, bare, fit, heard, bareRows, rows, load }) => [
      ...[workload, `${count}`, short(1 / median(fit.map(({ wall }) => wall)))],
      ...[shown(shares(fit, bare, 'wall', overhead)), shown(shares(fit, bare, 'cpu', overhead))],
      shown(shares(heard, bare, 'wall', overhead)),
      ...[shown(shares(rows, bareRows, 'wall', overhead)), shown(shares(rows, fit, 'wall', wait)), short(load)],
    ]),
  );
  const streams = [];
  for (const count of threads) {
    setNumThreads(count);
    streams.push({ threads: count, ...(await compareStream(timeOf, quick ? 7 : 21)), load: loadavg()[0] });
  }
  printTable(
    ['a CSV file, streamed', 'threads', 'steps/s', 'at hand', 'wait for the file', 'load'],
    streams.map(({ threads: count, steps, atHand, stream, load }) => [
      ...['20 columns, 256 rows a step', `${count}`, short(steps / median(stream.map(({ wall }) => wall)))],
      ...[
        short(steps / median(atHand.map(({ wall }) => wall))),
        shown(shares(stream, atHand, 'wall', wait)),
        short(load),
      ],
    ]),
  );
  const bar = (/** @type {number} */ share) => `under ${100 * share} %`;
  console.log(
    `bars: overhead ${bar(bars.overhead)}, wait for rows ${bar(bars.wait)} (W2), for the file ${bar(bars.stream)}`,
  );
  return { all, streams };
}
