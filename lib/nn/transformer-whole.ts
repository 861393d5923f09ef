import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkInteger, describe } from '../errors.js';
import { full } from '../ops/creation.js';
import { triu } from '../ops/shape.js';
import type { Tensor } from '../tensor.js';
import { xavierUniform_ } from './init.js';
import { Module } from './module.js';
import { LayerNorm } from './norm.js';
import {
  layerSettings,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from './transformer.js';
import { TransformerDecoder, TransformerDecoderLayer } from './transformer-decoder.js';

/** Arguments of `Transformer`, by name. */
export interface TransformerOptions extends Omit<TransformerLayerOptions, 'dModel' | 'nhead'> {
  /** The number of features; default 512. */
  dModel?: number;
  /** The number of heads; default 8. */
  nhead?: number;
  /** Layers of the encoder; default 6. */
  numEncoderLayers?: number;
  /** Layers of the decoder; default 6. */
  numDecoderLayers?: number;
  /** A module in the encoder's place. */
  customEncoder?: Module | null;
  /** A module in the decoder's place. */
  customDecoder?: Module | null;
}

/** The arguments of `Transformer`, by position or in options. */
export type TransformerArguments = Positional<
  TransformerOptions,
  [
    dModel: 'dModel',
    nhead: 'nhead',
    numEncoderLayers: 'numEncoderLayers',
    numDecoderLayers: 'numDecoderLayers',
    dimFeedforward: 'dimFeedforward',
    dropout: 'dropout',
    activation: 'activation',
    customEncoder: 'customEncoder',
    customDecoder: 'customDecoder',
    layerNormEps: 'layerNormEps',
    batchFirst: 'batchFirst',
    normFirst: 'normFirst',
    bias: 'bias',
  ]
>;

const positions = [
  ...['dModel', 'nhead', 'numEncoderLayers', 'numDecoderLayers', 'dimFeedforward', 'dropout', 'activation'],
  ...['customEncoder', 'customDecoder', 'layerNormEps', 'batchFirst', 'normFirst', 'bias'],
];

/** Options of `Transformer.forward`. 1 in a uint8 mask hides a key; float masks are added to the scores. */
export interface TransformOptions {
  /** [source rows, source rows] */
  srcMask?: Tensor | null;
  /** [target rows, target rows] */
  tgtMask?: Tensor | null;
  /** [target rows, source rows] */
  memoryMask?: Tensor | null;
  /** uint8 [batch, source rows] */
  srcKeyPaddingMask?: Tensor | null;
  /** uint8 [batch, target rows] */
  tgtKeyPaddingMask?: Tensor | null;
  /** uint8 [batch, source rows] */
  memoryKeyPaddingMask?: Tensor | null;
  /** Whether a row of the source sees only those before it; default false. */
  srcIsCausal?: boolean;
  /** Whether a row of the target sees only those before it; default false. */
  tgtIsCausal?: boolean;
}

/** The arguments of `Transformer.forward` after src and tgt, by position or in options. */
export type TransformArguments = Positional<
  TransformOptions,
  [
    srcMask: 'srcMask',
    tgtMask: 'tgtMask',
    memoryMask: 'memoryMask',
    srcKeyPaddingMask: 'srcKeyPaddingMask',
    tgtKeyPaddingMask: 'tgtKeyPaddingMask',
    memoryKeyPaddingMask: 'memoryKeyPaddingMask',
    srcIsCausal: 'srcIsCausal',
    tgtIsCausal: 'tgtIsCausal',
  ]
>;

const masks = ['srcMask', 'tgtMask', 'memoryMask', 'srcKeyPaddingMask', 'tgtKeyPaddingMask', 'memoryKeyPaddingMask'];

function checkCustom(name: string, value: unknown): Module | null {
  if (value === undefined || value === null) return null;
  if (value instanceof Module) return value;
  throw new ArgumentError(`Transformer: ${name} must be a module, got ${describe(value)}`);
}

/**
 * Encoder and decoder in one: y = decoder(tgt, encoder(src)), each of layers and a final norm; matrices are drawn by
 * `xavierUniform_`. Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762
 *
 * | src | tgt | y |
 * |---|---|---|
 * | [source rows, batch, dModel], with batchFirst [batch, source rows, dModel] | [target rows, batch, dModel] | like tgt |
 *
 * @throws ArgumentError when nhead does not divide dModel, ShapeError for inputs that do not fit
 * @example
 * const model = new nn.Transformer(32, 4, 1, 1, 64, { batchFirst: true });
 * model.forward(randn(2, 10, 32), randn(2, 5, 32), { tgtIsCausal: true }); // [2, 5, 32]
 */
export class Transformer extends Module {
  readonly dModel: number;
  readonly nhead: number;
  readonly batchFirst: boolean;
  encoder: Module;
  decoder: Module;

  /**
   * @param args dModel (512), nhead (8), numEncoderLayers (6), numDecoderLayers (6), dimFeedforward (2048), dropout (0.1),
   *   activation ('relu'), customEncoder (none), customDecoder (none), layerNormEps (1e-5), batchFirst (false), normFirst
   *   (false), bias (true); option: dtype ('float32')
   */
  constructor(...args: TransformerArguments) {
    super();
    const nullable = ['customEncoder', 'customDecoder'];
    const given = optionsOf<TransformerOptions>('Transformer', args, positions, ['dtype'], nullable);
    const { numEncoderLayers = 6, numDecoderLayers = 6, customEncoder, customDecoder, ...rest } = given;
    const layer = { ...rest, dModel: rest.dModel ?? 512, nhead: rest.nhead ?? 8 };
    const { dModel, nhead, batchFirst, layerNormEps: eps, bias, dtype } = layerSettings('Transformer', [layer]);
    checkInteger('Transformer', 'numEncoderLayers', numEncoderLayers, 1);
    checkInteger('Transformer', 'numDecoderLayers', numDecoderLayers, 1);
    [this.dModel, this.nhead, this.batchFirst] = [dModel, nhead, batchFirst];
    const custom = [checkCustom('customEncoder', customEncoder), checkCustom('customDecoder', customDecoder)] as const;
    const norm = () => new LayerNorm(dModel, { eps, bias, dtype });
    [this.encoder, this.decoder] = allOrNothing(() => {
      const both: [Module, Module] = [
        custom[0] ?? new TransformerEncoder(new TransformerEncoderLayer(layer), numEncoderLayers, norm()),
        custom[1] ?? new TransformerDecoder(new TransformerDecoderLayer(layer), numDecoderLayers, norm()),
      ];
      const own = both.filter((module) => !custom.includes(module));
      for (const p of own.flatMap((module) => module.parameters())) if (p.rank > 1) xavierUniform_(p);
      return both;
    });
  }

  /**
   * @param args srcMask, tgtMask, memoryMask, srcKeyPaddingMask, tgtKeyPaddingMask, memoryKeyPaddingMask (none), srcIsCausal,
   *   tgtIsCausal (false), by position or in options
   */
  forward(src: Tensor, tgt: Tensor, ...args: TransformArguments): Tensor {
    const known = [...masks, 'srcIsCausal', 'tgtIsCausal'];
    const o = optionsOf<TransformOptions>('Transformer.forward', args, known, [], masks);
    const { srcMask: mask, srcKeyPaddingMask, srcIsCausal: isCausal, ...rest } = o;
    const memory = this.encoder.forward(src, { mask, srcKeyPaddingMask, isCausal });
    return this.decoder.forward(tgt, memory, rest);
  }

  /**
   * The mask of a target in which a row sees only those before it: 0 there, -∞ elsewhere; float32 [size, size].
   *
   * @example
   * nn.Transformer.generateSquareSubsequentMask(2); // [[0, -Infinity], [0, 0]]
   */
  static generateSquareSubsequentMask(size: number): Tensor {
    checkInteger('generateSquareSubsequentMask', 'size', size, 0);
    return triu(full([size, size], Number.NEGATIVE_INFINITY), 1);
  }
}
