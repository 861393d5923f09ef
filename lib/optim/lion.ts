import { checkFlag } from '../errors.js';
import { zerosLike } from '../ops/creation.js';
import { sub } from '../ops/elementwise.js';
import type { Tensor } from '../tensor.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkBetas, checkRates, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';

export interface LionOptions {
  /** Learning rate; default 1e-4. */
  lr: number;
  /** The part of the average in the direction of a step, and in the next average; default [0.9, 0.99]. */
  betas: readonly [number, number];
  /** Decay apart from the gradient; default 0. */
  weightDecay: number;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface LionState {
  exp_avg: Tensor;
}

/**
 * Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023, https://arxiv.org/abs/2302.06675), algorithm 2,
 * for each parameter θ with gradient g:
 *
 *     θ = θ - lr · (sign(β₁ m + (1 - β₁) g) + weightDecay · θ)
 *     m = β₂ m + (1 - β₂) g
 *
 * Its learning rate is some 3 to 10 times smaller than AdamW's, its decay as many times larger. PyTorch does not have it.
 *
 * State: `step`, `exp_avg` (m).
 *
 * @example
 * const optimizer = new optim.Lion(model.parameters(), 1e-4, { weightDecay: 0.1 });
 */
export class Lion extends Optimizer<LionOptions, LionState> {
  constructor(params: Parameters<LionOptions>, ...args: OptimizerArguments<LionOptions>) {
    super('Lion', params, { lr: 1e-4, betas: [0.9, 0.99], weightDecay: 0, maximize: false }, ...args);
  }

  protected override checkGroup(o: LionOptions): void {
    checkRates('Lion', o, ['lr', 'weightDecay']);
    checkBetas('Lion', o.betas);
    checkFlag('Lion', 'maximize', o.maximize);
  }

  protected init(p: Tensor): LionState {
    return { exp_avg: zerosLike(p) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<LionState>, o: OptionTensors<LionOptions>): void {
    const { exp_avg: m } = state;
    const d = o.maximize ? g.neg() : g;
    const mix = (beta: Tensor) => m.mul(beta).add(d.mul(sub(1, beta)));
    p.copy_(p.sub(mix(o.betas[0]).sign().add(p.mul(o.weightDecay)).mul(o.lr)));
    m.copy_(mix(o.betas[1]));
  }
}
