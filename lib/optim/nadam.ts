import { checkFlag } from '../errors.js';
import { ones, zerosLike } from '../ops/creation.js';
import { pow, sub } from '../ops/elementwise.js';
import type { Tensor } from '../tensor.js';
import { average, decayed } from './formulas.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkBetas, checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';

export interface NAdamOptions {
  /** Learning rate; default 0.002. */
  lr: number;
  /** Decay of the averages of the gradient and of its square; default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the denominator; default 1e-8. */
  eps: number;
  /** L2 penalty, or with `decoupledWeightDecay` decay apart from the gradient; default 0. */
  weightDecay: number;
  /** How fast the momentum grows with the steps; default 0.004. */
  momentumDecay: number;
  /** Decay as AdamW's; default false. */
  decoupledWeightDecay: boolean;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface NAdamState {
  exp_avg: Tensor;
  exp_avg_sq: Tensor;
  mu_product: Tensor;
}

/**
 * NAdam, Adam with Nesterov's momentum (Dozat, "Incorporating Nesterov momentum into Adam", 2016,
 * https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ), PyTorch's formulas, for each parameter θ with gradient g at its step
 * t = 1, 2, …:
 *
 *     g = g + weightDecay · θ
 *     μₜ = β₁ (1 - 0.96^(t · momentumDecay) / 2);   Π = μ₁ μ₂ … μₜ
 *     m = β₁ m + (1 - β₁) g;   v = β₂ v + (1 - β₂) g²
 *     θ = θ - lr · (μₜ₊₁ m / (1 - Π μₜ₊₁) + (1 - μₜ) g / (1 - Π)) / (√(v / (1 - β₂ᵗ)) + eps)
 *
 * State: `step`, `exp_avg` (m), `exp_avg_sq` (v), `mu_product` (Π, a scalar).
 *
 * @example
 * const optimizer = new optim.NAdam(model.parameters(), 0.002);
 */
export class NAdam extends Optimizer<NAdamOptions, NAdamState> {
  constructor(params: Parameters<NAdamOptions>, ...args: OptimizerArguments<NAdamOptions>) {
    const numbers = { lr: 2e-3, eps: 1e-8, weightDecay: 0, momentumDecay: 4e-3 };
    const flags = { decoupledWeightDecay: false, maximize: false };
    super('NAdam', params, { ...numbers, betas: [0.9, 0.999], ...flags }, ...args);
  }

  protected override checkGroup(o: NAdamOptions): void {
    checkRates('NAdam', o, ['lr', 'eps', 'weightDecay', 'momentumDecay']);
    checkBetas('NAdam', o.betas);
    checkFlag('NAdam', 'decoupledWeightDecay', o.decoupledWeightDecay);
    checkFlag('NAdam', 'maximize', o.maximize);
  }

  protected init(p: Tensor): NAdamState {
    return { exp_avg: zerosLike(p), exp_avg_sq: zerosLike(p), mu_product: ones([], { dtype: p.dtype }) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<NAdamState>, o: OptionTensors<NAdamOptions>): void {
    const { step, exp_avg: m, exp_avg_sq: v, mu_product: product } = state;
    const [beta1, beta2] = o.betas;
    const d = decayed(p, g, o, o.decoupledWeightDecay);
    const muAt = (t: Tensor): Tensor => beta1.mul(sub(1, pow(0.96, t.mul(o.momentumDecay)).mul(0.5)));
    const [mu, next] = [muAt(step), muAt(step.add(1))];
    product.copy_(product.mul(mu));
    average(m, d, beta1);
    average(v, d.square(), beta2);
    const size = v
      .div(sub(1, pow(beta2, step)))
      .sqrt()
      .add(o.eps);
    const present = d.mul(sub(1, mu).div(sub(1, product)));
    const ahead = m.mul(next.div(sub(1, product.mul(next))));
    p.copy_(p.sub(present.add(ahead).mul(o.lr).div(size)));
  }
}
