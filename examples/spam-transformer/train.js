// Learns to tell spam from other mail with a transformer's encoder; mails, training and test are those of examples/spam.
// Run it with `npm run example -- spam-transformer`. It leaves output/spam-transformer.safetensors (the weights) and
// output/spam-transformer.svg (the loss).

import { main } from '../shared/main.js';
import { runSpamFilter } from '../spam/learn.js';
import { SpamTransformer } from './model.js';

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { mails: 800, words: 96, epochs: 5, width: 32, heads: 2, layers: 1, dropout: 0, lr: 1e-2 };

/**
 * Trains, and returns the losses and the score on held-out mails.
 *
 * @param {{ mails?: number, words?: number, epochs?: number, width?: number, heads?: number, layers?: number, dropout?: number,
 *   batchSize?: number, lr?: number, seed?: number, output?: string, stream?: import('adjoint').train.ProgressStream }} [options]
 *   mails: how many to use, default all; a fifth of them is held out; words: of each that are read, default all; seed: of the split too
 */
export async function run(options = {}) {
  const { width = 64, heads = 4, layers = 2, dropout = 0.3, mails, words } = options;
  const { epochs = 6, batchSize = 32, lr = 2e-3, seed = 1, output = 'output', stream = process.stdout } = options;
  const makeModel = (/** @type {number} */ words) => new SpamTransformer(words, { width, heads, layers, dropout });
  return runSpamFilter('spam-transformer', makeModel, { mails, words, epochs, batchSize, lr, seed, output, stream });
}

await main(import.meta.url, run, small);
