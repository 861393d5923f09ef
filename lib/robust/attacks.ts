// Inputs that are changed so little that nobody sees it, and so that a model errs.
import { allOrNothing } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import {
  ArgumentError,
  checkFlag,
  checkFunction,
  checkInteger,
  checkNumber,
  describe,
  formatShape,
  ShapeError,
} from '../errors.js';
import { type Callable, forwardOf, gradientBy } from '../nn/callable.js';
import { crossEntropy } from '../nn/loss.js';
import { keepStatistics } from '../nn/norm-batch.js';
import { detach } from '../ops/copy.js';
import { add, maximum, minimum, mul, sign, sub } from '../ops/elementwise.js';
import { clamp } from '../ops/elementwise-compare.js';
import { randLike } from '../ops/random-like.js';
import { checkOptions } from '../options.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';

/** What is attacked: a module or a function, from x [n, …] to scores [n, classes]. */
export type Attacked = Callable;

/** Options of {@link fgsm}. */
export interface FgsmOptions {
  /** ε: by how much each number may change. */
  epsilon: number;
  /** The least and the largest value that an input has, [0, 1] for pictures; default none. */
  range?: readonly [least: number, largest: number];
  /** What the attack raises, from the model's output and y to one number; default `nn.functional.crossEntropy`. */
  loss?: (output: Tensor, y: Tensor) => Tensor;
}

/** Options of {@link pgd}. */
export interface PgdOptions extends FgsmOptions {
  /** How many steps; default 10. */
  steps?: number;
  /** By how much each step changes a number; default 2.5 ε / steps. */
  stepSize?: number;
  /** Whether it begins at a random place within ε; default true. */
  randomStart?: boolean;
}

interface Attack {
  readonly x: Tensor;
  readonly epsilon: number;
  /** The sign of the gradient of the loss. */
  uphill(at: Tensor): Tensor;
  /** The nearest input that is allowed. */
  project(at: Tensor): Tensor;
}

const known = ['epsilon', 'range', 'loss'];

function attackOf(operation: string, model: Attacked, x: Tensor, y: Tensor, options: FgsmOptions): Attack {
  const forward = forwardOf(operation, model);
  checkFloat(operation, 'x', checkTensor(operation, 'x', x));
  checkTensor(operation, 'y', y);
  const epsilon = checkNumber(operation, 'epsilon', options?.epsilon, { min: 0 });
  const loss = options.loss === undefined ? crossEntropy : options.loss;
  checkFunction(operation, 'loss', loss);
  const { range } = options;
  const bounds = range === undefined ? null : Array.from(Array.isArray(range) ? range : []);
  if (bounds !== null && !(bounds.length === 2 && bounds.every(Number.isFinite) && bounds[0] < bounds[1])) {
    throw new ArgumentError(
      `${operation}: range must be the least and the largest value, [0, 1] say, got ${describe(range)}`,
    );
  }
  const start = detach(x);
  const [low, high] = noGrad(() => [sub(start, epsilon), add(start, epsilon)]);
  return {
    x: start,
    epsilon,
    uphill: (at) =>
      keepStatistics(() => {
        const input = detach(at);
        input.requiresGrad = true;
        const value = loss(forward(input), y);
        if (checkTensor(operation, 'the loss', value).size !== 1) {
          throw new ShapeError(`${operation}: the loss must be one number, got ${formatShape(value.dims)}`);
        }
        return noGrad(() => sign(gradientBy(operation, ['the loss', 'x'], value, input)));
      }),
    project(at) {
      const near = minimum(maximum(at, low as Tensor), high as Tensor);
      return bounds === null ? near : clamp(near, { min: bounds[0], max: bounds[1] });
    },
  };
}

/**
 * The fast gradient sign method: one step uphill on the loss, x + ε · sign(∂L / ∂x).
 *
 * Leaves the model's mode, gradients and running statistics as they are. Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples", 2015,
 * https://arxiv.org/abs/1412.6572
 *
 * @param model in eval mode, to see what it is worth; in training mode for adversarial training
 * @param x float [n, …]
 * @param y as the loss takes it: int32 [n], the classes
 * @returns like x
 * @throws AutogradError for a model without gradients
 * @example
 * const changed = robust.fgsm(model, x, labels, { epsilon: 0.1 }); // [64, 784]
 */
export function fgsm(model: Attacked, x: Tensor, y: Tensor, options: FgsmOptions): Tensor {
  checkOptions('fgsm', options, known);
  const { x: start, epsilon, uphill, project } = attackOf('fgsm', model, x, y, options);
  return allOrNothing(() => {
    const direction = uphill(start);
    return noGrad(() => project(add(start, mul(direction, epsilon))));
  });
}

/**
 * Projected gradient descent, the strongest simple attack: some steps uphill on the loss, each followed by a return to within ε of x. A model that
 * is trained on what this gives withstands it better (adversarial training): `loss(model(pgd(…)), y)` is what is minimised then.
 *
 * Leaves the model's mode, gradients and running statistics as they are.
 *
 * xₖ₊₁ = project(xₖ + stepSize · sign(∂L / ∂xₖ)), by the largest change of a number (L∞). Madry et al., "Towards deep learning models resistant to
 * adversarial attacks", 2018, https://arxiv.org/abs/1706.06083
 *
 * @param model see {@link fgsm}
 * @param x float [n, …]
 * @param y as the loss takes it: int32 [n], the classes
 * @returns like x
 * @throws as {@link fgsm}
 * @example
 * const changed = robust.pgd(model, x, labels, { epsilon: 0.1, steps: 5, range: [-4, 4] }); // [64, 784]
 */
export function pgd(model: Attacked, x: Tensor, y: Tensor, options: PgdOptions): Tensor {
  const operation = 'pgd';
  checkOptions(operation, options, [...known, 'steps', 'stepSize', 'randomStart']);
  const { x: start, epsilon, uphill, project } = attackOf(operation, model, x, y, options);
  const steps = checkInteger(operation, 'steps', options.steps ?? 10, 1, 1e6);
  const stepSize = checkNumber(operation, 'stepSize', options.stepSize ?? (2.5 * epsilon) / steps, { min: 0 });
  const isRandom = checkFlag(operation, 'randomStart', options.randomStart, true);
  return allOrNothing(() => {
    let at = start;
    if (isRandom) at = noGrad(() => project(add(start, mul(sub(mul(randLike(start), 2), 1), epsilon))));
    for (let step = 0; step < steps; step++) {
      const direction = uphill(at);
      at = noGrad(() => project(add(at, mul(direction, stepSize))));
    }
    return at;
  });
}
