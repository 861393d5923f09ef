// Rows of a table combined by bags of indices, without copies of the rows.
import { optionsOf, type Positional } from '../arguments.js';
import { record } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { ArgumentError, checkChoice, checkFlag, formatShape, ShapeError } from '../errors.js';
import { handleOf } from '../lists.js';
import { type Fault, kernel } from '../native.js';
import { sameShape, sizeOf } from '../shape.js';
import { checkInt32, checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { checkPadding, checkTable, limited, wrongIndex } from './embedding.js';
import type { LimitOptions } from './embedding-rows.js';
import { narrow } from './shape-parts.js';

const bagKernel = kernel('embeddingBag', 'y table index offsets factors count rows columns mean skipped');
const bagBackwardKernel = kernel(
  'embeddingBagBackward',
  'dTable dy index offsets factors count rows columns mean skipped',
);
const bagFactorsKernel = kernel('embeddingBagFactors', 'dFactors dy table index offsets count rows columns skipped');
const bagMaxKernel = kernel('embeddingBagMax', 'y chosen table index offsets count rows columns skipped');
const chosenRowsKernel = kernel('chosenRows', 'y table chosen rows columns');
const chosenRowsBackwardKernel = kernel('chosenRowsBackward', 'dTable dy chosen rows columns');

/** How `embeddingBag` combines the rows of a bag. */
export type BagMode = 'sum' | 'mean' | 'max';

/** Options of `embeddingBag`. */
export interface EmbeddingBagOptions extends LimitOptions {
  /** int32 [bags]: where each bag begins in a one-dimensional index; the first is 0, an empty bag begins where the next does. */
  offsets?: Tensor | null;
  /** Default mean. */
  mode?: BagMode;
  /** Factors of the rows, in index's shape; for mode sum only. */
  perSampleWeights?: Tensor | null;
  /** Whether the last offset is the end of the last bag, not the begin of one more; default false. */
  includeLastOffset?: boolean;
  /** The row that does not count and gets no gradient, negative ones counted from the end; default none. */
  paddingIdx?: number | null;
}

type EmbeddingBagArguments = Positional<
  EmbeddingBagOptions,
  [offsets: 'offsets', maxNorm: 'maxNorm', normType: 'normType', scaleGradByFreq: 'scaleGradByFreq', mode: 'mode']
>;

/** The bags of a call, without tensors. */
interface Bags {
  /** The name of the operation in error texts. */
  name: string;
  count: number;
  rows: number;
  columns: number;
  mean: boolean;
  padding: number;
}

/** @internal */
export function checkMode(name: string, o: { mode?: BagMode; scaleGradByFreq?: boolean }): BagMode {
  const mode = checkChoice(name, 'mode', o.mode, ['sum', 'mean', 'max'], 'mean');
  if (mode === 'max' && o.scaleGradByFreq) {
    throw new ArgumentError(`${name}: scaleGradByFreq needs mode sum or mean, got max`);
  }
  return mode;
}

function checkBags(name: string, weight: Tensor, index: Tensor, o: EmbeddingBagOptions): Bags & { mode: BagMode } {
  const { rows, columns } = checkTable(name, weight);
  checkInt32(name, 'index', index);
  const mode = checkMode(name, o);
  const offsets = o.offsets ?? null;
  const includeLast = checkFlag(name, 'includeLastOffset', o.includeLastOffset, false);
  if (offsets !== null) {
    checkInt32(name, 'offsets', offsets);
    if (index.rank !== 1 || offsets.rank !== 1) {
      throw new ShapeError(
        `${name}: index and offsets must have one dimension, got index ${formatShape(index.dims)} and offsets ${formatShape(offsets.dims)}`,
      );
    }
    if (offsets.size === 0 && (index.size > 0 || includeLast)) {
      throw new ShapeError(`${name}: offsets must name at least one bag, got offsets [0] and index [${index.size}]`);
    }
  } else if (index.rank !== 2) {
    throw new ShapeError(`${name}: without offsets, index must be [bags, size], got index ${formatShape(index.dims)}`);
  }
  const factors = o.perSampleWeights ?? null;
  if (factors !== null) {
    if (mode !== 'sum') throw new ArgumentError(`${name}: perSampleWeights need mode sum, got ${mode}`);
    checkTensor(name, 'perSampleWeights', factors);
    checkSameDType(name, ['weight', 'perSampleWeights'], [weight, factors]);
    if (!sameShape(factors.dims, index.dims)) {
      throw new ShapeError(
        `${name}: perSampleWeights must have index's shape, got perSampleWeights ${formatShape(factors.dims)} and index ${formatShape(index.dims)}`,
      );
    }
  }
  const count = offsets === null ? (index.dims[0] as number) : offsets.size;
  const padding = checkPadding(name, o.paddingIdx, rows);
  return { name, count, rows, columns, mean: mode === 'mean', padding, mode };
}

/**
 * For each bag of indices, the sum, mean or maximum of their rows in a table, without intermediate copies:
 * y[b, :] = Σ weight[index[j], :] over the bag's j. An empty bag gives zeros.
 * Joulin et al., 2016, https://arxiv.org/abs/1607.01759
 *
 * @param index int32 [bags, size], or [m] with `offsets`; in [0, numEmbeddings)
 * @param weight [numEmbeddings, embeddingDim]
 * @param args offsets: int32 [bags] (none); maxNorm (none), normType (2), scaleGradByFreq (false): as in `embedding`; mode
 *   ('mean'); options: perSampleWeights (none), includeLastOffset (false): offsets are [bags + 1], paddingIdx (none)
 * @returns [bags, embeddingDim]
 * @throws ArgumentError when an index is out of range or offsets do not ascend from 0 to at most m
 * @example
 * const y = embeddingBag(tensor([[0, 2]], { dtype: 'int32' }), eye(3), { mode: 'sum' }); // [[1, 0, 1]]
 */
export function embeddingBag(index: Tensor, weight: Tensor, ...args: EmbeddingBagArguments): Tensor {
  const positions = ['offsets', 'maxNorm', 'normType', 'scaleGradByFreq', 'mode'];
  const named = ['perSampleWeights', 'includeLastOffset', 'paddingIdx'];
  const nullable = ['offsets', 'perSampleWeights', 'paddingIdx', 'maxNorm'];
  return bagsOf('embeddingBag', index, weight, optionsOf('embeddingBag', args, positions, named, nullable));
}

/** @internal `name`: for error texts. */
export function bagsOf(name: string, index: Tensor, weight: Tensor, o: EmbeddingBagOptions): Tensor {
  const bags = checkBags(name, weight, index, o);
  const offsets = o.offsets ?? null;
  return limited(name, weight, index, o, (table) => {
    const y =
      bags.mode === 'max'
        ? largestOfBags(table, index, offsets, bags)
        : summedBags(table, index, offsets, o.perSampleWeights ?? null, bags);
    // What follows the last offset was a bag of its own.
    return offsets !== null && o.includeLastOffset ? narrow(y, 0, 0, bags.count - 1) : y;
  });
}

function checkBagFault(fault: Fault | undefined, { name, rows }: Bags, index: Tensor): void {
  const total = sizeOf(index.dims);
  checkFault(fault, (found) => {
    if (found.position < total) return wrongIndex(name, rows, found);
    const rule = `offsets must ascend from 0 to at most ${total}`;
    return new ArgumentError(`${name}: ${rule}, got ${found.value} (element ${found.position - total})`);
  });
}

const numbersOf = (b: Bags): number[] => [b.count, b.rows, b.columns, b.mean ? 1 : 0, b.padding];
const savedOf = (...tensors: (Tensor | null)[]): Tensor[] => tensors.filter((t) => t !== null);

// y(weight, factors), dWeight(dy, factors) and dFactors(dy, weight) are each linear in both: each one's gradients are the
// other two.
function summedBags(weight: Tensor, index: Tensor, offsets: Tensor | null, factors: Tensor | null, b: Bags): Tensor {
  const y = empty([b.count, b.columns], weight.dtype);
  const ins = [weight.handle, index.handle, handleOf(offsets), handleOf(factors)];
  checkBagFault(bagKernel(y.handle, ...ins, ...numbersOf(b)), b, index);
  const backward = (dy: Tensor, needs: readonly boolean[]) => [
    needs[0] ? spreadBags(dy, index, offsets, factors, b) : null,
    ...(factors === null ? [] : [needs[1] ? factorsOfBags(dy, weight, index, offsets, b) : null]),
  ];
  return record('embeddingBag', y, savedOf(weight, factors), backward, [
    index,
    ...savedOf(offsets, factors, factors && weight),
  ]);
}

function spreadBags(dy: Tensor, index: Tensor, offsets: Tensor | null, factors: Tensor | null, b: Bags): Tensor {
  const dWeight = empty([b.rows, b.columns], dy.dtype);
  const ins = [dy.handle, index.handle, handleOf(offsets), handleOf(factors)];
  checkBagFault(bagBackwardKernel(dWeight.handle, ...ins, ...numbersOf(b)), b, index);
  const backward = (ddw: Tensor, needs: readonly boolean[]) => [
    needs[0] ? summedBags(ddw, index, offsets, factors, b) : null,
    ...(factors === null ? [] : [needs[1] ? factorsOfBags(dy, ddw, index, offsets, b) : null]),
  ];
  return record('embeddingBagBackward', dWeight, savedOf(dy, factors), backward, [
    index,
    ...savedOf(offsets, factors, factors && dy),
  ]);
}

function factorsOfBags(dy: Tensor, weight: Tensor, index: Tensor, offsets: Tensor | null, b: Bags): Tensor {
  const dFactors = empty(index.dims, dy.dtype);
  const ins = [dy.handle, weight.handle, index.handle, handleOf(offsets)];
  const fault = bagFactorsKernel(dFactors.handle, ...ins, b.count, b.rows, b.columns, b.padding);
  checkBagFault(fault, b, index);
  const backward = (ddf: Tensor, needs: readonly boolean[]) => [
    needs[0] ? summedBags(weight, index, offsets, ddf, b) : null,
    needs[1] ? spreadBags(dy, index, offsets, ddf, b) : null,
  ];
  return record('embeddingBagFactors', dFactors, [dy, weight], backward, [index, dy, weight, ...savedOf(offsets)]);
}

function largestOfBags(weight: Tensor, index: Tensor, offsets: Tensor | null, b: Bags): Tensor {
  const y = empty([b.count, b.columns], weight.dtype);
  const chosen = empty(y.dims, 'int32');
  const ins = [weight.handle, index.handle, handleOf(offsets)];
  const fault = bagMaxKernel(y.handle, chosen.handle, ...ins, b.count, b.rows, b.columns, b.padding);
  checkBagFault(fault, b, index);
  return record('embeddingBag', y, [weight], (dy) => [spreadChosen(dy, chosen, b)], [chosen]);
}

// Reading the chosen elements, and adding to them: each is the other's gradient.
function readChosen(weight: Tensor, chosen: Tensor, b: Bags): Tensor {
  const y = empty(chosen.dims, weight.dtype);
  chosenRowsKernel(y.handle, weight.handle, chosen.handle, b.rows, b.columns);
  return record('chosenRows', y, [weight], (dy) => [spreadChosen(dy, chosen, b)], [chosen]);
}

function spreadChosen(dy: Tensor, chosen: Tensor, b: Bags): Tensor {
  const dWeight = empty([b.rows, b.columns], dy.dtype);
  chosenRowsBackwardKernel(dWeight.handle, dy.handle, chosen.handle, b.rows, b.columns);
  return record('chosenRowsBackward', dWeight, [dy], (ddw) => [readChosen(ddw, chosen, b)], [chosen]);
}
