// This library as one of the engines of bench/train.js: the plain loop that its users write.
import { data, nn, noGrad, optim, relu, setNumThreads, tanh, tensor } from 'adjoint';
import { classes, fillClasses, serve, workloads } from './peers/peer.js';

const kImages = 60000;

/** @param {string} workload @returns {import('./peers/peer.js').Task | string} */
function build(workload) {
  if (!(workload in workloads)) return 'not written for adjoint';
  const { sizes, batch } = workloads[workload];
  const activation = workload === 'W1' ? tanh : relu;
  const layers = sizes.slice(1).map((outputs, l) => new nn.Linear(sizes[l], outputs));
  const model = nn.sequential(...layers.flatMap((layer, l) => (l === 0 ? [layer] : [activation, layer])));
  if (workload === 'W8') {
    const x = tensor(classes(1).x, { shape: [1, 784] });
    return { step: () => noGrad(() => model.forward(x)).dispose() };
  }

  const optimizer =
    workload === 'W1'
      ? new optim.SGD(model.parameters(), { lr: 0.5 })
      : workload === 'W3'
        ? new optim.Adam(model.parameters(), { lr: 1e-3 })
        : new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  const lossFunction = workload === 'W1' ? nn.bceWithLogits : nn.crossEntropy;
  /** @type {import('adjoint').Tensor} */
  let newest;
  /** @param {import('adjoint').Tensor} x @param {import('adjoint').Tensor} y */
  const train = (x, y) => {
    newest = lossFunction(model.forward(x), y);
    optimizer.zeroGrad();
    newest.backward();
    optimizer.step();
  };
  if (workload === 'epoch') return { ...epochTask(train), loss: () => newest.item() };

  const batches = workload === 'W1' ? xorBatches() : classBatches(batch);
  let i = 0;
  return {
    step() {
      const { x, y } = batches[i++ % batches.length];
      train(x, y);
    },
    loss: () => newest.item(),
  };
}

function xorBatches() {
  const x = tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  return [{ x, y: tensor([[0], [1], [1], [0]]) }];
}

/** @param {number} batch */
function classBatches(batch) {
  const { x, labels } = classes(4096);
  return Array.from({ length: 4096 / batch }, (_, b) => ({
    x: tensor(x.slice(b * batch * 784, (b + 1) * batch * 784), { shape: [batch, 784] }),
    y: tensor(labels.slice(b * batch, (b + 1) * batch)),
  }));
}

/**
 * The loop of examples/mnist over images of its size, loader and shuffling included.
 * @param {(x: import('adjoint').Tensor, y: import('adjoint').Tensor) => void} train
 */
function epochTask(train) {
  const images = new Uint8ClampedArray(kImages * 784); // bytes, as in MNIST's files
  const labels = fillClasses(images, (value) => 128 + 40 * value);
  const bytes = tensor(new Uint8Array(images.buffer), { shape: [kImages, 784] });
  const rows = data.standardise(bytes, { mean: 0.5, deviation: 0.3 });
  const dataset = new data.TensorDataset(rows, tensor(labels));
  const loader = new data.DataLoader(dataset, { batchSize: 64, shuffle: true });
  return {
    samples: kImages,
    async step() {
      for await (const [x, y] of loader) train(x, y);
    },
  };
}

await serve({ engine: 'adjoint', threads: setNumThreads, build });
