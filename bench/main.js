// npm run bench [-- ops | train | http | fit | against <folder>] [--only W2,W3] [--threads 1,2] [--peers torch,lean-c] [--quick] [--json file]
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { buildInfo } from 'adjoint';
import { benchAgainst } from './against.js';
import { benchFit } from './fit.js';
import { benchHttp } from './http.js';
import { engines } from './peers/process.js';
import { benchOperations } from './run.js';
import { benchTraining, workloads } from './train.js';

const peerNames = engines.filter((engine) => !engine.own).map((engine) => engine.name);
const usage = `npm run bench -- [ops | train | http | fit | against <folder>] [options]
  ops, train       only the single operations, or only the training steps; default both
  http             predictions by HTTP while a network trains
  fit              what train.fit costs over the bare compiled loop, and the wait for shuffled rows and for a CSV file
  against <folder> the training workloads of this checkout and of another one, side by side
  --only W4,W7     some of the training workloads below
  --threads 1,2    thread counts, each a table of its own; default 1 and all
  --peers a,b      some of ${peerNames.join(', ')}
  --quick          fewer and shorter rounds
  --json file      the results as JSON as well
workloads:
${Object.entries(workloads)
  .map(([name, { what }]) => `  ${name.padEnd(16)} ${what}`)
  .join('\n')}`;

/** @param {string} message @returns {never} */
function refuse(message) {
  console.error(`bench: ${message}\n\n${usage}`);
  process.exit(2);
}

/** @param {string | undefined} text @param {string[]} known @param {string} what */
function listOf(text, known, what) {
  const names = text?.split(',') ?? known;
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined) refuse(`${what} must be of ${known.join(', ')}, got ${JSON.stringify(wrong)}`);
  return names;
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        only: { type: 'string' },
        threads: { type: 'string' },
        peers: { type: 'string' },
        json: { type: 'string' },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const { values, positionals } = readArguments();
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const other = positionals[0] === 'against' ? positionals.splice(1, 1)[0] : undefined;
const parts = listOf(
  positionals.length > 0 ? positionals.join(',') : values.only ? 'train' : 'ops,train',
  ['ops', 'train', 'http', 'fit', 'against'],
  'the part',
);
const only = listOf(values.only, Object.keys(workloads), '--only');
const peers = values.peers === undefined ? undefined : listOf(values.peers, peerNames, '--peers');
const all = availableParallelism();
const threads = (values.threads ?? (all > 1 ? `1,${Math.min(all, 8)}` : '1')).split(',').map(Number);
if (threads.some((count) => !Number.isInteger(count) || count < 1))
  refuse(`--threads must be counts such as 1,2, got ${values.threads}`);
const quick = values.quick ?? false;

const info = buildInfo();
const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: all, node: process.version };
console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; ${JSON.stringify(info)}\n`);
const operations = parts.includes('ops') ? await benchOperations({ threads, quick }) : [];
const training = parts.includes('train') ? await benchTraining({ only, threads, quick, peers }) : [];
const http = parts.includes('http') ? await benchHttp({ quick }) : undefined;
const fit = parts.includes('fit') ? await benchFit({ threads, quick }) : undefined;
const against = parts.includes('against') ? await benchAgainst(other, { only, threads, quick }) : undefined;
if (values.json) {
  writeFileSync(
    values.json,
    `${JSON.stringify({ machine, buildInfo: info, operations, training, http, fit, against }, null, 1)}\n`,
  );
  console.log(`written to ${values.json}`);
}
