// What `train.fit` costs over the bare compiled loop, `step.run`, and how long it waits for data: the same steps in turns, in
// one process, and the ratio is the median of the rounds' ratios.
import { compile, data, nn, optim, relu, setNumThreads, tensor, train } from 'adjoint';
import { fillClasses, workloads } from './peers/peer.js';
import { median, printTable, short, spread } from './table.js';

/** @typedef {import('adjoint').Tensor} Tensor */

const images = 60000;
const bars = { overhead: 0.03, wait: 0.05 };

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

/** Seconds that it takes. @param {() => Promise<unknown>} run */
async function seconds(run) {
  const begin = performance.now();
  await run();
  return (performance.now() - begin) / 1000;
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
  const once = await seconds(() => step.run(batches));
  const events = 2 * Math.max(1, Math.round(stretch / once));
  const count = logEvery * events;
  const given = Array.from({ length: count / batches.length }, () => batches).flat();
  const again = endless(rowsOf(2));
  /** @type {Record<'bare' | 'fit' | 'bareRows' | 'rows', number[]>} */
  const times = { bare: [], fit: [], bareRows: [], rows: [] };
  for (let round = 0; round < rounds; round++) {
    times.bare.push(await seconds(() => step.run(given)));
    times.fit.push(await seconds(() => fit.go(events)));
    times.bareRows.push(await seconds(() => step.run(take(again, count))));
    times.rows.push(await seconds(() => rows.go(events)));
  }
  await fit.close();
  await rows.close();
  step.dispose();
  const ratios = (/** @type {number[]} */ over, /** @type {number[]} */ under) => over.map((t, i) => t / under[i]);
  const overhead = median(ratios(times.rows, times.bareRows)) - 1;
  const atHand = median(ratios(times.fit, times.bare)) - 1;
  const wait = 1 - 1 / median(ratios(times.rows, times.fit));
  return { steps: given.length, ...times, overhead, atHand, wait };
}

/** @param {{ threads: number[], quick: boolean }} options */
export async function benchFit({ threads, quick }) {
  const set = dataset();
  const all = [];
  for (const count of threads) {
    setNumThreads(count);
    for (const workload of /** @type {const} */ (['W2', 'W3'])) {
      const result = await compare(workload, set, { rounds: quick ? 21 : 61, stretch: 0.1 });
      all.push({ workload, threads: count, ...result });
    }
  }
  const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`;
  printTable(
    ['training', 'threads', 'steps/s bare', 'of fit', '± spread', 'overhead', 'with batches at hand', 'wait for rows'],
    all.map(({ workload, threads: count, steps, bareRows, rows, overhead, atHand, wait }) => [
      ...[workload, `${count}`, short(steps / median(bareRows)), short(steps / median(rows))],
      ...[`± ${percent(spread(bareRows))}`, percent(overhead), percent(atHand), percent(wait)],
    ]),
  );
  console.log(`bars: overhead under ${percent(bars.overhead)}; wait under ${percent(bars.wait)} (W2)`);
  return all;
}
