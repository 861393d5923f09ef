// BERT and its heads, with transformers' keys. sentence-transformers' MiniLM models are of this kind.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { Dropout } from '../nn/dropout.js';
import { Embedding } from '../nn/embedding.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { LayerNorm } from '../nn/norm.js';
import { arange, zerosLike } from '../ops/creation.js';
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

/** What a BERT model is made from; names and defaults are transformers' `BertConfig`'s. */
export interface BertConfig {
  /** Default 30522. */
  vocabSize: number;
  /** Default 768. */
  hiddenSize: number;
  /** Default 12. */
  numHiddenLayers: number;
  /** Divides hiddenSize; default 12. */
  numAttentionHeads: number;
  /** Default 3072. */
  intermediateSize: number;
  /** Default `gelu`. */
  hiddenAct: HiddenActivation;
  /** Default 0.1. */
  hiddenDropoutProb: number;
  /** Default 0.1. */
  attentionProbsDropoutProb: number;
  /** The most tokens of a text; default 512. */
  maxPositionEmbeddings: number;
  /** Default 2. */
  typeVocabSize: number;
  /** Standard deviation of new weights; default 0.02. */
  initializerRange: number;
  /** Default 1e-12. */
  layerNormEps: number;
  /** The token of padding, whose vector gets no gradient; default 0. */
  padTokenId: number | null;
  /** Outputs of a classification head; default 2. */
  numLabels: number;
}

/** @internal */
export const bertFields: Fields<BertConfig> = {
  vocabSize: count(30522),
  hiddenSize: count(768),
  numHiddenLayers: count(12),
  numAttentionHeads: count(12),
  intermediateSize: count(3072),
  hiddenAct: activationField('gelu'),
  hiddenDropoutProb: chance(0.1),
  attentionProbsDropoutProb: chance(0.1),
  maxPositionEmbeddings: count(512),
  typeVocabSize: count(2),
  initializerRange: positive(0.02),
  layerNormEps: positive(1e-12),
  padTokenId: token(0),
  numLabels: count(2),
};

/** Inputs of a BERT model beside the tokens. */
export interface BertInputs {
  /** int32 or uint8 [batch, rows]: 1 for tokens, 0 for padding; default all 1. */
  attentionMask?: Tensor | null;
  /** int32 [batch, rows]: which of two texts a token belongs to; default 0. */
  tokenTypeIds?: Tensor | null;
  /** int32 [batch, rows]; default 0, 1, 2, … */
  positionIds?: Tensor | null;
}

type BertArguments = Positional<
  BertInputs,
  [attentionMask: 'attentionMask', tokenTypeIds: 'tokenTypeIds', positionIds: 'positionIds']
>;

const inputNames = ['attentionMask', 'tokenTypeIds', 'positionIds'];

class BertEmbeddings extends Module {
  word_embeddings: Embedding;
  position_embeddings: Embedding;
  token_type_embeddings: Embedding;
  LayerNorm: LayerNorm;
  dropout: Dropout;

  constructor(c: BertConfig) {
    super();
    this.word_embeddings = new Embedding(c.vocabSize, c.hiddenSize, { paddingIdx: c.padTokenId });
    this.position_embeddings = new Embedding(c.maxPositionEmbeddings, c.hiddenSize);
    this.token_type_embeddings = new Embedding(c.typeVocabSize, c.hiddenSize);
    this.LayerNorm = new LayerNorm(c.hiddenSize, { eps: c.layerNormEps });
    this.dropout = new Dropout(c.hiddenDropoutProb);
  }

  forward(ids: Tensor, types: Tensor, positions: Tensor): Tensor {
    const words = add(this.word_embeddings.forward(ids), this.token_type_embeddings.forward(types));
    return this.dropout.forward(this.LayerNorm.forward(add(words, this.position_embeddings.forward(positions))));
  }
}

class BertSelfAttention extends Module {
  query: Linear;
  key: Linear;
  value: Linear;

  constructor(private readonly config: BertConfig) {
    super();
    const size = config.hiddenSize;
    [this.query, this.key, this.value] = [new Linear(size, size), new Linear(size, size), new Linear(size, size)];
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    const [q, k, v] = [this.query.forward(x), this.key.forward(x), this.value.forward(x)];
    const dropout = this.training ? this.config.attentionProbsDropoutProb : 0;
    return attend(q, k, v, { heads: this.config.numAttentionHeads, mask, dropout });
  }
}

// A projection whose result is added to what the block began with.
class BertOutput extends Module {
  dense: Linear;
  LayerNorm: LayerNorm;
  dropout: Dropout;

  constructor(inFeatures: number, c: BertConfig) {
    super();
    this.dense = new Linear(inFeatures, c.hiddenSize);
    this.LayerNorm = new LayerNorm(c.hiddenSize, { eps: c.layerNormEps });
    this.dropout = new Dropout(c.hiddenDropoutProb);
  }

  forward(x: Tensor, before: Tensor): Tensor {
    return this.LayerNorm.forward(add(this.dropout.forward(this.dense.forward(x)), before));
  }
}

class BertLayer extends Module {
  attention: { self: BertSelfAttention; output: BertOutput };
  intermediate: { dense: Linear };
  output: BertOutput;

