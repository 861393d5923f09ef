// Transforms made of others.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkInteger, describe, formatShape, ShapeError } from '../errors.js';
import { cat, split, stack } from '../ops/shape-slice.js';
import { checkDim, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { type Constraint, independent, real } from './constraints.js';
import { sumLast } from './distribution.js';
import { Transform, transformOf } from './transform.js';

/**
 * Transforms one after the other.
 *
 * @param args parts: the list
 * @example
 * const t = new distributions.ComposeTransform([new distributions.AffineTransform(0, 2), new distributions.ExpTransform()]);
 */
export class ComposeTransform extends Transform {
  readonly parts: readonly Transform[];

  constructor(...args: Positional<{ parts: readonly Transform[] }, [parts: 'parts']>) {
    super();
    const { parts } = optionsOf<{ parts: unknown }>(this.operation, args, ['parts']);
    if (!Array.isArray(parts)) {
      throw new ArgumentError(`${this.operation}: parts must be an array of transforms, got ${describe(parts)}`);
    }
    this.parts = Array.from(parts, (t, i) => transformOf(this.operation, `parts[${i}]`, t));
  }
  // How many of x's dimensions are one value: what all parts need, before and after.
  get domain(): Constraint {
    const first = this.parts[0];
    if (first === undefined) return real;
    let events = (this.parts.at(-1) as Transform).codomain.eventDim;
    for (const t of [...this.parts].reverse()) {
      events = Math.max(events + t.domain.eventDim - t.codomain.eventDim, t.domain.eventDim);
    }
    const missing = events - first.domain.eventDim;
    return missing > 0 ? independent(first.domain, missing) : first.domain;
  }
  get codomain(): Constraint {
    const last = this.parts.at(-1);
    if (last === undefined) return real;
    let events = (this.parts[0] as Transform).domain.eventDim;
    for (const t of this.parts) {
      events = Math.max(events + t.codomain.eventDim - t.domain.eventDim, t.codomain.eventDim);
    }
    const missing = events - last.codomain.eventDim;
    return missing > 0 ? independent(last.codomain, missing) : last.codomain;
  }
  override get bijective(): boolean {
    return this.parts.every((t) => t.bijective);
  }
  override get sign(): Tensor | 1 | -1 | undefined {
    let sign: Tensor | 1 | -1 = 1;
    for (const { sign: own } of this.parts) {
      if (own === undefined) return undefined;
      if (own === 1) continue;
      if (sign instanceof Tensor) sign = sign.mul(own);
      else sign = own instanceof Tensor ? own.mul(sign) : ((sign * own) as 1 | -1);
    }
    return sign;
  }
  protected apply(x: Tensor): Tensor {
    return this.parts.reduce((y, t) => t.forward(y), x);
  }
  protected revert(y: Tensor): Tensor {
    return this.parts.reduceRight((x, t) => t.inverse(x), y);
  }
  protected override logSlope(x: Tensor): Tensor {
    const { eventDim } = this.domain;
    let events = eventDim;
    let from = x;
    let total: Tensor | undefined;
    for (const t of this.parts) {
      const to = t.forward(from);
      const term = sumLast(t.logAbsDetJacobian(from, to), events - t.domain.eventDim);
      total = total === undefined ? term : total.add(term);
      events += t.codomain.eventDim - t.domain.eventDim;
      from = to;
    }
    return total ?? x.mul(0);
  }
  override forwardShape(shape: Shape): Shape {
    return this.parts.reduce((s, t) => t.forwardShape(s), shape);
  }
  override inverseShape(shape: Shape): Shape {
    return this.parts.reduceRight((s, t) => t.inverseShape(s), shape);
  }
}

/**
 * A transform whose last dimensions are one value: its Jacobian is summed over them.
 *
 * @param args baseTransform; reinterpretedBatchNdims: how many dimensions
 * @example
 * const t = new distributions.IndependentTransform(new distributions.ExpTransform(), 1);
 */
export class IndependentTransform extends Transform {
  readonly baseTransform: Transform;
  readonly reinterpretedBatchNdims: number;

  constructor(
    ...args: Positional<
      { baseTransform: Transform; reinterpretedBatchNdims: number },
      [baseTransform: 'baseTransform', reinterpretedBatchNdims: 'reinterpretedBatchNdims']
    >
  ) {
    super();
    const places = ['baseTransform', 'reinterpretedBatchNdims'];
    const options = optionsOf<Record<string, unknown>>(this.operation, args, places);
    this.baseTransform = transformOf(this.operation, 'baseTransform', options.baseTransform);
    this.reinterpretedBatchNdims = checkInteger(
      this.operation,
      'reinterpretedBatchNdims',
      options.reinterpretedBatchNdims,
      0,
      64,
    );
  }
  get domain(): Constraint {
    return independent(this.baseTransform.domain, this.reinterpretedBatchNdims);
  }
  get codomain(): Constraint {
    return independent(this.baseTransform.codomain, this.reinterpretedBatchNdims);
  }
  override get bijective(): boolean {
    return this.baseTransform.bijective;
  }
  override get sign(): Tensor | 1 | -1 | undefined {
    return this.baseTransform.sign;
  }
  protected apply(x: Tensor): Tensor {
    return this.baseTransform.forward(x);
  }
  protected revert(y: Tensor): Tensor {
    return this.baseTransform.inverse(y);
  }
  protected override logSlope(x: Tensor, y: Tensor): Tensor {
    return sumLast(this.baseTransform.logAbsDetJacobian(x, y), this.reinterpretedBatchNdims);
  }
  override forwardShape(shape: Shape): Shape {
    return this.baseTransform.forwardShape(shape);
  }
  override inverseShape(shape: Shape): Shape {
    return this.baseTransform.inverseShape(shape);
  }
}

/** Base of the transforms that treat slices of a value differently. */
abstract class Sliced extends Transform {
  readonly tseq: readonly Transform[];
  readonly dim: number;

  constructor(given: unknown, dim: unknown) {
    super();
    if (!Array.isArray(given) || given.length === 0) {
      throw new ArgumentError(`${this.operation}: tseq must be an array of transforms, got ${describe(given)}`);
    }
    this.tseq = Array.from(given, (t, i) => transformOf(this.operation, `tseq[${i}]`, t));
    this.dim = checkInteger(this.operation, 'dim', dim ?? 0, -64, 63);
  }
  protected abstract parts(x: Tensor): Tensor[];
  protected abstract joined(parts: readonly Tensor[], dim: number): Tensor;
  private constraint(of: (t: Transform) => Constraint): Constraint {
    const all = this.tseq.map(of);
    const [first] = all as [Constraint];
    const check = (x: Tensor): Tensor =>
      this.joined(
        this.parts(x).map((p, i) => (all[i] as Constraint).check(p)),
        this.dim,
      );
    return { ...first, eventDim: Math.max(...all.map((c) => c.eventDim)), check };
  }
  get domain(): Constraint {
    return this.constraint((t) => t.domain);
  }
  get codomain(): Constraint {
    return this.constraint((t) => t.codomain);
  }
  override get bijective(): boolean {
    return this.tseq.every((t) => t.bijective);
  }
  private each(x: Tensor, run: (t: Transform, part: Tensor) => Tensor): Tensor {
    return this.joined(
      this.parts(x).map((part, i) => run(this.tseq[i] as Transform, part)),
      this.dim,
    );
  }
  protected apply(x: Tensor): Tensor {
    return this.each(x, (t, part) => t.forward(part));
  }
  protected revert(y: Tensor): Tensor {
    return this.each(y, (t, part) => t.inverse(part));
  }
  protected override logSlope(x: Tensor, y: Tensor): Tensor {
    const events = this.domain.eventDim;
    const ys = this.parts(y);
    const slopes = this.parts(x).map((part, i) => {
      const t = this.tseq[i] as Transform;
      return sumLast(t.logAbsDetJacobian(part, ys[i] as Tensor), events - t.domain.eventDim);
    });
    const dim = (this.dim < 0 ? this.dim : this.dim - x.rank) + events;
    return dim < 0 ? this.joined(slopes, dim) : slopes.reduce((a, b) => a.add(b));
  }
}

/**
 * Transforms of the parts of a value, one after the other along a dimension.
 *
 * @param args tseq: the transforms; dim (0); lengths: of the parts, default 1 each
 * @example
 * const parts = [new distributions.ExpTransform(), new distributions.TanhTransform()];
 * const y = new distributions.CatTransform(parts, 0, [1, 2]).forward(zeros([3])); // [1, 0, 0]
 */
export class CatTransform extends Sliced {
  readonly lengths: readonly number[];

  constructor(
    ...args: Positional<
      { tseq: readonly Transform[]; dim?: number; lengths?: readonly number[] },
      [tseq: 'tseq', dim: 'dim', lengths: 'lengths']
    >
  ) {
    const name = 'distributions.CatTransform';
    const options = optionsOf<Record<string, unknown>>(name, args, ['tseq', 'dim', 'lengths']);
    super(options.tseq, options.dim);
    const lengths = options.lengths ?? this.tseq.map(() => 1);
    if (!Array.isArray(lengths) || lengths.length !== this.tseq.length) {
      throw new ArgumentError(
        `${name}: lengths must be an array of one length for each transform, got ${describe(lengths)}`,
      );
    }
    this.lengths = lengths.map((n, i) => checkInteger(name, `lengths[${i}]`, n, 1));
  }
  protected parts(x: Tensor): Tensor[] {
    return split(x, [...this.lengths], checkDim(this.operation, this.dim, x.rank));
  }
  protected joined(parts: readonly Tensor[], dim: number): Tensor {
    return cat(parts, dim);
  }
}

/**
 * A transform for each slice of a value along a dimension.
 *
 * @param args tseq: the transforms; dim (0)
 * @example
 * const parts = [new distributions.ExpTransform(), new distributions.TanhTransform()];
 * const y = new distributions.StackTransform(parts).forward(zeros([2, 3])); // a row of 1 and one of 0
 */
export class StackTransform extends Sliced {
  constructor(...args: Positional<{ tseq: readonly Transform[]; dim?: number }, [tseq: 'tseq', dim: 'dim']>) {
    const options = optionsOf<Record<string, unknown>>('distributions.StackTransform', args, ['tseq', 'dim']);
    super(options.tseq, options.dim);
  }
  protected parts(x: Tensor): Tensor[] {
    const dim = checkDim(this.operation, this.dim, x.rank);
    if (x.dims[dim] !== this.tseq.length) {
      throw new ShapeError(`${this.operation}: there must be one slice for each transform, got ${formatShape(x.dims)}`);
    }
    return split(x, 1, dim).map((part) => part.squeeze(dim));
  }
  protected joined(parts: readonly Tensor[], dim: number): Tensor {
    return stack(parts, dim);
  }
}
