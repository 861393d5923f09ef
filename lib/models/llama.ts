// Llama, with transformers' keys: RMS norms, rotary positions, SwiGLU, grouped heads.
import { allOrNothing } from '../all-or-nothing.js';
import { Embedding } from '../nn/embedding.js';
import type { KeyValueCache } from '../nn/key-value-cache.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { RMSNorm } from '../nn/norm.js';
import { add, mul } from '../ops/elementwise.js';
import { rotaryEmbedding } from '../ops/rotary.js';
import type { Tensor } from '../tensor.js';
import {
  type CausalArguments,
  type CausalInputs,
  CausalLM,
  causalInputs,
  lastRows,
  type ScoreInputs,
} from './causal.js';
import {
  chance,
  checkHeads,
  configOf,
  count,
  countOrNull,
  type Fields,
  flag,
  positive,
  type TokenIds,
  token,
  tokens,
} from './config.js';
import {
  activationField,
  activations,
  attend,
  checkIds,
  type HiddenActivation,
  initialise,
  keyMask,
} from './language.js';

/** What a Llama model is made from; names and defaults are transformers' `LlamaConfig`'s. */
export interface LlamaConfig {
  /** Default 32000. */
  vocabSize: number;
  /** Default 4096. */
  hiddenSize: number;
  /** Default 11008. */
  intermediateSize: number;
  /** Default 32. */
  numHiddenLayers: number;
  /** Default 32. */
  numAttentionHeads: number;
  /** Heads of keys and values; divides numAttentionHeads; default null: as many. */
  numKeyValueHeads: number | null;
  /** Width of a head; default null: hiddenSize / numAttentionHeads. */
  headDim: number | null;
  /** Default `silu`. */
  hiddenAct: HiddenActivation;
  /** The most tokens of a text; default 2048. */
  maxPositionEmbeddings: number;
  /** Standard deviation of new weights; default 0.02. */
  initializerRange: number;
  /** Default 1e-6. */
  rmsNormEps: number;
  /** Base of the rotary angles; default 10,000. */
  ropeTheta: number;
  /** Whether the projections of attention have biases; default false. */
  attentionBias: boolean;
  /** Default 0. */
  attentionDropout: number;
  /** Whether the feed-forward layers have biases; default false. */
  mlpBias: boolean;
  /** Whether the scores use the vectors of words; default false. */
  tieWordEmbeddings: boolean;
  /** The token of padding, whose vector gets no gradient; default none. */
  padTokenId: number | null;
  /** What ends a text; default 2. */
  eosTokenId: TokenIds;
}

/** @internal */
export const llamaFields: Fields<LlamaConfig> = {
  vocabSize: count(32000),
  hiddenSize: count(4096),
  intermediateSize: count(11008),
  numHiddenLayers: count(32),
  numAttentionHeads: count(32),
  numKeyValueHeads: countOrNull,
  headDim: countOrNull,
  hiddenAct: activationField('silu'),
  maxPositionEmbeddings: count(2048),
  initializerRange: positive(0.02),
  rmsNormEps: positive(1e-6),
  ropeTheta: positive(10_000),
  attentionBias: flag(false),
  attentionDropout: chance(0),
  mlpBias: flag(false),
  tieWordEmbeddings: flag(false),
  padTokenId: token(null),
  eosTokenId: tokens(2),
};

class LlamaAttention extends Module {
  readonly heads: number;
  readonly keyValueHeads: number;
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;

  constructor(private readonly config: LlamaConfig) {
    super();
    const { hiddenSize, numAttentionHeads: heads, attentionBias: bias } = config;
    [this.heads, this.keyValueHeads] = [heads, config.numKeyValueHeads ?? heads];
    const width = config.headDim ?? hiddenSize / heads;
    this.q_proj = new Linear(hiddenSize, heads * width, { bias });
    this.k_proj = new Linear(hiddenSize, this.keyValueHeads * width, { bias });
    this.v_proj = new Linear(hiddenSize, this.keyValueHeads * width, { bias });
    this.o_proj = new Linear(heads * width, hiddenSize, { bias });
  }

  forward(x: Tensor, mask: Tensor | undefined, cache: KeyValueCache | undefined): Tensor {
    const { heads, keyValueHeads, config } = this;
    const turn = { offset: cache?.length ?? 0, base: config.ropeTheta };
    const q = rotaryEmbedding(this.q_proj.forward(x), { ...turn, heads });
    const k = rotaryEmbedding(this.k_proj.forward(x), { ...turn, heads: keyValueHeads });
    const dropout = this.training ? config.attentionDropout : 0;
    const how = { heads, keyValueHeads, mask, causal: true, cache, dropout };
    return this.o_proj.forward(attend(q, k, this.v_proj.forward(x), how));
  }
}

class LlamaDecoderLayer extends Module {
  self_attn: LlamaAttention;
  mlp: { gate_proj: Linear; up_proj: Linear; down_proj: Linear };
  input_layernorm: RMSNorm;
  post_attention_layernorm: RMSNorm;

  constructor(private readonly config: LlamaConfig) {
    super();
    const { hiddenSize: width, intermediateSize: inner, mlpBias: bias, rmsNormEps: eps } = config;
    this.self_attn = new LlamaAttention(config);
    const [gate_proj, up_proj] = [new Linear(width, inner, { bias }), new Linear(width, inner, { bias })];
    this.mlp = { gate_proj, up_proj, down_proj: new Linear(inner, width, { bias }) };
    this.input_layernorm = new RMSNorm(width, { eps });
    this.post_attention_layernorm = new RMSNorm(width, { eps });
  }

