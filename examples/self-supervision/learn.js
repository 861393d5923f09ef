// The training that everything here has in common.
import { nn, optim, train } from 'adjoint';
import { stepOf } from '../shared/main.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('adjoint').nn.Module & { forward(x: Tensor): Tensor }} Encoder gives 64 features of each image */

/** An encoder with a linear layer that tells ten classes apart. */
export class Classifier extends nn.Module {
  /** @param {Encoder} encoder */
  constructor(encoder) {
    super();
    this.encoder = encoder;
    this.head = new nn.Linear(64, 10);
  }

  /** @param {Tensor} x */
  scores(x) {
    return this.head.forward(this.encoder.forward(x));
  }

  /** The cross entropy. @param {Tensor} x @param {Tensor} labels */
  forward(x, labels) {
    return nn.functional.crossEntropy(this.scores(x), labels);
  }
}

/**
 * Trains a model whose output is its loss: AdamW, and a rate that rises for a tenth of the steps and then falls to nothing. Leaves
 * the model in evaluation mode.
 *
 * @param {import('adjoint').nn.Module & { forward(...batch: Tensor[]): Tensor }} model
 * @param {import('adjoint').data.DataLoader<any, any, readonly Tensor[]>} loader
 * @param {{ epochs: number, eager?: boolean, stream: import('adjoint').train.ProgressStream }} options
 */
export async function learn(model, loader, { epochs, eager, stream }) {
  const maxLr = 2e-3;
  const optimizer = new optim.AdamW(model.parameters(), { lr: maxLr, weightDecay: 0.01 });
  const rate = new optim.lrScheduler.OneCycleLR(optimizer, maxLr, {
    totalSteps: epochs * loader.length,
    pctStart: 0.1,
  });
  const step = stepOf((/** @type {Tensor[]} */ ...batch) => {
    const loss = model.forward(...batch);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    rate.step();
    return loss;
  }, eager);
  const progress = new train.Progress({ steps: loader.length, epochs, stream });
  model.train();
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const batch of loader) {
      const loss = await step(...batch);
      progress.step(loader.batchSize ?? 1, loss.item());
    }
    progress.endEpoch();
  }
  model.eval();
}
