// Pruning against torch.nn.utils.prune, and masks through training, compilation and files.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compile, compress, io, manualSeed, models, nn, optim, randn, type Tensor, tensor } from '../../lib/index.js';
import { fromGolden, type Golden, readGolden } from '../support/golden.js';
import { numbersOf } from '../support/plain-numbers.js';

const golden = readGolden<{
  weights: Golden[];
  global: Golden[];
  layer: Golden[];
  slices: { dim: number; masks: Golden[] }[];
}>('compress');
const folder = mkdtempSync(join(tmpdir(), 'adjoint-compress-'));
afterAll(() => rmSync(folder, { recursive: true }));

class Weighted extends nn.Module {
  constructor(readonly weight: Tensor) {
    super();
  }

  forward(x: Tensor): Tensor {
    return x;
  }
}

const weighted = () =>
  nn.sequential(...golden.weights.map((w) => new Weighted(new nn.Parameter(fromGolden(w))) as never));
const keptBy = (model: nn.Module) =>
  model.modules().flatMap((m) => (m instanceof Weighted ? [numbersOf(m.weight)] : []));
const times = (masks: readonly Golden[]) =>
  golden.weights.map(({ data }, i) => data.map((w, at) => (masks[i]?.data[at] === 0 ? 0 : Number(w))));
const net = () => nn.sequential(new nn.Linear(6, 16), new nn.ReLU(), new nn.Linear(16, 3));

describe('prune sets those weights to zero that torch.nn.utils.prune does', () => {
  it('of all weights', () => {
    expect(keptBy(compress.prune(weighted(), { amount: 0.7 }))).toEqual(times(golden.global));
  });

  it('of each tensor', () => {
    expect(keptBy(compress.prune(weighted(), { amount: 0.4, scope: 'layer' }))).toEqual(times(golden.layer));
  });

  it.each(golden.slices)('slices of dimension $dim', ({ dim, masks }) => {
    expect(keptBy(compress.prune(weighted(), { amount: 0.4, dim }))).toEqual(times(masks));
  });

  it('step by step ends where one step does', () => {
    const model = weighted();
    for (const amount of [0.2, 0.5, 0.4, 0.7]) compress.prune(model, { amount });
    expect(keptBy(model)).toEqual(times(golden.global));
  });
});

describe('prune', () => {
  it('takes the share of weights that it is told to, at random, too', () => {
    manualSeed(3);
    for (const method of ['magnitude', 'random'] as const) {
      const model = compress.prune(net(), { amount: 0.9, method });
      expect(compress.sparsity(model)).toMatchObject({ total: 144, zeros: 130 });
    }
  });

  it('leaves one slice of each tensor', () => {
    const model = compress.prune(net(), { amount: 0.999, dim: 0 });
    const rows = model.modules().flatMap((m) => (m instanceof nn.Linear ? [m.weight.abs().sum(1).ne(0).to('float32').sum().item()] : [])); // biome-ignore format: one line
    expect(rows).toEqual([1, 1]);
  });

  it('prunes the bias of outputs with them, which are zero then', () => {
    const model = compress.prune(new nn.Linear(5, 8), { amount: 0.5, dim: 0 });
    const y = numbersOf(
      model
        .forward(randn([3, 5]))
        .abs()
        .sum(0),
    );
    expect(y.filter((value) => value === 0)).toHaveLength(4);
  });

  it('leaves embeddings and shared tensors alone, unless they are named', () => {
    const gpt = new models.GPT2LMHeadModel({ vocabSize: 20, nPositions: 8, nEmbd: 8, nLayer: 1, nHead: 2 });
    const names = compress.sparsity(gpt).parameters.map(({ name }) => name);
    expect(names).toEqual(
      ['attn.c_attn', 'attn.c_proj', 'mlp.c_fc', 'mlp.c_proj'].map((n) => `transformer.h.0.${n}.weight`),
    );
    expect(compress.sparsity(gpt, { names: /wpe/ }).total).toBe(64);
  });

  const train = (model: nn.Module & { forward(x: Tensor): Tensor }, isCompiled: boolean) => {
    manualSeed(5);
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 });
    const take = (x: Tensor, y: Tensor) => {
      const loss = nn.functional.mseLoss(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    };
    const step = isCompiled ? compile(take).sync : take;
    return Array.from({ length: 20 }, () => step(randn([8, 6]), randn([8, 3])).item());
  };

  it('keeps what is pruned at zero while the rest is trained, eagerly and compiled', () => {
    const results = [false, true].map((isCompiled) => {
      manualSeed(4);
      const model = compress.prune(net(), { amount: 0.75, scope: 'layer' });
      const weights = () =>
        numbersOf(
          nn.utils.parametersToVector(model.children().flatMap((m) => (m instanceof nn.Linear ? [m.weight] : []))),
        );
      const first = weights();
      const losses = train(model, isCompiled);
      const last = weights();
      expect(last.map((w) => w === 0)).toEqual(first.map((w) => w === 0));
      expect(last.filter((w, i) => w !== first[i]).length).toBeGreaterThan(10);
      return { losses, last };
    });
    expect(results[1]).toEqual(results[0]);
  });

  it('goes on from a file in a model that is prepared', () => {
    const model = compress.prune(net(), { amount: 0.7 });
    const file = join(folder, 'pruned.safetensors');
    io.save(file, model.stateDict());
    const other = compress.prune(net(), { amount: 0 });
    other.loadStateDict(io.load(file));
    train(other, false);
    expect(compress.sparsity(other)).toMatchObject({ zeros: 101 });
    expect(compress.sparsity(compress.prune(other, { amount: 0.8 })).zeros).toBe(115);
  });

  it('leaves plain weights when it is made permanent', () => {
    const model = compress.prune(net(), { amount: 0.5 });
    const x = randn([4, 6]);
    const y = numbersOf(model.forward(x));
    compress.makePermanent(model);
    expect(numbersOf(model.forward(x))).toEqual(y);
    expect([...model.stateDict().keys()].sort()).toEqual(['0.bias', '0.weight', '2.bias', '2.weight']);
    expect(compress.sparsity(model).zeros).toBe(72);
  });
});

