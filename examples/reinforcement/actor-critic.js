// A policy and a prediction of returns, learned from what the policy has just done: what A2C and PPO have in common.
import { nn, noGrad, rl, tensor } from 'adjoint';
import { stepOf } from '../shared/main.js';
import { draw, mlp, rowsOf } from './common.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Scores of actions, and the value of what is seen, by two networks. */
export class ActorCritic extends nn.Module {
  /**
   * @param {number} observations how many numbers are seen
   * @param {number} actions
   * @param {{ hidden?: number, mask?: (x: Tensor) => Tensor, see?: (x: Tensor) => Tensor }} [options] mask: 1 for actions that are
   *   not allowed, [batch, actions]; see: what the networks get of observations, such as scaled ones
   */
  constructor(observations, actions, { hidden = 64, mask, see = (x) => x } = {}) {
    super();
    this.actor = mlp([observations, hidden, hidden, actions], { last: 0.01 });
    this.critic = mlp([observations, hidden, hidden, 1]);
    this.mask = mask;
    this.see = see;
  }

  /** @param {Tensor} x @returns {Tensor} [batch, actions] */
  forward(x) {
    const scores = this.actor.forward(this.see(x));
    return this.mask === undefined ? scores : scores.sub(this.mask(x).mul(1e9));
  }

  /** @param {Tensor} x @returns {Tensor} [batch] */
  values(x) {
    return this.critic.forward(this.see(x)).reshape([-1]);
  }

  /** The most probable actions. @param {Tensor} x */
  best(x) {
    return this.forward(x).argmax({ dim: 1 }).toTypedArray();
  }
}

/**
 * @typedef {object} Rollout
 * @property {Tensor} observations [steps · environments, …]
 * @property {Tensor} actions
 * @property {Tensor} logProbs of the policy that acted
 * @property {Tensor} advantages
 * @property {Tensor} returns what the values should be
 */

/**
 * Plays a few steps in all environments, again and again. Each call goes on where the last one ended.
 *
 * @param {rl.VectorEnvironment<any>} vector
 * @param {ActorCritic} model
 * @param {object} options
 * @param {number} options.length steps in each environment
 * @param {number} options.gamma
 * @param {number} options.lambda
 * @param {number} options.seed
 * @param {boolean | undefined} options.eager
 * @param {number} [options.scale] of rewards
 * @param {(observation: Float32Array) => number} [options.potential] whose rise is a reward, which leaves the best policy what it is:
 *   Ng, Harada and Russell, "Policy invariance under reward transformations", 1999, https://people.eecs.berkeley.edu/~russell/papers/icml99-shaping.pdf
 */
export async function player(vector, model, { length, gamma, lambda, seed, eager, scale = 1, potential }) {
  const { count } = vector;
  const act = stepOf((/** @type {Tensor} */ x) => noGrad(() => draw(model.forward(x))), eager);
  const judge = stepOf((/** @type {Tensor} */ x) => noGrad(() => model.values(x)), eager);
  let observations = await vector.reset({ seed });
  const width = observations.length;
  const size = width / count;
  return async () => {
    const total = length * count;
    const [seen, next] = [new Float32Array(length * width), new Float32Array(length * width)];
    const [actions, logProbs, rewards] = [new Int32Array(total), new Float32Array(total), new Float32Array(total)];
    const [terminated, truncated] = [new Uint8Array(total), new Uint8Array(total)];
    /** @type {rl.Episode[]} */
    const episodes = [];
    for (let t = 0; t < length; t++) {
      const drawn = act.sync(rowsOf(observations, count));
      const chosen = /** @type {Int32Array} */ (drawn.actions.toTypedArray());
      const step = await vector.step(chosen);
      seen.set(observations, t * width);
      next.set(step.nextObservations, t * width);
      actions.set(chosen, t * count);
      logProbs.set(drawn.logProbs.toTypedArray(), t * count);
      rewards.set(step.rewards, t * count);
      terminated.set(step.terminated, t * count);
      truncated.set(step.truncated, t * count);
      for (const episode of step.episodes) episodes.push(episode);
      observations = step.observations;
    }
    if (potential !== undefined) {
      for (let i = 0; i < total; i++) {
        const [before, after] = [seen, next].map((rows) => potential(rows.subarray(i * size, (i + 1) * size)));
        rewards[i] = (rewards[i] ?? 0) + (terminated[i] ? 0 : gamma * (after ?? 0)) - (before ?? 0);
      }
    }
    const x = rowsOf(seen, total);
    const shape = [length, count];
    const { advantages, returns } = rl.generalizedAdvantageEstimate({
      rewards: tensor(rewards, { shape }).mul(scale),
      values: judge.sync(x).reshape(shape),
      nextValues: judge.sync(rowsOf(next, total)).reshape(shape),
      terminated: tensor(terminated, { shape }),
      truncated: tensor(truncated, { shape }),
      ...{ gamma, lambda },
    });
    /** @type {Rollout} */
    const rollout = {
      observations: x,
      actions: tensor(actions),
      logProbs: tensor(logProbs),
      advantages: advantages.reshape([total]),
      returns: returns.reshape([total]),
    };
    return { rollout, episodes };
  };
}
