// Learns to write like Melville, character by character: a small GPT on the chapters of Moby Dick.
// Run it with `npm run example -- moby-dick-gpt`. It leaves output/moby-dick-gpt.safetensors and output/moby-dick-gpt.svg
// (the losses), and prints what the network writes.
import { compile, Generator, manualSeed, nn, noGrad, optim, randint, tensor, train } from 'adjoint';
import { main } from '../shared/main.js';
import { describe, mobyDick, save } from '../shared/moby-dick.js';
import { CharacterGPT } from './model.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = {
  characters: 20_000,
  context: 32,
  width: 32,
  layers: 2,
  heads: 2,
  steps: 150,
  parts: 2,
  lr: 1e-2,
};

/**
 * Trains, and returns the losses, the nats a character on held-out chapters and a sample.
 *
 * @param {{ characters?: number, context?: number, width?: number, layers?: number, heads?: number, dropout?: number,
 *   batchSize?: number, steps?: number, parts?: number, lr?: number, seed?: number, output?: string,
 *   stream?: import('adjoint').train.ProgressStream }} [options]
 *   characters: how many of the training text and of the held-out text to use; parts: how often to test and write
 */
export async function run(options = {}) {
  const { characters, context = 128, batchSize = 16, steps = 2500, parts = 10, lr = 2e-3 } = options;
  const {
    width = 128,
    layers = 4,
    heads = 4,
    dropout = 0,
    seed = 1,
    output = 'output',
    stream = process.stdout,
  } = options;
  manualSeed(seed);
  const book = mobyDick({ characters });
  const { alphabet, seen, held } = book;
  const model = new CharacterGPT(alphabet.size, { context, width, layers, heads, dropout });
  stream.write(describe(book, model));

  const optimizer = new optim.AdamW(model.parameters(), { lr, betas: [0.9, 0.99], weightDecay: 0.1 });
  const perPart = Math.ceil(steps / parts);
  const schedule = new optim.lrScheduler.OneCycleLR(optimizer, lr, { totalSteps: perPart * parts, pctStart: 0.1 });
  const lossOf = (/** @type {Tensor} */ x, /** @type {Tensor} */ y) =>
    nn.functional.crossEntropy(model.forward(x).reshape([-1, alphabet.size]), y.reshape([-1]));
  const step = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const loss = lossOf(x, y);
    optimizer.zeroGrad();
    loss.backward();
    nn.utils.clipGradNorm_(model.parameters(), 1);
    optimizer.step();
    schedule.step();
    return loss;
  });
  const test = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => noGrad(() => lossOf(x, y)));

  const progress = new train.Progress({ steps: perPart, epochs: parts, stream });
  const generator = new Generator(1);
  /** @type {number[]} */
  const losses = [];
  /** @type {import('../shared/moby-dick.js').Tests} */
  const tests = { label: 'held-out chapters', xs: [], ys: [] };
  let sample = '';
  function* somewhere() {
    for (let i = 0; i < perPart; i++) {
      yield windows(seen, randint(0, seen.length - context, [batchSize], { generator }).toTypedArray(), context);
    }
  }
  for (let part = 0; part < parts; part++) {
    model.train();
    await step.run(somewhere(), {
      onStep: (loss) => {
        losses.push(loss.item());
        progress.step(batchSize, losses.at(-1));
      },
    });
    model.eval();
    tests.xs.push(losses.length);
    tests.ys.push(meanLoss(test, held, { context, batchSize }));
    sample = alphabet.decode(model.generate(alphabet.encode('Call me '), 160));
    progress.endEpoch(`held-out chapters: ${tests.ys.at(-1)?.toFixed(4)} nats a character`);
    progress.log(`  ${sample.replaceAll('\n', ' ')}\n`);
  }

  sample = alphabet.decode(model.generate(alphabet.encode('The whale '), Math.min(800, 8 * context), { seed: 2 }));
  stream.write(`${sample}\n\n${await save('moby-dick-gpt', model, { losses, tests, output })}`);
  return { losses, nats: tests.ys.at(-1) ?? Number.NaN, sample };
}

/**
 * Stretches of a text, and the same one character later: what follows each of their characters.
 *
 * @param {Int32Array} text
 * @param {ArrayLike<number>} starts
 * @param {number} length
 * @returns {[Tensor, Tensor]} int32 [starts, length] both
 */
export function windows(text, starts, length) {
  const cut = (/** @type {number} */ shift) => {
    const all = new Int32Array(starts.length * length);
    Array.from(starts).forEach((start, i) => {
      all.set(text.subarray(start + shift, start + shift + length), i * length);
    });
    return tensor(all, { shape: [starts.length, length] });
  };
  return [cut(0), cut(1)];
}

/**
 * The mean loss over a text, in stretches that lie one after the other (the few characters of a last batch that is not
 * full are left out).
 *
 * @param {{ sync(x: Tensor, y: Tensor): Tensor }} test
 * @param {Int32Array} text
 * @param {{ context: number, batchSize: number }} options
 */
export function meanLoss(test, text, { context, batchSize }) {
  const batches = Math.floor((text.length - 1) / (batchSize * context));
  let sum = 0;
  for (let batch = 0; batch < batches; batch++) {
    const starts = Array.from({ length: batchSize }, (_, i) => (batch * batchSize + i) * context);
    sum += test.sync(...windows(text, starts, context)).item();
  }
  return sum / batches;
}

await main(import.meta.url, run, small);
