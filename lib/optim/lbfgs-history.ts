// What L-BFGS keeps from step to step, and how it is saved, in PyTorch's names.
import { noGrad } from '../autograd/tape.js';
import type { DType } from '../dtype.js';
import { checkInteger, checkNumber, describe, formatShape, isPlain, StateError } from '../errors.js';
import { keep } from '../memory.js';
import { clone, to } from '../ops/copy.js';
import { tensor, zeros } from '../ops/creation.js';
import { stack } from '../ops/shape-slice.js';
import { type Shape, sameShape } from '../shape.js';
import { checkTensor, type Tensor, view } from '../tensor.js';

/** @internal A change of the gradient, y, with the step that made it, s, and 1 / (y · s). */
export interface Change {
  y: Tensor;
  s: Tensor;
  ro: number;
}

/** @internal The last iteration: its direction, how far it went, and the loss and the gradient before it. */
export interface Last {
  d: Tensor;
  t: number;
  changes: readonly Change[];
  scale: number;
  gradient: Tensor;
  loss: number;
}

/** @internal All iterations and evaluations so far, and the last iteration. */
export interface History {
  iterations: number;
  evaluations: number;
  last: Last | null;
}

/** @internal */
export const emptyHistory: History = { iterations: 0, evaluations: 0, last: null };

const scalar = (value: number): Tensor => tensor(value, { dtype: 'float64' });

/** @internal As tensors; null before the first step. */
export function writeHistory({ iterations, evaluations, last }: History): Record<string, Tensor> | null {
  if (evaluations === 0) return null;
  const counts = { func_evals: scalar(evaluations), n_iter: scalar(iterations) };
  if (last === null) return counts;
  const { d, t, changes, scale, gradient, loss } = last;
  const rows = (list: Tensor[]): Tensor => (list.length > 0 ? stack(list) : zeros([0, d.size], { dtype: d.dtype }));
  return noGrad(() => ({
    ...counts,
    d: clone(d),
    t: scalar(t),
    old_dirs: rows(changes.map(({ y }) => y)),
    old_stps: rows(changes.map(({ s }) => s)),
    ro: tensor(Float64Array.from(changes, ({ ro }) => ro)),
    H_diag: scalar(scale),
    prev_flat_grad: clone(gradient),
    prev_loss: scalar(loss),
  }));
}

const counts = ['func_evals', 'n_iter'];
const ofLast = ['d', 't', 'old_dirs', 'old_stps', 'ro', 'H_diag', 'prev_flat_grad', 'prev_loss'];

/** @internal From saved tensors, checked, for parameters of that many elements in all and of that dtype. */
export function readHistory(saved: unknown, size: number, dtype: DType): History {
  if (!isPlain(saved)) {
    throw new StateError(`LBFGS: the saved state must be an object of tensors, got ${describe(saved)}`);
  }
  const given = saved as Record<string, unknown>;
  const names = Object.keys(given);
  const expected = names.some((name) => ofLast.includes(name)) ? [...counts, ...ofLast] : counts;
  if (names.length !== expected.length || !expected.every((name) => name in given)) {
    throw new StateError(`LBFGS: the saved state must have ${expected.join(', ')}, got ${names.join(', ')}`);
  }
  const take = (name: string, dims: Shape): Tensor => {
    const t = checkTensor('LBFGS', `state ${name}`, given[name]);
    if (sameShape(t.dims, dims)) return t;
    throw new StateError(`LBFGS: state ${name} must be ${formatShape(dims)}, got ${formatShape(t.dims)}`);
  };
  const number = (name: string): number => checkNumber('LBFGS', `state ${name}`, take(name, []).item());
  const history = {
    iterations: checkInteger('LBFGS', 'state n_iter', number('n_iter')),
    evaluations: checkInteger('LBFGS', 'state func_evals', number('func_evals')),
  };
  if (expected === counts) return { ...history, last: null };
  const rows = checkTensor('LBFGS', 'state ro', given.ro).size;
  const own = (t: Tensor): Tensor => noGrad(() => keep(clone(to(t, dtype))));
  const [ys, steps] = [take('old_dirs', [rows, size]), take('old_stps', [rows, size])];
  const row = (t: Tensor, i: number): Tensor => own(view(t, i * size, [size]));
  const last: Last = {
    d: own(take('d', [size])),
    t: number('t'),
    changes: Array.from(take('ro', [rows]).toTypedArray(), (ro, i) => ({ y: row(ys, i), s: row(steps, i), ro })),
    scale: number('H_diag'),
    gradient: own(take('prev_flat_grad', [size])),
    loss: number('prev_loss'),
  };
  return { ...history, last };
}
