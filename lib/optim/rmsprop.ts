import { ArgumentError, checkFlag } from '../errors.js';
import { kernel } from '../native.js';
import { zerosLike } from '../ops/creation.js';
import type { Tensor } from '../tensor.js';
import { average, penalised } from './formulas.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';
import type { Update } from './update.js';

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

interface RMSpropState {
  square_avg: Tensor;
  momentum_buffer?: Tensor;
  grad_avg?: Tensor;
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
export class RMSprop extends Optimizer<RMSpropOptions, RMSpropState> {
  constructor(params: Parameters<RMSpropOptions>, ...args: OptimizerArguments<RMSpropOptions>) {
    const numbers = { lr: 1e-2, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0 };
    super('RMSprop', params, { ...numbers, centered: false, maximize: false }, ...args);
  }

  protected override checkGroup(o: RMSpropOptions): void {
    checkRates('RMSprop', o, ['lr', 'alpha', 'eps', 'weightDecay', 'momentum']);
    if (o.alpha > 1) throw new ArgumentError(`RMSprop: alpha must be at most 1, got ${o.alpha}`);
    checkFlag('RMSprop', 'centered', o.centered);
    checkFlag('RMSprop', 'maximize', o.maximize);
  }

  protected override flags(o: RMSpropOptions): readonly unknown[] {
    return [o.momentum === 0];
  }

  protected init(p: Tensor, o: RMSpropOptions): RMSpropState {
    return {
      square_avg: zerosLike(p),
      ...(o.momentum > 0 && { momentum_buffer: zerosLike(p) }),
      ...(o.centered && { grad_avg: zerosLike(p) }),
    };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<RMSpropState>, o: OptionTensors<RMSpropOptions>): void {
    const { square_avg: v, grad_avg: m, momentum_buffer: b } = state;
    const d = penalised(p, g, o);
    average(v, d.square(), o.alpha);
    if (m) average(m, d, o.alpha);
    const variance = m ? v.sub(m.square()) : v;
    const step = d.div(variance.sqrt().add(o.eps));
    if (b) b.copy_(b.mul(o.momentum).add(step));
    p.copy_(p.sub((b ?? step).mul(o.lr)));
  }

  /** @internal */
  protected override applyAll(update: Update<RMSpropOptions>): void {
    update.call(rmspropKernel, ['square_avg', 'grad_avg', 'momentum_buffer'], [update.group.maximize]);
  }
}
