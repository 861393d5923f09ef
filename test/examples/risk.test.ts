import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { isotonic, scaled } from '../../examples/risk/calibrate.js';
import { run, small } from '../../examples/risk/train.js';
import { parted } from '../../examples/shared/vega.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-risk-'));
afterAll(() => rmSync(output, { recursive: true }));

test('the risk is learned as well as by logistic regression, and calibration makes it honest', {
  timeout: 240_000,
}, async () => {
  const reached = await run({ ...small, output, stream: { write: () => true } });
  const of = (name: string) =>
    (reached as Record<string, unknown>)[name] as { auc: number; logLoss: number; ece: number };
  // No network finds more than the line does, at full size either: what it must beat is the same probability for all.
  const constant = of('constant');
  for (const name of ['network', 'weighted', 'focal']) {
    expect(of(name).auc, name).toBeGreaterThan(of('logistic').auc - 2);
    expect(of(name).auc, name).toBeGreaterThan(constant.auc + 25);
  }
  expect(of('network').logLoss).toBeLessThan(0.9 * constant.logLoss);
  // Class weights and focal loss exaggerate; a line through the logits mends it, a temperature cannot shift them.
  for (const name of ['weighted', 'focal']) {
    expect(of(name).ece).toBeGreaterThan(10);
    expect(of(name).logLoss).toBeGreaterThan(constant.logLoss);
    for (const way of ['platt', 'isotonic']) {
      expect(of(`${name}-${way}`).ece).toBeLessThan(3);
      expect(of(`${name}-${way}`).ece).toBeLessThan(of(name).ece / 5);
    }
    expect(of(`${name}-platt`).logLoss).toBeLessThan(0.9 * constant.logLoss);
    expect(of(`${name}-platt`).auc).toBeCloseTo(of(name).auc, 8);
    expect(of(`${name}-platt`).logLoss).toBeLessThan(of(name).logLoss);
  }
  // The columns with the largest Shapley values are those that count.
  const { first, last } = reached.without;
  expect(first).toBeLessThan(of('focal').auc - 5);
  expect(last).toBeGreaterThan(of('focal').auc - 1);
  for (const name of ['risk.svg', 'risk-columns.svg'])
    expect(readFileSync(join(output, name), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
});

test('rows are parted as in the script that trains the rival', () => {
  const { train, development, test: tests } = parted(9985, 1);
  expect([train.length, development.length, tests.length]).toEqual([5955, 2045, 1985]);
  expect([train.slice(0, 5), tests.slice(0, 5)]).toEqual([
    [0, 1, 2, 3, 5],
    [12, 13, 17, 20, 21],
  ]);
  expect([...train, ...development, ...tests].sort((a, b) => a - b)).toEqual([...Array(9985).keys()]);
});

test('calibrations find what made the scores', () => {
  // 4,000 logits z, where the truth has the logit 0.5 z - 1: shares in groups of 100 are exact.
  const [z, y] = [new Float64Array(4000), new Float64Array(4000)];
  for (let i = 0; i < 4000; i++) {
    z[i] = Math.floor(i / 100) / 5 - 4;
    y[i] = Number(((i % 100) + 0.5) / 100 < 1 / (1 + Math.exp(1 - 0.5 * (z[i] as number))));
  }
  const asked = Float64Array.of(-4, 0, 2.2);
  const truth = [...asked].map((z) => 1 / (1 + Math.exp(1 - 0.5 * z)));
  const close = (digits: number) => truth.map((p) => expect.closeTo(p, digits));
  expect([...scaled(z, y, { shift: true })(asked)]).toEqual(close(2));
  expect([...isotonic(z, y)(asked)]).toEqual(close(1));
  expect([...scaled(z, y, { shift: false })(Float64Array.of(0))]).toEqual([0.5]);
  // Pooled neighbours: 0, 1, 0, 1 rise by 0, 1/2, 1/2, 1.
  const steps = isotonic(Float64Array.of(0, 1, 2, 3), Float64Array.of(0, 1, 0, 1));
  expect([...steps(Float64Array.of(-1, 0, 1, 1.5, 2, 2.5, 3, 9))]).toEqual([0, 0, 0.5, 0.5, 0.5, 0.75, 1, 1]);
});
