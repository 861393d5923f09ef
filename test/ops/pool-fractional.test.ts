import { describe, expect, it } from 'vitest';
import { compile, equal, gradcheck, gradgradcheck, manualSeed, nn, rand, type Tensor } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

interface Row {
  rank: number;
  kernel: number[];
  size: number[];
  x: Golden;
  samples: Golden;
  y: Golden;
  indices: Golden;
  upstream: Golden;
  gradient: Golden;
}
const { fractionalMaxPool2d, fractionalMaxPool3d } = nn.functional;
const float64 = { dtype: 'float64' } as const;

describe('fractional max pooling', () => {
  it.each(readGolden<{ rows: Row[] }>('fractional').rows)('against PyTorch: $rank, $size, $x.dtype', (row) => {
    const x = fromGolden(row.x, { requiresGrad: true });
    const options = { outputSize: row.size, randomSamples: fromGolden(row.samples) };
    const run = row.rank === 2 ? fractionalMaxPool2d : fractionalMaxPool3d;
    const y = run(x, row.kernel, options);
    expect(y.shape).toEqual(row.y.shape);
    expectNear(y, row.y.data);
    y.backward(fromGolden(row.upstream));
    expectNear(x.grad as Tensor, row.gradient.data);
    const both = run(x, row.kernel, { ...options, returnIndices: true });
    expect(both.values.toArray()).toEqual(y.toArray());
    expect([both.indices.dtype, both.indices.shape, [...both.indices.data]]).toEqual([
      'int32',
      row.y.shape,
      row.indices.data,
    ]);
    expect(compile((t: Tensor) => run(t, row.kernel, options)).sync(fromGolden(row.x))).toEqual(y.detach());
  });

  it('gradients', () => {
    const x = rand([2, 6, 7], float64);
    x.requiresGrad = true;
    const randomSamples = rand([1, 2, 2], float64);
    const f = (t: Tensor): Tensor => fractionalMaxPool2d(t, 2, { outputSize: [3, 4], randomSamples });
    expect(gradcheck(f, [x])).toBe(true);
    expect(gradgradcheck((t) => f(t).square(), [x])).toBe(true);
  });

  it('windows are drawn anew for each call, repeat with the seed, and lie in x', () => {
    const x = rand(1, 4, 32, 32);
    const pool = new nn.FractionalMaxPool2d(2, { outputRatio: 0.7 });
    manualSeed(3);
    const [first, second] = [pool.forward(x), pool.forward(x)];
    manualSeed(3);
    expect(pool.forward(x)).toEqual(first);
    expect(first).not.toEqual(second);
    expect(first.shape).toEqual([1, 4, 22, 22]);
    const all = new Set(x.toTypedArray());
    expect([...first.data].every((v) => all.has(v))).toBe(true);
  });

  it('the layer gives the positions, which MaxUnpool2d takes', () => {
    const x = rand(1, 2, 6, 6);
    const { values, indices } = new nn.FractionalMaxPool2d(2, null, 0.5, true).forward(x);
    const back = nn.functional.maxUnpool2d(values, indices, 2, { outputSize: [6, 6] });
    expect(equal(back.where(back.ne(0), x), x)).toBe(true);
    const alone: Tensor = new nn.FractionalMaxPool2d(2, { outputRatio: 0.5 }).forward(x);
    expect(alone.shape).toEqual(values.shape);
  });

  it('wrong input', () => {
    const x = rand(1, 2, 5, 5);
    expect(() => fractionalMaxPool2d(x, 2, 5)).toThrow(
      'fractionalMaxPool2d: x must be at least outputSize + kernelSize - 1 = 6 in dimension -2, got x [1, 2, 5, 5]',
    );
    expect(() => fractionalMaxPool2d(x, 2)).toThrow('outputSize or outputRatio must be given, and not both');
    expect(() => fractionalMaxPool2d(x, 2, 3, 0.5)).toThrow('outputSize or outputRatio must be given, and not both');
    expect(() => fractionalMaxPool2d(x, 2, { outputRatio: 1.5 })).toThrow(
      'outputRatio must be a finite number above 0',
    );
    expect(() => fractionalMaxPool2d(x, 2, { outputSize: 2, randomSamples: rand(2) })).toThrow(
      'fractionalMaxPool2d: randomSamples must be [1, 2, 2], got [2]',
    );
    expect(() => new nn.FractionalMaxPool3d(2)).toThrow('FractionalMaxPool3d: outputSize or outputRatio must be given');
  });
});
