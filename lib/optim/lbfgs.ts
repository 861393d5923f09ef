import { aboutToChange, allOrNothing } from '../all-or-nothing.js';
import { enableGrad, noGrad } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import { ArgumentError, checkFlag, checkFunction, checkInteger, checkNumber, describe, StateError } from '../errors.js';
import { keep } from '../memory.js';
import { add_ } from '../ops/copy.js';
import { zeros } from '../ops/creation.js';
import { cat } from '../ops/shape-slice.js';
import { Tensor, view } from '../tensor.js';
import { type Change, emptyHistory, type History, type Last, readHistory, writeHistory } from './lbfgs-history.js';
import { Optimizer } from './optimizer.js';
import { checkRate, type OptimizerArguments } from './options.js';
import type { GivenGroup, Parameters } from './parameters.js';
import { checkGroups, type OptimizerState } from './state.js';
import { type Point, strongWolfe } from './strong-wolfe.js';

export interface LBFGSOptions {
  /** Learning rate, the size of a step that is not searched for; default 1. */
  lr: number;
  /** The number of iterations of a step; default 20. */
  maxIter: number;
  /** The number of evaluations of the closure after which no iteration begins; default 1.25 · maxIter. */
  maxEval: number | null;
  /** A step ends when no element of the gradient is larger; default 1e-7. */
  toleranceGrad: number;
  /** A step ends when the loss, or each parameter, changes by less; default 1e-9. */
  toleranceChange: number;
  /** The number of changes of the gradient that are kept, each as large as all parameters; default 100. */
  historySize: number;
  /** How far each iteration goes: to a point that satisfies the strong Wolfe conditions, or `lr`; default null. */
  lineSearchFn: 'strongWolfe' | null;
  /** Go up the gradient; default false. */
  maximize: boolean;
}

/**
 * L-BFGS (Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989,
 * https://doi.org/10.1007/BF01589116), PyTorch's algorithm: goes from θ along d = -H g, where H, the inverse of the second
 * derivative, is estimated from the last `historySize` changes of θ and of the gradient g. It is for a whole training set, or
 * large batches, and takes one group of parameters.
 *
 * `step` calls the closure, which clears the gradients, computes the loss and calls `backward`, up to `maxEval` times.
 *
 * State, that of the first parameter: `n_iter`, `func_evals`, `d`, `t`, `old_dirs`, `old_stps`, `ro`, `H_diag`,
 * `prev_flat_grad`, `prev_loss`.
 *
 * @throws StateError inside a compiled function: which steps are made depends on the losses
 * @example
 * const optimizer = new optim.LBFGS(model.parameters(), { lineSearchFn: 'strongWolfe' });
 * const loss = optimizer.step(() => {
 *   optimizer.zeroGrad();
 *   const loss = nn.functional.mseLoss(model.forward(x), y);
 *   loss.backward();
 *   return loss;
 * });
 */
export class LBFGS extends Optimizer<LBFGSOptions> {
  #history: History = emptyHistory;

  constructor(params: Parameters<LBFGSOptions>, ...args: OptimizerArguments<LBFGSOptions>) {
    const limits = { maxIter: 20, maxEval: null, toleranceGrad: 1e-7, toleranceChange: 1e-9, historySize: 100 };
    super('LBFGS', params, { lr: 1, ...limits, lineSearchFn: null, maximize: false }, ...args);
  }

  protected override checkGroup(o: LBFGSOptions): void {
    checkRate('LBFGS', 'lr', o.lr);
    checkInteger('LBFGS', 'maxIter', o.maxIter, 1);
    if (o.maxEval !== null) checkInteger('LBFGS', 'maxEval', o.maxEval, 1);
    checkNumber('LBFGS', 'toleranceGrad', o.toleranceGrad);
    checkNumber('LBFGS', 'toleranceChange', o.toleranceChange);
    checkInteger('LBFGS', 'historySize', o.historySize, 1);
    if (o.lineSearchFn !== null && o.lineSearchFn !== 'strongWolfe') {
      throw new ArgumentError(`LBFGS: lineSearchFn must be strongWolfe or null, got ${describe(o.lineSearchFn)}`);
    }
    checkFlag('LBFGS', 'maximize', o.maximize);
  }

