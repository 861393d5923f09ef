import { describe, expect, it } from 'vitest';
import { type AugmentOptions, augment } from '../../lib/data/augment.js';
import { TensorDataset } from '../../lib/data/dataset.js';
import { DataLoader } from '../../lib/data/loader.js';
import { DTypeError } from '../../lib/errors.js';
import { to } from '../../lib/ops/copy.js';
import { tensor, zeros } from '../../lib/ops/creation.js';
import { Generator, manualSeed } from '../../lib/ops/generator.js';
import { rand } from '../../lib/ops/random.js';
import type { Tensor } from '../../lib/tensor.js';

type Rows = number[][];

/** One image of the given rows, changed. */
const changed = (rows: Rows, options: AugmentOptions): Rows =>
  (augment(options)(tensor([rows])).toArray() as Rows[])[0] as Rows;

const three: Rows = [
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 9],
];

/** `count` copies of a 5 × 6 image of 1 … 30. */
const copies = (count: number): Tensor =>
  tensor(
    Float32Array.from({ length: count * 30 }, (_, i) => 1 + (i % 30)),
    { shape: [count, 5, 6] },
  );
const image: Rows = copies(1).toArray()[0 as never] as Rows;

/** The parts of a padded image, written naively. */
function part(rows: Rows, padding: number, [top, left]: [number, number], [height, width]: [number, number]): Rows {
  return Array.from({ length: height }, (_, r) =>
    Array.from({ length: width }, (_, c) => rows[r + top - padding]?.[c + left - padding] ?? 0),
  );
}

/** Bilinear interpolation of the turned and shifted image, written naively. */
function turned(rows: Rows, angle: number, dx: number, dy: number): Rows {
  const [height, width] = [rows.length, rows[0]!.length];
  const a = (angle * Math.PI) / 180;
  return rows.map((row, r) =>
    row.map((_, c) => {
      const [u, v] = [c - dx - (width - 1) / 2, r - dy - (height - 1) / 2];
      const x = u * Math.cos(a) - v * Math.sin(a) + (width - 1) / 2;
      const y = u * Math.sin(a) + v * Math.cos(a) + (height - 1) / 2;
      let sum = 0;
      for (let j = 0; j < height; j++) {
        for (let i = 0; i < width; i++) {
          sum += Math.max(0, 1 - Math.abs(x - i)) * Math.max(0, 1 - Math.abs(y - j)) * rows[j]![i]!;
        }
      }
      return sum;
    }),
  );
}

function expectNear(got: Rows, wanted: Rows, limit = 1e-5): void {
  got.flat().forEach((value, i) => {
    expect(Math.abs(value - (wanted.flat()[i] as number)), `pixel ${i}`).toBeLessThan(limit);
  });
}

describe('augment at forced parameters', () => {
  it('flips', () => {
    expect(changed(three, { flip: 1 })).toEqual(three.map((row) => row.toReversed()));
    expect(changed(three, { flipVertical: 1 })).toEqual(three.toReversed());
    expect(changed(three, { flip: 0, flipVertical: 0 })).toEqual(three);
  });

  it('shifts by whole pixels and by fractions', () => {
    const right = { x: [1, 1], y: 0 } as const;
    expect(changed(three, { shift: right })).toEqual([
      [0, 1, 2],
      [0, 4, 5],
      [0, 7, 8],
    ]);
    expect(changed(three, { shift: { y: [-2, -2] }, fill: 0.5 })).toEqual([
      [7, 8, 9],
      [0.5, 0.5, 0.5],
      [0.5, 0.5, 0.5],
    ]);
    expect(changed(three, { shift: { x: [0.5, 0.5] } })[1]).toEqual([2, 4.5, 5.5]);
  });

  it('rotates anticlockwise about the middle', () => {
    expectNear(changed(three, { rotate: [90, 90] }), [
      [3, 6, 9],
      [2, 5, 8],
      [1, 4, 7],
    ]);
    expectNear(
      changed(three, { rotate: [180, 180] }),
      three.toReversed().map((row) => row.toReversed()),
    );
    for (const angle of [-20, 7.5, 45]) {
      const options = { rotate: [angle, angle], shift: { x: [0.3, 0.3], y: [-1.6, -1.6] } } as const;
      expectNear(changed(image, options), turned(image, angle, 0.3, -1.6), 1e-4);
    }
  });

  it('turns first, flips then, crops then', () => {
    const options = { rotate: [30, 30], shift: [1, 1], flip: 1, crop: { size: [5, 6] } } as const;
    const wanted = turned(image, 30, 1, 1).map((row) => row.toReversed());
    expectNear(changed(image, options), wanted, 1e-4);
    const whole = { shift: [1, 1], flip: 1, flipVertical: 1 } as const;
    const shifted = part(image, 1, [0, 0], [5, 6]);
    expect(changed(image, whole)).toEqual(shifted.toReversed().map((row) => row.toReversed()));
  });

  it('rounds bytes, and fills them', () => {
    const bytes = tensor(Uint8Array.of(0, 255, 10, 21), { shape: [1, 2, 2] });
    const half = augment({ shift: { x: [0.5, 0.5] }, fill: 255 })(bytes);
    expect([half.dtype, half.toArray()]).toEqual([
      'uint8',
      [
        [
          [128, 128],
          [133, 16],
        ],
      ],
    ]);
  });

  it('covers all by a square of more than twice the size', () => {
    expect(changed(three, { cutout: 7, fill: -1 }).flat()).toEqual(new Array(9).fill(-1));
  });
});

