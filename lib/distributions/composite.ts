// Distributions made of others.
import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { checkInteger, formatShape, ShapeError } from '../errors.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Constraint, independent } from './constraints.js';
import { Distribution, distributionOf, type Source, sumLast, type Validation } from './distribution.js';
import { type Transform, transformOf } from './transform.js';
import { ComposeTransform } from './transforms-composed.js';

/** @internal Values of `shape`, which ends with the shapes of the distribution; differentiable where they can be. */
export const sampled = (from: Distribution, shape: Shape, { generator }: Source): Tensor => {
  const sampleShape = shape.slice(0, shape.length - from.batchShape.length - from.eventShape.length);
  const options = generator === undefined ? { sampleShape } : { sampleShape, generator };
  return from.hasRsample ? from.rsample(options) : from.sample(options);
};

/** Base of the distributions that are made of one other. */
abstract class Wrapped extends Distribution {
  /** The distribution that this one is made of. */
  readonly baseDist: Distribution;

  constructor(batchShape: Shape, eventShape: Shape, options: Validation, baseDist: Distribution) {
    super(batchShape, eventShape, options);
    this.baseDist = baseDist;
  }
  get dtype(): DType {
    return this.baseDist.dtype;
  }
  override get hasRsample(): boolean {
    return this.baseDist.hasRsample;
  }
  protected override details(): string[] {
    return [String(this.baseDist)];
  }
}

/**
 * A distribution whose last batch dimensions are dimensions of its values: logProb is the sum over them.
 *
 * @param args baseDistribution; reinterpretedBatchNdims: how many dimensions; option: validateArgs
 * @throws ShapeError when the base has fewer dimensions
 * @example
 * const z = new distributions.Independent(new distributions.Normal(zeros([4, 3]), 1), 1); // batchShape [4], eventShape [3]
 */
export class Independent extends Wrapped {
  /** How many dimensions of the batch have become dimensions of the values. */
  readonly reinterpretedBatchNdims: number;

  constructor(
    ...args: Positional<
      { baseDistribution: Distribution; reinterpretedBatchNdims: number } & Validation,
      [baseDistribution: 'baseDistribution', reinterpretedBatchNdims: 'reinterpretedBatchNdims']
    >
  ) {
    const name = 'distributions.Independent';
    const options = optionsOf<Record<string, unknown>>(
      name,
      args,
      ['baseDistribution', 'reinterpretedBatchNdims'],
      ['validateArgs'],
    );
    const base = distributionOf(name, 'baseDistribution', options.baseDistribution);
    const count = checkInteger(name, 'reinterpretedBatchNdims', options.reinterpretedBatchNdims);
    const kept = base.batchShape.length - count;
    if (kept < 0) {
      const got = `got ${count} and batchShape ${formatShape(base.batchShape)}`;
      throw new ShapeError(`${name}: reinterpretedBatchNdims must be at most the number of batch dimensions, ${got}`);
    }
    const event = [...base.batchShape.slice(kept), ...base.eventShape];
    super(base.batchShape.slice(0, kept), event, flagOf(options), base);
    this.reinterpretedBatchNdims = count;
  }
  get support(): Constraint {
    return independent(this.baseDist.support, this.reinterpretedBatchNdims);
  }
  override get mean(): Tensor {
    return this.baseDist.mean;
  }
  override get mode(): Tensor {
    return this.baseDist.mode;
  }
  override get variance(): Tensor {
    return this.baseDist.variance;
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return sampled(this.baseDist, shape, source);
  }
  protected override logDensity(value: Tensor): Tensor {
    return sumLast(this.baseDist.logProb(value), this.reinterpretedBatchNdims);
  }
  override entropy(): Tensor {
    return sumLast(this.baseDist.entropy(), this.reinterpretedBatchNdims);
  }
  protected override widen(batchShape: Shape): void {
    const kept = this.baseDist.batchShape.length - this.reinterpretedBatchNdims;
    (this as { baseDist: Distribution }).baseDist = this.baseDist.expand([
      ...batchShape,
      ...this.baseDist.batchShape.slice(kept),
    ]);
  }
}

/** @internal */
export const flagOf = ({ validateArgs }: Record<string, unknown>): Validation =>
  validateArgs === undefined ? {} : { validateArgs: validateArgs as boolean };

