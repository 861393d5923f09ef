// Averages of a model's weights over the steps of its training.
import { aboutToChange, allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { type DType, isFloat } from '../dtype.js';
import { ArgumentError, checkFlag, checkFunction, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { Module } from '../nn/module.js';
import { Buffer } from '../nn/roles.js';
import { zeros } from '../ops/creation.js';
import { where } from '../ops/elementwise-compare.js';
import { checkOptions } from '../options.js';
import { sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';

/** The next average of one tensor, from the present one, the model's value and the number of values averaged so far. */
export type AvgFn = (averaged: Tensor, current: Tensor, numAveraged: Tensor) => Tensor;

/** Changes averages of one dtype in place, from the model's values and the number of values averaged so far. */
export type MultiAvgFn = (averaged: Tensor[], current: Tensor[], numAveraged: Tensor) => void;

/** Arguments of moving averages: decay, from 0 to 1, default 0.999. */
export type DecayArguments = Positional<{ decay?: number }, [decay: 'decay']>;

function decayOf(operation: string, args: DecayArguments): number {
  const { decay = 0.999 } = optionsOf<{ decay: number }>(operation, args, ['decay']);
  return checkNumber(operation, 'decay', decay, { min: 0, max: 1 });
}

// The integer tensors among the buffers are averaged in float64, and cut.
const toFloat = (t: Tensor): Tensor => (isFloat(t.dtype) ? t : t.to('float64'));

/**
 * An exponential moving average: decay · averaged + (1 - decay) · current.
 *
 * @param args decay: from 0 to 1, default 0.999
 * @example
 * const average = new optim.swaUtils.AveragedModel(model, { avgFn: optim.swaUtils.getEmaAvgFn(0.99) });
 */
export function getEmaAvgFn(...args: DecayArguments): AvgFn {
  const decay = decayOf('getEmaAvgFn', args);
  return (averaged, current) =>
    toFloat(averaged)
      .mul(decay)
      .add(toFloat(current).mul(1 - decay));
}

/**
 * The mean of all values: averaged + (current - averaged) / (numAveraged + 1).
 *
 * @example
 * const average = new optim.swaUtils.AveragedModel(model, { avgFn: optim.swaUtils.getSwaAvgFn() });
 */
export function getSwaAvgFn(): AvgFn {
  return (averaged, current, numAveraged) => {
    const before = toFloat(averaged);
    return before.add(toFloat(current).sub(before).div(numAveraged.to(before.dtype).add(1)));
  };
}

const inPlace =
  (avgFn: AvgFn): MultiAvgFn =>
  (averaged, current, numAveraged) => {
    noGrad(() => {
      averaged.forEach((a, i) => {
        a.copy_(avgFn(a, current[i] as Tensor, numAveraged));
      });
    });
  };

/**
 * An exponential moving average of lists: decay · averaged + (1 - decay) · current.
 *
 * @param args decay: from 0 to 1, default 0.999
 * @example
 * const multiAvgFn = optim.swaUtils.getEmaMultiAvgFn(0.999);
 * const average = new optim.swaUtils.AveragedModel(model, { multiAvgFn });
 */
export function getEmaMultiAvgFn(...args: DecayArguments): MultiAvgFn {
  return inPlace(getEmaAvgFn(decayOf('getEmaMultiAvgFn', args)));
}

/**
 * The mean of all values, of lists: averaged + (current - averaged) / (numAveraged + 1).
 *
 * @example
 * const multiAvgFn = optim.swaUtils.getSwaMultiAvgFn();
 * const average = new optim.swaUtils.AveragedModel(model, { multiAvgFn });
 */
export function getSwaMultiAvgFn(): MultiAvgFn {
  return inPlace(getSwaAvgFn());
}

/** Options of `AveragedModel`. */
export interface AveragedModelOptions {
  /** The next average of each tensor; default `getSwaAvgFn()`, the mean. */
  avgFn?: AvgFn;
  /** The same for the tensors of one dtype at once, in place. */
  multiAvgFn?: MultiAvgFn;
  /** Whether buffers are averaged, too, and not copied; default false. */
  useBuffers?: boolean;
}

/**
 * A copy of a model whose weights are averages of the model's (Izmailov et al., "Averaging weights leads to wider optima and
 * better generalization", 2018, https://arxiv.org/abs/1803.05407; Polyak and Juditsky, 1992,
 * https://doi.org/10.1137/0330046): the mean of what they were when `updateParameters` was called or, with
 * `getEmaMultiAvgFn`, a moving average. Compiled steps may call it.
 *
 * Buffers, such as the statistics of batch norm, are those of the model at the last update: `updateBn` computes the average's.
 *
 * State: that of the copy under `module`, and `n_averaged`.
 *
 * @example
 * const average = new optim.swaUtils.AveragedModel(model);
 * average.updateParameters(model); // after each epoch
 * average.eval().forward(x);
 */
export class AveragedModel<M extends Module = Module> extends Module {
  readonly module: M;
  readonly n_averaged: Tensor;
  private readonly multiAvgFn: MultiAvgFn;
  private readonly useBuffers: boolean;

  /** @param model is copied, with its present weights, which the first update replaces */
  constructor(model: M, options?: AveragedModelOptions) {
    super();
    const name = 'AveragedModel';
    if (!(model instanceof Module)) {
      throw new ArgumentError(`${name}: model must be a module, got ${describe(model)}`);
    }
    checkOptions(name, options, ['avgFn', 'multiAvgFn', 'useBuffers']);
    const { avgFn, multiAvgFn } = options ?? {};
    if (avgFn !== undefined && multiAvgFn !== undefined) {
      throw new ArgumentError(`${name}: either avgFn or multiAvgFn must be given, got both`);
    }
    if (avgFn !== undefined) checkFunction(name, 'avgFn', avgFn);
    if (multiAvgFn !== undefined) checkFunction(name, 'multiAvgFn', multiAvgFn);
    this.multiAvgFn = multiAvgFn ?? inPlace(avgFn ?? getSwaAvgFn());
    this.useBuffers = checkFlag(name, 'useBuffers', options?.useBuffers, false);
    this.module = model.clone();
    this.n_averaged = new Buffer(zeros([], { dtype: 'int32' }));
  }

  /** What the averaged model computes. */
  forward(...inputs: Parameters<M['forward']>): ReturnType<M['forward']> {
    return this.module.forward(...inputs);
  }

  /**
   * Averages the model's present weights in. An update that fails changes nothing.
   *
   * @param model the one that was copied, or another of its structure
   * @throws ArgumentError or ShapeError when it has another structure
   */
  updateParameters(model: M): void {
    if (!(model instanceof Module)) {
      throw new ArgumentError(`updateParameters: model must be a module, got ${describe(model)}`);
    }
    const parameters = pairsOf('parameters', this.module.parameters(), model.parameters());
    const buffers = pairsOf('buffers', this.module.buffers(), model.buffers());
    const own = [...this.module.parameters(), ...this.module.buffers(), this.n_averaged];
    allOrNothing(() => {
      for (const t of own) aboutToChange('updateParameters', t);
      noGrad(() => {
        for (const pairs of byDType(this.useBuffers ? [...parameters, ...buffers] : parameters)) this.average(pairs);
        if (!this.useBuffers) for (const [to, from] of buffers) to.copy_(from);
        this.n_averaged.copy_(this.n_averaged.add(1));
      });
    });
  }

  // The first time, the model's values themselves; without reading the count, so that compiled steps can do it.
  private average(pairs: readonly Pair[]): void {
    const isFirst = this.n_averaged.eq(0);
    const current = pairs.map(([, theirs]) => theirs.detach());
    this.multiAvgFn(
      pairs.map(([own]) => own),
      current,
      this.n_averaged,
    );
    pairs.forEach(([own], i) => {
      own.copy_(where(isFirst, current[i] as Tensor, own));
    });
  }

  override toString(): string {
    return 'AveragedModel';
  }
}

type Pair = readonly [own: Tensor, theirs: Tensor];

function pairsOf(what: string, own: readonly Tensor[], theirs: readonly Tensor[]): Pair[] {
  if (own.length !== theirs.length) {
    throw new ArgumentError(
      `updateParameters: model must have the structure of the averaged one, with ${own.length} ${what}, got ${theirs.length}`,
    );
  }
  return own.map((t, i): Pair => {
    const other = theirs[i] as Tensor;
    if (sameShape(t.dims, other.dims)) return [t, other.to(t.dtype)];
    const got = formatShape(other.dims);
    throw new ShapeError(`updateParameters: ${what} must be ${formatShape(t.dims)} like the averaged one, got ${got}`);
  });
}

function byDType(pairs: readonly Pair[]): Pair[][] {
  const groups = new Map<DType, Pair[]>();
  for (const pair of pairs) groups.set(pair[0].dtype, [...(groups.get(pair[0].dtype) ?? []), pair]);
  return [...groups.values()];
}
