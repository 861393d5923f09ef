// Learns handwritten digits with as many processes as there are. It is the program of one process but for the lines with a +.
// Run it with `npm run example -- distributed`, or with two processes: `npx adjoint run --nproc 2 examples/distributed/train.js`. It
// leaves output/distributed.safetensors (the weights).
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { data, distributed, io, manualSeed, metrics, nn, optim, train } from 'adjoint';
import { leNet } from '../lenet/model.js';
import { first, planes } from '../shared/classifier.js';

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 6000, tests: 1000, epochs: 1 };

/**
 * Trains, and returns the accuracy on the test images after each epoch.
 *
 * @param {{ images?: number, tests?: number, epochs?: number, batchSize?: number, lr?: number, output?: string, checkpoints?: string,
 *   stream?: import('adjoint').train.ProgressStream }} [options]
 *   batchSize: of each process; checkpoints: a folder, from which a run that was stopped goes on
 */
export async function run(options = {}) {
  const { images = 60_000, tests = 10_000, epochs = 3, batchSize = 32, lr = 2e-3 } = options;
  const { output = 'output', checkpoints, stream = process.stdout } = options;
  manualSeed(1);
  await distributed.init(); // +
  const digits = data.mnist();
  const datasetOf = (/** @type {typeof digits.train} */ part) =>
    new data.TensorDataset(planes(data.standardise, part.images), part.labels);
  const [seen, unseen] = [datasetOf(first(digits.train, images)), datasetOf(first(digits.test, tests))];

  const model = new nn.DistributedDataParallel(leNet()); // + around the model
  const [sampler, testSampler] = [new data.DistributedSampler(seen), new data.DistributedSampler(unseen)]; // +
  const { history } = await train.fit(model, {
    data: new data.DataLoader(seen, { batchSize, sampler }), // + for shuffle: true
    validate: new data.DataLoader(unseen, { batchSize: 250, sampler: testSampler }), // + the sampler
    loss: nn.functional.crossEntropy,
    metrics: { accuracy: new metrics.Accuracy() },
    optimizer: new optim.Adam(model.parameters(), { lr }),
    epochs,
    callbacks: [
      new train.ShowProgress({ stream }),
      ...(checkpoints === undefined ? [] : [new train.Checkpoint(checkpoints)]),
    ],
    ...(checkpoints !== undefined && { resume: true }),
  });
  if (distributed.getRank() === 0) {
    mkdirSync(output, { recursive: true });
    io.save(`${output}/distributed.safetensors`, model.module.stateDict());
  }
  await distributed.destroy(); // +
  return history.map(({ values }) => values['validation.accuracy']);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await run(process.argv.includes('--small') ? small : {});
