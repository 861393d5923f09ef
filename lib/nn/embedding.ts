import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import type { DType } from '../dtype.js';
import { checkFlag, checkInteger, formatShape, ShapeError } from '../errors.js';
import { detach, fill_ } from '../ops/copy.js';
import { checkPadding, rowsOf } from '../ops/embedding.js';
import { type BagMode, bagsOf, checkMode } from '../ops/embedding-bag.js';
import { checkLimits, type LimitOptions } from '../ops/embedding-rows.js';
import { checkDType, checkFloat, checkTensor, empty, type Tensor, view } from '../tensor.js';
import { normal_ } from './init.js';
import { Module } from './module.js';
import { Parameter } from './roles.js';

/** Arguments of `Embedding`, by name. */
export interface EmbeddingLayerOptions extends LimitOptions {
  /** The number of rows. */
  numEmbeddings: number;
  /** The length of a row. */
  embeddingDim: number;
  /** The row that stands for padding: starts as zeros and gets no gradient; negative ones count from the end. Default none. */
  paddingIdx?: number | null;
  /** Default float32. */
  dtype?: DType;
}

/** Arguments of `EmbeddingBag`, by name. */
export interface EmbeddingBagLayerOptions extends EmbeddingLayerOptions {
  /** How the rows of a bag are combined; default mean. */
  mode?: BagMode;
  /** Whether the last offset is the end of the last bag, not the begin of one more; default false. */
  includeLastOffset?: boolean;
}

/** Arguments of `Embedding.fromPretrained`, by name. */
export interface EmbeddingPretrainedOptions
  extends Omit<EmbeddingLayerOptions, 'numEmbeddings' | 'embeddingDim' | 'dtype'> {
  /** [numEmbeddings, embeddingDim], float; the layer shares its memory. */
  embeddings: Tensor;
  /** Whether the table is not trained; default true. */
  freeze?: boolean;
}

/** Arguments of `EmbeddingBag.fromPretrained`, by name. */
export interface EmbeddingBagPretrainedOptions
  extends EmbeddingPretrainedOptions,
    Pick<EmbeddingBagLayerOptions, 'mode' | 'includeLastOffset'> {}

type EmbeddingArguments = Positional<
  EmbeddingLayerOptions,
  [
    ...[numEmbeddings: 'numEmbeddings', embeddingDim: 'embeddingDim', paddingIdx: 'paddingIdx', maxNorm: 'maxNorm'],
    ...[normType: 'normType', scaleGradByFreq: 'scaleGradByFreq'],
  ]
>;
type EmbeddingBagArguments = Positional<
  EmbeddingBagLayerOptions,
  [
    ...[numEmbeddings: 'numEmbeddings', embeddingDim: 'embeddingDim', maxNorm: 'maxNorm', normType: 'normType'],
    ...[scaleGradByFreq: 'scaleGradByFreq', mode: 'mode'],
  ]
>;
type EmbeddingPretrainedArguments = Positional<
  EmbeddingPretrainedOptions,
  [
    ...[embeddings: 'embeddings', freeze: 'freeze', paddingIdx: 'paddingIdx', maxNorm: 'maxNorm'],
    ...[normType: 'normType', scaleGradByFreq: 'scaleGradByFreq'],
  ]
>;
type EmbeddingBagPretrainedArguments = Positional<
  EmbeddingBagPretrainedOptions,
  [
    ...[embeddings: 'embeddings', freeze: 'freeze', maxNorm: 'maxNorm', normType: 'normType'],
    ...[scaleGradByFreq: 'scaleGradByFreq', mode: 'mode'],
  ]
>;

// The arguments of `fromPretrained`, which the constructors take in place of their own.
class Pretrained {
  constructor(readonly args: readonly unknown[]) {}
}

type Given = Partial<EmbeddingBagLayerOptions & EmbeddingBagPretrainedOptions> & { name: string };

// The options of a constructor, or of `fromPretrained` with the sizes that its table has.
function given(kind: string, args: readonly unknown[], positions: readonly string[], named: readonly string[]): Given {
  const nullable = ['paddingIdx', 'maxNorm'];
  const [first] = args;
  if (!(first instanceof Pretrained)) {
    const all = ['numEmbeddings', 'embeddingDim', ...positions];
    return { ...optionsOf<Given>(kind, args, all, [...named, 'dtype'], nullable), name: kind };
  }
  const name = `${kind}.fromPretrained`;
  const options = optionsOf<Given>(name, first.args, ['embeddings', 'freeze', ...positions], named, nullable);
  const embeddings = checkTensor(name, 'embeddings', options.embeddings);
  checkFloat(name, 'embeddings', embeddings);
  const [numEmbeddings, embeddingDim] = embeddings.dims;
  if (embeddings.rank !== 2 || embeddings.size === 0) {
    const rule = 'embeddings must be [numEmbeddings, embeddingDim] and not empty';
    throw new ShapeError(`${name}: ${rule}, got embeddings ${formatShape(embeddings.dims)}`);
  }
  return { ...options, name, numEmbeddings, embeddingDim };
}

