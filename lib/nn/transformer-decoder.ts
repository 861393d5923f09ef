import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, describe } from '../errors.js';
import { add } from '../ops/elementwise.js';
import type { Tensor } from '../tensor.js';
import { MultiheadAttention } from './attention.js';
import { Dropout } from './dropout.js';
import type { KeyValueCache } from './key-value-cache.js';
import { Linear } from './linear.js';
import { Module } from './module.js';
import { LayerNorm } from './norm.js';
import {
  checkCaches,
  checkNorm,
  copies,
  type FeedForwardActivation,
  feedForward,
  layerSettings,
  type TransformerLayerArguments,
} from './transformer.js';

/** The caches of a decoder layer: its own rows, and the memory, which is projected once. */
export interface DecoderCache {
  self: KeyValueCache;
  memory: KeyValueCache;
}

/** Options of `TransformerDecoderLayer.forward` and `TransformerDecoder.forward`. 1 in a uint8 mask hides a key. */
export interface DecodeOptions {
  /** For the self-attention: [rows, rows] or [batch · heads, rows, rows]; uint8, or floats that are added. */
  tgtMask?: Tensor | null;
  /** For the attention to the memory: [rows, memoryRows] or [batch · heads, rows, memoryRows]. */
  memoryMask?: Tensor | null;
  /** uint8 [batch, rows]: 1 for rows that are padding. */
  tgtKeyPaddingMask?: Tensor | null;
  /** uint8 [batch, memoryRows]: 1 for rows of the memory that are padding. */
  memoryKeyPaddingMask?: Tensor | null;
  /** Whether a row sees only itself and earlier ones; default false. */
  tgtIsCausal?: boolean;
}

const selfLabels = {
  inputs: ['x', 'x', 'x'],
  ...{ attnMask: 'tgtMask', keyPaddingMask: 'tgtKeyPaddingMask', isCausal: 'tgtIsCausal' },
} as const;
const memoryLabels = {
  inputs: ['x', 'memory', 'memory'],
  ...{ attnMask: 'memoryMask', keyPaddingMask: 'memoryKeyPaddingMask', isCausal: 'isCausal' },
} as const;

type DecodeArguments<O extends DecodeOptions> = Positional<
  O,
  [
    tgtMask: 'tgtMask',
    memoryMask: 'memoryMask',
    tgtKeyPaddingMask: 'tgtKeyPaddingMask',
    memoryKeyPaddingMask: 'memoryKeyPaddingMask',
    tgtIsCausal: 'tgtIsCausal',
  ]
>;
type DecodeLayerArguments = DecodeArguments<DecodeOptions & { cache?: DecoderCache }>;
type DecoderArguments = DecodeArguments<DecodeOptions & { caches?: readonly DecoderCache[] }>;

const masks = ['tgtMask', 'memoryMask', 'tgtKeyPaddingMask', 'memoryKeyPaddingMask'];
const decodePositions = [...masks, 'tgtIsCausal'];

/**
 * A transformer decoder layer: self-attention, attention to the encoder's result (the memory) and a feed-forward network,
 * each with dropout, a residual sum and a layer norm.
 *
 *     x = norm1(x + selfAttention(x));  x = norm2(x + attention(x, memory));  y = norm3(x + W₂ · f(W₁ · x))
 *
 * With `normFirst` each part normalises its input instead. x [rows, batch, dModel], memory [memoryRows, batch, dModel] (or
 * with `batchFirst` the batch first), y like x. Parameters: `self_attn`, `multihead_attn`, `linear1`, `linear2`, `norm1` …
 * `norm3`. Options as for `TransformerEncoderLayer`.
 *
 * Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762
 *
 * @throws ArgumentError when nhead does not divide dModel; ShapeError, DTypeError when inputs or masks do not fit
 * @example
 * const layer = new nn.TransformerDecoderLayer(32, 4, { dimFeedforward: 64, batchFirst: true });
 * layer.forward(randn([2, 5, 32]), randn([2, 10, 32]), { tgtIsCausal: true }); // [2, 5, 32]
 */
export class TransformerDecoderLayer extends Module {
  readonly activation: FeedForwardActivation;
  readonly normFirst: boolean;
  self_attn: MultiheadAttention;
  multihead_attn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  dropout3: Dropout;

  /** @param args as for `TransformerEncoderLayer` */
  constructor(...args: TransformerLayerArguments) {
    super();
    const s = layerSettings('TransformerDecoderLayer', args);
    const { dModel, dropout: p, dtype, layerNormEps: eps, batchFirst, bias } = s;
    this.activation = s.activation;
    this.normFirst = s.normFirst;
    const attention = () => new MultiheadAttention(dModel, s.nhead, p, bias, { batchFirst, dtype });
    const norm = () => new LayerNorm(dModel, { eps, bias, dtype });
    const made = allOrNothing(() => ({
      attentions: [attention(), attention()] as const,
      linear1: new Linear(dModel, s.dimFeedforward, bias, { dtype }),
      linear2: new Linear(s.dimFeedforward, dModel, bias, { dtype }),
      norms: [norm(), norm(), norm()] as const,
    }));
    [this.self_attn, this.multihead_attn] = made.attentions;
    [this.norm1, this.norm2, this.norm3] = made.norms;
    this.linear1 = made.linear1;
    this.linear2 = made.linear2;
    this.dropout = new Dropout(p);
    this.dropout1 = new Dropout(p);
    this.dropout2 = new Dropout(p);
    this.dropout3 = new Dropout(p);
  }

