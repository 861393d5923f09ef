import { allOrNothing } from '../all-or-nothing.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkFlag, checkInteger, checkNumber, checkOptions, describe } from '../errors.js';
import { maxTensors } from '../memory.js';
import { gelu, relu } from '../ops/activation.js';
import { add } from '../ops/elementwise.js';
import { checkDType, type Tensor } from '../tensor.js';
import { MultiheadAttention } from './attention.js';
import { Dropout } from './dropout.js';
import type { KeyValueCache } from './key-value-cache.js';
import { Linear } from './linear.js';
import { within } from './location.js';
import { Module } from './module.js';
import { LayerNorm } from './norm.js';

/** What a transformer layer applies between its two linear layers. */
export type FeedForwardActivation = 'relu' | 'gelu' | ((x: Tensor) => Tensor);

/** Options of the transformer's layers. */
export interface TransformerLayerOptions {
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
  /** Default float32. */
  dtype?: DType;
}

const layerOptions = ['dimFeedforward', 'dropout', 'activation', 'layerNormEps', 'batchFirst', 'normFirst', 'dtype'];

/** @internal The options with their defaults, checked. */
export function layerSettings(name: string, dModel: number, nhead: number, options: TransformerLayerOptions) {
  checkOptions(name, options, layerOptions);
  checkInteger(name, 'dModel', dModel, 1);
  if (dModel % checkInteger(name, 'nhead', nhead, 1) !== 0) {
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
    ...{ activation, batchFirst, normFirst, dtype },
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

/** Options of `TransformerEncoderLayer.forward` and of `TransformerEncoder.forward`. 1 in a uint8 mask hides a key. */
export interface EncodeOptions {
  /** [rows, rows] or [batch · heads, rows, rows]; uint8, or floats that are added to the scores. */
  mask?: Tensor;
  /** uint8 [batch, rows]: 1 for rows that are padding. */
  keyPaddingMask?: Tensor;
  /** Whether a row sees only itself and earlier ones; default false. */
  isCausal?: boolean;
}

const encodeLabels = {
  inputs: ['x', 'x', 'x'],
  ...{ attnMask: 'mask', keyPaddingMask: 'keyPaddingMask', isCausal: 'isCausal' },
} as const;

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

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super();
    const s = layerSettings('TransformerEncoderLayer', dModel, nhead, options);
    const { dropout: p, dtype, layerNormEps: eps } = s;
    this.activation = s.activation;
    this.normFirst = s.normFirst;
    [this.self_attn, this.linear1, this.linear2, this.norm1, this.norm2] = allOrNothing(() => [
      new MultiheadAttention(dModel, nhead, { dropout: p, batchFirst: s.batchFirst, dtype }),
      new Linear(dModel, s.dimFeedforward, { dtype }),
      new Linear(s.dimFeedforward, dModel, { dtype }),
      new LayerNorm(dModel, { eps, dtype }),
      new LayerNorm(dModel, { eps, dtype }),
    ]);
    this.dropout = new Dropout(p);
    this.dropout1 = new Dropout(p);
    this.dropout2 = new Dropout(p);
  }

  /** @internal The argument checks of `forward`, before anything is changed. */
  _check(name: string, x: Tensor, options: EncodeOptions & { cache?: KeyValueCache | undefined }): void {
    const { mask: attnMask, ...rest } = options;
    this.self_attn._check({ ...encodeLabels, name }, x, x, x, { attnMask, ...rest });
  }

  /** @param options also `cache`: the keys and values of earlier calls */
  forward(x: Tensor, options: EncodeOptions & { cache?: KeyValueCache } = {}): Tensor {
    checkOptions('TransformerEncoderLayer.forward', options, ['mask', 'keyPaddingMask', 'isCausal', 'cache']);
    this._check('TransformerEncoderLayer', x, options);
    const { mask: attnMask, ...rest } = options;
    const attention = (h: Tensor): Tensor =>
      this.dropout1.forward(this.self_attn.forward(h, h, h, { attnMask, ...rest })[0]);
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

  /** @param options norm: applied to the last layer's result; default none */
  constructor(layer: TransformerEncoderLayer, numLayers: number, options: { norm?: Module | null } = {}) {
    super();
    checkOptions('TransformerEncoder', options, ['norm'], ['norm']);
    if (!(layer instanceof TransformerEncoderLayer)) {
      throw new ArgumentError(`TransformerEncoder: layer must be a TransformerEncoderLayer, got ${describe(layer)}`);
    }
    this.norm = checkNorm('TransformerEncoder', options.norm);
    this.layers = copies('TransformerEncoder', layer, numLayers);
  }

  /** @param options also `caches`: one KeyValueCache for each layer */
  forward(x: Tensor, options: EncodeOptions & { caches?: readonly KeyValueCache[] } = {}): Tensor {
    checkOptions('TransformerEncoder.forward', options, ['mask', 'keyPaddingMask', 'isCausal', 'caches']);
    const { caches, ...rest } = options;
    checkCaches('TransformerEncoder', caches, this.layers.length);
    this.layers.forEach((layer, i) => {
      layer._check('TransformerEncoder', x, { ...rest, cache: caches?.[i] });
    });
    const y = this.layers.reduce((h, layer, i) => layer.forward(h, caches ? { ...rest, cache: caches[i]! } : rest), x);
    return this.norm === null ? y : this.norm.forward(y);
  }
}

/** @internal Copies of a layer, each with weights of its own. */
export function copies<L extends Module>(name: string, layer: L, count: number): L[] {
  checkInteger(name, 'numLayers', count, 1, maxTensors);
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
