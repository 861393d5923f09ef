// Fréchet distance and inception score, against SciPy and NumPy and closed forms.
import { expect, it } from 'vitest';
import { ArgumentError, eye, metrics, ones, ShapeError, type Tensor, tensor, zeros } from '../../lib/index.js';
import { readGolden } from '../support/golden.js';
import { uniform } from '../support/seeded.js';

type Shape = [rows: number, columns: number, rank: number];
const golden = readGolden<{ distances: { shapes: [Shape, Shape]; value: number }[]; score: number }>('generated');

/** The same features as in test/golden/make_generated.py. */
function features(key: string, [rows, columns, rank]: Shape): Tensor {
  const sums = new Float64Array(rows * rank);
  for (let i = 0; i < 4; i++) {
    const drawn = uniform(`${key} ${i}`, rows * rank);
    for (let at = 0; at < sums.length; at++) sums[at] = (sums[at] as number) + (drawn[at] as number);
  }
  const mix = uniform(`${key} mix`, rank * columns).map((u) => u - 0.5);
  const low = tensor(sums, { shape: [rows, rank] });
  return low.matmul(tensor(mix, { shape: [rank, columns] })).add(tensor(uniform(`${key} mean`, columns)));
}

it.each(golden.distances)("the Fréchet distance of $shapes is SciPy's", ({ shapes, value }) => {
  const [a, b] = [features('real', shapes[0]), features('generated', shapes[1])];
  expect(Math.abs(metrics.frechetDistance(a, b) / value - 1)).toBeLessThan(1e-9);
  expect(Math.abs(metrics.frechetDistance(b, a) / value - 1)).toBeLessThan(1e-9);
});

it("the Fréchet distance is 0 of equal sets, and a shift's square of shifted ones, even if features depend on each other", () => {
  const x = features('real', [40, 8, 3]);
  expect(metrics.frechetDistance(x, x)).toBeLessThan(1e-6);
  expect(Math.abs(metrics.frechetDistance(x, x.add(2)) - 8 * 4)).toBeLessThan(1e-6);
  const [a, b] = [
    [[-1], [1]],
    [[-3], [3]],
  ];
  expect(metrics.frechetDistance(a as number[][], b as number[][])).toBeCloseTo(8, 12); // (√2 - √18)²
});

it("the inception score is NumPy's, and between 1 and the number of classes", () => {
  const logits = tensor(
    uniform('logits', 240).map((u) => (u - 0.5) * 8),
    { shape: [40, 6] },
  );
  expect(metrics.inceptionScore(logits, { logits: true })).toBeCloseTo(golden.score, 10);
  expect(metrics.inceptionScore(logits.softmax(1))).toBeCloseTo(golden.score, 10);
  expect(metrics.inceptionScore(eye(4))).toBeCloseTo(4, 12);
  expect(metrics.inceptionScore(ones([5, 4]).div(4))).toBeCloseTo(1, 12);
});

it('says what cannot be compared', () => {
  const call = metrics.frechetDistance;
  expect(() => call(ones([3, 2]), ones([3, 4]))).toThrow(
    new ShapeError(
      'frechetDistance: generated must have as many features as real, 2, got 4; take both from the same layer',
    ),
  );
  expect(() => call(ones([1, 2]), ones([3, 2]))).toThrow(
    new ArgumentError('frechetDistance: real must have at least two samples, got 1'),
  );
  expect(() => call(ones([3, 2]), tensor([[Number.NaN, 1]]))).toThrow('generated must be finite, got NaN in sample 0');
  expect(() => metrics.inceptionScore(zeros([0, 3]))).toThrow(ShapeError);
  expect(() => metrics.inceptionScore(ones([3]))).toThrow(
    'inceptionScore: input must be [n, classes] with n and classes of at least 1 and 2, got 3 samples of 1',
  );
  expect(() => metrics.inceptionScore(ones([3, 2]))).toThrow('must sum to 1, got 2 in sample 0; for logits give');
});
