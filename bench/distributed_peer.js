// A rank of this library for bench/distributed.js: answers lines of JSON. `node distributed_peer.js <workload> [wire]` trains,
// compiled; `link` sums vectors; `overlap` trains a network whose layers are as deep as the given numbers.
import { createInterface } from 'node:readline';
import { compile, distributed, nn, ones, optim, randint, randn, relu, setNumThreads } from 'adjoint';
import { peakMegabytes } from '../examples/shared/memory.js';
import { familyBatches, familyTraining, isFamily } from './families.js';

/** @typedef {import('adjoint').Tensor} Tensor */

const [task = '', wire = 'float32'] = process.argv.slice(2);
setNumThreads(1);
await distributed.init({ timeout: 60_000 });

/** @param {nn.Module} model @returns {nn.Module} */
const parallel = (model) =>
  new nn.DistributedDataParallel(model, { wire: /** @type {'float32' | 'bfloat16'} */ (wire) });

/** A network, its batches and its step. */
function training() {
  if (isFamily(task)) return { step: familyTraining(task, parallel).step, batches: familyBatches(task) };
  const model = parallel(
    nn.sequential(new nn.Linear(784, 512), relu, new nn.Linear(512, 512), relu, new nn.Linear(512, 10)),
  );
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
  /** @param {Tensor} x @param {Tensor} y */
  const step = (x, y) => {
    const loss = nn.functional.crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
  /** @type {[Tensor, Tensor][]} */
  const batches = Array.from({ length: 32 }, () => [randn([128, 784]), randint(10, [128])]);
  return { step, batches };
}

/** Trains so many steps. */
function trainer() {
  const { step, batches } = training();
  const train = compile(step);
  let count = 0;
  return async (/** @type {{ steps: number }} */ { steps }) => {
    let loss = 0;
    for (let i = 0; i < steps; i++) loss = (await train(...batches[count++ % batches.length])).item();
    return { loss };
  };
}

/** Sums a vector of so many megabytes. */
async function link(/** @type {{ megabytes: number, steps: number }} */ { megabytes, steps }) {
  const x = ones([Math.round(megabytes * 250_000)]);
  const times = [];
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    await distributed.allReduce_(x, { op: 'mean' });
    times.push(performance.now() - start);
  }
  return { times };
}

/**
 * A step of a deep network, alone (`noSync`), what it sends, alone, and both together. The rows of a batch set how long the
 * computation takes.
 */
async function overlap(/** @type {{ rows: number, steps: number }} */ { rows, steps }) {
  const model = nn.sequential(...Array.from({ length: 10 }, () => new nn.Linear(512, 512)));
  const ddp = new nn.DistributedDataParallel(model);
  const optimizer = new optim.SGD(model.parameters(), { lr: 1e-6 });
  const x = randn([rows, 512]);
  const pass = () => {
    optimizer.zeroGrad();
    const loss = ddp.forward(x).mean();
    loss.backward();
    optimizer.step(); // gradients that nothing reads would not be computed
    return loss;
  };
  const alone = compile(() => ddp.noSync(pass));
  const together = compile(pass);
  const sent = ones([model.parameters().reduce((sum, { size }) => sum + size, 0)]);
  /** @param {() => Promise<unknown>} fn */
  const time = async (fn) => {
    await distributed.barrier();
    const start = performance.now();
    await fn();
    return performance.now() - start;
  };
  for (let i = 0; i < 4; i++) await together();
  for (let i = 0; i < 4; i++) await alone();
  const times = [];
  for (let i = 0; i < steps; i++) {
    times.push({
      compute: await time(() => alone()),
      communicate: await time(() => distributed.allReduce_(sent, { op: 'mean' })),
      together: await time(() => together()),
    });
  }
  return { times };
}

const work = task === 'link' ? link : task === 'overlap' ? overlap : trainer();
if (task !== 'link' && task !== 'overlap') await /** @type {any} */ (work)({ steps: 5 });
console.log(JSON.stringify({ engine: 'adjoint compiled' }));
for await (const line of createInterface({ input: process.stdin })) {
  await distributed.barrier();
  const start = performance.now();
  const answer = await /** @type {any} */ (work)(JSON.parse(line));
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ seconds, ...answer, megabytes: peakMegabytes() }));
}
await distributed.destroy();
