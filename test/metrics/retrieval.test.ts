// What is put first, thresholds and quantiles, against scikit-learn and naive references.
import { expect, it } from 'vitest';
import { metrics } from '../../lib/index.js';
import { readGolden } from '../support/golden.js';
import { makeCase } from './cases.js';

const golden = readGolden<{ metrics: number[][] }>('ordered').metrics;

it('200 random cases equal scikit-learn, and recall the chance of each wanted item', () => {
  let farthest = 0;
  golden.forEach((want, number) => {
    const { probabilities: x, predicted, target, a, b, a2, b2, weights: sampleWeight } = makeCase(number);
    const gains = x.map((row, i) => row.map((_, c) => ((target[i] as number) + c * (predicted[i] as number)) % 3));
    const columns = (list: number[], second: number[]) => list.map((v, i) => [v, second[i] as number]);
    const got = [
      metrics.ndcgScore(x, gains, { sampleWeight }),
      metrics.ndcgScore(x, gains, { k: 2, sampleWeight }),
      metrics.recallAtK(x, gains, { k: 1, sampleWeight }),
      metrics.recallAtK(x, gains, { k: 3, sampleWeight }),
      metrics.meanPinballLoss(a, b, { sampleWeight }),
      metrics.meanPinballLoss(a, b, { alpha: 0.9, sampleWeight }),
      metrics.meanPinballLoss(columns(a, a2), columns(b, b2), { alpha: 0.2, sampleWeight }),
    ];
    farthest = got.reduce((most, v, i) => Math.max(most, Math.abs(v - (want[i] as number))), farthest);
  });
  expect(golden.length).toBe(200);
  expect(farthest).toBeLessThan(1e-7); // the golden values have nine digits
});

it('no threshold has a higher F1 than those found', () => {
  for (let number = 0; number < 60; number++) {
    const { probabilities, predicted, target, classes } = makeCase(number);
    const truth = probabilities.map((row, i) =>
      row.map((_, c) => Number(((target[i] as number) + c * (predicted[i] as number)) % 3 === 0)),
    );
    const thresholds = metrics.f1Thresholds(probabilities, truth);
    expect(thresholds.length).toBe(classes);
    thresholds.forEach((threshold, c) => {
      const [scores, has] = [probabilities, truth].map((rows) => rows.map((row) => row[c] as number)) as [
        number[],
        number[],
      ];
      const f1 = (t: number) =>
        metrics.f1Score(
          scores.map((s) => Number(s > t)),
          has,
          { average: 'micro', labels: [1] },
        );
      const best = Math.max(...[-1, ...scores].map(f1));
      expect(f1(threshold)).toBeCloseTo(best, 12);
      if (!has.includes(1)) expect(scores.some((s) => s > threshold)).toBe(false);
    });
  }
});

it('wrong input', () => {
  expect(() => metrics.ndcgScore([[1, 2]], [[1, -1]])).toThrow(
    'ndcgScore: target must hold gains of at least 0, got -1 in sample 0',
  );
  expect(() => metrics.recallAtK([[1, 2]], [1])).toThrow('recallAtK: target must be [1, 2] like input, got [1]');
  expect(() => metrics.recallAtK([[1, 2]], [[1, 0]], { k: 0 })).toThrow(
    'recallAtK: k must be an integer of at least 1',
  );
  expect(() => metrics.f1Thresholds([[1, 2]], [[1, 2]])).toThrow(
    'f1Thresholds: target must be 0 or 1, got 2 in sample 0',
  );
  expect(() => metrics.f1Thresholds([], [])).toThrow('f1Thresholds: input must have at least one sample, got none');
  expect(() => metrics.meanPinballLoss([1], [1], { alpha: 2 })).toThrow('meanPinballLoss: alpha must be');
});
