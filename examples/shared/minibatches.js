// The loop over epochs and batches that networks of tables and lists have in common.
import { data, train } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */

/**
 * Calls a step with shuffled batches of the rows of tensors.
 *
 * @param {(...parts: any[]) => Promise<Tensor>} step gives the loss
 * @param {readonly Tensor[]} parts each [n, …]
 * @param {{ epochs: number, batchSize: number, stream: import('adjoint').train.ProgressStream, title: string, note?: () => string }} options
 *   note: what is said at the end of each epoch
 */
export async function learnFrom(step, parts, { epochs, batchSize, stream, title, note = () => '' }) {
  stream.write(`\n${title}\n`);
  const dataset = new data.TensorDataset(...parts);
  const loader = new data.DataLoader(dataset, { batchSize, shuffle: true, dropLast: true });
  const progress = new train.Progress({ steps: loader.length, epochs, stream });
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const batch of loader) progress.step(batchSize, (await step(...batch)).item());
    progress.endEpoch(note());
  }
}
