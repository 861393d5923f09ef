import { checkFlag } from '../errors.js';
import { zerosLike } from '../ops/creation.js';
import { div, maximum, pow, sub } from '../ops/elementwise.js';
import { where } from '../ops/elementwise-compare.js';
import type { Tensor } from '../tensor.js';
import { average, decayed } from './formulas.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkBetas, checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';
import type { Update } from './update.js';

export interface RAdamOptions {
  /** Learning rate; default 0.001. */
  lr: number;
  /** Decay of the averages of the gradient and of its square; default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the denominator; default 1e-8. */
  eps: number;
  /** L2 penalty, or with `decoupledWeightDecay` decay apart from the gradient; default 0. */
  weightDecay: number;
  /** Decay as AdamW's; default false. */
  decoupledWeightDecay: boolean;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface RAdamState {
  exp_avg: Tensor;
  exp_avg_sq: Tensor;
}

/** What depends on the step alone: whether the step is adaptive, and its rectification with v's bias correction. */
interface Factors {
  isAdaptive: Tensor;
  rectification: Tensor;
}

/**
 * RAdam (Liu et al., "On the variance of the adaptive learning rate and beyond", 2019, https://arxiv.org/abs/1908.03265),
 * PyTorch's formulas, for each parameter θ with gradient g at its step t = 1, 2, …: Adam's averages m and v, and
 *
 *     ρ∞ = 2 / (1 - β₂) - 1;   ρ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ)
 *     r = √((ρ - 4) (ρ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρ))
 *     θ = θ - lr · m / (1 - β₁ᵗ) · (ρ > 5 ? r √(1 - β₂ᵗ) / (√v + eps) : 1)
 *
 * State: `step`, `exp_avg` (m), `exp_avg_sq` (v).
 *
 * @example
 * const optimizer = new optim.RAdam(model.parameters(), 1e-3);
 */
export class RAdam extends Optimizer<RAdamOptions, RAdamState> {
  constructor(params: Parameters<RAdamOptions>, ...args: OptimizerArguments<RAdamOptions>) {
    const flags = { decoupledWeightDecay: false, maximize: false };
    super('RAdam', params, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, ...flags }, ...args);
  }

  protected override checkGroup(o: RAdamOptions): void {
    checkRates('RAdam', o, ['lr', 'eps', 'weightDecay']);
    checkBetas('RAdam', o.betas);
    checkFlag('RAdam', 'decoupledWeightDecay', o.decoupledWeightDecay);
    checkFlag('RAdam', 'maximize', o.maximize);
  }

  protected init(p: Tensor): RAdamState {
    return { exp_avg: zerosLike(p), exp_avg_sq: zerosLike(p) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<RAdamState>, o: OptionTensors<RAdamOptions>): void {
    this.rectified(p, g, state, o, factorsOf(o.betas[1], state.step));
  }

  /** @internal ρ is a small difference of large numbers: in float32 nothing would be left of it. */
  protected override applyAll(update: Update<RAdamOptions>): void {
    const [, beta2] = update.options.asTensors('float64').betas;
    update.forEach('RAdam', (p, g, state, o) => {
      const factors = factorsOf(beta2, (state.step as Tensor).to('float64'));
      this.rectified(p, g, state as unknown as StateOf<RAdamState>, o, factors);
    });
  }

  private rectified(
    p: Tensor,
    g: Tensor,
    { step, exp_avg: m, exp_avg_sq: v }: StateOf<RAdamState>,
    o: OptionTensors<RAdamOptions>,
    { isAdaptive, rectification }: Factors,
  ): void {
    const [beta1, beta2] = o.betas;
    const d = decayed(p, g, o, o.decoupledWeightDecay);
    average(m, d, beta1);
    average(v, d.square(), beta2);
    const mean = m.mul(o.lr.div(sub(1, pow(beta1, step))));
    const adapted = mean.mul(rectification.to(p.dtype)).div(v.sqrt().add(o.eps));
    p.copy_(p.sub(where(isAdaptive, adapted, mean)));
  }
}

function factorsOf(beta2: Tensor, step: Tensor): Factors {
  const power = pow(beta2, step);
  const correction = sub(1, power);
  const last = div(2, sub(1, beta2)).sub(1);
  const rho = last.sub(step.mul(power).mul(2).div(correction));
  const ratio = rho
    .sub(4)
    .mul(rho.sub(2))
    .mul(last)
    .div(last.sub(4).mul(last.sub(2)).mul(rho));
  return { isAdaptive: rho.gt(5), rectification: maximum(ratio, 0).mul(correction).sqrt() };
}
