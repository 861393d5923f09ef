// Gradients of several tasks that do not work against each other.
import { allOrNothing } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import { grad } from '../backward/engine.js';
import { ArgumentError } from '../errors.js';
import { listOf } from '../lists.js';
import { checkLosses } from '../nn/uncertainty-weighting.js';
import { eye, zeros } from '../ops/creation.js';
import { div, minimum, mul, sub } from '../ops/elementwise.js';
import { where } from '../ops/elementwise-compare.js';
import type { Generator } from '../ops/generator.js';
import { oneHot } from '../ops/indexing.js';
import { matmul } from '../ops/matmul.js';
import { rand } from '../ops/random.js';
import { sum } from '../ops/reduce.js';
import { reshape } from '../ops/shape.js';
import { cat, slice, stack } from '../ops/shape-slice.js';
import { argsort } from '../ops/sort.js';
import { checkOptions } from '../options.js';
import { checkTensor, type Tensor } from '../tensor.js';

/**
 * Gradient surgery (PCGrad): a loss whose gradient is the sum of the tasks' gradients, from each of which its part against another task's
 * gradient was taken: for the others j in random order, where gᵢ · gⱼ < 0, gᵢ = gᵢ - (gᵢ · gⱼ / |gⱼ|²) gⱼ. It is Σ wᵢ · lossᵢ,
 * with weights that follow from the products of the gradients; its value says nothing about progress. It takes a backward pass for each task, and that of the result.
 *
 * Yu et al., "Gradient surgery for multi-task learning", 2020, https://arxiv.org/abs/2001.06782
 *
 * @param losses one scalar for each task
 * @param parameters those over which gradients are compared; each must have `requiresGrad`
 * @param options generator: draws the orders; default the global one
 * @returns a scalar, for `backward`
 * @throws ArgumentError, ShapeError or DTypeError for other losses or parameters, AutogradError when one has no graph
 * @example
 * const [trunk, a, b] = [new nn.Linear(4, 8), new nn.Linear(8, 1), new nn.Linear(8, 1)];
 * const shared = trunk.forward(randn([16, 4])).tanh();
 * const losses = [a.forward(shared).square().mean(), b.forward(shared).sub(1).square().mean()];
 * optim.pcGrad(losses, trunk.parameters()).backward();
 */
export function pcGrad(
  losses: readonly Tensor[],
  parameters: Iterable<Tensor>,
  options: { generator?: Generator } = {},
): Tensor {
  const name = 'pcGrad';
  const list = checkLosses(name, losses);
  const params = listOf(name, 'parameters', parameters, 'must be tensors', (p) =>
    checkTensor(name, 'a parameter', p as Tensor),
  );
  if (params.length === 0) throw new ArgumentError(`${name}: parameters must be at least one tensor, got none`);
  checkOptions(name, options, ['generator']);
  return allOrNothing(() => {
    const { generator } = options;
    const order = rand([list.length, list.length], {
      dtype: list[0]?.dtype as 'float32',
      ...(generator !== undefined && { generator }),
    });
    const gradients = list.map((loss) =>
      flattened(grad([loss], params, { retainGraph: true, allowUnused: true }), params),
    );
    return sum(
      mul(
        stack(list),
        noGrad(() => weightsOf(stack(gradients), argsort(order, 1))),
      ),
    );
  });
}

function flattened(gradients: readonly (Tensor | null)[], params: readonly Tensor[]): Tensor {
  return cat(
    params.map((p, i) => {
      const g = gradients[i];
      return g ? reshape(g, [p.size]) : zeros([p.size], { dtype: p.dtype });
    }),
  );
}

/**
 * How often each task's gradient is in the sum of all after the surgery. Row i of `parts` says it of task i; the products with all
 * gradients follow from those before, so that the long vectors are read once.
 *
 * @param gradients [tasks, numbers]
 * @param order int32 [tasks, tasks]: a permutation for each task
 */
function weightsOf(gradients: Tensor, order: Tensor): Tensor {
  const { dtype } = gradients;
  const [tasks] = gradients.dims as [number];
  const products = matmul(gradients, gradients, { transposeB: true });
  const self = eye(tasks, { dtype });
  const squares = sum(mul(products, self), 1);
  const lengths = where(squares.gt(0), squares, 1);
  let parts = self;
  for (let k = 0; k < tasks; k++) {
    const other = oneHot(reshape(slice(order, { dim: 1, start: k, end: k + 1 }), [tasks]), tasks, { dtype });
    const dots = minimum(mul(matmul(parts, products), sub(other, mul(other, self))), 0);
    parts = sub(parts, div(dots, lengths));
  }
  return sum(parts, 0);
}
