// A linear layer in one pass.
import { optionsOf, type Positional } from '../arguments.js';
import { fusedGradients } from '../autograd/fused.js';
import { type Backward, factorsRead, record } from '../autograd/tape.js';
import { isGradEnabled } from '../context.js';
import { checkChoice, formatShape, ShapeError } from '../errors.js';
import { present } from '../lists.js';
import { kernel, native } from '../native.js';
import type { Shape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { sumTo } from './broadcast.js';
import { ones } from './creation.js';
import { add, mul } from './elementwise.js';
import { asMatrix, last, product, rowsOf } from './matmul.js';
import { reshaped } from './shape.js';

const linearKernel = kernel('linear', 'y x weight bias rows inFeatures outFeatures activation');
const activationBackwardKernel = kernel('activationBackward', 'dz dy y activation');
const biasGradientKernel = kernel('biasGradient', 'dBias dz rows columns');

/** The function that `linear` applies to its sums. */
export type LinearActivation = 'none' | 'relu' | 'tanh' | 'sigmoid';

const codes = native.codes.activation;

// f′, written with y = f(z).
const derivatives: Record<LinearActivation, ((y: Tensor) => Tensor) | null> = {
  none: null,
  relu: (y) => applyActivationBackward(ones(y.dims, { dtype: y.dtype }), y, codes.relu),
  tanh: (y) => add(mul(mul(y, y), -1), 1),
  sigmoid: (y) => mul(y, add(mul(y, -1), 1)),
};

const activationNames = Object.keys(derivatives) as LinearActivation[];

// Off the tape.
function applyActivationBackward(dy: Tensor, y: Tensor, code: number): Tensor {
  const dz = empty(y.dims, y.dtype);
  activationBackwardKernel(dz.handle, dy.handle, y.handle, code);
  return dz;
}

/** Options of `linear`. */
export interface LinearOptions {
  /** [outFeatures]; default none. */
  bias?: Tensor | null;
  /** Applied to the result in the same pass: `none` (default), `relu`, `tanh` or `sigmoid`. */
  activation?: LinearActivation;
}

type LinearArguments = Positional<LinearOptions, [bias: 'bias']>;

/**
 * A linear layer in one pass: y = f(x · weightᵀ + bias).
 *
 * @param x [inFeatures] or […, inFeatures]
 * @param weight [outFeatures, inFeatures]
 * @param args bias: [outFeatures] (none); option: activation ('none')
 * @returns […, outFeatures]
 * @throws ShapeError when the shapes do not fit; DTypeError when dtypes differ or are not floats
 * @example
 * const y = linear(ones([4, 3]), ones([2, 3]), zeros([2]), { activation: 'relu' }); // [4, 2], all 3
 */
export function linear(x: Tensor, weight: Tensor, ...args: LinearArguments): Tensor {
  const options = optionsOf<LinearOptions>('linear', args, ['bias'], ['activation'], ['bias']);
  const activation = checkChoice('linear', 'activation', options.activation, activationNames, 'none');
  return linearWith(x, weight, options.bias, activation);
}

/** @internal */
export function linearWith(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  activation: LinearActivation,
): Tensor {
  checkLinear(x, weight, bias ?? null);
  const code = codes[activation];
  const derivative = derivatives[activation];
  const outFeatures = last(weight, 2);
  const shape = x.dims.slice();
  shape[shape.length - 1] = outFeatures;
  const y = empty(shape, x.dtype);
  linearKernel(
    y.handle,
    x.handle,
    weight.handle,
    bias ? bias.handle : 0,
    rowsOf(x),
    last(weight, 1),
    outFeatures,
    code,
  );
  const inputs = bias ? [x, weight, bias] : [x, weight];
  const [given] = factorsRead(x, weight);
  const saved = present(given, weight, derivative === null ? null : y);
  const activated = derivative === null ? null : { y, code, derivative };
  return record('linear', y, inputs, linearBackward(given, x.dims, weight, !!bias, activated), saved);
}

// A function of its own, so that it holds what it is given and nothing else.
function linearBackward(
  x: Tensor | null,
  dims: Shape,
  weight: Tensor,
  hasBias: boolean,
  activated: { y: Tensor; code: number; derivative: (y: Tensor) => Tensor } | null,
): Backward {
  return (dy, needs) => {
    const dz = activated === null ? dy : activationGradient(dy, activated.y, activated.code, activated.derivative);
    const dWeight = needs[1] ? product(asMatrix(dz), asMatrix(x as Tensor), true, false) : null;
    const dBias = needs[2] ? biasGradient(dz, last(weight, 2)) : null;
    // Last, next to the function of x that comes before the layer: a compiled step runs both while dx is in the cache.
    const dx = needs[0]
      ? dims.length === 1
        ? reshaped('reshape', product(asMatrix(dz), weight, false, false), dims)
        : product(dz, weight, false, false)
      : null;
    if (dz !== dy && !isGradEnabled()) dz.dispose();
    return hasBias ? [dx, dWeight, dBias] : [dx, dWeight];
  };
}

function activationGradient(dy: Tensor, y: Tensor, code: number, derivative: (y: Tensor) => Tensor): Tensor {
  const run = () => [applyActivationBackward(dy, y, code)];
  return fusedGradients('linear', [dy, y], run, (dy, y) => [mul(dy, derivative(y))])[0] as Tensor;
}

function biasGradient(dz: Tensor, outFeatures: number): Tensor {
  const run = () => {
    const dBias = empty([outFeatures], dz.dtype);
    biasGradientKernel(dBias.handle, dz.handle, outFeatures === 0 ? 0 : dz.size / outFeatures, outFeatures);
    return [dBias];
  };
  return fusedGradients('linear', [dz], run, (dz) => [sumTo(dz, [outFeatures])])[0] as Tensor;
}

function checkLinear(x: Tensor, weight: Tensor, bias: Tensor | null): void {
  checkTensor('linear', 'x', x);
  checkTensor('linear', 'weight', weight);
  checkFloat('linear', 'x', x);
  if (bias !== null) checkTensor('linear', 'bias', bias);
  if (weight.dtype !== x.dtype || (bias !== null && bias.dtype !== x.dtype)) {
    checkSameDType('linear', ['x', 'weight', 'bias'], bias === null ? [x, weight] : [x, weight, bias]);
  }
  if (weight.rank !== 2) {
    throw new ShapeError(`linear: weight must be [outFeatures, inFeatures], got weight ${formatShape(weight.dims)}`);
  }
  if (last(x, 1) !== weight.dims[1]) {
    const found = x.rank === 0 ? 'no dimension' : last(x, 1);
    throw new ShapeError(
      `linear: last dimension of x must be weight's inFeatures, got x ${formatShape(x.dims)} and weight ${formatShape(weight.dims)} (${found} ≠ ${weight.dims[1]})`,
    );
  }
  if (bias !== null && (bias.rank !== 1 || bias.size !== weight.dims[0])) {
    throw new ShapeError(
      `linear: bias must be [outFeatures], got bias ${formatShape(bias.dims)} and weight ${formatShape(weight.dims)}`,
    );
  }
}
