// What the agents of this folder share: networks, their tests, their pictures.
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, logSoftmax, nn, noGrad, rand, rl, tensor } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('adjoint').train.ProgressStream} Stream */
/** @typedef {new (settings?: any) => rl.Environment} EnvironmentClass */
/** @typedef {(observations: Tensor) => ArrayLike<number>} Policy actions for a batch of observations */

/**
 * Layers with a function between them, whose weights are orthogonal at first: Andrychowicz et al., "What matters in on-policy
 * reinforcement learning?", 2021, https://arxiv.org/abs/2006.05990
 *
 * @param {readonly number[]} sizes
 * @param {object} [options]
 * @param {() => nn.Module} [options.between] makes the function between layers
 * @param {number} [options.last] how large the last layer's weights are; small ones make a policy that is undecided at first
 */
export function mlp(sizes, { between = () => new nn.Tanh(), last = 1 } = {}) {
  const layers = sizes.slice(1).flatMap((size, i) => {
    const layer = new nn.Linear(/** @type {number} */ (sizes[i]), size);
    const isLast = i === sizes.length - 2;
    nn.init.orthogonal_(layer.weight, isLast ? last : Math.SQRT2);
    nn.init.zeros_(/** @type {Tensor} */ (layer.bias));
    return isLast ? [layer] : [layer, between()];
  });
  return /** @type {nn.Module & { forward(x: Tensor): Tensor }} */ (nn.sequential(...layers));
}

/** @param {Float32Array} numbers rows, one after the other @param {number} count of rows */
export const rowsOf = (numbers, count) => tensor(numbers, { shape: [count, numbers.length / count] });

/**
 * Draws an action of each row by its probability: the largest score plus Gumbel noise.
 *
 * @param {Tensor} logits [batch, actions]
 * @returns {{ actions: Tensor, logProbs: Tensor }} int32 and float32 [batch]
 */
export function draw(logits) {
  const noise = rand(logits.shape).clamp({ min: 1e-9 }).log().neg().log();
  const actions = logits.sub(noise).argmax({ dim: 1 });
  return { actions, logProbs: logProbOf(logits, actions) };
}

/** @param {Tensor} logits @param {Tensor} actions int32 [batch] */
export const logProbOf = (logits, actions) =>
  logSoftmax(logits, 1)
    .gather(1, actions.reshape([-1, 1]))
    .reshape([-1]);

/** Moves a network's parameters a little towards another's. @param {nn.Module} slow @param {nn.Module} fast @param {number} share */
export function follow(slow, fast, share) {
  const goals = [...fast.parameters()];
  for (const [i, p] of [...slow.parameters()].entries()) p.copy_(p.lerp(/** @type {Tensor} */ (goals[i]), share));
}

/** What a policy reaches on new episodes: the mean of their returns, all played at once. @param {EnvironmentClass} Class @param {Policy} act @param {{ episodes: number, seed?: number, settings?: object }} options */
export async function evaluate(Class, act, { episodes, seed = 1_000_000, settings }) {
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

/** Counts returns during training, and says ten times how it goes. */
export class Diary {
  /** @type {number[]} */
  returns = [];
  /** @type {number[]} */
  ends = [];
  #started = process.cpuUsage();
  #told = 0;

  /** @param {{ steps: number, stream: Stream }} options steps: of training, in all environments */
  constructor({ steps, stream }) {
    this.steps = steps;
    this.stream = stream;
  }

  /** @param {readonly rl.Episode[]} episodes that ended @param {number} step how many have been taken */
  add(episodes, step) {
    for (const { return: sum } of episodes) {
      this.returns.push(sum);
      this.ends.push(step);
    }
    if (step < ((this.#told + 1) * this.steps) / 10) return;
    this.#told = Math.floor((10 * step) / this.steps);
    this.stream.write(
      `${String(step).padStart(8)} steps  mean return of the last episodes ${this.recent.toFixed(1)}\n`,
    );
  }

  /** Of the last 20 episodes. */
  get recent() {
    const last = this.returns.slice(-20);
    return last.reduce((sum, one) => sum + one, 0) / last.length;
  }

  /** Processor time so far. */
  get seconds() {
    const { user, system } = process.cpuUsage(this.#started);
    return (user + system) / 1e6;
  }
}

/** Means of up to forty stretches of a list: single episodes differ too much to see a curve. @param {readonly number[]} values */
function means(values) {
  const width = Math.max(4, Math.ceil(values.length / 40));
  return Array.from({ length: Math.ceil(values.length / width) }, (_, i) => {
    const part = values.slice(i * width, (i + 1) * width);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

/**
 * Leaves a picture of how returns grew, and says what was reached.
 *
 * @param {Diary} diary
 * @param {{ name: string, title: string, output: string, reached: number, levels: Record<string, number> }} options name: of the
 *   picture's file; levels: what others reach, as lines across
 */
export async function finish(diary, { name, title, output, reached, levels }) {
  mkdirSync(output, { recursive: true });
  const [ys, xs] = [means(diary.returns), means(diary.ends)];
  const across = [0, diary.steps];
  const picture = await charts.lines({
    ...{ title, x: { label: 'steps of the environment' }, y: { label: 'return of an episode' } },
    lines: [
      { name: 'during training', x: xs, y: ys },
      ...Object.entries({ 'after it, new episodes': reached, ...levels }).map(([label, level]) => ({
        ...{ name: label, x: across, y: [level, level], style: /** @type {const} */ ('dashed') },
      })),
    ],
  });
  writeFileSync(`${output}/${name}.svg`, picture);
  const others = Object.entries(levels).map(([label, level]) => `${label} ${level.toFixed(1)}`);
  diary.stream.write(`
mean return of new episodes ${reached.toFixed(1)} (${others.join(', ')}), after ${diary.steps} steps and ${diary.seconds.toFixed(1)} s of processor time
saved ${output}/${name}.svg (returns during training)
`);
}
