import { allOrNothing } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkInteger, checkOptions, describe } from '../errors.js';
import { fill_ } from '../ops/copy.js';
import { type BagMode, bagsOf, checkPadding, rowsOf } from '../ops/embedding.js';
import { checkDType, empty, type Tensor, view } from '../tensor.js';
import { normal_ } from './init.js';
import { Module } from './module.js';
import { Parameter } from './roles.js';

interface TableOptions {
  /** The row that stands for padding: starts as zeros and gets no gradient; negative ones count from the end. Default none. */
  paddingIndex?: number | null;
  dtype?: DType;
}

// N(0, 1), the padding row 0.
function table(
  name: string,
  rows: number,
  columns: number,
  padding: number,
  options: TableOptions | undefined,
): Tensor {
  const dtype = checkDType(name, options?.dtype, 'float32');
  return allOrNothing(() => {
    const weight = normal_(empty([rows, columns], dtype));
    if (padding >= 0) noGrad(() => fill_(view(weight, padding * columns, [columns]), 0));
    return new Parameter(weight);
  });
}

/**
 * A table of vectors, one for each token or category: y[…, :] = weight[index[…], :].
 *
 * | index | weight | y |
 * |---|---|---|
 * | int32 […], in [0, numEmbeddings) | [numEmbeddings, embeddingDim], from N(0, 1) | […, embeddingDim] |
 * Bengio et al., "A neural probabilistic language model", 2003, https://jmlr.org/papers/v3/bengio03a.html
 *
 * @throws ArgumentError when an index is out of range
 * @example
 * const layer = new nn.Embedding(1000, 64, { paddingIndex: 0 });
 * layer.forward(tensor([[4, 7, 0]], { dtype: 'int32' })); // [1, 3, 64]
 */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  /** From 0, or null. */
  readonly paddingIndex: number | null;
  weight: Tensor;

  /** @param options paddingIndex (default none), dtype (default float32) */
  constructor(numEmbeddings: number, embeddingDim: number, options?: TableOptions) {
    super();
    checkOptions('Embedding', options, ['paddingIndex', 'dtype'], ['paddingIndex']);
    this.numEmbeddings = checkInteger('Embedding', 'numEmbeddings', numEmbeddings, 1);
    this.embeddingDim = checkInteger('Embedding', 'embeddingDim', embeddingDim, 1);
    const padding = checkPadding('Embedding', options?.paddingIndex, numEmbeddings);
    this.paddingIndex = padding < 0 ? null : padding;
    this.weight = table('Embedding', numEmbeddings, embeddingDim, padding, options);
  }

  forward(index: Tensor): Tensor {
    return rowsOf('Embedding', this.weight, index, this.paddingIndex);
  }

  override toString(): string {
    return `Embedding(${this.numEmbeddings}, ${this.embeddingDim})`;
  }
}

/**
 * For each bag of indices, the sum, mean or maximum of their rows in a table: texts as bags of words, say. An empty bag
 * gives zeros; the padding row does not count.
 *
 * | index | offsets | weight | y |
 * |---|---|---|---|
 * | int32 [bags, size] | | [numEmbeddings, embeddingDim], from N(0, 1) | [bags, embeddingDim] |
 * | int32 [m], the bags one after the other | int32 [bags]: where each begins | | |
 * Joulin et al., "Bag of tricks for efficient text classification", 2016, https://arxiv.org/abs/1607.01759
 *
 * @throws ArgumentError when an index is out of range, or offsets do not ascend from 0 to at most m
 * @example
 * const layer = new nn.EmbeddingBag(1000, 64, { mode: 'sum' });
 * const offsets = tensor([0, 3], { dtype: 'int32' });
 * layer.forward(tensor([4, 7, 0, 2, 2], { dtype: 'int32' }), offsets); // [2, 64]
 */
export class EmbeddingBag extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly mode: BagMode;
  /** From 0, or null. */
  readonly paddingIndex: number | null;
  weight: Tensor;

  /** @param options mode (default mean), paddingIndex (default none), dtype (default float32) */
  constructor(numEmbeddings: number, embeddingDim: number, options?: TableOptions & { mode?: BagMode }) {
    super();
    checkOptions('EmbeddingBag', options, ['mode', 'paddingIndex', 'dtype'], ['paddingIndex']);
    this.numEmbeddings = checkInteger('EmbeddingBag', 'numEmbeddings', numEmbeddings, 1);
    this.embeddingDim = checkInteger('EmbeddingBag', 'embeddingDim', embeddingDim, 1);
    this.mode = options?.mode ?? 'mean';
    if (!['sum', 'mean', 'max'].includes(this.mode)) {
      throw new ArgumentError(`EmbeddingBag: mode must be sum, mean or max, got ${describe(this.mode)}`);
    }
    const padding = checkPadding('EmbeddingBag', options?.paddingIndex, numEmbeddings);
    this.paddingIndex = padding < 0 ? null : padding;
    this.weight = table('EmbeddingBag', numEmbeddings, embeddingDim, padding, options);
  }

  /** @param perSampleWeights factors of the rows, of index's shape; for mode sum only */
  forward(index: Tensor, offsets?: Tensor | null, perSampleWeights?: Tensor | null): Tensor {
    const { mode, paddingIndex } = this;
    return bagsOf('EmbeddingBag', this.weight, index, { offsets, perSampleWeights, mode, paddingIndex });
  }

  override toString(): string {
    return `EmbeddingBag(${this.numEmbeddings}, ${this.embeddingDim}, ${this.mode})`;
  }
}
