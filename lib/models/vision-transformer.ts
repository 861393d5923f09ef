import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkInteger, formatShape, ShapeError } from '../errors.js';
import {
  Conv2d,
  Dropout,
  GELU,
  init,
  LayerNorm,
  Linear,
  Module,
  MultiheadAttention,
  Parameter,
  Sequential,
  Tanh,
} from '../nn/index.js';
import { zeros } from '../ops/creation.js';
import { cat } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { checkChance, checkClasses } from './image-layers.js';
import { type LayerMaker, layersOf } from './layer-maker.js';
import { MLP } from './mlp.js';

/** Options of vision transformers. */
export interface VisionTransformerOptions {
  /** The probability in the dropouts after embedding, attention and feed-forward layers; default 0. */
  dropout?: number;
  /** The probability in the dropout of attention weights; default 0. */
  attentionDropout?: number;
  /** Default 1000. */
  numClasses?: number;
  /** The width of a tanh layer before the last one; default none. */
  representationSize?: number;
  /** Default `nn.LayerNorm` with eps 1e-6. */
  normLayer?: LayerMaker<[width: number]>;
}

/** Arguments of `VisionTransformer`, by name. */
export interface VisionTransformerSizes extends VisionTransformerOptions {
  /** Height and width of the images, a multiple of patchSize. */
  imageSize: number;
  patchSize: number;
  numLayers: number;
  numHeads: number;
  /** The width of the tokens, a multiple of numHeads. */
  hiddenDim: number;
  /** The width within the feed-forward layers. */
  mlpDim: number;
}

const sizes = ['imageSize', 'patchSize', 'numLayers', 'numHeads', 'hiddenDim', 'mlpDim'] as const;
const others = ['dropout', 'attentionDropout', 'numClasses', 'representationSize', 'normLayer'];

type Plan = Record<(typeof sizes)[number], number> & {
  dropout: number;
  attentionDropout: number;
  norm: (width: number) => Module;
};

class EncoderBlock extends Module {
  readonly ln_1: Module;
  readonly self_attention: MultiheadAttention;
  readonly dropout: Dropout;
  readonly ln_2: Module;
  readonly mlp: MLP;

  constructor({ numHeads, hiddenDim, mlpDim, dropout, attentionDropout, norm }: Plan) {
    super();
    this.ln_1 = norm(hiddenDim);
    this.self_attention = new MultiheadAttention(hiddenDim, numHeads, { dropout: attentionDropout, batchFirst: true });
    this.dropout = new Dropout(dropout);
    this.ln_2 = norm(hiddenDim);
    this.mlp = new MLP(hiddenDim, [mlpDim, hiddenDim], { activationLayer: GELU, dropout });
    for (const layer of this.mlp) {
      if (!(layer instanceof Linear)) continue;
      init.xavierUniform_(layer.weight);
      if (layer.bias !== null) init.normal_(layer.bias, 0, 1e-6);
    }
  }

  forward(x: Tensor): Tensor {
    const normed = this.ln_1.forward(x);
    const [attended] = this.self_attention.forward(normed, normed, normed, { needWeights: false });
    const y = this.dropout.forward(attended).add(x);
    return y.add(this.mlp.forward(this.ln_2.forward(y)));
  }
}

class Encoder extends Module {
  readonly pos_embedding: Tensor;
  readonly dropout: Dropout;
  readonly layers: Sequential;
  readonly ln: Module;

  constructor(length: number, plan: Plan) {
    super();
    this.pos_embedding = new Parameter(init.normal_(zeros([1, length, plan.hiddenDim]), 0, 0.02));
    this.dropout = new Dropout(plan.dropout);
    const blocks = Array.from({ length: plan.numLayers }, (_, i) => [`encoder_layer_${i}`, new EncoderBlock(plan)]);
    this.layers = new Sequential(Object.fromEntries(blocks) as Record<string, Module>);
    this.ln = plan.norm(plan.hiddenDim);
  }

  forward(x: Tensor): Tensor {
    return this.ln.forward(this.layers.forward(this.dropout.forward(x.add(this.pos_embedding))));
  }
}

/**
 * A vision transformer with torchvision's keys: patches become tokens, a learned token before them gathers what the head reads.
 * Dosovitskiy et al., "An image is worth 16x16 words: transformers for image recognition at scale", 2021,
 * https://arxiv.org/abs/2010.11929
 *
 * Images [batch, 3, imageSize, imageSize] give scores [batch, numClasses]; patches and the token before them are
 * (imageSize / patchSize)² + 1 tokens of width hiddenDim. The last layer starts at 0.
 *
 * @throws ArgumentError when imageSize is not a multiple of patchSize, or hiddenDim of numHeads; ShapeError for images of another
 *   size
 * @example
 * const model = new models.VisionTransformer(32, 8, 2, 4, 64, 128, { numClasses: 10 });
 * model.forward(zeros([2, 3, 32, 32])); // [2, 10]
 */
