// Whole training steps against other engines on the same work: each is a process of its own, all take turns within each
// round, and a ratio is the median of the rounds' ratios. So a machine that is slow for a second is slow for all.
import { engines, installPackages } from './peers/process.js';
import { median, printTable, short, spread } from './table.js';

/** What each workload measures. @type {Record<string, { what: string, unit: string }>} */
export const workloads = {
  W1: { what: 'MLP 2-8-1, XOR, batch 4, SGD', unit: 'stepsPerSecond' },
  W2: { what: 'MLP 784-128-10, batch 64, SGD with momentum', unit: 'stepsPerSecond' },
  W3: { what: 'MLP 784-512-512-10, batch 128, Adam', unit: 'stepsPerSecond' },
  W4: { what: 'LeNet on 1×28×28, batch 64, Adam', unit: 'stepsPerSecond' },
  W5: { what: 'small ResNet on 3×32×32, batch 32, SGD with momentum', unit: 'stepsPerSecond' },
  W6: { what: 'LSTM 64-128, 64 steps, batch 32, Adam', unit: 'stepsPerSecond' },
  W6g: { what: 'GRU 64-128, 64 steps, batch 32, Adam', unit: 'stepsPerSecond' },
  W7: { what: 'character GPT, 4 layers, width 128, 128 characters, batch 16, AdamW', unit: 'stepsPerSecond' },
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
 * @property {number} [compiledRatio] how many times as fast as it adjoint compiled is
 * @property {number} [p99] microseconds, W8 only
 * @property {number} [rssMegabytes] peak of its process
 * @property {number} [settledMegabytes] what it holds after 50 steps
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
    if (engine.only && !engine.only.includes(workload)) continue;
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
  const values = own.map((answer) => answer[unit]);
  /** How many times as fast one of ours is. @param {string} ours */
  const lead = (ours) => {
    const theirs = name === ours ? undefined : answers.get(ours)?.map((answer) => answer[unit]);
    return theirs && median(theirs.map((value, i) => (workload === 'W8' ? values[i] / value : value / values[i])));
  };
  return {
    workload,
    threads,
    engine: engine || name,
    value: median(values),
    unit,
    spread: spread(values),
    ratio: lead('adjoint'),
    compiledRatio: lead('compiled'),
    p99: workload === 'W8' ? median(own.map((answer) => answer.p99)) : undefined,
    rssMegabytes: Math.max(...own.map((answer) => answer.rssMegabytes)),
    lossFirst: own[0]?.lossFirst,
    lossLast: own.at(-1)?.lossLast,
  };
}

/** @param {number | undefined} ratio */
const times = (ratio) => (ratio === undefined ? '' : `${short(ratio)} ×`);

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
    'compiled is',
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
        times(row.ratio),
        times(row.compiledRatio),
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
 * What eager and compiled training hold: fresh processes, in turns, since where a collector stands is chance.
 * @param {string} workload @param {number} threads @param {number} rounds
 * @returns {Promise<Row[]>}
 */
async function compareMemory(workload, threads, rounds) {
  /** @type {Record<string, { now: number[], peak: number[] }>} */
  const seen = {};
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 ? ['compiled', 'adjoint'] : ['adjoint', 'compiled']) {
      const peer = engines.find((engine) => engine.name === name)?.start(threads);
      if (peer === undefined || (await peer.ready()) !== undefined) return [];
      const { rssNow } = await peer.ask({ workload, threads, steps: 50 });
      const { rssMegabytes } = await peer.ask({ workload, threads, seconds: 0.25 });
      peer.close();
      seen[name] ??= { now: [], peak: [] };
      seen[name].now.push(rssNow);
      seen[name].peak.push(rssMegabytes);
    }
  }
  const rows = Object.entries(seen).map(([name, { now, peak }]) => ({
    workload,
    threads,
    engine: name,
    settledMegabytes: median(now),
    rssMegabytes: median(peak),
  }));
  console.log(
    `${workload}: resident memory, median of ${rounds} processes; ${threads} thread${threads > 1 ? 's' : ''}`,
  );
  printTable(
    ['engine', 'MB after 50 steps', 'of eager', 'peak MB', 'of eager'],
    rows.map(({ engine, settledMegabytes, rssMegabytes }) => [
      engine,
      settledMegabytes.toFixed(1),
      (settledMegabytes / rows[0].settledMegabytes).toFixed(3),
      rssMegabytes.toFixed(1),
      (rssMegabytes / rows[0].rssMegabytes).toFixed(3),
    ]),
  );
  return rows;
}

/**
 * All workloads at all thread counts.
 * @param {{ only: string[], threads: number[], quick: boolean, peers?: string[] }} options
 */
export async function benchTraining({ only, threads, quick, peers }) {
  const names = engines
    .filter((engine) => engine.own || (peers?.includes(engine.name) ?? true))
    .map(({ name }) => name);
  /** @param {import('./peers/process.js').Engine} engine */
  const takesPart = ({ name, only: some }) => names.includes(name) && only.some((w) => some?.includes(w) ?? true);
  if (engines.some((engine) => engine.npm && takesPart(engine)) && threads.includes(1)) installPackages();
  /** @type {Row[]} */
  const all = [];
  for (const workload of only) {
    for (const count of threads) {
      const rounds = quick ? 3 : workload === 'epoch' ? 5 : 9;
      const rows = await compare(workload, count, { rounds, seconds: quick ? 0.25 : 0.5, names });
      print(workload, count, rows);
      all.push(...rows);
      if (workload === 'W3') all.push(...(await compareMemory(workload, count, quick ? 3 : 7)));
    }
  }
  return all;
}
