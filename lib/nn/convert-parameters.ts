// The parameters of a model as one vector, and back.
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, formatShape, ShapeError } from '../errors.js';
import { listOf } from '../lists.js';
import { native } from '../native.js';
import { copy_, to } from '../ops/copy.js';
import { reshape } from '../ops/shape.js';
import { cat } from '../ops/shape-slice.js';
import { checkTensor, type Tensor, view } from '../tensor.js';

function parametersOf(operation: string, parameters: Iterable<Tensor> | Tensor): Tensor[] {
  const list = listOf(operation, 'parameters', parameters, 'must be tensors', (p) =>
    checkTensor(operation, 'a parameter', p),
  );
  if (list.length > 0) return list;
  throw new ArgumentError(`${operation}: parameters must be at least one tensor, got none`);
}

/**
 * All parameters in one vector, one after the other, row-major; differentiable.
 *
 * @param parameters tensors of one dtype
 * @returns [n], as many elements as the parameters have in all
 * @example
 * nn.utils.parametersToVector(new nn.Linear(2, 3).parameters()); // [9]
 */
export function parametersToVector(parameters: Iterable<Tensor> | Tensor): Tensor {
  const list = parametersOf('parametersToVector', parameters);
  return cat(list.map((p) => reshape(p, [-1])));
}

/**
 * Overwrites the parameters with the elements of a vector, in the order of `parametersToVector`. The parameters keep their
 * memory, shape and dtype, so optimizers and compiled steps go on with them.
 *
 * @param vec [n], as many elements as the parameters have in all
 * @throws ShapeError when it has more or fewer; nothing is changed then
 * @example
 * const weights = nn.utils.parametersToVector(model.parameters());
 * nn.utils.vectorToParameters(weights.mul(0.5), model.parameters());
 */
export function vectorToParameters(vec: Tensor, parameters: Iterable<Tensor> | Tensor): void {
  const name = 'vectorToParameters';
  checkTensor(name, 'vec', vec);
  const list = parametersOf(name, parameters);
  const total = list.reduce((sum, p) => sum + p.size, 0);
  if (vec.rank !== 1 || vec.size !== total) {
    throw new ShapeError(`${name}: vec must be [${total}] like the parameters, got vec ${formatShape(vec.dims)}`);
  }
  for (const p of list) native.checkFree(p.handle, true, name); // none is changed if one cannot be
  noGrad(() => {
    let start = 0;
    const parts = list.map((p) => {
      const part = to(view(vec, start, p.dims), p.dtype); // may need memory: before any parameter is written
      start += p.size;
      return part;
    });
    for (const [i, p] of list.entries()) copy_(p, parts[i] as Tensor);
  });
}
