// The base of the transforms.
import { ArgumentError, describe, StateError } from '../errors.js';
import type { Shape } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import type { Constraint } from './constraints.js';

/** Base of the transforms of random values: y = forward(x), x = inverse(y), and the logarithm of |det ∂y/∂x|. */
export abstract class Transform {
  /** What x must satisfy. */
  abstract get domain(): Constraint;
  /** What y satisfies. */
  abstract get codomain(): Constraint;
  /** Whether each y has one x. */
  get bijective(): boolean {
    return true;
  }
  /** 1 where the transform rises, -1 where it falls; undefined if it is not monotonic in one number. */
  get sign(): Tensor | 1 | -1 | undefined {
    return undefined;
  }
  /** y for x. */
  forward(x: Tensor): Tensor {
    return this.apply(checkTensor(`${this.operation}.forward`, 'x', x));
  }
  /** x for y. */
  inverse(y: Tensor): Tensor {
    return this.revert(checkTensor(`${this.operation}.inverse`, 'y', y));
  }
  /** log |det ∂y/∂x|, one number for each value of the domain. */
  logAbsDetJacobian(x: Tensor, y: Tensor): Tensor {
    checkTensor(`${this.operation}.logAbsDetJacobian`, 'x', x);
    return this.logSlope(x, checkTensor(`${this.operation}.logAbsDetJacobian`, 'y', y));
  }
  /** The transform from y to x. */
  get inv(): Transform {
    return new Inverse(this);
  }
  /** The shape of y for that of x. */
  forwardShape(shape: Shape): Shape {
    return shape;
  }
  /** The shape of x for that of y. */
  inverseShape(shape: Shape): Shape {
    return shape;
  }
  /** `distributions.ExpTransform`, for error texts. */
  protected get operation(): string {
    return `distributions.${this.constructor.name}`;
  }
  protected abstract apply(x: Tensor): Tensor;
  protected abstract revert(y: Tensor): Tensor;
  protected logSlope(_x: Tensor, _y: Tensor): Tensor {
    throw new StateError(`${this.operation}.logAbsDetJacobian: it has no formula here`);
  }
}

class Inverse extends Transform {
  readonly base: Transform;
  constructor(base: Transform) {
    super();
    this.base = base;
  }
  get domain(): Constraint {
    return this.base.codomain;
  }
  get codomain(): Constraint {
    return this.base.domain;
  }
  override get bijective(): boolean {
    return this.base.bijective;
  }
  override get sign() {
    return this.base.sign;
  }
  override get inv(): Transform {
    return this.base;
  }
  protected apply(x: Tensor): Tensor {
    return this.base.inverse(x);
  }
  protected revert(y: Tensor): Tensor {
    return this.base.forward(y);
  }
  protected override logSlope(x: Tensor, y: Tensor): Tensor {
    return this.base.logAbsDetJacobian(y, x).neg();
  }
  override forwardShape(shape: Shape): Shape {
    return this.base.inverseShape(shape);
  }
  override inverseShape(shape: Shape): Shape {
    return this.base.forwardShape(shape);
  }
}

/** @internal */
export function transformOf(operation: string, name: string, value: unknown): Transform {
  if (value instanceof Transform) return value;
  throw new ArgumentError(`${operation}: ${name} must be a transform, got ${describe(value)}`);
}
