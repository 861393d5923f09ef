// Low-rank adapters against PEFT's, and its files in both directions.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compress,
  freeMemory,
  io,
  matmul,
  memoryStats,
  models,
  nn,
  ones,
  optim,
  randn,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';
import { seed, seededTensor, uniform } from '../support/seeded.js';

interface Case {
  name: 'BertModel';
  config: Record<string, unknown>;
  y: Golden;
  trained: string[];
  gradients: Record<string, Golden>;
  saved: Record<string, unknown>;
  shapes: Record<string, number[]>;
  merged: Golden;
}

const { cases } = readGolden<{ cases: Case[] }>('lora');
const inputs = readGolden<{ ids: Golden; mask: Golden }>('language_models');
const [ids, attentionMask] = [fromGolden(inputs.ids), fromGolden(inputs.mask)];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'adjoint-lora-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

type Model = nn.Module & { forward(ids: Tensor, inputs: object): Tensor };
const make = ({ name, config }: Case): Model => seed(new models[name](config)).eval() as Model;
const atTokens = (y: Tensor): Tensor => (y.rank === 3 ? y.mul(attentionMask.to('float32').unsqueeze(2)) : y);
const run = (model: Model): Tensor => atTokens(model.forward(ids, { attentionMask }));
const wanted = (y: Golden): number[] => Array.from(atTokens(fromGolden(y)).toTypedArray());

/** The files that PEFT has written: its configuration, its names, seeded weights. */
function writeAsPeft({ saved, shapes, name, config }: Case): void {
  const base = seed(new models[name](config)).stateDict();
  const state = Object.entries(shapes).map(([key, shape]) => {
    const own = base.get(key.replace('base_model.model.', ''));
    return [key, own ?? seededTensor(key, zeros(shape))] as const;
  });
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(saved));
  io.save(join(folder, 'adapter_model.safetensors'), new Map(state));
}

describe.each(cases.map((row) => [row.name, row] as const))('PEFT on %s', (_, row) => {
  it('its files are read: outputs, gradients, merged and unmerged', () => {
    writeAsPeft(row);
    const model = make(row);
    const lora = models.loadAdapter(folder, model);
    const y = run(model);
    expectNear(y, wanted(row.y));
    const upstream = tensor(
      uniform('upstream', y.size).map((u) => u - 0.5),
      { dtype: 'float32', shape: y.shape },
    );
    y.mul(upstream).sum().backward();
    const state = lora.stateDict();
    expect([...state.keys()].sort()).toEqual([...row.trained].sort());
    for (const [key, t] of Object.entries(row.gradients)) expectNear(state.get(key)?.grad as Tensor, t.data);
    expect(model.parameters().filter((p) => p.grad !== null).length).toBe(row.trained.length);
    lora.merge();
    expectNear(run(model), wanted(row.merged));
    lora.unmerge();
    expectNear(run(model), wanted(row.y));
    const plain = lora.unload() as Model;
    expectNear(run(plain), wanted(row.merged));
    expect([...plain.stateDict().keys()]).toEqual([...make(row).stateDict().keys()]);
  });

  it('its files are written: the same names, shapes and options', () => {
    writeAsPeft(row);
    const lora = models.loadAdapter(folder, make(row));
    const other = join(folder, 'written', row.name);
    models.saveAdapter(other, lora);
    const written = io.load(join(other, 'adapter_model.safetensors'));
    expect(Object.fromEntries([...written].sort().map(([key, t]) => [key, t.shape]))).toEqual(row.shapes);
    const config = JSON.parse(readFileSync(join(other, 'adapter_config.json'), 'utf8'));
    for (const key of ['peft_type', 'r', 'lora_alpha', 'lora_dropout', 'bias', 'fan_in_fan_out']) {
      expect([key, config[key]]).toEqual([key, row.saved[key]]);
    }
    const again = make(row);
    models.loadAdapter(other, again);
    expectNear(run(again), wanted(row.y));
  });
});

