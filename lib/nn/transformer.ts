import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkFlag, checkInteger, checkNumber, describe } from '../errors.js';
import { maxTensors } from '../memory.js';
import { gelu, relu } from '../ops/activation.js';
import { add } from '../ops/elementwise.js';
import { checkDType, type Tensor } from '../tensor.js';
import { type AttendOptions, MultiheadAttention } from './attention.js';
import { Dropout } from './dropout.js';
import type { KeyValueCache } from './key-value-cache.js';
import { Linear } from './linear.js';
import { within } from './location.js';
import { Module } from './module.js';
import { LayerNorm } from './norm.js';

/** What a transformer layer applies between its two linear layers. */
export type FeedForwardActivation = 'relu' | 'gelu' | ((x: Tensor) => Tensor);

/** Arguments of the transformer's layers, by name. */
export interface TransformerLayerOptions {
  /** Features of a row. */
  dModel: number;
  /** The number of heads, which divides dModel. */
  nhead: number;
  /** Features between the two linear layers; default 2048. */
  dimFeedforward?: number;
  /** Probability of dropout, of attention weights too; default 0.1. */
  dropout?: number;
  /** `relu` (default), `gelu`, or a function of a tensor. */
  activation?: FeedForwardActivation;
  /** Added to the variance in the layer norms; default 1e-5. */
  layerNormEps?: number;
  /** Whether inputs are [batch, rows, features] instead of [rows, batch, features]; default false. */
  batchFirst?: boolean;
  /** Whether each part normalises its input (pre-norm) instead of its sum (post-norm); default false. */
  normFirst?: boolean;
  /** Whether linear layers, projections and norms have biases; default true. */
  bias?: boolean;
  /** Default float32. */
  dtype?: DType;
}

/** The arguments after the required ones, by position or in options. */
export type TransformerLayerArguments = Positional<
  TransformerLayerOptions,
  [
    dModel: 'dModel',
    nhead: 'nhead',
    dimFeedforward: 'dimFeedforward',
    dropout: 'dropout',
    activation: 'activation',
    layerNormEps: 'layerNormEps',
    batchFirst: 'batchFirst',
    normFirst: 'normFirst',
    bias: 'bias',
  ]
>;

const sizes = ['dModel', 'nhead', 'dimFeedforward', 'dropout'];
const positions = [...sizes, 'activation', 'layerNormEps', 'batchFirst', 'normFirst', 'bias'];

/** @internal The arguments with their defaults, checked. */
export function layerSettings(name: string, args: TransformerLayerArguments) {
  const options = optionsOf<TransformerLayerOptions>(name, args, positions, ['dtype']);
  const dModel = checkInteger(name, 'dModel', options.dModel, 1);
  const nhead = checkInteger(name, 'nhead', options.nhead, 1);
  if (dModel % nhead !== 0) {
    throw new ArgumentError(`${name}: nhead must divide dModel, got nhead ${nhead}, dModel ${dModel}`);
  }
  const activation = options.activation ?? 'relu';
  if (activation !== 'relu' && activation !== 'gelu' && typeof activation !== 'function') {
    throw new ArgumentError(`${name}: activation must be "relu", "gelu" or a function, got ${describe(activation)}`);
  }
  const dtype = checkDType(name, options.dtype, 'float32');
  const batchFirst = checkFlag(name, 'batchFirst', options.batchFirst, false);
  const normFirst = checkFlag(name, 'normFirst', options.normFirst, false);
  return {
    ...{ dModel, nhead, activation, batchFirst, normFirst, dtype },
    bias: checkFlag(name, 'bias', options.bias, true),
    dimFeedforward: checkInteger(name, 'dimFeedforward', options.dimFeedforward ?? 2048, 1),
    dropout: checkNumber(name, 'dropout', options.dropout ?? 0.1, { min: 0, max: 1 }),
    layerNormEps: checkNumber(name, 'layerNormEps', options.layerNormEps ?? 1e-5, { min: 0 }),
  };
}

const activationOf = (activation: FeedForwardActivation): ((x: Tensor) => Tensor) =>
  activation === 'relu' ? relu : activation === 'gelu' ? gelu : activation;

/** @internal The second half of a transformer layer: W₂ · f(W₁ · x). */
export function feedForward(
  x: Tensor,
  first: Linear,
  activation: FeedForwardActivation,
  drop: Dropout,
  second: Linear,
): Tensor {
  const hidden =
    (activation === 'relu' || activation === relu) && first._around === null
      ? within(first, () => first.run(x, 'relu'))
      : activationOf(activation)(first.forward(x));
  return second.forward(drop.forward(hidden));
}