// What both layers share: the table.
abstract class Table extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  /** From 0, or null. */
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  weight: Tensor;

  constructor(options: Given) {
    super();
    const { name, embeddings } = options;
    this.numEmbeddings = checkInteger(name, 'numEmbeddings', options.numEmbeddings, 1);
    this.embeddingDim = checkInteger(name, 'embeddingDim', options.embeddingDim, 1);
    const padding = checkPadding(name, options.paddingIdx, this.numEmbeddings);
    this.paddingIdx = padding < 0 ? null : padding;
    const { maxNorm, normType, scaleGradByFreq } = checkLimits(name, options);
    this.maxNorm = maxNorm;
    this.normType = normType;
    this.scaleGradByFreq = scaleGradByFreq;
    const freeze = checkFlag(name, 'freeze', options.freeze, true);
    this.weight =
      embeddings === undefined
        ? table(name, this.numEmbeddings, this.embeddingDim, padding, options)
        : new Parameter(detach(embeddings), !freeze);
  }

  /** What both forward passes hand on. */
  protected get shared() {
    const { paddingIdx, maxNorm, normType, scaleGradByFreq } = this;
    return { paddingIdx, maxNorm, normType, scaleGradByFreq };
  }
}

// N(0, 1), the padding row 0.
function table(name: string, rows: number, columns: number, padding: number, options: { dtype?: DType }): Tensor {
  const dtype = checkDType(name, options.dtype, 'float32');
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
 * const layer = new nn.Embedding(1000, 64, { paddingIdx: 0 });
 * layer.forward(tensor([[4, 7, 0]], { dtype: 'int32' })); // [1, 3, 64]
 */
export class Embedding extends Table {
  /**
   * @param args numEmbeddings, embeddingDim, paddingIdx (none), maxNorm (none), normType (2), scaleGradByFreq (false); option:
   *   dtype ('float32')
   */
  constructor(...args: EmbeddingArguments) {
    super(given('Embedding', args, ['paddingIdx', 'maxNorm', 'normType', 'scaleGradByFreq'], []));
  }

  /**
   * A layer with a table that is there already, word vectors say, whose memory it shares. Nothing is drawn, and the padding row
   * keeps its values.
   *
   * @param args embeddings: float [numEmbeddings, embeddingDim]; freeze: whether they are not trained (true), paddingIdx (none),
   *   maxNorm (none), normType (2), scaleGradByFreq (false)
   * @throws ShapeError when embeddings are no matrix or empty, DTypeError when they are not float
   * @example
   * const layer = nn.Embedding.fromPretrained(tensor([[1, 2.3, 3], [4, 5.1, 6.3]]));
   * layer.forward(tensor([1], { dtype: 'int32' })); // [[4, 5.1, 6.3]]
   */
  static fromPretrained(...args: EmbeddingPretrainedArguments): Embedding {
    return new Embedding(new Pretrained(args) as never);
  }

  forward(index: Tensor): Tensor {
    return rowsOf('Embedding', index, this.weight, this.shared);
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
 * | int32 [m], the bags one after the other | int32 [bags]: where each begins; with includeLastOffset [bags + 1], and where the last ends | | |
 * Joulin et al., "Bag of tricks for efficient text classification", 2016, https://arxiv.org/abs/1607.01759
 *
 * @throws ArgumentError when an index is out of range, or offsets do not ascend from 0 to at most m
 * @example
 * const layer = new nn.EmbeddingBag(1000, 64, { mode: 'sum' });
 * const offsets = tensor([0, 3], { dtype: 'int32' });
 * layer.forward(tensor([4, 7, 0, 2, 2], { dtype: 'int32' }), offsets); // [2, 64]
 */
export class EmbeddingBag extends Table {
  readonly mode: BagMode;
  readonly includeLastOffset: boolean;

  /**
   * @param args numEmbeddings, embeddingDim, maxNorm (none), normType (2), scaleGradByFreq (false), mode ('mean'); options:
   *   includeLastOffset (false), paddingIdx (none), dtype ('float32')
   */
  constructor(...args: EmbeddingBagArguments) {
    const positions = ['maxNorm', 'normType', 'scaleGradByFreq', 'mode'];
    const options = given('EmbeddingBag', args, positions, ['includeLastOffset', 'paddingIdx']);
    const mode = checkMode(options.name, options);
    const includeLastOffset = checkFlag(options.name, 'includeLastOffset', options.includeLastOffset, false);
    super(options);
    this.mode = mode;
    this.includeLastOffset = includeLastOffset;
  }

  /**
   * A layer with a table that is there already; see `Embedding.fromPretrained`.
   *
   * @param args embeddings: float [numEmbeddings, embeddingDim]; freeze: whether they are not trained (true), maxNorm (none),
   *   normType (2), scaleGradByFreq (false), mode ('mean'); options: includeLastOffset (false), paddingIdx (none)
   * @throws ShapeError when embeddings are no matrix or empty, DTypeError when they are not float
   * @example
   * const layer = nn.EmbeddingBag.fromPretrained(tensor([[1, 2], [4, 5]]));
   * layer.forward(tensor([[1, 0]], { dtype: 'int32' })); // [[2.5, 3.5]]
   */
  static fromPretrained(...args: EmbeddingBagPretrainedArguments): EmbeddingBag {
    return new EmbeddingBag(new Pretrained(args) as never);
  }

  /** @param perSampleWeights factors of the rows, of index's shape; for mode sum only */
  forward(index: Tensor, offsets?: Tensor | null, perSampleWeights?: Tensor | null): Tensor {
    const { mode, includeLastOffset } = this;
    return bagsOf('EmbeddingBag', index, this.weight, {
      ...this.shared,
      ...{ offsets, perSampleWeights, mode, includeLastOffset },
    });
  }

  override toString(): string {
    return `EmbeddingBag(${this.numEmbeddings}, ${this.embeddingDim}, ${this.mode})`;
  }
}
