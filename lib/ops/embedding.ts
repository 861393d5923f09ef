import { aboutToChange, allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad, record } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { ArgumentError, checkInteger, formatShape, ShapeError } from '../errors.js';
import { type Fault, kernel } from '../native.js';
import { checkFloat, checkInt32, checkTensor, empty, type Tensor } from '../tensor.js';
import { ones } from './creation.js';
import { checkLimits, type LimitOptions, limitRows, sharedGradient } from './embedding-rows.js';
import { reshape } from './shape.js';

const embeddingKernel = kernel('embedding', 'y table index rows columns skipped');
const embeddingBackwardKernel = kernel('embeddingBackward', 'dTable dy index rows columns skipped');

/** @internal */
export function checkTable(name: string, weight: Tensor): { rows: number; columns: number } {
  checkTensor(name, 'weight', weight);
  checkFloat(name, 'weight', weight);
  const [rows, columns] = weight.dims;
  if (weight.rank !== 2 || rows === undefined || columns === undefined) {
    throw new ShapeError(
      `${name}: weight must be [numEmbeddings, embeddingDim], got weight ${formatShape(weight.dims)}`,
    );
  }
  return { rows, columns };
}

/** @internal A padding index as 0 … rows - 1, negative ones counted from the end, or -1 for none. */
export function checkPadding(name: string, paddingIdx: number | null | undefined, rows: number): number {
  if (paddingIdx === undefined || paddingIdx === null) return -1;
  const index = checkInteger(name, 'paddingIdx', paddingIdx, -rows, rows - 1);
  return index < 0 ? index + rows : index;
}

/** @internal */
export function wrongIndex(name: string, rows: number, { value, position }: Fault): ArgumentError {
  const rule = `indices must be at least 0 and below ${rows}`;
  return new ArgumentError(`${name}: ${rule}, got ${value} (element ${position})`);
}

/** Options of `embedding`. */
export interface EmbeddingOptions extends LimitOptions {
  /** The row that gets no gradient, negative ones counted from the end; default none. */
  paddingIdx?: number | null;
}

type EmbeddingArguments = Positional<
  EmbeddingOptions,
  [paddingIdx: 'paddingIdx', maxNorm: 'maxNorm', normType: 'normType', scaleGradByFreq: 'scaleGradByFreq']
>;

/**
 * The rows of a table that `index` names: y[…, :] = weight[index[…], :].
 *
 * The gradient of `weight` is a dense tensor, but costs only zeroing it and adding the rows that are named.
 * Bengio et al., 2003, https://jmlr.org/papers/v3/bengio03a.html
 *
 * @param index int32 of any shape, in [0, numEmbeddings)
 * @param weight [numEmbeddings, embeddingDim]
 * @param args paddingIdx: the row that gets no gradient, negative ones counted from the end (none); maxNorm (none), to whose
 *   norm longer rows that are named are scaled down in the table itself; normType (2); scaleGradByFreq (false)
 * @returns [...index's shape, embeddingDim]
 * @throws ArgumentError when an index is out of range
 * @example
 * const y = embedding(tensor([2, 0], { dtype: 'int32' }), eye(3)); // [[0, 0, 1], [1, 0, 0]]
 */
export function embedding(index: Tensor, weight: Tensor, ...args: EmbeddingArguments): Tensor {
  const positions = ['paddingIdx', 'maxNorm', 'normType', 'scaleGradByFreq'];
  return rowsOf('embedding', index, weight, optionsOf('embedding', args, positions, [], ['paddingIdx', 'maxNorm']));
}

/** @internal `name`: for error texts. */
export function rowsOf(name: string, index: Tensor, weight: Tensor, o: EmbeddingOptions): Tensor {
  const { rows } = checkTable(name, weight);
  checkInt32(name, 'index', index);
  const padding = checkPadding(name, o.paddingIdx, rows);
  return limited(name, weight, index, o, (table) => looked(name, table, index, padding, -1));
}

/** @internal What `run` makes of the table whose named rows are not too long and whose gradient counts rows by frequency. */
export function limited(
  name: string,
  weight: Tensor,
  index: Tensor,
  o: LimitOptions,
  run: (table: Tensor) => Tensor,
): Tensor {
  const { maxNorm, normType, scaleGradByFreq } = checkLimits(name, o);
  if (maxNorm === null && !scaleGradByFreq) return run(weight);
  const flat = reshape(index, [index.size]);
  const [rows] = weight.dims as [number, number];
  return allOrNothing(() => {
    if (maxNorm !== null) {
      noGrad(() => {
        const found = looked(name, weight, flat, -1, -1);
        aboutToChange(name, weight);
        limitRows(weight, flat, found, maxNorm, normType);
      });
    }
    if (!scaleGradByFreq) return run(weight);
    const counts = noGrad(() => addedRows(name, ones([flat.size, 1], { dtype: weight.dtype }), flat, rows, -1));
    return run(sharedGradient(weight, counts));
  });
}

// Looking rows up, and adding rows to zeros: each is the other's gradient. `skipped` reads as zeros and gets nothing;
// the layer's padding row is skipped only in the gradient.
function looked(name: string, weight: Tensor, index: Tensor, padding: number, skipped: number): Tensor {
  const [rows, columns] = weight.dims as [number, number];
  const y = empty([...index.dims, columns], weight.dtype);
  const fault = embeddingKernel(y.handle, weight.handle, index.handle, rows, columns, skipped);
  checkFault(fault, (found) => wrongIndex(name, rows, found));
  return record('embedding', y, [weight], (dy) => [addedRows(name, dy, index, rows, padding)], [index]);
}

function addedRows(name: string, dy: Tensor, index: Tensor, rows: number, padding: number): Tensor {
  const columns = dy.dims.at(-1) as number;
  const dWeight = empty([rows, columns], dy.dtype);
  const fault = embeddingBackwardKernel(dWeight.handle, dy.handle, index.handle, rows, columns, padding);
  checkFault(fault, (found) => wrongIndex(name, rows, found));
  return record('embeddingBackward', dWeight, [dy], (ddy) => [looked(name, ddy, index, padding, padding)], [index]);
}
