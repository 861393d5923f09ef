import { layersChanged } from '../context.js';
import { ArgumentError } from '../errors.js';
import { keep } from '../memory.js';
import { checkTensor, type Tensor } from '../tensor.js';

const roles = new WeakMap<Tensor, 'parameter' | 'buffer'>();

/** @internal */
export function roleOf(t: Tensor): 'parameter' | 'buffer' | undefined {
  return roles.get(t);
}

/**
 * Makes a tensor a parameter: as a property of a module it is trained, saved and counted. It outlives every scope.
 *
 * @param t float32 or float64, not the result of a recorded operation; becomes `requiresGrad`
 * @throws ArgumentError when t is the result of a recorded operation, DTypeError when it is not a float tensor
 * @example
 * this.scale = nn.parameter(ones([features]));
 */
export function parameter(t: Tensor): Tensor {
  checkTensor('parameter', 'tensor', t);
  if (!t.isLeaf)
    throw new ArgumentError('parameter: tensor must be a leaf, got the result of a recorded operation; use detach()');
  t.requiresGrad = true;
  return assign(t, 'parameter');
}

/**
 * Makes a tensor a buffer: as a property of a module it is saved, but not trained. It outlives every scope.
 *
 * @throws ArgumentError when t is not a tensor
 * @example
 * this.count = nn.buffer(zeros([1]));
 */
export function buffer(t: Tensor): Tensor {
  return assign(checkTensor('buffer', 'tensor', t), 'buffer');
}

function assign(t: Tensor, role: 'parameter' | 'buffer'): Tensor {
  keep(t);
  roles.set(t, role);
  layersChanged(); // a module may have got it under a new name
  return t;
}
