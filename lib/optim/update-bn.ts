import { aboutToChange, allOrNothing } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, describe, hasIterator } from '../errors.js';
import { Module } from '../nn/module.js';
import { BatchNorm } from '../nn/norm-batch.js';
import { Tensor } from '../tensor.js';

/**
 * Computes the running statistics of batch norm anew, as means over batches: those of an averaged model are of other weights.
 *
 * @param loader batches: tensors, or arrays whose first element is the input
 * @param model in the mode in which it is; nothing happens to a model without batch norm, nor when a batch fails
 * @example
 * const average = new optim.swaUtils.AveragedModel(model);
 * average.updateParameters(model);
 * optim.swaUtils.updateBn([x], average);
 */
export function updateBn(loader: Iterable<Tensor | readonly unknown[]>, model: Module): void {
  if (!(model instanceof Module)) throw new ArgumentError(`updateBn: model must be a module, got ${describe(model)}`);
  if (typeof loader !== 'object' || loader === null || !hasIterator(loader)) {
    throw new ArgumentError(`updateBn: loader must be batches, got ${describe(loader)}`);
  }
  const norms = model.modules().filter((m): m is BatchNorm => m instanceof BatchNorm);
  if (norms.length === 0) return;
  const modes = model.modules().map((m) => [m, m.training] as const);
  const momenta = norms.map((norm) => norm.momentum);
  try {
    allOrNothing(() => {
      for (const t of norms.flatMap((norm) => norm.buffers())) aboutToChange('updateBn', t);
      for (const norm of norms) norm.resetRunningStats();
      model.train();
      for (const norm of norms) norm.momentum = null;
      for (const batch of loader) noGrad(() => model.forward(inputOf(batch)));
    });
  } finally {
    norms.forEach((norm, i) => {
      norm.momentum = momenta[i] as number | null;
    });
    for (const [m, mode] of modes) m.training = mode;
  }
}

function inputOf(batch: unknown): Tensor {
  const input = Array.isArray(batch) ? batch[0] : batch;
  if (input instanceof Tensor) return input;
  const rule = 'a batch must be a tensor or an array that begins with one';
  throw new ArgumentError(`updateBn: ${rule}, got ${describe(batch)}`);
}
