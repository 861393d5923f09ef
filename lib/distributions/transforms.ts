// Transforms of numbers.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkInteger, describe } from '../errors.js';
import { expandTo, type Operand } from '../ops/broadcast.js';
import { broadcastShapes, type Shape } from '../shape.js';
import { checkFloat, checkTensor, Tensor } from '../tensor.js';
import { type Constraint, independent, interval, nonnegative, positive, real, unitInterval } from './constraints.js';
import { type Distribution, distributionOf, sumLast } from './distribution.js';
import { Transform } from './transform.js';

/** Base of the rising transforms of one number. */
abstract class Rising extends Transform {
  get domain(): Constraint {
    return real;
  }
  override get sign(): Tensor | 1 | -1 | undefined {
    return 1;
  }
}

/**
 * y = eˣ.
 *
 * @example
 * const y = new distributions.ExpTransform().forward(tensor([0])); // [1]
 */
export class ExpTransform extends Rising {
  get codomain(): Constraint {
    return positive;
  }
  protected apply(x: Tensor): Tensor {
    return x.exp();
  }
  protected revert(y: Tensor): Tensor {
    return y.log();
  }
  protected override logSlope(x: Tensor): Tensor {
    return x;
  }
}

/**
 * y = 1 / (1 + e⁻ˣ).
 *
 * @example
 * const y = new distributions.SigmoidTransform().forward(tensor([0])); // [0.5]
 */
export class SigmoidTransform extends Rising {
  get codomain(): Constraint {
    return unitInterval;
  }
  protected apply(x: Tensor): Tensor {
    return x.sigmoid();
  }
  protected revert(y: Tensor): Tensor {
    return y.log().sub(y.neg().log1p());
  }
  protected override logSlope(x: Tensor): Tensor {
    return x.softplus(1, 40).add(x.neg().softplus(1, 40)).neg();
  }
}

/**
 * y = log(1 + eˣ).
 *
 * @example
 * const y = new distributions.SoftplusTransform().forward(tensor([0])); // [log 2]
 */
export class SoftplusTransform extends Rising {
  get codomain(): Constraint {
    return positive;
  }
  protected apply(x: Tensor): Tensor {
    return x.softplus(1, 40);
  }
  protected revert(y: Tensor): Tensor {
    return y.neg().expm1().neg().log().add(y);
  }
  protected override logSlope(x: Tensor): Tensor {
    return x.neg().softplus(1, 40).neg();
  }
}

/**
 * y = tanh(x).
 *
 * @example
 * const x = new distributions.TanhTransform().inverse(tensor([0])); // [0]
 */
export class TanhTransform extends Rising {
  get codomain(): Constraint {
    return interval(-1, 1);
  }
  protected apply(x: Tensor): Tensor {
    return x.tanh();
  }
  protected revert(y: Tensor): Tensor {
    return y.log1p().sub(y.neg().log1p()).mul(0.5);
  }
  protected override logSlope(x: Tensor): Tensor {
    return x.add(x.mul(-2).softplus(1, 40)).sub(Math.LN2).mul(-2);
  }
}

/**
 * y = |x|; the inverse gives the x that is not negative.
 *
 * @example
 * const y = new distributions.AbsTransform().forward(tensor([-2])); // [2]
 */
export class AbsTransform extends Transform {
  get domain(): Constraint {
    return real;
  }
  get codomain(): Constraint {
    return nonnegative;
  }
  override get bijective(): boolean {
    return false;
  }
  protected apply(x: Tensor): Tensor {
    return x.abs();
  }
  protected revert(y: Tensor): Tensor {
    return y;
  }
}

/** @internal A number or a float tensor. */
export function numberOrTensor(operation: string, name: string, value: unknown): Operand {
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  if (!(value instanceof Tensor)) {
    throw new ArgumentError(`${operation}: ${name} must be a number or a tensor, got ${describe(value)}`);
  }
  checkFloat(operation, name, checkTensor(operation, name, value));
  return value;
}
const dimsOf = (x: Operand): Shape => (typeof x === 'number' ? [] : x.dims);
const signOf = (x: Operand): Tensor | 1 | -1 => (typeof x === 'number' ? (x < 0 ? -1 : 1) : x.sign());
const logAbs = (x: Operand, like: Tensor): Tensor =>
  expandTo(typeof x === 'number' ? like.mul(0).add(Math.log(Math.abs(x))) : x.abs().log(), like.dims);

