// GPT-2, with transformers' keys.
import { allOrNothing } from '../all-or-nothing.js';
import { Dropout } from '../nn/dropout.js';
import { Embedding } from '../nn/embedding.js';
import { normal_ } from '../nn/init.js';
import type { KeyValueCache } from '../nn/key-value-cache.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { LayerNorm } from '../nn/norm.js';
import { Parameter } from '../nn/roles.js';
import { arange, zeros } from '../ops/creation.js';
import { add } from '../ops/elementwise.js';
import { matmul } from '../ops/matmul.js';
import { reshape } from '../ops/shape.js';
import { split } from '../ops/shape-slice.js';
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
  tokens,
} from './config.js';
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

/** What a GPT-2 model is made from; names and defaults are transformers' `GPT2Config`'s. */
export interface GPT2Config {
  /** Default 50257. */
  vocabSize: number;
  /** The most tokens of a text; default 1024. */
  nPositions: number;
  /** Default 768. */
  nEmbd: number;
  /** Default 12. */
  nLayer: number;
  /** Divides nEmbd; default 12. */
  nHead: number;
  /** Default null: 4 · nEmbd. */
  nInner: number | null;
  /** Default `gelu_new`. */
  activationFunction: HiddenActivation;
  /** Default 0.1. */
  residPdrop: number;
  /** Default 0.1. */
  embdPdrop: number;
  /** Default 0.1. */
  attnPdrop: number;
  /** Default 1e-5. */
  layerNormEpsilon: number;
  /** Standard deviation of new weights; default 0.02. */
  initializerRange: number;
  /** Whether the scores use the vectors of words; default true. */
  tieWordEmbeddings: boolean;
  /** What ends a text; default 50256. */
  eosTokenId: TokenIds;
}

/** @internal */
export const gpt2Fields: Fields<GPT2Config> = {
  vocabSize: count(50257),
  nPositions: count(1024),
  nEmbd: count(768),
  nLayer: count(12),
  nHead: count(12),
  nInner: countOrNull,
  activationFunction: activationField('gelu_new'),
  residPdrop: chance(0.1),
  embdPdrop: chance(0.1),
  attnPdrop: chance(0.1),
  layerNormEpsilon: positive(1e-5),
  initializerRange: positive(0.02),
  tieWordEmbeddings: flag(true),
  eosTokenId: tokens(50256),
};

/** Inputs of `GPT2Model` beside the tokens. */
export interface GPT2Inputs extends CausalInputs {
  /** int32 [batch, rows]; default: those after the caches' rows. */
  positionIds?: Tensor;
}

/** Inputs of `GPT2LMHeadModel` beside the tokens. */
export interface GPT2ScoreInputs extends GPT2Inputs, ScoreInputs {}

// A linear layer whose weight is [inFeatures, outFeatures].
class Conv1D extends Module {
  /** Tells LoRA how the weight stands. */
  readonly fanInFanOut = true;
  weight: Tensor;
  bias: Tensor;

  constructor(inFeatures: number, outFeatures: number, deviation: number) {
    super();
    this.weight = new Parameter(normal_(zeros([inFeatures, outFeatures]), 0, deviation));
    this.bias = new Parameter(zeros([outFeatures]));
  }

  forward(x: Tensor): Tensor {
    return add(matmul(x, this.weight), this.bias);
  }
}

class GPT2Block extends Module {
  ln_1: LayerNorm;
  attn: { c_attn: Conv1D; c_proj: Conv1D; resid_dropout: Dropout };
  ln_2: LayerNorm;
  mlp: { c_fc: Conv1D; c_proj: Conv1D; dropout: Dropout };

  constructor(private readonly config: GPT2Config) {
    super();
    const { nEmbd: width, nLayer, initializerRange: range, layerNormEpsilon: eps, residPdrop } = config;
    const inner = config.nInner ?? 4 * width;
    const residual = range / Math.sqrt(2 * nLayer); // what is added to the residual stream
    this.ln_1 = new LayerNorm(width, { eps });
    const [c_attn, c_proj] = [new Conv1D(width, 3 * width, range), new Conv1D(width, width, residual)];
    this.attn = { c_attn, c_proj, resid_dropout: new Dropout(residPdrop) };
    this.ln_2 = new LayerNorm(width, { eps });
    const [c_fc, c_out] = [new Conv1D(width, inner, range), new Conv1D(inner, width, residual)];
    this.mlp = { c_fc, c_proj: c_out, dropout: new Dropout(residPdrop) };
  }

  forward(x: Tensor, mask: Tensor | undefined, cache: KeyValueCache | undefined): Tensor {
    const { nHead: heads, nEmbd: width, activationFunction, attnPdrop } = this.config;
    const { attn, mlp } = this;
    const [q, k, v] = split(attn.c_attn.forward(this.ln_1.forward(x)), width, { dim: -1 }) as [Tensor, Tensor, Tensor];
    const seen = attend(q, k, v, { heads, mask, causal: true, cache, dropout: this.training ? attnPdrop : 0 });
    const attended = add(x, attn.resid_dropout.forward(attn.c_proj.forward(seen)));
    const wide = activations[activationFunction](mlp.c_fc.forward(this.ln_2.forward(attended)));
    return add(attended, mlp.dropout.forward(mlp.c_proj.forward(wide)));
  }
}

