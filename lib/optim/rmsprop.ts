import { ArgumentError, checkFlag } from '../errors.js';
import { callWithLists, kernel } from '../native.js';
import { checkRate, noHandles, Optimizer, type Parameters, type UpdateLists } from './optimizer.js';

const rmspropKernel = kernel('rmsprop', 'parameters gradients squares means buffers steps hyper maximize');

export interface RMSpropOptions {
  /** Learning rate; default 0.01. */
  lr: number;
  /** Decay of the average of the squared gradient; default 0.99. */
  alpha: number;
  /** Added to the denominator; default 1e-8. */
  eps: number;
  /** L2 penalty; default 0. */
  weightDecay: number;
  /** Default 0. */
  momentum: number;
  /** Divide by the estimated deviation of the gradient (Graves, 2013, https://arxiv.org/abs/1308.0850); default false. */
  centered: boolean;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

/**
 * RMSprop (Tieleman and Hinton, lecture 6.5 of "Neural networks for machine learning", 2012,
 * https://www.cs.toronto.edu/~hinton/coursera/lecture6/lec6.pdf), PyTorch's formulas, for each parameter θ with gradient g:
 *
 *     g = g + weightDecay · θ
 *     v = alpha · v + (1 - alpha) g²;   centered: m = alpha · m + (1 - alpha) g, else m = 0
 *     b = momentum · b + g / (√(v - m²) + eps)
 *     θ = θ - lr · b
 *
 * State: `step`, `square_avg` (v), with momentum `momentum_buffer` (b), centered `grad_avg` (m).
 *
 * @example
 * const optimizer = new optim.RMSprop(model.parameters(), { lr: 1e-3 });
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  constructor(params: Parameters<RMSpropOptions>, options?: Partial<RMSpropOptions>) {
    const numbers = { lr: 1e-2, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0 };
    super('RMSprop', params, { ...numbers, centered: false, maximize: false }, options);
  }

  protected checkGroup(o: RMSpropOptions): void {
    for (const name of ['lr', 'alpha', 'eps', 'weightDecay', 'momentum'] as const) checkRate('RMSprop', name, o[name]);
    if (o.alpha > 1) throw new ArgumentError(`RMSprop: alpha must be at most 1, got ${o.alpha}`);
    checkFlag('RMSprop', 'centered', o.centered);
    checkFlag('RMSprop', 'maximize', o.maximize);
  }

  protected stateNames(o: RMSpropOptions): readonly string[] {
    return ['square_avg', ...(o.momentum > 0 ? ['momentum_buffer'] : []), ...(o.centered ? ['grad_avg'] : [])];
  }

  protected numbers(o: RMSpropOptions): readonly number[] {
    return [o.lr, o.alpha, o.eps, o.weightDecay, o.momentum];
  }

  protected flags(o: RMSpropOptions): readonly number[] {
    return [Number(o.maximize)];
  }

  protected update({ params, gradients, state, steps, hyper, flags }: UpdateLists): void {
    const averages = [...(state.square_avg ?? noHandles), ...(state.grad_avg ?? noHandles)];
    const buffers = state.momentum_buffer ?? noHandles;
    callWithLists(rmspropKernel, [...params, ...gradients, ...averages, ...buffers, ...steps, hyper, ...flags]);
  }
}
