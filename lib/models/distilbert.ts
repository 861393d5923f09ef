// DistilBERT and its head, with transformers' keys.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { Dropout } from '../nn/dropout.js';
import { Embedding } from '../nn/embedding.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { LayerNorm } from '../nn/norm.js';
import { relu } from '../ops/activation.js';
import { arange } from '../ops/creation.js';
import { add } from '../ops/elementwise.js';
import { reshape } from '../ops/shape.js';
import { select } from '../ops/shape-parts.js';
import type { Tensor } from '../tensor.js';
import { chance, checkHeads, configOf, count, type Fields, positive, token } from './config.js';
import {
  activationField,
  activations,
  attend,
  checkIds,
  checkLikeIds,
  type HiddenActivation,
  initialise,
  isGiven,
  keyMask,
} from './language.js';

/** What a DistilBERT model is made from; names and defaults are transformers' `DistilBertConfig`'s. */
export interface DistilBertConfig {
  /** Default 30522. */
  vocabSize: number;
  /** The most tokens of a text; default 512. */
  maxPositionEmbeddings: number;
  /** Default 6. */
  nLayers: number;
  /** Divides dim; default 12. */
  nHeads: number;
  /** Default 768. */
  dim: number;
  /** Default 3072. */
  hiddenDim: number;
  /** Default 0.1. */
  dropout: number;
  /** Default 0.1. */
  attentionDropout: number;
  /** Default `gelu`. */
  activation: HiddenActivation;
  /** Standard deviation of new weights; default 0.02. */
  initializerRange: number;
  /** Dropout before the classification head; default 0.2. */
  seqClassifDropout: number;
  /** The token of padding, whose vector gets no gradient; default 0. */
  padTokenId: number | null;
  /** Outputs of a classification head; default 2. */
  numLabels: number;
}

/** @internal */
export const distilBertFields: Fields<DistilBertConfig> = {
  vocabSize: count(30522),
  maxPositionEmbeddings: count(512),
  nLayers: count(6),
  nHeads: count(12),
  dim: count(768),
  hiddenDim: count(3072),
  dropout: chance(0.1),
  attentionDropout: chance(0.1),
  activation: activationField('gelu'),
  initializerRange: positive(0.02),
  seqClassifDropout: chance(0.2),
  padTokenId: token(0),
  numLabels: count(2),
};

/** Inputs of a DistilBERT model beside the tokens. */
export interface DistilBertInputs {
  /** int32 or uint8 [batch, rows]: 1 for tokens, 0 for padding; default all 1. */
  attentionMask?: Tensor | null;
  /** int32 [batch, rows]; default 0, 1, 2, … */
  positionIds?: Tensor | null;
}

type DistilBertArguments = Positional<DistilBertInputs, [attentionMask: 'attentionMask', positionIds: 'positionIds']>;

const inputNames = ['attentionMask', 'positionIds'];

class Embeddings extends Module {
  word_embeddings: Embedding;
  position_embeddings: Embedding;
  LayerNorm: LayerNorm;
  dropout: Dropout;

  constructor(c: DistilBertConfig) {
    super();
    this.word_embeddings = new Embedding(c.vocabSize, c.dim, { paddingIdx: c.padTokenId });
    this.position_embeddings = new Embedding(c.maxPositionEmbeddings, c.dim);
    this.LayerNorm = new LayerNorm(c.dim, { eps: 1e-12 });
    this.dropout = new Dropout(c.dropout);
  }

  forward(ids: Tensor, positions: Tensor): Tensor {
    const x = add(this.word_embeddings.forward(ids), this.position_embeddings.forward(positions));
    return this.dropout.forward(this.LayerNorm.forward(x));
  }
}

class SelfAttention extends Module {
  q_lin: Linear;
  k_lin: Linear;
  v_lin: Linear;
  out_lin: Linear;

  constructor(private readonly config: DistilBertConfig) {
    super();
    const make = () => new Linear(config.dim, config.dim);
    [this.q_lin, this.k_lin, this.v_lin, this.out_lin] = [make(), make(), make(), make()];
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    const [q, k, v] = [this.q_lin.forward(x), this.k_lin.forward(x), this.v_lin.forward(x)];
    const dropout = this.training ? this.config.attentionDropout : 0;
    return this.out_lin.forward(attend(q, k, v, { heads: this.config.nHeads, mask, dropout }));
  }
}

class TransformerBlock extends Module {
  attention: SelfAttention;
  sa_layer_norm: LayerNorm;
  ffn: { dropout: Dropout; lin1: Linear; lin2: Linear };
  output_layer_norm: LayerNorm;

