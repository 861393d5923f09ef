// Swings a weak car up a hill: proximal policy optimisation on MountainCar, 150,000 steps.
// Run it with `npm run example -- reinforcement/mountain-car`. It leaves output/mountain-car.svg (returns during training).
import { manualSeed, rl, tensor } from 'adjoint';
import { main } from '../shared/main.js';
import { finish, randomPolicy } from './evaluation.js';
import { learnProximally } from './proximal.js';

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { steps: 24_576, episodes: 20 };

/** Pushes where it already goes to. @type {import('./common.js').Policy} */
const swing = (x) => Int32Array.from(x.narrow(1, 1, 1).toTypedArray(), (velocity) => (velocity < 0 ? 0 : 2));

/**
 * Learns, and returns the mean return of new episodes beside that of others.
 *
 * @param {{ steps?: number, episodes?: number, seed?: number, output?: string, eager?: boolean, stream?: import('./common.js').Stream }} [options]
 *   steps: of training, in all environments; episodes: to test with
 */
export async function run(options = {}) {
  const { steps = 150_000, episodes = 100, seed = 1, output = 'output', eager, stream = process.stdout } = options;
  manualSeed(seed);
  const [centre, spread] = [tensor([-0.3, 0]), tensor([0.9, 0.07])];
  const { diary, best } = await learnProximally(rl.MountainCar, {
    ...{ steps, episodes, count: 16, length: 64, batchSize: 256, epochs: 8, scale: 0.1 },
    ...{ lr: 2e-3, gamma: 0.99, lambda: 0.95, entropy: 0.005 },
    see: (x) => x.sub(centre).div(spread),
    potential: energy,
    ...{ seed, eager, stream },
  });
  return await finish(diary, best, {
    ...{ name: 'mountain-car', title: 'MountainCar by PPO', output, episodes },
    others: {
      random: { label: 'a random policy', act: randomPolicy({ kind: 'discrete', n: 3 }) },
      rule: { label: 'a rule by hand', act: swing },
    },
  });
}

/**
 * How far the car has come with its energy: 0 at rest in the valley, 100 at rest on the hill, about a step each. No policy that tries
 * anything ever gets up, so that each step alone costs the same and teaches nothing.
 *
 * @param {Float32Array} observation
 */
function energy([place = 0, velocity = 0]) {
  return 50 * (Math.sin(3 * place) + 1 + (velocity ** 2 * 3) / (2 * 0.0025));
}

await main(import.meta.url, run, small);
