// Proximal policy optimisation: the policy takes several steps on what it has done, and none of them far. Schulman et al., 2017,
// https://arxiv.org/abs/1707.06347
import { logSoftmax, nn, optim, randperm, rl } from 'adjoint';
import { stepOf } from '../shared/main.js';
import { ActorCritic, player } from './actor-critic.js';
import { Diary, logProbOf } from './common.js';
import { Best } from './evaluation.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/**
 * @typedef {object} ProximalOptions
 * @property {number} steps in all environments together
 * @property {number} count of environments
 * @property {number} length steps in each environment between updates
 * @property {number} batchSize
 * @property {number} epochs how often each step is learned from
 * @property {number} lr at first; it falls to 0
 * @property {number} gamma
 * @property {number} lambda
 * @property {number} episodes of the report
 * @property {number} entropy how much an undecided policy is worth
 * @property {number} [scale] of rewards, so that values are not large
 * @property {number} [clip] how far a probability may go in one update: 1 ± clip
 * @property {object} [settings] of the environments
 * @property {(x: Tensor) => Tensor} [mask] actions that are not allowed
 * @property {number} [hidden]
 * @property {(logits: Tensor) => Tensor} [act] what it does after training, default: the most probable action
 * @property {(x: Tensor) => Tensor} [see] what the network sees of observations
 * @property {(observation: Float32Array) => number} [potential] of what is seen: its rise is a reward, during training
 */

/**
 * @param {import('./common.js').EnvironmentClass} Class
 * @param {ProximalOptions & { seed: number, eager: boolean | undefined, stream: import('./common.js').Stream }} options
 */
export async function learnProximally(Class, options) {
  const { steps, count, length, batchSize, epochs, lr, gamma, lambda, entropy, clip = 0.2, scale } = options;
  const { episodes, settings, mask, hidden, see, potential, seed, eager, stream } = options;
  const { act = (/** @type {Tensor} */ logits) => logits.argmax({ dim: 1 }) } = options;
  const vector = new rl.VectorEnvironment(Class, { count, settings });
  const actions = /** @type {rl.DiscreteSpace} */ (vector.actionSpace).n;
  const model = new ActorCritic(vector.observationSpace.low.length, actions, { hidden, mask, see });
  const optimizer = new optim.Adam(model.parameters(), { lr, eps: 1e-5 });
  const total = length * count;
  const updates = Math.floor(steps / total);
  const rate = new optim.lrScheduler.LinearLR(optimizer, {
    startFactor: 1,
    endFactor: 0,
    totalIters: (updates * epochs * total) / batchSize,
  });
  /** @param {Tensor} index @param {Tensor} x @param {Tensor} done @param {Tensor} before @param {Tensor} all @param {Tensor} returns */
  const update = (index, x, done, before, all, returns) => {
    const of = (/** @type {Tensor} */ t) => t.indexSelect(0, index);
    const logits = model.forward(of(x));
    const better = of(all);
    const advantage = better.sub(better.mean()).div(better.std().add(1e-8));
    const ratio = logProbOf(logits, of(done)).sub(of(before)).exp();
    const gain = ratio.mul(advantage).minimum(ratio.clamp({ min: 1 - clip, max: 1 + clip }).mul(advantage));
    const logs = logSoftmax(logits, 1);
    const undecided = logs.exp().mul(logs).sum({ dim: 1 }).neg();
    const valueLoss = model.values(of(x)).sub(of(returns)).square().mean().mul(0.5);
    const loss = valueLoss.sub(gain.mean()).sub(undecided.mean().mul(entropy));
    optimizer.zeroGrad();
    loss.backward();
    nn.utils.clipGradNorm_(model.parameters(), 0.5);
    optimizer.step();
    rate.step();
    return loss;
  };
  const step = stepOf(update, eager);
  const play = await player(vector, model, {
    ...{ length, gamma, lambda, seed, eager },
    ...(scale && { scale }),
    ...(potential && { potential }),
  });
  const diary = new Diary({ steps: updates * total, stream });
  const best = new Best(model, Class, (x) => act(model.forward(x)).toTypedArray(), {
    steps: diary.steps,
    episodes,
    settings,
  });
  for (let i = 1; i <= updates; i++) {
    const { rollout, episodes } = await play();
    const { observations, actions, logProbs, advantages, returns } = rollout;
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const index of randperm(total).split(batchSize)) {
        step.sync(index, observations, actions, logProbs, advantages, returns);
      }
    }
    diary.add(episodes, i * total);
    await best.look(i * total);
  }
  return { diary, best };
}