/**
 * The distribution of a value that has passed transforms.
 *
 * @param args baseDistribution; transforms: one or a list; option: validateArgs
 * @example
 * const base = new distributions.Normal(0, 1);
 * const y = new distributions.TransformedDistribution(base, new distributions.TanhTransform()).rsample([3]); // in (-1, 1)
 */
export class TransformedDistribution extends Wrapped {
  /** The transforms, in the order in which a sample passes them. */
  readonly transforms: readonly Transform[];

  constructor(
    ...args: Positional<
      { baseDistribution: Distribution; transforms: Transform | readonly Transform[] } & Validation,
      [baseDistribution: 'baseDistribution', transforms: 'transforms']
    >
  ) {
    const name = `distributions.${new.target.name}`;
    const options = optionsOf<Record<string, unknown>>(
      name,
      args,
      ['baseDistribution', 'transforms'],
      ['validateArgs'],
    );
    let base = distributionOf(name, 'baseDistribution', options.baseDistribution);
    const given = options.transforms;
    const list = Array.isArray(given) ? [...given] : [given];
    const transforms = list.map((t, i) =>
      transformOf(name, Array.isArray(given) ? `transforms[${i}]` : 'transforms', t),
    );
    const whole = new ComposeTransform(transforms);
    const inside = base.eventShape.length;
    const needed = whole.domain.eventDim;
    const shape = [...base.batchShape, ...base.eventShape];
    if (shape.length < needed) {
      throw new ShapeError(
        `${name}: baseDistribution must have at least ${needed} dimensions, got ${formatShape(shape)}`,
      );
    }
    const after = whole.forwardShape(shape);
    const before = whole.inverseShape(after);
    base = base.expand(before.slice(0, before.length - inside));
    if (needed > inside) base = new Independent(base, needed - inside, { validateArgs: false });
    const events = whole.codomain.eventDim + Math.max(inside - needed, 0);
    const cut = after.length - events;
    super(after.slice(0, cut), after.slice(cut), flagOf(options), base);
    this.transforms = transforms;
  }
  get support(): Constraint {
    const last = this.transforms.at(-1);
    const { codomain } = last ?? { codomain: this.baseDist.support };
    const missing = this.eventShape.length - codomain.eventDim;
    return missing > 0 ? independent(codomain, missing) : codomain;
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const lead = shape.slice(0, shape.length - this.batchShape.length - this.eventShape.length);
    const x = sampled(this.baseDist, [...lead, ...this.baseDist.batchShape, ...this.baseDist.eventShape], source);
    return this.transforms.reduce((y, t) => t.forward(y), x);
  }
  protected override logDensity(value: Tensor): Tensor {
    let events = this.eventShape.length;
    let y = value;
    const terms: Tensor[] = [];
    for (const t of [...this.transforms].reverse()) {
      const x = t.inverse(y);
      events += t.domain.eventDim - t.codomain.eventDim;
      terms.push(sumLast(t.logAbsDetJacobian(x, y), events - t.domain.eventDim));
      y = x;
    }
    const density = sumLast(this.baseDist.logProb(y), events - this.baseDist.eventShape.length);
    return terms.reduce((sum, term) => sum.sub(term), density);
  }
  // Where the transforms together fall, a share below becomes one above.
  private rising(share: Tensor): Tensor {
    return this.transforms.reduce((p: Tensor, t) => {
      const { sign } = t;
      if (sign === undefined) throw this.lacks('cdf', `${t.constructor.name} is not monotonic`);
      return sign === 1 ? p : p.sub(0.5).mul(sign).add(0.5);
    }, share);
  }
  protected override cumulative(value: Tensor): Tensor {
    const x = this.transforms.reduceRight((y, t) => t.inverse(y), value);
    return this.rising(this.baseDist.cdf(x));
  }
  protected override quantile(value: Tensor): Tensor {
    return this.transforms.reduce((y, t) => t.forward(y), this.baseDist.icdf(this.rising(value)));
  }
  protected override widen(batchShape: Shape): void {
    const whole = new ComposeTransform([...this.transforms]);
    const before = whole.inverseShape([...batchShape, ...this.eventShape]);
    const cut = before.length - this.baseDist.eventShape.length;
    (this as { baseDist: Distribution }).baseDist = this.baseDist.expand(before.slice(0, cut));
  }
  protected override details(): string[] {
    return [String(this.baseDist), this.transforms.map((t) => t.constructor.name).join(', ')];
  }
}
