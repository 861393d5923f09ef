// Texts as vectors, by a BERT model of sentence-transformers' kind, such as all-MiniLM-L6-v2.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { cat, models, nn, noGrad, scope, tensor } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ ids: Tensor, mask: Tensor, order: number[] }} Batch order: which texts the rows are */

/**
 * Reads `config.json`, `model.safetensors`, `tokenizer.json` and `tokenizer_config.json`.
 *
 * @param {string} folder
 * @returns {{ model: models.BertModel, tokenise: (text: string, length: number) => number[] }} tokenise: the numbers of the
 *   text's first tokens, [CLS] and [SEP] included
 */
export function readEncoder(folder) {
  const json = (/** @type {string} */ name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const tokenizer = new Tokenizer(json('tokenizer.json'), json('tokenizer_config.json'));
  const tokenise = (/** @type {string} */ text, /** @type {number} */ length) => {
    const { ids } = tokenizer.encode(text);
    return ids.length <= length ? ids : [...ids.slice(0, length - 1), ...ids.slice(-1)];
  };
  return { model: models.fromPretrained(folder, { architecture: models.BertModel }), tokenise };
}

/**
 * Texts of about the same length in batches, so that there is little padding.
 *
 * @param {readonly (readonly number[])[]} texts token numbers
 * @param {number} batchSize
 * @returns {Batch[]} short texts first
 */
export function batchesOf(texts, batchSize) {
  const lengthOf = (/** @type {number} */ i) => texts[i]?.length ?? 0;
  const sorted = texts.map((_, i) => i).sort((a, b) => lengthOf(a) - lengthOf(b));
  const count = Math.ceil(texts.length / batchSize);
  return Array.from({ length: count }, (_, k) => batchOf(texts, sorted.slice(k * batchSize, (k + 1) * batchSize)));
}

/**
 * @param {readonly (readonly number[])[]} texts
 * @param {number[]} order
 * @returns {Batch}
 */
export function batchOf(texts, order) {
  const length = Math.max(...order.map((i) => texts[i]?.length ?? 0));
  const ids = new Int32Array(order.length * length);
  const mask = new Int32Array(order.length * length);
  order.forEach((i, row) => {
    ids.set(texts[i] ?? [], row * length);
    mask.fill(1, row * length, row * length + (texts[i]?.length ?? 0));
  });
  const shape = [order.length, length];
  return { ids: tensor(ids, { shape }), mask: tensor(mask, { shape }), order };
}

/**
 * The mean of the vectors of a text's tokens.
 *
 * @param {models.BertModel} model
 * @param {Batch} batch
 * @returns {Tensor} [batch, hiddenSize]
 */
export function meanOf(model, { ids, mask }) {
  const isThere = mask.to('float32').unsqueeze(2);
  const hidden = model.forward(ids, { attentionMask: mask });
  return hidden
    .mul(isThere)
    .sum({ dim: 1 })
    .div(isThere.sum({ dim: 1 }));
}

/**
 * What `rowsOf` gives for all texts, in their order.
 *
 * @param {readonly (readonly number[])[]} texts token numbers
 * @param {(batch: Batch) => Tensor} rowsOf [batch, …]
 */
export function inOrder(texts, rowsOf) {
  // What a batch needs in between is kept until its end and then freed, not when the garbage collector comes by: with 16 texts
  // this needs more memory than learning.
  const batches = batchesOf(texts, 4);
  const rows = noGrad(() => cat(batches.map((batch) => scope(() => rowsOf(batch)))));
  const places = new Int32Array(texts.length);
  batches
    .flatMap(({ order }) => order)
    .forEach((i, row) => {
      places[i] = row;
    });
  return rows.indexSelect(0, tensor(places));
}

/**
 * Vectors of length 1, whose products say how much alike texts are.
 *
 * @param {models.BertModel} model
 * @param {readonly (readonly number[])[]} texts token numbers
 */
export function embed(model, texts) {
  return inOrder(texts, (batch) => nn.functional.normalize(meanOf(model, batch)));
}
