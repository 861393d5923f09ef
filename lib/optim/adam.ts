import { checkFlag } from '../errors.js';
import { kernel } from '../native.js';
import { zerosLike } from '../ops/creation.js';
import { maximum, pow, sub } from '../ops/elementwise.js';
import type { Tensor } from '../tensor.js';
import { average, decayed } from './formulas.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkBetas, checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';
import type { Update } from './update.js';

const adamKernel = kernel(
  'adam',
  'parameters gradients averages averageSquares maxAverageSquares steps hyper decoupled maximize',
);

export interface AdamOptions {
  /** Learning rate; default 0.001. */
  lr: number;
  /** Decay of the averages of the gradient and of its square; default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the denominator; default 1e-8. */
  eps: number;
  /** Adam: L2 penalty, default 0. AdamW: decoupled decay, default 0.01. */
  weightDecay: number;
  /** Divide by the largest average so far (Reddi et al., "On the convergence of Adam and beyond", 2018); default false. */
  amsgrad: boolean;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface AdamState {
  exp_avg: Tensor;
  exp_avg_sq: Tensor;
  max_exp_avg_sq?: Tensor;
}

/**
 * Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2014, https://arxiv.org/abs/1412.6980), PyTorch's
 * formulas, for each parameter θ with gradient g at its step t = 1, 2, …:
 *
 *     g = g + weightDecay · θ
 *     m = β₁ m + (1 - β₁) g;   v = β₂ v + (1 - β₂) g²
 *     θ = θ - lr · m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + eps)
 *
 * State: `step`, `exp_avg` (m), `exp_avg_sq` (v), with amsgrad `max_exp_avg_sq`.
 *
 * @example
 * const optimizer = new optim.Adam(model.parameters(), 1e-3);
 */
export class Adam extends Optimizer<AdamOptions, AdamState> {
  /** @internal What AdamW has instead; `decoupled`: whether the decay is apart from the gradient. */
  static readonly _own = { name: 'Adam', weightDecay: 0, decoupled: false };
  private readonly decoupled: boolean;

  constructor(params: Parameters<AdamOptions>, ...args: OptimizerArguments<AdamOptions>) {
    const { name, weightDecay, decoupled } = new.target._own;
    const flags = { amsgrad: false, maximize: false };
    super(name, params, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay, ...flags }, ...args);
    this.decoupled = decoupled;
  }

  protected override checkGroup(o: AdamOptions): void {
    checkRates(this.name, o, ['lr', 'eps', 'weightDecay']);
    checkBetas(this.name, o.betas);
    checkFlag(this.name, 'amsgrad', o.amsgrad);
    checkFlag(this.name, 'maximize', o.maximize);
  }

  protected init(p: Tensor, o: AdamOptions): AdamState {
    const averages = { exp_avg: zerosLike(p), exp_avg_sq: zerosLike(p) };
    return o.amsgrad ? { ...averages, max_exp_avg_sq: zerosLike(p) } : averages;
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<AdamState>, o: OptionTensors<AdamOptions>): void {
    const { step, exp_avg: m, exp_avg_sq: v, max_exp_avg_sq: largest } = state;
    const [beta1, beta2] = o.betas;
    const d = decayed(p, g, o, this.decoupled);
    average(m, d, beta1);
    average(v, d.square(), beta2);
    if (largest) largest.copy_(maximum(largest, v));
    const mean = m.div(sub(1, pow(beta1, step)));
    const square = (largest ?? v).div(sub(1, pow(beta2, step)));
    p.copy_(p.sub(mean.mul(o.lr).div(square.sqrt().add(o.eps))));
  }

  /** @internal */
  protected override applyAll(update: Update<AdamOptions>): void {
    const names = ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'];
    update.call(adamKernel, names, [this.decoupled, update.group.maximize]);
  }
}

/**
 * Adam with weight decay decoupled from the gradient (Loshchilov and Hutter, "Decoupled weight decay regularization", 2017,
 * https://arxiv.org/abs/1711.05101): θ = θ - lr · weightDecay · θ before Adam's step without its penalty. Default
 * weightDecay 0.01.
 *
 * @example
 * const optimizer = new optim.AdamW(model.parameters(), 1e-3, { weightDecay: 0.1 });
 */
export class AdamW extends Adam {
  /** @internal */
  static override readonly _own = { name: 'AdamW', weightDecay: 0.01, decoupled: true };
}
