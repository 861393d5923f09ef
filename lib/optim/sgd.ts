import { ArgumentError, checkFlag, checkNumber } from '../errors.js';
import { callWithLists, kernel } from '../native.js';
import { checkRate, noHandles, Optimizer, type Parameters, type UpdateLists } from './optimizer.js';

const sgdKernel = kernel('sgd', 'parameters gradients momentumBuffers steps hyper nesterov maximize');

export interface SGDOptions {
  /** Learning rate; default 0.001. */
  lr: number;
  /** Default 0. */
  momentum: number;
  /** Share of the gradient that does not enter the momentum buffer; default 0. */
  dampening: number;
  /** L2 penalty; default 0. */
  weightDecay: number;
  /** Look one step ahead (Nesterov, 1983; Sutskever et al., 2013); default false. Needs momentum and no dampening. */
  nesterov: boolean;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

/**
 * Stochastic gradient descent with momentum, PyTorch's formulas, for each parameter θ with gradient g:
 *
 *     d = g + weightDecay · θ
 *     b = momentum · b + (1 - dampening) · d      (b = d at the first step)
 *     θ = θ - lr · (nesterov ? d + momentum · b : b)
 *
 * State: `momentum_buffer` of the parameter's shape.
 *
 * @example
 * const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(params: Parameters<SGDOptions>, options?: Partial<SGDOptions>) {
    const defaults = { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false };
    super('SGD', params, defaults, options);
  }

  protected checkGroup(o: SGDOptions): void {
    for (const name of ['lr', 'momentum', 'weightDecay'] as const) checkRate('SGD', name, o[name]);
    checkNumber('SGD', 'dampening', o.dampening);
    checkFlag('SGD', 'nesterov', o.nesterov);
    checkFlag('SGD', 'maximize', o.maximize);
    if (o.nesterov && (o.momentum === 0 || o.dampening !== 0)) {
      throw new ArgumentError(
        `SGD: nesterov needs momentum above 0 and dampening 0, got ${o.momentum} and ${o.dampening}`,
      );
    }
  }

  protected stateNames(o: SGDOptions): readonly string[] {
    return o.momentum === 0 ? [] : ['momentum_buffer'];
  }

  protected numbers(o: SGDOptions): readonly number[] {
    return [o.lr, o.momentum, o.dampening, o.weightDecay];
  }

  protected flags(o: SGDOptions): readonly number[] {
    return [Number(o.nesterov), Number(o.maximize)];
  }

  protected update({ params, gradients, state, steps, hyper, flags }: UpdateLists): void {
    const buffers = state.momentum_buffer ?? noHandles;
    callWithLists(sgdKernel, [...params, ...gradients, ...buffers, ...steps, hyper, ...flags]);
  }
}
