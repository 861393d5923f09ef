// Holds up a pole by the oldest policy gradient: REINFORCE with a baseline on CartPole, whole episodes, no bootstrapping.
// Run it with `npm run example -- reinforcement/reinforce`. It leaves output/reinforce.svg (returns during training).
// Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", 1992,
// https://doi.org/10.1007/BF00992696
import { manualSeed, nn, noGrad, optim, rl, tensor } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { ActorCritic } from './actor-critic.js';
import { Diary, draw, logProbOf, rowsOf } from './common.js';
import { Best, finish, randomPolicy } from './evaluation.js';
import { balance } from './ppo.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { steps: 20_000, episodes: 20 };

/** One episode in each environment: what was seen, done and gained, step by step. @param {rl.VectorEnvironment<any>} vector @param {(x: Tensor) => Tensor} act @param {number} seed */
async function play(vector, act, seed) {
  const { count } = vector;
  const size = vector.observationSpace.low.length;
  let observations = await vector.reset({ seed });
  /** @type {{ x: Float32Array, action: number, reward: number }[][]} */
  const episodes = Array.from({ length: count }, () => []);
  const isDone = new Uint8Array(count);
  while (isDone.includes(0)) {
    const actions = /** @type {Int32Array} */ (act(rowsOf(observations, count)).toTypedArray());
    const step = await vector.step(actions);
    for (let i = 0; i < count; i++) {
      if (isDone[i]) continue;
      const x = observations.subarray(i * size, (i + 1) * size);
      episodes[i]?.push({ x, action: actions[i] ?? 0, reward: step.rewards[i] ?? 0 });
      isDone[i] = (step.terminated[i] ?? 0) | (step.truncated[i] ?? 0);
    }
    observations = step.observations;
  }
  return episodes;
}

/**
 * Learns, and returns the mean return of new episodes beside that of others.
 *
 * @param {{ steps?: number, episodes?: number, seed?: number, output?: string, eager?: boolean, stream?: import('./common.js').Stream }} [options]
 *   steps: of training, in all environments; episodes: to test with
 */
export async function run(options = {}) {
  const { steps = 250_000, episodes = 100, seed = 1, output = 'output', eager, stream = process.stdout } = options;
  const gamma = 0.99;
  manualSeed(seed);
  const vector = new rl.VectorEnvironment(rl.CartPole, { count: 8 });
  const model = new ActorCritic(4, 2);
  const optimizer = new optim.Adam(model.parameters(), { lr: 4e-3 });
  /** @param {Tensor} x @param {Tensor} actions @param {Tensor} returns @param {Tensor} weights 0 where rows only fill up */
  const update = (x, actions, returns, weights) => {
    const values = model.values(x);
    const advantages = returns.sub(values.detach());
    const mean = advantages.mul(weights).sum();
    const centred = advantages.sub(mean);
    const scaled = centred.div(centred.square().mul(weights).sum().sqrt().add(1e-8));
    const gain = logProbOf(model.forward(x), actions).mul(scaled).mul(weights).sum();
    const loss = values.sub(returns).square().mul(weights).sum().mul(0.01).sub(gain);
    optimizer.zeroGrad();
    loss.backward();
    nn.utils.clipGradNorm_(model.parameters(), 0.5);
    optimizer.step();
    return loss;
  };
  const step = stepOf(update, eager);
  const act = stepOf((/** @type {Tensor} */ x) => noGrad(() => draw(model.forward(x)).actions), eager);
  const diary = new Diary({ steps, stream });
  const best = new Best(model, rl.CartPole, (x) => model.best(x), { steps: diary.steps, episodes });
  for (let taken = 0, round = 0; taken < steps; round++) {
    const played = await play(vector, act.sync, seed * 1_000_000 + round * vector.count);
    const rows = played.flat();
    taken += rows.length;
    const returns = played.flatMap((episode) => returnsOf(episode, gamma));
    // Sizes are powers of two, so that few programs are compiled.
    const size = 2 ** Math.ceil(Math.log2(Math.max(256, rows.length)));
    const x = new Float32Array(size * 4);
    for (const [i, row] of rows.entries()) x.set(row.x, 4 * i);
    const filled = (/** @type {(i: number) => number} */ of) => Float32Array.from({ length: size }, (_, i) => of(i));
    step.sync(
      rowsOf(x, size),
      tensor(Int32Array.from({ length: size }, (_, i) => rows[i]?.action ?? 0)),
      tensor(filled((i) => returns[i] ?? 0)),
      tensor(filled((i) => (i < rows.length ? 1 / rows.length : 0))),
    );
    const ended = played.map(({ length }, environment) => ({ environment, return: length, length }));
    diary.add(ended, Math.min(taken, steps));
    await best.look(taken);
  }
  return await finish(diary, best, {
    ...{ name: 'reinforce', title: 'CartPole by REINFORCE', output, episodes },
    others: {
      random: { label: 'a random policy', act: randomPolicy(vector.actionSpace) },
      rule: { label: 'a rule by hand', act: balance },
    },
  });
}

/** What followed each step of an episode, nothing after its end. @param {readonly { reward: number }[]} episode @param {number} gamma */
function returnsOf(episode, gamma) {
  const zeros = tensor(new Float32Array(episode.length));
  const rewards = tensor(Float32Array.from(episode, ({ reward }) => reward));
  return Array.from(rl.nStepReturns({ rewards, nextValues: zeros, terminated: zeros, gamma }).toTypedArray());
}

await main(import.meta.url, run, small);
