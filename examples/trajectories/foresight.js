// A network that reads a track and draws several ones that may follow, each with its probability.
import { cat, linspace, logsumexp, nn, noGrad, softmax } from 'adjoint';
import { futureSteps } from './data.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ means: Tensor, deviations: Tensor, logits: Tensor }} Fan means and deviations [n, modes, futureSteps, 2], logits [n, modes] */

/**
 * One GRU reads the positions; another one draws a future for each mode, as normal distributions about a line of points. All modes are one mixture
 * density (Bishop, "Mixture density networks", 1994) over whole futures (Chai et al., "MultiPath", 2019, https://arxiv.org/abs/1910.05449).
 */
export class Foresight extends nn.Module {
  /** @param {{ modes: number, width?: number }} options */
  constructor({ modes, width = 64 }) {
    super();
    this.modes = modes;
    this.encoder = new nn.GRU(4, width, { batchFirst: true });
    this.mode = new nn.Embedding(modes, width);
    this.logits = new nn.Linear(width, modes);
    this.decoder = new nn.GRU(width + 1, width, { batchFirst: true });
    this.output = new nn.Linear(width, 4);
  }

  /** @param {Tensor} seen [n, seenSteps, 2] @returns {Fan} */
  forward(seen) {
    const [n, steps] = seen.shape;
    const { modes } = this;
    const moves = seen.diff({ dim: 1 });
    const inputs = cat([seen.slice({ dim: 1, start: 1 }).div(10), moves], 2);
    const [, last] = this.encoder.forward(inputs); // [1, n, width]
    const width = last.shape[2];
    const state = last
      .reshape([n, 1, width])
      .add(this.mode.weight)
      .reshape([1, n * modes, width]);
    const time = linspace(0, 1, futureSteps)
      .reshape([1, futureSteps, 1])
      .expand([n * modes, futureSteps, 1]);
    const each = state.reshape([n * modes, 1, width]).expand([n * modes, futureSteps, width]);
    const [hidden] = this.decoder.forward(cat([each, time], 2), state);
    const drawn = this.output.forward(hidden).reshape([n, modes, futureSteps, 4]);
    const from = seen.slice({ dim: 1, start: steps - 1 }).reshape([n, 1, 1, 2]);
    // Steps are near the last ones that were seen.
    const pace = moves
      .slice({ dim: 1, start: steps - 4 })
      .mean({ dim: 1 })
      .reshape([n, 1, 1, 2]);
    const means = drawn.slice({ dim: 3, end: 2 }).add(pace).cumsum(2).add(from);
    const deviations = nn.functional.softplus(drawn.slice({ dim: 3, start: 2 })).add(0.05);
    return { means, deviations, logits: this.logits.forward(last.reshape([n, width])) };
  }

  /** @param {Tensor} seen [n, seenSteps, 2] @param {Tensor} future [n, futureSteps, 2] @returns {Tensor} nats a track [n] */
  surprise(seen, future) {
    return surpriseOf(this.forward(seen), future);
  }

  /** @param {Tensor} seen */
  predict(seen) {
    return noGrad(() => {
      const { means, logits, deviations } = this.forward(seen);
      return { means, deviations, shares: softmax(logits, 1) };
    });
  }
}

/** -log Σ π Π N(future) over the modes. @param {Fan} fan @param {Tensor} future [n, futureSteps, 2] @returns {Tensor} [n] */
export function surpriseOf({ means, deviations, logits }, future) {
  const error = future.unsqueeze(1).sub(means).div(deviations);
  const density = error
    .square()
    .mul(-0.5)
    .sub(deviations.log())
    .sub(0.5 * Math.log(2 * Math.PI));
  return logsumexp(density.sum([2, 3]).add(nn.functional.logSoftmax(logits, { dim: 1 })), 1).neg();
}