/** Options of `TransformerEncoderLayer.forward`. 1 in a uint8 mask hides a key. */
export interface EncodeLayerOptions {
  /** [rows, rows] or [batch · heads, rows, rows]; uint8, or floats that are added to the scores. */
  srcMask?: Tensor | null;
  /** uint8 [batch, rows]: 1 for rows that are padding. */
  srcKeyPaddingMask?: Tensor | null;
  /** Whether a row sees only itself and earlier ones; default false. */
  isCausal?: boolean;
  /** The keys and values of earlier calls. */
  cache?: KeyValueCache | undefined;
}

/** Options of `TransformerEncoder.forward`. 1 in a uint8 mask hides a key. */
export interface EncodeOptions {
  /** [rows, rows] or [batch · heads, rows, rows]; uint8, or floats that are added to the scores. */
  mask?: Tensor | null;
  /** uint8 [batch, rows]: 1 for rows that are padding. */
  srcKeyPaddingMask?: Tensor | null;
  /** Whether a row sees only itself and earlier ones; default false. */
  isCausal?: boolean;
  /** One for each layer: the keys and values of earlier calls. */
  caches?: readonly KeyValueCache[];
}

type EncodeLayerArguments = Positional<
  EncodeLayerOptions,
  [srcMask: 'srcMask', srcKeyPaddingMask: 'srcKeyPaddingMask', isCausal: 'isCausal']
>;
type EncodeArguments = Positional<
  EncodeOptions,
  [mask: 'mask', srcKeyPaddingMask: 'srcKeyPaddingMask', isCausal: 'isCausal']
>;

/**
 * A transformer encoder layer: self-attention and a feed-forward network, each with dropout, a residual sum and a layer
 * norm.
 *
 *     x = norm1(x + selfAttention(x));  y = norm2(x + W₂ · f(W₁ · x))
 *     x = x + selfAttention(norm1(x));  y = x + W₂ · f(W₁ · norm2(x))      with normFirst
 *
 * x [rows, batch, dModel] (or with `batchFirst` [batch, rows, dModel], or [rows, dModel]), y like x. Parameters: `self_attn`,
 * `linear1` dModel → dimFeedforward, `linear2` back, `norm1`, `norm2`. With `isCausal` it is a layer of a GPT.
 *
 * Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762; normFirst: Xiong et al., "On layer
 * normalization in the transformer architecture", 2020, https://arxiv.org/abs/2002.04745
 *
 * @throws ArgumentError when nhead does not divide dModel; ShapeError, DTypeError when inputs or masks do not fit
 * @example
 * const layer = new nn.TransformerEncoderLayer(32, 4, { dimFeedforward: 64, batchFirst: true, activation: 'gelu' });
 * layer.forward(randn([2, 10, 32]), { isCausal: true }); // [2, 10, 32]
 */
export class TransformerEncoderLayer extends Module {
  readonly activation: FeedForwardActivation;
  readonly normFirst: boolean;
  self_attn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;

  /**
   * @param args dModel, nhead, dimFeedforward (2048), dropout (0.1), activation ('relu'), layerNormEps (1e-5), batchFirst (false),
   *   normFirst (false), bias (true); option: dtype ('float32')
   */
  constructor(...args: TransformerLayerArguments) {
    super();
    const s = layerSettings('TransformerEncoderLayer', args);
    const { dModel, dropout: p, dtype, layerNormEps: eps, bias } = s;
    this.activation = s.activation;
    this.normFirst = s.normFirst;
    [this.self_attn, this.linear1, this.linear2, this.norm1, this.norm2] = allOrNothing(() => [
      new MultiheadAttention(dModel, s.nhead, p, bias, { batchFirst: s.batchFirst, dtype }),
      new Linear(dModel, s.dimFeedforward, bias, { dtype }),
      new Linear(s.dimFeedforward, dModel, bias, { dtype }),
      new LayerNorm(dModel, { eps, bias, dtype }),
      new LayerNorm(dModel, { eps, bias, dtype }),
    ]);
    this.dropout = new Dropout(p);
    this.dropout1 = new Dropout(p);
    this.dropout2 = new Dropout(p);
  }

  /** @internal The argument checks of `forward`, before anything is changed. `mask`: the name of srcMask in error texts. */
  _check(name: string, x: Tensor, options: EncodeLayerOptions, mask: 'srcMask' | 'mask' = 'srcMask'): void {
    const labels = { inputs: ['x', 'x', 'x'], keyPaddingMask: 'srcKeyPaddingMask', isCausal: 'isCausal' } as const;
    this.self_attn._check({ ...labels, name, attnMask: mask }, x, x, x, ofAttention(options));
  }

