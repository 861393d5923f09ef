// Whole training steps against other engines on the same work: each is a process of its own, all take turns within every
// round, and a ratio is the median of the rounds' own ratios. So a machine that is slow for a second is slow for all.
import { engines, installPackages } from './peers/process.js';
import { median, printTable, short, spread } from './table.js';

/** What each workload measures. @type {Record<string, { what: string, unit: string }>} */
export const workloads = {
  W1: { what: 'MLP 2-8-1, XOR, batch 4, SGD', unit: 'stepsPerSecond' },
  W2: { what: 'MLP 784-128-10, batch 64, SGD with momentum', unit: 'stepsPerSecond' },
  W3: { what: 'MLP 784-512-512-10, batch 128, Adam', unit: 'stepsPerSecond' },
  W8: { what: 'prediction with 784-128-10, batch 1', unit: 'p50' },
  epoch: {
    what: 'an epoch of 60,000 images through 784-128-10, batches of 64, data loading included',
    unit: 'samplesPerSecond',
  },
};

/**
 * @typedef {object} Row
 * @property {string} workload
 * @property {number} threads
 * @property {string} engine
 * @property {string} [unavailable]
 * @property {number} [value] median of `unit`
 * @property {string} [unit]
 * @property {number} [spread] of the rounds' values: interquartile range over median
 * @property {number} [ratio] how many times as fast as it adjoint is: median over the rounds
 * @property {number} [p99] microseconds, W8 only
 * @property {number} [rssMegabytes] peak of its process
 * @property {number | null} [lossFirst]
 * @property {number | null} [lossLast]
 */

/**
 * Starts the engines of one table. Peers of one thread take part only in its table.
 * @param {number} threads
 * @param {string[]} names
 * @param {string} workload
 * @param {Row[]} rows where the missing ones are noted
 */
async function startEngines(threads, names, workload, rows) {
  const running = [];
  for (const engine of engines) {
    if (!names.includes(engine.name) || (engine.oneThread && threads > 1)) continue;
    let reason;
    try {
      const peer = engine.start(threads);
      reason = await peer.ready();
      if (reason === undefined) running.push({ name: engine.name, peer });
    } catch (error) {
      reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    }
    if (reason !== undefined) rows.push({ workload, threads, engine: engine.name, unavailable: reason });
  }
  return running;
}

/**
 * One workload at one thread count.
 * @param {string} workload
 * @param {number} threads
 * @param {{ rounds: number, seconds: number, names: string[] }} options
 * @returns {Promise<Row[]>}
 */
async function compare(workload, threads, { rounds, seconds, names }) {
  /** @type {Row[]} */
  const rows = [];
  let running = await startEngines(threads, names, workload, rows);
  /** @type {Map<string, any[]>} */
  const answers = new Map();
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < running.length; turn++) {
      const { name, peer } = running[(turn + round) % running.length]; // nobody always follows the same one
      const answer = await peer.ask({ workload, seconds, threads });
      if (answer.unavailable === undefined) answers.set(name, [...(answers.get(name) ?? []), answer]);
      else rows.push({ workload, threads, engine: name, unavailable: answer.unavailable });
    }
    const gone = new Set(rows.map((row) => row.engine));
    for (const { name, peer } of running) if (gone.has(name)) peer.close();
    running = running.filter(({ name }) => !gone.has(name));
  }
  for (const { peer } of running) peer.close();
  const measured = running.map(({ name, peer }) => summary(workload, threads, name, peer.engine, answers));
  return [...measured, ...rows];
}

/**
 * @param {string} workload @param {number} threads @param {string} name @param {string} engine
 * @param {Map<string, any[]>} answers
 * @returns {Row}
 */
function summary(workload, threads, name, engine, answers) {
  const unit = workloads[workload].unit;
  const own = answers.get(name) ?? [];
  const ours = answers.get('adjoint');
  const values = own.map((answer) => answer[unit]);
  const ratios = ours?.map((answer, i) => (workload === 'W8' ? values[i] / answer[unit] : answer[unit] / values[i]));
  return {
    workload,
    threads,
    engine: engine || name,
    value: median(values),
    unit,
    spread: spread(values),
    ratio: ratios && name !== 'adjoint' ? median(ratios) : undefined,
    p99: workload === 'W8' ? median(own.map((answer) => answer.p99)) : undefined,
    rssMegabytes: Math.max(...own.map((answer) => answer.rssMegabytes)),
    lossFirst: own[0]?.lossFirst,
    lossLast: own.at(-1)?.lossLast,
  };
}

/** @param {string} workload @param {number} threads @param {Row[]} rows */
function print(workload, threads, rows) {
  const unit =
    { stepsPerSecond: 'steps/s', samplesPerSecond: 'samples/s', p50: 'p50 µs' }[workloads[workload].unit] ?? '';
  console.log(`${workload}: ${workloads[workload].what}; ${threads} thread${threads > 1 ? 's' : ''}`);
  const heads = [
    'engine',
    unit,
    ...(workload === 'W8' ? ['p99 µs'] : []),
    '± spread',
    'adjoint is',
    'peak MB',
    'loss first',
    'last',
  ];
  printTable(
    heads,
    rows
      .filter((row) => row.unavailable === undefined)
      .map((row) => [
        row.engine,
        short(row.value),
        ...(workload === 'W8' ? [short(row.p99)] : []),
        `± ${Math.round(100 * (row.spread ?? 0))} %`,
        row.ratio === undefined ? '' : `${short(row.ratio)} ×`,
        short(row.rssMegabytes),
        short(row.lossFirst),
        short(row.lossLast),
      ]),
  );
  const missing = rows.filter((row) => row.unavailable !== undefined);
  for (const row of missing) console.log(`  not measured: ${row.engine} (${row.unavailable})`);
  if (missing.length > 0) console.log('');
}

/**
 * All workloads at all thread counts.
 * @param {{ only: string[], threads: number[], quick: boolean, peers?: string[] }} options
 */
export async function benchTraining({ only, threads, quick, peers }) {
  const names = peers ? ['adjoint', ...peers] : engines.map((engine) => engine.name);
  if (engines.some((engine) => engine.npm && names.includes(engine.name)) && threads.includes(1)) installPackages();
  /** @type {Row[]} */
  const all = [];
  for (const workload of only) {
    for (const count of threads) {
      const rounds = quick ? 3 : workload === 'epoch' ? 5 : 9;
      const rows = await compare(workload, count, { rounds, seconds: quick ? 0.25 : 0.5, names });
      print(workload, count, rows);
      all.push(...rows);
    }
  }
  return all;
}
