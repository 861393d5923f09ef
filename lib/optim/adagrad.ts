import { checkFlag } from '../errors.js';
import { kernel } from '../native.js';
import { fullLike } from '../ops/creation.js';
import { add } from '../ops/elementwise.js';
import type { Tensor } from '../tensor.js';
import { penalised } from './formulas.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';
import type { Update } from './update.js';

const adagradKernel = kernel('adagrad', 'parameters gradients sums steps hyper maximize');

export interface AdagradOptions {
  /** Learning rate; default 0.01. */
  lr: number;
  /** How fast the learning rate falls with the steps; default 0. */
  lrDecay: number;
  /** L2 penalty; default 0. */
  weightDecay: number;
  /** The initial sums of squares; default 0. */
  initialAccumulatorValue: number;
  /** Added to the denominator; default 1e-10. */
  eps: number;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface AdagradState {
  sum: Tensor;
}

/**
 * Adagrad (Duchi, Hazan, Singer, 2011, https://jmlr.org/papers/v12/duchi11a.html), PyTorch's formulas, for each parameter θ with
 * gradient g at its step t = 1, 2, …:
 *
 *     g = g + weightDecay · θ
 *     s = s + g²
 *     θ = θ - lr / (1 + (t - 1) · lrDecay) · g / (√s + eps)
 *
 * State: `step`, `sum` (s).
 *
 * @example
 * const optimizer = new optim.Adagrad(model.parameters(), { lr: 0.05 });
 */
export class Adagrad extends Optimizer<AdagradOptions, AdagradState> {
  constructor(params: Parameters<AdagradOptions>, ...args: OptimizerArguments<AdagradOptions>) {
    const numbers = { lr: 1e-2, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 };
    super('Adagrad', params, { ...numbers, maximize: false }, ...args);
  }

  protected override checkGroup(o: AdagradOptions): void {
    checkRates('Adagrad', o, ['lr', 'lrDecay', 'weightDecay', 'initialAccumulatorValue', 'eps']);
    checkFlag('Adagrad', 'maximize', o.maximize);
  }

  protected init(p: Tensor, o: AdagradOptions): AdagradState {
    return { sum: fullLike(p, o.initialAccumulatorValue) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<AdagradState>, o: OptionTensors<AdagradOptions>): void {
    const { step, sum } = state;
    const d = penalised(p, g, o);
    sum.add_(d.square());
    const rate = o.lr.div(add(1, step.sub(1).mul(o.lrDecay)));
    p.copy_(p.sub(d.mul(rate).div(sum.sqrt().add(o.eps))));
  }

  /** @internal */
  protected override applyAll(update: Update<AdagradOptions>): void {
    update.call(adagradKernel, ['sum'], [update.group.maximize]);
  }
}
