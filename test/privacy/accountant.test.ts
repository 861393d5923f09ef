// The accountant against Opacus'.
import { describe, expect, it } from 'vitest';
import { privacy } from '../../lib/index.js';
import { divergence } from '../../lib/privacy/gaussian.js';
import { readGolden } from '../support/golden.js';

const golden = readGolden<{
  cases: { steps: [noise: number, rate: number, count: number][]; delta: number; epsilon: number }[];
  noises: { targetEpsilon: number; targetDelta: number; sampleRate: number; steps: number; noise: number }[];
}>('privacy');

const close = (got: number, wanted: number, share: number) =>
  expect(Math.abs(got - wanted), `${got} for ${wanted}`).toBeLessThan(share * wanted);

describe('RDPAccountant', () => {
  it.each(golden.cases)('of steps $steps and δ $delta', ({ steps, delta, epsilon }) => {
    const accountant = new privacy.RDPAccountant();
    for (const [noiseMultiplier, sampleRate, count] of steps)
      accountant.step({ noiseMultiplier, sampleRate, steps: count });
    close(accountant.getEpsilon(delta), epsilon, 1e-6);
  });

  // log ∫ N(0, σ²)(x) · (1 − q + q exp((2x − 1) / 2σ²))^α dx, the definition, by Simpson's rule.
  const integrated = (q: number, sigma: number, alpha: number): number => {
    const [from, to, pieces] = [-12 * sigma, 12 * sigma + alpha, 20_000];
    const height = (to - from) / pieces;
    // What is above 1, so that small divergences keep their digits.
    const above = (x: number): number => {
      const ratio = q * Math.expm1((2 * x - 1) / (2 * sigma * sigma));
      return Math.exp(-(x * x) / (2 * sigma * sigma)) * Math.expm1(alpha * Math.log1p(ratio));
    };
    let sum = 0;
    for (let i = 0; i <= pieces; i++) sum += above(from + i * height) * (i === 0 || i === pieces ? 1 : 2 + 2 * (i % 2));
    return Math.log1p((sum * height) / 3 / (sigma * Math.sqrt(2 * Math.PI))) / (alpha - 1);
  };

  it.each([0.001, 0.1, 0.5, 0.7, 0.99])('adds divergences of each order, for a rate of %d', (q) => {
    for (const sigma of [0.6, 1, 4]) {
      for (const alpha of [1.1, 1.9, 2, 4.7, 10.9])
        close(divergence(q, sigma, alpha), integrated(q, sigma, alpha), q < 0.01 ? 1e-6 : 1e-9);
    }
  });

  it('counts steps one by one or together, and goes on from its state', () => {
    const [all, each] = [new privacy.RDPAccountant(), new privacy.RDPAccountant()];
    all.step({ noiseMultiplier: 1, sampleRate: 0.01, steps: 30 });
    for (let i = 0; i < 20; i++) each.step({ noiseMultiplier: 1, sampleRate: 0.01 });
    const other = new privacy.RDPAccountant();
    other.loadStateDict(JSON.parse(JSON.stringify(each.stateDict())));
    other.step({ noiseMultiplier: 1, sampleRate: 0.01, steps: 10 });
    expect(other.getEpsilon(1e-5)).toBe(all.getEpsilon(1e-5));
    expect(each.getEpsilon(1e-5)).toBeLessThan(all.getEpsilon(1e-5));
  });

  it('has spent nothing before the first step, and everything without noise', () => {
    const accountant = new privacy.RDPAccountant();
    expect(accountant.getEpsilon(1e-5)).toBe(0);
    accountant.step({ noiseMultiplier: 1, sampleRate: 0 });
    expect(accountant.getEpsilon(1e-5)).toBe(0);
    accountant.step({ noiseMultiplier: 0, sampleRate: 0.01 });
    expect(accountant.getEpsilon(1e-5)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('getNoiseMultiplier', () => {
  it.each(golden.noises)('for ε $targetEpsilon', ({ noise, ...options }) => {
    const got = privacy.getNoiseMultiplier(options);
    close(got, noise, 2e-3);
    const accountant = new privacy.RDPAccountant();
    accountant.step({ noiseMultiplier: got, sampleRate: options.sampleRate, steps: options.steps });
    expect(accountant.getEpsilon(options.targetDelta)).toBeLessThanOrEqual(options.targetEpsilon);
  });

  it('is 0 where nothing is learned', () => {
    expect(privacy.getNoiseMultiplier({ targetEpsilon: 1, targetDelta: 1e-5, sampleRate: 0.1, steps: 0 })).toBe(0);
  });
});

describe('wrong input to the accountant', () => {
  const budget = { targetEpsilon: 1, targetDelta: 1e-5, sampleRate: 0.01, steps: 1000 };
  const step = (given: object) => new privacy.RDPAccountant().step({ noiseMultiplier: 1, sampleRate: 0.1, ...given });
  it.each([
    [
      () => privacy.getNoiseMultiplier({ ...budget, targetEpsilon: 1e-9, sampleRate: 1 }),
      'getNoiseMultiplier: targetEpsilon 1e-9 is out of reach with noise up to 1000000 times the norm; take a larger targetEpsilon or targetDelta, or fewer steps',
    ],
    [
      () => privacy.getNoiseMultiplier({ ...budget, targetEpsilon: 0 }),
      'getNoiseMultiplier: targetEpsilon must be a finite number above 0, got 0',
    ],
    [
      () => privacy.getNoiseMultiplier({ ...budget, targetDelta: 1 }),
      'getNoiseMultiplier: targetDelta must be below 1, got 1; take less than one over the number of records',
    ],
    [
      () => step({ sampleRate: 256 }),
      'RDPAccountant.step: sampleRate must be a finite number of at least 0 and at most 1, got 256',
    ],
    [
      () => step({ noiseMultiplier: -1 }),
      'RDPAccountant.step: noiseMultiplier must be a finite number of at least 0, got -1',
    ],
    [
      () => new privacy.RDPAccountant().getEpsilon(0),
      'RDPAccountant.getEpsilon: delta must be a finite number above 0 and at most 1, got 0',
    ],
    [
      () => new privacy.RDPAccountant().loadStateDict({} as never),
      'RDPAccountant.loadStateDict: history must be a list of steps, got undefined',
    ],
  ])('%#', (call, message) => {
    expect(call).toThrow(message);
  });
});