describe('movement pruning', () => {
  it('learns -lr · Σ w · ∂L/∂w as scores, and prunes by them', () => {
    const layer = new nn.Linear(2, 2, { bias: false });
    nn.utils.vectorToParameters(tensor([1, -2, 3, 0.5]), layer.parameters());
    compress.prune(layer, { amount: 0, method: 'movement' });
    const scores = layer.namedParameters().find(([name]) => name.endsWith('scores'))?.[1] as Tensor;
    const optimizer = new optim.SGD([scores], { lr: 0.1 });
    // L = Σ c · (W x) with x = [1, 10]: ∂L/∂W = c xᵀ.
    for (const c of [
      [1, -1],
      [2, 0.5],
    ]) {
      optimizer.zeroGrad();
      layer
        .forward(tensor([[1, 10]]))
        .mul(tensor([c]))
        .sum()
        .backward();
      optimizer.step();
    }
    const wanted = [1 * 3 * 1, 3 * 10 * -2, -0.5 * 1 * 3, -0.5 * 10 * 0.5].map((sum) => -0.1 * sum);
    for (const [i, score] of numbersOf(scores).entries()) expect(score).toBeCloseTo(wanted[i] as number, 5);
    compress.prune(layer, { amount: 0.5, method: 'movement' });
    expect(numbersOf(layer.weight)).toEqual([0, -2, 0, 0.5]); // -0.3, 6, 0.15, 0.25
  });

  it('lets the scores of pruned weights learn on', () => {
    const layer = compress.prune(new nn.Linear(3, 2), { amount: 0.5, method: 'movement' });
    layer
      .forward(randn([4, 3]))
      .sum()
      .backward();
    const scores = layer.namedParameters().find(([name]) => name.endsWith('scores'))?.[1] as Tensor;
    expect(numbersOf(scores.grad as Tensor).every((gradient) => gradient !== 0)).toBe(true);
  });
});

describe('PruningSchedule', () => {
  it('prunes amount · (1 - (1 - t)³)', () => {
    const model = net();
    const schedule = new compress.PruningSchedule(model, { amount: 0.8, from: 1, to: 5 });
    const shares = Array.from({ length: 7 }, () => {
      schedule.step();
      return compress.sparsity(model).zeros;
    });
    const zerosAt = (t: number) => Math.round(144 * 0.8 * (1 - (1 - t) ** 3));
    expect(shares).toEqual([0, zerosAt(0.25), zerosAt(0.5), zerosAt(0.75), zerosAt(1), zerosAt(1), zerosAt(1)]);
  });

  it('goes on from its state', () => {
    const model = net();
    const first = new compress.PruningSchedule(model, { amount: 0.8, to: 4 });
    first.step();
    first.step();
    const other = new compress.PruningSchedule(model, { amount: 0.8, to: 4 });
    other.loadStateDict(first.stateDict());
    other.step();
    expect(compress.sparsity(model).zeros).toBe(Math.round(144 * 0.8 * (1 - 0.25 ** 3)));
  });
});

describe('wrong input to prune', () => {
  const model = compress.prune(net(), { amount: 0.5 });
  it.each([
    [() => compress.prune(net(), { amount: 1 }), 'prune: amount must be below 1, which would leave no weight, got 1'],
    [
      () => compress.prune(net(), { amount: -0.1 }),
      'prune: amount must be a finite number of at least 0 and at most 1, got -0.1',
    ],
    [
      () => compress.prune(net(), { amount: 0.5, names: 'head' }),
      'prune: names must match a weight of two dimensions, got "head"; names are 0.weight, 0.bias, 2.weight, 2.bias',
    ],
    [
      () => compress.prune(new nn.ReLU(), { amount: 0.5 }),
      'prune: model must have a weight of two dimensions, got ReLU',
    ],
    [() => compress.prune(net(), { amount: 0.5, dim: 2 }), 'prune: dim must be a dimension of 0.weight [16,6], got 2'],
    [
      () => compress.prune(model, { amount: 0.6, dim: 0 }),
      'prune: 0.weight must be pruned as before (dim); make the earlier pruning permanent first: compress.makePermanent(model)',
    ],
    [
      () => compress.prune(model, { amount: 0.6, method: 'movement' }),
      'prune: 0.weight must be pruned as before (method); make the earlier pruning permanent first: compress.makePermanent(model)',
    ],
    [
      () => compress.prune(compress.cluster(net()), { amount: 0.5 }),
      'prune: 0.weight must not be clustered yet; prune first, then cluster',
    ],
    [
      () => new compress.PruningSchedule(net(), { amount: 0.5, from: 3, to: 3 }),
      'PruningSchedule: to must be after from 3, got 3',
    ],
  ])('%#', (call, message) => {
    expect(call).toThrow(message);
    expect(compress.sparsity(model).zeros).toBe(72);
  });

  it('refuses a mask that does not fit', () => {
    const state = new Map(model.stateDict());
    state.set('0.parametrizations.weight.0.mask', tensor(new Uint8Array(6)));
    expect(() => model.loadStateDict(state)).toThrow(/0\.parametrizations\.weight\.0\.mask.*\[16, 6\].*\[6\]/s);
  });
});
