import { checkFlag, checkNumber } from '../errors.js';
import { full, ones, zerosLike } from '../ops/creation.js';
import { add, div, maximum, pow } from '../ops/elementwise.js';
import type { Tensor } from '../tensor.js';
import { penalised } from './formulas.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';

export interface ASGDOptions {
  /** Learning rate; default 0.01. */
  lr: number;
  /** How fast the step falls, and a decay of the parameter; default 1e-4. */
  lambd: number;
  /** The power by which the step falls; default 0.75. */
  alpha: number;
  /** The step after which parameters are averaged; default 1e6. */
  t0: number;
  /** L2 penalty; default 0. */
  weightDecay: number;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface ASGDState {
  eta: Tensor;
  mu: Tensor;
  ax: Tensor;
}

/**
 * Averaged stochastic gradient descent (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992,
 * https://doi.org/10.1137/0330046), PyTorch's formulas, for each parameter θ with gradient g at its step t = 1, 2, …:
 *
 *     g = g + weightDecay · θ
 *     θ = θ - eta · (lambd · θ + g)      (eta = lr at the first step)
 *     a = a + mu · (θ - a)               (mu = 1 at the first step)
 *     eta = lr / (1 + lambd · lr · t) ^ alpha;   mu = 1 / max(1, t - t0)
 *
 * State: `step`, `ax` (a, the average), `eta` and `mu`, scalars.
 *
 * @example
 * const optimizer = new optim.ASGD(model.parameters(), 0.01, { t0: 1000 });
 */
export class ASGD extends Optimizer<ASGDOptions, ASGDState> {
  constructor(params: Parameters<ASGDOptions>, ...args: OptimizerArguments<ASGDOptions>) {
    const defaults = { lr: 1e-2, lambd: 1e-4, alpha: 0.75, t0: 1e6, weightDecay: 0, maximize: false };
    super('ASGD', params, defaults, ...args);
  }

  protected override checkGroup(o: ASGDOptions): void {
    checkRates('ASGD', o, ['lr', 'lambd', 'alpha', 'weightDecay']);
    checkNumber('ASGD', 't0', o.t0);
    checkFlag('ASGD', 'maximize', o.maximize);
  }

  protected init(p: Tensor, o: ASGDOptions): ASGDState {
    const { dtype } = p;
    return { eta: full([], o.lr, { dtype }), mu: ones([], { dtype }), ax: zerosLike(p) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<ASGDState>, o: OptionTensors<ASGDOptions>): void {
    const { step, eta, mu, ax } = state;
    const d = penalised(p, g, o);
    p.copy_(p.sub(p.mul(o.lambd.mul(eta))).sub(d.mul(eta)));
    ax.copy_(ax.add(p.sub(ax).mul(mu)));
    eta.copy_(o.lr.div(pow(add(1, o.lambd.mul(o.lr).mul(step)), o.alpha)));
    mu.copy_(div(1, maximum(step.sub(o.t0), 1)));
  }
}
