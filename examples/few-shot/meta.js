// Learning to learn: first weights from which a few steps on a few samples of a new task lead far.
import { cat, func, grad, optim, stack, train } from 'adjoint';
import { stepOf } from '../shared/main.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {Readonly<Record<string, Tensor>>} Weights by their names in the network */
/** @typedef {import('adjoint').nn.Module & { forward(x: Tensor): Tensor }} Network */
/**
 * Tasks of one size, along the first dimension.
 *
 * @typedef {object} Tasks
 * @property {Tensor} x to learn from, [tasks, samples, …]
 * @property {Tensor} y
 * @property {Tensor} newX to judge with
 * @property {Tensor} newY
 */
/**
 * @typedef {object} Inner how a network learns a task
 * @property {(output: Tensor, target: Tensor) => Tensor} loss
 * @property {number} lr
 * @property {number} steps of gradient descent, each on all samples
 */

/** @param {Network} network @returns {Weights} */
export const weightsOf = (network) => Object.fromEntries(network.namedParameters());

/**
 * The network's output with other weights.
 *
 * @param {Network} network
 * @param {Weights} weights
 * @param {Tensor} x
 * @returns {Tensor}
 */
export const outputOf = (network, weights, x) => func.functionalCall(network, weights, x);

/**
 * The weights after gradient descent on one task. The network itself is not changed.
 *
 * @param {Network} network
 * @param {Weights} weights to begin with
 * @param {Tensor} x
 * @param {Tensor} y
 * @param {Inner} inner
 * @param {{ createGraph?: boolean }} [options] createGraph: whether gradients will flow back through the steps; default false
 * @returns {Weights}
 */
export function adapt(network, weights, x, y, { loss, lr, steps }, { createGraph = false } = {}) {
  let now = weights;
  for (let step = 0; step < steps; step++) {
    const names = Object.keys(now);
    const values = Object.values(now);
    const gradients = grad(loss(outputOf(network, now, x), y), values, { createGraph });
    const next = values.map((value, i) => value.sub(gradients[i].mul(lr)));
    now = Object.fromEntries(names.map((name, i) => [name, createGraph ? next[i] : leaf(next[i])]));
  }
  return now;
}

/** The same numbers, with nothing behind them. @param {Tensor} t */
function leaf(t) {
  const own = t.detach();
  own.requiresGrad = true;
  return own;
}

/** The tensors of each task. @param {Tasks} tasks @returns {Tasks[]} */
function each({ x, y, newX, newY }) {
  return Array.from({ length: x.shape[0] }, (_, i) => ({ x: x.at(i), y: y.at(i), newX: newX.at(i), newY: newY.at(i) }));
}

/**
 * Model-agnostic meta-learning (Finn, Abbeel, Levine, 2017, https://arxiv.org/abs/1703.03400): the loss on new samples of the
 * network that learned each task. Its gradient leads through the steps of learning, and so needs second derivatives.
 *
 * @param {Network} network
 * @param {Tasks} tasks
 * @param {Inner} inner
 */
export function mamlLoss(network, tasks, inner) {
  const losses = each(tasks).map(({ x, y, newX, newY }) => {
    const adapted = adapt(network, weightsOf(network), x, y, inner, { createGraph: true });
    return inner.loss(outputOf(network, adapted, newX), newY);
  });
  return stack(losses).mean();
}

/**
 * Reptile (Nichol, Achiam, Schulman, 2018, https://arxiv.org/abs/1803.02999): half the squared distance to the weights that each
 * task led to, whose gradient is the way from there. It needs first derivatives only, and does not tell samples apart.
 *
 * @param {Network} network
 * @param {Tasks} tasks all of whose samples are learned from
 * @param {Inner} inner
 */
export function reptileLoss(network, tasks, inner) {
  const weights = weightsOf(network);
  const distances = each(tasks).flatMap(({ x, y, newX, newY }) => {
    const adapted = adapt(network, weights, cat([x, newX]), cat([y, newY]), inner);
    return Object.entries(weights).map(([name, weight]) => weight.sub(adapted[name].detach()).square().sum());
  });
  return stack(distances)
    .sum()
    .div(2 * tasks.x.shape[0]);
}

/**
 * What the network says to new samples after it learned each task.
 *
 * @param {Network} network
 * @param {Tasks} tasks
 * @param {Inner} inner
 * @returns {Tensor} [tasks, samples, …]
 */
export function afterLearning(network, tasks, inner) {
  const outputs = each(tasks).map(({ x, y, newX }) =>
    outputOf(network, adapt(network, weightsOf(network), x, y, inner), newX).detach(),
  );
  return stack(outputs);
}

/**
 * Learns from new tasks in each step.
 *
 * @param {string} name
 * @param {Network} network
 * @param {(tasks: Tasks) => Tensor} lossOf
 * @param {(i: number) => Tasks} draw the tasks of a step
 * @param {{ steps: number, eager?: boolean, stream: import('adjoint').train.ProgressStream }} options
 */
export async function metaTrain(name, network, lossOf, draw, { steps, eager, stream }) {
  stream.write(`\n${name}\n`);
  const optimizer = new optim.Adam(network.parameters(), { lr: 1e-3 });
  const step = stepOf((/** @type {Tensor[]} */ ...[x, y, newX, newY]) => {
    const loss = lossOf({ x, y, newX, newY });
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  }, eager);
  const progress = new train.Progress({ steps, epochs: 1, stream });
  for (let i = 0; i < steps; i++) {
    const { x, y, newX, newY } = draw(i);
    progress.step(x.shape[0] ?? 0, (await step(x, y, newX, newY)).item());
  }
  progress.endEpoch();
}
