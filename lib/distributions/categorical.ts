// Distributions over categories.
import { noGrad } from '../autograd/tape.js';
import { checkInteger, ShapeError } from '../errors.js';
import { expandTo } from '../ops/broadcast.js';
import { eye, zeros } from '../ops/creation.js';
import { where } from '../ops/elementwise-compare.js';
import { lgamma } from '../ops/elementwise-special.js';
import { multinomial } from '../ops/random-multinomial.js';
import { broadcastShapes, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Constraint, counts, integersTo, logitVector, oneHot, weightVector } from './constraints.js';
import { positions, type Source, type Validation } from './distribution.js';
import { inner } from './limits.js';
import { Binomial } from './odds.js';
import { Parametric, type Plan } from './parametric.js';

/** Either probabilities […, n], which need not sum to 1, or their logarithms, up to a constant for each row. */
export type WeightsOrLogits = { probs: Tensor; logits?: undefined } | { probs?: undefined; logits: Tensor };
/** Arguments of a distribution over categories. */
export type CategoricalArguments = [probs: Tensor, options?: Validation] | [options: WeightsOrLogits & Validation];
/** Arguments of `Multinomial`. */
export type MultinomialArguments =
  | [totalCount: number, probs: Tensor, options?: Validation]
  | [totalCount: number, options: WeightsOrLogits & Validation]
  | [options: { totalCount?: number } & WeightsOrLogits & Validation];

/** Base of the distributions over categories. */
export abstract class Categories<P extends string = never> extends Parametric<P, 'probs' | 'logits'> {
  /** @internal */
  constructor(args: readonly unknown[], isVector: boolean, plan: Partial<Plan<P>> = {}) {
    const rules = { ...plan.rules, probs: weightVector, logits: logitVector } as Plan<P, 'probs' | 'logits'>['rules'];
    super(args, { ...plan, rules, either: ['probs', 'logits'] }, ({ probs, logits }) => {
      const n = ((probs ?? logits) as Tensor).dims.at(-1) as number;
      if (n === 0) throw new ShapeError('distributions: there must be one category or more, got 0');
      return isVector ? [n] : [];
    });
  }
  /** The number of categories. */
  protected get count(): number {
    const { probs, logits } = this.parameters;
    return ((probs ?? logits) as Tensor).dims.at(-1) as number;
  }
  /** The probabilities, which sum to 1. */
  get probs(): Tensor {
    const { probs, logits } = this.parameters;
    return probs === undefined ? (logits as Tensor).softmax(-1) : probs.div(probs.sum(-1, { keepDim: true }));
  }
  /** The logarithms of the probabilities. */
  get logits(): Tensor {
    const { logits } = this.parameters;
    return logits === undefined ? inner(this.probs).log() : logits.logSoftmax(-1);
  }
  override entropy(): Tensor {
    const least = this.dtype === 'float64' ? -Number.MAX_VALUE : -3.4028234663852886e38;
    return this.logits.clamp({ min: least }).mul(this.probs).sum(-1).neg();
  }
  /** Categories, int32, of a shape that ends with batchShape. */
  protected drawn(shape: Shape, { generator }: Source): Tensor {
    const lead = shape.slice(0, shape.length - this.batchShape.length);
    const [each, rows] = [sizeOf(lead), sizeOf(this.batchShape)];
    if (each === 0 || rows === 0) return zeros(shape, { dtype: 'int32' });
    return noGrad(() => {
      const options = { replacement: true, ...(generator === undefined ? {} : { generator }) };
      const y = multinomial(this.probs.reshape([rows, this.count]), each, options);
      return y.transpose(0, 1).reshape([...shape]);
    });
  }
}

/**
 * The categorical distribution: 0 … n - 1, each with its probability.
 *
 * @param args probs: […, n], which need not sum to 1, or { logits }; option: validateArgs
 * @returns samples are int32
 * @throws ArgumentError for negative probabilities and rows of zeros, for logits of Infinity and rows of -Infinity
 * @example
 * const token = new distributions.Categorical({ logits: tensor([0, 1, 2]) }).sample(); // 0, 1 or 2
 */
export class Categorical extends Categories {
  constructor(...args: CategoricalArguments) {
    super(args, false);
  }
  get support(): Constraint {
    return integersTo(this.count - 1, '');
  }
  override get hasEnumerateSupport(): boolean {
    return true;
  }
  override get mean(): Tensor {
    return this.constant(Number.NaN);
  }
  override get mode(): Tensor {
    return this.probs.argmax(-1);
  }
  override get variance(): Tensor {
    return this.constant(Number.NaN);
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return this.drawn(shape, source);
  }
  protected override logDensity(value: Tensor): Tensor {
    const shape = broadcastShapes('logProb', ['value', 'batchShape'], [value.dims, this.batchShape]);
    const index = expandTo(value, shape).to('int32').unsqueeze(-1);
    return expandTo(this.logits, [...shape, this.count])
      .gather(-1, index)
      .squeeze(-1);
  }
  override enumerateSupport(expand = true): Tensor {
    return this.enumerated(this.count, expand, 'int32');
  }
}

