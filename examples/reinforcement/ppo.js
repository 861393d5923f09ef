// Holds up a pole: proximal policy optimisation on CartPole, 100,000 steps.
// Run it with `npm run example -- reinforcement/ppo`. It leaves output/ppo.svg (returns during training).
import { manualSeed, rl } from 'adjoint';
import { main } from '../shared/main.js';
import { finish, randomPolicy } from './evaluation.js';
import { learnProximally } from './proximal.js';

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { steps: 12_288, episodes: 20 };

/** Pushes the cart under where the pole is falling to. @type {import('./common.js').Policy} */
export const balance = (x) => {
  const numbers = x.toTypedArray();
  return Int32Array.from({ length: numbers.length / 4 }, (_, i) => {
    const [place = 0, speed = 0, angle = 0, turning = 0] = numbers.slice(4 * i, 4 * i + 4);
    return angle + 0.4 * turning + 0.05 * place + 0.1 * speed > 0 ? 1 : 0;
  });
};

/**
 * Learns, and returns the mean return of new episodes beside that of others.
 *
 * @param {{ steps?: number, episodes?: number, seed?: number, output?: string, eager?: boolean, stream?: import('./common.js').Stream }} [options]
 *   steps: of training, in all environments; episodes: to test with
 */
export async function run(options = {}) {
  const { steps = 100_000, episodes = 100, seed = 1, output = 'output', eager, stream = process.stdout } = options;
  manualSeed(seed);
  const { diary, best } = await learnProximally(rl.CartPole, {
    ...{ steps, episodes, count: 8, length: 32, batchSize: 256, epochs: 20 },
    ...{ lr: 1e-3, gamma: 0.98, lambda: 0.8, entropy: 0 },
    ...{ seed, eager, stream },
  });
  return await finish(diary, best, {
    ...{ name: 'ppo', title: 'CartPole by PPO', output, episodes },
    others: {
      random: { label: 'a random policy', act: randomPolicy({ kind: 'discrete', n: 2 }) },
      rule: { label: 'a rule by hand', act: balance },
    },
  });
}

await main(import.meta.url, run, small);
