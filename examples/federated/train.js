// Learns handwritten digits from 100 clients, of which each knows two digits and shows its images to nobody: federated averaging.
// Run it with `npm run example -- federated`, or over two processes with `npx adjoint run --nproc 2 examples/federated/train.js`. It
// leaves output/federated.safetensors (the weights) and output/federated.svg (the accuracy after each round).
import { mkdirSync, writeFileSync } from 'node:fs';
import { argmax, charts, compile, data, distributed, io, manualSeed, nn, noGrad, optim } from 'adjoint';
import { leNet } from '../lenet/model.js';
import { first, percentRight, planes, predictAll } from '../shared/classifier.js';
import { main } from '../shared/main.js';
import { shards } from './data.js';

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 2000, tests: 500, clients: 20, fraction: 0.5, rounds: 10, epochs: 2, decay: 0.5 };

/** @typedef {import('adjoint').Tensor} Tensor */

/**
 * Trains, and returns the accuracy on the test images after each round, in percent.
 *
 * @param {{ images?: number, tests?: number, clients?: number, fraction?: number, rounds?: number, epochs?: number,
 *   batchSize?: number, lr?: number, decay?: number, maxNorm?: number, noiseMultiplier?: number, seed?: number, output?: string,
 *   stream?: { write(text: string): unknown } }} [options]
 *   fraction: of all clients, in each round; epochs: that a client trains in a round; decay: of the average over rounds; maxNorm
 *   and noiseMultiplier: for differential privacy
 */
export async function run(options = {}) {
  const { images = 60_000, tests = 10_000, clients = 100, fraction = 0.1, rounds = 100, epochs = 5 } = options;
  const { decay = 0.8 } = options;
  const {
    batchSize = 10,
    lr = 0.05,
    maxNorm,
    noiseMultiplier,
    seed = 1,
    output = 'output',
    stream = process.stdout,
  } = options;
  manualSeed(seed);
  await distributed.init();
  const [rank, processes] = [distributed.getRank(), distributed.getWorldSize()];
  const digits = data.mnist();
  const [seen, unseen] = [first(digits.train, images), first(digits.test, tests)];
  const test = planes(data.standardise, unseen.images);
  // The clients of this process. In earnest each process would read what its own place has.
  const own = shards(seen, clients)
    .filter((_, client) => Math.floor((client * processes) / clients) === rank)
    .map((part) => new data.TensorDataset(planes(data.standardise, part.images), part.labels));

  const model = leNet();
  const optimizer = new optim.SGD(model.parameters(), { lr });
  const step = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const loss = nn.functional.crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const federated = new distributed.FederatedAverage(model, own, {
    fraction,
    ...(maxNorm !== undefined && { maxNorm }),
    ...(noiseMultiplier !== undefined && { noiseMultiplier }),
    train: async (_, dataset) => {
      const loader = new data.DataLoader(dataset, { batchSize, shuffle: true });
      for (let epoch = 0; epoch < epochs; epoch++) await step.run(loader);
      return dataset.length;
    },
  });

  // Rounds differ, as other digits come together in each: a moving average of their weights is better than any of them.
  const average = new optim.EMA(model, decay);
  const predict = compile((/** @type {Tensor} */ x) => noGrad(() => argmax(average.forward(x), { dim: 1 })));
  const started = performance.now();
  /** @type {number[]} */
  const accuracies = [];
  for (let i = 0; i < rounds; i++) {
    await federated.round();
    average.updateParameters(model);
    const accuracy = percentRight(predictAll(predict.sync, test), unseen.labels.toTypedArray());
    accuracies.push(accuracy);
    if (rank === 0) stream.write(`round ${i + 1}: test accuracy ${accuracy.toFixed(2)} %\n`);
  }
  const seconds = (performance.now() - started) / 1000;
  await distributed.destroy();
  if (rank > 0) return accuracies;

  mkdirSync(output, { recursive: true });
  io.save(`${output}/federated.safetensors`, average.module.stateDict());
  const curve = { name: 'federated averaging', x: accuracies.map((_, i) => i + 1), y: accuracies };
  const axes = { x: { label: 'round' }, y: { label: 'accuracy on test images in percent' } };
  writeFileSync(
    `${output}/federated.svg`,
    await charts.lines({ title: `${clients} clients of two digits`, ...axes, lines: [curve] }),
  );
  stream.write(`
${clients} clients of two digits each, ${rounds} rounds of ${Math.round(fraction * clients)}: after ${seconds.toFixed(0)} s
saved ${output}/federated.safetensors (the weights) and ${output}/federated.svg (the accuracy after each round)
`);
  return accuracies;
}

await main(import.meta.url, run, small);