/**
 * The categorical distribution with values as vectors of one 1 and else 0.
 *
 * @param args probs: […, n], which need not sum to 1, or { logits }; option: validateArgs
 * @throws ArgumentError for negative probabilities and rows of zeros, for logits of Infinity and rows of -Infinity
 * @example
 * const choice = new distributions.OneHotCategorical(tensor([0.2, 0.8])).sample(); // [0, 1], mostly
 */
export class OneHotCategorical extends Categories {
  constructor(...args: CategoricalArguments) {
    super(args, true);
  }
  get support(): Constraint {
    return oneHot;
  }
  override get hasEnumerateSupport(): boolean {
    return true;
  }
  override get mean(): Tensor {
    return this.probs;
  }
  override get mode(): Tensor {
    return this.probs.argmax(-1).oneHot(this.count, { dtype: this.dtype });
  }
  override get variance(): Tensor {
    return this.probs.mul(this.probs.neg().add(1));
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return this.drawn(shape.slice(0, -1), source).oneHot(this.count, { dtype: this.dtype });
  }
  protected override logDensity(value: Tensor): Tensor {
    return where(value.gt(0), this.logits, 0).sum(-1);
  }
  override enumerateSupport(expand = true): Tensor {
    const n = this.count;
    const rows = eye(n, n, { dtype: this.dtype }).reshape([n, ...this.batchShape.map(() => 1), n]);
    return expand ? expandTo(rows, [n, ...this.batchShape, n]) : rows;
  }
}

/**
 * OneHotCategorical whose `rsample` passes gradients straight through to the probabilities: Bengio, Léonard, Courville, "Estimating
 * or propagating gradients through stochastic neurons for conditional computation", 2013, https://arxiv.org/abs/1308.3432
 *
 * @param args probs: […, n], which need not sum to 1, or { logits }; option: validateArgs
 * @throws ArgumentError for negative probabilities and rows of zeros, for logits of Infinity and rows of -Infinity
 * @example
 * const choice = new distributions.OneHotCategoricalStraightThrough(tensor([0.2, 0.8])).rsample(); // [2]
 */
export class OneHotCategoricalStraightThrough extends OneHotCategorical {
  override get hasRsample(): boolean {
    return true;
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return super.draw(shape, source).add(this.probs.sub(this.probs.detach()));
  }
}

/**
 * The multinomial distribution: how often each category is drawn in totalCount draws.
 *
 * @param args totalCount (1): the same for the whole batch; probs: […, n], which need not sum to 1, or { logits }; option: validateArgs
 * @throws ArgumentError for negative probabilities and rows of zeros, for logits of Infinity and rows of -Infinity
 * @example
 * const counts = new distributions.Multinomial(10, tensor([1, 1, 2])).sample(); // [3], its sum is 10
 */
export class Multinomial extends Categories {
  /** The number of draws. */
  readonly totalCount: number;

  constructor(...args: MultinomialArguments) {
    super(args, true, { leading: ['totalCount'] });
    this.totalCount = checkInteger(this.operation, 'totalCount', this.options.totalCount ?? 1);
  }
  get support(): Constraint {
    return counts(this.totalCount);
  }
  override get mean(): Tensor {
    return this.probs.mul(this.totalCount);
  }
  override get variance(): Tensor {
    return this.probs.mul(this.probs.neg().add(1)).mul(this.totalCount);
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const drawn = this.drawn([this.totalCount, ...shape.slice(0, -1)], source);
    return drawn.oneHot(this.count, { dtype: this.dtype }).sum(0);
  }
  protected override logDensity(value: Tensor): Tensor {
    const chances = where(value.eq(0), 0, value.mul(this.logits)).sum(-1);
    return chances.add(lgamma(value.sum(-1).add(1))).sub(lgamma(value.add(1)).sum(-1));
  }
  override entropy(): Tensor {
    const n = this.totalCount;
    const values = positions(n + 1)
      .to(this.dtype)
      .reshape([n + 1, ...this.batchShape.map(() => 1), 1]);
    const chances = new Binomial(n, this.probs, { validateArgs: false }).logProb(values).exp();
    const orders = chances.mul(lgamma(values.add(1))).sum([0, -1]);
    return super
      .entropy()
      .mul(n)
      .add(orders)
      .sub(lgamma(this.constant(n + 1)));
  }
}
