// One loss out of the losses of several tasks.
import { ArgumentError, checkEach, describe, formatShape, ShapeError } from '../errors.js';
import { tensor, zeros } from '../ops/creation.js';
import { add, exp, mul, neg } from '../ops/elementwise.js';
import { sum } from '../ops/reduce.js';
import { stack } from '../ops/shape-slice.js';
import { checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { Module } from './module.js';
import { Parameter } from './roles.js';

/** What the loss of a task is: `regression` a mean squared error, `classification` a cross entropy. */
export type TaskKind = 'regression' | 'classification';

/**
 * The losses of several tasks as one, each weighted by how uncertain its answers are, which is learned: Σ c · exp(-s) · loss + s / 2,
 * where s = log σ² is a parameter for each task, and c is 1 for classification, 1 / 2 for regression. Give its parameters to the
 * optimizer, too.
 *
 * | losses | log_variances | y |
 * |---|---|---|
 * | a scalar for each task | [tasks], zeros at first | a scalar |
 *
 * Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses", 2018, https://arxiv.org/abs/1705.07115
 *
 * @throws ArgumentError, ShapeError, DTypeError when there is not one scalar of the parameter's dtype for each task
 * @example
 * const weighting = new nn.UncertaintyWeighting(['classification', 'regression']);
 * weighting.forward([tensor(0.5), tensor(2)]); // 1.5
 */
export class UncertaintyWeighting extends Module {
  readonly kinds: readonly TaskKind[];
  readonly log_variances: Tensor;

  /** @param kinds one for each task */
  constructor(kinds: readonly TaskKind[]) {
    super();
    const name = 'UncertaintyWeighting';
    const all: TaskKind[] = ['regression', 'classification'];
    const rule = `must be an array of ${all.join(' or ')}`;
    const list = checkEach(name, 'kinds', rule, kinds, (kind) => {
      if (all.includes(kind as TaskKind)) return kind as TaskKind;
      throw new ArgumentError(`${name}: kinds ${rule}, got ${describe(kind)}`);
    });
    if (list.length === 0) throw new ArgumentError(`${name}: kinds must be at least one, got none`);
    this.kinds = list;
    this.log_variances = new Parameter(zeros([list.length]));
  }

  forward(losses: readonly Tensor[]): Tensor {
    const name = 'UncertaintyWeighting';
    const { kinds, log_variances: s } = this;
    const list = checkLosses(name, losses);
    if (list.length !== kinds.length) {
      throw new ArgumentError(`${name}: losses must be ${kinds.length}, one for each task, got ${list.length}`);
    }
    checkSameDType(name, ['log_variances', 'losses'], [s, list[0] as Tensor]);
    const factors = tensor(
      Array.from(kinds, (kind) => (kind === 'regression' ? 0.5 : 1)),
      { dtype: s.dtype },
    );
    return sum(add(mul(mul(exp(neg(s)), factors), stack(list)), mul(s, 0.5)));
  }

  override toString(): string {
    return `UncertaintyWeighting(${this.kinds.join(', ')})`;
  }
}

/** @internal The losses of several tasks: scalars of one dtype. */
export function checkLosses(operation: string, losses: readonly Tensor[]): Tensor[] {
  const list = checkEach(operation, 'losses', 'must be an array of tensors', losses, (loss) =>
    checkTensor(operation, 'losses', loss as Tensor),
  );
  if (list.length === 0) throw new ArgumentError(`${operation}: losses must be at least one, got ${describe(losses)}`);
  for (const loss of list) {
    checkSameDType(operation, ['losses', 'losses'], [list[0] as Tensor, loss]);
    if (loss.rank === 0) continue;
    throw new ShapeError(`${operation}: losses must be scalars, got ${formatShape(loss.dims)}; take its mean()`);
  }
  return list;
}
