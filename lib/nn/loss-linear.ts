// Losses with weights of their own: cross entropy of a linear layer, and the adaptive softmax of many classes.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import {
  ArgumentError,
  checkEach,
  checkFlag,
  checkInteger,
  checkNumber,
  describe,
  formatShape,
  ShapeError,
} from '../errors.js';
import { add, neg } from '../ops/elementwise.js';
import { gathered } from '../ops/indexing.js';
import { mean } from '../ops/reduce.js';
import { argmax } from '../ops/reduce-extremes.js';
import { reshape, unsqueeze } from '../ops/shape.js';
import { cat, slice } from '../ops/shape-slice.js';
import { logSoftmax } from '../ops/softmax.js';
import { sizeOf } from '../shape.js';
import { checkInt32, checkTensor, type Tensor } from '../tensor.js';
import { Sequential } from './containers.js';
import { ModuleList } from './containers-list.js';
import { Linear } from './linear.js';
import { type CrossEntropyOptions, namesOf } from './loss.js';
import { linearCrossEntropy } from './loss-labels.js';
import { bufferOf, Loss, present } from './loss-modules.js';
import { Module } from './module.js';

/** Arguments of `LinearCrossEntropyLoss`, by name. */
export interface LinearCrossEntropyLossOptions extends CrossEntropyOptions {
  inFeatures: number;
  numClasses: number;
  /** Further sizes of the targets, [batch, …outFeatures]; default none. */
  outFeatures?: readonly number[];
  /** Whether the linear layer has a bias; default false. */
  bias?: boolean;
  /** Default float32. */
  dtype?: DType;
}

/**
 * Cross entropy of a linear layer, which is its child `linear`; see `nn.functional.linearCrossEntropy`. Arguments: inFeatures,
 * numClasses; options outFeatures ([]), bias (false), dtype, weight, ignoreIndex (-100), labelSmoothing (0), reduction ('mean').
 *
 * @throws ShapeError, DTypeError, ArgumentError as the function
 * @example
 * new nn.LinearCrossEntropyLoss(5, 10).forward(zeros([2, 5]), tensor([1, 7], { dtype: 'int32' })); // 2.30259
 */
export class LinearCrossEntropyLoss extends Loss {
  readonly numClasses: number;
  readonly outFeatures: readonly number[];
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
  readonly linear: Linear;
  readonly weight: Tensor | null;

  constructor(
    ...args: Positional<LinearCrossEntropyLossOptions, [inFeatures: 'inFeatures', numClasses: 'numClasses']>
  ) {
    const name = 'LinearCrossEntropyLoss';
    const known = ['outFeatures', 'bias', 'dtype', 'weight', ...namesOf.crossEntropy];
    const options = optionsOf<LinearCrossEntropyLossOptions>(name, args, ['inFeatures', 'numClasses'], known);
    super(name, options);
    const inFeatures = checkInteger(name, 'inFeatures', options.inFeatures, 1);
    this.numClasses = checkInteger(name, 'numClasses', options.numClasses, 1);
    this.outFeatures = checkEach(name, 'outFeatures', 'must be an array of sizes', options.outFeatures ?? [], (n, i) =>
      checkInteger(name, `outFeatures[${i}]`, n, 1),
    );
    this.ignoreIndex = checkInteger(name, 'ignoreIndex', options.ignoreIndex ?? -100, -(2 ** 31), 2 ** 31 - 1);
    this.labelSmoothing = checkNumber(name, 'labelSmoothing', options.labelSmoothing ?? 0, { min: 0, max: 1 });
    this.weight = bufferOf(name, 'weight', options.weight);
    const { dtype } = options;
    const bias = checkFlag(name, 'bias', options.bias, false);
    const outputs = this.numClasses * sizeOf(this.outFeatures);
    this.linear = new Linear(inFeatures, outputs, { bias, ...(dtype === undefined ? {} : { dtype }) });
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { ignoreIndex, labelSmoothing, linear, numClasses, outFeatures, reduction, weight } = this;
    const shape = [numClasses, ...outFeatures];
    const { weight: linearWeight, bias } = linear;
    const linearBias = bias && reshape(bias, shape);
    const options = { ignoreIndex, labelSmoothing, reduction, ...present({ weight, linearBias }) };
    return linearCrossEntropy(input, reshape(linearWeight, [...shape, linear.inFeatures]), target, options);
  }
}

/** Arguments of `AdaptiveLogSoftmaxWithLoss`, by name. */
export interface AdaptiveLogSoftmaxOptions {
  inFeatures: number;
  nClasses: number;
  /** Where each cluster begins: ascending, above 0, below nClasses. */
  cutoffs: readonly number[];
  /** By what the features of each cluster are fewer than those of the one before; default 4. */
  divValue?: number;
  /** Whether the head has a bias; default false. */
  headBias?: boolean;
  /** Default float32. */
  dtype?: DType;
}

