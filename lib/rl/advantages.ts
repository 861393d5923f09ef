// How much better a step went than was expected, from rewards and predicted values.
import { ArgumentError, checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { checkOptions } from '../options.js';
import { sameShape } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';

/** Steps in order, [steps] or [steps, environments], of one dtype, float32 or float64. */
export interface Trajectory {
  rewards: Tensor;
  /** What was predicted for what was seen before each step. */
  values: Tensor;
  /** What is predicted for what each step led to, also where an episode ended: not the first value of the next episode. */
  nextValues: Tensor;
  /** Any dtype; 1 where the task ended: nothing follows. */
  terminated: Tensor;
  /** Any dtype; 1 where the episode was cut. Default: nowhere. */
  truncated?: Tensor;
  /** γ, the discount; default 0.99. */
  gamma?: number;
}

interface Numbers {
  steps: number;
  width: number;
  gamma: number;
  rewards: ArrayLike<number>;
  values: ArrayLike<number>;
  nextValues: ArrayLike<number>;
  terminated: ArrayLike<number>;
  truncated: ArrayLike<number> | null;
  made(numbers: Float64Array): Tensor;
}

function numbersOf(operation: string, given: Trajectory, more: string): Numbers {
  checkOptions(operation, given, ['rewards', 'values', 'nextValues', 'terminated', 'truncated', 'gamma', more]);
  const { gamma = 0.99, truncated } = Object(given) as Trajectory;
  checkNumber(operation, 'gamma', gamma, { min: 0, max: 1 });
  const rewards = checkTensor(operation, 'rewards', given?.rewards);
  const { dtype, shape } = rewards;
  if (dtype !== 'float32' && dtype !== 'float64') {
    throw new ArgumentError(`${operation}: rewards must be float32 or float64, got ${dtype}`);
  }
  if (shape.length < 1 || shape.length > 2) {
    const rule = 'rewards must be [steps] or [steps, environments]';
    throw new ShapeError(`${operation}: ${rule}, got ${formatShape(shape)}`);
  }
  const read = (name: 'values' | 'nextValues' | 'terminated' | 'truncated'): ArrayLike<number> => {
    const t = checkTensor(operation, name, given[name]);
    if (sameShape(t.dims, rewards.dims)) return t.toTypedArray();
    const rule = `${name} must have the shape of rewards ${formatShape(shape)}`;
    throw new ShapeError(`${operation}: ${rule}, got ${formatShape(t.shape)}`);
  };
  const [steps = 0, width = 1] = shape;
  return {
    ...{ steps, width, gamma },
    rewards: rewards.toTypedArray(),
    values: read('values'),
    nextValues: read('nextValues'),
    terminated: read('terminated'),
    truncated: truncated === undefined ? null : read('truncated'),
    made: (numbers) => tensor(dtype === 'float32' ? Float32Array.from(numbers) : numbers, { shape: [...shape] }),
  };
}

/**
 * Generalised advantage estimates, from the last step to the first:
 *
 *     δₜ = rₜ + γ (1 − terminatedₜ) V(sₜ₊₁) − V(sₜ)
 *     Aₜ = δₜ + γ λ (1 − endedₜ) Aₜ₊₁
 *
 * An episode has ended where it terminated or was cut; there, the next one's advantages do not count. The tensors that are returned
 * need no gradient.
 *
 * Schulman et al., "High-dimensional continuous control using generalized advantage estimation", 2016,
 * https://arxiv.org/abs/1506.02438
 *
 * @param trajectory lambda: λ, 0 trusts the values, 1 the rewards; default 0.95
 * @returns advantages, and returns: advantages + values, what a value should be; in the shape of rewards
 * @throws ShapeError for shapes that differ
 * @example
 * const [rewards, values, nextValues] = [tensor([1, 1]), tensor([0, 0]), tensor([0, 0])];
 * const trajectory = { rewards, values, nextValues, terminated: tensor([0, 1]), gamma: 0.5, lambda: 1 };
 * rl.generalizedAdvantageEstimate(trajectory).advantages; // [1.5, 1]
 */
export function generalizedAdvantageEstimate(trajectory: Trajectory & { lambda?: number }): {
  advantages: Tensor;
  returns: Tensor;
} {
  const operation = 'generalizedAdvantageEstimate';
  const given = numbersOf(operation, trajectory, 'lambda');
  const lambda = checkNumber(operation, 'lambda', trajectory.lambda ?? 0.95, { min: 0, max: 1 });
  const { steps, width, gamma, rewards, values, nextValues, terminated, truncated, made } = given;
  const advantages = new Float64Array(steps * width);
  for (let i = steps * width - 1; i >= 0; i--) {
    const value = values[i] as number;
    const next = terminated[i] ? 0 : gamma * (nextValues[i] as number);
    const isLast = i + width >= advantages.length || terminated[i] || truncated?.[i];
    const rest = isLast ? 0 : gamma * lambda * (advantages[i + width] as number);
    advantages[i] = (rewards[i] as number) + next - value + rest;
  }
  return { advantages: made(advantages), returns: made(advantages.map((one, i) => one + (values[i] as number))) };
}

/**
 * The rewards of n steps, and what is predicted to follow them:
 *
 *     Gₜ = Σ_{k<n} γᵏ rₜ₊ₖ + γⁿ V(sₜ₊ₙ)
 *
 * A sum ends earlier where the episode or the trajectory does: with V of what followed, unless the task terminated.
 *
 * Sutton and Barto, "Reinforcement learning: an introduction", 2018, chapter 7, http://incompleteideas.net/book/the-book-2nd.html
 *
 * @param trajectory n: how many rewards, default Infinity: all of the episode's. `values` may be left out
 * @returns in the shape of rewards
 * @throws ShapeError for shapes that differ
 * @example
 * const [rewards, nextValues] = [tensor([1, 1, 1]), tensor([10, 20, 30])];
 * rl.nStepReturns({ rewards, nextValues, terminated: tensor([0, 0, 0]), gamma: 0.5, n: 2 }); // [6.5, 9, 16]
 */
export function nStepReturns(trajectory: Omit<Trajectory, 'values'> & { values?: Tensor; n?: number }): Tensor {
  const operation = 'nStepReturns';
  const { rewards: r, values = r } = Object(trajectory) as { rewards: Tensor; values?: Tensor };
  const given = numbersOf(operation, { ...trajectory, values }, 'n');
  const { n = Number.POSITIVE_INFINITY } = trajectory;
  if (n !== Number.POSITIVE_INFINITY) checkInteger(operation, 'n', n, 1);
  const { steps, width, gamma, rewards, nextValues, terminated, truncated, made } = given;
  const total = steps * width;
  const ends = (i: number): boolean => i + width >= total || Boolean(terminated[i]) || Boolean(truncated?.[i]);
  const sums = new Float64Array(total);
  for (let i = total - 1; i >= 0; i--) {
    if (n === Number.POSITIVE_INFINITY && !ends(i)) {
      sums[i] = (rewards[i] as number) + gamma * (sums[i + width] as number);
      continue;
    }
    let [sum, factor, at] = [0, 1, i];
    for (let k = 1; ; k++, at += width) {
      sum += factor * (rewards[at] as number);
      factor *= gamma;
      if (k === n || ends(at)) break;
    }
    sums[i] = sum + (terminated[at] ? 0 : factor * (nextValues[at] as number));
  }
  return made(sums);
}
