import { enableGrad, isRecorded } from '../autograd/tape.js';
import { grad } from '../backward/engine.js';
import { mul, sub } from '../ops/elementwise.js';
import { sum } from '../ops/reduce.js';
import type { Tensor } from '../tensor.js';
import { Distribution, sumLast } from './distribution.js';
import { noFormula } from './kl.js';

/**
 * Base of distributions of the density exp(⟨t(x), θ⟩ - F(θ) + k(x)). A class that tells its natural parameters θ, their
 * log-normaliser F and the expectation of the carrier measure k has its entropy, F(θ) - ⟨θ, ∇F(θ)⟩ - E[k(x)], by automatic
 * differentiation (Nielsen and Nock, "Entropies and cross-entropies of exponential families", 2010,
 * https://doi.org/10.1109/ICIP.2010.5652054), and the divergence from another of its class by `klDivergence`.
 *
 * @example
 * class Exponential extends distributions.ExponentialFamily {
 *   constructor(readonly rate: Tensor) {
 *     super(rate.shape);
 *   }
 *   get dtype() {
 *     return this.rate.dtype;
 *   }
 *   get support() {
 *     return new distributions.Exponential(this.rate).support;
 *   }
 *   get naturalParams() {
 *     return [this.rate.neg()];
 *   }
 *   logNormalizer(theta: Tensor) {
 *     return theta.neg().log().neg();
 *   }
 *   get meanCarrierMeasure() {
 *     return 0;
 *   }
 * }
 * new Exponential(tensor([1])).entropy(); // [1]
 */
export abstract class ExponentialFamily extends Distribution {
  /** θ, each [...batchShape, ...]. */
  abstract get naturalParams(): readonly Tensor[];
  /** F(θ), [...batchShape], made of operations. */
  abstract logNormalizer(...naturalParams: Tensor[]): Tensor;
  /** E[k(x)]. */
  abstract get meanCarrierMeasure(): Tensor | number;

  override entropy(): Tensor {
    const { params, value, slopes } = normalizerOf(this);
    const inner = params.map((p, i) => perElement(this, mul(p, slopes[i] as Tensor)));
    return inner.reduce((y, x) => sub(y, x), sub(value, this.meanCarrierMeasure));
  }
}

// Summed over all dimensions beside those of the batch.
const perElement = (d: Distribution, x: Tensor): Tensor => sumLast(x, x.rank - d.batchShape.length);

// F(θ) and ∇F(θ), which can be differentiated if θ can.
function normalizerOf(d: ExponentialFamily): { params: Tensor[]; value: Tensor; slopes: Tensor[] } {
  const given = d.naturalParams;
  const wanted = isRecorded(given);
  const run = () => {
    const params = given.map((p) => (wanted && p.requiresGrad ? p : p.detach().requiresGrad_()));
    const value = d.logNormalizer(...params);
    const slopes = grad(sum(value), params, { createGraph: wanted });
    return { params: [...given], value: wanted ? value : value.detach(), slopes };
  };
  return enableGrad(run);
}

/** @internal The Bregman divergence of the log-normaliser: F(θq) - F(θp) - ⟨θq - θp, ∇F(θp)⟩. */
export function bregman(p: ExponentialFamily, q: ExponentialFamily): Tensor {
  if (p.constructor !== q.constructor) throw noFormula(p, q);
  const { params, value, slopes } = normalizerOf(p);
  const others = q.naturalParams;
  const inner = params.map((t, i) => perElement(p, mul(sub(others[i] as Tensor, t), slopes[i] as Tensor)));
  return inner.reduce((y, x) => sub(y, x), sub(q.logNormalizer(...others), value));
}
