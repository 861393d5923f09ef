import { allOrNothing } from '../all-or-nothing.js';
import { ArgumentError, checkEach, checkInteger, formatShape, ShapeError } from '../errors.js';
import {
  Dropout,
  Embedding,
  init,
  LayerNorm,
  Linear,
  Module,
  ModuleList,
  Parameter,
  ReLU,
  Sequential,
} from '../nn/index.js';
import { relu } from '../ops/activation.js';
import { scaledDotProductAttention } from '../ops/attention.js';
import { zeros } from '../ops/creation.js';
import { cat, chunk, stack } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { checkChance } from './image-layers.js';

/** Arguments of `FTTransformer`, by name. */
export interface FTTransformerOptions {
  /** The number of columns of numbers; default 0. */
  nContFeatures?: number;
  /** The number of categories of each column of categories; default none. */
  catCardinalities?: readonly number[];
  /** The width of the result: 1 for regression, the number of classes for classification. */
  dOut: number;
  /** Default 3. */
  nBlocks?: number;
  /** The width of the tokens, a multiple of attentionNHeads; default 192. */
  dBlock?: number;
  /** Default 8. */
  attentionNHeads?: number;
  /** The probability in the dropout of attention weights; default 0.2. */
  attentionDropout?: number;
  /** The width within the feed-forward layers; default 4 / 3 of dBlock. */
  ffnDHidden?: number;
  /** The probability in the dropout within the feed-forward layers; default 0.1. */
  ffnDropout?: number;
  /** The probability in the dropout before each shortcut; default 0. */
  residualDropout?: number;
}

interface Plan {
  width: number;
  heads: number;
  attentionDropout: number;
  hidden: number;
  ffnDropout: number;
  residualDropout: number;
}

const drawn = (shape: number[], width: number): Tensor => {
  const bound = 1 / Math.sqrt(width);
  return new Parameter(init.uniform_(zeros(shape), -bound, bound));
};

class CLSEmbedding extends Module {
  readonly weight: Tensor;

  constructor(width: number) {
    super();
    this.weight = drawn([width], width);
  }

  forward(batch: number): Tensor {
    return this.weight.expand(batch, 1, -1);
  }
}

/** A number becomes a token: x · weight + bias, each column with its own. */
class LinearEmbeddings extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;

  constructor(columns: number, width: number) {
    super();
    this.weight = drawn([columns, width], width);
    this.bias = drawn([columns, width], width);
  }

  forward(x: Tensor): Tensor {
    return x.unsqueeze(-1).mul(this.weight).add(this.bias);
  }
}

class CategoricalEmbeddings extends Module {
  readonly bias: Tensor;
  readonly embeddings: ModuleList<Embedding>;

  constructor(cardinalities: readonly number[], width: number) {
    super();
    this.bias = drawn([cardinalities.length, width], width);
    const bound = 1 / Math.sqrt(width);
    this.embeddings = new ModuleList(
      cardinalities.map((n) => {
        const embedding = new Embedding(n, width);
        init.uniform_(embedding.weight, -bound, bound);
        return embedding;
      }),
    );
  }

  forward(x: Tensor): Tensor {
    const tokens = [...this.embeddings].map((embedding, i) => embedding.forward(x.select(1, i)));
    return stack(tokens, 1).add(this.bias);
  }
}

class Attention extends Module {
  readonly W_q: Linear;
  readonly W_k: Linear;
  readonly W_v: Linear;
  readonly W_out: Linear | null;

  constructor(private readonly plan: Plan) {
    super();
    const { width, heads } = plan;
    const made = Array.from({ length: heads > 1 ? 4 : 3 }, () => new Linear(width, width)) as [
      Linear,
      Linear,
      Linear,
      Linear?,
    ];
    for (const { bias } of made as Linear[]) if (bias !== null) init.zeros_(bias);
    [this.W_q, this.W_k, this.W_v] = made;
    this.W_out = made[3] ?? null;
  }

