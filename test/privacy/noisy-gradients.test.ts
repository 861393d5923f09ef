// Gradients that are cut for each sample and get noise, against a backward pass for each sample.

import { beforeEach, expect, it } from 'vitest';
import { compile, manualSeed, nn, optim, privacy, randint, randn, type Tensor, tensor } from '../../lib/index.js';

beforeEach(() => manualSeed(1));

const f64 = { dtype: 'float64' } as const;
const net = () => nn.sequential(new nn.Linear(6, 8, f64), new nn.Tanh(), new nn.Linear(8, 3, f64));
const lossOf =
  (model: ReturnType<typeof net>) =>
  (x: Tensor, y: Tensor): Tensor =>
    nn.functional.crossEntropy(model.forward(x), y, { reduction: 'none' });

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray() as Float64Array);

/** Each sample's gradient as one list, by a pass of its own. */
function each(model: ReturnType<typeof net>, x: Tensor, y: Tensor): number[][] {
  return Array.from({ length: x.shape[0] as number }, (_, i) => {
    model.zeroGrad();
    lossOf(model)(x.slice({ start: i, end: i + 1 }), y.slice({ start: i, end: i + 1 }))
      .sum()
      .backward();
    const all = model.parameters().flatMap((p) => numbers(p.grad as Tensor));
    model.zeroGrad();
    return all;
  });
}

const gradientOf = (model: ReturnType<typeof net>): number[] =>
  model.parameters().flatMap((p) => numbers(p.grad as Tensor));

it.each([0.05, 0.5, 100])('cut to %f, without noise', (maxGradNorm) => {
  const model = net();
  const [x, y] = [randn([7, 6], f64), randint(0, 3, [7], { dtype: 'int32' })];
  const weights = [1, 1, 0, 1, 0, 1, 1];
  const wanted = new Array(6 * 8 + 8 + 8 * 3 + 3).fill(0);
  for (const [i, gradient] of each(model, x, y).entries()) {
    const factor = (weights[i] as number) * Math.min(1, maxGradNorm / Math.hypot(...gradient));
    for (const [k, value] of gradient.entries()) wanted[k] += (factor * value) / 16;
  }
  const options = { maxGradNorm, noiseMultiplier: 0, batchSize: 16, weights: tensor(weights, f64) };
  const loss = privacy.privateGradients(model, lossOf(model), [x, y], options);
  for (const [k, value] of gradientOf(model).entries()) expect(value).toBeCloseTo(wanted[k], 13);
  const losses = numbers(lossOf(model)(x, y));
  expect(loss.item()).toBeCloseTo(losses.reduce((sum, one, i) => sum + one * (weights[i] as number), 0) / 5, 13);
});

it('gradients whose squares a float32 cannot hold are cut as others are', () => {
  const model = new nn.Linear(3, 1, { bias: false });
  const loss = (x: Tensor) => model.forward(x).flatten(); // whose gradient is x
  for (const size of [1e-35, 1e-20, 1, 1e25, 1e37]) {
    for (const maxGradNorm of [size / 100, 100 * size]) {
      const rows = [
        [3, -4, 0],
        [0.1, 0.2, -0.2],
        [0, 0, 0],
      ].map((row) => row.map((value) => value * size));
      const wanted = [0, 0, 0];
      for (const row of rows) {
        const factor = Math.min(1, maxGradNorm / Math.hypot(...row));
        if (factor > 0) for (const [k, value] of row.entries()) wanted[k] = (wanted[k] as number) + factor * value;
      }
      privacy.privateGradients(model, loss, [tensor(rows)], { maxGradNorm, noiseMultiplier: 0, batchSize: 1 });
      const got = numbers(model.weight.grad as Tensor);
      for (const [k, value] of got.entries())
        expect(Math.abs(value - (wanted[k] as number)), `${size}`).toBeLessThan(1e-5 * Math.hypot(...wanted));
    }
  }
});

