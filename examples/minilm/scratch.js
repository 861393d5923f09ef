// What the labelled mails teach a network that has read nothing before: the transformer of examples/spam-transformer.
import { manualSeed } from 'adjoint';
import { peakMegabytes } from '../shared/memory.js';
import { vocabularyOf } from '../spam/data.js';
import { learn, testOn } from '../spam/learn.js';
import { SpamTransformer } from '../spam-transformer/model.js';

/**
 * Learns its words and what they mean from `seen` alone, and tests on `held`. However few they are, it reads `scratchMails`.
 *
 * @param {{ seen: import('../spam/data.js').Mail[], held: import('../spam/data.js').Mail[], seed: number, scratchMails: number,
 *   batchSize: number }} task
 * @returns {Promise<import('./learn.js').Result>}
 */
export async function learnFromScratch({ seen, held, seed, scratchMails, batchSize }) {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  manualSeed(seed);
  const vocabulary = vocabularyOf(seen, 2);
  const model = new SpamTransformer(vocabulary.size + 2); // and padding, and the unknown word
  const settings = { epochs: Math.ceil(scratchMails / seen.length), batchSize, lr: 2e-3, stream: { write: () => {} } };
  const losses = await learn(model, seen, vocabulary, settings);
  const seconds = (performance.now() - start) / 1000;
  const { accuracy } = testOn(model, held, vocabulary, batchSize)();
  const { user, system } = process.cpuUsage(cpu);
  return {
    losses,
    trained: model.parameters().reduce((sum, p) => sum + p.size, 0),
    accuracy,
    seconds,
    testSeconds: (performance.now() - start) / 1000 - seconds,
    cpuSeconds: (user + system) / 1e6,
    megabytes: peakMegabytes(),
  };
}
