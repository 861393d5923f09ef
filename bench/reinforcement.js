// npm run bench:rl [-- --only ppo] [--seeds 5]
// PPO on CartPole and SAC on Pendulum: the examples here beside the same programs in PyTorch and Gymnasium, with the same settings, on one
// thread each, in turns. PYTHON names a Python that has PyTorch and gymnasium. Seconds are processor time of the
// training, without the development episodes that choose the best weights in both.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { printTable } from './table.js';

/** @typedef {{ reached: number, trainingSeconds: number, steps: number }} Outcome */

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({
  options: { only: { type: 'string', default: 'ppo,sac' }, seeds: { type: 'string', default: '5' } },
});
const env = { ...process.env, ADJOINT_NUM_THREADS: '1', OMP_NUM_THREADS: '1' };
const folder = mkdtempSync(join(tmpdir(), 'adjoint-bench-rl-'));

/** @param {string} name @param {number} seed @returns {Outcome} */
function own(name, seed) {
  const json = join(folder, 'result.json');
  const args = [here(`../examples/reinforcement/${name}.js`), '--seed', `${seed}`, '--output', folder, '--json', json];
  execFileSync(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  return JSON.parse(readFileSync(json, 'utf8')).numbers;
}

/** @param {string} name @param {number} seed @returns {Outcome} */
const torch = (name, seed) =>
  JSON.parse(
    execFileSync(process.env.PYTHON ?? 'python3', [here('peers/torch_reinforcement.py'), name, `${seed}`], {
      ...{ env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
    }),
  );

/** @param {readonly number[]} list */
function meanAndDeviation(list) {
  const mean = list.reduce((sum, one) => sum + one, 0) / list.length;
  const deviation = Math.sqrt(list.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, list.length - 1));
  return `${mean.toFixed(1)} ± ${deviation.toFixed(1)}`;
}

/** @type {string[][]} */
const rows = [];
/** @type {string[]} */
const ratios = [];
for (const name of values.only.split(',')) {
  /** @type {Record<string, Outcome[]>} */
  const outcomes = { adjoint: [], PyTorch: [] };
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    outcomes.adjoint?.push(own(name, seed));
    outcomes.PyTorch?.push(torch(name, seed));
    console.log(name, seed, JSON.stringify({ adjoint: outcomes.adjoint?.at(-1), torch: outcomes.PyTorch?.at(-1) }));
  }
  for (const [engine, list] of Object.entries(outcomes)) {
    const over = (/** @type {(one: Outcome) => number} */ of) => meanAndDeviation(list.map(of));
    const speed = over((one) => one.steps / one.trainingSeconds);
    const seconds = over((one) => one.trainingSeconds);
    rows.push([`${name}, ${engine}`, String(list[0]?.steps), over((one) => one.reached), seconds, speed]);
  }
  const pairs = outcomes.PyTorch?.map((one, i) => one.trainingSeconds / (outcomes.adjoint?.[i]?.trainingSeconds ?? 0));
  ratios.push(`${name}: PyTorch takes ${meanAndDeviation(pairs ?? [])} times as long, seed by seed`);
}
rmSync(folder, { recursive: true });
printTable(['', 'steps', 'mean return', 'seconds of training', 'steps a second'], rows);
for (const line of ratios) console.log(line);
