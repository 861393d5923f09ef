import { checkFlag, checkNumber } from '../errors.js';
import { zerosLike } from '../ops/creation.js';
import type { Tensor } from '../tensor.js';
import { average, penalised } from './formulas.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';

export interface AdadeltaOptions {
  /** Learning rate; default 1. */
  lr: number;
  /** Decay of the averages of the squared gradient and of the squared step; default 0.9. */
  rho: number;
  /** Added to both averages under the root; default 1e-6. */
  eps: number;
  /** L2 penalty; default 0. */
  weightDecay: number;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface AdadeltaState {
  square_avg: Tensor;
  acc_delta: Tensor;
}

/**
 * Adadelta (Zeiler, "ADADELTA: an adaptive learning rate method", 2012, https://arxiv.org/abs/1212.5701), PyTorch's formulas,
 * for each parameter θ with gradient g:
 *
 *     g = g + weightDecay · θ
 *     v = rho · v + (1 - rho) g²
 *     Δ = g · √(u + eps) / √(v + eps)
 *     u = rho · u + (1 - rho) Δ²
 *     θ = θ - lr · Δ
 *
 * State: `step`, `square_avg` (v), `acc_delta` (u).
 *
 * @example
 * const optimizer = new optim.Adadelta(model.parameters(), { rho: 0.95 });
 */
export class Adadelta extends Optimizer<AdadeltaOptions, AdadeltaState> {
  constructor(params: Parameters<AdadeltaOptions>, ...args: OptimizerArguments<AdadeltaOptions>) {
    super('Adadelta', params, { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false }, ...args);
  }

  protected override checkGroup(o: AdadeltaOptions): void {
    checkRates('Adadelta', o, ['lr', 'eps', 'weightDecay']);
    checkNumber('Adadelta', 'rho', o.rho, { min: 0, max: 1 });
    checkFlag('Adadelta', 'maximize', o.maximize);
  }

  protected init(p: Tensor): AdadeltaState {
    return { square_avg: zerosLike(p), acc_delta: zerosLike(p) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<AdadeltaState>, o: OptionTensors<AdadeltaOptions>): void {
    const { square_avg: v, acc_delta: u } = state;
    const d = penalised(p, g, o);
    average(v, d.square(), o.rho);
    const step = d.mul(u.add(o.eps).sqrt()).div(v.add(o.eps).sqrt());
    average(u, step.square(), o.rho);
    p.copy_(p.sub(step.mul(o.lr)));
  }
}