  /** @param args srcMask (none), srcKeyPaddingMask (none), isCausal (false); option: cache */
  forward(x: Tensor, ...args: EncodeLayerArguments): Tensor {
    const positions = ['srcMask', 'srcKeyPaddingMask', 'isCausal'];
    const nullable = ['srcMask', 'srcKeyPaddingMask'];
    const name = 'TransformerEncoderLayer.forward';
    const options = optionsOf<EncodeLayerOptions>(name, args, positions, ['cache'], nullable);
    this._check('TransformerEncoderLayer', x, options);
    const given = ofAttention(options);
    const attention = (h: Tensor): Tensor => this.dropout1.forward(this.self_attn.forward(h, h, h, given)[0]);
    const network = (h: Tensor): Tensor =>
      this.dropout2.forward(feedForward(h, this.linear1, this.activation, this.dropout, this.linear2));
    if (this.normFirst) {
      const sum = add(x, attention(this.norm1.forward(x)));
      return add(sum, network(this.norm2.forward(sum)));
    }
    const sum = this.norm1.forward(add(x, attention(x)));
    return this.norm2.forward(add(sum, network(sum)));
  }
}

// The options of the attention in a layer.
function ofAttention(o: EncodeLayerOptions): AttendOptions {
  return { attnMask: o.srcMask, keyPaddingMask: o.srcKeyPaddingMask, isCausal: o.isCausal, cache: o.cache };
}

/** Arguments of `TransformerEncoder`, by name. */
export interface TransformerEncoderOptions {
  /** Which the encoder's layers are copies of. */
  encoderLayer: TransformerEncoderLayer;
  numLayers: number;
  /** Applied to the last layer's result; default none. */
  norm?: Module | null;
}

type TransformerEncoderArguments = Positional<
  TransformerEncoderOptions,
  [encoderLayer: 'encoderLayer', numLayers: 'numLayers', norm: 'norm']
>;

/**
 * A transformer encoder: copies of the given layer, all starting with its weights as in PyTorch, and a final norm if one
 * is given.
 *
 * @throws ArgumentError unless there is one cache for each layer; ShapeError, DTypeError when inputs or masks do not fit
 * @example
 * const layer = new nn.TransformerEncoderLayer(32, 4, { dimFeedforward: 64, batchFirst: true });
 * const encoder = new nn.TransformerEncoder(layer, 2);
 * encoder.forward(randn([2, 10, 32])); // [2, 10, 32]
 */
export class TransformerEncoder extends Module {
  layers: TransformerEncoderLayer[];
  norm: Module | null;

  /** @param args encoderLayer, numLayers, norm: applied to the last layer's result (none) */
  constructor(...args: TransformerEncoderArguments) {
    super();
    const positions = ['encoderLayer', 'numLayers', 'norm'];
    const options = optionsOf<TransformerEncoderOptions>('TransformerEncoder', args, positions, [], ['norm']);
    const layer = options.encoderLayer;
    if (!(layer instanceof TransformerEncoderLayer)) {
      const rule = 'encoderLayer must be a TransformerEncoderLayer';
      throw new ArgumentError(`TransformerEncoder: ${rule}, got ${describe(layer)}`);
    }
    this.norm = checkNorm('TransformerEncoder', options.norm);
    this.layers = copies('TransformerEncoder', layer, options.numLayers);
  }

  /** @param args mask (none), srcKeyPaddingMask (none), isCausal (false); option: caches, one KeyValueCache for each layer */
  forward(x: Tensor, ...args: EncodeArguments): Tensor {
    const positions = ['mask', 'srcKeyPaddingMask', 'isCausal'];
    const nullable = ['mask', 'srcKeyPaddingMask'];
    const options = optionsOf<EncodeOptions>('TransformerEncoder.forward', args, positions, ['caches'], nullable);
    const { mask: srcMask, caches, ...rest } = options;
    checkCaches('TransformerEncoder', caches, this.layers.length);
    const given = (i: number): EncodeLayerOptions => ({ srcMask, ...rest, cache: caches?.[i] });
    this.layers.forEach((layer, i) => {
      layer._check('TransformerEncoder', x, given(i), 'mask');
    });
    const y = this.layers.reduce((h, layer, i) => layer.forward(h, given(i)), x);
    return this.norm === null ? y : this.norm.forward(y);
  }
}

/** @internal Copies of a layer, each with weights of its own. */
export function copies<L extends Module>(name: string, layer: L, numLayers: unknown): L[] {
  const count = checkInteger(name, 'numLayers', numLayers, 1, maxTensors);
  return allOrNothing(() => Array.from({ length: count }, () => layer.clone()));
}

/** @internal */
export function checkNorm(name: string, norm: unknown): Module | null {
  if (norm === undefined || norm === null || norm instanceof Module) return norm ?? null;
  throw new ArgumentError(`${name}: norm must be a module, got ${describe(norm)}`);
}

/** @internal */
export function checkCaches(name: string, caches: readonly unknown[] | undefined, layers: number): void {
  if (caches !== undefined && (!Array.isArray(caches) || caches.length !== layers)) {
    const got = Array.isArray(caches) ? caches.length : describe(caches);
    throw new ArgumentError(`${name}: caches must be one a layer, ${layers}, got ${got}`);
  }
}
