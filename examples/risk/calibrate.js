// What makes honest probabilities of scores: fitted on data that the model has not seen.
import { nn, ones, optim, tensor, zeros } from 'adjoint';

/** @typedef {(logits: Float64Array) => Float64Array} Calibration makes probabilities */

/**
 * Temperature scaling, σ(z / T) (Guo et al., "On calibration of modern neural networks", 2017, https://arxiv.org/abs/1706.04599), or Platt's, σ(a z + b)
 * (Platt, "Probabilistic outputs for support vector machines", 1999).
 *
 * @param {Float64Array} logits
 * @param {Float64Array} truth 0 and 1
 * @param {{ shift: boolean }} options shift: Platt's
 * @returns {Calibration}
 */
export function scaled(logits, truth, { shift }) {
  const [z, y] = [tensor(logits), tensor(truth)];
  const a = ones([], { dtype: 'float64', requiresGrad: true });
  const b = zeros([], { dtype: 'float64', requiresGrad: shift });
  const optimizer = new optim.LBFGS(shift ? [a, b] : [a], { lineSearchFn: 'strongWolfe', maxIter: 100 });
  optimizer.step(() => {
    optimizer.zeroGrad();
    const loss = nn.functional.binaryCrossEntropyWithLogits(z.mul(a).add(b), y);
    loss.backward();
    return loss;
  });
  const [factor, constant] = [a.item(), b.item()];
  return (given) => given.map((z) => 1 / (1 + Math.exp(-(factor * z + constant))));
}

/**
 * Isotonic regression: the rising steps nearest to the truth, by pooling neighbours that fall (Zadrozny and Elkan, "Transforming classifier scores into
 * accurate multiclass probability estimates", 2002, https://doi.org/10.1145/775047.775151). Between steps it is linear.
 *
 * @param {Float64Array} logits
 * @param {Float64Array} truth 0 and 1
 * @returns {Calibration}
 */
export function isotonic(logits, truth) {
  const order = [...logits.keys()].sort((i, j) => logits[i] - logits[j]);
  /** @type {{ sum: number, count: number, from: number, to: number }[]} */
  const steps = [];
  for (const i of order) {
    steps.push({ sum: truth[i], count: 1, from: logits[i], to: logits[i] });
    while (steps.length > 1) {
      const [before, last] = steps.slice(-2);
      const isRising = before.sum / before.count < last.sum / last.count;
      if (isRising && before.to < last.from) break;
      steps.splice(-2, 2, {
        ...{ sum: before.sum + last.sum, count: before.count + last.count },
        ...{ from: before.from, to: last.to },
      });
    }
  }
  const knots = steps.flatMap(({ sum, count, from, to }) => [from, to].map((x) => ({ x, y: sum / count })));
  return (given) =>
    given.map((z) => {
      const next = knots.findIndex(({ x }) => x >= z);
      if (next <= 0) return (next === 0 ? knots[0] : knots[knots.length - 1]).y;
      const [a, b] = [knots[next - 1], knots[next]];
      return a.x === b.x ? b.y : a.y + ((b.y - a.y) * (z - a.x)) / (b.x - a.x);
    });
}
