// Likelihoods and divergences as modules. What they compute, and for which shapes, is written at the functions.
import type { Reduction } from '../ops/loss.js';
import type { Tensor } from '../tensor.js';
import {
  type GaussianNLLLossOptions,
  gaussianNllLoss,
  gaussianOptions,
  type KLDivOptions,
  klDiv,
  klDivOptions,
  type PoissonNLLLossOptions,
  poissonNllLoss,
  poissonOptions,
} from './loss-likelihood.js';
import { Loss } from './loss-modules.js';
import { Module } from './module.js';

/**
 * Kullback-Leibler divergence; see `nn.functional.klDiv`. Options: reduction ('mean', or 'batchmean', 'sum', 'none'),
 * logTarget (false).
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.KLDivLoss({ reduction: 'batchmean' }).forward(tensor([[0.25, 0.75]]).log(), tensor([[0.5, 0.5]])); // 0.14384
 */
export class KLDivLoss extends Module {
  /** `'mean'`, `'batchmean'`, `'sum'` or `'none'`. */
  readonly reduction: Reduction | 'batchmean';
  readonly logTarget: boolean;

  constructor(options?: KLDivOptions) {
    super();
    const { reduction, logTarget } = klDivOptions('KLDivLoss', options);
    this.reduction = reduction;
    this.logTarget = logTarget;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return klDiv(input, target, { reduction: this.reduction, logTarget: this.logTarget });
  }
}

/**
 * Negative log-likelihood of counts; see `nn.functional.poissonNllLoss`. Options: logInput (true), full (false), eps (1e-8),
 * reduction ('mean').
 *
 * @throws ShapeError, DTypeError when input and target differ, ArgumentError for an option
 * @example
 * new nn.PoissonNLLLoss({ reduction: 'none' }).forward(tensor([0, 1]), tensor([1, 2])); // [1, 0.71828]
 */
export class PoissonNLLLoss extends Loss {
  readonly logInput: boolean;
  readonly full: boolean;
  readonly eps: number;

  constructor(options?: PoissonNLLLossOptions) {
    const o = poissonOptions('PoissonNLLLoss', options);
    super('PoissonNLLLoss', o);
    this.logInput = o.logInput;
    this.full = o.full;
    this.eps = o.eps;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { logInput, full, eps, reduction } = this;
    return poissonNllLoss(input, target, { logInput, full, eps, reduction });
  }
}

/**
 * Negative log-likelihood of normal variables; see `nn.functional.gaussianNllLoss`. Options: full (false), eps (1e-6),
 * reduction ('mean').
 *
 * @throws ShapeError, DTypeError when the tensors do not match, ArgumentError when a variance is negative
 * @example
 * new nn.GaussianNLLLoss().forward(tensor([1, 2]), tensor([1, 4]), tensor([1, 1])); // 1
 */
export class GaussianNLLLoss extends Loss<[input: Tensor, target: Tensor, variance: Tensor | number]> {
  readonly full: boolean;
  readonly eps: number;

  constructor(options?: GaussianNLLLossOptions) {
    const o = gaussianOptions('GaussianNLLLoss', options);
    super('GaussianNLLLoss', o);
    this.full = o.full;
    this.eps = o.eps;
  }

  forward(input: Tensor, target: Tensor, variance: Tensor | number): Tensor {
    const { full, eps, reduction } = this;
    return gaussianNllLoss(input, target, variance, { full, eps, reduction });
  }
}