describe('LoRA.apply', () => {
  const network = () => nn.sequential(new nn.Linear(6, 8), new nn.Tanh(), new nn.Linear(8, 8), new nn.Linear(8, 2));

  it('changes nothing at first, learns, and leaves the base as it was', () => {
    const model = network();
    const x = randn([32, 6]);
    const before = model.forward(x).toArray();
    const base = [...model.stateDict().values()].map((t) => t.toArray());
    const lora = nn.LoRA.apply(model, { rank: 2, alpha: 4, targets: /^[02]$/, modulesToSave: ['3'] });
    expect(model.forward(x).toArray()).toEqual(before);
    expect(lora.parameters().map((p) => p.shape)).toEqual([[2, 6], [8, 2], [2, 8], [8, 2], [2, 8], [2]]); // biome-ignore format: one line
    const optimizer = new optim.AdamW(lora.parameters(), { lr: 0.05, weightDecay: 0 });
    const target = x.slice({ dim: 1, end: 2 });
    const losses = Array.from({ length: 60 }, () => {
      const loss = nn.functional.mseLoss(model.forward(x), target);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.item();
    });
    expect(losses.at(-1)).toBeLessThan(0.3 * (losses[0] as number));
    lora.unload({ merge: false });
    const after = [...model.stateDict().values()].map((t) => t.toArray());
    expect(after.slice(0, 4)).toEqual(base.slice(0, 4));
    expect(after.slice(4)).not.toEqual(base.slice(4));
  });

  it('tells what is wrong, and changes nothing', () => {
    const model = network();
    expect(() => nn.LoRA.apply(model, { targets: ['query'] })).toThrow(
      'LoRA.apply: targets must name a linear layer, got an array of 1; their names end in 0, 2, 3',
    );
    expect(model.parameters().every((p) => p.requiresGrad)).toBe(true);
    const lora = nn.LoRA.apply(model, { targets: ['0'] });
    expect(() => nn.LoRA.apply(model, { targets: ['2'] })).toThrow('LoRA.apply: the model must have no adapters yet');
    expect(() => lora.unmerge()).toThrow('LoRA.unmerge: the adapters must be merged');
    expect(() => lora.merge().merge()).toThrow('LoRA.merge: the adapters must not be merged');
  });

  it('refuses to merge into a weight that is computed, where the sum would be lost', () => {
    const model = network();
    const lora = nn.LoRA.apply(model, { targets: ['0', '2'] });
    const layer = model.getSubmodule('2.base_layer') as nn.Linear;
    const before = model.getParameter('0.base_layer.weight').toTypedArray();
    compress.prune(layer, { amount: 0.5 });
    const message = /^LoRA\.merge: 2\.weight must be a parameter.*computed.*makePermanent makes one of it$/;
    expect(() => lora.merge()).toThrow(message);
    expect(() => lora.unload()).toThrow(message);
    expect(model.getParameter('0.base_layer.weight').toTypedArray()).toEqual(before);
    compress.makePermanent(layer);
    lora.merge();
    compress.prune(layer, { amount: 0.6 });
    expect(() => lora.unmerge()).toThrow(/^LoRA\.unmerge: 2\.weight must be a parameter/);
  });
});

describe('adapters that do not fit are refused, and the model stays as it was', () => {
  const [row] = cases as [Case];
  it.each<[string, object, RegExp]>([
    [
      'an expression that takes for ever',
      { target_modules: '([\\w.]+)+!' },
      /target_modules must be an expression that JavaScript knows, and matches in a second$/,
    ],
    ['an expression of 200 kB', { target_modules: '(a|b)'.repeat(40_000) }, /target_modules must be an expression/],
    [
      'names without end',
      { modules_to_save: Array(10_001).fill('x') },
      /must be a list of at most 10000 names, got an/,
    ],
    ['another method', { peft_type: 'IA3' }, /adapter_config.json": peft_type must be "LORA" here, got "IA3"/],
    ['DoRA', { use_dora: true }, /use_dora must be false here, got true/],
    ['ranks of their own', { rank_pattern: { query: 4 } }, /rank_pattern must be empty here/],
    ['no rank', { r: 'x' }, /r must be a number above 0, got "x"/],
    ['another rank', { r: 4 }, /query.lora_A.weight must be \[4, 12\], got \[3, 12\]/],
    ['other layers', { target_modules: ['nothing'] }, /targets must name a linear layer/],
    ['an expression', { target_modules: '(' }, /target_modules must be an expression that JavaScript knows/],
  ])('%s', (_, change, message) => {
    writeAsPeft(row);
    writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify({ ...row.saved, ...change }));
    const model = make(row);
    const keys = [...model.stateDict().keys()];
    expect(() => models.loadAdapter(folder, model)).toThrow(message);
    expect([...model.stateDict().keys()]).toEqual(keys);
    expect(model.parameters().every((p) => p.requiresGrad)).toBe(true);
  });
});