  /** Of the tokens `from` to all of x. */
  forward(from: Tensor, x: Tensor): Tensor {
    const { heads, width, attentionDropout } = this.plan;
    const split = (t: Tensor): Tensor => t.reshape(t.dims[0] as number, -1, heads, width / heads).transpose(1, 2);
    const [q, k, v] = [this.W_q.forward(from), this.W_k.forward(x), this.W_v.forward(x)].map(split) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const y = scaledDotProductAttention(q, k, v, { dropoutP: this.training ? attentionDropout : 0 });
    const joined = y.transpose(1, 2).reshape(x.dims[0] as number, -1, width);
    return this.W_out?.forward(joined) ?? joined;
  }
}

/** ReGLU: the first half of the features times the positive part of the second. */
const reglu = (x: Tensor): Tensor => {
  const [a, b] = chunk(x, 2, -1) as [Tensor, Tensor];
  return a.mul(relu(b));
};

class Block extends Module {
  readonly attention: Attention;
  readonly attention_residual_dropout: Dropout;
  readonly ffn_normalization: LayerNorm;
  readonly ffn: Sequential;
  readonly ffn_residual_dropout: Dropout;
  readonly attention_normalization: LayerNorm | null;

  constructor(plan: Plan, isFirst: boolean) {
    super();
    const { width, hidden, ffnDropout, residualDropout } = plan;
    this.attention = new Attention(plan);
    this.attention_residual_dropout = new Dropout(residualDropout);
    this.ffn_normalization = new LayerNorm(width);
    this.ffn = new Sequential({
      linear1: new Linear(width, 2 * hidden),
      activation: reglu,
      dropout: new Dropout(ffnDropout),
      linear2: new Linear(hidden, width),
    });
    this.ffn_residual_dropout = new Dropout(residualDropout);
    this.attention_normalization = isFirst ? null : new LayerNorm(width);
  }

  /** With `isLast`, of the first token alone. */
  forward(x: Tensor, isLast: boolean): Tensor {
    const first = (t: Tensor): Tensor => (isLast ? t.narrow(1, 0, 1) : t);
    const normed = this.attention_normalization?.forward(x) ?? x;
    const attended = this.attention.forward(first(normed), normed);
    const y = first(x).add(this.attention_residual_dropout.forward(attended));
    return y.add(this.ffn_residual_dropout.forward(this.ffn.forward(this.ffn_normalization.forward(y))));
  }
}

class Backbone extends Module {
  readonly blocks: ModuleList<Block>;
  readonly output: Sequential;

  constructor(plan: Plan, blocks: number, dOut: number) {
    super();
    this.blocks = new ModuleList(Array.from({ length: blocks }, (_, i) => new Block(plan, i === 0)));
    this.output = new Sequential({
      normalization: new LayerNorm(plan.width),
      activation: new ReLU(),
      linear: new Linear(plan.width, dOut),
    });
  }

  forward(x: Tensor): Tensor {
    let y = x;
    let left = this.blocks.length;
    for (const block of this.blocks) y = block.forward(y, --left === 0);
    return this.output.forward(y.select(1, 0));
  }
}

const known = [
  ...['nContFeatures', 'catCardinalities', 'dOut', 'nBlocks', 'dBlock', 'attentionNHeads', 'attentionDropout'],
  ...['ffnDHidden', 'ffnDropout', 'residualDropout'],
];

/**
 * FT-Transformer, a transformer for tables: each column becomes a token, and the head reads a learned token before them.
 * Gorishniy et al., "Revisiting deep learning models for tabular data", 2021, https://arxiv.org/abs/2106.11959
 *
 * | xCont | xCat | y |
 * |---|---|---|
 * | [batch, nContFeatures] | int32 [batch, catCardinalities.length] | [batch, dOut] |
 *
 * Layers are normed before them, the feed-forward layers are gated (ReGLU). Keys are those of the authors' package
 * `rtdl_revisiting_models`, and the defaults its for three blocks; a table without one of the kinds of columns gives null for it.
 *
 * @throws ArgumentError without any column, or when dBlock is not a multiple of attentionNHeads; ShapeError when xCont or xCat do
 *   not fit the columns
 * @example
 * const model = new models.FTTransformer({ nContFeatures: 3, catCardinalities: [4, 2], dOut: 1, dBlock: 16 });
 * model.forward(zeros([5, 3]), zeros([5, 2], { dtype: 'int32' })); // [5, 1]
 */
