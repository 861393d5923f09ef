// Learns to turn dates as people write them ("the 3rd of May 1987", "5/3/87") into ISO 8601 ("1987-05-03"): an encoder and
// a decoder with attention.
// Run it with `npm run example -- dates`. It leaves output/dates.safetensors and output/dates.svg: where the network looks
// while it writes.
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, compile, data, io, manualSeed, nn, optim, rand, tensor, train } from 'adjoint';
import { main } from '../shared/main.js';
import { encodeInputs, encodeOutputs, inputLength, inputs, makeDates, outputLength, outputs } from './data.js';
import { DateTranslator } from './model.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('./data.js').Example} Example */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { seen: 3072, held: 256, epochs: 4, width: 16, hidden: 32, lr: 1e-2 };

/**
 * Trains, and returns the losses and the share of held-out dates that are right in every character, in percent.
 *
 * @param {{ seen?: number, held?: number, epochs?: number, width?: number, hidden?: number, batchSize?: number, lr?: number,
 *   seed?: number, output?: string, stream?: import('adjoint').train.ProgressStream }} [options]
 *   seen and held: how many dates are made to learn and to test
 */
export async function run(options = {}) {
  const { seen = 30_000, held = 2048, epochs = 6, width = 32, hidden = 64, batchSize = 64, lr = 5e-3 } = options;
  const { seed = 1, output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const random = randomNumbers();
  const dates = makeDates({ seen, held }, random);
  const model = new DateTranslator(inputs.length, { width, hidden });
  stream.write(`${seen.toLocaleString('en-US')} dates to learn, for example\n`);
  for (const { written, iso } of dates.seen.slice(0, 5)) stream.write(`  ${written.padEnd(inputLength)}  ${iso}\n`);
  stream.write(`\n${model.summary(...tensorsOf(dates.seen.slice(0, batchSize)))}\n\n`);

  const dataset = new data.TensorDataset(...tensorsOf(dates.seen));
  const loader = new data.DataLoader(dataset, { batchSize, shuffle: true, dropLast: true });
  const optimizer = new optim.Adam(model.parameters(), { lr });
  const schedule = new optim.lrScheduler.OneCycleLR(optimizer, lr, {
    totalSteps: epochs * loader.length,
    pctStart: 0.1,
  });
  const step = compile((/** @type {Tensor} */ ids, /** @type {Tensor} */ target) => {
    const scores = model.forward(ids, target);
    const loss = nn.functional.crossEntropy(scores.reshape([-1, outputs.length]), target.reshape([-1]));
    optimizer.zeroGrad();
    loss.backward();
    nn.utils.clipGradNorm_(model.parameters(), 1);
    optimizer.step();
    schedule.step();
    return loss;
  });
  const translate = compile((/** @type {Tensor} */ ids) => model.translate(ids));
  const progress = new train.Progress({ steps: loader.length, epochs, stream });
  /** @type {number[]} */
  const losses = [];
  let exact = 0;
  let answers = /** @type {string[]} */ ([]);
  for (let epoch = 0; epoch < epochs; epoch++) {
    await step.run(loader, {
      onStep: (loss) => {
        losses.push(loss.item());
        progress.step(batchSize, losses.at(-1));
      },
    });
    answers = textsOf(translate.sync(tensorsOf(dates.held)[0]).written);
    exact = (100 * dates.held.filter(({ iso }, i) => iso === answers[i]).length) / held;
    progress.endEpoch(`held-out dates: ${exact.toFixed(2)} % exact`);
  }

  mkdirSync(output, { recursive: true });
  io.save(`${output}/dates.safetensors`, model.stateDict());
  const shown = pick(dates.held);
  const looked = translate.sync(tensorsOf(shown)[0]).weights.toTypedArray();
  writeFileSync(`${output}/dates.svg`, await attentionMaps(shown, looked));
  stream.write(`\nDates of days that never occurred in training:\n${table(dates.held, answers)}`);
  stream.write(`\n${held} held-out dates: ${exact.toFixed(2)} % exact\n`);
  stream.write(`saved ${output}/dates.safetensors and ${output}/dates.svg\n`);
  return { losses, exact };
}

/**
 * Some examples and all the mistakes, up to eight of both.
 *
 * @param {readonly Example[]} examples
 * @param {readonly string[]} answers
 */
function table(examples, answers) {
  const rows = examples.map(({ written, iso }, i) => ({ written, iso, answer: answers[i] ?? '' }));
  const wrong = rows.filter(({ iso, answer }) => iso !== answer);
  const shown = [...rows.slice(0, 8), ...wrong.slice(0, 8)].map(({ written, iso, answer }) => {
    return `  ${written.padEnd(inputLength)}  ${answer}  ${answer === iso ? 'right' : `wrong, ${iso}`}\n`;
  });
  return shown.join('');
}

/** Seeded numbers in [0, 1), one at a time. */
function randomNumbers() {
  let [numbers, next] = [rand([4096]).toTypedArray(), 0];
  return () => {
    if (next === numbers.length) [numbers, next] = [rand([4096]).toTypedArray(), 0];
    return numbers[next++] ?? 0;
  };
}

/**
 * @param {readonly Example[]} examples
 * @returns {[Tensor, Tensor]} int32 [examples, inputLength] and [examples, outputLength]
 */
function tensorsOf(examples) {
  const ids = encodeInputs(examples.map(({ written }) => written));
  const target = encodeOutputs(examples.map(({ iso }) => iso));
  const rows = examples.length;
  return [tensor(ids, { shape: [rows, inputLength] }), tensor(target, { shape: [rows, outputLength] })];
}

/** @param {Tensor} ids int32 [rows, outputLength] */
function textsOf(ids) {
  const all = Array.from(ids.toTypedArray(), (id) => outputs[id]).join('');
  return Array.from({ length: ids.shape[0] ?? 0 }, (_, i) => all.slice(i * outputLength, (i + 1) * outputLength));
}

/**
 * One example of each of six lengths, from short to long.
 *
 * @param {readonly Example[]} examples
 */
function pick(examples) {
  const sorted = examples.slice(0, 60).sort((a, b) => a.written.length - b.written.length);
  return [2, 12, 24, 36, 48, 58].map((i) => /** @type {Example} */ (sorted[i]));
}

/**
 * For each date a map: a row for each character that is written, a column for each that was read.
 *
 * @param {readonly Example[]} examples
 * @param {ArrayLike<number>} weights [examples, outputLength, inputLength]
 */
async function attentionMaps(examples, weights) {
  const maps = examples.map(({ written, iso }, e) => {
    const values = [...iso].map((_, row) => {
      const start = (e * outputLength + row) * inputLength;
      return Array.from({ length: written.length }, (_, column) => Math.sqrt(weights[start + column] ?? 0));
    });
    return charts.heatmap({
      ...{
        title: `${written} → ${iso}`,
        width: Math.max(300, 60 + 22 * written.length),
        height: 300,
        texts: false,
        max: 1,
      },
      ...{ rows: [...iso], columns: [...written], values },
    });
  });
  return charts.sideBySide(await Promise.all(maps), {
    columns: 2,
    title: 'Where it looks (columns) while it writes (rows)',
  });
}

await main(import.meta.url, run, small);
