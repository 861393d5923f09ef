// Folders as transformers writes them: its configurations, its keys with and without the base's prefix.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { io, models, type nn, StateError, type Tensor, zeros } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';
import { seed } from '../support/seeded.js';

interface Case {
  name: 'BertModel';
  config: Record<string, unknown>;
  json: Record<string, unknown>;
  inputs: Record<string, Golden>;
  y: Golden;
}

const golden = readGolden<{ ids: Golden; cases: Case[] }>('language_models');
const ids = fromGolden(golden.ids).split(1)[0] as Tensor;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'adjoint-pretrained-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const make = ({ name, config }: Case): nn.Module => seed(new models[name](config));

function write(json: object, state: Map<string, Tensor>): void {
  writeFileSync(join(folder, 'config.json'), JSON.stringify(json));
  io.save(join(folder, 'model.safetensors'), state);
}

const first = (y: Tensor) => y.slice({ end: 1 }).flatten().toTypedArray();

describe.each(golden.cases.map((row, i) => [`${row.name} ${i}`, row] as const))('%s', (_, row) => {
  it("is made from transformers' config.json, tied weights once", () => {
    const state = make(row).stateDict();
    if (row.config.tieWordEmbeddings !== false && row.name.startsWith('GPT2LM' as string))
      state.delete('lm_head.weight');
    write(row.json, state);
    const model = models.fromPretrained(folder);
    expect(model.constructor.name).toBe(row.name);
    expect(model.training).toBe(false);
    const inputs = Object.entries(row.inputs).map(([key, x]) => [key, fromGolden(x).split(1)[0]]);
    const y = (model as unknown as nn.Linear & { forward(x: Tensor, o: object): Tensor }).forward(
      ids,
      Object.fromEntries(inputs),
    );
    expectNear(y, Array.from(first(fromGolden(row.y))));
  });
});

const bert = golden.cases[0] as Case;
const classifier = golden.cases[2] as Case;

describe('weights of another head', () => {
  it('the base with or without its prefix, spelled as of old, buffers of old', () => {
    const state = make(bert).stateDict();
    const prefixed = new Map(
      [...state].map(([key, t]) => [`bert.${key}`.replace('LayerNorm.weight', 'LayerNorm.gamma'), t]),
    );
    prefixed.set('bert.embeddings.position_ids', ids);
    write(bert.json, prefixed);
    const model = models.fromPretrained(folder);
    for (const [key, t] of model.stateDict()) expect(t.toArray()).toEqual(state.get(key)?.toArray());
  });

  it('a new head on a base, and one of another size, with strict false', () => {
    write(bert.json, make(bert).stateDict());
    const options = { architecture: models.BertForSequenceClassification, config: { numLabels: 5 } };
    expect(() => models.fromPretrained(folder, options)).toThrow(
      new StateError('loadStateDict: state must fit the module: missing classifier.weight, classifier.bias'),
    );
    const model = models.fromPretrained(folder, { ...options, strict: false });
    expect(model.forward(ids).shape).toEqual([1, 5]);
    const whole = make(classifier).stateDict();
    write(classifier.json, whole);
    expect(models.fromPretrained(folder, { ...options, strict: false }).forward(ids).shape).toEqual([1, 5]);
    const base = models.fromPretrained(folder, { architecture: models.BertModel, strict: false });
    for (const [key, t] of base.stateDict()) expect(t.toArray()).toEqual(whole.get(`bert.${key}`)?.toArray());
  });
});

