import { expect, it } from 'vitest';
import { ArgumentError, ShapeError } from '../../lib/errors.js';
import * as nn from '../../lib/nn/index.js';
import { ones } from '../../lib/ops/creation.js';
import { rand } from '../../lib/ops/random.js';
import { type InterpolateOptions, interpolate, pixelShuffle } from '../../lib/ops/upsample.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import type { ErrorRow, OpRow, Plain } from '../support/harness.js';

const at = (value: number | readonly number[] | null | undefined, i: number, fallback: number): number =>
  Array.isArray(value) ? value[i] : ((value as number | null) ?? fallback);

/** x as a function of places between its elements, along the spatial dimensions. */
function resized(o: InterpolateOptions): (x: Plain) => Plain {
  return (x) => {
    const sizes = x.shape.slice(2);
    const outs = sizes.map((n, i) =>
      o.size === undefined ? Math.floor(n * at(o.scaleFactor, i, 1)) : at(o.size, i, 1),
    );
    const places = sizes.map((n, d) =>
      Array.from({ length: outs[d] as number }, (_, i): [number, number][] => {
        const out = outs[d] as number;
        const step = o.size === undefined ? 1 / at(o.scaleFactor, d, 1) : n / out;
        if ((o.mode ?? 'nearest') === 'nearest') return [[Math.min(Math.floor(i * step), n - 1), 1]];
        const place = o.alignCorners
          ? out === 1
            ? 0
            : (i * (n - 1)) / (out - 1)
          : Math.max((i + 0.5) * step - 0.5, 0);
        const low = Math.min(Math.floor(place), n - 1);
        const share = Math.min(place, n - 1) - low;
        return [
          [low, 1 - share],
          [Math.min(low + 1, n - 1), share],
        ];
      }),
    );
    const [rows, columns] = sizes.length === 1 ? [[[[0, 1]]] as [number, number][][], places[0]] : places;
    const width = sizes[sizes.length - 1] as number;
    const pixels = sizes.reduce((a, b) => a * b, 1);
    const data: number[] = [];
    const magnitude: number[] = [];
    for (let p = 0; p < (x.shape[0] as number) * (x.shape[1] as number); p++)
      for (const row of rows ?? [])
        for (const column of columns ?? []) {
          const terms = row.flatMap(([i, a]) =>
            column.map(([j, b]) => a * b * (x.data[p * pixels + i * width + j] as number)),
          );
          data.push(terms.reduce((a, b) => a + b, 0));
          // The difference of two neighbours is formed first.
          magnitude.push(
            3 *
              row
                .flatMap(([i]) => column.map(([j]) => Math.abs(x.data[p * pixels + i * width + j] as number)))
                .reduce((a, b) => a + b, 0),
          );
        }
    return { shape: [...x.shape.slice(0, 2), ...outs], data, magnitude };
  };
}

function shuffled(r: number): (x: Plain) => Plain {
  return (x) => {
    const [c, h, w] = x.shape.slice(-3) as [number, number, number];
    const batch = x.shape.slice(0, -3);
    const shape = [...batch, c / (r * r), h * r, w * r];
    const data = Array.from(x.data, (_, i) => {
      const [column, row] = [i % (w * r), Math.floor(i / (w * r)) % (h * r)];
      const [channel, n] = [Math.floor(i / (w * r * h * r)) % (c / (r * r)), Math.floor(i / (c * h * w))];
      const from = channel * r * r + (row % r) * r + (column % r);
      return x.data[((n * c + from) * h + Math.floor(row / r)) * w + Math.floor(column / r)] as number;
    });
    return { shape, data };
  };
}

const resizings: [number[], InterpolateOptions][] = [
  [[2, 2, 3, 4], { scaleFactor: 2 }],
  [[1, 2, 4, 5], { size: [3, 7] }],
  [[1, 1, 3, 3], { scaleFactor: [1.5, 2.7], mode: 'bilinear' }],
  [[2, 1, 3, 4], { scaleFactor: 2, mode: 'bilinear' }],
  [[1, 2, 4, 5], { size: [2, 8], mode: 'bilinear', alignCorners: true }],
  [[1, 1, 4, 4], { size: 1, mode: 'bilinear', alignCorners: true }],
  [[1, 1, 1, 1], { size: [3, 2], mode: 'bilinear' }],
  [[2, 2, 5], { scaleFactor: 2 }],
  [[1, 2, 5], { size: 8, mode: 'linear' }],
];

