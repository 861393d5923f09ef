// What all examples have in common when they are run as programs.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compile } from 'adjoint';
import { peakMegabytes } from './memory.js';

/**
 * Runs an example, if its file is the program that was started.
 *
 *     --small          the sizes of the tests, which take a few seconds
 *     --seed 2         other random numbers
 *     --output folder  where the pictures and weights go, default `output`
 *     --eager          without compiled steps, to see what they bring
 *     --json file      leaves the numbers of the result there, with the seconds and the peak memory of the process, and the
 *                      seconds that its steps took
 *
 * @param {string} url `import.meta.url` of the example
 * @param {(options: any) => unknown} run takes `seed`, `output` and, if its steps are compiled, `eager`
 * @param {object} small
 */
export async function main(url, run, small) {
  if (process.argv[1] !== fileURLToPath(url)) return;
  const given = flags();
  if (given === undefined) return;
  const { small: isSmall, json, ...options } = given;
  const started = performance.now();
  const result = await run({ ...(isSmall && small), ...options });
  if (json === undefined) return;
  const seconds = (performance.now() - started) / 1000;
  const megabytes = peakMegabytes();
  const numbers = Object.fromEntries(numbersIn(result));
  writeFileSync(json, JSON.stringify({ numbers, seconds, megabytes, stepSeconds }));
}

/** What was given; nothing, after a line that says why, if it is not understood. */
function flags() {
  const options = /** @type {const} */ ({
    small: { type: 'boolean', default: false },
    seed: { type: 'string' },
    output: { type: 'string' },
    eager: { type: 'boolean' },
    json: { type: 'string' },
  });
  try {
    const { seed, ...rest } = parseArgs({ options }).values;
    if (seed !== undefined && !/^\d{1,9}$/.test(seed)) throw new Error(`--seed must be a whole number, got ${seed}`);
    return { ...rest, ...(seed !== undefined && { seed: Number(seed) }) };
  } catch (error) {
    const known = Object.keys(options).map((name) => `--${name}`);
    process.stderr.write(`${/** @type {Error} */ (error).message}; known are ${known.join(', ')}\n`);
    process.exitCode = 1;
    return undefined;
  }
}

/**
 * The numbers in a result and in its objects, by their paths.
 *
 * @param {unknown} value
 * @param {string} [path]
 * @returns {[string, number][]}
 */
function numbersIn(value, path = '') {
  if (typeof value === 'number') return [[path, value]];
  if (Object.getPrototypeOf(value ?? 0) !== Object.prototype) return [];
  const prefix = path === '' ? '' : `${path}.`;
  return Object.entries(/** @type {object} */ (value)).flatMap(([key, inner]) => numbersIn(inner, `${prefix}${key}`));
}

/** What all steps took that can run compiled and eagerly. */
let stepSeconds = 0;

/** @param {number} seconds of steps that `stepOf` does not know of */
export function addStepSeconds(seconds) {
  stepSeconds += seconds;
}

/**
 * A compiled step, or the same function as it is if `eager`. What it takes is counted, but for the first call, which compiles it.
 *
 * @template {import('adjoint').Tensor[]} Args
 * @template Result
 * @param {(...args: Args) => Result} fn
 * @param {boolean | undefined} eager
 * @returns {{ (...args: Args): Promise<Result>, sync(...args: Args): Result }}
 */
export function stepOf(fn, eager) {
  const compiled = eager ? undefined : /** @type {any} */ (compile(/** @type {any} */ (fn)));
  const sync = compiled?.sync ?? fn;
  let isFirst = true;
  const count = (/** @type {number} */ started) => {
    if (!isFirst) addStepSeconds((performance.now() - started) / 1000);
    isFirst = false;
  };
  const step = async (/** @type {Args} */ ...args) => {
    const started = performance.now();
    const result = await (compiled ?? fn)(...args);
    count(started);
    return result;
  };
  return Object.assign(step, {
    sync: (/** @type {Args} */ ...args) => {
      const started = performance.now();
      const result = sync(...args);
      count(started);
      return result;
    },
  });
}