describe('weights in other files', () => {
  /** The folder without weights, and what a model made of those that are written then holds. */
  function made(writeWeights: (state: Map<string, Tensor>) => void): unknown[] {
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(bert.json));
    writeWeights(make(bert).stateDict());
    return [...models.fromPretrained(folder).stateDict()].map(([key, t]) => [key, t.toArray()]);
  }
  const expected = () => [...make(bert).stateDict()].map(([key, t]) => [key, t.toArray()]);

  it('pytorch_model.bin, and safetensors in shards', () => {
    const asBin = (state: Map<string, Tensor>) => {
      io.save(join(folder, 'model.pt'), state);
      renameSync(join(folder, 'model.pt'), join(folder, 'pytorch_model.bin'));
    };
    expect(made(asBin)).toEqual(expected());
    expect(made((state) => io.save(join(folder, 'model.safetensors'), state, { maxShardSize: '4KB' }))).toEqual(
      expected(),
    );
    expect(readdirSync(folder).length).toBeGreaterThan(3);
  });

  it('pytorch_model.bin in shards', () => {
    const inShards = (state: Map<string, Tensor>) => {
      const halves = [0, 1].map((half) => [...state].filter((_, i) => i % 2 === half));
      const names = halves.map((_, i) => `pytorch_model-0000${i + 1}-of-00002.bin`);
      for (const [i, half] of halves.entries()) {
        io.save(join(folder, 'shard.pt'), new Map(half));
        renameSync(join(folder, 'shard.pt'), join(folder, names[i] as string));
      }
      const map = Object.fromEntries(halves.flatMap((half, i) => half.map(([key]) => [key, names[i]])));
      writeFileSync(join(folder, 'pytorch_model.bin.index.json'), JSON.stringify({ metadata: {}, weight_map: map }));
    };
    expect(made(inShards)).toEqual(expected());
  });

  it('are told of together: what is missing, unexpected, of another shape, and the nearest names', () => {
    const wrong = (state: Map<string, Tensor>) => {
      const [query, bias] = ['encoder.layer.0.attention.self.query.weight', 'pooler.dense.bias'];
      state.set(query.replace('query', 'qeury'), state.get(query) as Tensor);
      state.delete(query);
      state.set(bias, zeros([3]));
      state.set('nothing.like.it', zeros([1]));
      io.save(join(folder, 'model.safetensors'), state);
    };
    expect(() => made(wrong)).toThrow(StateError);
    for (const part of [
      /missing encoder\.layer\.0\.attention\.self\.query\.weight/,
      /unexpected .*qeury\.weight, nothing\.like\.it; perhaps .*qeury\.weight is .*query\.weight$/,
      /pooler\.dense\.bias must be \[12\], got \[3\]/,
    ])
      expect(() => made(wrong)).toThrow(part);
  });
});

describe('what cannot be made is refused', () => {
  const state = () => make(bert).stateDict();
  it.each<[string, object, RegExp]>([
    [
      'another architecture',
      { architectures: ['T5Model'], model_type: 't5' },
      /config.json": the architecture must be one of BertModel, .*LlamaForCausalLM, got "T5Model" of model_type "t5"$/,
    ],
    [
      'another head',
      { architectures: ['BertForMaskedLM'], model_type: 'bert' },
      /; for its base: \{ architecture: models.BertModel, strict: false \}$/,
    ],
    [
      'another kind of position',
      { ...bert.json, position_embedding_type: 'relative_key' },
      /position_embedding_type must be "absolute" here/,
    ],
    [
      'rotary positions of another type',
      { model_type: 'llama', rope_scaling: { rope_type: 'llama3' } },
      /must be of type "default" here, got "llama3"/,
    ],
    [
      'a number that is a text',
      { ...bert.json, hidden_size: '12' },
      /hiddenSize must be an integer of at least 1, got "12"/,
    ],
    [
      'other sizes',
      { ...bert.json, vocab_size: 21 },
      /embeddings.word_embeddings.weight must be \[21, 12\], got \[20, 12\]/,
    ],
  ])('%s', (_, json, message) => {
    write(json, state());
    expect(() => models.fromPretrained(folder)).toThrow(message);
  });

  it('a folder that is not there, without weights, with a configuration that is not JSON', () => {
    expect(() => models.fromPretrained(join(folder, 'nothing'))).toThrow(/cannot read .*config.json/);
    write(bert.json, state());
    rmSync(join(folder, 'model.safetensors'));
    expect(() => models.fromPretrained(folder)).toThrow(/must have one of model.safetensors, /);
    writeFileSync(join(folder, 'config.json'), '{');
    expect(() => models.fromPretrained(folder)).toThrow(/must be JSON/);
    writeFileSync(join(folder, 'config.json'), '[]');
    expect(() => models.fromPretrained(folder)).toThrow(/must hold an object/);
  });

  it('weights of something else, even with strict false', () => {
    write(bert.json, new Map([['weight', ids]]));
    expect(() => models.fromPretrained(folder, { strict: false })).toThrow(/must be those of BertModel, got none/);
  });
});