export class FTTransformer extends Module {
  readonly cls_embedding: Module;
  readonly cont_embeddings: Module | null;
  readonly cat_embeddings: Module | null;
  readonly backbone: Module;
  private readonly columns: readonly [numbers: number, categories: number];

  constructor(options: FTTransformerOptions) {
    super();
    checkOptions('FTTransformer', options ?? null, known);
    const numbers = checkInteger('FTTransformer', 'nContFeatures', options.nContFeatures ?? 0);
    const rule = 'must be an array of numbers of categories';
    const categories = checkEach('FTTransformer', 'catCardinalities', rule, options.catCardinalities ?? [], (n, i) =>
      checkInteger('FTTransformer', `catCardinalities[${i}]`, n, 1),
    );
    if (numbers + categories.length === 0) {
      throw new ArgumentError('FTTransformer: there must be a column, got nContFeatures 0 and no catCardinalities');
    }
    const dOut = checkInteger('FTTransformer', 'dOut', options.dOut, 1);
    const blocks = checkInteger('FTTransformer', 'nBlocks', options.nBlocks ?? 3, 1);
    const plan = checkPlan(options);
    this.columns = [numbers, categories.length];
    [this.cls_embedding, this.cont_embeddings, this.cat_embeddings, this.backbone] = allOrNothing(() => [
      new CLSEmbedding(plan.width),
      numbers > 0 ? new LinearEmbeddings(numbers, plan.width) : null,
      categories.length > 0 ? new CategoricalEmbeddings(categories, plan.width) : null,
      new Backbone(plan, blocks, dOut),
    ]);
  }

  forward(xCont: Tensor | null, xCat: Tensor | null = null): Tensor {
    const tokens: Tensor[] = [];
    for (const [name, x, columns, embeddings] of [
      ['xCont', xCont, this.columns[0], this.cont_embeddings],
      ['xCat', xCat, this.columns[1], this.cat_embeddings],
    ] as const) {
      if (embeddings === null && x == null) continue;
      checkTensor('FTTransformer', name, x);
      if (x?.rank !== 2 || x.dims[1] !== columns || columns === 0) {
        const wanted = columns === 0 ? 'null' : `[batch, ${columns}]`;
        throw new ShapeError(
          `FTTransformer: ${name} must be ${wanted}, got ${name} ${formatShape((x as Tensor).dims)}`,
        );
      }
      tokens.push(embeddings?.forward(x));
    }
    const batch = tokens[0]?.dims[0] as number;
    return this.backbone.forward(cat([this.cls_embedding.forward(batch), ...tokens], 1));
  }
}

function checkPlan(options: FTTransformerOptions): Plan {
  const name = 'FTTransformer';
  const width = checkInteger(name, 'dBlock', options.dBlock ?? 192, 1, 2 ** 20);
  const heads = checkInteger(name, 'attentionNHeads', options.attentionNHeads ?? 8, 1);
  if (width % heads !== 0) {
    throw new ArgumentError(`${name}: dBlock must be a multiple of attentionNHeads, got ${width} and ${heads}`);
  }
  return {
    width,
    heads,
    attentionDropout: checkChance(name, 'attentionDropout', options.attentionDropout, 0.2),
    hidden: checkInteger(name, 'ffnDHidden', options.ffnDHidden ?? Math.floor((width * 4) / 3), 1),
    ffnDropout: checkChance(name, 'ffnDropout', options.ffnDropout, 0.1),
    residualDropout: checkChance(name, 'residualDropout', options.residualDropout, 0),
  };
}
