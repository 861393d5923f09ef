// Swings up a pendulum: soft actor-critic with twin critics and a learned temperature on Pendulum, 15,000 steps.
// Run it with `npm run example -- reinforcement/sac`. It leaves output/sac.svg (returns during training).
// Haarnoja et al., "Soft actor-critic algorithms and applications", 2018, https://arxiv.org/abs/1812.05905
import { cat, manualSeed, minimum, nn, noGrad, optim, randn, rl, zeros } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { Diary, follow, mlp, rowsOf } from './common.js';
import { Best, finish, randomPolicy } from './evaluation.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { steps: 2400, episodes: 20 };

const torque = 2;

/** A torque between −2 and 2, drawn from a normal distribution and squashed. */
class Actor extends nn.Module {
  /** @param {number} hidden */
  constructor(hidden) {
    super();
    this.body = mlp([3, hidden, hidden, 2], { between: () => new nn.ReLU(), last: 0.1 });
  }

  /** What it does without chance. @override @param {Tensor} x @returns {Tensor} [batch, 1] */
  forward(x) {
    return this.body.forward(x).narrow(1, 0, 1).tanh().mul(torque);
  }

  /** What it does, and the logarithm of its density. @param {Tensor} x */
  draw(x) {
    const [mean, spread] = /** @type {[Tensor, Tensor]} */ (this.body.forward(x).chunk(2, 1));
    const logStd = spread.tanh().add(1).mul(3.5).sub(5); // −5 to 2
    const noise = randn(mean.shape);
    const before = mean.add(noise.mul(logStd.exp()));
    const squashed = before.tanh();
    // log N(before) − log |d action / d before|
    const logProb = noise
      .square()
      .mul(-0.5)
      .sub(logStd)
      .sub(0.5 * Math.log(2 * Math.PI))
      .sub(squashed.square().neg().add(1).mul(torque).add(1e-6).log());
    return { action: squashed.mul(torque), logProb };
  }
}

/** Two predictions of the return; the smaller one counts, because a maximum of errors is too good. @param {number} hidden */
const twins = (hidden) =>
  new nn.ModuleList([0, 1].map(() => mlp([4, hidden, hidden, 1], { between: () => new nn.ReLU() })));

/** @param {nn.ModuleList} critics @param {Tensor} x @param {Tensor} action @returns {[Tensor, Tensor]} */
const valuesOf = (critics, x, action) => {
  const input = cat([x, action], 1);
  const [one, other] = /** @type {any[]} */ ([...critics]);
  return [one.forward(input), other.forward(input)];
};

/**
 * Learns, and returns the mean return of new episodes beside that of others.
 *
 * @param {{ steps?: number, episodes?: number, seed?: number, output?: string, eager?: boolean, stream?: import('./common.js').Stream }} [options]
 *   steps: of training, in all environments; episodes: to test with
 */
export async function run(options = {}) {
  const { steps = 15_000, episodes = 100, seed = 1, output = 'output', eager, stream = process.stdout } = options;
  const [gamma, tau, batchSize, warmUp, hidden, lr] = [0.98, 0.01, 128, 800, 64, 2e-3];
  manualSeed(seed);
  const vector = new rl.VectorEnvironment(rl.Pendulum, { count: 4 });
  const buffer = new rl.ReplayBuffer(steps, vector);
  const [actor, critics, targets] = [new Actor(hidden), twins(hidden), twins(hidden)];
  targets.loadStateDict(critics.stateDict());
  const logAlpha = zeros([1], { requiresGrad: true });
  const optimizers = {
    actor: new optim.Adam(actor.parameters(), { lr }),
    critics: new optim.Adam(critics.parameters(), { lr }),
    alpha: new optim.Adam([logAlpha], { lr }),
  };
  /** @param {optim.Adam} optimizer @param {Tensor} loss */
  const descend = (optimizer, loss) => {
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  };
  /** @param {Tensor} x @param {Tensor} action @param {Tensor} reward @param {Tensor} next @param {Tensor} ended */
  const update = (x, action, reward, next, ended) => {
    const alpha = logAlpha.detach().exp();
    const goal = noGrad(() => {
      const then = actor.draw(next);
      const [a, b] = valuesOf(targets, next, then.action);
      const worth = minimum(a, b).sub(then.logProb.mul(alpha));
      return reward.reshape([-1, 1]).add(worth.mul(ended.neg().add(1).reshape([-1, 1])).mul(gamma));
    });
    const [a, b] = valuesOf(critics, x, action);
    const loss = a.sub(goal).square().mean().add(b.sub(goal).square().mean());
    descend(optimizers.critics, loss);
    const own = actor.draw(x);
    const [c, d] = valuesOf(critics, x, own.action);
    descend(optimizers.actor, own.logProb.mul(alpha).sub(minimum(c, d)).mean());
    // The temperature rises while the policy is more certain than an entropy of −1, one for each number of an action.
    descend(optimizers.alpha, logAlpha.exp().mul(own.logProb.detach().mean().sub(1)).neg().sum());
    noGrad(() => follow(targets, critics, tau));
    return loss;
  };
  const step = stepOf(update, eager);
  const act = stepOf((/** @type {Tensor} */ x) => noGrad(() => actor.draw(x).action), eager);
  const explore = randomPolicy(vector.actionSpace);

  const { count } = vector;
  const diary = new Diary({ steps, stream });
  const best = new Best(actor, rl.Pendulum, (x) => actor.forward(x).toTypedArray(), { steps: diary.steps, episodes });
  let observations = await vector.reset({ seed });
  for (let taken = 0; taken < steps; taken += count) {
    const x = rowsOf(observations, count);
    const actions = taken < warmUp ? explore(x) : act.sync(x).toTypedArray();
    const result = await vector.step(actions);
    for (let i = 0; i < count; i++) {
      const row = /** @type {const} */ ([3 * i, 3 * i + 3]);
      buffer.add({
        observation: observations.subarray(...row),
        action: [actions[i] ?? 0],
        reward: (result.rewards[i] ?? 0) / 10, // so that values are not in the hundreds
        nextObservation: result.nextObservations.subarray(...row),
        terminated: result.terminated[i] === 1,
      });
    }
    observations = result.observations;
    diary.add(result.episodes, taken + count);
    await best.look(taken + count);
    if (taken < warmUp) continue;
    for (let i = 0; i < count; i++) {
      const batch = buffer.sample(batchSize);
      step.sync(batch.observations, batch.actions, batch.rewards, batch.nextObservations, batch.terminated);
    }
  }
  return await finish(diary, best, {
    ...{ name: 'sac', title: 'Pendulum by SAC', output, episodes },
    others: { random: { label: 'a random policy', act: explore }, rule: { label: 'a rule by hand', act: pump } },
  });
}

/** Adds energy until it is enough to stand upright, and holds there. @type {import('./common.js').Policy} */
function pump(x) {
  const numbers = x.toTypedArray();
  return Float32Array.from({ length: numbers.length / 3 }, (_, i) => {
    const [cos = 0, sin = 0, turning = 0] = numbers.slice(3 * i, 3 * i + 3);
    if (cos > 0.9) return -12 * sin - 3 * turning;
    const missing = 15 * (1 - cos) - turning ** 2 / 2; // energy, over the moment of inertia
    return missing * (turning < 0 ? -1 : 1);
  });
}

await main(import.meta.url, run, small);
