// Learns to tell spam from other mail: vectors of words → GRU in both directions → one score.
// Run it with `npm run example -- spam`. It leaves output/spam.safetensors (the weights) and output/spam.svg (the loss).

import { main } from '../shared/main.js';
import { runSpamFilter } from './learn.js';
import { SpamGRU } from './model.js';

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { mails: 800, words: 96, epochs: 6, width: 32, hidden: 32, lr: 1e-2 };

/**
 * Trains, and returns the losses and the score on held-out mails.
 *
 * @param {{ mails?: number, words?: number, epochs?: number, width?: number, hidden?: number, dropout?: number, batchSize?: number,
 *   lr?: number, seed?: number, output?: string, stream?: import('adjoint').train.ProgressStream }} [options]
 *   mails: how many to use, default all; a fifth of them is held out; words: of each that are read, default all; seed: of the split too
 */
export async function run(options = {}) {
  const { width = 64, hidden = 64, dropout = 0.3, mails, words } = options;
  const { epochs = 6, batchSize = 32, lr = 2e-3, seed = 1, output = 'output', stream = process.stdout } = options;
  const makeModel = (/** @type {number} */ words) => new SpamGRU(words, { width, hidden, dropout });
  return runSpamFilter('spam', makeModel, { mails, words, epochs, batchSize, lr, seed, output, stream });
}

await main(import.meta.url, run, small);
