// Models from a folder with a configuration and weights, as Hugging Face's hub has them.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { allOrNothing } from '../all-or-nothing.js';
import { ArgumentError, checkFlag, describe, FileError, isPlain } from '../errors.js';
import { checkPath, withFile } from '../io/files.js';
import { load } from '../io/load.js';
import type { Module } from '../nn/module.js';
import { checkOptions } from '../options.js';
import { sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { BertForSequenceClassification, BertModel, bertFields } from './bert.js';
import { checkFixed, configFromJson, type Fields } from './config.js';
import { DistilBertForSequenceClassification, DistilBertModel, distilBertFields } from './distilbert.js';
import { GPT2LMHeadModel, GPT2Model, gpt2Fields } from './gpt2.js';
import { LlamaForCausalLM, LlamaModel, llamaFields } from './llama.js';

/** A class of models that `fromPretrained` makes. */
// biome-ignore lint/suspicious/noExplicitAny: each has a configuration of its own
export type PretrainedModel<M extends Module = Module> = new (config?: any) => M;

/** Options of `fromPretrained`. */
export interface FromPretrainedOptions<M extends Module = Module> {
  /** The class; default: the first of `architectures` in config.json, or the base model of its `model_type`. */
  architecture?: PretrainedModel<M>;
  /** What differs from config.json, in camelCase: `{ numLabels: 3 }`. */
  config?: Readonly<Record<string, unknown>>;
  /** Whether every weight must be there, and no other; default true. Else those that are not there, and a head of another size, stay as they were drawn. */
  strict?: boolean;
}

/** What the library knows of a `model_type`. */
interface Family {
  fields: Fields<object>;
  /** The first is the base, which has no head. */
  classes: readonly PretrainedModel[];
  /** What stands before the base's keys in a model with a head. */
  prefix: string;
  /** What config.json may not ask for otherwise. */
  fixed: Readonly<Record<string, readonly unknown[]>>;
  /** Keys that older files have, and that hold nothing. */
  ignored: RegExp;
}

const families: Readonly<Record<string, Family>> = {
  bert: {
    fields: bertFields as Fields<object>,
    classes: [BertModel, BertForSequenceClassification],
    prefix: 'bert.',
    fixed: { position_embedding_type: ['absolute'], is_decoder: [false], add_cross_attention: [false] },
    ignored: /embeddings\.position_ids$/,
  },
  distilbert: {
    fields: distilBertFields as Fields<object>,
    classes: [DistilBertModel, DistilBertForSequenceClassification],
    prefix: 'distilbert.',
    fixed: {},
    ignored: /embeddings\.position_ids$/,
  },
  gpt2: {
    fields: gpt2Fields as Fields<object>,
    classes: [GPT2Model, GPT2LMHeadModel],
    prefix: 'transformer.',
    fixed: { scale_attn_weights: [true], scale_attn_by_inverse_layer_idx: [false], add_cross_attention: [false] },
    ignored: /\.attn\.(masked_)?bias$/,
  },
  llama: {
    fields: llamaFields as Fields<object>,
    classes: [LlamaModel, LlamaForCausalLM],
    prefix: 'model.',
    fixed: { pretraining_tp: [1] },
    ignored: /rotary_emb\.inv_freq$/,
  },
};

const listed = (): string =>
  Object.values(families)
    .flatMap(({ classes }) => classes.map(({ name }) => name))
    .join(', ');

type Json = Readonly<Record<string, unknown>>;

/** Bytes of the longest configuration that is read. */
const longest = 2 ** 22;

function readJson(path: string): Json {
  const text = withFile('fromPretrained', path, ({ size, read }) => {
    if (size > longest)
      throw new FileError(`fromPretrained: ${JSON.stringify(path)} must be a configuration, got ${size} bytes`);
    const bytes = new Uint8Array(size);
    read(0, bytes);
    return new TextDecoder().decode(bytes);
  });
  try {
    const json = JSON.parse(text) as unknown;
    if (isPlain(json)) return json as Json;
  } catch (cause) {
    throw new FileError(`fromPretrained: ${JSON.stringify(path)} must be JSON (${(cause as Error).message})`, {
      cause,
    });
  }
  throw new FileError(`fromPretrained: ${JSON.stringify(path)} must hold an object`);
}

function familyOf(json: Json, source: string, given: PretrainedModel | undefined): [Family, PretrainedModel] {
  const all = Object.values(families);
  if (given !== undefined) {
    const family = all.find(({ classes }) => classes.includes(given));
    if (family !== undefined) return [family, given];
    throw new ArgumentError(`fromPretrained: architecture must be one of ${listed()}, got ${describe(given)}`);
  }
  const { architectures, model_type: type } = json;
  const wanted = Array.isArray(architectures) ? architectures[0] : undefined;
  for (const family of all) {
    const found = family.classes.find(({ name }) => name === wanted);
    if (found !== undefined) return [family, found];
  }
  const family = typeof type === 'string' && Object.hasOwn(families, type) ? families[type] : undefined;
  const base = family?.classes[0] as PretrainedModel;
  if (family !== undefined && wanted === undefined) return [family, base];
  const hint = family ? `; for its base: { architecture: models.${base.name}, strict: false }` : '';
  const got = `${describe(wanted)} of model_type ${describe(type)}`;
  throw new FileError(`${source}: the architecture must be one of ${listed()}, got ${got}${hint}`);
}

// Names that config.json has under another name or place.
function plainConfig(json: Json, source: string): Json {
  const rope = (json.rope_parameters ?? json.rope_scaling) as Json | null | undefined;
  const type = rope?.rope_type ?? rope?.type ?? 'default';
  if (type !== 'default') {
    throw new FileError(`${source}: rotary positions must be of type "default" here, got ${describe(type)}`);
  }
  const labels = isPlain(json.id2label) ? { num_labels: Object.keys(json.id2label).length } : {};
  const theta = rope?.rope_theta === undefined ? {} : { rope_theta: rope.rope_theta };
  return { ...labels, ...json, ...theta };
}

const weightFiles = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];

