// Pruning, clustering and quantising weights that are computed already, as by weight norm.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compress, io, manualSeed, nn, noGrad, optim, randn } from '../../lib/index.js';
import { roundedRow } from '../support/integers.js';
import { numbersOf, rowsOf } from '../support/plain-numbers.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-parametrized-'));
afterAll(() => rmSync(folder, { recursive: true }));

const stateOf = (model: nn.Module) => [...model.stateDict()].map(([name, t]) => [name, t.shape, numbersOf(t)]);

function net(): nn.Sequential {
  manualSeed(6);
  return nn.sequential(new nn.Linear(6, 8), new nn.ReLU(), new nn.Linear(8, 3));
}

const norms: [string, (layer: nn.Linear) => unknown][] = [
  ['WeightNorm', (layer) => nn.utils.parametrizations.weightNorm(layer)],
  ['SpectralNorm', (layer) => nn.utils.parametrizations.spectralNorm(layer)],
  ['OrthogonalFromBase', (layer) => nn.utils.parametrizations.orthogonal(layer)],
];

describe.each(norms)('a weight that %s computes', (name, compute) => {
  const made = () => {
    const model = net().eval();
    compute(model.at(0) as nn.Linear);
    return model;
  };
  const weightOf = (model: nn.Sequential) => (model.at(0) as nn.Linear).weight;

  it.each([undefined, 'movement'] as const)('is pruned behind it (%s), through training and files', (method) => {
    const model = made();
    const value = numbersOf(weightOf(model));
    const limit = [...value].map(Math.abs).sort((a, b) => a - b)[23] as number;
    const gone = value.map((v, i) => (method === undefined ? Math.abs(v) <= limit : i < 24));
    compress.prune(model, { amount: 0.5, names: '0', method });
    expect(numbersOf(weightOf(model))).toEqual(value.map((v, i) => (gone[i] ? 0 : v)));
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    model
      .forward(randn([4, 6]))
      .square()
      .sum()
      .backward();
    optimizer.step();
    const trained = numbersOf(weightOf(model));
    expect(trained.map((v) => v === 0)).toEqual(gone);
    expect(trained).not.toEqual(value.map((v, i) => (gone[i] ? 0 : v)));
    const file = join(folder, 'normed.safetensors');
    io.save(file, model.stateDict());
    const other = compress.prune(made(), { amount: 0, names: '0', method });
    other.loadStateDict(io.load(file));
    expect(numbersOf(weightOf(other))).toEqual(trained);
    expect(numbersOf(weightOf(compress.makePermanent(other)))).toEqual(trained);
  });

  it('is quantised as it is', () => {
    for (const how of [compress.quantizeDynamic, compress.prepareQat]) {
      const model = made();
      const wanted = rowsOf(weightOf(model)).flatMap(roundedRow);
      for (const [i, v] of numbersOf(weightOf(how(model))).entries()) expect(v).toBeCloseTo(wanted[i] as number, 5);
    }
  });

  it('is refused where it would be lost, and stays as it is', () => {
    const rule = `0.weight must not be computed by ${name}, which would be lost; make it a parameter first: nn.utils.parametrize.removeParametrizations(layer, 'weight')`;
    const model = made().train();
    const state = stateOf(model);
    expect(() => compress.cluster(model)).toThrow(`cluster: ${rule}`);
    expect(stateOf(model)).toEqual(state);
    const slices = compress.prune(made(), { amount: 0.5, dim: 0, names: '0' });
    const before = stateOf(slices);
    expect(() => compress.shrink(slices)).toThrow(`shrink: ${rule}`);
    expect(stateOf(slices)).toEqual(before);
    const y = noGrad(() => numbersOf(slices.forward(randn([3, 6]))));
    expect(y.every(Number.isFinite)).toBe(true);
    expect(compress.shrink(compress.makePermanent(slices)).getParameter('0.weight').shape).toEqual([4, 6]);
  });
});

describe('a weight that another is put in the place of', () => {
  const value = randn([8, 6]).mul(3);
  const fused = (model: nn.Sequential) => nn.utils.fuseLinearBnEval(model.at(0) as nn.Linear, norm);
  const norm = new nn.BatchNorm1d(8);
  norm.forward(randn([50, 8]).mul(2).add(1));
  norm.eval();

  it('is rounded where it is quantised, also with a batch norm', () => {
    const layer = compress.quantizeDynamic(net()).at(0) as nn.Linear;
    layer.weight = value;
    const wanted = rowsOf(value).flatMap(roundedRow);
    for (const [i, v] of numbersOf(layer.weight).entries()) expect(v).toBeCloseTo(wanted[i] as number, 5);
    const state = stateOf(layer);
    const message = 'Integers: the weight must be finite, got NaN (element 0)';
    expect(() => Object.assign(layer, { weight: value.mul(Number.NaN) })).toThrow(message);
    expect(stateOf(layer)).toEqual(state);

    const model = compress.quantizeDynamic(net()).eval();
    const x = randn([5, 6]);
    const y = numbersOf(norm.forward((model.at(0) as nn.Linear).forward(x)));
    for (const [i, v] of numbersOf(fused(model).forward(x)).entries()) expect(v).toBeCloseTo(y[i] as number, 4);
  });

  it('is refused where it is clustered, and stays as it is', () => {
    const model = compress.cluster(net().eval(), { clusters: 5 });
    const state = stateOf(model);
    const message =
      'Clusters: a weight must not be clustered when another is put in its place, got one of 5 values; make it permanent first: compress.makePermanent(model)';
    expect(() => Object.assign(model.at(0), { weight: value })).toThrow(message);
    expect(() => fused(model)).toThrow(message);
    expect(() => fused(model.clone())).toThrow(message);
    expect(stateOf(model)).toEqual(state);
    expect(fused(compress.makePermanent(model))).toBeInstanceOf(nn.Linear);
  });
});