/**
 * y = loc + scale · x.
 *
 * @param args loc, scale; option: eventDim (0), how many of the last dimensions are one value
 * @example
 * const y = new distributions.AffineTransform(1, 2).forward(tensor([3])); // [7]
 */
export class AffineTransform extends Transform {
  readonly loc: Operand;
  readonly scale: Operand;
  private readonly eventDim: number;

  constructor(
    ...args: Positional<
      { loc: Operand; scale: Operand; eventDim?: number },
      [loc: 'loc', scale: 'scale', eventDim: 'eventDim']
    >
  ) {
    super();
    const options = optionsOf<Record<string, unknown>>(this.operation, args, ['loc', 'scale', 'eventDim']);
    this.loc = numberOrTensor(this.operation, 'loc', options.loc);
    this.scale = numberOrTensor(this.operation, 'scale', options.scale);
    this.eventDim = checkInteger(this.operation, 'eventDim', options.eventDim ?? 0, 0, 64);
  }
  get domain(): Constraint {
    return this.eventDim === 0 ? real : independent(real, this.eventDim);
  }
  get codomain(): Constraint {
    return this.domain;
  }
  override get sign(): Tensor | 1 | -1 {
    return signOf(this.scale);
  }
  protected apply(x: Tensor): Tensor {
    return x.mul(this.scale).add(this.loc);
  }
  protected revert(y: Tensor): Tensor {
    return y.sub(this.loc).div(this.scale);
  }
  protected override logSlope(x: Tensor, y: Tensor): Tensor {
    return sumLast(logAbs(this.scale, y.rank > x.rank ? y : x), this.eventDim);
  }
  override forwardShape(shape: Shape): Shape {
    return broadcastShapes(this.operation, ['x', 'loc', 'scale'], [shape, dimsOf(this.loc), dimsOf(this.scale)]);
  }
  override inverseShape(shape: Shape): Shape {
    return this.forwardShape(shape);
  }
}

/**
 * y = x^exponent, for x above 0.
 *
 * @param args exponent
 * @example
 * const y = new distributions.PowerTransform(2).forward(tensor([3])); // [9]
 */
export class PowerTransform extends Transform {
  readonly exponent: Operand;

  constructor(...args: Positional<{ exponent: Operand }, [exponent: 'exponent']>) {
    super();
    const { exponent } = optionsOf<{ exponent: Operand }>(this.operation, args, ['exponent']);
    this.exponent = numberOrTensor(this.operation, 'exponent', exponent);
  }
  get domain(): Constraint {
    return positive;
  }
  get codomain(): Constraint {
    return positive;
  }
  override get sign(): Tensor | 1 | -1 {
    return signOf(this.exponent);
  }
  protected apply(x: Tensor): Tensor {
    return x.pow(this.exponent);
  }
  protected revert(y: Tensor): Tensor {
    return y.pow(typeof this.exponent === 'number' ? 1 / this.exponent : this.exponent.reciprocal());
  }
  protected override logSlope(x: Tensor, y: Tensor): Tensor {
    return y.div(x).mul(this.exponent).abs().log();
  }
  override forwardShape(shape: Shape): Shape {
    return broadcastShapes(this.operation, ['x', 'exponent'], [shape, dimsOf(this.exponent)]);
  }
  override inverseShape(shape: Shape): Shape {
    return this.forwardShape(shape);
  }
}

/**
 * y = cdf(x) of a distribution of one number.
 *
 * @param args distribution
 * @example
 * const t = new distributions.CumulativeDistributionTransform(new distributions.Normal(0, 1));
 */
export class CumulativeDistributionTransform extends Transform {
  readonly distribution: Distribution;

  constructor(...args: Positional<{ distribution: Distribution }, [distribution: 'distribution']>) {
    super();
    const { distribution } = optionsOf<{ distribution: unknown }>(this.operation, args, ['distribution']);
    this.distribution = distributionOf(this.operation, 'distribution', distribution);
  }
  get domain(): Constraint {
    return this.distribution.support;
  }
  get codomain(): Constraint {
    return unitInterval;
  }
  override get sign(): Tensor | 1 | -1 {
    return 1;
  }
  protected apply(x: Tensor): Tensor {
    return this.distribution.cdf(x);
  }
  protected revert(y: Tensor): Tensor {
    return this.distribution.icdf(y);
  }
  protected override logSlope(x: Tensor): Tensor {
    return this.distribution.logProb(x);
  }
}
