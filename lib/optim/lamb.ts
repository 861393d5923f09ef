import { checkFlag } from '../errors.js';
import { zerosLike } from '../ops/creation.js';
import { pow, sub } from '../ops/elementwise.js';
import { where } from '../ops/elementwise-compare.js';
import type { Tensor } from '../tensor.js';
import { average } from './formulas.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkBetas, checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';

export interface LAMBOptions {
  /** Learning rate; default 0.001. */
  lr: number;
  /** Decay of the averages of the gradient and of its square; default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the denominator; default 1e-6. */
  eps: number;
  /** Decay apart from the averages; default 0. */
  weightDecay: number;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface LAMBState {
  exp_avg: Tensor;
  exp_avg_sq: Tensor;
}

/**
 * LAMB, for large batches (You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", 2019,
 * https://arxiv.org/abs/1904.00962), algorithm 2 with φ(z) = z, for each parameter θ with gradient g at its step t = 1, 2, …:
 *
 *     m = β₁ m + (1 - β₁) g;   v = β₂ v + (1 - β₂) g²
 *     u = m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + eps) + weightDecay · θ
 *     θ = θ - lr · ‖θ‖ / ‖u‖ · u
 *
 * The ratio of the norms, each over the whole parameter, is 1 where one of them is 0. PyTorch does not have it.
 *
 * State: `step`, `exp_avg` (m), `exp_avg_sq` (v).
 *
 * @example
 * const optimizer = new optim.LAMB(model.parameters(), 0.002, { weightDecay: 0.01 });
 */
export class LAMB extends Optimizer<LAMBOptions, LAMBState> {
  constructor(params: Parameters<LAMBOptions>, ...args: OptimizerArguments<LAMBOptions>) {
    super('LAMB', params, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-6, weightDecay: 0, maximize: false }, ...args);
  }

  protected override checkGroup(o: LAMBOptions): void {
    checkRates('LAMB', o, ['lr', 'eps', 'weightDecay']);
    checkBetas('LAMB', o.betas);
    checkFlag('LAMB', 'maximize', o.maximize);
  }

  protected init(p: Tensor): LAMBState {
    return { exp_avg: zerosLike(p), exp_avg_sq: zerosLike(p) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<LAMBState>, o: OptionTensors<LAMBOptions>): void {
    const { step, exp_avg: m, exp_avg_sq: v } = state;
    const [beta1, beta2] = o.betas;
    const d = o.maximize ? g.neg() : g;
    average(m, d, beta1);
    average(v, d.square(), beta2);
    const mean = m.div(sub(1, pow(beta1, step)));
    const size = v
      .div(sub(1, pow(beta2, step)))
      .sqrt()
      .add(o.eps);
    const direction = mean.div(size).add(p.mul(o.weightDecay));
    const [ofParameter, ofDirection] = [p, direction].map((t) => t.square().sum().sqrt()) as [Tensor, Tensor];
    const hasBoth = ofParameter.gt(0).mul(ofDirection.gt(0));
    p.copy_(p.sub(direction.mul(where(hasBoth, ofParameter.div(ofDirection), 1).mul(o.lr))));
  }
}
