// This checkout against another one, `npm run bench -- against <folder>`: both are processes, which take turns of a
// fraction of a second, so that a machine that is slow for a while is slow for both. How V8 compiles differs from process
// to process: there are several pairs.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Peer } from './peers/process.js';
import { median, printTable, short } from './table.js';
import { workloads } from './train.js';

const kTurnSeconds = 0.3;

/** What is compared: each workload by each way to run it that it is measured with. */
const plain = Object.keys(workloads).filter((workload) => workload !== 'epoch');
const comparisons = [
  ...plain.flatMap((workload) => ['eager', 'run'].map((way) => ({ workload, way }))),
  { workload: 'W1', way: 'sync' },
  { workload: 'add', way: 'eager' },
];

/** @param {string} folder @param {string} way @param {number} threads */
function start(folder, way, threads) {
  const file = join(folder, 'bench', 'adjoint_peer.js');
  return new Peer(process.execPath, ['--expose-gc', file, way], { ADJOINT_NUM_THREADS: String(threads) });
}

/**
 * The ratio of the two speeds, above 1 where this checkout is faster, of one pair of processes.
 * @param {string[]} folders @param {{ workload: string, way: string }} comparison @param {number} threads
 * @param {number} rounds @param {boolean} swapped whether the other checkout starts first, as in every other pair
 */
async function pair(folders, { workload, way }, threads, rounds, swapped) {
  const peers = swapped
    ? folders
        .toReversed()
        .map((folder) => start(folder, way, threads))
        .reverse()
    : folders.map((folder) => start(folder, way, threads));
  try {
    for (const [i, peer] of peers.entries()) {
      const reason = await peer.ready();
      if (reason !== undefined) throw new Error(`${folders[i]}: ${reason}`);
    }
    /** @type {number[]} */
    const ratios = [];
    /** @type {number[]} */
    const megabytes = [];
    for (let round = 0; round <= rounds; round++) {
      /** @type {number[]} */
      const speeds = [];
      for (const turn of [0, 1]) {
        const i = (turn + round) % 2;
        const answer = await peers[i].ask({ workload, seconds: kTurnSeconds, threads });
        if (answer.unavailable !== undefined) return undefined;
        speeds[i] = workload === 'W8' ? 1 / answer.p50 : answer.stepsPerSecond;
        megabytes[i] = answer.rssMegabytes;
      }
      if (round > 0) ratios.push(speeds[0] / speeds[1]); // the first round warms up
    }
    return { ratio: median(ratios), megabytes };
  } finally {
    for (const peer of peers) peer.close();
  }
}

/**
 * @param {string | undefined} other the folder of the other checkout, built
 * @param {{ only: string[], threads: number[], quick: boolean }} options
 */
export async function benchAgainst(other, { only, threads, quick }) {
  const folder = resolve(other ?? '');
  if (other === undefined || !existsSync(join(folder, 'dist')) || !existsSync(join(folder, 'bench', 'adjoint_peer.js')))
    throw new Error(`against: needs the folder of another checkout in which npm run setup has run, got ${other}`);
  const folders = [join(import.meta.dirname, '..'), folder];
  const wanted = comparisons.filter(
    ({ workload }) => only.includes(workload) || (workload === 'add' && only.includes('W1')),
  );
  const results = [];
  for (const count of threads) {
    for (const comparison of wanted) {
      const pairs = [];
      for (let i = 0; i < (quick ? 3 : 7); i++)
        pairs.push(await pair(folders, comparison, count, quick ? 5 : 9, i % 2 === 1));
      const found = pairs.filter((each) => each !== undefined);
      if (found.length === 0) continue;
      const ratios = found.map(({ ratio }) => ratio).sort((a, b) => a - b);
      const megabytes = [0, 1].map((i) => median(found.map((each) => each.megabytes[i])));
      const result = { ...comparison, threads: count, ratio: median(ratios), low: ratios[0], high: ratios.at(-1) ?? 0 };
      results.push({ ...result, megabytes });
      console.error(`${comparison.workload} ${comparison.way}, ${count} threads: ${result.ratio.toFixed(3)}`);
    }
  }
  console.log(
    `speed of this checkout / speed of ${folder}: median over pairs of processes, the lowest and the highest`,
  );
  printTable(
    ['workload', 'way', 'threads', 'ratio', 'low', 'high', 'peak MB', 'of the other'],
    results.map(({ workload, way, threads: count, ratio, low, high, megabytes }) => [
      workload,
      way,
      String(count),
      ...[ratio, low, high].map((value) => value.toFixed(3)),
      ...megabytes.map(short),
    ]),
  );
  return results;
}
