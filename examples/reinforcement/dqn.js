// Holds up a pole by Q-learning: a double, dueling network with prioritised replay on CartPole, 50,000 steps.
// Run it with `npm run example -- reinforcement/dqn`. It leaves output/dqn.svg (returns during training).
// Mnih et al., 2015, https://doi.org/10.1038/nature14236; van Hasselt et al., 2016, https://arxiv.org/abs/1509.06461 (double);
// Wang et al., 2016, https://arxiv.org/abs/1511.06581 (dueling); Schaul et al., 2016, https://arxiv.org/abs/1511.05952 (prioritised)
import { manualSeed, nn, noGrad, optim, rand, relu, rl } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { Diary, rowsOf } from './common.js';
import { Best, finish, randomPolicy } from './evaluation.js';
import { balance } from './ppo.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { steps: 5000, episodes: 20 };

/** Values of actions: that of the state, and how much better than the mean each action is. */
class Dueling extends nn.Module {
  /** @param {number} observations @param {number} actions @param {number} hidden */
  constructor(observations, actions, hidden) {
    super();
    this.first = new nn.Linear(observations, hidden);
    this.value = nn.sequential(new nn.Linear(hidden, hidden), new nn.ReLU(), new nn.Linear(hidden, 1));
    this.advantage = nn.sequential(new nn.Linear(hidden, hidden), new nn.ReLU(), new nn.Linear(hidden, actions));
  }

  /** @override @param {Tensor} x @returns {Tensor} [batch, actions] */
  forward(x) {
    const seen = relu(this.first.forward(x));
    const advantage = this.advantage.forward(seen);
    return this.value.forward(seen).add(advantage.sub(advantage.mean({ dim: 1, keepDim: true })));
  }
}

/** @param {Tensor} values [batch, actions] @param {Tensor} actions [batch] */
const chosen = (values, actions) => values.gather(1, actions.reshape([-1, 1])).reshape([-1]);

/**
 * Learns, and returns the mean return of new episodes beside that of others.
 *
 * @param {{ steps?: number, episodes?: number, seed?: number, output?: string, eager?: boolean, stream?: import('./common.js').Stream }} [options]
 *   steps: of training, in all environments; episodes: to test with
 */
export async function run(options = {}) {
  const { steps = 50_000, episodes = 100, seed = 1, output = 'output', eager, stream = process.stdout } = options;
  const [count, gamma, batchSize, warmUp, hidden] = [8, 0.99, 64, 1024, 128];
  const [between, updates] = [256, 128]; // as many learning steps after as many of the environments

  manualSeed(seed);
  const vector = new rl.VectorEnvironment(rl.CartPole, { count });
  const buffer = new rl.PrioritizedReplayBuffer(steps, vector, { alpha: 0.6 });
  const [online, target] = [new Dueling(4, 2, hidden), new Dueling(4, 2, hidden)];
  target.loadStateDict(online.stateDict());
  const optimizer = new optim.Adam(online.parameters(), { lr: 1e-3 });
  const rate = new optim.lrScheduler.LinearLR(optimizer, {
    startFactor: 1,
    endFactor: 0.1,
    totalIters: (steps * updates) / between,
  });
  /** @param {Tensor} x @param {Tensor} actions @param {Tensor} rewards @param {Tensor} next @param {Tensor} ended @param {Tensor} weights */
  const update = (x, actions, rewards, next, ended, weights) => {
    // One network chooses the next action, the other one says what it is worth.
    const worth = noGrad(() => chosen(target.forward(next), online.forward(next).argmax({ dim: 1 })));
    const goal = rewards.add(worth.mul(ended.neg().add(1)).mul(gamma));
    const value = chosen(online.forward(x), actions);
    optimizer.zeroGrad();
    nn.functional.smoothL1Loss(value, goal, { reduction: 'none' }).mul(weights).mean().backward();
    nn.utils.clipGradNorm_(online.parameters(), 10);
    optimizer.step();
    rate.step();
    return value.detach().sub(goal).abs();
  };
  const step = stepOf(update, eager);
  const greedy = stepOf((/** @type {Tensor} */ x) => noGrad(() => online.forward(x).argmax({ dim: 1 })), eager);
  const explore = randomPolicy(vector.actionSpace);

  const diary = new Diary({ steps, stream });
  const best = new Best(online, rl.CartPole, (x) => greedy.sync(x).toTypedArray(), { steps: diary.steps, episodes });
  let observations = await vector.reset({ seed });
  for (let taken = 0; taken < steps; taken += count) {
    const x = rowsOf(observations, count);
    const tried = Int32Array.from(explore(x));
    const share = Math.max(0.02, 1 - taken / (0.15 * steps)); // of random actions
    const known = greedy.sync(x).toTypedArray();
    const coins = rand([count]).toTypedArray();
    const actions = tried.map((action, i) => ((coins[i] ?? 0) < share ? action : (known[i] ?? 0)));
    const result = await vector.step(actions);
    for (let i = 0; i < count; i++) {
      const row = /** @type {const} */ ([4 * i, 4 * i + 4]);
      buffer.add({
        observation: observations.subarray(...row),
        action: actions[i] ?? 0,
        reward: result.rewards[i] ?? 0,
        nextObservation: result.nextObservations.subarray(...row),
        terminated: result.terminated[i] === 1,
      });
    }
    observations = result.observations;
    diary.add(result.episodes, taken + count);
    await best.look(taken + count);
    if (buffer.length < warmUp || (taken + count) % between !== 0) continue;
    target.loadStateDict(online.stateDict());
    for (let i = 0; i < updates; i++) {
      const batch = buffer.sample(batchSize, { beta: 0.4 + (0.6 * taken) / steps });
      const { observations: x, actions, rewards, nextObservations, terminated, weights } = batch;
      const errors = step.sync(x, actions, rewards, nextObservations, terminated, weights);
      buffer.updatePriorities(batch.indices, errors);
    }
  }
  return await finish(diary, best, {
    ...{ name: 'dqn', title: 'CartPole by DQN', output, episodes },
    others: { random: { label: 'a random policy', act: explore }, rule: { label: 'a rule by hand', act: balance } },
  });
}

await main(import.meta.url, run, small);
