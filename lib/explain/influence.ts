// Which samples a model has learned something from.
import { noGrad } from '../autograd/tape.js';
import { checkInteger } from '../errors.js';
import { checkSamples, gradientsOfEach } from '../func/per-sample.js';
import type { Module } from '../nn/module.js';
import { add } from '../ops/elementwise.js';
import { matmul } from '../ops/matmul.js';
import { reshape, transpose } from '../ops/shape.js';
import { cat, slice } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { checkEvaluating } from './model.js';

/** Options of {@link influence}. */
export interface InfluenceOptions {
  /** How many samples to learn from are looked at together: their gradients need memory; default 64. */
  batchSize?: number;
}

/**
 * How much a step on each sample to learn from would lower the loss of each sample to test with: ∇L(test) · ∇L(train), by all parameters that need
 * gradients. Positive: it helps; negative: it hurts, as wrong labels do. Sum it over some checkpoints of the training, each times its
 * learning rate (TracIn). To save time, freeze all but the last layers.
 *
 * Pruthi et al., "Estimating training data influence by tracing gradient descent", 2020, https://arxiv.org/abs/2002.08484
 *
 * @param model in eval mode, in which samples do not change each other; see `func.perSampleGradients`
 * @param loss from the inputs to the loss of each sample: [n]
 * @param train inputs to learn from: tensors [n, …]
 * @param test inputs to test with: tensors [m, …]
 * @returns [m, n]
 * @throws StateError in training mode and when samples change each other, ShapeError for inputs that do not fit
 * @example
 * const net = nn.sequential(new nn.Linear(3, 8), new nn.Tanh(), new nn.Linear(8, 2)).eval();
 * const loss = (x: Tensor, y: Tensor) => nn.functional.crossEntropy(net.forward(x), y, { reduction: 'none' });
 * const some = (n: number) => [randn([n, 3]), randint(0, 2, [n])];
 * explain.influence(net, loss, some(20), some(4)); // [4, 20]
 */
export function influence(
  model: Module,
  loss: (...inputs: Tensor[]) => Tensor,
  train: readonly Tensor[],
  test: readonly Tensor[],
  options: InfluenceOptions = {},
): Tensor {
  const operation = 'influence';
  checkOptions(operation, options, ['batchSize']);
  const batchSize = checkInteger(operation, 'batchSize', options.batchSize ?? 64, 1);
  checkEvaluating(operation, model);
  const given = checkSamples(operation, 'train', train);
  checkSamples(operation, 'test', test);
  const n = given[0]?.dims[0] as number;
  const rowsOf = (gradients: Record<string, Tensor>): Tensor[] =>
    Object.values(gradients).map((gradient) => reshape(gradient, [gradient.dims[0] as number, -1]));
  const wanted = rowsOf(gradientsOfEach(operation, model, loss, test)[0]);
  const parts: Tensor[] = [];
  for (let start = 0; start < n; start += batchSize) {
    const batch = given.map((x) => slice(x, { start, end: Math.min(n, start + batchSize) }));
    const rows = rowsOf(gradientsOfEach(operation, model, loss, batch)[0]);
    const products = noGrad(() => rows.map((row, i) => matmul(wanted[i] as Tensor, transpose(row, 0, 1))));
    parts.push(noGrad(() => products.reduce((a, b) => add(a, b))));
  }
  return noGrad(() => cat(parts, { dim: 1 }));
}