  constructor(private readonly config: BertConfig) {
    super();
    this.attention = { self: new BertSelfAttention(config), output: new BertOutput(config.hiddenSize, config) };
    this.intermediate = { dense: new Linear(config.hiddenSize, config.intermediateSize) };
    this.output = new BertOutput(config.intermediateSize, config);
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    const attended = this.attention.output.forward(this.attention.self.forward(x, mask), x);
    const wide = activations[this.config.hiddenAct](this.intermediate.dense.forward(attended));
    return this.output.forward(wide, attended);
  }
}

/** The vector of a whole text: tanh of a projection of the first token's. */
class BertPooler extends Module {
  dense: Linear;

  constructor(c: BertConfig) {
    super();
    this.dense = new Linear(c.hiddenSize, c.hiddenSize);
  }

  /** @param hidden [batch, rows, hiddenSize] @returns [batch, hiddenSize] */
  forward(hidden: Tensor): Tensor {
    return activations.tanh(this.dense.forward(select(hidden, 1, 0)));
  }
}

/**
 * BERT: the sum of vectors of words, positions and segments → transformer layers in which each token looks at all others.
 * Keys equal those of transformers' `BertModel`, and so do outputs. `forward` gives the last hidden state;
 * `model.pooler.forward(hidden)` gives transformers' `pooler_output`.
 *
 * | inputIds | attentionMask | y |
 * |---|---|---|
 * | int32 [batch, rows] | int32 or uint8 [batch, rows], 0 for padding | [batch, rows, hiddenSize] |
 *
 * Devlin et al., "BERT: pre-training of deep bidirectional transformers for language understanding", 2018,
 * https://arxiv.org/abs/1810.04805
 *
 * @throws ArgumentError for a configuration that does not fit, or more rows than positions; ShapeError for inputs that do not fit
 * @example
 * const size = { vocabSize: 100, hiddenSize: 32, numHiddenLayers: 2, numAttentionHeads: 4, intermediateSize: 64 };
 * const model = new models.BertModel(size).eval();
 * const ids = tensor([[2, 17, 5, 3], [2, 8, 3, 0]], { dtype: 'int32' });
 * const y = model.forward(ids, { attentionMask: ids.ne(0) }); // [2, 4, 32]
 */
export class BertModel extends Module {
  readonly config: BertConfig;
  embeddings!: BertEmbeddings;
  encoder!: { layer: BertLayer[] };
  pooler!: BertPooler;

  /** @param config what differs from the defaults of {@link BertConfig} */
  constructor(config?: Partial<BertConfig>) {
    super();
    const c = configOf('BertModel', config, bertFields);
    checkHeads('BertModel', ['hiddenSize', 'numAttentionHeads'], c.hiddenSize, c.numAttentionHeads);
    this.config = c;
    allOrNothing(() => {
      this.embeddings = new BertEmbeddings(c);
      this.encoder = { layer: Array.from({ length: c.numHiddenLayers }, () => new BertLayer(c)) };
      this.pooler = new BertPooler(c);
      initialise(this, c.initializerRange);
    });
  }

  /** @param args attentionMask (all tokens), tokenTypeIds (0), positionIds (0, 1, 2, …) */
  forward(inputIds: Tensor, ...args: BertArguments): Tensor {
    const name = 'BertModel.forward';
    const [batch, rows] = checkIds(name, inputIds, 0, this.config.maxPositionEmbeddings);
    const o = optionsOf<BertInputs>(name, args, inputNames, [], inputNames);
    const mask = keyMask(name, o.attentionMask, batch, rows);
    const types = isGiven(o.tokenTypeIds)
      ? checkLikeIds(name, 'tokenTypeIds', o.tokenTypeIds, inputIds)
      : zerosLike(inputIds);
    const positions = isGiven(o.positionIds)
      ? checkLikeIds(name, 'positionIds', o.positionIds, inputIds)
      : reshape(arange(rows, { dtype: 'int32' }), [1, rows]);
    let x = this.embeddings.forward(inputIds, types, positions);
    for (const layer of this.encoder.layer) x = layer.forward(x, mask);
    return x;
  }
}

/**
 * BERT with a linear layer over the pooled first token: scores of a text's classes. Keys equal those of transformers'
 * `BertForSequenceClassification`. Inputs as in {@link BertModel}; y [batch, numLabels].
 *
 * @throws ArgumentError, ShapeError as {@link BertModel}
 * @example
 * const size = { vocabSize: 100, hiddenSize: 32, numHiddenLayers: 2, numAttentionHeads: 4, intermediateSize: 64 };
 * const model = new models.BertForSequenceClassification({ ...size, numLabels: 3 });
 * model.forward(tensor([[2, 17, 5, 3]], { dtype: 'int32' })); // [1, 3]
 */
export class BertForSequenceClassification extends Module {
  readonly config: BertConfig;
  bert!: BertModel;
  dropout!: Dropout;
  classifier!: Linear;

  /** @param config what differs from the defaults of {@link BertConfig} */
  constructor(config?: Partial<BertConfig>) {
    super();
    allOrNothing(() => {
      this.bert = new BertModel(config);
      this.dropout = new Dropout(this.bert.config.hiddenDropoutProb);
      this.classifier = new Linear(this.bert.config.hiddenSize, this.bert.config.numLabels);
      initialise(this.classifier, this.bert.config.initializerRange);
    });
    this.config = this.bert.config;
  }

  /** @param args attentionMask (all tokens), tokenTypeIds (0), positionIds (0, 1, 2, …) */
  forward(inputIds: Tensor, ...args: BertArguments): Tensor {
    const pooled = this.bert.pooler.forward(this.bert.forward(inputIds, ...args));
    return this.classifier.forward(this.dropout.forward(pooled));
  }
}
