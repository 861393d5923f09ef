// This library as an engine of bench/train.js: the plain loop that its users write, `node adjoint_peer.js eager`, and the
// same step compiled: over lists of batches (`run`), awaited one by one (`await`), or on the calling thread (`sync`).
import { compile, data, nn, noGrad, optim, relu, setNumThreads, tanh, tensor, zeros } from 'adjoint';
import { familyBatches, familyTraining, isFamily } from './families.js';
import { classes, fillClasses, serve, workloads } from './peers/peer.js';

/** @typedef {import('adjoint').Tensor} Tensor */

const kImages = 60000;
const way = process.argv[2] ?? 'eager';

/** @param {string} workload @returns {import('./peers/peer.js').Task | string} */
function build(workload) {
  if (workload === 'add') return addTask();
  if (isFamily(workload)) return trainingTask(familyTraining(workload).step, familyBatches(workload));
  if (!(workload in workloads)) return 'not written for adjoint';
  const { sizes, batch } = workloads[workload];
  const activation = workload === 'W1' ? tanh : relu;
  const layers = sizes.slice(1).map((outputs, l) => new nn.Linear(sizes[l], outputs));
  const model = nn.sequential(...layers.flatMap((layer, l) => (l === 0 ? [layer] : [activation, layer])));
  if (workload === 'W8') return predictTask(model);

  const optimizer =
    workload === 'W1'
      ? new optim.SGD(model.parameters(), { lr: 0.5 })
      : workload === 'W3'
        ? new optim.Adam(model.parameters(), { lr: 1e-3 })
        : new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  const lossFunction = workload === 'W1' ? nn.functional.binaryCrossEntropyWithLogits : nn.functional.crossEntropy;
  /** @param {Tensor} x @param {Tensor} y */
  const train = (x, y) => {
    const loss = lossFunction(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
  if (workload === 'epoch') return epochTask(train);
  const batches = workload === 'W1' ? xorBatches() : classBatches(batch);
  return trainingTask(train, batches);
}

/** @param {{ forward(x: Tensor): Tensor }} model @returns {import('./peers/peer.js').Task} */
function predictTask(model) {
  const x = tensor(classes(1).x, { shape: [1, 784] });
  const forward = (/** @type {Tensor} */ x) => noGrad(() => model.forward(x));
  if (way === 'eager') return { step: () => forward(x).dispose() };
  const predict = compile(forward);
  return { step: () => predict.sync(x).dispose() };
}

/** What a single operation costs around its arithmetic. @returns {import('./peers/peer.js').Task} */
function addTask() {
  const x = zeros([16]);
  const y = zeros([16]);
  return {
    step(count) {
      for (let i = 0; i < count; i++) x.add(y);
    },
    many: true,
  };
}

/**
 * @param {(x: Tensor, y: Tensor) => Tensor} train
 * @param {[Tensor, Tensor][]} batches
 * @returns {import('./peers/peer.js').Task}
 */
function trainingTask(train, batches) {
  /** @type {Tensor} */
  let newest;
  let i = 0;
  const next = () => batches[i++ % batches.length];
  const loss = () => newest.item();
  if (way === 'eager') {
    return {
      step() {
        newest = train(...next());
      },
      loss,
    };
  }

  const step = compile(train);
  /** @type {Record<string, import('./peers/peer.js').Task>} */
  const tasks = {
    run: {
      async step(count) {
        const { result } = await step.run(Array.from({ length: count }, next));
        newest = /** @type {Tensor} */ (result);
      },
      many: true,
      loss,
    },
    await: {
      async step(count) {
        for (let n = 0; n < count; n++) newest = await step(...next());
      },
      many: true,
      loss,
    },
    sync: {
      step() {
        newest = step.sync(...next());
      },
      loss,
    },
  };
  return tasks[way];
}

/** @returns {[Tensor, Tensor][]} */
function xorBatches() {
  const x = tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  return [[x, tensor([[0], [1], [1], [0]])]];
}

/** @param {number} batch @returns {[Tensor, Tensor][]} */
function classBatches(batch) {
  const { x, labels } = classes(4096);
  return Array.from({ length: 4096 / batch }, (_, b) => [
    tensor(x.subarray(b * batch * 784, (b + 1) * batch * 784), { shape: [batch, 784] }),
    tensor(labels.subarray(b * batch, (b + 1) * batch)),
  ]);
}

/**
 * The loop of examples/mnist over images of its size, loader and shuffling included.
 * @param {(x: Tensor, y: Tensor) => Tensor} train
 * @returns {import('./peers/peer.js').Task}
 */
function epochTask(train) {
  const images = new Uint8ClampedArray(kImages * 784); // bytes, as in MNIST's files
  const labels = fillClasses(images, { map: (value) => 128 + 40 * value });
  const bytes = tensor(new Uint8Array(images.buffer), { shape: [kImages, 784] });
  const rows = data.standardise(bytes, { mean: 0.5, deviation: 0.3 });
  const dataset = new data.TensorDataset(rows, tensor(labels));
  const loader = new data.DataLoader(dataset, { batchSize: 64, shuffle: true });
  const step = compile(train);
  /** @type {Tensor} */
  let newest;
  return {
    samples: kImages,
    async step() {
      if (way === 'eager') for await (const [x, y] of loader) newest = train(x, y);
      else newest = /** @type {Tensor} */ ((await step.run(loader)).result);
    },
    loss: () => newest.item(),
  };
}

const engine = `adjoint${way === 'eager' ? '' : ' compiled'}${['eager', 'run'].includes(way) ? '' : `, ${way}`}`;
await serve({ engine, threads: setNumThreads, build });