it('what is frozen gets no gradients, and its layers save no activations', () => {
  const wide = 256;
  const rows = 512;
  const heldBy = (prepare: (model: nn.Module) => void): number => {
    const layers = Array.from({ length: 8 }, () => [new nn.Linear(wide, wide), nn.functional.relu]).flat();
    const model = nn.sequential(new nn.Linear(wide, wide), ...layers);
    prepare(model);
    const x = zeros([rows, wide]);
    freeMemory();
    const before = memoryStats().liveBytes;
    const y = model.forward(x);
    freeMemory();
    const held = memoryStats().liveBytes - before;
    if (y.requiresGrad) y.sum().backward();
    expect(model.parameters().map((p) => p.grad !== null)).toEqual(model.parameters().map((p) => p.requiresGrad));
    return held / (4 * rows * wide);
  };
  // Behind the first layer, 8 of x · W and relu: relu's results are saved, once.
  const all = heldBy(() => {});
  expect(all).toBeGreaterThan(8.5);
  // Everything frozen: the result alone.
  expect(heldBy((model) => nn.utils.freeze(model))).toBeLessThan(1.5);
  // Only the head trained: its input and its result.
  const head = heldBy((model) => {
    nn.utils.freeze(model);
    nn.utils.unfreeze(model, '15');
  });
  expect(head).toBeLessThan(3.5);
});

describe('nothing holds what only the gradient of a frozen weight would read, even when gradients pass through it', () => {
  const gpt2 = new models.GPT2Model({ vocabSize: 10, nPositions: 8, nEmbd: 256, nLayer: 1, nHead: 2, nInner: 8 });
  const size = [4, 64, 256] as const;
  const rows: [string, nn.Module | ((x: Tensor) => Tensor)][] = [
    ['a linear layer', new nn.Linear(256, 8)],
    ['a layer of GPT-2', gpt2.getSubmodule('h.0.mlp.c_fc')],
    ['matmul on the right', (x) => matmul(x, zeros([256, 8]))],
    ['matmul on the left', (x) => matmul(zeros([4, 8, 64]), x)],
    ['a convolution', new nn.Conv1d(64, 2, 3)],
    ['a transposed convolution', new nn.ConvTranspose1d(64, 2, 3)],
    ['a product with a mask, averaged', (x) => x.mul(ones([256])).mean()],
    ['a quotient, averaged', (x) => x.div(ones([256]).mul(3)).mean()],
  ];
  const heldBy = (layer: (typeof rows)[number][1]): number => {
    const run = layer instanceof nn.Module ? (x: Tensor) => (layer.forward as (x: Tensor) => Tensor)(x) : layer;
    const leaf = zeros(size, { requiresGrad: true });
    freeMemory();
    const before = memoryStats().liveBytes;
    const make = () => run(leaf.add(2)); // add saves nothing
    const y = make();
    freeMemory();
    const held = memoryStats().liveBytes - before;
    y.sum().backward();
    expect(leaf.grad?.shape).toEqual(size);
    return held / (4 * 4 * 64 * 256);
  };
  it.each(rows)('%s', (_, layer) => {
    if (layer instanceof nn.Module) {
      expect(heldBy(layer)).toBeGreaterThan(1);
      nn.utils.freeze(layer);
    }
    expect(heldBy(layer)).toBeLessThan(0.25);
  });
});
