// Searches mails by meaning, and tells spam from other mail after 200 labelled ones, with the sentence encoder
// all-MiniLM-L6-v2. Run it with `npm run example -- minilm [folder of the model]`. It leaves output/minilm-adapter, which
// PEFT reads, too.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { manualSeed, randperm } from 'adjoint';
import { readMails } from '../spam/data.js';
import { plainText } from '../spam/mail.js';
import { embed, readEncoder } from './embed.js';
import { download, findFolder, howToGet } from './folder.js';

/** @typedef {import('./learn.js').Way} Way */
/** @typedef {import('./learn.js').Result} Result */
/** @typedef {Way | 'search'} Part */
/** @typedef {import('../spam/data.js').Mail & { text: string }} Mail */
/** @typedef {{ query: string, hits: { mail: Mail, similarity: number }[] }} Found */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { labelled: 40, held: 60, length: 32, epochs: 2, scratchMails: 80 };

const queries = [
  'a cheap loan or mortgage for your house',
  'how to install a package on Linux',
  'news about the exploration of space',
];

const titles = { scratch: 'from scratch', head: 'head alone', lora: 'LoRA', full: 'everything' };

/** The first mails of the order served to choose the settings: they are in no test. */
const development = 500;

/**
 * As many mails of each kind to learn from, others for each seed, and the same for all seeds to be tested on.
 *
 * @param {{ labelled: number, held: number, seed: number }} options
 */
function drawMails({ labelled, held, seed }) {
  manualSeed(99);
  const mails = readMails();
  manualSeed(seed);
  const others = mails.slice(development + held);
  const drawn = Array.from(
    randperm(others.length).toTypedArray(),
    (i) => /** @type {typeof mails[number]} */ (others[i]),
  );
  const seen = [true, false].flatMap((kind) => drawn.filter(({ spam }) => spam === kind).slice(0, labelled / 2));
  const read = (/** @type {typeof mails} */ some) =>
    some.map((mail) => ({ ...mail, text: plainText(mail.source).slice(0, 4000) }));
  return { seen: read(seen), held: read(mails.slice(development, development + held)) };
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
const rowOf = ({ trained, accuracy, seconds, testSeconds, cpuSeconds, megabytes }) =>
  [
    trained.toLocaleString('en-US').padStart(12),
    `${accuracy.toFixed(2)} %`.padStart(10),
    `${seconds.toFixed(1)} s`.padStart(9),
    `${testSeconds.toFixed(1)} s`.padStart(9),
    `${cpuSeconds.toFixed(1)} s`.padStart(10),
    `${megabytes.toFixed(0)} MB`.padStart(9),
  ].join('');

/**
 * Searches, and learns in the four ways.
 *
 * @param {{ folder: string, labelled?: number, held?: number, length?: number, epochs?: number, scratchMails?: number,
 *   batchSize?: number, rank?: number, loraRate?: number, fullRate?: number, seed?: number, parts?: Part[], output?: string,
 *   stream?: import('adjoint').train.ProgressStream }} options
 *   labelled: mails to learn from; held: mails to search and to be tested on; length: of a text in tokens; scratchMails: how many
 *   the network from scratch reads, each labelled one many times
 */
export async function run({
  folder,
  labelled = 200,
  held = 800,
  parts = ['search', 'scratch', 'head', 'lora', 'full'],
  ...options
}) {
  const {
    length = 128,
    epochs = 4,
    scratchMails = 3000,
    batchSize = 8,
    rank = 8,
    loraRate = 1e-3,
    fullRate = 1e-4,
  } = options;
  const { seed = 1, output = 'output', stream = process.stdout } = options;
  const mails = drawMails({ labelled, held, seed });
  stream.write(`${mails.seen.length} labelled mails, ${mails.held.length} others\n`);

  const found = parts.includes('search') ? search(folder, mails.held, length) : [];
  for (const { query, hits } of found) {
    const lines = hits.map(({ mail, similarity }) => {
      return `  ${similarity.toFixed(3)}  ${mail.spam ? 'spam' : 'mail'}  ${mail.subject.slice(0, 80)}\n`;
    });
    stream.write(`\n“${query}”\n${lines.join('')}`);
  }

  const ways = /** @type {Way[]} */ (Object.keys(titles)).filter((way) => parts.includes(way));
  if (ways.length > 0) stream.write('\ntrained            weights  accuracy learning  testing processor peak RSS\n');
  const settings = { length, epochs, scratchMails, batchSize, rank, loraRate, fullRate, seed };
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
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      download: { type: 'boolean' },
      small: { type: 'boolean' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: 'search,scratch,head,lora,full' },
      labelled: { type: 'string', default: '200' },
    },
  });
  const parts = /** @type {Part[]} */ (values.only.split(','));
  const unknown = parts.find((part) => part !== 'search' && !(part in titles));
  if (unknown !== undefined) throw new Error(`minilm: --only must be of search,scratch,head,lora,full, got ${unknown}`);
  const labelled = Number(values.labelled);
  if (!(labelled >= 20 && labelled <= 2000 && labelled % 2 === 0))
    throw new Error(`minilm: --labelled must be an even number from 20 to 2000, got ${values.labelled}`);
  const cache = join('output', 'minilm');
  if (values.download) download(cache, process.stdout);
  const folder = findFolder(positionals[0], cache);
  if (folder === undefined) throw new Error(howToGet(cache));
  await run({ folder, parts, labelled, seed: Number(values.seed), ...(values.small ? small : {}) });
}