export class VisionTransformer extends Module {
  readonly imageSize: number;
  readonly class_token: Tensor;
  readonly conv_proj: Conv2d;
  readonly encoder: Encoder;
  /** The head; for other classes: `model.heads = new nn.Linear(768, 2)`, or set its submodule `head`. */
  heads: Module;

  /** @param args imageSize, patchSize, numLayers, numHeads, hiddenDim, mlpDim; options of `VisionTransformerOptions` */
  constructor(
    ...args: Positional<
      VisionTransformerSizes,
      [
        imageSize: 'imageSize',
        patchSize: 'patchSize',
        numLayers: 'numLayers',
        numHeads: 'numHeads',
        hiddenDim: 'hiddenDim',
        mlpDim: 'mlpDim',
      ]
    >
  ) {
    super();
    const options = optionsOf<VisionTransformerSizes>('VisionTransformer', args, sizes, others);
    const plan = checkPlan(options);
    const { imageSize, patchSize, hiddenDim } = plan;
    const numClasses = checkClasses('VisionTransformer', options.numClasses);
    const { representationSize } = options;
    if (representationSize !== undefined)
      checkInteger('VisionTransformer', 'representationSize', representationSize, 1);
    this.imageSize = imageSize;
    [this.class_token, this.conv_proj, this.encoder, this.heads] = allOrNothing(() => {
      const token = new Parameter(zeros([1, 1, hiddenDim]));
      const projection = new Conv2d(3, hiddenDim, { kernelSize: patchSize, stride: patchSize });
      init.truncNormal_(projection.weight, { std: Math.sqrt(1 / (3 * patchSize * patchSize)) });
      if (projection.bias !== null) init.zeros_(projection.bias);
      const encoder = new Encoder((imageSize / patchSize) ** 2 + 1, plan);
      return [token, projection, encoder, makeHeads(hiddenDim, representationSize, numClasses)] as const;
    });
  }

  forward(x: Tensor): Tensor {
    checkTensor('VisionTransformer', 'x', x);
    const { imageSize } = this;
    if (x.rank !== 4 || x.dims[2] !== imageSize || x.dims[3] !== imageSize) {
      throw new ShapeError(
        `VisionTransformer: x must be [batch, 3, ${imageSize}, ${imageSize}], got x ${formatShape(x.dims)}; resize the images`,
      );
    }
    const patches = this.conv_proj.forward(x).flatten(2).transpose(1, 2);
    const token = this.class_token.expand(patches.dims[0] as number, -1, -1);
    return this.heads.forward(this.encoder.forward(cat([token, patches], 1)).select(1, 0));
  }
}

function checkPlan(options: Partial<VisionTransformerSizes>): Plan {
  const name = 'VisionTransformer';
  const checked = sizes.map((size) => [size, checkInteger(name, size, options[size], 1)]);
  const plan = Object.fromEntries(checked) as Record<(typeof sizes)[number], number>;
  for (const [whole, part] of [
    ['imageSize', 'patchSize'],
    ['hiddenDim', 'numHeads'],
  ] as const) {
    if (plan[whole] % plan[part] === 0) continue;
    throw new ArgumentError(`${name}: ${whole} must be a multiple of ${part}, got ${plan[whole]} and ${plan[part]}`);
  }
  const dropout = checkChance(name, 'dropout', options.dropout, 0);
  const attentionDropout = checkChance(name, 'attentionDropout', options.attentionDropout, 0);
  const normLayer = options.normLayer ?? ((width: number) => new LayerNorm(width, { eps: 1e-6 }));
  return { ...plan, dropout, attentionDropout, norm: layersOf(name, 'normLayer', normLayer) };
}

function makeHeads(hiddenDim: number, representationSize: number | undefined, numClasses: number): Sequential {
  const head = new Linear(representationSize ?? hiddenDim, numClasses);
  init.zeros_(head.weight);
  if (head.bias !== null) init.zeros_(head.bias);
  if (representationSize === undefined) return new Sequential({ head });
  const before = new Linear(hiddenDim, representationSize);
  init.truncNormal_(before.weight, { std: Math.sqrt(1 / hiddenDim) });
  if (before.bias !== null) init.zeros_(before.bias);
  return new Sequential({ pre_logits: before, act: new Tanh(), head });
}

/** Options of `vitB16`. */
export interface VitOptions extends VisionTransformerOptions {
  /** Height and width of the images, a multiple of 16; default 224. */
  imageSize?: number;
}

/**
 * ViT-B/16, 86.6 million parameters: `VisionTransformer(224, 16, 12, 12, 768, 3072)`.
 *
 * @throws ArgumentError for a wrong option
 * @example
 * const make = () => models.vitB16({ numClasses: 10 }); // 346 MB of weights
 */
export function vitB16(options: VitOptions = {}): VisionTransformer {
  checkOptions('vitB16', options, ['imageSize', ...others]);
  const { imageSize = 224, ...rest } = options;
  return new VisionTransformer(imageSize, 16, 12, 12, 768, 3072, rest);
}
