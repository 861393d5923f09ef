import { describe, expect, it } from 'vitest';
import { ArgumentError, ShapeError } from '../../lib/errors.js';
import '../../lib/methods.js';
import * as nn from '../../lib/nn/index.js';
import { Generator } from '../../lib/ops/generator.js';
import { rand } from '../../lib/ops/random.js';
import { empty, type Tensor } from '../../lib/tensor.js';
import { expectNear } from '../support/golden.js';
import { layers } from '../support/layers.js';

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());

describe('initialisers against PyTorch', () => {
  it.each(layers.initialisers)('$name $shape $options', (c) => {
    const init = nn.init as unknown as Record<string, (t: Tensor, options: object) => Tensor>;
    const filled = (init[`${c.name}_`] as (typeof init)[string])(empty(c.shape, 'float64'), {
      ...c.options,
      generator: new Generator(5),
    });
    const generator = new Generator(5);
    const want = c.bound
      ? nn.init.uniform_(empty(c.shape, 'float64'), -c.bound, c.bound, { generator })
      : nn.init.normal_(empty(c.shape, 'float64'), c.mean as number, c.std as number, { generator });
    expectNear(filled, numbers(want));
  });

  it.each(layers.gains.filter((g) => g.nonlinearity !== 'conv2d'))('gain of $nonlinearity $param', (c) => {
    expect(nn.init.calculateGain(c.nonlinearity as 'relu', c.param ?? undefined)).toBeCloseTo(c.gain, 12);
  });

  it('constants', () => {
    expect(nn.init.ones_(empty([2], 'float32')).toArray()).toEqual([1, 1]);
    expect(nn.init.zeros_(empty([2], 'float32')).toArray()).toEqual([0, 0]);
    expect(nn.init.constant_(new nn.Linear(1, 2).weight, 3).toArray()).toEqual([[3], [3]]);
  });

  it('arguments by position are those by name', () => {
    const t = () => empty([200, 3], 'float64');
    const seeded = () => ({ generator: new Generator(6) });
    const uniform = (v: number) => numbers(nn.init.uniform_(t(), { a: -v, b: v, ...seeded() }));
    const normal = (v: number) => numbers(nn.init.normal_(t(), { std: v, ...seeded() }));
    expectNear(nn.init.kaimingUniform_(t(), 2, 'fanOut', 'leakyRelu', seeded()), uniform(Math.sqrt(6 / 5 / 200)));
    expectNear(nn.init.kaimingNormal_(t(), 0, 'fanIn', 'relu', seeded()), normal(Math.sqrt(2 / 3)));
    expectNear(nn.init.xavierUniform_(t(), 3, seeded()), uniform(3 * Math.sqrt(6 / 203)));
    expectNear(nn.init.xavierNormal_(t(), 3, seeded()), normal(3 * Math.sqrt(2 / 203)));
    expect(nn.init.constant_(empty([2], 'float32'), { val: 3 }).toArray()).toEqual([3, 3]);
    expect(nn.init.calculateGain('leakyRelu', { param: 2 })).toBeCloseTo(Math.sqrt(2 / 5), 12);
  });

  it('refuse vectors, unknown nonlinearities and what is not a number', () => {
    expect(() => nn.init.xavierUniform_(empty([3], 'float32'))).toThrow(ShapeError);
    expect(() => nn.init.kaimingNormal_(empty([3, 2], 'float32'), { nonlinearity: 'gelu' as never })).toThrow(
      ArgumentError,
    );
    const message = 'kaimingUniform_: a must be a finite number, got "2"';
    expect(() => nn.init.kaimingUniform_(empty([3, 2], 'float32'), '2' as never)).toThrow(message);
  });

  it.each([[[5, 3]], [[3, 5]], [[4, 4]], [[2, 3, 2]], [[1, 7]]])('orthogonal_ of %j', (shape) => {
    const w = nn.init.orthogonal_(empty(shape, 'float64'), 2, { generator: new Generator(7) });
    const rows = shape[0] as number;
    const m = w.reshape([rows, w.size / rows]);
    const gram = rows <= w.size / rows ? m.matmul(m.transpose(0, 1)) : m.transpose(0, 1).matmul(m);
    (gram.toArray() as number[][]).forEach((row, i) => {
      row.forEach((v, j) => {
        expect(v).toBeCloseTo(i === j ? 4 : 0, 12);
      });
    });
  });

  it('truncNormal_ has the moments of the truncated normal distribution', () => {
    const w = nn.init.truncNormal_(empty([40_000], 'float32'), 1, 2, 0, 4, { generator: new Generator(8) });
    const x = numbers(w);
    expect(Math.min(...x.slice(0, 10_000))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...x.slice(0, 10_000))).toBeLessThanOrEqual(4);
    // α = -1/2, β = 3/2: mean 1 + 2 (φ(α) - φ(β)) / Z with Z = Φ(β) - Φ(α) = 0.6246553, φ = 0.3520653 and 0.1295176
    expect(w.mean().item()).toBeCloseTo(1 + (2 * (0.3520653 - 0.1295176)) / 0.6246553, 1);
    const all = nn.init.truncNormal_(empty([40_000], 'float64'), { generator: new Generator(9) });
    expect(all.mean().item()).toBeCloseTo(0, 1);
    expect(all.std().item()).toBeCloseTo(0.8796, 2); // √(1 - 4 φ(2) / (2 Φ(2) - 1))
    for (const v of numbers(nn.init.truncNormal_(empty([3], 'float32'), 0, 1, 30, 31)))
      expect(v >= 30 && v <= 31).toBe(true);
  });

  it('eye_ and dirac_ are identities', () => {
    expect(nn.init.eye_(empty([2, 3], 'float32')).toArray()).toEqual([[1, 0, 0], [0, 1, 0]]); // biome-ignore format: a matrix
    const x = rand([1, 4, 5, 6]);
    const w = nn.init.dirac_(empty([4, 4, 3, 3], 'float32'));
    expect(x.conv2d(w, { padding: 1 }).toArray()).toEqual(x.toArray());
    const grouped = nn.init.dirac_(empty([4, 2, 3, 3], 'float32'), 2);
    expect(x.conv2d(grouped, { padding: 1, groups: 2 }).toArray()).toEqual(x.toArray());
    expect(() => nn.init.dirac_(empty([3, 2, 3], 'float32'), 2)).toThrow(ShapeError);
  });

  it('sparse_ has the zeros in each column', () => {
    const w = nn.init.sparse_(empty([1000, 3], 'float64'), 0.1, 0.5, { generator: new Generator(3) });
    expect(w.eq(0).sum(0).toArray()).toEqual([100, 100, 100]);
    expect(w.square().sum().item() / 2700).toBeCloseTo(0.25, 1);
    const zeros = w.eq(0).toArray() as number[][];
    expect(zeros.slice(0, 100).flat().filter(Boolean).length).toBeLessThan(100); // not the first rows
  });
});
