import { ArgumentError, checkFlag, checkNumber } from '../errors.js';
import { kernel } from '../native.js';
import { zerosLike } from '../ops/creation.js';
import { sub } from '../ops/elementwise.js';
import { where } from '../ops/elementwise-compare.js';
import type { Tensor } from '../tensor.js';
import { penalised } from './formulas.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';
import type { Update } from './update.js';

const sgdKernel = kernel('sgd', 'parameters gradients momentumBuffers steps hyper nesterov maximize');

export interface SGDOptions {
  /** Learning rate; default 0.001. */
  lr: number;
  /** Default 0. */
  momentum: number;
  /** The fraction of the gradient that is left out of the momentum buffer; default 0. */
  dampening: number;
  /** L2 penalty; default 0. */
  weightDecay: number;
  /** Look one step ahead (Nesterov, 1983; Sutskever et al., 2013); default false. Needs momentum and no dampening. */
  nesterov: boolean;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface SGDState {
  momentum_buffer?: Tensor;
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
export class SGD extends Optimizer<SGDOptions, SGDState> {
  constructor(params: Parameters<SGDOptions>, ...args: OptimizerArguments<SGDOptions>) {
    const defaults = { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false };
    super('SGD', params, defaults, ...args);
  }

  protected override checkGroup(o: SGDOptions): void {
    checkRates('SGD', o, ['lr', 'momentum', 'weightDecay']);
    checkNumber('SGD', 'dampening', o.dampening);
    checkFlag('SGD', 'nesterov', o.nesterov);
    checkFlag('SGD', 'maximize', o.maximize);
    if (o.nesterov && (o.momentum === 0 || o.dampening !== 0)) {
      throw new ArgumentError(
        `SGD: nesterov needs momentum above 0 and dampening 0, got ${o.momentum} and ${o.dampening}`,
      );
    }
  }

  protected override flags(o: SGDOptions): readonly unknown[] {
    return [o.momentum === 0];
  }

  protected init(p: Tensor, o: SGDOptions): SGDState {
    return o.momentum === 0 ? {} : { momentum_buffer: zerosLike(p) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<SGDState>, o: OptionTensors<SGDOptions>): void {
    const { step, momentum_buffer: b } = state;
    let d = penalised(p, g, o);
    if (b) {
      b.copy_(where(step.eq(1), d, b.mul(o.momentum).add(d.mul(sub(1, o.dampening)))));
      d = o.nesterov ? d.add(b.mul(o.momentum)) : b;
    }
    p.copy_(p.sub(d.mul(o.lr)));
  }

  /** @internal */
  protected override applyAll(update: Update<SGDOptions>): void {
    const { nesterov, maximize } = update.group;
    update.call(sgdKernel, ['momentum_buffer'], [nesterov, maximize]);
  }
}
