// Does a server answer while it trains, and does it train while it answers? A process trains W3 without pause on one
// thread and answers predictions of the same weights; another one asks 500 times a second, on schedule. Stretches with
// and without load take turns, and the ratio of the training speeds is the median of the neighbours' ratios.
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { quantile } from '../examples/shared/open-loop.js';
import { median, printTable, short, spread } from './table.js';

const rate = 500;
const bars = { p99: 5, ratio: 0.8 };

/** @typedef {{ p50: number, p99: number, max: number, latenessP99: number, errors: number, alone: number, loaded: number, ratio: number, lossLast: number }} Result */

/** @param {string} file */
const start = (file) => fork(fileURLToPath(new URL(file, import.meta.url)), { stdio: 'inherit' });

/**
 * The next message of a child; fails when the child ends.
 * @param {import('node:child_process').ChildProcess} child @returns {Promise<any>}
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

/** Steps a second while something else goes on. @param {import('node:child_process').ChildProcess} server @param {() => Promise<unknown>} other */
async function stepsPerSecond(server, other) {
  server.send('steps');
  const before = await answer(server);
  await other();
  server.send('steps');
  const after = await answer(server);
  return { speed: (1000 * (after.steps - before.steps)) / (after.at - before.at), loss: after.loss };
}

/** @param {Result} result @param {{ alone: number[], loaded: number[], latencies: Float64Array, late: Float64Array }} measured */
function print(result, { alone, loaded, late }) {
  console.log(`${rate} predictions a second by HTTP while W3 trains without pause, 1 thread`);
  const verdict = (/** @type {boolean} */ holds) => (holds ? 'yes' : 'no');
  const milliseconds = (/** @type {number} */ value) => `${value.toFixed(2)} ms`;
  printTable(
    ['what', 'value', 'bar', 'holds'],
    [
      ['latency p50, from the scheduled time', milliseconds(result.p50), '', ''],
      ['latency p99', milliseconds(result.p99), `≤ ${bars.p99} ms`, verdict(result.p99 <= bars.p99)],
      ['latency max', milliseconds(result.max), '', ''],
      ['late at the sender, p50 (included)', milliseconds(quantile(late, 0.5)), '', ''],
      ['late at the sender, p99 (included)', milliseconds(result.latenessP99), '', ''],
      ['errors', `${result.errors}`, '0', verdict(result.errors === 0)],
      ['training alone, steps/s', `${short(result.alone)} ± ${Math.round(100 * spread(alone))} %`, '', ''],
      ['training under load, steps/s', `${short(result.loaded)} ± ${Math.round(100 * spread(loaded))} %`, '', ''],
      ['its share', result.ratio.toFixed(2), `≥ ${bars.ratio}`, verdict(result.ratio >= bars.ratio)],
    ],
  );
}

/** All of it. @param {{ quick: boolean }} options @returns {Promise<Result>} */
export async function benchHttp({ quick }) {
  const server = start('http_server.js');
  const client = start('http_client.js');
  try {
    const { url } = await answer(server);
    const rounds = quick ? 2 : 5;
    const seconds = quick ? 2 : 4;
    const load = async (/** @type {number} */ length) => {
      client.send({ url, rate, seconds: length });
      return answer(client);
    };
    await load(1); // V8 compiles what is hot
    const [alone, loaded, latencies, late, errors, losses] = Array.from({ length: 6 }, () => /** @type {any[]} */ ([]));
    for (let round = 0; round < rounds; round++) {
      alone.push((await stepsPerSecond(server, () => sleep(1000 * seconds))).speed);
      const { speed, loss } = await stepsPerSecond(server, async () => {
        const stretch = await load(seconds);
        latencies.push(...stretch.latencies);
        late.push(...stretch.late);
        errors.push(...stretch.errors);
      });
      loaded.push(speed);
      losses.push(loss);
    }
    const measured = {
      alone,
      loaded,
      latencies: Float64Array.from(latencies).sort(),
      late: Float64Array.from(late).sort(),
    };
    const result = {
      p50: quantile(measured.latencies, 0.5),
      p99: quantile(measured.latencies, 0.99),
      max: quantile(measured.latencies, 1),
      latenessP99: quantile(measured.late, 0.99),
      errors: errors.length,
      alone: median(alone),
      loaded: median(loaded),
      ratio: median(loaded.map((speed, i) => speed / alone[i])),
      lossLast: losses.at(-1),
    };
    for (const error of errors.slice(0, 3)) console.error(error);
    print(result, measured);
    return result;
  } finally {
    server.kill();
    client.kill();
  }
}
