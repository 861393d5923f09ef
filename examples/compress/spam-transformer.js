// Makes the transformer that tells spam from other mail smaller in every way that there is.
// Run it with `npm run example -- compress/spam-transformer`. It leaves output/compress-spam.svg and the weights of each model.
import { manualSeed, nn, stack, tensor, zerosLike } from 'adjoint';
import { main } from '../shared/main.js';
import { batchesOf, readMails, vocabularyOf } from '../spam/data.js';
import { SpamTransformer } from '../spam-transformer/model.js';
import { makeSmaller } from './smaller.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = {
  mails: 700,
  words: 48,
  epochs: 4,
  width: 24,
  dropout: 0.1,
  layers: 1,
  lr: 1e-2,
  pruned: 0.8,
  kept: 10,
  studentWidth: 8,
};

/**
 * Trains a teacher, makes it smaller, and returns the accuracy of each model on held-out mails, in percent, beside the share of the larger class.
 *
 * @param {{ mails?: number, words?: number, epochs?: number, width?: number, layers?: number, lr?: number, batchSize?: number, dropout?: number, pruned?: number,
 *   kept?: number, studentWidth?: number, seed?: number, output?: string, eager?: boolean, stream?: import('adjoint').train.ProgressStream }} [options]
 *   mails: how many to use, two fifths of them held out; words: of each mail that are read; epochs: of the teacher; pruned: the share of weights; kept: in how many mails a word
 *   must occur for the student to know it
 */
export async function run(options = {}) {
  const { mails = 3000, words = 64, epochs = 6, batchSize = 16, lr = 2e-3, pruned = 0.9 } = options;
  const { width = 64, layers = 2, dropout = 0.3, kept = 10, studentWidth = 20, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const all = readMails(mails, words);
  const held = all.slice(0, Math.round(0.4 * all.length));
  const seen = all.slice(held.length);
  const vocabulary = vocabularyOf(seen);
  const known = vocabularyOf(seen, kept);
  const test = batchesOf(held, vocabulary, { batchSize, shuffle: false });
  const shuffled = () =>
    batchesOf(seen, vocabulary, { batchSize, shuffle: true }).map(({ ids, lengths, labels }) => [ids, lengths, labels]);
  const whole = seen.filter((mail) => mail.words.length === words);
  const some = (/** @type {number} */ count) => {
    const [batch] = batchesOf(whole.slice(0, count), vocabulary, { batchSize: count, shuffle: false });
    return batch === undefined ? [] : [batch.ids, batch.lengths];
  };
  const numbers = new Int32Array(vocabulary.size + 2).fill(1); // the unknown word
  numbers[0] = 0;
  for (const [word, id] of vocabulary) numbers[id] = known.get(word) ?? 1;
  const share = held.filter(({ spam }) => spam).length / held.length;
  const reached = await makeSmaller(
    {
      ...{ name: 'compress-spam', title: 'The transformer', lr, batchSize },
      teacher: new SpamTransformer(vocabulary.size + 2, { width, layers, dropout }),
      student: () => new FewerWords(numbers, known.size + 2, studentWidth),
      epoch: shuffled,
      loss: nn.functional.binaryCrossEntropyWithLogits,
      logits: (scores) => stack([zerosLike(scores), scores], 1), // the softmax of 0 and a score is its sigmoid
      accuracy: (predict) => percentSorted(test, predict),
      typical: some(100),
      some,
      weights: 'weight', // of embeddings, too, which are most of it
      outputs: 'linear1',
      epochs: { teacher: epochs, pruned: 2 * epochs, channels: Math.ceil(epochs / 4), student: 2 * epochs },
    },
    { pruned, output, stream, ...(eager !== undefined && { eager }) },
  );
  return { ...reached, majority: 100 * Math.max(share, 1 - share) };
}

/** A transformer of one layer that knows only words which are not rare. */
class FewerWords extends SpamTransformer {
  /** @param {Int32Array} numbers of each word that the teacher knows @param {number} words @param {number} width */
  constructor(numbers, words, width) {
    super(words, { width, layers: 1, dropout: 0.1 });
    this.numbers = new nn.Buffer(tensor(numbers), { persistent: false });
  }

  /** @param {Tensor} ids @param {Tensor} lengths @override */
  forward(ids, lengths) {
    return super.forward(this.numbers.indexSelect(0, ids.reshape([-1])).reshape(ids.shape), lengths);
  }
}

/**
 * @param {readonly import('../spam/data.js').Batch[]} batches
 * @param {(...inputs: Tensor[]) => Tensor} predict
 */
function percentSorted(batches, predict) {
  let [right, count] = [0, 0];
  for (const { ids, lengths, mails } of batches) {
    const scores = predict(ids, lengths).toTypedArray();
    for (const [i, { spam }] of mails.entries()) right += Number((scores[i] ?? 0) > 0 === spam);
    count += mails.length;
  }
  return (100 * right) / count;
}

await main(import.meta.url, run, small);