function checkCutoffs(value: unknown, nClasses: number): number[] {
  const name = 'AdaptiveLogSoftmaxWithLoss';
  let least = 1;
  const cutoffs = checkEach(name, 'cutoffs', 'must be an array of class numbers', value, (n, i) => {
    least = checkInteger(name, `cutoffs[${i}]`, n, least, nClasses - 1) + 1;
    return least - 1;
  });
  if (cutoffs.length > 0) return cutoffs;
  throw new ArgumentError(`${name}: cutoffs must have at least one class number, got ${describe(value)}`);
}

/**
 * Softmax of many classes, sorted from frequent to rare: a head scores the first ones and each cluster of the others, which
 * have smaller layers. (Grave et al., Efficient softmax approximation for GPUs, 2016, https://arxiv.org/abs/1609.04309)
 *
 * Arguments: inFeatures, nClasses, cutoffs, divValue (4), headBias (false); option dtype. Each cluster is computed for each row,
 * so that the step compiles; PyTorch computes it for the rows whose target is in it.
 *
 * @throws ArgumentError for cutoffs that do not ascend, and for a target that is no class
 * @example
 * const loss = new nn.AdaptiveLogSoftmaxWithLoss(16, 20, [4, 10]);
 * loss.logProb(zeros([2, 16])); // [2, 20]
 */
export class AdaptiveLogSoftmaxWithLoss extends Module {
  readonly inFeatures: number;
  readonly nClasses: number;
  /** The cutoffs, and nClasses. */
  readonly cutoffs: readonly number[];
  readonly divValue: number;
  readonly headBias: boolean;
  readonly head: Linear;
  readonly tail: ModuleList<Sequential>;

  constructor(
    ...args: Positional<
      AdaptiveLogSoftmaxOptions,
      [inFeatures: 'inFeatures', nClasses: 'nClasses', cutoffs: 'cutoffs', divValue: 'divValue', headBias: 'headBias']
    >
  ) {
    super();
    const name = 'AdaptiveLogSoftmaxWithLoss';
    const positions = ['inFeatures', 'nClasses', 'cutoffs', 'divValue', 'headBias'];
    const options = optionsOf<AdaptiveLogSoftmaxOptions>(name, args, positions, ['dtype']);
    this.inFeatures = checkInteger(name, 'inFeatures', options.inFeatures, 1);
    this.nClasses = checkInteger(name, 'nClasses', options.nClasses, 2);
    const cutoffs = checkCutoffs(options.cutoffs, this.nClasses);
    this.cutoffs = [...cutoffs, this.nClasses];
    this.divValue = checkNumber(name, 'divValue', options.divValue ?? 4, { min: 0, open: true });
    this.headBias = checkFlag(name, 'headBias', options.headBias, false);
    const dtype = options.dtype === undefined ? {} : { dtype: options.dtype };
    const shortlist = cutoffs[0] as number;
    [this.head, this.tail] = allOrNothing(() => {
      const head = new Linear(this.inFeatures, shortlist + cutoffs.length, { bias: this.headBias, ...dtype });
      const clusters = cutoffs.map((low, i) => {
        const hidden = Math.floor(this.inFeatures / this.divValue ** (i + 1));
        checkInteger(name, `features of cluster ${i}`, hidden, 1);
        const projection = new Linear(this.inFeatures, hidden, { bias: false, ...dtype });
        return new Sequential(
          projection,
          new Linear(hidden, (this.cutoffs[i + 1] as number) - low, { bias: false, ...dtype }),
        );
      });
      return [head, new ModuleList(clusters)];
    });
  }

  /** The log-probability of each target, and minus their mean. Input [batch, inFeatures] with target int32 [batch]. */
  forward(input: Tensor, target: Tensor): { output: Tensor; loss: Tensor } {
    const name = 'AdaptiveLogSoftmaxWithLoss';
    checkTensor(name, 'input', input);
    checkInt32(name, 'target', target);
    if (
      input.rank < 1 ||
      input.rank > 2 ||
      target.rank !== input.rank - 1 ||
      (target.rank > 0 && target.size !== input.dims[0])
    ) {
      throw new ShapeError(
        `${name}: must be input [batch, inFeatures] and target [batch], or [inFeatures] and a scalar, got input ${formatShape(input.dims)} and target ${formatShape(target.dims)}`,
      );
    }
    const logs = this.logProb(input.rank === 1 ? unsqueeze(input, 0) : input);
    const rows = gathered(logs, reshape(target, [target.size, 1]), 1, name);
    const output = reshape(rows, target.dims);
    return { output, loss: neg(mean(output)) };
  }

  /** The log-probabilities of all classes, [batch, nClasses]. */
  logProb(input: Tensor): Tensor {
    const shortlist = this.cutoffs[0] as number;
    const head = logSoftmax(this.head.forward(input), 1);
    const parts = [...this.tail].map((cluster, i) => {
      const share = slice(head, { dim: 1, start: shortlist + i, end: shortlist + i + 1 });
      return add(logSoftmax((cluster as Sequential).forward(input), 1), share);
    });
    return cat([slice(head, { dim: 1, end: shortlist }), ...parts], 1);
  }

  /** The class with the highest probability in each row, int32 [batch]. */
  predict(input: Tensor): Tensor {
    return argmax(this.logProb(input), 1);
  }
}