  /** @internal The argument checks of `forward`, before anything is changed. */
  _check(name: string, x: Tensor, memory: Tensor, o: DecodeOptions & { cache?: DecoderCache | undefined }): void {
    const own = { attnMask: o.tgtMask, keyPaddingMask: o.tgtKeyPaddingMask, isCausal: o.tgtIsCausal };
    this.self_attn._check({ ...selfLabels, name }, x, x, x, { ...own, cache: o.cache?.self });
    const other = { attnMask: o.memoryMask, keyPaddingMask: o.memoryKeyPaddingMask };
    this.multihead_attn._check({ ...memoryLabels, name }, x, memory, memory, { ...other, cache: o.cache?.memory });
  }

  /**
   * @param args tgtMask, memoryMask, tgtKeyPaddingMask, memoryKeyPaddingMask (none), tgtIsCausal (false); option: cache, the keys
   *   and values of earlier calls and of the memory
   */
  forward(x: Tensor, memory: Tensor, ...args: DecodeLayerArguments): Tensor {
    const name = 'TransformerDecoderLayer.forward';
    const o = optionsOf<DecodeOptions & { cache: DecoderCache }>(name, args, decodePositions, ['cache'], masks);
    this._check('TransformerDecoderLayer', x, memory, o);
    const toItself = (h: Tensor): Tensor => {
      const own = { attnMask: o.tgtMask, keyPaddingMask: o.tgtKeyPaddingMask, isCausal: o.tgtIsCausal };
      return this.dropout1.forward(this.self_attn.forward(h, h, h, { ...own, cache: o.cache?.self })[0]);
    };
    const toMemory = (h: Tensor): Tensor => {
      const own = { attnMask: o.memoryMask, keyPaddingMask: o.memoryKeyPaddingMask, cache: o.cache?.memory };
      return this.dropout2.forward(this.multihead_attn.forward(h, memory, memory, own)[0]);
    };
    const network = (h: Tensor): Tensor =>
      this.dropout3.forward(feedForward(h, this.linear1, this.activation, this.dropout, this.linear2));
    const parts = [toItself, toMemory, network];
    const norms = [this.norm1, this.norm2, this.norm3];
    return parts.reduce((h, part, i) => {
      const norm = norms[i] as LayerNorm;
      return this.normFirst ? add(h, part(norm.forward(h))) : norm.forward(add(h, part(h)));
    }, x);
  }
}

/** Arguments of `TransformerDecoder`, by name. */
export interface TransformerDecoderOptions {
  /** Which the decoder's layers are copies of. */
  decoderLayer: TransformerDecoderLayer;
  numLayers: number;
  /** Applied to the last layer's result; default none. */
  norm?: Module | null;
}

type TransformerDecoderArguments = Positional<
  TransformerDecoderOptions,
  [decoderLayer: 'decoderLayer', numLayers: 'numLayers', norm: 'norm']
>;

/**
 * A transformer decoder: copies of the given layer, all starting with its weights as in PyTorch, and a final norm if one
 * is given.
 *
 * @throws ArgumentError unless there is one cache for each layer; ShapeError, DTypeError when inputs or masks do not fit
 * @example
 * const layer = new nn.TransformerDecoderLayer(32, 4, { dimFeedforward: 64, batchFirst: true });
 * const decoder = new nn.TransformerDecoder(layer, 2, { norm: new nn.LayerNorm(32) });
 * decoder.forward(randn([2, 5, 32]), randn([2, 10, 32]), { tgtIsCausal: true }); // [2, 5, 32]
 */
export class TransformerDecoder extends Module {
  layers: TransformerDecoderLayer[];
  norm: Module | null;

  /** @param args decoderLayer, numLayers, norm: applied to the last layer's result (none) */
  constructor(...args: TransformerDecoderArguments) {
    super();
    const positions = ['decoderLayer', 'numLayers', 'norm'];
    const options = optionsOf<TransformerDecoderOptions>('TransformerDecoder', args, positions, [], ['norm']);
    const layer = options.decoderLayer;
    if (!(layer instanceof TransformerDecoderLayer)) {
      const rule = 'decoderLayer must be a TransformerDecoderLayer';
      throw new ArgumentError(`TransformerDecoder: ${rule}, got ${describe(layer)}`);
    }
    this.norm = checkNorm('TransformerDecoder', options.norm);
    this.layers = copies('TransformerDecoder', layer, options.numLayers);
  }

  /**
   * @param args tgtMask, memoryMask, tgtKeyPaddingMask, memoryKeyPaddingMask (none), tgtIsCausal (false); option: caches, one for
   *   each layer
   */
  forward(x: Tensor, memory: Tensor, ...args: DecoderArguments): Tensor {
    const name = 'TransformerDecoder.forward';
    const options = optionsOf<DecodeOptions & { caches: readonly DecoderCache[] }>(
      name,
      args,
      decodePositions,
      ['caches'],
      masks,
    );
    const { caches, ...rest } = options;
    checkCaches('TransformerDecoder', caches, this.layers.length);
    this.layers.forEach((layer, i) => {
      layer._check('TransformerDecoder', x, memory, { ...rest, cache: caches?.[i] });
    });
    const y = this.layers.reduce((h, layer, i) => {
      const cache = caches?.[i];
      return layer.forward(h, memory, cache === undefined ? rest : { ...rest, cache });
    }, x);
    return this.norm === null ? y : this.norm.forward(y);
  }
}
