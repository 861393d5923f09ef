// What recurrent layers and cells share.
import type { DType } from '../dtype.js';
import { ArgumentError, describe, formatShape, ShapeError } from '../errors.js';
import { type Cell, cells } from '../ops/recurrent.js';
import { type Shape, sameShape } from '../shape.js';
import { checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { uniform_ } from './init.js';
import { Parameter } from './roles.js';

/** @internal PyTorch's U(-1/√hiddenSize, 1/√hiddenSize), for weights and biases alike. */
export function makeWeight(shape: Shape, hiddenSize: number, dtype: DType): Tensor {
  const bound = 1 / Math.sqrt(hiddenSize);
  return new Parameter(uniform_(empty(shape, dtype), -bound, bound));
}

/** @internal */
export function checkInput(name: string, x: Tensor, inputSize: number, weight: Tensor): void {
  if (x.dims[x.rank - 1] !== inputSize) {
    throw new ShapeError(`${name}: last dimension of x must be inputSize ${inputSize}, got x ${formatShape(x.dims)}`);
  }
  checkSameDType(name, ['x', 'weights'], [x, weight]);
}

/** @internal */
export function checkState(
  name: string,
  what: string,
  state: Tensor,
  shape: Shape,
  meaning: string,
  x: Tensor,
): Tensor {
  checkTensor(name, what, state);
  if (!sameShape(state.dims, shape)) {
    throw new ShapeError(
      `${name}: ${what} must be ${meaning} ${formatShape(shape)} for x ${formatShape(x.dims)}, got ${formatShape(state.dims)}`,
    );
  }
  checkSameDType(name, ['x', what], [x, state]);
  return state;
}

/** The two states of an LSTM: h and c. */
export type LSTMState = readonly [h: Tensor, c: Tensor];

/** @internal */
export function checkPair(name: string, state: LSTMState | null): readonly (Tensor | null)[] {
  if (state === null) return [null, null];
  if (Array.isArray(state) && state.length === 2) return state;
  throw new ArgumentError(`${name}: state must be [h0, c0], got ${describe(state)}`);
}

/** @internal */
export function cellOf(name: string, options: { nonlinearity?: unknown }): Cell {
  const nonlinearity = options.nonlinearity ?? 'tanh';
  if (nonlinearity === 'tanh') return cells.rnnTanh;
  if (nonlinearity === 'relu') return cells.rnnRelu;
  throw new ArgumentError(`${name}: nonlinearity must be tanh or relu, got ${describe(nonlinearity)}`);
}