  override addParamGroup(group: GivenGroup<LBFGSOptions>): void {
    if (this.paramGroups.length > 0) {
      throw new ArgumentError('LBFGS: params must be one group, as all parameters share one step, got another group');
    }
    super.addParamGroup(group);
    const dtypes = new Set(paramsOf(this).map((p) => p.dtype));
    if (dtypes.size <= 1) return;
    this.paramGroups.pop();
    throw new ArgumentError(`LBFGS: parameters must have one dtype, got ${[...dtypes].join(' and ')}`);
  }

  protected init(): object {
    return {};
  }

  protected apply(): void {
    throw new StateError('LBFGS: a parameter cannot be updated without the others; call step(closure)');
  }

  /**
   * Makes up to `maxIter` iterations. When the closure throws, parameters and state are as before.
   *
   * @param closure clears the gradients, computes the loss, calls `backward` and returns the loss
   * @returns what the closure returned at first
   */
  override step<Loss>(closure: () => Loss): Loss {
    checkFunction('LBFGS.step', 'closure', closure);
    refuseReading('LBFGS.step', 'call it outside of the compiled function');
    const options = { ...(this.paramGroups[0] as LBFGSOptions) };
    this.checkGroup(options);
    return allOrNothing(() => {
      for (const p of paramsOf(this)) aboutToChange('LBFGS.step', p);
      const run = new Run(paramsOf(this), options, closure, this.#ownHistory());
      const first = noGrad(() => run.iterate());
      this.#history = run.history;
      return first;
    });
  }

  // In the parameters' dtype, which may have changed.
  #ownHistory(): History {
    const history = this.#history;
    const [first] = paramsOf(this);
    const { last } = history;
    if (last === null || first === undefined || last.d.dtype === first.dtype) return history;
    return readHistory(writeHistory(history), last.d.size, first.dtype);
  }

  override stateDict(): OptimizerState<LBFGSOptions> {
    const saved = super.stateDict();
    const state = writeHistory(this.#history);
    if (state !== null) saved.state[0] = state;
    return saved;
  }

  override loadStateDict(saved: OptimizerState<LBFGSOptions>): void {
    const [group] = checkGroups('LBFGS', saved, this.paramGroups);
    const own = saved.state[group?.params[0] as number];
    const size = paramsOf(this).reduce((sum, p) => sum + p.size, 0);
    const history = own === undefined ? emptyHistory : readHistory(own, size, (paramsOf(this)[0] as Tensor).dtype);
    super.loadStateDict({ ...saved, state: {} });
    this.#history = history;
  }
}

// Not a private member: the first group is added before there are any.
function paramsOf({ paramGroups }: LBFGS): readonly Tensor[] {
  return paramGroups[0]?.params ?? [];
}

// One step.
class Run<Loss> {
  readonly history: History;
  private readonly direct: number; // 1, or -1 to go up

  constructor(
    private readonly params: readonly Tensor[],
    private readonly options: LBFGSOptions,
    private readonly closure: () => Loss,
    before: History,
  ) {
    this.history = { ...before };
    this.direct = options.maximize ? -1 : 1;
  }

  iterate(): Loss {
    const { maxIter, toleranceGrad, toleranceChange } = this.options;
    const maxEval = this.options.maxEval ?? Math.floor(maxIter * 1.25);
    const first = enableGrad(this.closure);
    let [loss, gradient] = [this.numberOf(first), this.gradient()];
    let evaluations = 1;
    for (let i = 1; i <= maxIter && !(largest(gradient) <= toleranceGrad); i++) {
      const last = this.turned(loss, gradient);
      const slope = dot(gradient, last.d);
      if (slope > -toleranceChange) break;
      const start: Point = { t: 0, loss, gradient, slope };
      const end = this.moved(last.d, last.t, start, maxEval - evaluations, i < maxIter);
      evaluations += end.evaluations;
      last.t = end.point.t;
      if (evaluations >= maxEval || largest(last.d) * Math.abs(last.t) <= toleranceChange) break;
      if (Math.abs(end.point.loss - loss) < toleranceChange) break;
      ({ loss, gradient } = end.point);
    }
    this.history.evaluations += evaluations;
    return first;
  }

