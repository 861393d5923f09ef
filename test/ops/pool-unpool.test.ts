import { describe, expect, it } from 'vitest';
import { arange, compile, gradcheck, gradgradcheck, nn, rand, type Tensor, tensor } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

interface Adaptive {
  rank: 1 | 2 | 3;
  size: number | (number | null)[];
  x: Golden;
  y: Golden;
  indices: Golden;
  gradient: Golden;
}
interface Row {
  rank: 1 | 2 | 3;
  options: nn.functional.MaxUnpoolOptions;
  size: number[] | null;
  x: Golden;
  y: Golden;
  indices: Golden;
  back: Golden;
  gradient: Golden;
}
const F = nn.functional;
const pools = { 1: F.maxPool1dWithIndices, 2: F.maxPool2dWithIndices, 3: F.maxPool3dWithIndices };
const named = { 1: F.maxPool1d, 2: F.maxPool2d, 3: F.maxPool3d };
const poolLayers = { 1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d };
const adaptive = { 1: F.adaptiveMaxPool1d, 2: F.adaptiveMaxPool2d, 3: F.adaptiveMaxPool3d };
const adaptiveLayers = { 1: nn.AdaptiveMaxPool1d, 2: nn.AdaptiveMaxPool2d, 3: nn.AdaptiveMaxPool3d };
const unpools = { 1: F.maxUnpool1d, 2: F.maxUnpool2d, 3: F.maxUnpool3d };
const layers = { 1: nn.MaxUnpool1d, 2: nn.MaxUnpool2d, 3: nn.MaxUnpool3d };

describe('max pooling with positions, and back', () => {
  it.each(readGolden<{ rows: Row[] }>('unpool').rows)('against PyTorch: $rank-D $options $x.dtype', (row) => {
    const x = fromGolden(row.x, { requiresGrad: true });
    const { values, indices } = pools[row.rank](x, row.options as never);
    expectNear(values, row.y.data);
    expect([...indices.data]).toEqual(row.indices.data);
    const both = { values: values.detach(), indices };
    expect(named[row.rank](x.detach(), { ...row.options, returnIndices: true } as never)).toEqual(both);
    expect(new poolLayers[row.rank]({ ...row.options, returnIndices: true } as never).forward(x.detach())).toEqual(
      both,
    );
    const back = unpools[row.rank](values, indices, { ...row.options, outputSize: row.size });
    expect(back.shape).toEqual(row.back.shape);
    expectNear(back, row.back.data);
    const upstream = arange(back.size, { dtype: row.x.dtype }).remainder(7).sub(3).reshape(back.shape);
    back.backward(upstream);
    const counts = new Map<string, number>();
    const perPlane = row.indices.shape.slice(-row.rank).reduce((a, b) => a * b, 1);
    for (const [i, at] of row.indices.data.entries()) {
      const place = `${Math.floor(i / perPlane)} ${at}`;
      counts.set(place, (counts.get(place) ?? 0) + 1);
    }
    if ([...counts.values()].every((n) => n === 1)) expectNear(x.grad as Tensor, row.gradient.data);
    else {
      // The way there and back keeps each element that is chosen: its gradient is the upstream one. PyTorch counts it once
      // for each window that chose it.
      expect(back.shape).toEqual(x.shape);
      const wanted = [...upstream.data].map((dy, i) => {
        const plane = x.size / (row.indices.data.length / perPlane);
        return counts.has(`${Math.floor(i / plane)} ${i % plane}`) ? dy : 0;
      });
      expect([...(x.grad as Tensor).data].map((g) => g + 0)).toEqual(wanted.map((g) => g + 0));
    }
    const layer = new layers[row.rank](row.options);
    expect(layer.forward(values.detach(), indices, row.size)).toEqual(back.detach());
    const step = compile((t: Tensor) => {
      const both = pools[row.rank](t, row.options as never);
      return unpools[row.rank](both.values, both.indices, { ...row.options, outputSize: row.size });
    });
    expect(step.sync(x.detach())).toEqual(back.detach());
  });

  it.each(readGolden<{ adaptive: Adaptive[] }>('unpool').adaptive)('adaptive, of $x.shape to $size', (row) => {
    const x = fromGolden(row.x, { requiresGrad: true });
    const { values, indices } = adaptive[row.rank](x, row.size, true);
    expectNear(values, row.y.data);
    expect(indices.shape).toEqual(values.shape);
    expect([...indices.data]).toEqual(row.indices.data);
    values.backward(arange(values.size, { dtype: 'float64' }).remainder(7).sub(3).reshape(values.shape));
    expectNear(x.grad as Tensor, row.gradient.data);
    const layer = new adaptiveLayers[row.rank](row.size, { returnIndices: true });
    expect(layer.forward(x.detach())).toEqual({ values: values.detach(), indices });
    expect(String(layer)).toMatch(/, returnIndices: true\)$/);
  });

  it('a layer for unpooling, in the order of its arguments', () => {
    const pool = new nn.MaxPool2d(2, 2, 0, 1, true);
    const { values, indices } = pool.forward(tensor([[[1, 2], [3, 4]]])); // biome-ignore format: an image
    expect(new nn.MaxUnpool2d(2).forward(values, indices).toArray()).toEqual([[[0, 0], [0, 4]]]); // biome-ignore format: an image
    expect(F.maxPool2d(tensor([[[1, 2], [3, 4]]]), 2, 2, 0, 1, false, true).indices.toArray()).toEqual([[[3]]]); // biome-ignore format: an image
    expect(F.adaptiveMaxPool2d(rand(2, 3, 3), [0, 1], true).indices.shape).toEqual([2, 0, 1]);
    expect(() => new nn.MaxPool2d(2, { returnIndices: 1 as never })).toThrow(
      'MaxPool2d: returnIndices must be a boolean, got 1',
    );
  });

  it('gradients', () => {
    const x = rand([2, 4, 6], { dtype: 'float64' });
    x.requiresGrad = true;
    const { indices } = F.maxPool2dWithIndices(x.detach(), 2);
    const f = (t: Tensor): Tensor => F.maxUnpool2d(F.maxPool2dWithIndices(t, 2).values, indices, 2);
    expect(gradcheck(f, [x])).toBe(true);
    expect(gradgradcheck((t) => f(t).square(), [x])).toBe(true);
  });

  it('wrong input', () => {
    const [x, at] = [rand(1, 3), tensor([[1, 3, 9]], { dtype: 'int32' })];
    expect(() => F.maxUnpool1d(x, at, 2)).toThrow('indices must be at least 0 and below 6, got 9');
    expect(() => F.maxUnpool1d(x, x, 2)).toThrow('maxUnpool1d: indices must be int32, got float32');
    expect(() => F.maxUnpool1d(x, at.slice({ dim: 1, end: 2 }), 2)).toThrow(
      "maxUnpool1d: indices must have x's shape, got x [1, 3] and indices [1, 2]",
    );
    expect(() => F.maxUnpool1d(x, at, 2, { outputSize: [9] })).toThrow(
      'maxUnpool1d: outputSize must be less than a stride from [6], got [9]',
    );
    expect(() => F.maxUnpool2d(rand(3), tensor([1, 2, 3], { dtype: 'int32' }), 2)).toThrow(
      'maxUnpool2d: x must have 3 or 4 dimensions, got x [3]',
    );
  });
});
