import { abs, maximum, optim, pow, sub, type Tensor, zerosLike } from '../../lib/index.js';

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

/** Adamax (Kingma and Ba, 2014), PyTorch's formulas: an optimizer as users write one. */
export class Adamax extends optim.Optimizer<AdamaxOptions, AdamaxState> {
  constructor(params: optim.Parameters<AdamaxOptions>, options?: Partial<AdamaxOptions>) {
    const defaults: AdamaxOptions = { lr: 2e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false };
    super('Adamax', params, defaults, options);
  }

  protected init(p: Tensor): AdamaxState {
    return { exp_avg: zerosLike(p), exp_inf: zerosLike(p) };
  }

  protected apply(
    p: Tensor,
    g: Tensor,
    { step, exp_avg: m, exp_inf: u }: optim.StateOf<AdamaxState>,
    { lr, betas: [beta1, beta2], eps, weightDecay, maximize }: optim.OptionTensors<AdamaxOptions>,
  ): void {
    const d = (maximize ? g.neg() : g).add(p.mul(weightDecay));
    m.copy_(m.mul(beta1).add(d.mul(sub(1, beta1))));
    u.copy_(maximum(u.mul(beta2), abs(d).add(eps)));
    p.copy_(p.sub(m.div(u).mul(lr.div(sub(1, pow(beta1, step))))));
  }
}
