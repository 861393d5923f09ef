// Learns to write like Melville, character by character: an LSTM that reads the chapters of Moby Dick from the first to the
// last, and remembers.
// Run it with `npm run example -- moby-dick-lstm`. It leaves output/moby-dick-lstm.safetensors and
// output/moby-dick-lstm.svg (the losses), and prints what the network writes.
import { compile, manualSeed, nn, noGrad, optim, tensor, train } from 'adjoint';
import { main } from '../shared/main.js';
import { describe, mobyDick, save } from '../shared/moby-dick.js';
import { CharacterLSTM } from './model.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = {
  characters: 20_000,
  length: 32,
  width: 32,
  hidden: 64,
  layers: 1,
  batchSize: 8,
  epochs: 3,
  lr: 1e-2,
};

/**
 * Trains, and returns the losses, the nats a character on held-out chapters and a sample.
 *
 * @param {{ characters?: number, length?: number, width?: number, hidden?: number, layers?: number, dropout?: number,
 *   batchSize?: number, epochs?: number, lr?: number, seed?: number, output?: string,
 *   stream?: import('adjoint').train.ProgressStream }} [options]
 *   characters: how many of the training text and of the held-out text to use; length: characters in a step, through which
 *   gradients flow
 */
export async function run(options = {}) {
  const { characters, length = 96, width = 64, hidden = 256, layers = 1, dropout = 0.1 } = options;
  const { batchSize = 32, epochs = 6, lr = 5e-3, seed = 1, output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  const book = mobyDick({ characters });
  const { alphabet, seen, held } = book;
  const model = new CharacterLSTM(alphabet.size, { width, hidden, layers, dropout });
  stream.write(describe(book, model));

  const steps = Math.floor((seen.length - 1) / batchSize / length);
  const { step, test, restart } = programs(model, alphabet.size, batchSize, { maxLr: lr, totalSteps: epochs * steps });
  const progress = new train.Progress({ steps, epochs, stream });
  /** @type {number[]} */
  const losses = [];
  /** @type {import('../shared/moby-dick.js').Tests} */
  const tests = { label: 'held-out chapters', xs: [], ys: [] };
  let sample = '';
  for (let epoch = 0; epoch < epochs; epoch++) {
    model.train();
    restart();
    await step.run(stretches(seen, batchSize, length), {
      onStep: (loss) => {
        losses.push(loss.item());
        progress.step(batchSize, losses.at(-1));
      },
    });
    model.eval();
    restart();
    const each = Array.from(stretches(held, batchSize, length), ([x, y]) => test.sync(x, y).item());
    tests.xs.push(losses.length);
    tests.ys.push(each.reduce((sum, loss) => sum + loss, 0) / each.length);
    sample = alphabet.decode(model.generate(alphabet.encode('Call me '), 160));
    progress.endEpoch(`held-out chapters: ${tests.ys.at(-1)?.toFixed(4)} nats a character`);
    progress.log(`  ${sample.replaceAll('\n', ' ')}\n`);
  }

  sample = alphabet.decode(model.generate(alphabet.encode('The whale '), 800, { seed: 2 }));
  stream.write(`${sample}\n\n${await save('moby-dick-lstm', model, { losses, tests, output })}`);
  return { losses, nats: tests.ys.at(-1) ?? Number.NaN, sample };
}

/**
 * A step of training and one of testing. Each begins with the state that the one before has left in `state`: a compiled step
 * keeps what it must remember in tensors.
 *
 * @param {CharacterLSTM} model
 * @param {number} characters
 * @param {number} batchSize
 * @param {{ maxLr: number, totalSteps: number }} cycle
 */
function programs(model, characters, batchSize, cycle) {
  const optimizer = new optim.AdamW(model.parameters(), { weightDecay: 0.01 });
  const schedule = new optim.lrScheduler.OneCycleLR(optimizer, { ...cycle, pctStart: 0.1 });
  const state = model.start(batchSize);
  const lossAfter = (/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const [scores, after] = model.forward(x, state);
    return { loss: nn.functional.crossEntropy(scores.reshape([-1, characters]), y.reshape([-1])), after };
  };
  const remember = (/** @type {Tensor[]} */ after) =>
    noGrad(() => {
      for (const [i, tensor] of state.entries()) tensor.copy_(/** @type {Tensor} */ (after[i]));
    });
  const step = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const { loss, after } = lossAfter(x, y);
    optimizer.zeroGrad();
    loss.backward(); // through this step's characters; the state before them is taken as it is
    nn.utils.clipGradNorm_(model.parameters(), 1);
    optimizer.step();
    schedule.step();
    remember(after);
    return loss;
  });
  const test = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) =>
    noGrad(() => {
      const { loss, after } = lossAfter(x, y);
      remember(after);
      return loss;
    }),
  );
  const restart = () => {
    for (const tensor of state) tensor.fill_(0);
  };
  return { step, test, restart };
}

/**
 * A text in `batchSize` parts side by side, each read from its beginning to its end: batches of `length` characters of each
 * part, and the same one character later. What is left over at the end is left out.
 *
 * @param {Int32Array} text
 * @param {number} batchSize
 * @param {number} length
 * @returns {Generator<[Tensor, Tensor]>} int32 [batchSize, length] both
 */
function* stretches(text, batchSize, length) {
  const part = Math.floor((text.length - 1) / batchSize);
  for (let from = 0; from + length <= part; from += length) {
    const cut = (/** @type {number} */ shift) => {
      const all = new Int32Array(batchSize * length);
      for (let row = 0; row < batchSize; row++) {
        const start = row * part + from + shift;
        all.set(text.subarray(start, start + length), row * length);
      }
      return tensor(all, { shape: [batchSize, length] });
    };
    yield [cut(0), cut(1)];
  }
}

await main(import.meta.url, run, small);
