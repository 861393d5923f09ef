// Terms that the formulas of several optimizers have.
import { sub } from '../ops/elementwise.js';
import type { Tensor } from '../tensor.js';

/** A running average: mean = decay · mean + (1 - decay) · x. */
export function average(mean: Tensor, x: Tensor, decay: Tensor): void {
  mean.copy_(mean.mul(decay).add(x.mul(sub(1, decay))));
}

/** The gradient downhill, to which the penalty of the weights is added. */
export function penalised(p: Tensor, g: Tensor, o: { maximize: boolean; weightDecay: Tensor }): Tensor {
  return (o.maximize ? g.neg() : g).add(p.mul(o.weightDecay));
}

/** The same or, where the decay is decoupled from the gradient, the gradient alone: the parameter has decayed then. */
export function decayed(
  p: Tensor,
  g: Tensor,
  o: { maximize: boolean; weightDecay: Tensor; lr: Tensor },
  isDecoupled: boolean,
): Tensor {
  if (!isDecoupled) return penalised(p, g, o);
  p.copy_(p.sub(p.mul(o.lr.mul(o.weightDecay))));
  return o.maximize ? g.neg() : g;
}