it('a sample whose gradient is not finite makes all of them NaN', () => {
  const model = new nn.Linear(2, 1);
  for (const odd of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const x = tensor([[1, 2], [odd, 0]]); // biome-ignore format: a row a sample
    const options = { maxGradNorm: 1, noiseMultiplier: 0, batchSize: 2 };
    privacy.privateGradients(model, (given: Tensor) => model.forward(given).flatten(), [x], options);
    expect(gradientOf(model as never)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  }
});

it('the noise has the standard deviation σ C / batchSize, and is another one in each step, compiled, too', async () => {
  const model = nn.sequential(new nn.Linear(100, 100));
  const options = { maxGradNorm: 0.5, noiseMultiplier: 3, batchSize: 10 };
  const loss = (x: Tensor) => model.forward(x).mul(0).sum(1);
  const step = compile((x: Tensor) => {
    privacy.privateGradients(model, loss, [x], options);
    return model.parameters().map((p) => p.grad as Tensor); // else they would end with the step
  });
  const seen: number[][] = [];
  for (let i = 0; i < 4; i++) {
    if (i < 2) privacy.privateGradients(model, loss, [randn([4, 100])], options);
    else await step(randn([4, 100]));
    const all = gradientOf(model);
    const deviation = Math.sqrt(all.reduce((sum, value) => sum + value * value, 0) / all.length);
    expect(Math.abs(deviation / 0.15 - 1)).toBeLessThan(5 / Math.sqrt(2 * all.length));
    expect(Math.abs(all.reduce((sum, value) => sum + value, 0) / all.length)).toBeLessThan((5 * 0.15) / 100);
    seen.push(all.slice(0, 5));
  }
  expect(new Set(seen.map((some) => some.join())).size).toBe(4);
});

it('an optimizer learns from them, compiled', async () => {
  const model = net();
  const optimizer = new optim.SGD(model.parameters(), { lr: 2 });
  const x = randn([500, 6], f64);
  const y = x.slice({ dim: 1, start: 0, end: 3 }).argmax(1).to('int32');
  const options = { maxGradNorm: 1, noiseMultiplier: 0.5, batchSize: 100 };
  const step = compile((given: Tensor, labels: Tensor, weights: Tensor) => {
    const loss = privacy.privateGradients(model, lossOf(model), [given, labels], { ...options, weights });
    optimizer.step();
    return loss;
  });
  const right = () => model.forward(x).argmax(1).eq(y).to('float32').mean().item();
  const before = right();
  for (let i = 0; i < 60; i++) {
    const { indices, weights } = privacy.poissonSample({ size: 500, sampleRate: 0.2 });
    await step(x.indexSelect(0, indices), y.indexSelect(0, indices), weights.to('float64'));
  }
  expect(before).toBeLessThan(0.6);
  expect(right()).toBeGreaterThan(0.85);
});

it('a batch by Poisson sampling has each record with the same probability, and once', () => {
  const counts = new Array(400).fill(0);
  const sizes: number[] = [];
  for (let i = 0; i < 2000; i++) {
    const { indices, weights } = privacy.poissonSample({ size: 400, sampleRate: 0.05 });
    expect(weights.shape).toEqual(indices.shape);
    const kept = numbers(weights);
    const drawn = numbers(indices).filter((_, k) => kept[k] === 1);
    expect(new Set(drawn).size).toBe(drawn.length);
    for (const record of drawn) counts[record]++;
    sizes.push(drawn.length);
  }
  // Binomial: 2000 draws of 0.05 are 100 ± 9.7, 400 are 20 ± 4.36.
  expect(Math.max(...counts.map((count) => Math.abs(count - 100)))).toBeLessThan(5 * 9.75);
  const mean = sizes.reduce((a, b) => a + b, 0) / 2000;
  const variance = sizes.reduce((sum, one) => sum + (one - mean) ** 2, 0) / 2000;
  expect(Math.abs(mean - 20)).toBeLessThan((5 * 4.36) / Math.sqrt(2000));
  expect(Math.abs(variance / 19 - 1)).toBeLessThan(5 * Math.sqrt(2 / 2000));
  const all = privacy.poissonSample({ size: 3, sampleRate: 1 });
  expect([numbers(all.indices), numbers(all.weights)]).toEqual([
    [0, 1, 2],
    [1, 1, 1],
  ]);
});

/** The probability that a binomial variable is above a count, by its recurrence. */
function above(count: number, size: number, rate: number): number {
  let one = (1 - rate) ** size;
  let all = 0;
  for (let k = 0; k < size && (k <= count || one > 0); k++) {
    one *= ((size - k) / (k + 1)) * (rate / (1 - rate));
    if (k + 1 > count) all += one;
  }
  return all;
}

it.each([
  [100_000, 1e-5],
  [1000, 0.005],
  [1000, 0.016],
  [5000, 0.02],
  [60_000, 1 / 120],
  [40, 0.3],
])('of %i records at a rate of %f, more than there are places for are drawn as good as never', (size, sampleRate) => {
  const places = privacy.poissonSample({ size, sampleRate }).indices.size;
  expect(above(places, size, sampleRate)).toBeLessThan(1e-14);
  // Places for no reason would be work for no reason.
  const least = Array.from({ length: places }, (_, i) => i).find((i) => above(i, size, sampleRate) < 1e-14) ?? size;
  expect(places).toBeLessThanOrEqual(Math.min(size, 1.1 * least + 3));
});

it('a rate of 0 draws nothing', () => {
  const { indices, weights } = privacy.poissonSample({ size: 5, sampleRate: 0 });
  expect([numbers(indices), numbers(weights)]).toEqual([[0], [0]]);
});

it('what is wrong with the model is told under its own name', () => {
  const options = { maxGradNorm: 1, noiseMultiplier: 1, batchSize: 4 };
  const told = (model: nn.Linear | nn.Sequential) => () =>
    privacy.privateGradients(model, (x: Tensor) => model.forward(x).sum(1), [randn([4, 3])], options);
  const frozen = new nn.Linear(3, 2);
  for (const p of frozen.parameters()) p.requiresGrad = false;
  expect(told(frozen)).toThrow('privateGradients: model must have a parameter that needs a gradient, got none');
  const mixing = nn.sequential(new nn.Linear(3, 2), new nn.BatchNorm1d(2));
  expect(told(mixing)).toThrow(/^privateGradients: samples must not change each other, but they do in BatchNorm1d/);
});

it('wrong weights leave the gradients as they were', () => {
  const model = net();
  const [x, y] = [randn([4, 6], f64), randint(0, 3, [4], { dtype: 'int32' })];
  const options = { maxGradNorm: 1, noiseMultiplier: 1, batchSize: 4 };
  expect(() =>
    privacy.privateGradients(model, lossOf(model), [x, y], { ...options, weights: randn([3], f64) }),
  ).toThrow('privateGradients: weights must be float64 [4], got float64 [3]');
  for (const [weight, shown] of [
    [5, '5'],
    [-0.1, '-0.1'],
    [Number.NaN, 'NaN'],
  ] as const) {
    const weights = tensor([1, weight, 0, 1], f64);
    expect(() => privacy.privateGradients(model, lossOf(model), [x, y], { ...options, weights })).toThrow(
      `privateGradients: weights must be between 0 and 1, got ${shown}`,
    );
  }
  expect(model.parameters().every((p) => p.grad === null)).toBe(true);
});
