// Searches mails by meaning, and tells spam from other mail after 200 labelled ones, with the sentence encoder
// all-MiniLM-L6-v2. Run it with `npm run example -- minilm [folder of the model]`. It leaves output/minilm-adapter, which
// PEFT reads, too.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manualSeed } from 'adjoint';
import { readMails } from '../spam/data.js';
import { embed, readEncoder } from './embed.js';
import { download, findFolder, howToGet } from './folder.js';

/** @typedef {import('./learn.js').Way} Way */
/** @typedef {import('./learn.js').Result} Result */
/** @typedef {{ text: string, spam: boolean, subject: string }} Mail */
/** @typedef {{ query: string, hits: { mail: Mail, similarity: number }[] }} Found */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { labelled: 40, held: 60, length: 32, epochs: 2 };

const queries = [
  'a cheap loan or mortgage for your house',
  'how to install a package on Linux',
  'news about the exploration of space',
];

const titles = { head: 'head alone', lora: 'LoRA', full: 'everything' };

/**
 * As many mails of each kind to learn from, and others, as they come, to be tested on.
 *
 * @param {number} labelled
 * @param {number} held
 */
function drawMails(labelled, held) {
  /** @type {Mail[]} */
  const mails = readMails().map(({ words, spam, subject }) => {
    const text = words.filter((word) => !/^(from|subject):/.test(word)).slice(0, 300);
    return { spam, subject, text: `${subject}\n${text.join(' ')}` };
  });
  const seen = [true, false].flatMap((kind) => mails.filter(({ spam }) => spam === kind).slice(0, labelled / 2));
  const chosen = new Set(seen);
  return { seen, held: mails.filter((mail) => !chosen.has(mail)).slice(0, held) };
}

/**
 * The mails whose vectors are most like those of the queries.
 *
 * @param {string} folder
 * @param {Mail[]} mails
 * @param {number} length in tokens
 * @returns {Found[]}
 */
function search(folder, mails, length) {
  const { model, tokenise } = readEncoder(folder);
  const vectorsOf = (/** @type {string[]} */ texts) =>
    embed(
      model,
      texts.map((text) => tokenise(text, length)),
    );
  const scores = vectorsOf(queries).matmul(vectorsOf(mails.map(({ text }) => text)), { transposeB: true });
  return /** @type {number[][]} */ (scores.toArray()).map((row, i) => {
    const hits = mails.map((mail, k) => ({ mail, similarity: row[k] ?? 0 }));
    return { query: queries[i] ?? '', hits: hits.sort((a, b) => b.similarity - a.similarity).slice(0, 4) };
  });
}

/**
 * Runs learn.js in a process of its own.
 *
 * @param {import('./learn.js').Task} task
 * @returns {Promise<Result>}
 */
function learnApart(task) {
  const child = fork(fileURLToPath(new URL('learn.js', import.meta.url)), { execArgv: [] });
  return new Promise((resolve, reject) => {
    child.once('message', (result) => resolve(/** @type {Result} */ (result)));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`learning by ${task.way} ended with ${code ?? signal}`)));
    child.send(task);
  });
}

/** @param {Result} result */
const rowOf = ({ trained, accuracy, seconds, testSeconds, megabytes }) =>
  [
    trained.toLocaleString('en-US').padStart(12),
    `${accuracy.toFixed(2)} %`.padStart(10),
    `${seconds.toFixed(1)} s`.padStart(9),
    `${testSeconds.toFixed(1)} s`.padStart(9),
    `${megabytes.toFixed(0)} MB`.padStart(9),
  ].join('');

/**
 * Searches, and learns in the three ways.
 *
 * @param {{ folder: string, labelled?: number, held?: number, length?: number, epochs?: number, batchSize?: number,
 *   rank?: number, loraRate?: number, fullRate?: number, seed?: number, ways?: Way[], output?: string,
 *   stream?: import('adjoint').train.ProgressStream }} options
 *   labelled: mails to learn from; held: mails to search and to be tested on; length: of a text in tokens
 */
export async function run({ folder, labelled = 200, held = 1000, ways = ['head', 'lora', 'full'], ...options }) {
  const { length = 128, epochs = 3, batchSize = 8, rank = 8, loraRate = 1e-3, fullRate = 1e-4 } = options;
  const { seed = 1, output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const mails = drawMails(labelled, held);
  stream.write(`${mails.seen.length} labelled mails, ${mails.held.length} others\n`);

  const found = search(folder, mails.held, length);
  for (const { query, hits } of found) {
    const lines = hits.map(({ mail, similarity }) => {
      return `  ${similarity.toFixed(3)}  ${mail.spam ? 'spam' : 'mail'}  ${mail.subject.slice(0, 80)}\n`;
    });
    stream.write(`\n“${query}”\n${lines.join('')}`);
  }

  stream.write('\ntrained            weights  accuracy learning  testing peak RSS\n');
  const settings = { length, epochs, batchSize, rank, loraRate, fullRate, seed };
  /** @type {Partial<Record<Way, Result>>} */
  const results = {};
  for (const way of ways) {
    const adapter = join(output, 'minilm-adapter');
    const result = await learnApart({ way, folder, ...mails, adapter, ...settings });
    results[way] = result;
    stream.write(`${titles[way].padEnd(14)}${rowOf(result)}\n`);
  }
  if (ways.includes('lora')) stream.write(`\nsaved ${output}/minilm-adapter\n`);
  return { found, results };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const cache = join('output', 'minilm');
  const [given] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  if (process.argv.includes('--download')) download(cache, process.stdout);
  const folder = findFolder(given, cache);
  if (folder === undefined) {
    process.stderr.write(howToGet(cache));
    process.exitCode = 1;
  } else await run({ folder, ...(process.argv.includes('--small') ? small : {}) });
}
