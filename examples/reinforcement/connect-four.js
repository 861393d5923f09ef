// Wins connect four: proximal policy optimisation against an opponent that sees one move ahead, 300,000 moves.
// Run it with `npm run example -- reinforcement/connect-four`. It leaves output/connect-four.svg (returns during training).
import { manualSeed, rl } from 'adjoint';
import { main } from '../shared/main.js';
import { draw } from './common.js';
import { finish } from './evaluation.js';
import { learnProximally } from './proximal.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { steps: 24_576, episodes: 100, opponent: /** @type {const} */ ('random') };

/** The columns whose top cell has a disc, of either player. @param {Tensor} x [batch, 2 · 42] */
const full = (x) => x.narrow(1, 0, 7).add(x.narrow(1, 42, 7));

/**
 * Learns, and returns the mean result of new games (1 for a win, −1 for a loss) beside that of others.
 *
 * @param {{ steps?: number, episodes?: number, opponent?: 'random' | 'greedy', seed?: number, output?: string, eager?: boolean,
 *   stream?: import('./common.js').Stream }} [options] steps: moves, in all games; episodes: to test with
 */
export async function run(options = {}) {
  const { steps = 300_000, episodes = 500, opponent = 'greedy', seed = 1 } = options;
  const { output = 'output', eager, stream = process.stdout } = options;
  manualSeed(seed);
  const settings = { opponent };
  const { diary, best } = await learnProximally(rl.ConnectFour, {
    ...{ steps, episodes, count: 32, length: 64, batchSize: 512, epochs: 4, hidden: 128 },
    ...{ lr: 2e-3, gamma: 0.99, lambda: 0.9, entropy: 0.01 },
    ...{ settings, mask: full, seed, eager, stream },
  });
  const blind = (/** @type {Tensor} */ x) => draw(full(x).mul(-1e9)).actions.toTypedArray();
  return await finish(diary, best, {
    ...{ name: 'connect-four', title: `Connect four against a ${opponent} opponent`, output, episodes },
    others: {
      random: { label: 'a random policy', act: blind },
      easy: { label: 'against a random opponent', act: best.act, settings: { opponent: 'random' } },
    },
  });
}

await main(import.meta.url, run, small);
