// npm run bench:tabular [-- --data folder] [--only wine,flights] [--seeds 5] [--python python3] [--threads 1]
// `adjoint train` with its defaults beside scikit-learn's MLP and gradient boosting with theirs, on the same splits.
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { printTable } from './table.js';

/** @typedef {{ score: number, seconds: number, megabytes?: number }} Outcome */
/** @typedef {{ adjoint: Outcome, boosting: Outcome, mlp?: Outcome }} Outcomes */

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({
  options: {
    data: { type: 'string', default: here('output/tabular') },
    only: { type: 'string' },
    seeds: { type: 'string', default: '5' },
    python: { type: 'string', default: 'python3' },
    threads: { type: 'string', default: '1' },
  },
});
const folder = /** @type {string} */ (values.data);
const python = /** @type {string} */ (values.python);
const environment = { ...process.env, OMP_NUM_THREADS: values.threads, OPENBLAS_NUM_THREADS: values.threads };
const small = Number(values.seeds);

/** @type {Record<string, { kind: 'class' | 'number', seeds: number, mlp: boolean }>} */
const sets = {
  breast_cancer: { kind: 'class', seeds: small, mlp: true },
  wine: { kind: 'class', seeds: small, mlp: true },
  diabetes: { kind: 'number', seeds: small, mlp: true },
  california: { kind: 'number', seeds: Math.min(small, 2), mlp: true },
  flights: { kind: 'class', seeds: 1, mlp: true },
  million: { kind: 'number', seeds: 1, mlp: false }, // scikit-learn's MLP would take hours
};

/** A stream of numbers in [0, 1). @param {number} seed */
function numbersFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A million rows of 15 numbers and 5 categories; the target has steps, waves and products. @param {string} path */
function writeMillion(path) {
  const next = numbersFrom(1);
  const file = openSync(path, 'w');
  const names = Array.from({ length: 20 }, (_, j) => (j < 15 ? `n${j}` : `c${j}`));
  writeSync(file, `${[...names, 'target'].join(',')}\n`);
  for (let block = 0; block < 1000; block++) {
    let text = '';
    for (let i = 0; i < 1000; i++) {
      const n = Array.from({ length: 15 }, () => 4 * next() - 2);
      const c = Array.from({ length: 5 }, (_, j) => Math.floor(next() * (4 + 6 * j)));
      const wave = Math.sin(3 * n[0]) + n[1] * n[2] + Math.abs(n[3]) + (n[4] > 0.5 ? 2 : 0) + 0.3 * n[5] ** 2;
      const y = wave + ((7 * c[0]) % 4) * 0.5 + ((5 * c[3]) % 11) * 0.2 * (n[6] > 0 ? 1 : -1) + next() + next() - 1;
      text += `${n.map((v) => v.toFixed(4)).join(',')},${c.map((v) => `k${v}`).join(',')},${y.toFixed(4)}\n`;
    }
    writeSync(file, text);
  }
  closeSync(file);
}

/** Writes a fifth of the rows to one file and the others to another, of each class the same share. */
function split(/** @type {string} */ name, /** @type {'class' | 'number'} */ kind, /** @type {number} */ seed) {
  const [head, ...lines] = readFileSync(join(folder, `${name}.csv`), 'utf8')
    .trim()
    .split(/\r?\n/);
  const next = numbersFrom(seed + 1);
  const keyed = lines.map((line) => ({
    line,
    key: next(),
    group: kind === 'class' ? line.slice(line.lastIndexOf(',')) : '',
  }));
  keyed.sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : a.key - b.key));
  const files = { train: join(folder, 'train.csv'), test: join(folder, 'test.csv') };
  const part = (/** @type {boolean} */ isTest) =>
    keyed.filter((_, i) => (i % 5 === 2) === isTest).map(({ line }) => line);
  writeFileSync(files.train, `${[head, ...part(false)].join('\n')}\n`);
  writeFileSync(files.test, `${[head, ...part(true)].join('\n')}\n`);
  return files;
}

/** @param {{ train: string, test: string }} files @param {'class' | 'number'} kind @param {number} seed @returns {Outcome} */
function runAdjoint(files, kind, seed) {
  const args = [
    '--target',
    'target',
    '--test',
    files.test,
    '--output',
    join(folder, 'model.safetensors'),
    '--seed',
    `${seed}`,
  ];
  const threads = ['--threads', /** @type {string} */ (values.threads)];
  const cli = [here('../dist/cli.js'), 'train', files.train, ...args, ...threads, '--json'];
  const task = kind === 'number' ? ['--task', 'regression'] : [];
  const { test, provenance, peakMemory } = JSON.parse(
    execFileSync(process.execPath, [...cli, ...task], { encoding: 'utf8' }),
  );
  return {
    score: kind === 'number' ? test.r2 : test.accuracy,
    seconds: provenance.seconds,
    megabytes: peakMemory / 2 ** 20,
  };
}

const peer = (/** @type {string[]} */ ...args) =>
  execFileSync(python, [here('peers/sklearn_tabular.py'), ...args], {
    encoding: 'utf8',
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });

mkdirSync(folder, { recursive: true });
const chosen = values.only?.split(',') ?? Object.keys(sets);
peer('prepare', folder);
if (chosen.includes('million') && !existsSync(join(folder, 'million.csv'))) writeMillion(join(folder, 'million.csv'));
const mean = (/** @type {number[]} */ list) => list.reduce((a, b) => a + b, 0) / list.length;
/** @type {string[][]} */
const rows = [];
/** @type {number[]} */
const ratios = [];
for (const name of chosen) {
  const { kind, seeds, mlp } = sets[name];
  if (!existsSync(join(folder, `${name}.csv`))) {
    console.log(`${name}: not there; put ${name}.csv into ${folder}`);
    continue;
  }
  /** @type {Outcomes[]} */
  const outcomes = [];
  for (let seed = 0; seed < seeds; seed++) {
    const files = split(name, kind, seed);
    const peers = JSON.parse(peer('score', files.train, files.test, 'target', kind, `${seed}`, mlp ? 'mlp' : '-'));
    outcomes.push({ adjoint: runAdjoint(files, kind, seed), ...peers });
    console.log(name, seed, JSON.stringify(outcomes.at(-1)));
  }
  const of = (/** @type {keyof Outcomes} */ who, /** @type {'score' | 'seconds'} */ what) =>
    outcomes.every((o) => o[who]) ? mean(outcomes.map((o) => /** @type {Outcome} */ (o[who])[what])) : Number.NaN;
  const fixed = (/** @type {number} */ value, digits = 3) => (Number.isNaN(value) ? '–' : value.toFixed(digits));
  ratios.push(of('adjoint', 'score') / of('boosting', 'score'));
  rows.push([
    `${name}, ${kind === 'number' ? 'R²' : 'accuracy'}, ${seeds} seeds`,
    ...[fixed(of('adjoint', 'score')), fixed(of('mlp', 'score')), fixed(of('boosting', 'score'))],
    ...[fixed(of('adjoint', 'seconds'), 1), fixed(of('mlp', 'seconds'), 1), fixed(of('boosting', 'seconds'), 1)],
    fixed(Math.max(...outcomes.map((o) => o.adjoint.megabytes ?? 0)), 0),
  ]);
}
const heads = ['', 'adjoint', 'MLP', 'boosting', 'adjoint s', 'MLP s', 'boosting s', 'adjoint peak MB'];
printTable(heads, rows);
console.log(`adjoint's score over boosting's, mean: ${mean(ratios).toFixed(3)}`);
