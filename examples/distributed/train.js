// Learns handwritten digits with as many processes as there are. The line with `distributed` is all that a program of one process
// does not have. Run it with `npm run example -- distributed`, or with two processes: `npx adjoint run --nproc 2 examples/distributed/train.js`. It
// leaves output/distributed.safetensors (the weights).
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { data, io, manualSeed, metrics, nn, optim, train } from 'adjoint';
import { leNet } from '../lenet/model.js';
import { first, planes } from '../shared/classifier.js';

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 3000, tests: 500, epochs: 1 };

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
  const digits = data.mnist();
  const datasetOf = (/** @type {typeof digits.train} */ part) =>
    new data.TensorDataset(planes(data.standardise, part.images), part.labels);
  const [seen, unseen] = [datasetOf(first(digits.train, images)), datasetOf(first(digits.test, tests))];

  const model = leNet();
  const { history } = await train.fit(model, {
    data: new data.DataLoader(seen, { batchSize, shuffle: true }),
    validate: new data.DataLoader(unseen, { batchSize: 250 }),
    loss: nn.functional.crossEntropy,
    metrics: { accuracy: new metrics.Accuracy() },
    optimizer: new optim.Adam(model.parameters(), { lr }),
    epochs,
    callbacks: [
      new train.ShowProgress({ stream }),
      ...(checkpoints === undefined ? [] : [new train.Checkpoint(checkpoints)]),
    ],
    ...(checkpoints !== undefined && { resume: true }),
    distributed: true,
  });
  mkdirSync(output, { recursive: true });
  io.save(`${output}/distributed.safetensors`, model.stateDict()); // the same in all processes, and written whole or not at all
  return history.map(({ values }) => values['validation.accuracy']);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await run(process.argv.includes('--small') ? small : {});
