import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { checkFunction, formatShape, ShapeError } from '../errors.js';
import { detach } from '../ops/copy.js';
import { add, mul, square, sub } from '../ops/elementwise.js';
import type { Generator } from '../ops/generator.js';
import { checkGenerator, rand } from '../ops/random.js';
import { mean, sum } from '../ops/reduce.js';
import { norm } from '../ops/reduce-statistics.js';
import { reshape } from '../ops/shape.js';
import { sameShape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { gradientBy } from './callable.js';

/** Options of {@link gradientPenalty}. */
export interface GradientPenaltyOptions {
  generator?: Generator;
}

/**
 * What keeps the critic of a Wasserstein GAN steep and no steeper: the mean over the batch of (|∇ critic(x̂)|₂ - 1)², at points
 * x̂ = α · real + (1 - α) · fake with one α from [0, 1) a sample. It can be differentiated by the critic's parameters: second derivatives.
 * Gulrajani et al., "Improved training of Wasserstein GANs", 2017, https://arxiv.org/abs/1704.00028
 *
 * @param critic a function from [n, …] to one score a sample; samples must not change each other, as in batch norm
 * @param real float [n, …]
 * @param fake like real; no gradient flows into either
 * @param args option: generator
 * @returns a scalar, to be added to the critic's loss ten times, say
 * @throws ShapeError, DTypeError when the two differ; AutogradError for a critic that has no gradient
 * @example
 * const penalty = nn.functional.gradientPenalty((x) => x.square().sum(1), ones([4, 2]), zeros([4, 2]));
 */
export function gradientPenalty(
  critic: (x: Tensor) => Tensor,
  real: Tensor,
  fake: Tensor,
  ...args: Positional<GradientPenaltyOptions, []>
): Tensor {
  const name = 'gradientPenalty';
  checkFunction(name, 'critic', critic);
  checkFloat(name, 'real', checkTensor(name, 'real', real));
  checkTensor(name, 'fake', fake);
  checkSameDType(name, ['real', 'fake'], [real, fake]);
  const options = optionsOf<GradientPenaltyOptions>(name, args, [], ['generator']);
  const generator = checkGenerator(name, options.generator);
  if (real.rank === 0 || real.size === 0 || !sameShape(real.dims, fake.dims)) {
    const got = `real ${formatShape(real.dims)} and fake ${formatShape(fake.dims)}`;
    throw new ShapeError(`${name}: real and fake must be [n, …] of the same shape and not empty, got ${got}`);
  }
  return allOrNothing(() => {
    const n = real.dims[0] as number;
    const shares = rand([n, ...real.dims.slice(1).fill(1)], { dtype: real.dtype, generator });
    const [to, from] = [detach(real), detach(fake)];
    const between = detach(add(mul(sub(to, from), shares), from));
    between.requiresGrad = true;
    const scores = critic(between);
    if (checkTensor(name, 'the score', scores).size !== n) {
      throw new ShapeError(
        `${name}: critic must give one score for each of ${n} samples, got ${formatShape(scores.dims)}`,
      );
    }
    const slope = gradientBy(name, ['critic', 'x'], sum(scores), between, true);
    return mean(square(sub(norm(reshape(slope, [n, -1]), 2, 1), 1)));
  });
}