  constructor(private readonly config: DistilBertConfig) {
    super();
    const { dim, hiddenDim, dropout } = config;
    this.attention = new SelfAttention(config);
    this.sa_layer_norm = new LayerNorm(dim, { eps: 1e-12 });
    const [lin1, lin2] = [new Linear(dim, hiddenDim), new Linear(hiddenDim, dim)];
    this.ffn = { dropout: new Dropout(dropout), lin1, lin2 };
    this.output_layer_norm = new LayerNorm(dim, { eps: 1e-12 });
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    const { dropout, lin1, lin2 } = this.ffn;
    const attended = this.sa_layer_norm.forward(add(this.attention.forward(x, mask), x));
    const wide = activations[this.config.activation](lin1.forward(attended));
    return this.output_layer_norm.forward(add(dropout.forward(lin2.forward(wide)), attended));
  }
}

/**
 * DistilBERT: BERT with half of the layers and without segments and pooling, trained to do what BERT does. Keys equal those of
 * transformers' `DistilBertModel`, and so do outputs.
 *
 * | inputIds | attentionMask | y |
 * |---|---|---|
 * | int32 [batch, rows] | int32 or uint8 [batch, rows], 0 for padding | [batch, rows, dim] |
 *
 * Sanh et al., "DistilBERT, a distilled version of BERT: smaller, faster, cheaper and lighter", 2019,
 * https://arxiv.org/abs/1910.01108
 *
 * @throws ArgumentError for a configuration that does not fit, or more rows than positions; ShapeError for inputs that do not fit
 * @example
 * const model = new models.DistilBertModel({ vocabSize: 100, dim: 32, nLayers: 2, nHeads: 4, hiddenDim: 64 }).eval();
 * const ids = tensor([[2, 17, 5, 3], [2, 8, 3, 0]], { dtype: 'int32' });
 * const y = model.forward(ids, { attentionMask: ids.ne(0) }); // [2, 4, 32]
 */
export class DistilBertModel extends Module {
  readonly config: DistilBertConfig;
  embeddings!: Embeddings;
  transformer!: { layer: TransformerBlock[] };

  /** @param config what differs from the defaults of {@link DistilBertConfig} */
  constructor(config?: Partial<DistilBertConfig>) {
    super();
    const c = configOf('DistilBertModel', config, distilBertFields);
    checkHeads('DistilBertModel', ['dim', 'nHeads'], c.dim, c.nHeads);
    this.config = c;
    allOrNothing(() => {
      this.embeddings = new Embeddings(c);
      this.transformer = { layer: Array.from({ length: c.nLayers }, () => new TransformerBlock(c)) };
      initialise(this, c.initializerRange);
    });
  }

  /** @param args attentionMask (all tokens), positionIds (0, 1, 2, …) */
  forward(inputIds: Tensor, ...args: DistilBertArguments): Tensor {
    const name = 'DistilBertModel.forward';
    const [batch, rows] = checkIds(name, inputIds, 0, this.config.maxPositionEmbeddings);
    const o = optionsOf<DistilBertInputs>(name, args, inputNames, [], inputNames);
    const mask = keyMask(name, o.attentionMask, batch, rows);
    const positions = isGiven(o.positionIds)
      ? checkLikeIds(name, 'positionIds', o.positionIds, inputIds)
      : reshape(arange(rows, { dtype: 'int32' }), [1, rows]);
    let x = this.embeddings.forward(inputIds, positions);
    for (const layer of this.transformer.layer) x = layer.forward(x, mask);
    return x;
  }
}

/**
 * DistilBERT with two linear layers over the first token: scores of a text's classes. Keys equal those of transformers'
 * `DistilBertForSequenceClassification`. Inputs as in {@link DistilBertModel}; y [batch, numLabels].
 *
 * @throws ArgumentError, ShapeError as {@link DistilBertModel}
 * @example
 * const size = { vocabSize: 100, dim: 32, nLayers: 2, nHeads: 4, hiddenDim: 64 };
 * const model = new models.DistilBertForSequenceClassification({ ...size, numLabels: 3 });
 * model.forward(tensor([[2, 17, 5, 3]], { dtype: 'int32' })); // [1, 3]
 */
export class DistilBertForSequenceClassification extends Module {
  readonly config: DistilBertConfig;
  distilbert!: DistilBertModel;
  pre_classifier!: Linear;
  classifier!: Linear;
  dropout!: Dropout;

  /** @param config what differs from the defaults of {@link DistilBertConfig} */
  constructor(config?: Partial<DistilBertConfig>) {
    super();
    allOrNothing(() => {
      this.distilbert = new DistilBertModel(config);
      const { dim, numLabels, initializerRange, seqClassifDropout } = this.distilbert.config;
      [this.pre_classifier, this.classifier] = [new Linear(dim, dim), new Linear(dim, numLabels)];
      this.dropout = new Dropout(seqClassifDropout);
      for (const head of [this.pre_classifier, this.classifier]) initialise(head, initializerRange);
    });
    this.config = this.distilbert.config;
  }

  /** @param args attentionMask (all tokens), positionIds (0, 1, 2, …) */
  forward(inputIds: Tensor, ...args: DistilBertArguments): Tensor {
    const first = select(this.distilbert.forward(inputIds, ...args), 1, 0);
    return this.classifier.forward(this.dropout.forward(relu(this.pre_classifier.forward(first))));
  }
}