describe('augment at random', () => {
  it('crops every part of the padded image, each as often', () => {
    const counts = new Map<string, number>();
    const n = 4000;
    for (const rows of augment({ crop: { padding: 1, size: [4, 6] }, seed: 3 })(copies(n)).toArray() as Rows[]) {
      counts.set(JSON.stringify(rows), (counts.get(JSON.stringify(rows)) ?? 0) + 1);
    }
    const parts = Array.from({ length: 12 }, (_, i) => part(image, 1, [Math.floor(i / 3), i % 3], [4, 6]));
    expect([...counts.keys()].sort()).toEqual(parts.map((rows) => JSON.stringify(rows)).sort());
    for (const count of counts.values()) expect(Math.abs(count - n / 12)).toBeLessThan(5 * Math.sqrt(n / 12));
  });

  it('a crop given as a number is the padding', () => {
    const [a, b] = [2, { padding: 2 }].map((crop) => augment({ crop, seed: 1 })(copies(9)));
    expect(a?.toArray()).toEqual(b?.toArray());
    expect(a?.shape).toEqual([9, 5, 6]);
  });

  it('covers squares with the middle anywhere', () => {
    const middles = new Set<string>();
    for (const rows of augment({ cutout: 3, seed: 4 })(copies(1000)).toArray() as Rows[]) {
      const holes = rows.flatMap((row, r) => row.flatMap((value, c) => (value === 0 ? [[r, c] as const] : [])));
      const edges = [0, 1].map((d) => [
        Math.min(...holes.map((h) => h[d] as number)),
        Math.max(...holes.map((h) => h[d] as number)),
      ]) as [[number, number], [number, number]];
      const [[top, bottom], [left, right]] = edges;
      expect(holes.length).toBe((bottom - top + 1) * (right - left + 1));
      rows.forEach((row, r) => {
        row.forEach((value, c) => {
          if (value !== 0) expect(value).toBe(image[r]?.[c]);
        });
      });
      middles.add(`${top === 0 ? bottom - 1 : top + 1} ${left === 0 ? right - 1 : left + 1}`);
    }
    expect(middles.size).toBe(30);
  });

  it('flips with the probability, and spreads angles over their range', () => {
    const flipped = (augment({ flip: 0.3, seed: 5 })(copies(4000)).toArray() as Rows[]).filter((r) => r[0]?.[0] === 6);
    expect(Math.abs(flipped.length - 1200)).toBeLessThan(5 * Math.sqrt(4000 * 0.3 * 0.7));
    // A ramp from left to right tells the shift in its middle.
    const ramp = tensor(
      Float32Array.from({ length: 500 * 49 }, (_, i) => i % 7),
      { shape: [500, 7, 7] },
    );
    const shifts = (augment({ shift: { x: 2 }, seed: 6 })(ramp).toArray() as Rows[]).map((r) => 3 - (r[3]?.[3] ?? 9));
    expect(Math.min(...shifts)).toBeLessThan(-1.9);
    expect(Math.min(...shifts)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...shifts)).toBeGreaterThan(1.9);
    expect(Math.max(...shifts)).toBeLessThanOrEqual(2);
    expect(Math.abs(shifts.reduce((a, b) => a + b, 0) / 500)).toBeLessThan(0.25);
  });

  const all = { flip: 0.5, crop: 1, rotate: 15, shift: 1, cutout: 2 };

  it('gives the same by the same seed, one batch after the other', () => {
    const [a, b] = [augment({ ...all, seed: 7 }), augment({ ...all, generator: new Generator(7) })];
    const first = a(copies(6)).toArray();
    expect(b(copies(6)).toArray()).toEqual(first);
    const second = a(copies(6)).toArray();
    expect(second).not.toEqual(first);
    expect(b(copies(6)).toArray()).toEqual(second);
    expect(augment({ ...all, seed: 8 })(copies(6)).toArray()).not.toEqual(first);
    const byDefault = augment(all);
    manualSeed(7);
    expect(byDefault(copies(6)).toArray()).toEqual(first);
  });

  it('changes all channels of an image alike, and leaves its input', () => {
    const values = rand([5, 36]).toTypedArray();
    const both = tensor(
      Float32Array.from({ length: 360 }, (_, i) => {
        const [n, pixel] = [Math.floor(i / 72), i % 72];
        return (values[n * 36 + (pixel % 36)] as number) + (pixel < 36 ? 0 : 10);
      }),
      { shape: [5, 2, 6, 6] },
    );
    const before = both.toArray();
    const y = augment({ ...all, fill: [0, 10], seed: 9 })(both);
    expect(both.toArray()).toEqual(before);
    expect(y.shape).toEqual([5, 2, 6, 6]);
    for (const [one, two] of y.toArray() as [Rows, Rows][]) {
      expectNear(
        two.map((row) => row.map((value) => value - 10)),
        one,
      );
    }
  });

  it.each(['uint8', 'float32', 'float64'] as const)('keeps %s and the shape, also of no images', (dtype) => {
    for (const shape of [
      [2, 4, 5],
      [3, 2, 4, 5],
      [0, 4, 5],
      [2, 0, 4, 5],
    ]) {
      const y = augment({ ...all, crop: { padding: 1, size: 3 } })(zeros(shape, { dtype }));
      expect([y.dtype, y.shape]).toEqual([dtype, [...shape.slice(0, -2), 3, 3]]);
    }
  });

  it('is the transform of a loader', () => {
    const x = copies(20);
    const dataset = new TensorDataset(x, tensor(Int32Array.from({ length: 20 }, (_, i) => i)));
    const change = augment({ flip: 1 });
    const loader = new DataLoader(dataset, { batchSize: 8, transform: ([x, y]) => [change(x as Tensor), y] as const });
    const batches = [...loader];
    expect(batches.map(([images]) => images.shape)).toEqual([
      [8, 5, 6],
      [8, 5, 6],
      [4, 5, 6],
    ]);
    expect(batches[1]?.[0].toArray()[0 as never]).toEqual(image.map((row) => row.toReversed()));
    expect(x.toArray()[0 as never]).toEqual(image);
  });
});

