// What policies reach: in development episodes, by which the best weights of a training are chosen, and in new ones, which are reported.
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, noGrad, rand, rl } from 'adjoint';
import { rowsOf } from './common.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('./common.js').EnvironmentClass} EnvironmentClass */
/** @typedef {import('./common.js').Policy} Policy */

// Seeds of episodes. Training has those below.
const [development, unseen] = [2 ** 40, 2 ** 41];

/** The mean return of a policy, all episodes played at once. @param {EnvironmentClass} Class @param {Policy} act @param {{ episodes: number, seed?: number, settings?: object | undefined }} options */
export async function evaluate(Class, act, { episodes, seed = unseen, settings }) {
  const vector = new rl.VectorEnvironment(Class, { count: episodes, settings });
  let observations = await vector.reset({ seed });
  /** @type {(number | undefined)[]} */
  const returns = Array(episodes).fill(undefined);
  for (let left = episodes; left > 0; ) {
    const step = await vector.step(noGrad(() => act(rowsOf(observations, episodes))));
    for (const { environment, return: sum } of step.episodes) {
      if (returns[environment] !== undefined) continue;
      returns[environment] = sum;
      left--;
    }
    observations = step.observations;
  }
  return returns.reduce((/** @type {number} */ sum, one) => sum + (one ?? 0), 0) / episodes;
}

/** A policy that tries anything. @param {rl.Space} space @returns {Policy} */
export function randomPolicy(space) {
  const size = space.kind === 'discrete' ? 1 : space.low.length;
  return ({ shape: [count = 0] }) => {
    const drawn = rand([count * size]).toTypedArray();
    if (space.kind === 'discrete') return Int32Array.from(drawn, (u) => Math.floor(u * space.n));
    return Float32Array.from(drawn, (u, i) => (space.low[i % size] ?? 0) + u * ((space.high[i % size] ?? 0) - (space.low[i % size] ?? 0))); // biome-ignore format: one line
  };
}

/**
 * The best weights of a training. What an agent can do swings while it learns, and at the end it may just have forgotten it. So it
 * plays development episodes up to 25 times, without exploring, and its best weights are kept.
 */
export class Best {
  /** The mean return in development episodes. */
  reached = Number.NEGATIVE_INFINITY;
  #started = process.cpuUsage();
  #playing = 0;
  #next;

  /**
   * @param {import('adjoint').nn.Module} model
   * @param {EnvironmentClass} Class
   * @param {Policy} act what the model does
   * @param {{ steps: number, episodes: number, settings?: object | undefined }} options steps: of training; episodes: of the report; half as many
   *   to choose by
   */
  constructor(model, Class, act, { steps, episodes, settings }) {
    this.model = model;
    this.Class = Class;
    this.act = act;
    this.settings = settings;
    this.episodes = episodes / 2;
    this.weights = model.clone();
    this.steps = steps;
    this.#next = this.every = steps / Math.min(25, episodes / 4);
  }

  /** Plays, if it is time to. Of equals the last one is kept: it has learned for longer. @param {number} step how many have been taken */
  async look(step) {
    if (step < Math.min(this.#next, this.steps)) return;
    this.#next += this.every;
    const before = process.cpuUsage();
    const { episodes, settings } = this;
    const reached = await evaluate(this.Class, this.act, { episodes, settings, seed: development });
    if (reached >= this.reached) {
      this.reached = reached;
      this.weights.loadStateDict(this.model.stateDict());
    }
    this.#playing += secondsSince(before);
  }

  /** Processor time of the training so far, without development episodes. */
  get seconds() {
    return secondsSince(this.#started) - this.#playing;
  }
}

/** @param {NodeJS.CpuUsage} before */
function secondsSince(before) {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** Means of up to forty stretches of a list: single episodes differ too much to see a curve. @param {readonly number[]} values */
function means(values) {
  const width = Math.max(4, Math.ceil(values.length / 40));
  return Array.from({ length: Math.ceil(values.length / width) }, (_, i) => {
    const part = values.slice(i * width, (i + 1) * width);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

/** @typedef {{ label: string, act: Policy, settings?: object }} Other a policy to compare with, or the same one elsewhere */

/**
 * Plays new episodes with the best weights and with other policies, leaves a picture of how returns grew, and says what was reached.
 *
 * @template {string} Key
 * @param {import('./common.js').Diary} diary
 * @param {Best} best
 * @param {{ name: string, title: string, output: string, episodes: number, others: Record<Key, Other> }} options name: of the
 *   picture's file; episodes: to report
 */
export async function finish(diary, best, { name, title, output, episodes, others }) {
  const trainingSeconds = best.seconds;
  best.model.loadStateDict(best.weights.stateDict());
  const reached = await evaluate(best.Class, best.act, { episodes, settings: best.settings });
  const entries = /** @type {[Key, Other][]} */ (Object.entries(others));
  /** @type {[Key, number][]} */
  const levels = [];
  for (const [key, { act, settings = best.settings }] of entries) {
    levels.push([key, await evaluate(best.Class, act, { episodes, settings })]);
  }
  const across = [0, diary.steps];
  const labels = levels.map(([key, level]) => /** @type {const} */ ([others[key].label, level]));
  const lines = [/** @type {const} */ (['after it, new episodes', reached]), ...labels].map(([label, level]) => ({
    ...{ name: label, x: across, y: [level, level], style: /** @type {const} */ ('dashed') },
  }));
  const picture = await charts.lines({
    ...{ title, x: { label: 'steps of the environment' }, y: { label: 'return of an episode' } },
    lines: [{ name: 'during training', x: means(diary.ends), y: means(diary.returns) }, ...lines],
  });
  mkdirSync(output, { recursive: true });
  writeFileSync(`${output}/${name}.svg`, picture);
  const beside = labels.map(([label, level]) => `${label} ${level.toFixed(1)}`);
  diary.stream.write(`
mean return of new episodes ${reached.toFixed(1)} (${beside.join(', ')}), after ${diary.steps} steps and ${trainingSeconds.toFixed(1)} s of processor time
saved ${output}/${name}.svg (returns during training)
`);
  const rest = /** @type {Record<Key, number>} */ (Object.fromEntries(levels));
  return { reached, chosen: best.reached, ...rest, trainingSeconds, steps: diary.steps };
}
