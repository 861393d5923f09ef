// Losses of quantiles and grades against PyTorch and closed forms.
import { expect, it } from 'vitest';
import { ArgumentError, ShapeError } from '../../lib/errors.js';
import { grad, nn, type Tensor, tensor, zeros } from '../../lib/index.js';
import { testFamily } from '../support/family.js';
import { readGolden } from '../support/golden.js';
import type { ErrorRow, OpRow } from '../support/harness.js';

interface Golden {
  pinball: { input: number[][][]; target: number[][]; quantiles: number[]; loss: number; gradient: number[][][] };
  corn: { input: number[][]; target: number[]; probabilities: number[][]; loss: number; gradient: number[][] };
}
const { pinball, corn } = readGolden<Golden>('ordered');
const f = nn.functional;
const float64 = { dtype: 'float64' } as const;
const grades = (list: number[]) => tensor(list, { dtype: 'int32' });

function expectSame(got: Tensor | undefined, want: readonly number[]): void {
  const values = [...(got?.toTypedArray() ?? [])];
  expect(values.length).toBe(want.length);
  expect(Math.max(...values.map((v, i) => Math.abs(v - (want[i] as number))))).toBeLessThan(1e-12);
}

it('pinball loss and its gradient equal PyTorch', () => {
  const x = tensor(pinball.input, { ...float64, requiresGrad: true });
  const loss = f.pinballLoss(x, tensor(pinball.target, float64), pinball.quantiles);
  expect(loss.item()).toBeCloseTo(pinball.loss, 12);
  expectSame(grad([loss], [x])[0], pinball.gradient.flat(2));
});

it('the loss of grades, its gradient and the probabilities equal PyTorch', () => {
  const x = tensor(corn.input, { ...float64, requiresGrad: true });
  const loss = f.cornLoss(x, grades(corn.target));
  expect(loss.item()).toBeCloseTo(corn.loss, 12);
  expectSame(grad([loss], [x])[0], corn.gradient.flat());
  expectSame(f.cornProbabilities(x), corn.probabilities.flat());
  const asked = corn.target.reduce((sum, grade) => sum + Math.min(grade + 1, 4), 0);
  const all = f.cornLoss(x, grades(corn.target), { reduction: 'none' });
  expect(all.shape).toEqual([7, 4]);
  expect(all.sum().item() / asked).toBeCloseTo(corn.loss, 12);
  expect(f.cornLoss(x, grades(corn.target), { reduction: 'sum' }).item()).toBeCloseTo(asked * corn.loss, 11);
});

it('the constant with the least pinball loss is the quantile', () => {
  const y = tensor(
    Array.from({ length: 101 }, (_, i) => (i * 37) % 101),
    float64,
  );
  const guesses = Array.from({ length: 101 }, (_, guess) => zeros([101, 1], float64).add(guess));
  for (const q of [0.1, 0.5, 0.9]) {
    const losses = guesses.map((guess) => f.pinballLoss(guess, y, [q]).item());
    expect(losses.indexOf(Math.min(...losses))).toBe(Math.floor(q * 101));
  }
});

const at = (g: { data: readonly number[] } | undefined, i: number) => g?.data[i] as number;
const rows: OpRow[] = [
  {
    name: 'pinballLoss of [5, 2]',
    run: (x, y) => f.pinballLoss(x as Tensor, y as Tensor, [0.25, 0.5], { reduction: 'none' }),
    inputs: [{ shape: [5, 2] }, { shape: [5], values: (i) => 0.4 * i - 0.9 }],
    reference: (x, y) => ({
      shape: [5, 2],
      data: Array.from({ length: 10 }, (_, i) => {
        const [e, q] = [at(y, i >> 1) - at(x, i), i % 2 === 0 ? 0.25 : 0.5];
        return e > 0 ? q * e : (q - 1) * e;
      }),
      magnitude: Array.from({ length: 10 }, (_, i) => Math.abs(at(x, i)) + Math.abs(at(y, i >> 1))),
    }),
  },
];

const shapes = 'got input [2, 3], target [2] and 1 quantiles';
const errors: ErrorRow[] = [
  {
    name: 'a quantile of 1',
    call: () => f.pinballLoss(zeros([2, 1]), zeros([2]), [1]),
    error: ArgumentError,
    message: 'pinballLoss: quantiles must be above 0 and below 1, got 1',
  },
  {
    name: 'a hole among quantiles',
    call: () => f.pinballLoss(zeros([2, 1]), zeros([2]), new Array(1)),
    error: ArgumentError,
    message: 'pinballLoss: quantiles must be above 0 and below 1, got undefined',
  },
  {
    name: 'too few quantiles',
    call: () => f.pinballLoss(zeros([2, 3]), zeros([2]), [0.5]),
    error: ShapeError,
    message: `pinballLoss: input must have target's shape and one element more for each quantile, ${shapes}`,
  },
  {
    name: 'a grade that is too high',
    call: () => f.cornLoss(zeros([2, 3]), grades([1, 4])),
    error: ArgumentError,
    message: 'cornLoss: indices must be at least 0 and below 4, got 4 (element 1)',
  },
  {
    name: 'grades of another length',
    call: () => f.cornLoss(zeros([2, 3]), grades([1])),
    error: ShapeError,
    message: 'cornLoss: target must have one grade for each row of input, got input [2, 3] and target [1]',
  },
  {
    name: 'logits of one sample',
    call: () => f.cornProbabilities(zeros([3])),
    error: ShapeError,
    message: 'cornProbabilities: input must be [n, grades - 1], got [3]',
  },
];

testFamily('ordered losses', { rows, errors });