describe('augment refuses', () => {
  const cases: [string, unknown, string][] = [
    ['an unknown option', { zoom: 2 }, 'augment: unknown option "zoom"; known are flip, flipVertical, rotate'],
    ['no options', null, 'augment: options must be an object such as { flip: … }, got null'],
    ['a probability above 1', { flip: 2 }, 'augment: flip must be a finite number of at least 0 and at most 1, got 2'],
    ['a negative range', { rotate: -5 }, 'augment: rotate must be a finite number of at least 0, got -5'],
    ['three ends', { rotate: [1, 2, 3] }, 'augment: rotate must be two numbers, got [1, 2, 3]'],
    [
      'ends in disorder',
      { shift: [2, 1] },
      'augment: the upper end of shift must be a finite number of at least 2, got 1',
    ],
    ['a word', { shift: { x: 'far' } }, 'augment: shift must be a finite number of at least 0, got "far"'],
    ['another axis', { shift: { z: 1 } }, 'augment: shift: unknown option "z"; known are x, y'],
    ['half a pixel of padding', { crop: 0.5 }, 'augment: crop.padding must be an integer of at least 0, got 0.5'],
    ['three sizes', { crop: { size: [1, 2, 3] } }, 'augment: crop.size must be height and width, got [1, 2, 3]'],
    ['no size', { crop: { size: 0 } }, 'augment: crop.size must be an integer of at least 1, got 0'],
    ['a negative square', { cutout: -1 }, 'augment: cutout must be an integer of at least 0, got -1'],
    ['seed and generator', { seed: 1, generator: new Generator(1) }, 'augment: seed and generator exclude each other'],
  ];
  it.each(cases)('%s', (_, options, text) => {
    expect(() => augment(options as AugmentOptions)).toThrow(text);
  });

  it('images that do not fit', () => {
    const same = augment({});
    const rule = 'augment: images must be [batch, height, width] or [batch, channels, height, width], got [2, 2]';
    expect(() => same(zeros([2, 2]))).toThrow(rule);
    expect(() => same(to(zeros([1, 2, 2]), 'int32'))).toThrow(DTypeError);
    expect(() => same([1] as unknown as Tensor)).toThrow('augment: images must be a tensor, got [1]');
    expect(() => augment({ crop: { padding: 1, size: 5 } })(zeros([1, 2, 2]))).toThrow(
      'augment: crop.size must be at most the padded image [4, 4], got [5, 5]',
    );
    expect(() => augment({ fill: [1, 2] })(zeros([1, 3, 2, 2]))).toThrow(
      'augment: fill must have one value for each channel (3), got 2',
    );
    expect(() => augment({ fill: -1 })(zeros([1, 2, 2], { dtype: 'uint8' }))).toThrow(
      'augment: fill of uint8 must be an integer of at least 0 and at most 255, got -1',
    );
  });
});
