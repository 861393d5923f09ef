// Learns to write like Melville, as examples/moby-dick-gpt does, with as many processes as there are: each reads other stretches of
// the text. The line with `distributed` is all that a program of one process does not have. Run it with
// `npx adjoint run --nproc 2 examples/distributed/gpt.js`. It leaves output/distributed-gpt.safetensors, and goes on from its
// checkpoints with `--max-restarts 3` when a process is lost.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { data, io, manualSeed, nn, optim, tensor, train } from 'adjoint';
import { CharacterGPT } from '../moby-dick-gpt/model.js';
import { mobyDick } from '../shared/moby-dick.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = {
  characters: 20_000,
  context: 32,
  width: 32,
  layers: 2,
  heads: 2,
  steps: 80,
  saveEvery: 20,
  lr: 1e-2,
};

/**
 * Trains, and returns the nats a character on held-out chapters, and how many steps were made.
 *
 * @param {{ characters?: number, context?: number, width?: number, layers?: number, heads?: number, batchSize?: number,
 *   steps?: number, saveEvery?: number, lr?: number, output?: string, checkpoints?: string, stream?: import('adjoint').train.ProgressStream }} [options]
 *   batchSize: of each process; checkpoints: a folder, from which a run that was stopped goes on; remove it to begin anew
 */
export async function run(options = {}) {
  const { characters, context = 128, width = 128, layers = 4, heads = 4, batchSize = 8 } = options;
  const { steps = 2500, saveEvery = 250, lr = 2e-3, output = 'output', stream = process.stdout } = options;
  const { checkpoints = `${output}/distributed-gpt` } = options;
  manualSeed(1);
  const { alphabet, seen, held } = mobyDick({ characters });
  const model = new CharacterGPT(alphabet.size, { context, width, layers, heads });
  const optimizer = new optim.AdamW(model.parameters(), { lr, betas: [0.9, 0.99], weightDecay: 0.1 });

  const loss = (/** @type {Tensor} */ output, /** @type {Tensor} */ target) =>
    nn.functional.crossEntropy(output.reshape([-1, alphabet.size]), target.reshape([-1]));

  const { steps: made } = await train.fit(model, {
    data: new data.DataLoader(stretches(seen, context, 1), { batchSize, shuffle: true, dropLast: true }),
    loss,
    optimizer,
    schedule: new optim.lrScheduler.OneCycleLR(optimizer, lr, { totalSteps: steps, pctStart: 0.1 }),
    clipGradNorm: 1,
    maxSteps: steps,
    callbacks: [new train.ShowProgress({ stream }), new train.Checkpoint(checkpoints, { every: saveEvery })],
    resume: true,
    distributed: true,
  });
  const test = new data.DataLoader(stretches(held, context, context), { batchSize: 16 });
  const { loss: nats } = await train.evaluate(model, { data: test, loss });
  stream.write(`held-out chapters: ${nats?.toFixed(4)} nats a character\n`);
  mkdirSync(output, { recursive: true });
  io.save(`${output}/distributed-gpt.safetensors`, model.stateDict());
  return { nats, steps: made };
}

/**
 * The stretches of a text that begin every so many characters, each with the same one character later: what follows.
 *
 * @param {Int32Array} text
 * @param {number} length
 * @param {number} every
 * @returns {import('adjoint').data.Dataset<[Tensor, Tensor]>}
 */
function stretches(text, length, every) {
  const cut = (/** @type {number} */ start) => tensor(text.subarray(start, start + length));
  return {
    length: Math.floor((text.length - 1 - length) / every) + 1,
    get: (i) => [cut(i * every), cut(i * every + 1)],
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await run(process.argv.includes('--small') ? small : {});
