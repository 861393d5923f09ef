import { ArgumentError, checkFlag, describe } from '../errors.js';
import { fullLike, zerosLike } from '../ops/creation.js';
import { maximum, minimum } from '../ops/elementwise.js';
import { where } from '../ops/elementwise-compare.js';
import type { Tensor } from '../tensor.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkRate, type OptimizerArguments, type OptionTensors } from './options.js';
import type { Parameters } from './parameters.js';

export interface RpropOptions {
  /** The size of the first step; default 0.01. */
  lr: number;
  /** The factors of the step where the sign of the gradient changed, below 1, and where it stayed, above 1; default [0.5, 1.2]. */
  etas: readonly [number, number];
  /** The smallest and the largest step; default [1e-6, 50]. */
  stepSizes: readonly [number, number];
  /** Go up the gradient; default false. */
  maximize: boolean;
}

interface RpropState {
  prev: Tensor;
  step_size: Tensor;
}

/**
 * Rprop, which reads the sign of the gradient alone (Riedmiller and Braun, "A direct adaptive method for faster
 * backpropagation learning: the RPROP algorithm", 1993, https://doi.org/10.1109/ICNN.1993.298623), PyTorch's formulas, for
 * each element of a parameter θ with gradient g, of the whole training set:
 *
 *     c = g · previous g
 *     s = s · (c > 0 ? η₊ : c < 0 ? η₋ : 1), within stepSizes      (lr at the first step)
 *     g = c < 0 ? 0 : g
 *     θ = θ - s · sign(g)
 *
 * State: `step`, `prev` (previous g), `step_size` (s).
 *
 * @example
 * const optimizer = new optim.Rprop(model.parameters(), 0.01);
 */
export class Rprop extends Optimizer<RpropOptions, RpropState> {
  constructor(params: Parameters<RpropOptions>, ...args: OptimizerArguments<RpropOptions>) {
    super('Rprop', params, { lr: 1e-2, etas: [0.5, 1.2], stepSizes: [1e-6, 50], maximize: false }, ...args);
  }

  protected override checkGroup(o: RpropOptions): void {
    checkRate('Rprop', 'lr', o.lr);
    const [less, more] = pairOf('etas', o.etas);
    if (!(less > 0 && less < 1 && more > 1)) {
      throw new ArgumentError(`Rprop: etas must be below 1 and above 1, got ${describe(o.etas)}`);
    }
    const [least, most] = pairOf('stepSizes', o.stepSizes);
    if (!(least >= 0 && least <= most)) {
      throw new ArgumentError(`Rprop: stepSizes must be the smallest and the largest, got ${describe(o.stepSizes)}`);
    }
    checkFlag('Rprop', 'maximize', o.maximize);
  }

  protected init(p: Tensor, o: RpropOptions): RpropState {
    return { prev: zerosLike(p), step_size: fullLike(p, o.lr) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<RpropState>, o: OptionTensors<RpropOptions>): void {
    const { prev, step_size: size } = state;
    const [less, more] = o.etas;
    const [least, most] = o.stepSizes;
    const d = o.maximize ? g.neg() : g;
    const change = d.mul(prev);
    const factor = where(change.gt(0), more, where(change.lt(0), less, 1));
    size.copy_(minimum(maximum(size.mul(factor), least), most));
    prev.copy_(where(change.lt(0), 0, d));
    p.copy_(p.sub(size.mul(prev.sign())));
  }
}

function pairOf(name: string, value: unknown): [number, number] {
  const list = Array.isArray(value) ? [...value] : [];
  if (list.length === 2 && list.every(Number.isFinite)) return list as [number, number];
  throw new ArgumentError(`Rprop: ${name} must be two finite numbers, got ${describe(value)}`);
}
