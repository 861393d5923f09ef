// Activations by the names that Keras and TensorFlow.js have for them.
import { describe } from '../errors.js';
import type { Tensor } from '../tensor.js';
import type { LayerConfig } from './tfjs-config.js';

/** @internal */
export type Activation = (x: Tensor) => Tensor;

const activations: Readonly<Record<string, Activation>> = {
  elu: (x) => x.elu(),
  exponential: (x) => x.exp(),
  gelu: (x) => x.gelu(),
  gelunew: (x) => x.gelu('tanh'),
  hardsigmoid: (x) => x.mul(0.2).add(0.5).clamp(0, 1),
  linear: (x) => x,
  logsoftmax: (x) => x.logSoftmax(-1),
  mish: (x) => x.mish(),
  relu: (x) => x.relu(),
  relu6: (x) => x.clamp(0, 6),
  selu: (x) => x.selu(),
  sigmoid: (x) => x.sigmoid(),
  silu: (x) => x.silu(),
  softmax: (x) => x.softmax(-1),
  softplus: (x) => x.softplus(),
  softsign: (x) => x.div(x.abs().add(1)),
  swish: (x) => x.silu(),
  tanh: (x) => x.tanh(),
};

/** @internal The activation that a configuration names: `hard_sigmoid` or `hardSigmoid`. */
export function activationOf(c: LayerConfig, name = 'activation', fallback = 'linear'): Activation {
  const given = c.get(name) ?? fallback;
  const key = typeof given === 'string' ? given.replaceAll('_', '').toLowerCase() : '';
  const found = Object.hasOwn(activations, key) ? activations[key] : undefined;
  if (found !== undefined) return found;
  throw c.fail(`must have one of ${Object.keys(activations).join(', ')} as ${name}, got ${describe(given)}`);
}
