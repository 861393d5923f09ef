// Does a server answer while it trains, and does it train while it answers? A process trains W3 without pause on one
// thread and answers predictions with the same weights; another one asks 500 times a second, on schedule. Periods with
// and without load alternate, and the ratio of the training speeds is the median of the ratios of adjacent periods.
import { fork } from 'node:child_process';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { quantile } from '../examples/shared/open-loop.js';
import { median, printTable, short } from './table.js';

const rate = 500;
const bars = { p99: 5, share: 0.8 };

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */
/**
 * @typedef {object} Round a stretch without and one with load; milliseconds
 * @property {number} alone steps a second without load
 * @property {number} loaded steps a second under load
 * @property {number[]} strangers cores that other programs took, in either stretch
 * @property {Float64Array} latencies
 * @property {Float64Array} late
 * @property {string[]} errors
 */

/** @param {string} file @param {string[]} [execArgv] */
const start = (file, execArgv) => fork(fileURLToPath(new URL(file, import.meta.url)), { stdio: 'inherit', execArgv });

/**
 * The next message of a child; fails when the child ends.
 * @param {ChildProcess} child @returns {Promise<any>}
 */
function answer(child) {
  return new Promise((resolve, reject) => {
    const ended = (/** @type {number | null} */ code) => {
      child.off('message', heard);
      reject(new Error(`a process of the benchmark ended with code ${code}`));
    };
    const heard = (/** @type {unknown} */ message) => {
      child.off('exit', ended);
      resolve(message);
    };
    child.once('exit', ended);
    child.once('message', heard);
  });
}

/** CPU milliseconds that all cores have spent in total. */
const busy = () => cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);

/**
 * Steps a second while something else goes on, and the cores that went to strangers meanwhile: not to the server, the client
 * or this process.
 * @param {ChildProcess[]} children the server first
 * @param {() => Promise<unknown>} other
 */
async function measure(children, other) {
  const states = async () => {
    const answers = [];
    for (const child of children) {
      child.send('state');
      answers.push(await answer(child));
    }
    const own = [process.cpuUsage(), ...answers.map(({ cpu }) => cpu)];
    const strangers = busy() - own.reduce((sum, { user, system }) => sum + (user + system) / 1000, 0);
    return { ...answers[0], strangers };
  };
  const before = await states();
  await other();
  const after = await states();
  const milliseconds = after.at - before.at;
  return {
    speed: (1000 * (after.steps - before.steps)) / milliseconds,
    strangers: Math.max(0, (after.strangers - before.strangers) / milliseconds),
  };
}

/** @param {ChildProcess} server @param {ChildProcess} client @param {string} url @param {number} seconds @returns {Promise<Round>} */
async function runRound(server, client, url, seconds) {
  const children = [server, client];
  const quiet = await measure(children, () => sleep(1000 * seconds));
  /** @type {any} */
  let stretch;
  const busy = await measure(children, async () => {
    client.send({ url, rate, seconds });
    stretch = await answer(client);
  });
  return {
    alone: quiet.speed,
    loaded: busy.speed,
    strangers: [quiet.strangers, busy.strangers],
    latencies: Float64Array.from(stretch.latencies),
    late: Float64Array.from(stretch.late),
    errors: stretch.errors,
  };
}

/** @param {number} value */
const fixed = (value) => value.toFixed(2);

/** @param {Round[]} rounds */
function summarise(rounds) {
  const join = (/** @type {Float64Array[]} */ lists) => Float64Array.from(lists.flatMap((list) => [...list])).sort();
  const latencies = join(rounds.map((round) => round.latencies));
  const late = join(rounds.map((round) => round.late));
  return {
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    max: quantile(latencies, 1),
    lateP50: quantile(late, 0.5),
    lateP99: quantile(late, 0.99),
    alone: median(rounds.map((round) => round.alone)),
    loaded: median(rounds.map((round) => round.loaded)),
    share: median(rounds.map((round) => round.loaded / round.alone)),
    errors: rounds.flatMap((round) => round.errors),
  };
}

/** @param {Round[]} rounds @param {ReturnType<typeof summarise>} total */
function print(rounds, total) {
  console.log(
    `W3 trains without pause on 1 thread; ${rate} predictions a second by HTTP, latency from the scheduled time`,
  );
  const row = (
    /** @type {string} */ name,
    /** @type {ReturnType<typeof summarise>} */ r,
    /** @type {string} */ others,
  ) => {
    const speeds = [short(r.alone), short(r.loaded), fixed(r.share)];
    return [name, fixed(r.p50), fixed(r.p99), fixed(r.max), fixed(r.lateP50), fixed(r.lateP99), ...speeds, others];
  };
  const times = ['p50 ms', 'p99 ms', 'max ms', 'sender p50', 'sender p99'];
  printTable(
    ['round', ...times, 'alone steps/s', 'under load', 'share', 'cores taken by others'],
    [
      ...rounds.map((round, i) => row(`${i + 1}`, summarise([round]), round.strangers.map(fixed).join(', '))),
      row('all', total, fixed(median(rounds.flatMap((round) => round.strangers)))),
    ],
  );
  const verdict = (/** @type {boolean} */ holds) => (holds ? 'holds' : 'missed');
  console.log(
    `p99 ≤ ${bars.p99} ms in each round: ${verdict(rounds.every((round) => summarise([round]).p99 <= bars.p99))}`,
  );
  console.log(`training at ≥ ${100 * bars.share} % of its speed alone: ${verdict(total.share >= bars.share)}`);
  console.log(`no errors: ${verdict(total.errors.length === 0)}\n`);
  for (const error of total.errors.slice(0, 3)) console.error(error);
}

/** All of it. @param {{ quick: boolean }} options */
export async function benchHttp({ quick }) {
  // Else the threads that collect garbage compete with the event loop: training has the other core.
  const server = start('http_server.js', ['--single-threaded-gc']);
  const client = start('http_client.js');
  try {
    const { url } = await answer(server);
    await runRound(server, client, url, quick ? 1 : 5); // V8 compiles what is hot, and its heap gets the size that it keeps
    const rounds = [];
    for (let round = 0; round < (quick ? 2 : 5); round++) {
      rounds.push(await runRound(server, client, url, quick ? 2 : 4));
    }
    const total = summarise(rounds);
    print(rounds, total);
    return total;
  } finally {
    server.kill();
    client.kill();
  }
}
