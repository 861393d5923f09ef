// What the JavaScript engines of the benchmark share: the protocol and the data.
//
// A peer is a child process that lives as long as the benchmark. It first prints one line, {"engine": "name version"} or
// {"unavailable": reason} and ends with code 0. Then each line that it reads is a request,
//   {"workload": "W2", "seconds": 0.5, "threads": 1},
// and is answered by one line: {"stepsPerSecond", "rssMegabytes", "lossFirst", "lossLast"} for training,
// {"p50", "p99", "rssMegabytes"} in microseconds for W8, {"samplesPerSecond", …} for epoch, or {"unavailable": reason}
// for a workload that the engine cannot do. The model and its step count are kept between requests.
import { createInterface } from 'node:readline';

/**
 * @typedef {object} Task
 * @property {() => void | Promise<void>} step one training step, or one prediction for W8; for epoch, a whole epoch
 * @property {(() => number)} [loss] of the newest step
 * @property {number} [samples] how many samples an epoch has: then the rate is wanted in samples, and `step` is awaited
 */

const kWarmUpSeconds = 0.4;

/** The sizes of the networks. @type {Record<string, { sizes: number[], batch: number }>} */
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
 * Samples of ten classes, written into `x` row by row: a class's pattern × 0.5 plus noise of deviation 2, as in the other
 * peers. Returns their labels.
 * @param {Float32Array | Uint8ClampedArray} x
 * @param {(value: number) => number} [map] applied to each value
 */
export function fillClasses(x, map = (value) => value, features = 784) {
  const { uniform, normal } = normalNumbers();
  const patterns = Float32Array.from({ length: 10 * features }, normal);
  const labels = Int32Array.from({ length: x.length / features }, () => Math.floor(uniform() * 10));
  for (let i = 0; i < labels.length; i++) {
    for (let k = 0; k < features; k++) {
      x[i * features + k] = map(patterns[labels[i] * features + k] * 0.5 + 2 * normal());
    }
  }
  return labels;
}

/** @param {number} count */
export function classes(count) {
  const x = new Float32Array(count * 784);
  return { x, labels: fillClasses(x) };
}

/** @param {Task} task @param {number} seconds */
function train(task, seconds) {
  const start = performance.now();
  let steps = 0;
  let elapsed = 0;
  do {
    task.step();
    steps++;
    elapsed = (performance.now() - start) / 1000;
  } while (elapsed < seconds);
  return steps / elapsed;
}

/** Samples per second of one epoch. @param {Task} task */
async function epoch(task) {
  const start = performance.now();
  await task.step();
  return (1000 * (task.samples ?? 0)) / (performance.now() - start);
}

/** @param {Task} task @param {number} seconds */
function latency(task, seconds) {
  /** @type {number[]} */
  const times = [];
  const end = performance.now() + seconds * 1000;
  for (let now = performance.now(); now < end; ) {
    task.step();
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
    await task.step();
    if (task.loss && !task.samples) firstLosses.set(workload, task.loss());
    if (!task.samples) train(task, kWarmUpSeconds);
    tasks.set(workload, task);
    return task;
  };

  say({ engine });
  for await (const line of createInterface({ input: process.stdin })) {
    const { workload, seconds, threads: count = 1 } = JSON.parse(line);
    try {
      threads?.(count);
      const task = tasks.get(workload) ?? (await prepare(workload));
      if (typeof task === 'string') {
        say({ unavailable: task });
        continue;
      }
      const measured =
        workload === 'W8'
          ? latency(task, seconds)
          : task.samples
            ? { samplesPerSecond: await epoch(task) }
            : { stepsPerSecond: train(task, seconds) };
      const rssMegabytes = process.resourceUsage().maxRSS / 1024;
      say({ ...measured, rssMegabytes, lossFirst: firstLosses.get(workload), lossLast: task.loss?.() });
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
