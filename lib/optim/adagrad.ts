import { checkFlag } from '../errors.js';
import { callWithLists, kernel } from '../native.js';
import { checkRate, noHandles, Optimizer, type Parameters, type UpdateLists } from './optimizer.js';

const adagradKernel = kernel('adagrad', 'parameters gradients sums steps hyper maximize');

export interface AdagradOptions {
  /** Learning rate; default 0.01. */
  lr: number;
  /** How fast the learning rate falls with the steps; default 0. */
  lrDecay: number;
  /** L2 penalty; default 0. */
  weightDecay: number;
  /** What the sums of squares begin with; default 0. */
  initialAccumulatorValue: number;
  /** Added to the denominator; default 1e-10. */
  eps: number;
  /** Go up the gradient; default false. */
  maximize: boolean;
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
export class Adagrad extends Optimizer<AdagradOptions> {
  constructor(params: Parameters<AdagradOptions>, options?: Partial<AdagradOptions>) {
    const numbers = { lr: 1e-2, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 };
    super('Adagrad', params, { ...numbers, maximize: false }, options);
  }

  protected checkGroup(o: AdagradOptions): void {
    const names = ['lr', 'lrDecay', 'weightDecay', 'initialAccumulatorValue', 'eps'] as const;
    for (const name of names) checkRate('Adagrad', name, o[name]);
    checkFlag('Adagrad', 'maximize', o.maximize);
  }

  protected stateNames(): readonly string[] {
    return ['sum'];
  }

  protected override initialState(o: AdagradOptions): number {
    return o.initialAccumulatorValue;
  }

  protected numbers(o: AdagradOptions): readonly number[] {
    return [o.lr, o.lrDecay, o.weightDecay, o.eps];
  }

  protected flags(o: AdagradOptions): readonly number[] {
    return [Number(o.maximize)];
  }

  protected update({ params, gradients, state, steps, hyper, flags }: UpdateLists): void {
    callWithLists(adagradKernel, [...params, ...gradients, ...(state.sum ?? noHandles), ...steps, hyper, ...flags]);
  }
}
