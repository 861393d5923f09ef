import { expect, it } from 'vitest';
import { describeRuns, resultsOf } from '../support/ranks.js';

interface Result {
  steps: [averaged: boolean, a: number[], b: number[], c: number[][]][];
  refused: string[];
  step: number;
}

/** Each goes a quarter of the way to its own goal; means when it is time. */
function expected(
  size: number,
  period: number,
  warmup: number,
  begin: number,
): { averaged: boolean; values: number[] }[] {
  let values: number[] = new Array(size).fill(begin);
  return Array.from({ length: 8 }, (_, i) => {
    values = values.map((w, r) => w - 0.25 * (w - 10 * (r + 1)));
    const averaged = i >= warmup && (i - warmup) % period === 0;
    if (averaged) values = values.map(() => values.reduce((a, b) => a + b) / size);
    return { averaged, values };
  });
}

describeRuns('local SGD', () => {
  it.each([
    [2, 3, 0],
    [3, 2, 3],
  ])('%i processes, period %i, %i steps of warm-up', { timeout: 60_000 }, async (size, period, warmup) => {
    const args = [String(period), String(warmup)];
    const results = (await resultsOf('averager', size, { args, timeout: 25_000 })) as Result[];
    for (const [rank, { steps, refused, step }] of results.entries()) {
      expect(step).toBe(8);
      for (const [i, [averaged, a, b, c]] of steps.entries()) {
        [a, b, c[0] as number[]].forEach((values, place) => {
          const wanted = expected(size, period, warmup, place + 1)[i];
          expect(averaged).toBe(wanted?.averaged);
          for (const value of values) expect(value).toBeCloseTo(wanted?.values[rank] as number, 4);
        });
      }
      expect(refused).toEqual([
        expect.stringMatching(/^averageParameters: a parameter must be a tensor, got 1/),
        expect.stringMatching(/^averageParameters: parameter must be float32 or float64, got int32/),
        expect.stringMatching(/^PeriodicModelAverager: period must be an integer of at least 1, got 0/),
      ]);
    }
  });
});