function readWeights(folder: string): Map<string, Tensor> {
  const file = weightFiles.find((name) => existsSync(join(folder, name)));
  if (file !== undefined) return load(join(folder, file));
  throw new FileError(`fromPretrained: ${JSON.stringify(folder)} must have one of ${weightFiles.join(', ')}`);
}

// The names in a file as the model has them: with or without the prefix of the base, in today's spelling.
function renamed(state: ReadonlyMap<string, Tensor>, own: ReadonlyMap<string, Tensor>, family: Family) {
  const { prefix, ignored } = family;
  const named = new Map<string, Tensor>();
  for (const [name, tensor] of state) {
    const today = name.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias');
    const candidates = [today, prefix + today, today.startsWith(prefix) ? today.slice(prefix.length) : today];
    const found = candidates.find((candidate) => own.has(candidate));
    if (found !== undefined) named.set(found, tensor);
    else if (!ignored.test(today)) named.set(today, tensor);
  }
  return named;
}

/**
 * Makes a model from a folder with `config.json` and weights (`model.safetensors`, or the index of shards, or
 * `pytorch_model.bin`), as Hugging Face's hub has them and transformers' `save_pretrained` writes them. The architectures are those of
 * `models` with transformers' names. Keys may have the base's prefix (`bert.`, `model.`) or not; tied weights need to be there once. The model is in
 * evaluation mode.
 *
 * @param options architecture (config.json's), config (config.json's), strict (true)
 * @returns the model, of the class `architecture` where it is given
 * @throws FileError for a folder that has no such files, a damaged file or an architecture that is not there; StateError that
 *   lists missing, unexpected and mis-shaped weights
 * @example
 * const model = models.fromPretrained('all-MiniLM-L6-v2', { architecture: models.BertModel });
 * const classifier = models.fromPretrained('bert-base-uncased', {
 *   architecture: models.BertForSequenceClassification,
 *   config: { numLabels: 3 },
 *   strict: false, // its head is new
 * });
 */
export function fromPretrained<M extends Module = Module>(folder: string, options: FromPretrainedOptions<M> = {}): M {
  const name = 'fromPretrained';
  checkPath(name, folder, 'folder');
  checkOptions(name, options, ['architecture', 'config', 'strict']);
  const strict = checkFlag(name, 'strict', options.strict, true);
  const path = join(folder, 'config.json');
  const source = `${name}: ${JSON.stringify(path)}`;
  const json = plainConfig(readJson(path), source);
  const [family, Class] = familyOf(json, source, options.architecture);
  checkFixed(source, json, family.fixed);
  const { config = {} } = options;
  if (!isPlain(config)) throw new ArgumentError(`${name}: config must be an object, got ${describe(config)}`);
  const weights = readWeights(folder);
  try {
    return allOrNothing(() => {
      const model = new Class({ ...configFromJson(json, family.fields), ...config }) as M;
      const own = model.stateDict();
      const state = renamed(weights, own, family);
      if (!strict) dropHead(state, own, Class === family.classes[0] ? '' : family.prefix);
      if (!strict && state.size === 0)
        throw new FileError(`${source}: the weights must be those of ${Class.name}, got none of them`);
      model.loadStateDict(state, { strict });
      return model.eval();
    });
  } finally {
    for (const tensor of weights.values()) tensor.dispose();
  }
}

// Removes what has no place in the model, and the weights of a head of another size.
function dropHead(state: Map<string, Tensor>, own: ReadonlyMap<string, Tensor>, base: string): void {
  for (const [key, { shape }] of state) {
    const mine = own.get(key);
    if (mine === undefined || (!key.startsWith(base) && !sameShape(mine.shape, shape))) state.delete(key);
  }
}
