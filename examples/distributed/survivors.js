// The character GPT of gpt.js in a loop of its own, with a compiled step, that goes on when a process is lost: the others keep what they
// have learned. Lines that a program of one process does not have are marked with a +, and the loop around the training with a ++. Run
// it with `npx adjoint run --nproc 2 --max-restarts 3 --keep-survivors examples/distributed/survivors.js`, and kill a process. It leaves
// output/distributed-gpt.safetensors.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compile, DistributedError, distributed, Generator, io, manualSeed, nn, noGrad, optim, randint } from 'adjoint';
import { CharacterGPT } from '../moby-dick-gpt/model.js';
import { meanLoss, windows } from '../moby-dick-gpt/train.js';
import { mobyDick } from '../shared/moby-dick.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { characters: 20_000, context: 32, width: 32, layers: 2, heads: 2, steps: 80, lr: 1e-2 };

/**
 * Trains, and returns the nats a character on held-out chapters.
 *
 * @param {{ characters?: number, context?: number, width?: number, layers?: number, heads?: number, batchSize?: number,
 *   steps?: number, lr?: number, output?: string, stream?: { write(text: string): unknown } }} [options]
 *   batchSize: of each process
 */
export async function run(options = {}) {
  const {
    characters,
    context = 128,
    width = 128,
    layers = 4,
    heads = 4,
    batchSize = 8,
    steps = 2500,
    lr = 2e-3,
  } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(1);
  const { alphabet, seen, held } = mobyDick({ characters });
  const model = new CharacterGPT(alphabet.size, { context, width, layers, heads });
  const optimizer = new optim.AdamW(model.parameters(), { lr, betas: [0.9, 0.99], weightDecay: 0.1 });
  const schedule = new optim.lrScheduler.OneCycleLR(optimizer, lr, { totalSteps: steps, pctStart: 0.1 });
  const lossOf = (
    /** @type {nn.Module & { forward(x: Tensor): Tensor }} */ net,
    /** @type {Tensor} */ x,
    /** @type {Tensor} */ y,
  ) => nn.functional.crossEntropy(net.forward(x).reshape([-1, alphabet.size]), y.reshape([-1]));

  let step = 0;
  async function train() {
    await distributed.init(); // +
    step = await distributed.broadcastState({ model, optimizer, schedule }, step); // ++
    const [rank, processes] = [distributed.getRank(), distributed.getWorldSize()]; // +
    const parallel = new nn.DistributedDataParallel(model); // +
    const once = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
      const loss = lossOf(parallel, x, y); // + for model
      optimizer.zeroGrad();
      loss.backward();
      nn.utils.clipGradNorm_(model.parameters(), 1);
      optimizer.step();
      schedule.step();
      return loss;
    });
    while (step < steps) {
      const generator = new Generator(step * processes + rank); // + the rank
      const starts = randint(0, seen.length - context, [batchSize], { generator }).toTypedArray();
      const loss = await once(...windows(seen, starts, context));
      step++;
      if (rank === 0 && step % 50 === 0) stream.write(`step ${step} of ${steps}: ${loss.item().toFixed(3)}\n`); // + the rank
    }
    await distributed.barrier(); // ++ all have made the last step
    return rank;
  }

  for (;;) {
    try {
      const rank = await train();
      model.eval();
      const test = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => noGrad(() => lossOf(model, x, y)));
      const nats = meanLoss(test, held, { context, batchSize: 16 });
      if (rank > 0) return nats; // +
      stream.write(`held-out chapters: ${nats.toFixed(4)} nats a character\n`);
      mkdirSync(output, { recursive: true });
      io.save(`${output}/distributed-gpt.safetensors`, model.stateDict());
      return nats;
    } catch (error) {
      if (!(error instanceof DistributedError) || process.env.ADJOINT_AGENT === undefined) throw error; // ++ no launcher keeps it
    } finally {
      if (distributed.isInitialized()) await distributed.destroy(); // +
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await run(process.argv.includes('--small') ? small : {});
