import { checkFlag } from '../errors.js';
import { zerosLike } from '../ops/creation.js';
import { abs, maximum, pow, sub } from '../ops/elementwise.js';
import type { Tensor } from '../tensor.js';
import { average, penalised } from './formulas.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkBetas, checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';

export interface AdamaxOptions {
  /** Learning rate; default 0.002. */
  lr: number;
  /** Decay of the average of the gradient and of its largest size; default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the size of the gradient; default 1e-8. */
  eps: number;
  /** L2 penalty; default 0. */
  weightDecay: number;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface AdamaxState {
  exp_avg: Tensor;
  exp_inf: Tensor;
}

/**
 * Adamax, Adam with the infinity norm (Kingma and Ba, "Adam: a method for stochastic optimization", 2014,
 * https://arxiv.org/abs/1412.6980), PyTorch's formulas, for each parameter θ with gradient g at its step t = 1, 2, …:
 *
 *     g = g + weightDecay · θ
 *     m = β₁ m + (1 - β₁) g;   u = max(β₂ u, |g| + eps)
 *     θ = θ - lr · m / (1 - β₁ᵗ) / u
 *
 * State: `step`, `exp_avg` (m), `exp_inf` (u).
 *
 * @example
 * const optimizer = new optim.Adamax(model.parameters(), 0.002);
 */
export class Adamax extends Optimizer<AdamaxOptions, AdamaxState> {
  constructor(params: Parameters<AdamaxOptions>, ...args: OptimizerArguments<AdamaxOptions>) {
    super('Adamax', params, { lr: 2e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false }, ...args);
  }

  protected override checkGroup(o: AdamaxOptions): void {
    checkRates('Adamax', o, ['lr', 'eps', 'weightDecay']);
    checkBetas('Adamax', o.betas);
    checkFlag('Adamax', 'maximize', o.maximize);
  }

  protected init(p: Tensor): AdamaxState {
    return { exp_avg: zerosLike(p), exp_inf: zerosLike(p) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<AdamaxState>, o: OptionTensors<AdamaxOptions>): void {
    const { step, exp_avg: m, exp_inf: u } = state;
    const [beta1, beta2] = o.betas;
    const d = penalised(p, g, o);
    average(m, d, beta1);
    u.copy_(maximum(u.mul(beta2), abs(d).add(o.eps)));
    p.copy_(p.sub(m.div(u).mul(o.lr.div(sub(1, pow(beta1, step))))));
  }
}