const rows: OpRow[] = [
  ...resizings.map(
    ([shape, options]): OpRow => ({
      name: `interpolate of [${shape}] ${JSON.stringify(options)}`,
      run: (x) => interpolate(x as Tensor, options),
      method: (x) => (x as Tensor).interpolate(options),
      inputs: [{ shape }],
      reference: resized(options) as OpRow['reference'],
    }),
  ),
  ...(
    [
      [[1, 8, 2, 3], 2],
      [[2, 9, 1, 2], 3],
      [[4, 2, 2], 2],
      [[1, 2, 2, 2], 1],
    ] as [number[], number][]
  ).map(
    ([shape, factor]): OpRow => ({
      name: `pixelShuffle of [${shape}] by ${factor}`,
      run: (x) => pixelShuffle(x as Tensor, factor),
      method: (x) => (x as Tensor).pixelShuffle(factor),
      inputs: [{ shape }],
      reference: shuffled(factor) as OpRow['reference'],
    }),
  ),
];

const image = () => ones([1, 2, 4, 4]);

const errors: ErrorRow[] = [
  {
    name: 'neither size nor factor',
    call: () => interpolate(image(), {}),
    error: ArgumentError,
    message: 'interpolate: either size or scaleFactor must be given, got none',
  },
  {
    name: 'mode for another rank',
    call: () => interpolate(image(), { size: 2, mode: 'linear' }),
    error: ArgumentError,
    message:
      'interpolate: mode must be nearest, nearest-exact, area, bilinear or bicubic for x [1, 2, 4, 4], got "linear"',
  },
  {
    name: 'alignCorners of nearest',
    call: () => interpolate(image(), { size: 2, alignCorners: true }),
    error: ArgumentError,
    message: 'interpolate: alignCorners must be a boolean, and is for linear modes and bicubic, got true',
  },
  {
    name: 'factor too small',
    call: () => interpolate(image(), { scaleFactor: 0.1 }),
    error: ShapeError,
    message: 'interpolate: the result must not be empty, got scaleFactor 0.1 and height 4',
  },
  {
    name: 'rank',
    call: () => interpolate(ones([4, 4]), { size: 2 }),
    error: ShapeError,
    message:
      'interpolate: x must be [batch, channels, length], [batch, channels, height, width] or with depth before them, got x [4, 4]',
  },
  {
    name: 'channels of pixelShuffle',
    call: () => pixelShuffle(image(), 2),
    error: ShapeError,
    message: 'pixelShuffle: upscaleFactor² must divide the channels, got 2 and x [1, 2, 4, 4]',
  },
];

testFamily('upsample', { rows, errors });

// Their numbers are compared with PyTorch's in functions.test.ts.
it.each(['bicubic', 'area', 'nearest-exact'] as const)('nn.Upsample has the mode %s, too', (mode) => {
  const x = rand([1, 2, 5, 4]);
  const got = new nn.Upsample({ size: [7, 3], mode }).forward(x);
  expect(got).toEqual(interpolate(x, { size: [7, 3], mode }));
});

it('antialias is for bilinear and bicubic images', () => {
  const message = 'interpolate: antialias is for bilinear and bicubic, got mode "nearest"';
  expect(() => interpolate(image(), { size: 2, antialias: true })).toThrow(message);
  expect(() => interpolate(ones([1, 1, 4]), { size: 2, mode: 'bicubic' })).toThrow(
    'interpolate: mode must be nearest, nearest-exact, area or linear for x [1, 1, 4], got "bicubic"',
  );
  expect(() => interpolate(image(), { size: 2 ** 30, mode: 'bicubic' })).toThrow(/^interpolate: /);
});
