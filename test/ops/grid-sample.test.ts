import { describe, expect, it } from 'vitest';
import { compile, gradcheck, gradgradcheck, nn, ones, type Tensor, tensor, zeros } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

interface Row {
  options: Required<nn.functional.GridSampleOptions>;
  x: Golden;
  grid: Golden;
  y: Golden;
  dgrid: Golden;
}
interface Document {
  rows: (Row & { dx: Golden })[];
  edges: (Row & { odd: Golden; atOdd: Golden })[];
  affine: { size: number[]; align: boolean; theta: Golden; grid: Golden; gradient: Golden }[];
}
const { affineGrid, gridSample } = nn.functional;
const { rows, edges, affine } = readGolden<Document>('grid_sample');

// The numbers that the script makes.
const numbers = (size: number, seed: number) =>
  Float64Array.from({ length: size }, (_, i) => (((i * 37 + seed * 53) % 211) - 105) / 105);

describe('gridSample against PyTorch', () => {
  it.each(rows)('$options of $x.shape $x.dtype', ({ options, ...row }) => {
    const x = fromGolden(row.x, { requiresGrad: true });
    const grid = fromGolden(row.grid, { requiresGrad: true });
    const y = gridSample(x, grid, options);
    expect(y.shape).toEqual(row.y.shape);
    expectNear(y, row.y.data);
    y.backward(tensor(numbers(y.size, 3), { shape: y.shape, dtype: y.dtype }));
    expectNear(x.grad as Tensor, row.dx.data);
    if (options.mode === 'nearest') expect(grid.grad).toBeNull();
    else expectNear(grid.grad as Tensor, row.dgrid.data);
    const { mode, paddingMode, alignCorners } = options;
    const step = compile((a: Tensor, b: Tensor) => gridSample(a, b, mode, paddingMode, alignCorners));
    expect(step.sync(x.detach(), grid.detach())).toEqual(y.detach());
  });

  it.each(edges)('at the edges and beyond: $options', ({ options, ...row }) => {
    const x = fromGolden(row.x, { requiresGrad: true });
    const grid = fromGolden(row.grid, { requiresGrad: true });
    const y = gridSample(x, grid, options);
    expectNear(y, row.y.data);
    expectNear(gridSample(x, fromGolden(row.odd), options), row.atOdd.data);
    y.sum().backward();
    if (options.mode !== 'nearest') expectNear(grid.grad as Tensor, row.dgrid.data);
  });

  it.each(rows.filter(({ options, x }) => options.mode !== 'nearest' && x.dtype === 'float64'))(
    'gradients of both orders: $options of $x.shape',
    ({ options, ...row }) => {
      const x = fromGolden(row.x).slice({ end: 1 }).requiresGrad_();
      const grid = fromGolden(row.grid).slice({ end: 1 }).slice({ dim: 1, end: 1 }).requiresGrad_();
      const f = (x: Tensor, grid: Tensor): Tensor => gridSample(x, grid, options);
      expect(gradcheck(f, [x, grid])).toBe(true);
      expect(gradgradcheck(f, [x, grid])).toBe(true);
    },
  );

  it('what is infinite or NaN outside of the places read does not come in', () => {
    const x = tensor([
      [
        [
          [1, Number.POSITIVE_INFINITY],
          [Number.NaN, 4],
        ],
      ],
    ]);
    expect(
      gridSample(
        x,
        tensor([
          [
            [
              [-1.5, -1.5],
              [-3, 0],
            ],
          ],
        ]),
        { mode: 'nearest' },
      ).toArray(),
    ).toEqual([[[[0, 0]]]]);
  });

  it('wrong input', () => {
    const [x, grid] = [ones(2, 3, 4, 5), zeros(2, 1, 1, 2)];
    expect(() => gridSample(ones(2, 3, 4), grid)).toThrow(
      'gridSample: x must be [batch, channels, height, width] or with depth before them, got x [2, 3, 4]',
    );
    expect(() => gridSample(x, zeros(1, 1, 1, 2))).toThrow(
      'gridSample: grid must be [2, height, width, 2] for x [2, 3, 4, 5], got grid [1, 1, 1, 2]',
    );
    expect(() => gridSample(x, zeros(2, 1, 1, 3))).toThrow('got grid [2, 1, 1, 3]');
    expect(() => gridSample(x, zeros([2, 1, 1, 2], { dtype: 'float64' }))).toThrow(
      'gridSample: dtypes must match, got x float32 and grid float64',
    );
    expect(() => gridSample(ones(2, 3, 0, 5), grid)).toThrow('gridSample: x must not be empty, got x [2, 3, 0, 5]');
    expect(() => gridSample(ones(1, 1, 2, 2, 2), zeros(1, 1, 1, 1, 3), 'bicubic')).toThrow(
      'gridSample: mode bicubic needs x of 4 dimensions, got x [1, 1, 2, 2, 2]',
    );
    expect(gridSample(ones(2, 0, 4, 5), grid).shape).toEqual([2, 0, 1, 1]);
    expect(gridSample(x, zeros(2, 0, 3, 2)).shape).toEqual([2, 3, 0, 3]);
  });
});

describe('affineGrid', () => {
  it.each(affine)('of $size, alignCorners $align, against PyTorch', ({ size, align, ...row }) => {
    const theta = fromGolden(row.theta, { requiresGrad: true });
    const grid = affineGrid(theta, size, align);
    expect(grid.shape).toEqual(row.grid.shape);
    expectNear(grid, row.grid.data);
    grid.backward(tensor(numbers(grid.size, 5), { shape: grid.shape }));
    expectNear(theta.grad as Tensor, row.gradient.data);
    expect(gradcheck((t) => affineGrid(t, { size, alignCorners: align }), [theta])).toBe(true);
    expect(gradgradcheck((t) => affineGrid(t, size, { alignCorners: align }).square(), [theta])).toBe(true);
    expect(compile((t: Tensor) => affineGrid(t, size, align)).sync(theta.detach())).toEqual(grid.detach());
  });

  it('wrong input', () => {
    expect(() => affineGrid(zeros(1, 2, 3), [1, 1, 4])).toThrow(
      'affineGrid: size must be [batch, channels, height, width] or with depth before them, each at least 1, got [1, 1, 4]',
    );
    expect(() => affineGrid(zeros(1, 2, 3), [2, 1, 4, 4])).toThrow(
      'affineGrid: theta must be [2, 2, 3] for size [2, 1, 4, 4], got theta [1, 2, 3]',
    );
    expect(() => affineGrid(zeros(1, 2, 3), [1, 1, 0, 4])).toThrow('each at least 1, got [1, 1, 0, 4]');
  });
});
