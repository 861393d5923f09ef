// What `train.fit` costs over the bare compiled loop, `step.run`, and how long it waits for data: the same steps in turns, in
// one process; a figure is the median of the rounds' ratios, with the quartiles beside it. Times are those of a clock, or of all
// threads' processor time, which says more while other programs take the processors.
import { loadavg } from 'node:os';
import { compile, data, nn, optim, relu, setNumThreads, tensor, train } from 'adjoint';
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

const logEvery = 50; // the default: an event each so many steps

/** A training that goes on when it is asked to. @param {'W2' | 'W3'} workload @param {any} given */
function paused(workload, given) {
  const { model, optimizer } = training(workload);
  const loss = nn.functional.crossEntropy;
  const events = train.run(model, { data: given, loss, optimizer, epochs: 1e9, logEvery });
  return {
    /** @param {number} count of events, logEvery steps each */
    async go(count) {
      for (let i = 0; i < count; ) {
        const { value } = await events.next();
        if (value?.type === 'step') i++;
      }
    },
    close: () => events.return(undefined),
  };
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
 * Short stretches follow each other: the bare loop and fit, over batches at hand and over shuffled rows.
 * @param {'W2' | 'W3'} workload @param {data.TensorDataset} set @param {{ rounds: number, stretch: number }} options
 */
async function compare(workload, set, { rounds, stretch }) {
  const { batch } = workloads[workload];
  const rowsOf = (/** @type {number} */ seed) =>
    new data.DataLoader(set, { batchSize: batch, shuffle: true, seed, dropLast: true });
  const batches = [...new data.DataLoader(set, { batchSize: batch, dropLast: true })].slice(0, 2 * logEvery);
  const step = bareLoop(workload);
  const fit = paused(workload, batches);
  const rows = paused(workload, rowsOf(1));
  await step.run(batches);
  await fit.go(2);
  await rows.go(2);
  const once = (await timeOf(() => step.run(batches))).wall;
  const events = 2 * Math.max(1, Math.round(stretch / once));
  const count = logEvery * events;
  const given = Array.from({ length: count / batches.length }, () => batches).flat();
  const again = endless(rowsOf(2));
  /** @type {Record<'bare' | 'fit' | 'bareRows' | 'rows', Time[]>} */
  const times = { bare: [], fit: [], bareRows: [], rows: [] };
  for (let round = 0; round < rounds; round++) {
    times.bare.push(await timeOf(() => step.run(given)));
    times.fit.push(await timeOf(() => fit.go(events)));
    times.bareRows.push(await timeOf(() => step.run(take(again, count))));
    times.rows.push(await timeOf(() => rows.go(events)));
  }
  await fit.close();
  await rows.close();
  step.dispose();
  return { steps: given.length, ...times };
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
    ['training', 'threads', 'steps/s', 'overhead', 'of processor time', 'over rows', 'wait for rows', 'load'],
    all.map(({ workload, threads: count, steps, bare, fit, bareRows, rows, load }) => [
      ...[workload, `${count}`, short(steps / median(fit.map(({ wall }) => wall)))],
      ...[shown(shares(fit, bare, 'wall', overhead)), shown(shares(fit, bare, 'cpu', overhead))],
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
