// What the agents of this folder share: networks, drawing of actions, the record of a training.
import { logSoftmax, nn, rand, tensor } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('adjoint').train.ProgressStream} Stream */
/** @typedef {new (settings?: any) => import('adjoint').rl.Environment} EnvironmentClass */
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

/** Counts returns during training, and says ten times how it goes. */
export class Diary {
  /** @type {number[]} */
  returns = [];
  /** @type {number[]} */
  ends = [];
  #told = 0;

  /** @param {{ steps: number, stream: Stream }} options steps: of training, in all environments */
  constructor({ steps, stream }) {
    this.steps = steps;
    this.stream = stream;
  }

  /** @param {readonly import('adjoint').rl.Episode[]} episodes that ended @param {number} step how many have been taken */
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
}
