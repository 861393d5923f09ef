import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkFlag, checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import { type AttentionPlan, attend, attendComposed, defaultScale } from '../ops/attention.js';
import { packedLayout } from '../ops/attention-layout.js';
import { zeros } from '../ops/creation.js';
import { defaultGenerator } from '../ops/generator.js';
import { linearWith } from '../ops/matmul-linear.js';
import { mean } from '../ops/reduce.js';
import { permute, reshape } from '../ops/shape.js';
import { slice } from '../ops/shape-slice.js';
import { checkDType, checkFloat, checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { type AttentionLabels, checkCache, checkMask, ownLabels } from './attention-checks.js';
import { masksOf, withRows } from './attention-rows.js';
import { xavierNormal_, xavierUniform_, zeros_ } from './init.js';
import type { KeyValueCache } from './key-value-cache.js';
import { Linear } from './linear.js';
import { Module } from './module.js';
import { storedAt } from './parametrize-list.js';
import { Parameter } from './roles.js';

/** Arguments of `MultiheadAttention`, by name. */
export interface MultiheadAttentionOptions {
  /** Features of the queries and of the result. */
  embedDim: number;
  /** Divides embedDim. */
  numHeads: number;
  /** Probability with which an attention weight is set to 0 in training; default 0. */
  dropout?: number;
  /** Whether the four projections have biases; default true. */
  bias?: boolean;
  /** Whether there is one more key and value, both learned, that every query sees; default false. */
  addBiasKv?: boolean;
  /** Whether there is one more key and value of zeros that every query sees, so that it may attend to nothing; default false. */
  addZeroAttn?: boolean;
  /** Features of the keys; default embedDim. */
  kdim?: number | null;
  /** Features of the values; default embedDim. */
  vdim?: number | null;
  /** Whether inputs are [batch, rows, features] instead of [rows, batch, features]; default false. */
  batchFirst?: boolean;
  /** Default float32. */
  dtype?: DType;
}

/** Options of `MultiheadAttention.forward`. As in PyTorch, 1 in a uint8 mask **hides** a key. */
export interface AttendOptions {
  /** [batch, keys] ([keys] without a batch): uint8, 1 for keys to ignore, or floats that are added to the scores. */
  keyPaddingMask?: Tensor | null | undefined;
  /** Of shape [queries, keys] or [batch · numHeads, queries, keys]; uint8, 1 where a key is hidden, or floats that are added. */
  attnMask?: Tensor | null | undefined;
  /** Whether query i sees the keys 0 … i only; default false. Faster than an equivalent mask. */
  isCausal?: boolean | undefined;
  /** Whether the weights are returned, which needs a slower path; default false (in PyTorch true). */
  needWeights?: boolean | undefined;
  /** Whether the weights are averaged over the heads; default true. */
  averageAttnWeights?: boolean | undefined;
  /**
   * Keys and values of earlier calls, to which this call's are added; needs `noGrad`. Where key is not query, the first
   * call's are kept.
   */
  cache?: KeyValueCache | undefined;
}

type MultiheadAttentionArguments = Positional<
  MultiheadAttentionOptions,
  [
    embedDim: 'embedDim',
    numHeads: 'numHeads',
    dropout: 'dropout',
    bias: 'bias',
    addBiasKv: 'addBiasKv',
    addZeroAttn: 'addZeroAttn',
    kdim: 'kdim',
    vdim: 'vdim',
    batchFirst: 'batchFirst',
  ]
>;
type AttendArguments = Positional<
  AttendOptions,
  [
    keyPaddingMask: 'keyPaddingMask',
    needWeights: 'needWeights',
    attnMask: 'attnMask',
    averageAttnWeights: 'averageAttnWeights',
    isCausal: 'isCausal',
  ]
>;

const positions = ['embedDim', 'numHeads', 'dropout', 'bias', 'addBiasKv', 'addZeroAttn', 'kdim', 'vdim', 'batchFirst'];
const attendPositions = ['keyPaddingMask', 'needWeights', 'attnMask', 'averageAttnWeights', 'isCausal'];

/**
 * Attention of several heads: y = concat(head₁, …, headₕ) · Wᴼᵀ + bᴼ, headᵢ = softmax(qᵢ · kᵢᵀ / √(embedDim / h)) · vᵢ, where
 * qᵢ, kᵢ, vᵢ are the i-th parts of projections of query, key and value.
 *
 * | query | key | value | y | weights |
 * |---|---|---|---|---|
 * | [queries, batch, embedDim] | [keys, batch, kdim] | [keys, batch, vdim] | like query | [batch, queries, keys] |
 *
 * `batchFirst` puts the batch first; the batch may be left out. Parameters: in_proj_weight [3 · embedDim, embedDim] (or
 * q_proj_weight, k_proj_weight, v_proj_weight where kdim or vdim differ), in_proj_bias [3 · embedDim], `out_proj`, with
 * `addBiasKv` bias_k and bias_v [1, 1, embedDim]. Weights are drawn as in PyTorch (Xavier's uniform, of bias_k and bias_v Xavier's
 * normal; out_proj as Linear), biases start at 0. `addBiasKv` and `addZeroAttn` add a key each, behind the others. A query that sees no key gives out_proj's
 * bias (in PyTorch, NaN).
 *
 * Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762
 *
 * @throws ArgumentError when numHeads does not divide embedDim; ShapeError when inputs or masks do not fit
 * @example
 * const attention = new nn.MultiheadAttention(64, 4, { batchFirst: true });
 * const x = randn([2, 10, 64]);
 * const y = attention.forward(x, x, x, { isCausal: true })[0]; // [2, 10, 64]
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly dropout: number;
  readonly addZeroAttn: boolean;
  readonly batchFirst: boolean;
  in_proj_weight: Tensor | null = null;
  q_proj_weight: Tensor | null = null;
  k_proj_weight: Tensor | null = null;
  v_proj_weight: Tensor | null = null;
  in_proj_bias: Tensor | null;
  bias_k: Tensor | null = null;
  bias_v: Tensor | null = null;
  out_proj: Linear;

  /**
   * @param args embedDim, numHeads, dropout (0), bias (true), addBiasKv (false), addZeroAttn (false), kdim, vdim (embedDim),
   *   batchFirst (false); option: dtype ('float32')
   */
  constructor(...args: MultiheadAttentionArguments) {
    super();
    const name = 'MultiheadAttention';
    const options = optionsOf<MultiheadAttentionOptions>(name, args, positions, ['dtype'], ['kdim', 'vdim']);
    const embedDim = checkInteger(name, 'embedDim', options.embedDim, 1);
    const numHeads = checkInteger(name, 'numHeads', options.numHeads, 1);
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    if (embedDim % numHeads !== 0) {
      throw new ArgumentError(`${name}: numHeads must divide embedDim, got numHeads ${numHeads}, embedDim ${embedDim}`);
    }
    this.kdim = checkInteger(name, 'kdim', options.kdim ?? embedDim, 1);
    this.vdim = checkInteger(name, 'vdim', options.vdim ?? embedDim, 1);
    this.dropout = checkNumber(name, 'dropout', options.dropout ?? 0, { min: 0, max: 1 });
    this.addZeroAttn = checkFlag(name, 'addZeroAttn', options.addZeroAttn, false);
    this.batchFirst = checkFlag(name, 'batchFirst', options.batchFirst, false);
    const dtype = checkDType(name, options.dtype, 'float32');
    const bias = checkFlag(name, 'bias', options.bias, true);
    const biasKv = checkFlag(name, 'addBiasKv', options.addBiasKv, false);
    const row = () => new Parameter(xavierNormal_(empty([1, 1, embedDim], dtype)));
    const weight = (rows: number, columns: number) => new Parameter(xavierUniform_(empty([rows, columns], dtype)));
    [this.in_proj_bias, this.bias_k, this.bias_v, this.out_proj] = allOrNothing(() => {
      if (this.kdim === embedDim && this.vdim === embedDim) {
        this.in_proj_weight = weight(3 * embedDim, embedDim);
      } else {
        this.q_proj_weight = weight(embedDim, embedDim);
        this.k_proj_weight = weight(embedDim, this.kdim);
        this.v_proj_weight = weight(embedDim, this.vdim);
      }
      const inBias = bias ? new Parameter(zeros([3 * embedDim], { dtype })) : null;
      return [inBias, biasKv ? row() : null, biasKv ? row() : null, new Linear(embedDim, embedDim, { bias, dtype })];
    });
    if (this.out_proj.bias !== null) zeros_(this.out_proj.bias);
  }

  /**
   * @param key default: query
   * @param value default: key
   * @param args keyPaddingMask (none), needWeights (false), attnMask (none), averageAttnWeights (true), isCausal (false); option:
   *   cache
   * @returns y and the weights: [batch, queries, keys], or [batch, numHeads, queries, keys], or null
   */
  forward(query: Tensor, key = query, value = key, ...args: AttendArguments): [Tensor, Tensor | null] {
    const name = 'MultiheadAttention.forward';
    const options = optionsOf<AttendOptions>(name, args, attendPositions, ['cache'], ['keyPaddingMask', 'attnMask']);
    this._check(ownLabels, query, key, value, options);
    const { cache } = options;
    if (cache !== undefined && this.batchFirst && query.rank === 3) {
      // A cache grows along its first dimension.
      const turn = (x: Tensor): Tensor => permute(x, [1, 0, 2]);
      const [q, k, v] = [query, key, value].map(turn) as [Tensor, Tensor, Tensor];
      const [y, weights] = this.run(
        q,
        key === query ? q : k,
        value === key ? (key === query ? q : k) : v,
        true,
        options,
      );
      return [turn(y), weights];
    }
    return this.run(query, key, value, query.rank === 3 && !this.batchFirst, options);
  }

  /** @internal The argument checks of `forward`, before anything is changed. */
  _check(labels: AttentionLabels, query: Tensor, key: Tensor, value: Tensor, o: AttendOptions): void {
    const { name, inputs: names } = labels;
    const widths = [this.embedDim, this.kdim, this.vdim];
    const given = [query, key, value];
    given.forEach((x, i) => {
      checkTensor(name, names[i] as string, x);
      checkFloat(name, names[i] as string, x);
    });
    const distinct = given.filter((_, i) => names.indexOf(names[i] as string) === i);
    checkSameDType(name, [...new Set(names), 'the weights'], [...distinct, storedAt(this.out_proj, 'weight')]);
    given.forEach((x, i) => {
      const order = this.batchFirst ? 'batch, rows' : 'rows, batch';
      if ((x.rank !== 2 && x.rank !== 3) || x.dims.at(-1) !== widths[i]) {
        const rule = `${names[i]} must be [${order}, ${widths[i]}] or [rows, ${widths[i]}]`;
        throw new ShapeError(`${name}: ${rule}, got ${names[i]} ${formatShape(x.dims)}`);
      }
    });
    const batchOf = (x: Tensor) => (x.rank === 2 ? null : (x.dims[this.batchFirst ? 0 : 1] as number));
    const rowsOf = (x: Tensor) => x.dims[x.rank === 3 && this.batchFirst ? 1 : 0] as number;
    if (batchOf(query) !== batchOf(key) || batchOf(key) !== batchOf(value) || rowsOf(key) !== rowsOf(value)) {
      const list = [...new Set(given.map((x, i) => `${names[i]} ${formatShape(x.dims)}`))].join(', ');
      const rows = key === value ? '' : `, and rows of ${names[1]} and ${names[2]},`;
      throw new ShapeError(`${name}: batches${rows} must be the same, got ${list}`);
    }
    const batch = batchOf(query);
    const row = batch === null ? [this.embedDim] : [batch, this.embedDim];
    const held = checkCache(name, row, query.dtype, o.cache);
    const keys = key !== query && held > 0 ? held : held + rowsOf(key);
    checkFlag(name, labels.isCausal, o.isCausal, false);
    checkFlag(name, 'needWeights', o.needWeights, false);
    checkFlag(name, 'averageAttnWeights', o.averageAttnWeights, true);
    const matrix = [rowsOf(query), keys];
    const each = [(batch ?? 1) * this.numHeads, ...matrix];
    checkMask(name, labels.attnMask, o.attnMask, [matrix, each], query.dtype);
    const padding = batch === null ? [keys] : [batch, keys];
    checkMask(name, labels.keyPaddingMask, o.keyPaddingMask, [padding], query.dtype);
  }

  private run(q: Tensor, k: Tensor, v: Tensor, timeFirst: boolean, o: AttendOptions): [Tensor, Tensor | null] {
    const before = o.cache !== undefined && k === q ? o.cache.length : 0;
    const { bias_k: biasK, bias_v: biasV, addZeroAttn: zero } = this;
    const added = (biasK === null ? 0 : 1) + (zero ? 1 : 0);
    const inputs = this.project(q, k, v, o.cache, added > 0);
    if (added > 0) {
      const dim = q.rank === 3 && !timeFirst ? 1 : 0;
      inputs.splice(
        1,
        2,
        withRows(inputs[1] as Tensor, dim, biasK, zero),
        withRows(inputs[2] as Tensor, dim, biasV, zero),
      );
    }
    const layout = packedLayout('MultiheadAttention', inputs, this.numHeads, timeFirst);
    const causal = o.isCausal ? before + 1 : 0;
    const plan: AttentionPlan = {
      ...{ name: 'MultiheadAttention', layout, scale: defaultScale(layout), generator: defaultGenerator() },
      ...masksOf(o, layout, q.rank === 3, added, causal),
      causal: added > 0 ? 0 : causal,
      dropout: this.training ? this.dropout : 0,
    };
    const finish = (y: Tensor): Tensor => this.out_proj.forward(y);
    if (!o.needWeights) return [finish(attend(inputs, plan)), null];
    const { y, weights } = attendComposed(inputs, plan);
    const shown = (o.averageAttnWeights ?? true) ? mean(weights, { dim: 1 }) : weights;
    return [finish(y), q.rank === 3 ? shown : reshape(shown, shown.dims.slice(1))];
  }

  // Projected query, key and value: side by side where one product computes all of them, and they need not be `apart`.
  private project(q: Tensor, k: Tensor, v: Tensor, cache: KeyValueCache | undefined, apart: boolean): Tensor[] {
    const { embedDim: e, in_proj_weight: weight, in_proj_bias: bias } = this;
    const parts = [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight];
    if (weight !== null && k === q && v === q && cache === undefined && !apart)
      return [linearWith(q, weight, bias, 'none')];
    const part = (i: number, x: Tensor): Tensor => {
      const rows = { start: i * e, end: (i + 1) * e };
      return linearWith(x, parts[i] ?? slice(weight as Tensor, rows), bias && slice(bias, rows), 'none');
    };
    if (cache === undefined) return [part(0, q), part(1, k), part(2, v)];
    if (k !== q && cache.length > 0) return [part(0, q), cache.keys, cache.values];
    const [query, key, value] = [part(0, q), part(1, k), part(2, v)];
    cache.append(key, value);
    return [query, cache.keys, cache.values];
  }

  override toString(): string {
    return `MultiheadAttention(${this.embedDim}, ${this.numHeads} heads)`;
  }
}
