// The accountant against Opacus', and its divergences against their definition.
import { describe, expect, it } from 'vitest';
import { privacy } from '../../lib/index.js';
import { epsilonOf, lowOrders } from '../../lib/privacy/accountant.js';
import { divergence } from '../../lib/privacy/gaussian.js';
import { readGolden } from '../support/golden.js';

const golden = readGolden<{
  cases: { steps: [noise: number, rate: number, count: number][]; delta: number; epsilon: number }[];
  noises: { targetEpsilon: number; targetDelta: number; sampleRate: number; steps: number; noise: number }[];
}>('privacy');
const exact = readGolden<{
  divergences: [rate: number, noise: number, order: number, divergence: number][];
  high: number[];
  noises: (typeof golden)['noises'];
}>('privacy_divergences');

const close = (got: number, wanted: number, share: number) =>
  expect(Math.abs(got - wanted), `${got} for ${wanted}`).toBeLessThan(share * wanted);

describe('RDPAccountant', () => {
  it.each(golden.cases.map((one, i) => ({ ...one, high: exact.high[i] as number })))(
    'of steps $steps and δ $delta',
    ({ steps, delta, epsilon, high }) => {
      const history = steps.map(([noiseMultiplier, sampleRate, count]) => ({
        noiseMultiplier,
        sampleRate,
        steps: count,
      }));
      close(epsilonOf(history, delta, lowOrders), epsilon, 1e-6);
      const accountant = new privacy.RDPAccountant();
      for (const one of history) accountant.step(one);
      close(accountant.getEpsilon(delta), Math.min(epsilon, high), 1e-6);
    },
  );

  it('adds divergences of each order, also such that are next to nothing', () => {
    for (const [q, sigma, alpha, wanted] of exact.divergences) close(divergence(q, sigma, alpha), wanted, 1e-10);
  });

  it('says no more after more noise, and no less after more steps or with a higher rate, and is never NaN', () => {
    const noises = [0, 1e-200, 1e-9, 0.01, 0.3, 0.9, 1, 1.1, 3, 20, 700, 1e4, 1e8, 1e200];
    const rates = [0, 1e-300, 1e-9, 1e-4, 0.01, 0.4, 0.6, 1 - 1e-12, 1];
    const counts = [0, 1, 2, 1000, Number.MAX_SAFE_INTEGER];
    const spent = (noiseMultiplier: number, sampleRate: number, steps: number, delta: number): number => {
      const accountant = new privacy.RDPAccountant();
      accountant.step({ noiseMultiplier, sampleRate, steps });
      return accountant.getEpsilon(delta);
    };
    for (const delta of [1e-300, 1e-5, 0.5]) {
      const all = noises.map((noise) => rates.map((rate) => counts.map((count) => spent(noise, rate, count, delta))));
      const at = (i: number, j: number, k: number): number => all[i]?.[j]?.[k] ?? Number.NaN;
      for (let i = 0; i < noises.length; i++) {
        for (let j = 0; j < rates.length; j++) {
          for (let k = 0; k < counts.length; k++) {
            const where = `noise ${noises[i]}, rate ${rates[j]}, ${counts[k]} steps`;
            const most = at(i, j, k) * (1 + 1e-9);
            expect(at(i, j, k), where).toBeGreaterThanOrEqual(0);
            if (i + 1 < noises.length) expect(at(i + 1, j, k), where).toBeLessThanOrEqual(most);
            if (j > 0) expect(at(i, j - 1, k), where).toBeLessThanOrEqual(most);
            if (k > 0) expect(at(i, j, k - 1), where).toBeLessThanOrEqual(most);
          }
        }
      }
    }
  });

  it('goes on counting after steps with next to no privacy loss', () => {
    const [accountant, other] = [new privacy.RDPAccountant(), new privacy.RDPAccountant()];
    accountant.step({ noiseMultiplier: 1e8, sampleRate: 0.01 });
    for (const one of [accountant, other]) one.step({ noiseMultiplier: 1, sampleRate: 0.01 });
    close(accountant.getEpsilon(1e-5), other.getEpsilon(1e-5), 1e-9);
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
  it.each([...golden.noises, ...exact.noises])('for ε $targetEpsilon', ({ noise, ...options }) => {
    const got = privacy.getNoiseMultiplier(options);
    close(got, noise, 2e-3);
    const accountant = new privacy.RDPAccountant();
    accountant.step({ noiseMultiplier: got, sampleRate: options.sampleRate, steps: options.steps });
    expect(accountant.getEpsilon(options.targetDelta)).toBeLessThanOrEqual(options.targetEpsilon);
  });

  it('is one that the accountant finds within the budget, however large that is', () => {
    for (const targetEpsilon of [1e3, 1e6, 1e15, 1e100]) {
      const noiseMultiplier = privacy.getNoiseMultiplier({
        targetEpsilon,
        targetDelta: 1e-8,
        sampleRate: 0.01,
        steps: 1,
      });
      const accountant = new privacy.RDPAccountant();
      accountant.step({ noiseMultiplier, sampleRate: 0.01 });
      expect(accountant.getEpsilon(1e-8)).toBeLessThanOrEqual(targetEpsilon);
      expect(accountant.getEpsilon(1e-8)).toBeGreaterThan(0.99 * targetEpsilon);
    }
  });

  it('is refused below what the orders can tell, and as low as the error names it is not', () => {
    const given = { targetEpsilon: 0.001, targetDelta: 1e-5, sampleRate: 0.01, steps: 1 };
    let text = '';
    try {
      privacy.getNoiseMultiplier(given);
    } catch (error) {
      text = (error as Error).message;
    }
    const targetEpsilon = Number(/at least ([\d.]+) at/.exec(text)?.[1]);
    // The highest order's (ln(1 / δ) − ln 1024) / 1023 + ln(1023 / 1024).
    const least = (Math.log(1e5) - Math.log(1024)) / 1023 + Math.log(1023 / 1024);
    expect(targetEpsilon).toBeGreaterThan(least);
    expect(targetEpsilon).toBeLessThan(least * 1.001);
    expect(privacy.getNoiseMultiplier({ ...given, targetEpsilon })).toBeGreaterThan(100);
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
      'getNoiseMultiplier: targetEpsilon must be at least 0.003503 at a targetDelta of 0.00001, got 1e-9; with any noise, the accountant can tell no less of its orders, which end at 1024; take a larger targetEpsilon or targetDelta',
    ],
    [
      () => privacy.getNoiseMultiplier({ ...budget, sampleRate: 1, steps: 1e14 }),
      'getNoiseMultiplier: targetEpsilon 1 is out of reach with noise up to 1000000 times the norm; take a larger targetEpsilon or targetDelta, fewer steps or a lower sampleRate',
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
