// What the JavaScript engines of the benchmark share: the protocol and the data.
//
// A peer is a child process that lives as long as the benchmark. It first prints one line, {"engine": "name version"} or
// {"unavailable": reason} and ends with code 0. Then each line that it reads is a request,
//   {"workload": "W2", "seconds": 0.5, "threads": 1},
// and is answered by one line: {"stepsPerSecond", "rssMegabytes", "lossFirst", "lossLast"} for training (rssMegabytes
// is the process's peak),
// {"p50", "p99", "rssMegabytes"} in microseconds for W8, {"samplesPerSecond", …} for epoch, or {"unavailable": reason}
// for a workload that the engine cannot do. The model and its step count are kept between requests. A first request
//   {"workload": "W3", "steps": 50, "threads": 1}
// to a JavaScript peer makes this many steps and is answered by {"rssNow", "rssMegabytes"}.
import { createInterface } from 'node:readline';
import { peakMegabytes } from '../../examples/shared/memory.js';

/**
 * @typedef {object} Task
 * @property {(count: number) => void | Promise<void>} step one training step (`count` of them with `many`), or one
 *   prediction for W8; for epoch, a whole epoch
 * @property {boolean} [many] several steps are made by one call
 * @property {(() => number)} [loss] of the newest step
 * @property {number} [samples] how many samples an epoch has: then the rate is wanted in samples, and `step` is awaited
 * @property {number} [rate] steps per second in the last measurement
 */

const kWarmUpSeconds = 0.4;
const kCallSeconds = 0.05; // of a call that makes many steps

/** The sizes of the fully connected networks; ../families.js has the others. @type {Record<string, { sizes: number[], batch: number }>} */
export const workloads = {
  W1: { sizes: [2, 8, 1], batch: 4 },
  W2: { sizes: [784, 128, 10], batch: 64 },
  W3: { sizes: [784, 512, 512, 10], batch: 128 },
  W8: { sizes: [784, 128, 10], batch: 1 },
  epoch: { sizes: [784, 128, 10], batch: 64 },
};

/** A small generator, the same on every run. */
export function normalNumbers(seed = 1) {
  let state = seed;
  const uniform = () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

/**
 * Samples of ten classes, written into `x` row by row: a class's pattern × strength plus noise, as in the other peers.
 * Returns their labels.
 * @param {Float32Array | Uint8ClampedArray} x
 * @param {object} [options]
 * @param {(value: number) => number} [options.map] applied to each value
 * @param {number} [options.features] of a sample
 * @param {number} [options.period] after how many features the pattern begins again
 * @param {number} [options.strength]
 * @param {number} [options.noise] its deviation
 */
export function fillClasses(
  x,
  { map = (value) => value, features = 784, period = features, strength = 0.5, noise = 2 } = {},
) {
  const { uniform, normal } = normalNumbers();
  const patterns = Float32Array.from({ length: 10 * period }, normal);
  const labels = Int32Array.from({ length: x.length / features }, () => Math.floor(uniform() * 10));
  for (let i = 0; i < labels.length; i++) {
    for (let k = 0; k < features; k++) {
      x[i * features + k] = map(patterns[labels[i] * period + (k % period)] * strength + noise * normal());
    }
  }
  return labels;
}

/** @param {number} count */
export function classes(count) {
  const x = new Float32Array(count * 784);
  return { x, labels: fillClasses(x) };
}

/** Steps per second. @param {Task} task @param {number} seconds */
async function train(task, seconds) {
  const start = performance.now();
  let steps = 0;
  let elapsed = 0;
  do {
    const rate = steps === 0 ? task.rate : steps / elapsed;
    const count = task.many ? Math.ceil(rate === undefined ? 10 : rate * kCallSeconds) : 1;
    const pending = task.step(count);
    if (pending !== undefined) await pending; // a loop that need not wait does not yield
    steps += count;
    elapsed = (performance.now() - start) / 1000;
  } while (elapsed < seconds);
  task.rate = steps / elapsed;
  return task.rate;
}

/** @param {Task} task @param {number} steps */
async function stepTimes(task, steps) {
  if (task.many) await task.step(steps);
  else for (let i = 0; i < steps; i++) await task.step(1);
}

/** Samples per second of one epoch. @param {Task} task */
async function epoch(task) {
  const start = performance.now();
  await task.step(1);
  return (1000 * (task.samples ?? 0)) / (performance.now() - start);
}

/** @param {Task} task @param {number} seconds */
function latency(task, seconds) {
  /** @type {number[]} */
  const times = [];
  const end = performance.now() + seconds * 1000;
  for (let now = performance.now(); now < end; ) {
    task.step(1);
    const next = performance.now();
    times.push(next - now);
    now = next;
  }
  times.sort((a, b) => a - b);
  /** @param {number} share */
  const at = (share) => 1000 * times[Math.min(times.length - 1, Math.floor(times.length * share))];
  return { p50: at(0.5), p99: at(0.99) };
}

/**
 * Answers requests until stdin closes.
 * @param {{ engine: string, threads?: (count: number) => void, build: (workload: string) => Task | string }} peer
 *   `build` returns why not, as a string, for what the engine cannot do
 */
export async function serve({ engine, threads, build }) {
  /** @type {Map<string, Task>} */
  const tasks = new Map();
  /** @type {Map<string, number>} */
  const firstLosses = new Map();
  /** @param {object} answer */
  const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

  /** @param {string} workload */
  const prepare = async (workload) => {
    const task = build(workload);
    if (typeof task === 'string') return task;
    globalThis.gc?.(); // what the making of the data left behind is no engine's memory
    await task.step(1);
    if (task.loss && !task.samples) firstLosses.set(workload, task.loss());
    tasks.set(workload, task);
    return task;
  };

  /** @param {{ workload: string, seconds: number, steps?: number }} request */
  const answer = async ({ workload, seconds, steps }) => {
    const known = tasks.get(workload);
    const task = known ?? (await prepare(workload));
    if (typeof task === 'string') return { unavailable: task };
    if (steps !== undefined) {
      await stepTimes(task, steps - 1); // one was made to prepare it
      return { rssNow: process.memoryUsage.rss() / 2 ** 20 };
    }
    if (task.samples) return { samplesPerSecond: await epoch(task), lossLast: task.loss?.() };
    if (known === undefined) await train(task, kWarmUpSeconds);
    if (workload === 'W8') return latency(task, seconds);
    const stepsPerSecond = await train(task, seconds);
    return { stepsPerSecond, lossFirst: firstLosses.get(workload), lossLast: task.loss?.() };
  };

  say({ engine });
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    try {
      threads?.(request.threads ?? 1);
      say({ ...(await answer(request)), rssMegabytes: peakMegabytes() });
    } catch (error) {
      say({ unavailable: `failed: ${error instanceof Error ? error.message : error}` });
    }
  }
}

/** Says that the engine is not there, and ends. @param {unknown} reason @returns {never} */
export function unavailable(reason) {
  process.stdout.write(
    `${JSON.stringify({ unavailable: reason instanceof Error ? reason.message : String(reason) })}\n`,
  );
  process.exit(0);
}