  private numberOf(loss: unknown): number {
    const value = loss instanceof Tensor ? loss.item() : loss;
    if (typeof value === 'number') return value * this.direct;
    const rule = 'the closure must return the loss, a number or a tensor with one element';
    throw new ArgumentError(`LBFGS.step: ${rule}, got ${describe(loss)}`);
  }

  // That of all parameters, one after the other.
  private gradient(): Tensor {
    const parts = this.params.map((p) =>
      p._grad === null ? zeros([p.size], { dtype: p.dtype }) : view(p._grad, 0, [p.size]),
    );
    const all = cat(parts);
    return this.direct < 0 ? all.neg() : all;
  }

  // The next direction, and how far to go first.
  private turned(loss: number, gradient: Tensor): Last {
    const { lr, historySize } = this.options;
    const { last } = this.history;
    this.history.iterations++;
    const next: Last = { d: gradient, t: lr, changes: [], scale: 1, gradient: keep(gradient), loss };
    if (last === null) {
      next.d = keep(gradient.neg());
      next.t = Math.min(1, 1 / gradient.abs().sum().item()) * lr;
    } else {
      const y = gradient.sub(last.gradient);
      const s = last.d.mul(last.t);
      const product = dot(y, s);
      next.changes = last.changes;
      next.scale = last.scale;
      if (product > 1e-10) {
        next.changes = [...last.changes, { y: keep(y), s: keep(s), ro: 1 / product }].slice(-historySize);
        next.scale = product / dot(y, y);
      }
      next.d = keep(times(next, gradient));
    }
    this.history.last = next;
    return next;
  }

  // Moves the parameters along d; without a search, the loss and gradient there are those of the start unless `isMeasured`.
  private moved(
    d: Tensor,
    t: number,
    start: Point,
    limit: number,
    isMeasured: boolean,
  ): { point: Point; evaluations: number } {
    if (this.options.lineSearchFn === null) {
      this.add(d, t);
      if (!isMeasured) return { point: { ...start, t }, evaluations: 0 };
      return { point: this.measured(d, t), evaluations: 1 };
    }
    const origin = this.params.map((p) => p.clone());
    const evaluate = (distance: number): Point => {
      this.add(d, distance);
      const point = this.measured(d, distance);
      this.params.forEach((p, i) => {
        p.copy_(origin[i] as Tensor);
      });
      return point;
    };
    const line = { evaluate, start, length: largest(d), tolerance: this.options.toleranceChange, limit };
    const found = strongWolfe(line, t);
    this.add(d, found.point.t);
    return found;
  }

  private measured(d: Tensor, t: number): Point {
    const loss = this.numberOf(enableGrad(this.closure));
    const gradient = this.gradient();
    return { t, loss, gradient, slope: dot(gradient, d) };
  }

  private add(d: Tensor, t: number): void {
    let start = 0;
    for (const p of this.params) {
      add_(p, view(d, start, p.dims), { alpha: t });
      start += p.size;
    }
  }
}

const dot = (a: Tensor, b: Tensor): number => a.mul(b).sum().item();
const largest = (x: Tensor): number => (x.size === 0 ? 0 : x.abs().max().item());

// -H g by the two loops over the changes.
function times({ changes, scale }: Last, gradient: Tensor): Tensor {
  const q = gradient.neg();
  const parts: number[] = [];
  for (let i = changes.length - 1; i >= 0; i--) {
    const { y, s, ro } = changes[i] as Change;
    parts[i] = dot(s, q) * ro;
    add_(q, y, { alpha: -(parts[i] as number) });
  }
  const r = q.mul(scale);
  changes.forEach(({ y, s, ro }, i) => {
    add_(r, s, { alpha: (parts[i] as number) - dot(y, r) * ro });
  });
  return r;
}