  forward(x: Tensor, mask: Tensor | undefined, cache: KeyValueCache | undefined): Tensor {
    const { gate_proj, up_proj, down_proj } = this.mlp;
    const attended = add(x, this.self_attn.forward(this.input_layernorm.forward(x), mask, cache));
    const normed = this.post_attention_layernorm.forward(attended);
    const gate = activations[this.config.hiddenAct](gate_proj.forward(normed));
    return add(attended, down_proj.forward(mul(gate, up_proj.forward(normed))));
  }
}

/**
 * Llama without a head: vectors of words → transformer layers that look back only, with RMS norms, rotary positions, SwiGLU
 * and heads of keys and values that serve several of the queries → an RMS norm. Keys equal those of transformers'
 * `LlamaModel`, and so does the last hidden state.
 *
 * | inputIds | attentionMask | y |
 * |---|---|---|
 * | int32 [batch, rows] | int32 or uint8 [batch, rows], 0 for padding | [batch, rows, hiddenSize] |
 *
 * Touvron et al., "LLaMA: open and efficient foundation language models", 2023, https://arxiv.org/abs/2302.13971
 *
 * @throws ArgumentError for a configuration that does not fit, or more rows than positions; ShapeError for inputs that do not fit
 * @example
 * const size = { vocabSize: 100, hiddenSize: 32, intermediateSize: 64, numHiddenLayers: 2, numAttentionHeads: 4 };
 * const model = new models.LlamaModel({ ...size, numKeyValueHeads: 2 }).eval();
 * const y = model.forward(tensor([[2, 17, 5, 3]], { dtype: 'int32' })); // [1, 4, 32]
 */
export class LlamaModel extends Module {
  readonly config: LlamaConfig;
  embed_tokens!: Embedding;
  layers!: LlamaDecoderLayer[];
  norm!: RMSNorm;

  /** @param config what differs from the defaults of {@link LlamaConfig} */
  constructor(config?: Partial<LlamaConfig>) {
    super();
    const c = configOf('LlamaModel', config, llamaFields);
    const { numAttentionHeads: heads, numKeyValueHeads } = c;
    if (c.headDim === null) checkHeads('LlamaModel', ['hiddenSize', 'numAttentionHeads'], c.hiddenSize, heads);
    checkHeads('LlamaModel', ['numAttentionHeads', 'numKeyValueHeads'], heads, numKeyValueHeads ?? heads);
    this.config = c;
    allOrNothing(() => {
      this.embed_tokens = new Embedding(c.vocabSize, c.hiddenSize, { paddingIdx: c.padTokenId });
      this.layers = Array.from({ length: c.numHiddenLayers }, () => new LlamaDecoderLayer(c));
      this.norm = new RMSNorm(c.hiddenSize, { eps: c.rmsNormEps });
      initialise(this, c.initializerRange);
    });
  }

  /** @param args attentionMask (all tokens); option: caches (none) */
  forward(inputIds: Tensor, ...args: CausalArguments<CausalInputs>): Tensor {
    const name = 'LlamaModel.forward';
    const { caches, attentionMask } = causalInputs<CausalInputs>(name, args, this.layers.length);
    const before = caches?.[0]?.length ?? 0;
    const [batch, rows] = checkIds(name, inputIds, before, this.config.maxPositionEmbeddings);
    const mask = keyMask(name, attentionMask, batch, before + rows);
    let x = this.embed_tokens.forward(inputIds);
    this.layers.forEach((layer, i) => {
      x = layer.forward(x, mask, caches?.[i]);
    });
    return this.norm.forward(x);
  }
}

/**
 * Llama with scores of the next token, y [batch, rows, vocabSize]. Keys equal those of transformers' `LlamaForCausalLM`; with
 * `tieWordEmbeddings`, `lm_head.weight` is `model.embed_tokens.weight` itself. Inputs as in {@link LlamaModel};
 * {@link generate} writes with it.
 *
 * @throws ArgumentError, ShapeError as {@link LlamaModel}
 * @example
 * const size = { vocabSize: 100, hiddenSize: 32, intermediateSize: 64, numHiddenLayers: 2, numAttentionHeads: 4 };
 * const model = new models.LlamaForCausalLM({ ...size, numKeyValueHeads: 2 });
 * const scores = model.forward(tensor([[2, 17, 5, 3]], { dtype: 'int32' })); // [1, 4, 100]
 */
export class LlamaForCausalLM extends CausalLM {
  readonly config: LlamaConfig;
  model!: LlamaModel;
  lm_head!: Linear;

  /** @param config what differs from the defaults of {@link LlamaConfig} */
  constructor(config?: Partial<LlamaConfig>) {
    super();
    allOrNothing(() => {
      this.model = new LlamaModel(config);
      const { hiddenSize, vocabSize, initializerRange, tieWordEmbeddings } = this.model.config;
      this.lm_head = new Linear(hiddenSize, vocabSize, { bias: false });
      if (tieWordEmbeddings) this.lm_head.weight = this.model.embed_tokens.weight;
      else initialise(this.lm_head, initializerRange);
    });
    this.config = this.model.config;
  }

  /** @param args attentionMask (all tokens); options: caches (none), logitsToKeep (all) */
  override forward(inputIds: Tensor, ...args: CausalArguments<ScoreInputs>): Tensor {
    const name = 'LlamaForCausalLM.forward';
    const { logitsToKeep, ...rest } = causalInputs<ScoreInputs>(name, args, this._layers, ['logitsToKeep']);
    return this.lm_head.forward(lastRows(name, this.model.forward(inputIds, rest), logitsToKeep));
  }

  /** @internal */
  get _layers(): number {
    return this.config.numHiddenLayers;
  }

  /** @internal */
  get _positions(): number {
    return this.config.maxPositionEmbeddings;
  }

  /** @internal */
  get _end(): TokenIds {
    return this.config.eosTokenId;
  }
}