/**
 * GPT-2 without a head: vectors of words and positions → transformer layers that look back only → a layer norm. Keys equal
 * those of transformers' `GPT2Model`, and so does the last hidden state.
 *
 * | inputIds | attentionMask | y |
 * |---|---|---|
 * | int32 [batch, rows] | int32 or uint8 [batch, rows], 0 for padding | [batch, rows, nEmbd] |
 *
 * Radford et al., "Language models are unsupervised multitask learners", 2019,
 * https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
 *
 * @throws ArgumentError for a configuration that does not fit, or more rows than positions; ShapeError for inputs that do not fit
 * @example
 * const model = new models.GPT2Model({ vocabSize: 100, nPositions: 16, nEmbd: 32, nLayer: 2, nHead: 4 }).eval();
 * const y = model.forward(tensor([[2, 17, 5, 3]], { dtype: 'int32' })); // [1, 4, 32]
 */
export class GPT2Model extends Module {
  readonly config: GPT2Config;
  wte!: Embedding;
  wpe!: Embedding;
  drop!: Dropout;
  h!: GPT2Block[];
  ln_f!: LayerNorm;

  /** @param config what differs from the defaults of {@link GPT2Config} */
  constructor(config?: Partial<GPT2Config>) {
    super();
    const c = configOf('GPT2Model', config, gpt2Fields);
    checkHeads('GPT2Model', ['nEmbd', 'nHead'], c.nEmbd, c.nHead);
    this.config = c;
    allOrNothing(() => {
      this.wte = new Embedding(c.vocabSize, c.nEmbd);
      this.wpe = new Embedding(c.nPositions, c.nEmbd);
      initialise(this, c.initializerRange);
      this.drop = new Dropout(c.embdPdrop);
      this.h = Array.from({ length: c.nLayer }, () => new GPT2Block(c));
      this.ln_f = new LayerNorm(c.nEmbd, { eps: c.layerNormEpsilon });
    });
  }

  /** @param args attentionMask (all tokens); options: positionIds (0, 1, 2, …), caches (none) */
  forward(inputIds: Tensor, ...args: CausalArguments<GPT2Inputs>): Tensor {
    const name = 'GPT2Model.forward';
    const o = causalInputs<GPT2Inputs>(name, args, this.h.length, ['positionIds']);
    const before = o.caches?.[0]?.length ?? 0;
    const [batch, rows] = checkIds(name, inputIds, before, this.config.nPositions);
    const mask = keyMask(name, o.attentionMask, batch, before + rows);
    const positions = isGiven(o.positionIds)
      ? checkLikeIds(name, 'positionIds', o.positionIds, inputIds)
      : reshape(arange(before, before + rows, { dtype: 'int32' }), [1, rows]);
    let x = this.drop.forward(add(this.wte.forward(inputIds), this.wpe.forward(positions)));
    this.h.forEach((block, i) => {
      x = block.forward(x, mask, o.caches?.[i]);
    });
    return this.ln_f.forward(x);
  }
}

/**
 * GPT-2 with scores of the next token, y [batch, rows, vocabSize]. Keys equal those of transformers' `GPT2LMHeadModel`;
 * `lm_head.weight` is `transformer.wte.weight` itself unless `tieWordEmbeddings` is false. Inputs as in {@link GPT2Model};
 * {@link generate} writes with it.
 *
 * @throws ArgumentError, ShapeError as {@link GPT2Model}
 * @example
 * const model = new models.GPT2LMHeadModel({ vocabSize: 100, nPositions: 16, nEmbd: 32, nLayer: 2, nHead: 4 });
 * const scores = model.forward(tensor([[2, 17, 5, 3]], { dtype: 'int32' })); // [1, 4, 100]
 */
export class GPT2LMHeadModel extends CausalLM {
  readonly config: GPT2Config;
  transformer!: GPT2Model;
  lm_head!: Linear;

  /** @param config what differs from the defaults of {@link GPT2Config} */
  constructor(config?: Partial<GPT2Config>) {
    super();
    allOrNothing(() => {
      this.transformer = new GPT2Model(config);
      const { nEmbd, vocabSize, initializerRange, tieWordEmbeddings } = this.transformer.config;
      this.lm_head = new Linear(nEmbd, vocabSize, { bias: false });
      if (tieWordEmbeddings) this.lm_head.weight = this.transformer.wte.weight;
      else initialise(this.lm_head, initializerRange);
    });
    this.config = this.transformer.config;
  }

  /** @param args attentionMask (all tokens); options: positionIds (0, 1, 2, …), caches (none), logitsToKeep (all) */
  override forward(inputIds: Tensor, ...args: CausalArguments<GPT2ScoreInputs>): Tensor {
    const name = 'GPT2LMHeadModel.forward';
    const named = ['positionIds', 'logitsToKeep'] as const;
    const { logitsToKeep, ...rest } = causalInputs<GPT2ScoreInputs>(name, args, this._layers, named);
    return this.lm_head.forward(lastRows(name, this.transformer.forward(inputIds, rest), logitsToKeep));
  }

  /** @internal */
  get _layers(): number {
    return this.config.nLayer;
  }

  /** @internal */
  get _positions(): number {
    return this.config.nPositions;
  }

  /** @internal */
  get _end(): TokenIds {
    return this.config.eosTokenId;
  }
}
