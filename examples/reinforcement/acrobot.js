// Swings up two links by the joint between them: proximal policy optimisation on Acrobot, 200,000 steps.
// Run it with `npm run example -- reinforcement/acrobot`. It leaves output/acrobot.svg (returns during training).
import { manualSeed, rl, tensor } from 'adjoint';
import { main } from '../shared/main.js';
import { finish, randomPolicy } from './evaluation.js';
import { learnProximally } from './proximal.js';

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { steps: 24_576, episodes: 20 };

/** Pushes where the lower link already goes to, which adds energy. @type {import('./common.js').Policy} */
const pump = (x) => Int32Array.from(x.narrow(1, 5, 1).toTypedArray(), (speed) => (speed < 0 ? 0 : 2));

/**
 * Learns, and returns the mean return of new episodes beside that of others.
 *
 * @param {{ steps?: number, episodes?: number, seed?: number, output?: string, eager?: boolean, stream?: import('./common.js').Stream }} [options]
 *   steps: of training, in all environments; episodes: to test with
 */
export async function run(options = {}) {
  const { steps = 200_000, episodes = 100, seed = 1, output = 'output', eager, stream = process.stdout } = options;
  manualSeed(seed);
  const spread = tensor([1, 1, 1, 1, 2, 4]);
  const { diary, best } = await learnProximally(rl.Acrobot, {
    ...{ steps, episodes, count: 16, length: 64, batchSize: 256, epochs: 8, scale: 0.1 },
    ...{ lr: 1e-3, gamma: 0.99, lambda: 0.95, entropy: 0.005 },
    see: (x) => x.div(spread),
    ...{ seed, eager, stream },
  });
  return await finish(diary, best, {
    ...{ name: 'acrobot', title: 'Acrobot by PPO', output, episodes },
    others: {
      random: { label: 'a random policy', act: randomPolicy({ kind: 'discrete', n: 3 }) },
      rule: { label: 'a rule by hand', act: pump },
    },
  });
}

await main(import.meta.url, run, small);
