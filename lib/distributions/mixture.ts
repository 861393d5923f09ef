// Mixtures.
import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { ArgumentError, describe, formatShape, ShapeError } from '../errors.js';
import { expandTo } from '../ops/broadcast.js';
import { broadcastShapes, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Categorical } from './categorical.js';
import { flagOf, sampled } from './composite.js';
import type { Constraint } from './constraints.js';
import { Distribution, distributionOf, type Source, type Validation } from './distribution.js';

/**
 * A mixture: one of the component's distributions along its last batch dimension, each with its probability.
 *
 * @param args mixtureDistribution: a Categorical; componentDistribution: batchShape […, n]; option: validateArgs
 * @throws ShapeError when the shapes do not fit
 * @example
 * const mixture = new distributions.Categorical(tensor([0.3, 0.7]));
 * const parts = new distributions.Normal(tensor([-1, 1]), 0.5);
 * const density = new distributions.MixtureSameFamily(mixture, parts).logProb(0);
 */
export class MixtureSameFamily extends Distribution {
  /** Which component. */
  readonly mixtureDistribution: Categorical;
  /** The components. */
  readonly componentDistribution: Distribution;

  constructor(
    ...args: Positional<
      { mixtureDistribution: Categorical; componentDistribution: Distribution } & Validation,
      [mixtureDistribution: 'mixtureDistribution', componentDistribution: 'componentDistribution']
    >
  ) {
    const name = 'distributions.MixtureSameFamily';
    const places = ['mixtureDistribution', 'componentDistribution'];
    const options = optionsOf<Record<string, unknown>>(name, args, places, ['validateArgs']);
    const mixture = options.mixtureDistribution;
    if (!(mixture instanceof Categorical)) {
      throw new ArgumentError(`${name}: mixtureDistribution must be a Categorical, got ${describe(mixture)}`);
    }
    const component = distributionOf(name, 'componentDistribution', options.componentDistribution);
    const n = component.batchShape.at(-1);
    if (n === undefined || n !== mixture.probs.dims.at(-1)) {
      const got = `got ${formatShape(mixture.probs.dims)} and ${formatShape(component.batchShape)}`;
      throw new ShapeError(
        `${name}: the last batch dimension of the components must be the number of categories, ${got}`,
      );
    }
    const batch = component.batchShape.slice(0, -1);
    broadcastShapes(name, ['mixtureDistribution', 'componentDistribution'], [mixture.batchShape, batch]);
    super(batch, component.eventShape, flagOf(options));
    this.mixtureDistribution = mixture;
    this.componentDistribution = component;
  }
  get dtype(): DType {
    return this.componentDistribution.dtype;
  }
  get support(): Constraint {
    return this.componentDistribution.support;
  }
  // The probabilities, with dimensions of size 1 for those of the values.
  private get weights(): Tensor {
    const { probs } = this.mixtureDistribution;
    return probs.reshape([...probs.dims, ...this.eventShape.map(() => 1)]);
  }
  private get along(): number {
    return -1 - this.eventShape.length;
  }
  override get mean(): Tensor {
    return this.weights.mul(this.componentDistribution.mean).sum(this.along);
  }
  override get variance(): Tensor {
    const { mean, variance } = this.componentDistribution;
    const inside = this.weights.mul(variance).sum(this.along);
    return inside.add(this.weights.mul(mean.sub(this.mean.unsqueeze(this.along)).square()).sum(this.along));
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const events = this.eventShape.length;
    const lead = shape.slice(0, shape.length - this.batchShape.length - events);
    const from = [...lead, ...this.componentDistribution.batchShape, ...this.eventShape];
    const values = sampled(this.componentDistribution, from, source);
    const which = sampled(this.mixtureDistribution.expand(this.batchShape), [...lead, ...this.batchShape], source);
    const index = which.reshape([...which.dims, 1, ...this.eventShape.map(() => 1)]);
    const dim = values.rank - 1 - events;
    const wide = [...which.dims, 1, ...this.eventShape];
    return values.gather(dim, expandTo(index, wide)).squeeze(dim);
  }
  protected override logDensity(value: Tensor): Tensor {
    const each = this.componentDistribution.logProb(this.padded(value));
    return each.add(this.mixtureDistribution.logits).logsumexp(-1);
  }
  protected override cumulative(value: Tensor): Tensor {
    const each = this.componentDistribution.cdf(this.padded(value));
    return each.mul(this.mixtureDistribution.probs).sum(-1);
  }
  private padded(value: Tensor): Tensor {
    return value.unsqueeze(value.rank - this.eventShape.length);
  }
  protected override widen(batchShape: Shape): void {
    const n = this.componentDistribution.batchShape.at(-1) as number;
    const parts = this as { mixtureDistribution: Categorical; componentDistribution: Distribution };
    parts.mixtureDistribution = this.mixtureDistribution.expand(batchShape);
    parts.componentDistribution = this.componentDistribution.expand([...batchShape, n]);
  }
  protected override details(): string[] {
    return [String(this.mixtureDistribution), String(this.componentDistribution)];
  }
}
