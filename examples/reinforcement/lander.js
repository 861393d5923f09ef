// Lands a craft between two flags: proximal policy optimisation on LunarLander, 160,000 steps.
// Run it with `npm run example -- reinforcement/lander`. It leaves output/lander.svg (returns during training).
import { manualSeed, rl } from 'adjoint';
import { main } from '../shared/main.js';
import { draw } from './common.js';
import { finish, randomPolicy } from './evaluation.js';
import { learnProximally } from './proximal.js';

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { steps: 65_536, episodes: 20, length: 64 };

/**
 * Brakes when it falls too fast for its height, and turns against its drift.
 *
 * @type {import('./common.js').Policy}
 */
const pilot = (observations) => {
  const numbers = observations.toTypedArray();
  return Int32Array.from({ length: numbers.length / 8 }, (_, i) => {
    const [x = 0, y = 0, vx = 0, vy = 0, angle = 0, turning = 0, left = 0, right = 0] = numbers.slice(8 * i, 8 * i + 8);
    if (left + right > 0) return vy < -0.1 ? 2 : 0;
    const wanted = Math.min(Math.max(0.5 * x + vx, -0.4), 0.4); // to lean against the drift
    const turn = (wanted - angle) * 0.5 - turning;
    const lift = (0.55 * Math.abs(x) - y) * 0.5 - vy * 0.5;
    if (lift > Math.abs(turn) && lift > 0.05) return 2;
    return turn < -0.05 ? 3 : turn > 0.05 ? 1 : 0;
  });
};

/**
 * Learns, and returns the mean return of new episodes beside that of others.
 *
 * @param {{ steps?: number, length?: number, episodes?: number, seed?: number, output?: string, eager?: boolean, stream?: import('./common.js').Stream }} [options]
 *   steps: of training, in all environments; length: in each between updates; episodes: to test with
 */
export async function run(options = {}) {
  const { steps = 160_000, length = 256, episodes = 100, seed = 1 } = options;
  const { output = 'output', eager, stream = process.stdout } = options;
  manualSeed(seed);
  const { diary, best } = await learnProximally(rl.LunarLander, {
    ...{ steps, episodes, count: 16, length, batchSize: 256, epochs: 6, scale: 0.05 },
    ...{ lr: 1e-3, gamma: 0.995, lambda: 0.95, entropy: 0.005 },
    // Drawn, as during training: the most probable action alone would hover for ever.
    act: (logits) => draw(logits).actions,
    ...{ seed, eager, stream },
  });
  return await finish(diary, best, {
    ...{ name: 'lander', title: 'LunarLander by PPO', output, episodes },
    others: {
      random: { label: 'a random policy', act: randomPolicy({ kind: 'discrete', n: 4 }) },
      rule: { label: 'a rule by hand', act: pilot },
    },
  });
}

await main(import.meta.url, run, small);
