// Tensors made of others' shapes, powers and spacings.

import { optionsOf, type Sizes } from '../arguments.js';
import { checkFlag, checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import { native } from '../native.js';
import { checkDType, checkTensor, type Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { finish, generate, ones, spaced, type TensorOptions, tensorOptions, zeros, zerosLike } from './creation.js';
import { cumprod } from './reduce-running.js';
import { flip, unsqueeze } from './shape.js';
import { cat } from './shape-slice.js';

/**
 * A tensor to be filled: zeros, because memory of others is never shown.
 *
 * @param args the sizes, one by one or as an array, then { dtype, requiresGrad } (default float32 and false)
 * @example
 * empty(2, 3); // [2, 3]
 */
export function empty(...args: Sizes<TensorOptions>): Tensor {
  return zeros(...args);
}

/**
 * A tensor of the shape and dtype of x, to be filled: zeros, because memory of others is never shown.
 *
 * @param options dtype, requiresGrad
 * @example
 * emptyLike(ones(2, 3)); // [2, 3]
 */
export function emptyLike(x: Tensor, options?: TensorOptions): Tensor {
  return zerosLike(x, options);
}

/** Options of `logspace`. */
export interface LogspaceOptions extends TensorOptions {
  /** Default 10. */
  base?: number;
}

/** start, end, steps and base, by position or in options. */
export type LogspaceArguments =
  | [start: number, end: number, steps: number, options?: LogspaceOptions]
  | [start: number, end: number, steps: number, base: number, options?: TensorOptions]
  | [options: LogspaceOptions & { start: number; end: number; steps: number }];

/**
 * `steps` numbers from base^start to base^end, both included, whose logarithms are evenly spaced.
 *
 * @param args start, end, steps, base (default 10), then { dtype, requiresGrad }
 * @example
 * logspace(0, 2, 3); // [1, 10, 100]
 */
export function logspace(...args: LogspaceArguments): Tensor {
  const positions = ['start', 'end', 'steps', 'base'];
  const o = optionsOf<LogspaceOptions & { start: number; end: number; steps: number }>(
    'logspace',
    args,
    positions,
    tensorOptions,
  );
  const from = checkNumber('logspace', 'start', o.start);
  const to = checkNumber('logspace', 'end', o.end);
  const n = checkInteger('logspace', 'steps', o.steps, 0, native.limits.positions - 1);
  const base = checkNumber('logspace', 'base', o.base ?? 10);
  const dtype = checkDType('logspace', o.dtype, 'float32');
  const exponent = spaced(from, to, n);
  return finish(
    generate([n], dtype, (i) => base ** exponent(i)),
    o,
  );
}

/**
 * The matrix of the powers of a vector's elements, the highest first: xᵢ^(N - 1), …, xᵢ, 1.
 *
 * @param args N: the number of columns (default the size of x), and increasing: whether 1 comes first (default false)
 * @example
 * vander(tensor([2, 3]), 3); // [[4, 2, 1], [9, 3, 1]]
 */
export function vander(
  x: Tensor,
  ...args: [options?: { N?: number; increasing?: boolean }] | [N: number, options?: { increasing?: boolean }]
): Tensor {
  checkTensor('vander', 'x', x);
  if (x.rank !== 1) throw new ShapeError(`vander: x must have one dimension, got x ${formatShape(x.dims)}`);
  const o = optionsOf<{ N: number; increasing: boolean }>('vander', args, ['N'], ['increasing']);
  const columns = checkInteger('vander', 'N', o.N ?? x.size, 0, 2 ** 24);
  const increasing = checkFlag('vander', 'increasing', o.increasing, false);
  const first = ones([x.size, Math.min(columns, 1)], { dtype: x.dtype });
  if (columns < 2) return first;
  const y = cat([first, cumprod(expandTo(unsqueeze(x, 1), [x.size, columns - 1]), 1)], 1);
  return increasing ? y : flip(y, 1);
}
