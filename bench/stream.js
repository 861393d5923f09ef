// How long `train.fit` waits for a CSV file that it streams from disk: columns of numbers and a category through `data.csvStream` and
// `data.Features` into a small network, against the same batches at hand. Epochs of both alternate.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { data, nn, optim } from 'adjoint';
import { paused } from './paused.js';
import { normalNumbers } from './peers/peer.js';

/** @typedef {import('adjoint').Tensor} Tensor */

const columns = 19; // of numbers, beside a category and the target
const [rows, batchSize, width] = [25_600, 256, 256];

/** @param {string} path */
function write(path) {
  const { normal } = normalNumbers();
  const names = Array.from({ length: columns }, (_, j) => `x${j}`);
  const lines = Array.from({ length: rows }, () => {
    const values = Array.from({ length: columns }, () => normal().toFixed(4));
    const kind = ['north', 'south', 'east'][Math.floor(3 * Math.abs(normal())) % 3];
    return [...values, kind, Number(values[0]) + Number(values[1]) > 0 ? 'yes' : 'no'].join(',');
  });
  writeFileSync(path, `${[...names, 'kind', 'target'].join(',')}\n${lines.join('\n')}\n`);
}

/** Batches of a stream of tables. @param {string} path @param {data.Features} features @param {data.Features} target */
function streamed(path, features, target) {
  const stream = data.csvStream(path, { batchSize, shuffleBuffer: 16 * batchSize, seed: 1 });
  const batch = (/** @type {data.Table} */ table) => [
    features.transform(table).numbers,
    target.transform(table).numbers,
  ];
  return new data.DataLoader(stream.map(batch), { batchSize: null });
}

/** @param {any} given @param {number} inputs */
function training(given, inputs) {
  const linear = [new nn.Linear(inputs, width), new nn.Linear(width, width), new nn.Linear(width, 1)];
  const model = nn.sequential(linear[0], new nn.ReLU(), linear[1], new nn.ReLU(), linear[2]);
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3 });
  return paused(model, { data: given, loss: nn.functional.binaryCrossEntropyWithLogits, optimizer });
}

/**
 * @template Time
 * @param {(run: () => Promise<unknown>) => Promise<Time>} timeOf @param {number} rounds
 */
export async function compareStream(timeOf, rounds) {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-stream-'));
  try {
    const path = join(folder, 'table.csv');
    write(path);
    const table = await data.csv(path);
    const features = new data.Features({ category: 'oneHot' }).fit(table.drop('target'));
    const target = new data.Features({ columns: { target: 'keep' } }).fit(table.pick('target'));
    const loader = streamed(path, features, target);
    const batches = [];
    for await (const batch of loader) batches.push(batch);
    const inputs = batches[0][0].shape[1];
    const trainings = [training(batches, inputs), training(streamed(path, features, target), inputs)];
    const times = { atHand: /** @type {Time[]} */ ([]), stream: /** @type {Time[]} */ ([]) };
    for (const training of trainings) await training.go();
    for (let round = 0; round < rounds; round++) {
      times.atHand.push(await timeOf(() => trainings[0].go()));
      times.stream.push(await timeOf(() => trainings[1].go()));
    }
    for (const training of trainings) await training.close();
    return { steps: batches.length, ...times };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
