// Layers that take the number of their inputs from the first input, and are then the layer itself, as in PyTorch.
import { isRecording } from '../context.js';
import { ArgumentError, formatShape, isPlain, nameClass, StateError } from '../errors.js';
import { defaultGenerator } from '../ops/generator.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from './conv.js';
import { Linear } from './linear.js';
import { Module } from './module.js';
import { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from './norm.js';
import { BatchNorm1d, BatchNorm2d, BatchNorm3d } from './norm-batch.js';

/** The arguments of a layer behind its first, the number of inputs. */
type Rest<Args> = Args extends [first?: number, ...rest: infer R] ? R : never;

type Layer<Args extends unknown[]> = new (...args: Args) => Module & { forward(x: Tensor): Tensor };

/** A layer without its number of inputs. */
type Lazy<Args extends unknown[]> = new (...args: Rest<Args>) => Module & { forward(x: Tensor): Tensor };

// The number of groups among the arguments of a convolution, which must divide its inputs; the sixth by position.
function groupsIn(args: readonly unknown[]): number {
  const given = args[5] ?? (args.find((arg) => isPlain(arg)) as { groups?: unknown } | undefined)?.groups;
  return Number.isInteger(given) && (given as number) > 0 && (given as number) < 2 ** 16 ? (given as number) : 1;
}

// `spatial`: how many dimensions come behind that of the inputs.
function lazy<Args extends unknown[]>(Class: Layer<Args>, spatial: number): Lazy<Args> {
  const name = `Lazy${Class.name}`;
  const made = class extends Module {
    private _args?: unknown[];

    constructor(...args: unknown[]) {
      super();
      this._args = args;
      // Wrong arguments are found now: by a layer of the fewest inputs, whose random numbers do not count.
      const generator = defaultGenerator();
      const position = generator.getState();
      new (Class as Layer<unknown[]>)(groupsIn(args), ...args); // draws nothing if it fails
      generator.setState(position);
    }

    forward(x: Tensor): Tensor {
      checkTensor(name, 'x', x);
      // BatchNorm1d also takes [batch, features].
      const isTable = Class.name === 'BatchNorm1d' && x.rank === 2;
      const inputs = x.dims[isTable ? 1 : x.rank - 1 - spatial];
      if (inputs === undefined) {
        throw new ArgumentError(`${name}: x must have at least ${spatial + 1} dimensions, got ${formatShape(x.dims)}`);
      }
      if (isRecording()) {
        throw new StateError(`${name}: the first input makes its parameters; call forward once before compile`);
      }
      const layer = new (Class as Layer<unknown[]>)(inputs, ...(this._args as unknown[]));
      layer.training = this.training;
      const y = layer.forward(x);
      delete this._args; // nothing fails from here on
      Object.assign(this, layer);
      Object.setPrototypeOf(this, Class.prototype);
      return y;
    }

    override _checkMade(path: string): void {
      const where = path === '' ? '' : ` (${path})`;
      throw new StateError(
        `${name}${where}: it has no parameters before its first input; call forward with a batch first, then make the optimizer or load weights`,
      );
    }

    override toString(): string {
      return `${name}()`;
    }
  };
  return nameClass(name, made) as unknown as Lazy<Args>;
}

/**
 * A `Linear` whose inFeatures are those of the first input; afterwards it is one. Arguments: those behind inFeatures.
 *
 * @throws StateError when its parameters are asked for before the first input, or that comes while a step is recorded
 * @example
 * new nn.LazyLinear(2).forward(ones(4, 3)); // [4, 2]
 */
export const LazyLinear = lazy<ConstructorParameters<typeof Linear>>(Linear, 0);
export type LazyLinear = InstanceType<typeof LazyLinear>;
/**
 * A `Conv1d` whose inChannels are those of the first input; afterwards it is one. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyConv1d(4, 3).forward(ones(2, 3, 8)); // [2, 4, 6]
 */
export const LazyConv1d = lazy<ConstructorParameters<typeof Conv1d>>(Conv1d, 1);
export type LazyConv1d = InstanceType<typeof LazyConv1d>;
/**
 * A `Conv2d` whose inChannels are those of the first input; afterwards it is one. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyConv2d(4, 3).forward(ones(2, 3, 8, 8)); // [2, 4, 6, 6]
 */
export const LazyConv2d = lazy<ConstructorParameters<typeof Conv2d>>(Conv2d, 2);
export type LazyConv2d = InstanceType<typeof LazyConv2d>;
/**
 * A `Conv3d` whose inChannels are those of the first input; afterwards it is one. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyConv3d(4, 3).forward(ones(2, 3, 8, 8, 8)); // [2, 4, 6, 6, 6]
 */
export const LazyConv3d = lazy<ConstructorParameters<typeof Conv3d>>(Conv3d, 3);
export type LazyConv3d = InstanceType<typeof LazyConv3d>;
/**
 * A `ConvTranspose1d` whose inChannels are those of the first input; afterwards it is one. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyConvTranspose1d(4, 3).forward(ones(2, 3, 8)); // [2, 4, 10]
 */
export const LazyConvTranspose1d = lazy<ConstructorParameters<typeof ConvTranspose1d>>(ConvTranspose1d, 1);
export type LazyConvTranspose1d = InstanceType<typeof LazyConvTranspose1d>;
/**
 * A `ConvTranspose2d` whose inChannels are those of the first input; afterwards it is one. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyConvTranspose2d(4, 3).forward(ones(2, 3, 8, 8)); // [2, 4, 10, 10]
 */
export const LazyConvTranspose2d = lazy<ConstructorParameters<typeof ConvTranspose2d>>(ConvTranspose2d, 2);
export type LazyConvTranspose2d = InstanceType<typeof LazyConvTranspose2d>;
/**
 * A `ConvTranspose3d` whose inChannels are those of the first input; afterwards it is one. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyConvTranspose3d(4, 3).forward(ones(2, 3, 4, 4, 4)); // [2, 4, 6, 6, 6]
 */
export const LazyConvTranspose3d = lazy<ConstructorParameters<typeof ConvTranspose3d>>(ConvTranspose3d, 3);
export type LazyConvTranspose3d = InstanceType<typeof LazyConvTranspose3d>;
/**
 * A `BatchNorm1d` whose numFeatures are those of the first input. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyBatchNorm1d().forward(ones(2, 3)); // [2, 3]
 */
export const LazyBatchNorm1d = lazy<ConstructorParameters<typeof BatchNorm1d>>(BatchNorm1d, 1);
export type LazyBatchNorm1d = InstanceType<typeof LazyBatchNorm1d>;
/**
 * A `BatchNorm2d` whose numFeatures are those of the first input; afterwards it is one. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyBatchNorm2d().forward(ones(2, 3, 4, 4)); // [2, 3, 4, 4]
 */
export const LazyBatchNorm2d = lazy<ConstructorParameters<typeof BatchNorm2d>>(BatchNorm2d, 2);
export type LazyBatchNorm2d = InstanceType<typeof LazyBatchNorm2d>;
/**
 * A `BatchNorm3d` whose numFeatures are those of the first input; afterwards it is one. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyBatchNorm3d().forward(ones(2, 3, 4, 4, 4)); // [2, 3, 4, 4, 4]
 */
export const LazyBatchNorm3d = lazy<ConstructorParameters<typeof BatchNorm3d>>(BatchNorm3d, 3);
export type LazyBatchNorm3d = InstanceType<typeof LazyBatchNorm3d>;
/**
 * An `InstanceNorm1d` whose numFeatures are those of the first input; afterwards it is one. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyInstanceNorm1d().forward(ones(2, 3, 4)); // [2, 3, 4]
 */
export const LazyInstanceNorm1d = lazy<ConstructorParameters<typeof InstanceNorm1d>>(InstanceNorm1d, 1);
export type LazyInstanceNorm1d = InstanceType<typeof LazyInstanceNorm1d>;
/**
 * An `InstanceNorm2d` whose numFeatures are those of the first input; afterwards it is one. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyInstanceNorm2d().forward(ones(2, 3, 4, 4)); // [2, 3, 4, 4]
 */
export const LazyInstanceNorm2d = lazy<ConstructorParameters<typeof InstanceNorm2d>>(InstanceNorm2d, 2);
export type LazyInstanceNorm2d = InstanceType<typeof LazyInstanceNorm2d>;
/**
 * An `InstanceNorm3d` whose numFeatures are those of the first input; afterwards it is one. See {@link LazyLinear}.
 *
 * @example
 * new nn.LazyInstanceNorm3d().forward(ones(2, 3, 4, 4, 4)); // [2, 3, 4, 4, 4]
 */
export const LazyInstanceNorm3d = lazy<ConstructorParameters<typeof InstanceNorm3d>>(InstanceNorm3d, 3);
export type LazyInstanceNorm3d = InstanceType<typeof LazyInstanceNorm3d>;
