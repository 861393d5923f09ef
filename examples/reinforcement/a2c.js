// Holds up a pole: advantage actor-critic on CartPole, 200,000 steps.
// Run it with `npm run example -- reinforcement/a2c`. It leaves output/a2c.svg (returns during training).
// Mnih et al., "Asynchronous methods for deep reinforcement learning", 2016, https://arxiv.org/abs/1602.01783
import { logSoftmax, manualSeed, nn, optim, rl } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { ActorCritic, player } from './actor-critic.js';
import { Diary, logProbOf } from './common.js';
import { Best, finish, randomPolicy } from './evaluation.js';
import { balance } from './ppo.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { steps: 32_000, episodes: 20 };

/**
 * Learns, and returns the mean return of new episodes beside that of others.
 *
 * @param {{ steps?: number, episodes?: number, seed?: number, output?: string, eager?: boolean, stream?: import('./common.js').Stream }} [options]
 *   steps: of training, in all environments; episodes: to test with
 */
export async function run(options = {}) {
  const { steps = 200_000, episodes = 100, seed = 1, output = 'output', eager, stream = process.stdout } = options;
  const [count, length] = [16, 8];
  manualSeed(seed);
  const vector = new rl.VectorEnvironment(rl.CartPole, { count });
  const model = new ActorCritic(4, 2);
  const optimizer = new optim.RMSprop(model.parameters(), { lr: 2e-3, alpha: 0.99, eps: 1e-5 });
  const updates = Math.floor(steps / (count * length));
  const rate = new optim.lrScheduler.LinearLR(optimizer, { startFactor: 1, endFactor: 0, totalIters: updates });
  /** @param {Tensor} x @param {Tensor} actions @param {Tensor} advantages @param {Tensor} returns */
  const update = (x, actions, advantages, returns) => {
    const logits = model.forward(x);
    const logs = logSoftmax(logits, 1);
    const undecided = logs.exp().mul(logs).sum({ dim: 1 }).neg().mean();
    const valueLoss = model.values(x).sub(returns).square().mean().mul(0.25);
    const loss = valueLoss.sub(logProbOf(logits, actions).mul(advantages).mean()).sub(undecided.mul(0.01));
    optimizer.zeroGrad();
    loss.backward();
    nn.utils.clipGradNorm_(model.parameters(), 0.5);
    optimizer.step();
    rate.step();
    return loss;
  };
  const step = stepOf(update, eager);
  // λ = 1: the returns of `length` steps, and the value of what follows.
  const play = await player(vector, model, { length, gamma: 0.99, lambda: 1, seed, eager });
  const diary = new Diary({ steps: updates * count * length, stream });
  const best = new Best(model, rl.CartPole, (x) => model.best(x), { steps: diary.steps, episodes });
  for (let i = 1; i <= updates; i++) {
    const { rollout, episodes } = await play();
    step.sync(rollout.observations, rollout.actions, rollout.advantages, rollout.returns);
    diary.add(episodes, i * count * length);
    await best.look(i * count * length);
  }
  return await finish(diary, best, {
    ...{ name: 'a2c', title: 'CartPole by A2C', output, episodes },
    others: {
      random: { label: 'a random policy', act: randomPolicy(vector.actionSpace) },
      rule: { label: 'a rule by hand', act: balance },
    },
  });
}

await main(import.meta.url, run, small);
