import { expect, it } from 'vitest';
import { manualSeed, nn, randint, randn, robust, tensor } from '../../lib/index.js';

it('finds the temperature by which scores were multiplied', () => {
  manualSeed(1);
  // Labels drawn from softmax(z) by Gumbel noise: z has temperature 1, and 3 z one of 3.
  const z = randn([20_000, 5]).mul(2);
  const labels = nn.functional.gumbelSoftmax(z, { hard: true }).argmax(1).to('int32');
  const own = robust.fitTemperature(z, labels);
  expect(Math.abs(own - 1)).toBeLessThan(0.03);
  expect(robust.fitTemperature(z.mul(3), labels)).toBeCloseTo(3 * own, 4);
});

it('has the least loss, against a search over many', () => {
  manualSeed(2);
  const [scores, labels] = [randn([50, 4], { dtype: 'float64' }).mul(4), randint(0, 4, [50], { dtype: 'int32' })];
  const loss = (t: number) => nn.functional.crossEntropy(scores.div(t), labels).item();
  const found = robust.fitTemperature(scores, labels);
  for (let t = 0.01; t < 900; t *= 1.01) expect(loss(t)).toBeGreaterThanOrEqual(loss(found) - 1e-12);
  // All right, and none: at the ends.
  const right = scores.argmax(1).to('int32');
  expect(robust.fitTemperature(scores, right)).toBeLessThan(0.002);
  expect(robust.fitTemperature(scores, scores.argmin(1).to('int32'))).toBeGreaterThan(500);
});

it('is 1 where all scores of a sample are the same, which no temperature changes', () => {
  expect(robust.fitTemperature(tensor([[2, 2, 2], [-1, -1, -1]]), tensor(Int32Array.of(0, 2)))).toBe(1); // biome-ignore format: a row a sample
  expect(robust.fitTemperature(tensor([[3], [4]]), tensor(Int32Array.of(0, 0)))).toBe(1);
});

it('says what is wrong', () => {
  const scores = randn([3, 2]);
  expect(() => robust.fitTemperature(scores, tensor(Int32Array.of(0, 1, 2)))).toThrow(
    'fitTemperature: labels must be from 0 to 1, got 2 at 2',
  );
  expect(() => robust.fitTemperature(scores, tensor(Int32Array.of(0, 1)))).toThrow(
    'labels must be int32 [3], got int32 [2]',
  );
  const infinite = tensor([[0, Number.POSITIVE_INFINITY]]);
  expect(() => robust.fitTemperature(infinite, tensor(Int32Array.of(0)))).toThrow('scores must be finite');
});
